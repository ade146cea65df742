//! Methods as bits.

use super::names::{Names, number};
use crate::limits::MAX_NAME_BYTES;

/// Methods of RFC 9110 §9 and RFC 5789, in the order of their bits.
const STANDARD: [&[u8]; 9] = [
    b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH",
];
const GET: u32 = 1;
const HEAD: u32 = 2;

/// The bit of a request without a method; no rule that asks for a method has it.
pub(crate) const NO_METHOD: u32 = 1 << 30;
/// The bit of methods that the policy does not name.
const OTHER: u32 = 1 << 31;
/// The most methods beyond the standard ones that a policy can name.
pub(crate) const MAX_CUSTOM: usize = 21;

/// A rule that does not ask for a method.
pub(crate) const ANY_OR_NONE: u32 = u32::MAX;
/// A rule that asks for any method.
pub(crate) const ANY: u32 = !NO_METHOD;

/// Which method has which bit.
#[derive(Debug, Default)]
pub(crate) struct Methods {
    custom: Names,
    head_as_get: bool,
}

impl Methods {
    /// `custom` holds at most [`MAX_CUSTOM`] names, none of them standard.
    pub(crate) fn new(custom: Names, head_as_get: bool) -> Self {
        Self {
            custom,
            head_as_get,
        }
    }

    pub(crate) fn is_standard(method: &[u8]) -> bool {
        STANDARD.contains(&method)
    }

    /// The requests' bits that a method of the policy stands for: GET takes in HEAD where the policy says so.
    ///
    /// A request has one bit, so that what two conditions ask for can be intersected.
    pub(crate) fn bits(&self, method: &[u8]) -> u32 {
        match method {
            b"GET" if self.head_as_get => GET | HEAD,
            method => self.bit(method),
        }
    }

    /// The bit of a method itself.
    pub(crate) fn bit(&self, method: &[u8]) -> u32 {
        match STANDARD.iter().position(|standard| *standard == method) {
            Some(at) => 1 << at,
            None => self
                .custom
                .get(0, method)
                .map_or(OTHER, |at| 1 << (number(STANDARD.len()) + at)),
        }
    }

    /// The bit of a request; `None` if its method is none.
    #[inline]
    pub(crate) fn of_request(&self, method: Option<&[u8]>) -> Option<u32> {
        Some(match method {
            Some(b"GET") => GET,
            Some(b"HEAD") => HEAD,
            Some(b"POST") => 1 << 2,
            Some(b"PUT") => 1 << 3,
            Some(b"DELETE") => 1 << 4,
            Some(method) if is_token(method) => self.bit(method),
            Some(_) => return None,
            None => NO_METHOD,
        })
    }

    /// Whether a request's HEAD counts as GET.
    pub(crate) fn head_as_get(&self) -> bool {
        self.head_as_get
    }
}

/// A token (RFC 9110 §5.6.2) of bounded length.
fn is_token(method: &[u8]) -> bool {
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !method.is_empty() && method.len() <= MAX_NAME_BYTES && method.iter().all(token)
}
