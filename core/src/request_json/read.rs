//! The JSON tree to a [`RequestBuf`]; an error names the field and both kinds.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::tree::Json;
use super::{Bytes, PrincipalBuf, RequestBuf, RequestError, ResourceBuf, ValueBuf};
use crate::diagnostic::suggest;
use crate::request::Charge;
use crate::time::parse_timestamp;

/// Longest unknown name that an error repeats, in characters.
const SHOWN_NAME_CHARS: usize = 64;

pub(super) const REQUEST_FIELDS: &[&str] = &[
    "method",
    "host",
    "path",
    "path_decoded",
    "headers",
    "source_ip",
    "bearer",
    "api_key",
    "peer",
    "peer_cert_sha256",
    "xfcc",
    "principal",
    "active_roles",
    "action",
    "resource",
    "attributes",
    "approvals",
    "cost",
    "charge",
    "at",
    "id",
];
const PRINCIPAL_FIELDS: &[&str] = &["provider", "id", "roles", "groups", "attributes"];
const RESOURCE_FIELDS: &[&str] = &["type", "id", "attributes"];
const CHARGES: &[(&str, Charge)] = &[
    ("take", Charge::Take),
    ("reserve", Charge::Reserve),
    ("peek", Charge::Peek),
    ("none", Charge::None),
];

/// Where in the request a value stands.
pub(super) enum Path<'p> {
    Request,
    Member(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Request => Ok(()),
            Self::Item(list, index) => write!(f, "{list}[{index}]"),
            Self::Member(Path::Request, name) if is_plain(name) => f.write_str(name),
            Self::Member(object, name) if is_plain(name) => write!(f, "{object}.{name}"),
            Self::Member(object, name) => write!(f, "{object}[{}]", quoted(name)),
        }
    }
}

