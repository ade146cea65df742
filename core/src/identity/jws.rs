//! A signed token in its compact form (RFC 7515 §7.1): its parts, its header, its signature.

use super::refusal::Refusal;
use super::rules::Signer;
use crate::base64url;
use crate::json::{self, Json, JsonError, Node, Value};
use crate::keys::algorithm::Algorithm;
use crate::keys::{Key, KeySet};
use crate::limits::MAX_TOKEN_BYTES;
use std::fmt;
use std::ops::Range;

/// A token in its parts, of which nothing is believed yet.
pub(crate) struct Jws<'t> {
    /// Header and payload, as they were signed.
    signed: &'t [u8],
    algorithm: Algorithm,
    /// Payload, header and signature, decoded; the payload first, because it is what stays.
    bytes: Vec<u8>,
    payload: usize,
    header: usize,
    kid: Option<Range<usize>>,
    typ: Option<Range<usize>>,
}

/// A part of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    Header,
    Payload,
    Signature,
}

/// What is wrong with the form of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) part: Part,
    pub(crate) what: FlawKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlawKind {
    TooLong,
    /// Not three parts between two dots.
    Parts,
    Base64,
    Json(JsonError),
    NotAnObject,
    DuplicateMember,
    /// A member of the header that is not there or not of its type.
    Member(&'static str),
    Algorithm,
    /// A member of the header that is never followed or not understood.
    Unsupported(&'static str),
    /// What is signed is not claims.
    ContentType,
}

impl Flaw {
    pub(crate) const fn refusal(self) -> Refusal {
        match self.what {
            FlawKind::TooLong => Refusal::Oversize,
            FlawKind::Algorithm => Refusal::BadAlgorithm,
            FlawKind::Unsupported(_) => Refusal::UnsupportedHeader,
            FlawKind::ContentType => Refusal::WrongType,
            _ => Refusal::Malformed,
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self.part {
            Part::Whole => "the token ",
            Part::Header => "the header ",
            Part::Payload => "the payload ",
            Part::Signature => "the signature ",
        })?;
        match self.what {
            FlawKind::TooLong => write!(out, "is longer than {MAX_TOKEN_BYTES} bytes"),
            FlawKind::Parts => out.write_str("is not three parts with dots between them"),
            FlawKind::Base64 => out.write_str("is not base64url without padding"),
            FlawKind::Json(error) => {
                write!(out, "is not JSON: {}, at byte {}", error.fault, error.at)
            }
            FlawKind::NotAnObject => out.write_str("is not an object"),
            FlawKind::DuplicateMember => out.write_str("has a member twice"),
            FlawKind::Member(name) => write!(out, "has no `{name}` that is a text"),
            FlawKind::Algorithm => out.write_str("names an `alg` that signs no tokens"),
            FlawKind::Unsupported(name) => {
                write!(out, "has `{name}`, which is never followed")
            }
            FlawKind::ContentType => {
                out.write_str("has `cty`: what is signed is not said to be claims")
            }
        }
    }
}

/// Members of a header that are refused, whatever they hold: extensions (RFC 7515 §4.1.11), what
/// compresses or encrypts, a payload that is not encoded, and keys that a token brings along.
const UNSUPPORTED: [&str; 8] = ["crit", "b64", "zip", "enc", "jku", "jwk", "x5u", "x5c"];

impl<'t> Jws<'t> {
    /// Takes a token apart and reads its header; `nodes` is memory that is used meanwhile.
    pub(crate) fn parse(token: &'t [u8], nodes: &mut Vec<Node>) -> Result<Self, Flaw> {
        let flaw = |part, what| Flaw { part, what };
        if token.len() > MAX_TOKEN_BYTES {
            return Err(flaw(Part::Whole, FlawKind::TooLong));
        }
        // What is between the first dot and the last is base64url, which has no dots.
        let is_dot = |byte: &u8| *byte == b'.';
        let first = token.iter().position(is_dot);
        let last = token.iter().rposition(is_dot);
        let parts = first.zip(last).and_then(|(first, last)| {
            let (signed, signature) = (token.get(..last)?, token.get(last + 1..)?);
            Some((
                signed,
                token.get(..first)?,
                signed.get(first + 1..)?,
                signature,
            ))
        });
        let Some((signed, header, payload, signature)) = parts else {
            return Err(flaw(Part::Whole, FlawKind::Parts));
        };
        let mut bytes = Vec::with_capacity(token.len());
        let mut decode = |text: &[u8], part| {
            base64url::decode_into(text, &mut bytes).ok_or(flaw(part, FlawKind::Base64))?;
            Ok(bytes.len())
        };
        let payload = match decode(payload, Part::Payload) {
            Err(_) if payload.contains(&b'.') => return Err(flaw(Part::Whole, FlawKind::Parts)),
            decoded => decoded?,
        };
        let whole = decode(header, Part::Header)?;
        decode(signature, Part::Signature)?;
        let found = bytes.get_mut(payload..whole).unwrap_or_default();
        let header = Header::read(found, nodes).map_err(|what| flaw(Part::Header, what))?;
        Ok(Self {
            signed,
            algorithm: header.algorithm,
            bytes,
            payload,
            header: whole,
            kid: header.kid,
            typ: header.typ,
        })
    }

    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn header(&self) -> &[u8] {
        let range = self.payload..self.header;
        self.bytes.get(range).unwrap_or_default()
    }

    /// The id of the key that is said to have signed it.
    pub(crate) fn kid(&self) -> Option<&[u8]> {
        self.header().get(self.kid.clone()?)
    }

    /// The type of token that it is said to be.
    pub(crate) fn typ(&self) -> Option<&[u8]> {
        self.header().get(self.typ.clone()?)
    }

    /// What is said, to be read in place.
    pub(crate) fn payload_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.payload).unwrap_or_default()
    }

    pub(crate) fn payload(&self) -> &[u8] {
        self.bytes.get(..self.payload).unwrap_or_default()
    }

    fn signature(&self) -> &[u8] {
        self.bytes.get(self.header..).unwrap_or_default()
    }

    /// The keys that may have signed it: for a workload those alone that are for such tokens.
    pub(crate) fn candidates<'k>(
        &self,
        keys: &'k KeySet,
        signer: Signer<'_>,
    ) -> Result<impl Iterator<Item = &'k Key>, Refusal> {
        let of_workload = matches!(signer, Signer::TrustDomain(_));
        let may = move |key: &&Key| !of_workload || key.is_for_workloads();
        let found = keys.candidates(self.kid(), self.algorithm);
        let mut found = found.filter(may).peekable();
        if found.peek().is_some() {
            return Ok(found);
        }
        // The key is there, and for something else.
        Err(match self.kid() {
            Some(kid) if keys.knows(kid) => Refusal::BadAlgorithm,
            _ => Refusal::UnknownKey,
        })
    }

    /// The key that has signed it.
    pub(crate) fn signed_by<'k>(
        &self,
        keys: &'k KeySet,
        signer: Signer<'_>,
    ) -> Result<&'k Key, Refusal> {
        let verifies = |key: &&Key| key.verifies(self.algorithm, self.signed, self.signature());
        let mut candidates = self.candidates(keys, signer)?;
        candidates.find(verifies).ok_or(Refusal::BadSignature)
    }

    /// The payload; header and signature are not kept.
    pub(crate) fn into_payload(self) -> Vec<u8> {
        let mut bytes = self.bytes;
        bytes.truncate(self.payload);
        bytes
    }
}

