//! The claims of a token: reading them by path, in the shapes that issuers give them.

use crate::json::{self, Json, JsonError, Node, Value};

/// The claims of a token that verified.
pub(crate) struct Claims {
    bytes: Vec<u8>,
    nodes: Vec<Node>,
    key: [u8; 32],
    times: Times,
}

/// When a token is valid, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) exp_ms: Option<i64>,
    pub(crate) nbf_ms: Option<i64>,
    pub(crate) iat_ms: Option<i64>,
}

/// Whether a claim is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Absent,
    /// The token says that there is more than it could carry: nobody knows what is in the claim.
    Overage,
    /// So many of its values are no texts, and count for nothing.
    Present {
        dropped: u32,
    },
}

impl Claims {
    pub(super) const fn new(bytes: Vec<u8>, nodes: Vec<Node>, key: [u8; 32], times: Times) -> Self {
        Self {
            bytes,
            nodes,
            key,
            times,
        }
    }

    /// Thumbprint of the key that verified the token.
    pub(crate) const fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// All claims; none is an object without members.
    pub(crate) fn root(&self) -> Option<Json<'_>> {
        Json::document(&self.bytes, &self.nodes)
    }

    /// The claim at a path of literal names.
    pub(crate) fn at(&self, path: &[Box<str>]) -> Option<Json<'_>> {
        self.root()?.at(path)
    }

    /// The times that it states.
    pub(crate) const fn times(&self) -> Times {
        self.times
    }

    /// The SHA-256 of the certificate that the token is bound to (RFC 8705 §3.1).
    pub(crate) fn certificate(&self) -> Option<[u8; 32]> {
        let bound = self.root()?.get(b"cnf")?.get(b"x5t#S256")?;
        crate::base64url::decode(bound.text()?)?.try_into().ok()
    }

    /// Hands over every text of a claim, in whichever shape it comes: an array, one text, several
    /// with spaces between them, or the JSON text of an array.
    pub(crate) fn texts(&self, path: &[Box<str>], visit: &mut dyn FnMut(&[u8])) -> Presence {
        match self.at(path).map(Json::value) {
            None | Some(Value::Null) if self.is_overage(path) => Presence::Overage,
            None | Some(Value::Null) => Presence::Absent,
            Some(value) => Presence::Present {
                dropped: texts_of(value, visit),
            },
        }
    }

    /// Whether the claim was left out because there is too much of it: the token names where to ask
    /// instead (OpenID Connect Core §5.6.2), or says `hasgroups`.
    pub(crate) fn is_overage(&self, path: &[Box<str>]) -> bool {
        let (Some(root), Some(first)) = (self.root(), path.first()) else {
            return false;
        };
        let claim = root.get(first.as_bytes()).map(Json::value);
        if !matches!(claim, None | Some(Value::Null)) {
            return false;
        }
        let elsewhere = root.get(b"_claim_names");
        let has_groups = || {
            let flag = root.get(b"hasgroups").map(Json::value);
            **first == *"groups" && matches!(flag, Some(Value::Bool(true)))
        };
        elsewhere.is_some_and(|names| names.get(first.as_bytes()).is_some()) || has_groups()
    }
}

impl std::fmt::Debug for Claims {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Claims({:?})", self.root())
    }
}

impl Times {
    /// Whether the token is not accepted any more: at `exp` it is not (RFC 7519 §4.1.4).
    #[inline]
    pub(crate) fn is_expired(self, leeway_ms: i64, now_ms: i64) -> bool {
        self.exp_ms
            .is_some_and(|exp| now_ms >= exp.saturating_add(leeway_ms))
    }

    /// Whether the token is not accepted yet.
    #[inline]
    pub(crate) fn is_early(self, leeway_ms: i64, now_ms: i64) -> bool {
        self.nbf_ms
            .is_some_and(|nbf| now_ms.saturating_add(leeway_ms) < nbf)
    }
}

/// A number of seconds (RFC 7519 §2, NumericDate) in milliseconds; none if it is no such number.
pub(crate) fn date_ms(value: Json<'_>) -> Option<i64> {
    let Value::Number(text) = value.value() else {
        return None;
    };
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(seconds) = text.parse::<u64>() {
        // What is beyond all calendars becomes the last moment that there is.
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        return Some(seconds.saturating_mul(1_000));
    }
    let seconds: f64 = text.parse().ok()?;
    if !(0.0..u64::MAX as f64).contains(&seconds) {
        return None;
    }
    // It saturates too.
    #[allow(clippy::cast_possible_truncation)]
    let milliseconds = (seconds * 1_000.0).floor() as i64;
    Some(milliseconds)
}

/// Hands over the texts of a value; returns how many values are none.
fn texts_of(value: Value<'_>, visit: &mut dyn FnMut(&[u8])) -> u32 {
    match value {
        Value::Array(items) => {
            let mut dropped = 0;
            for item in items {
                match item.text() {
                    Some(text) => visit(text),
                    None => dropped += 1,
                }
            }
            dropped
        }
        Value::Text(text) if text.trim_ascii_start().starts_with(b"[") => {
            array_in_text(text, visit).unwrap_or_else(|_| words(text, visit))
        }
        Value::Text(text) => words(text, visit),
        _ => 1,
    }
}

fn words(text: &[u8], visit: &mut dyn FnMut(&[u8])) -> u32 {
    text.split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty())
        .for_each(visit);
    0
}

/// The texts of an array that is written as a text.
fn array_in_text(text: &[u8], visit: &mut dyn FnMut(&[u8])) -> Result<u32, JsonError> {
    let (mut bytes, mut nodes) = (text.to_vec(), Vec::new());
    json::read(&mut bytes, &mut nodes)?;
    match Json::document(&bytes, &nodes).map(Json::value) {
        Some(value @ Value::Array(_)) => Ok(texts_of(value, visit)),
        _ => Ok(1),
    }
}
