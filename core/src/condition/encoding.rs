//! Values and types as JSON, as `gatelet eval` reads and writes them.
//!
//! A value is an object of one key that names its type: `{"int": "1"}`,
//! `{"list": [...]}`, `{"map": [[key, value], ...]}`, `{"timestamp": [seconds,
//! nanos]}`. Integers are decimal strings, bytes base64. Other JSON is read as
//! what it looks like.

use super::types::Type;
use crate::program::condition::{Cidr, Constant, Duration, Ip, Timestamp, Value};
use serde_json::{Map, Value as Json, json};

/// Deepest nesting of a value or type that is read.
pub(super) const MAX_DEPTH: usize = 64;

/// Reads a value.
pub(super) fn decode(json: &Json, depth: usize) -> Result<Constant, String> {
    let below = depth.checked_sub(1).ok_or("the value is nested too deep")?;
    let mut entries = json.as_object().into_iter().flatten();
    if let (Some((kind, content)), None) = (entries.next(), entries.next())
        && KINDS.contains(&kind.as_str())
    {
        return encoded(kind, content, below);
    }
    plain(json, below)
}

/// The names of types that an encoded value may have.
const KINDS: [&str; 15] = [
    "null",
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "timestamp",
    "duration",
    "ip",
    "cidr",
    "type",
    "list",
    "map",
    "optional",
];

/// JSON that is not encoded: whole numbers are ints, or uints beyond them.
fn plain(json: &Json, below: usize) -> Result<Constant, String> {
    Ok(match json {
        Json::Null => Constant::Null,
        Json::Bool(value) => Constant::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(int), ..) => Constant::Int(int),
            (_, Some(uint), _) => Constant::Uint(uint),
            (.., Some(double)) => Constant::Double(double),
            _ => return Err(format!("`{number}` is no value")),
        },
        Json::String(text) => Constant::Str(text.as_str().into()),
        Json::Array(items) => Constant::List(
            items
                .iter()
                .map(|item| decode(item, below))
                .collect::<Result<_, _>>()?,
        ),
        Json::Object(members) => Constant::Map(entries(members, below)?.into()),
    })
}

fn entries(members: &Map<String, Json>, below: usize) -> Result<Vec<(Constant, Constant)>, String> {
    members
        .iter()
        .map(|(name, value)| Ok((Constant::Str(name.as_str().into()), decode(value, below)?)))
        .collect()
}

/// The value that is written as `{kind: content}`.
fn encoded(kind: &str, content: &Json, below: usize) -> Result<Constant, String> {
    let bad = || format!("`{content}` is no {kind}");
    Ok(match kind {
        "null" => Constant::Null,
        "bool" => Constant::Bool(content.as_bool().ok_or_else(bad)?),
        "int" => Constant::Int(number(content).ok_or_else(bad)?),
        "uint" => Constant::Uint(number(content).ok_or_else(bad)?),
        "double" => Constant::Double(match content {
            Json::String(text) => text.parse().map_err(|_| bad())?,
            other => other.as_f64().ok_or_else(bad)?,
        }),
        "string" => Constant::Str(content.as_str().ok_or_else(bad)?.into()),
        "bytes" => {
            let text = content.as_str().ok_or_else(bad)?;
            Constant::Bytes(decode_base64(text).ok_or_else(bad)?.into())
        }
        "timestamp" => {
            let (seconds, nanos) = seconds_and_nanos(content).ok_or_else(bad)?;
            let nanos = u32::try_from(nanos).map_err(|_| bad())?;
            Constant::Timestamp(Timestamp::new(seconds, nanos).map_err(|_| bad())?)
        }
        "duration" => {
            let (seconds, nanos) = seconds_and_nanos(content).ok_or_else(bad)?;
            let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
            Constant::Duration(Duration::from_nanos(total).map_err(|_| bad())?)
        }
        "ip" => Constant::Ip(content.as_str().and_then(Ip::parse).ok_or_else(bad)?),
        "cidr" => Constant::Cidr(content.as_str().and_then(Cidr::parse).ok_or_else(bad)?),
        "type" => Constant::Type(content.as_str().ok_or_else(bad)?.into()),
        "list" => {
            let items = content.as_array().ok_or_else(bad)?.iter();
            Constant::List(
                items
                    .map(|item| decode(item, below))
                    .collect::<Result<_, _>>()?,
            )
        }
        "map" => {
            let mut entries = Vec::new();
            for entry in content.as_array().ok_or_else(bad)? {
                match entry.as_array().map(Vec::as_slice) {
                    Some([key, value]) => {
                        entries.push((decode(key, below)?, decode(value, below)?))
                    }
                    _ => return Err(bad()),
                }
            }
            Constant::Map(entries.into())
        }
        "optional" => Constant::Optional(match content {
            Json::Null => None,
            inner => Some(Box::new(decode(inner, below)?)),
        }),
        _ => return Err(bad()),
    })
}

