//! Values as a person reads them: as CEL writes them, where it can.

use super::encoding::encode_double;
use crate::program::condition::Value;
use std::fmt::Write as _;

/// The value on one line.
pub(crate) fn written(value: Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => format!("{value}u"),
        Value::Double(value) => encode_double(value),
        Value::Str(text) => quoted(text),
        Value::Bytes(bytes) => bytes_literal(bytes),
        Value::Timestamp(time) => format!("timestamp(\"{time}\")"),
        Value::Duration(duration) => format!("duration(\"{duration}\")"),
        Value::Ip(ip) => format!("ip(\"{ip}\")"),
        Value::Cidr(cidr) => format!("cidr(\"{cidr}\")"),
        Value::Type(name) => name.to_owned(),
        Value::List(list) => {
            let items: Vec<_> = list.iter().map(written).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(map) => {
            let entries = map.iter();
            let entries: Vec<_> = entries
                .map(|(key, value)| format!("{}: {}", written(key), written(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Optional(optional) => match optional.get() {
            None => "optional.none()".to_owned(),
            Some(inner) => format!("optional.of({})", written(inner)),
        },
    }
}

/// A string literal; what cannot be seen is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

fn bytes_literal(bytes: &[u8]) -> String {
    let mut out = String::from("b\"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => out.push(char::from(*byte)),
            other => {
                let _ = write!(out, "\\x{other:02x}");
            }
        }
    }
    out.push('"');
    out
}