fn is_plain(name: &str) -> bool {
    (1..=SHOWN_NAME_CHARS).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// A name from the request as an error shows it: escaped, and cut where it is long.
fn quoted(name: &str) -> String {
    match name.char_indices().nth(SHOWN_NAME_CHARS) {
        Some((end, _)) => format!("{:?}…", name.get(..end).unwrap_or_default()),
        None => format!("{name:?}"),
    }
}

type Read<T> = Result<T, RequestError>;
type Members<'m, 'j> = &'m [(std::borrow::Cow<'j, str>, Json<'j>)];

pub(super) fn request(json: &Json<'_>) -> Read<RequestBuf> {
    let mut out = RequestBuf::default();
    for (name, value) in object(json, &Path::Request)? {
        let at = &Path::Member(&Path::Request, name);
        match &**name {
            "method" => out.method = text(value, at)?,
            "host" => out.host = text(value, at)?,
            "path" => out.path = text(value, at)?,
            "path_decoded" => out.path_decoded = text(value, at)?,
            "headers" => out.headers = headers(value, at)?,
            "source_ip" => out.source_ip = text(value, at)?,
            "bearer" => out.bearer = text(value, at)?,
            "api_key" => out.api_key = text(value, at)?,
            "peer" => out.peer = text(value, at)?,
            "peer_cert_sha256" => out.peer_cert_sha256 = text(value, at)?,
            "xfcc" => out.xfcc = text(value, at)?,
            "principal" => {
                out.principal = present(value)
                    .map(|value| principal(value, at))
                    .transpose()?
            }
            "active_roles" => {
                out.active_roles = present(value).map(|value| texts(value, at)).transpose()?
            }
            "action" => out.action = text(value, at)?,
            "resource" => {
                out.resource = present(value)
                    .map(|value| resource(value, at))
                    .transpose()?
            }
            "attributes" => out.attributes = attributes(value, at)?,
            "approvals" => out.approvals = texts(value, at)?,
            "cost" => out.cost = cost(value, at)?,
            "charge" => out.charge = charge(value, at)?,
            "at" => out.at = time(value, at)?,
            "id" => out.id = text(value, at)?,
            _ => return Err(unknown(name, &Path::Request, REQUEST_FIELDS)),
        }
    }
    Ok(out)
}

fn principal(json: &Json<'_>, path: &Path<'_>) -> Read<PrincipalBuf> {
    let mut out = PrincipalBuf::default();
    for (name, value) in object(json, path)? {
        let at = &Path::Member(path, name);
        match &**name {
            "provider" => out.provider = text(value, at)?,
            "id" => out.id = text(value, at)?.unwrap_or_default(),
            "roles" => out.roles = texts(value, at)?,
            "groups" => out.groups = texts(value, at)?,
            "attributes" => out.attributes = attributes(value, at)?,
            _ => return Err(unknown(name, path, PRINCIPAL_FIELDS)),
        }
    }
    Ok(out)
}

fn resource(json: &Json<'_>, path: &Path<'_>) -> Read<ResourceBuf> {
    let mut out = ResourceBuf::default();
    for (name, value) in object(json, path)? {
        let at = &Path::Member(path, name);
        match &**name {
            "type" => out.kind = text(value, at)?,
            "id" => out.id = text(value, at)?,
            "attributes" => out.attributes = attributes(value, at)?,
            _ => return Err(unknown(name, path, RESOURCE_FIELDS)),
        }
    }
    Ok(out)
}

/// `[[name, value], …]`, or an object of values and lists of values.
fn headers(json: &Json<'_>, path: &Path<'_>) -> Read<Vec<(Bytes, Bytes)>> {
    let pairs = match json {
        Json::Null => return Ok(Vec::new()),
        Json::List(pairs) => pairs,
        Json::Object(_) => return header_object(json, path),
        other => return Err(mismatch(path, "a list of pairs or an object", other)),
    };
    let pair = |(index, pair): (usize, &Json<'_>)| {
        let at = &Path::Item(path, index);
        match pair {
            Json::List(pair) if let [name, value] = &**pair => Ok((
                required(name, &Path::Item(at, 0))?,
                required(value, &Path::Item(at, 1))?,
            )),
            Json::List(other) => Err(RequestError::of_field(
                at,
                format!(
                    "expected a pair of name and value, found a list of {}",
                    other.len()
                ),
            )),
            other => Err(mismatch(at, "a pair of name and value", other)),
        }
    };
    pairs.iter().enumerate().map(pair).collect()
}

fn header_object(json: &Json<'_>, path: &Path<'_>) -> Read<Vec<(Bytes, Bytes)>> {
    let mut out = Vec::new();
    for (name, value) in object(json, path)? {
        let at = &Path::Member(path, name);
        let header = |value| (Bytes::from(name.as_bytes()), value);
        match value {
            Json::List(_) => out.extend(texts(value, at)?.into_iter().map(header)),
            Json::Null | Json::String(_) | Json::Object(_) => {
                out.extend(text(value, at)?.map(header))
            }
            other => return Err(mismatch(at, "a string or a list of strings", other)),
        }
    }
    Ok(out)
}

fn attributes(json: &Json<'_>, path: &Path<'_>) -> Read<Vec<(Bytes, ValueBuf)>> {
    let Some(json) = present(json) else {
        return Ok(Vec::new());
    };
    let mut out = Vec::new();
    for (name, value) in object(json, path)? {
        let at = &Path::Member(path, name);
        let value = match value {
            Json::Null => continue,
            Json::List(items) => {
                let item = |(index, item)| scalar(item, &Path::Item(at, index));
                ValueBuf::List(items.iter().enumerate().map(item).collect::<Read<_>>()?)
            }
            other => scalar(other, at)?,
        };
        out.push((name.as_bytes().into(), value));
    }
    Ok(out)
}

/// An attribute's value, or an item of its list.
fn scalar(json: &Json<'_>, path: &Path<'_>) -> Read<ValueBuf> {
    /// 2^63, the first value beyond `i64`.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    match json {
        Json::Bool(value) => Ok(ValueBuf::Bool(*value)),
        Json::Int(value) => Ok(ValueBuf::Int(*value)),
        Json::Double(value) if value.abs() < BEYOND => Ok(ValueBuf::Double(*value)),
        Json::Double(_) | Json::Unsigned(_) => Err(RequestError::of_field(
            path,
            "a number beyond 64 bits; hand it over as a string",
        )),
        Json::String(_) => Ok(ValueBuf::String(required(json, path)?)),
        Json::Object(members) if matches!(&**members, [(name, _)] if name == "b64") => {
            Ok(ValueBuf::String(required(json, path)?))
        }
        Json::Null | Json::List(_) | Json::Object(_) => {
            Err(mismatch(path, "a boolean, a number or a string", json))
        }
    }
}

