//! The descriptor: a request as the host hands it in.
//!
//! Every field is optional and borrowed. Text fields are bytes, because most of
//! them are compared and never displayed; what has to be text is checked where
//! it is used.

use core::net::IpAddr;

/// The value of an attribute.
///
/// What the policy declares decides how a value is read: a [`Value::String`] is
/// parsed where an `ip`, a `timestamp` (RFC 3339) or a `duration` is declared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// Text; bytes that are not UTF-8 are refused where text is declared.
    String(&'a [u8]),
    /// An address; an IPv4-mapped IPv6 address counts as the IPv4 address.
    Ip(IpAddr),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
    /// Milliseconds.
    Duration(i64),
    /// A list, most often of strings.
    List(&'a [Value<'a>]),
}

/// A named value.
pub type Attribute<'a> = (&'a [u8], Value<'a>);

/// A header field: name (matched without regard to case) and value.
pub type Header<'a> = (&'a [u8], &'a [u8]);

/// The caller, as a host vouches for it.
///
/// It counts only where the policy says `trust_host: [principal]`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Principal<'a> {
    /// Who vouches for the id: an issuer's name, `api_keys`, `workloads` or `host` (when absent).
    pub provider: Option<&'a [u8]>,
    /// The id, unique within its provider.
    pub id: &'a [u8],
    /// Names of roles; those that the policy does not declare are ignored.
    pub roles: &'a [&'a [u8]],
    /// Names of groups.
    pub groups: &'a [&'a [u8]],
    /// What else is known; only what the policy declares is read.
    pub attributes: &'a [Attribute<'a>],
}

/// What is asked for, when it is more than a path.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Resource<'a> {
    /// Its type, such as `order`.
    pub kind: Option<&'a [u8]>,
    /// Its id within the type.
    pub id: Option<&'a [u8]>,
    /// What else is known; only what the policy declares is read.
    pub attributes: &'a [Attribute<'a>],
}

/// What a decision does to the limits that it meets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charge {
    /// Take the cost.
    #[default]
    Take,
    /// Take an estimate, settled later.
    Reserve,
    /// Evaluate and take nothing.
    Peek,
    /// Do not look at limits.
    None,
}

/// One request to decide: HTTP-shaped (`method` and `path`) or plain (`action` and `resource`).
///
/// ```
/// use gatelet::Request;
/// let request = Request {
///     method: Some(b"GET"),
///     path: Some(b"/t/acme/orders?page=2"),
///     ..Request::default()
/// };
/// assert!(request.principal.is_none());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// The method, case-sensitive (RFC 9110 §9.1).
    pub method: Option<&'a [u8]>,
    /// The authority asked for, with or without a port.
    pub host: Option<&'a [u8]>,
    /// The request target as received: raw path and query.
    pub path: Option<&'a [u8]>,
    /// A path that a framework has decoded already, without its query.
    pub path_decoded: Option<&'a [u8]>,
    /// Header fields, in the order received.
    pub headers: &'a [Header<'a>],
    /// Address of the connection's peer.
    pub source_ip: Option<&'a [u8]>,
    /// A bearer token, without its scheme.
    pub bearer: Option<&'a [u8]>,
    /// An API key.
    pub api_key: Option<&'a [u8]>,
    /// The peer's SPIFFE ID; counts only with `trust_host: [peer]`.
    pub peer: Option<&'a [u8]>,
    /// SHA-256 of the peer's certificate, base64url without padding (RFC 8705 §3.1).
    pub peer_cert_sha256: Option<&'a [u8]>,
    /// The value of X-Forwarded-Client-Cert.
    pub xfcc: Option<&'a [u8]>,
    /// The caller as the host vouches for it.
    pub principal: Option<Principal<'a>>,
    /// The roles to act in; `None` means all that the principal holds.
    pub active_roles: Option<&'a [&'a [u8]]>,
    /// The action, where the host names it itself.
    pub action: Option<&'a [u8]>,
    /// The resource asked for.
    pub resource: Option<Resource<'a>>,
    /// What else is known of the request.
    pub attributes: &'a [Attribute<'a>],
    /// Approvals: signed tokens.
    pub approvals: &'a [&'a [u8]],
    /// What the request costs; `None` means 1.
    pub cost: Option<u64>,
    /// What the decision does to limits.
    pub charge: Charge,
    /// The request's time in milliseconds since 1970-01-01T00:00:00Z; refused unless the engine is in replay.
    pub at: Option<i64>,
    /// An id of the host's, for its log.
    pub id: Option<&'a [u8]>,
}