/// An integer as a decimal string or a JSON number.
fn number<T: std::str::FromStr>(json: &Json) -> Option<T> {
    match json {
        Json::String(text) => text.parse().ok(),
        Json::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

fn seconds_and_nanos(json: &Json) -> Option<(i64, i64)> {
    match json.as_array()?.as_slice() {
        [seconds, nanos] => Some((number(seconds)?, number(nanos)?)),
        _ => None,
    }
}

/// Writes a value.
pub(super) fn encode(value: Value<'_>) -> Json {
    match value {
        Value::Null => json!({ "null": null }),
        Value::Bool(value) => json!({ "bool": value }),
        Value::Int(value) => json!({ "int": value.to_string() }),
        Value::Uint(value) => json!({ "uint": value.to_string() }),
        Value::Double(value) => json!({ "double": encode_double(value) }),
        Value::Str(text) => json!({ "string": text }),
        Value::Bytes(bytes) => json!({ "bytes": encode_base64(bytes) }),
        Value::Timestamp(time) => {
            json!({ "timestamp": [time.seconds().to_string(), time.nanos()] })
        }
        Value::Duration(duration) => {
            let (seconds, nanos) = (
                duration.nanos() / 1_000_000_000,
                duration.nanos() % 1_000_000_000,
            );
            json!({ "duration": [seconds.to_string(), nanos] })
        }
        Value::Ip(ip) => json!({ "ip": ip.to_string() }),
        Value::Cidr(cidr) => json!({ "cidr": cidr.to_string() }),
        Value::Type(name) => json!({ "type": name }),
        Value::List(list) => json!({ "list": list.iter().map(encode).collect::<Vec<_>>() }),
        Value::Map(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| Json::Array(vec![encode(key), encode(value)]));
            json!({ "map": entries.collect::<Vec<_>>() })
        }
        Value::Optional(optional) => json!({ "optional": optional.get().map(encode) }),
    }
}

/// The shortest decimal that reads back the same, with a point or an exponent.
pub(super) fn encode_double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let written = format!("{value:e}");
        let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    format!("{value:?}")
}

/// Reads a type: a name, or an object of one key for one with parameters.
pub(super) fn decode_type(json: &Json, depth: usize) -> Result<Type, String> {
    let bad = || format!("`{json}` is no type");
    let below = depth.checked_sub(1).ok_or("the type is nested too deep")?;
    if let Some(name) = json.as_str() {
        return Ok(match name {
            "dyn" | "any" => Type::Dyn,
            "null" | "null_type" => Type::Null,
            "bool" => Type::Bool,
            "int" => Type::Int,
            "uint" => Type::Uint,
            "double" => Type::Double,
            "string" => Type::Str,
            "bytes" => Type::Bytes,
            "timestamp" | "google.protobuf.Timestamp" => Type::Timestamp,
            "duration" | "google.protobuf.Duration" => Type::Duration,
            "ip" | "net.IP" => Type::Ip,
            "cidr" | "net.CIDR" => Type::Cidr,
            "type" => Type::Type,
            "list" => Type::list(Type::Dyn),
            "map" => Type::map(Type::Dyn, Type::Dyn),
            _ => return Err(bad()),
        });
    }
    let entries = json.as_object().ok_or_else(bad)?;
    let inner = |json: &Json| decode_type(json, below);
    if let Some(element) = entries.get("list") {
        return inner(element).map(Type::list);
    }
    if entries.contains_key("type") {
        return Ok(Type::Type);
    }
    if let Some([key, value]) = entries
        .get("map")
        .and_then(Json::as_array)
        .map(Vec::as_slice)
    {
        return Ok(Type::map(inner(key)?, inner(value)?));
    }
    let name = entries
        .get("abstract")
        .or(entries.get("well_known"))
        .ok_or_else(bad)?;
    let parameters = entries
        .get("params")
        .and_then(Json::as_array)
        .map(Vec::as_slice);
    match (name.as_str(), parameters) {
        (Some("optional_type"), Some([held])) => inner(held).map(Type::optional),
        (Some(_), None | Some([])) => inner(name),
        _ => Err(bad()),
    }
}

/// Writes a type.
pub(super) fn encode_type(ty: &Type) -> Json {
    match ty {
        Type::Str => json!("string"),
        Type::List(element) => json!({ "list": encode_type(element) }),
        Type::Map(key, value) => json!({ "map": [encode_type(key), encode_type(value)] }),
        Type::Optional(inner) => {
            json!({ "abstract": "optional_type", "params": [encode_type(inner)] })
        }
        Type::Ip => json!({ "abstract": "net.IP" }),
        Type::Cidr => json!({ "abstract": "net.CIDR" }),
        simple => json!(simple.to_string()),
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encode_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0_u32, |word, at| {
            (word << 8) | u32::from(chunk.get(at).copied().unwrap_or(0))
        });
        for place in 0..4_usize {
            let digit = (word >> (18 - 6 * place)) & 63;
            let letter = BASE64.get(digit as usize).copied().unwrap_or(b'=');
            text.push(if place > chunk.len() {
                '='
            } else {
                char::from(letter)
            });
        }
    }
    text
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut bits) = (0_u32, 0_u32);
    for letter in text.trim_end_matches('=').bytes() {
        let digit = BASE64.iter().position(|held| *held == letter)?;
        word = (word << 6) | u32::try_from(digit).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((word >> bits) & 0xff).ok()?);
        }
    }
    Some(bytes)
}