struct Header {
    algorithm: Algorithm,
    kid: Option<Range<usize>>,
    typ: Option<Range<usize>>,
}

impl Header {
    /// Reads a decoded header; ranges are within it.
    fn read(bytes: &mut [u8], nodes: &mut Vec<Node>) -> Result<Self, FlawKind> {
        json::read(bytes, nodes).map_err(FlawKind::Json)?;
        let json = Json::document(bytes, nodes).ok_or(FlawKind::NotAnObject)?;
        if json.ambiguous().is_some() {
            return Err(FlawKind::DuplicateMember);
        }
        let mut found = Found::default();
        for (name, value) in json.members().ok_or(FlawKind::NotAnObject)? {
            match name {
                b"alg" => found.algorithm = value.text(),
                b"kid" => found.kid = Some(value.range().ok_or(FlawKind::Member("kid"))?),
                b"typ" => found.typ = Some(value.range().ok_or(FlawKind::Member("typ"))?),
                b"cty" => found.is_other_content = true,
                // RFC 7797 §3: anything but `true` changes what is signed.
                b"b64" if matches!(value.value(), Value::Bool(true)) => {}
                name => {
                    let mut known = UNSUPPORTED.into_iter();
                    let unsupported = known.find(|known| known.as_bytes() == name);
                    found.unsupported = found.unsupported.or(unsupported);
                }
            }
        }
        let algorithm = found.algorithm.ok_or(FlawKind::Member("alg"))?;
        let algorithm = Algorithm::of_name(algorithm).ok_or(FlawKind::Algorithm)?;
        if let Some(name) = found.unsupported {
            return Err(FlawKind::Unsupported(name));
        }
        if found.is_other_content {
            return Err(FlawKind::ContentType);
        }
        Ok(Self {
            algorithm,
            kid: found.kid,
            typ: found.typ,
        })
    }
}

/// Members of a header that mean something.
#[derive(Default)]
struct Found<'h> {
    algorithm: Option<&'h [u8]>,
    kid: Option<Range<usize>>,
    typ: Option<Range<usize>>,
    is_other_content: bool,
    unsupported: Option<&'static str>,
}
