//! A request read from JSON: the owned form of [`Request`](crate::Request).
//!
//! - [`tree`] JSON text to a tree that keeps every member as written
//! - [`read`] the tree to a [`RequestBuf`], naming the field that is wrong
//! - [`view`] the borrowed slices that a [`Request`](crate::Request) is made of

mod read;
mod tree;
mod view;

#[cfg(test)]
mod tests;

use core::fmt;

use crate::limits::MAX_REQUEST_BYTES;
use crate::request::Charge;

pub use view::RequestView;

type Bytes = Box<[u8]>;

/// A request that owns its text.
///
/// Reading copies every string once. [`view`](Self::view) then makes the lists of slices
/// that a [`Request`](crate::Request) borrows (a few allocations), so that
/// [`RequestView::request`] is free and may be called for every decision.
///
/// ```
/// use gatelet::RequestBuf;
/// let owned = RequestBuf::from_json(br#"{"method": "GET", "headers": {"accept": "*/*"}}"#)?;
/// let view = owned.view();
/// let request = view.request();
/// assert_eq!(request.method, Some(&b"GET"[..]));
/// assert_eq!(request.headers, [(&b"accept"[..], &b"*/*"[..])]);
/// # Ok::<(), gatelet::RequestError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestBuf {
    method: Option<Bytes>,
    host: Option<Bytes>,
    path: Option<Bytes>,
    path_decoded: Option<Bytes>,
    headers: Vec<(Bytes, Bytes)>,
    source_ip: Option<Bytes>,
    bearer: Option<Bytes>,
    api_key: Option<Bytes>,
    peer: Option<Bytes>,
    peer_cert_sha256: Option<Bytes>,
    xfcc: Option<Bytes>,
    principal: Option<PrincipalBuf>,
    active_roles: Option<Vec<Bytes>>,
    action: Option<Bytes>,
    resource: Option<ResourceBuf>,
    attributes: Vec<(Bytes, ValueBuf)>,
    approvals: Vec<Bytes>,
    cost: Option<u64>,
    charge: Charge,
    at: Option<i64>,
    id: Option<Bytes>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct PrincipalBuf {
    provider: Option<Bytes>,
    id: Bytes,
    roles: Vec<Bytes>,
    groups: Vec<Bytes>,
    attributes: Vec<(Bytes, ValueBuf)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct ResourceBuf {
    kind: Option<Bytes>,
    id: Option<Bytes>,
    attributes: Vec<(Bytes, ValueBuf)>,
}

/// A list holds no further list: JSON attributes are flat.
#[derive(Clone, Debug, PartialEq)]
enum ValueBuf {
    Bool(bool),
    Int(i64),
    Double(f64),
    String(Bytes),
    List(Vec<ValueBuf>),
}

impl RequestBuf {
    /// Reads one request from one JSON object (RFC 8259).
    ///
    /// - `headers` are `[[name, value], …]` or `{name: value}`, where a value may be a list of values.
    /// - Wherever text stands, `{"b64": …}` gives bytes that are no text (RFC 4648 §4, padded).
    /// - `at` is RFC 3339 or whole milliseconds since 1970-01-01T00:00:00Z.
    /// - `null` means absent.
    /// - An attribute is a boolean, a number, a string or a list of these. A number written
    ///   without fraction and exponent is whole. What a signed 64-bit integer cannot hold
    ///   is refused, not rounded: two different ids must not become the same number.
    ///
    /// # Errors
    ///
    /// The text is no JSON object, is longer than [`MAX_REQUEST_BYTES`] or nests deeper than
    /// [`MAX_REQUEST_DEPTH`](crate::limits::MAX_REQUEST_DEPTH), a field is unknown, comes
    /// twice or is of the wrong type. The message names the field and never quotes a value.
    pub fn from_json(json: &[u8]) -> Result<Self, RequestError> {
        if json.len() > MAX_REQUEST_BYTES {
            return Err(RequestError::of_request(format!(
                "longer than {MAX_REQUEST_BYTES} bytes"
            )));
        }
        read::request(&tree::parse(json)?)
    }

    /// The lists of slices that a [`Request`](crate::Request) borrows, made once.
    #[must_use]
    pub fn view(&self) -> RequestView<'_> {
        RequestView::new(self)
    }
}

/// Why a request could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestError {
    field: Option<Box<str>>,
    message: Box<str>,
}

impl RequestError {
    fn of_request(message: impl Into<Box<str>>) -> Self {
        Self {
            field: None,
            message: message.into(),
        }
    }

    fn of_field(field: &read::Path<'_>, message: impl Into<Box<str>>) -> Self {
        let field = field.to_string();
        Self {
            field: (!field.is_empty()).then(|| field.into()),
            message: message.into(),
        }
    }

    /// The field that is wrong, such as `headers[3][1]`; `None` where it is the request as a whole.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// What is wrong with it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl core::error::Error for RequestError {}