fn cost(json: &Json<'_>, path: &Path<'_>) -> Read<Option<u64>> {
    match json {
        Json::Null => Ok(None),
        Json::Unsigned(value) => Ok(Some(*value)),
        Json::Int(value) if let Ok(value) = u64::try_from(*value) => Ok(Some(value)),
        Json::Int(_) | Json::Double(_) => Err(RequestError::of_field(
            path,
            "expected a whole number from 0 to 2^64 - 1",
        )),
        other => Err(mismatch(path, "a whole number", other)),
    }
}

fn charge(json: &Json<'_>, path: &Path<'_>) -> Read<Charge> {
    let name = match json {
        Json::Null => return Ok(Charge::default()),
        Json::String(name) => name,
        other => return Err(mismatch(path, "a string", other)),
    };
    let known = CHARGES.iter().find(|(known, _)| known == name);
    known.map(|(_, charge)| *charge).ok_or_else(|| {
        RequestError::of_field(path, "expected \"take\", \"reserve\", \"peek\" or \"none\"")
    })
}

/// Milliseconds since 1970; RFC 3339 text beyond the millisecond is cut, never rounded up.
fn time(json: &Json<'_>, path: &Path<'_>) -> Read<Option<i64>> {
    const EXPECTED: &str = "expected a time such as \"2026-03-01T12:00:00Z\" (RFC 3339) or whole milliseconds since 1970";
    let wrong = || RequestError::of_field(path, EXPECTED);
    match json {
        Json::Null => Ok(None),
        Json::Int(milliseconds) => Ok(Some(*milliseconds)),
        Json::String(text) => parse_timestamp(text).map(Some).ok_or_else(wrong),
        Json::Unsigned(_) | Json::Double(_) => Err(wrong()),
        other => Err(mismatch(path, "a string or a number", other)),
    }
}

/// A list of text; `null` is the empty one.
fn texts(json: &Json<'_>, path: &Path<'_>) -> Read<Vec<Bytes>> {
    match json {
        Json::Null => Ok(Vec::new()),
        Json::List(items) => {
            let item = |(index, item)| required(item, &Path::Item(path, index));
            items.iter().enumerate().map(item).collect()
        }
        other => Err(mismatch(path, "a list of strings", other)),
    }
}

fn required(json: &Json<'_>, path: &Path<'_>) -> Read<Bytes> {
    text(json, path)?.ok_or_else(|| mismatch(path, "a string", &Json::Null))
}

/// Text, or bytes as `{"b64": …}`; `null` is absent.
fn text(json: &Json<'_>, path: &Path<'_>) -> Read<Option<Bytes>> {
    match json {
        Json::Null => Ok(None),
        Json::String(text) => Ok(Some(text.as_bytes().into())),
        Json::Object(members) => match &**members {
            [(name, Json::String(encoded))] if name == "b64" => {
                let bytes = STANDARD.decode(&**encoded).map_err(|_| {
                    let at = &Path::Member(path, "b64");
                    RequestError::of_field(at, "not base64 (RFC 4648 §4: +, / and padding)")
                })?;
                Ok(Some(bytes.into()))
            }
            [(name, other)] if name == "b64" => {
                Err(mismatch(&Path::Member(path, "b64"), "a string", other))
            }
            _ => Err(mismatch(path, "a string or {\"b64\": …}", json)),
        },
        other => Err(mismatch(path, "a string", other)),
    }
}

/// The members of an object, once it is certain that none comes twice.
fn object<'m, 'j>(json: &'m Json<'j>, path: &Path<'_>) -> Read<Members<'m, 'j>> {
    let Json::Object(members) = json else {
        return Err(mismatch(path, "an object", json));
    };
    let mut names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    match names.array_windows().find(|[one, next]| one == next) {
        Some([name, _]) => Err(RequestError::of_field(
            &Path::Member(path, name),
            "comes twice",
        )),
        None => Ok(members),
    }
}

fn present<'m, 'j>(json: &'m Json<'j>) -> Option<&'m Json<'j>> {
    (!matches!(json, Json::Null)).then_some(json)
}

fn mismatch(path: &Path<'_>, expected: &str, found: &Json<'_>) -> RequestError {
    RequestError::of_field(path, format!("expected {expected}, found {}", found.kind()))
}

fn unknown(name: &str, object: &Path<'_>, known: &[&'static str]) -> RequestError {
    let help = match suggest(name, known.iter().copied()) {
        Some(close) => format!("did you mean {close:?}?"),
        None => format!("known are {}", known.join(", ")),
    };
    RequestError::of_field(object, format!("unknown field {}; {help}", quoted(name)))
}
