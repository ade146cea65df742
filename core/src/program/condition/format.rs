//! `format`: a format string and its arguments, and how a value reads as text.

use super::text::{self, MAX_PRECISION};
use super::{EvalError, List, Value};
use std::fmt::Write;

type Written = Result<(), EvalError>;

/// Most entries of a map that is formatted: its keys are put in order without memory.
const MAX_FORMATTED_ENTRIES: usize = 256;
/// Digits after the point when a clause does not say.
const DEFAULT_PRECISION: usize = 6;

/// Writes `template` with its clauses replaced by the arguments in order.
pub(super) fn format(out: &mut dyn Write, template: &str, arguments: List<'_>) -> Written {
    let mut rest = template;
    let mut next = 0;
    while let Some((before, clause)) = rest.split_once('%') {
        out.write_str(before)?;
        if let Some(after) = clause.strip_prefix('%') {
            out.write_str("%")?;
            rest = after;
            continue;
        }
        let (precision, after) = precision(clause)?;
        let mut letters = after.chars();
        let verb = letters.next().ok_or(EvalError::BadFormat)?;
        let argument = arguments.get(next).ok_or(EvalError::IndexOutOfRange)?;
        write_clause(out, verb, precision, argument)?;
        next += 1;
        rest = letters.as_str();
    }
    out.write_str(rest)?;
    Ok(())
}

/// The number of `.3`, if there is one, and what follows.
fn precision(clause: &str) -> Result<(Option<usize>, &str), EvalError> {
    let Some(rest) = clause.strip_prefix('.') else {
        return Ok((None, clause));
    };
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, after) = rest.split_at_checked(length).ok_or(EvalError::BadFormat)?;
    let precision: usize = digits.parse().map_err(|_| EvalError::BadFormat)?;
    if precision > MAX_PRECISION {
        return Err(EvalError::BadFormat);
    }
    Ok((Some(precision), after))
}

fn write_clause(
    out: &mut dyn Write,
    verb: char,
    precision: Option<usize>,
    argument: Value<'_>,
) -> Written {
    match verb {
        's' => write_value(out, argument),
        'd' => match argument {
            Value::Int(_) | Value::Uint(_) | Value::Double(_) => write_value(out, argument),
            _ => Err(EvalError::BadFormat),
        },
        'f' | 'e' => write_float(out, verb, precision.unwrap_or(DEFAULT_PRECISION), argument),
        'b' | 'o' | 'x' | 'X' => write_radix(out, verb, argument),
        _ => Err(EvalError::BadFormat),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an integer is formatted as a double"
)]
fn write_float(out: &mut dyn Write, verb: char, precision: usize, argument: Value<'_>) -> Written {
    let value = match argument {
        Value::Double(value) => value,
        Value::Int(value) => value as f64,
        Value::Uint(value) => value as f64,
        _ => return Err(EvalError::BadFormat),
    };
    if !value.is_finite() {
        return write_value(out, Value::Double(value));
    }
    match verb {
        'e' => text::exponent(out, value, Some(precision))?,
        _ => write!(out, "{value:.precision$}")?,
    }
    Ok(())
}

fn write_radix(out: &mut dyn Write, verb: char, argument: Value<'_>) -> Written {
    let magnitude = match argument {
        Value::Int(value) => {
            if value < 0 {
                out.write_str("-")?;
            }
            value.unsigned_abs()
        }
        Value::Uint(value) => value,
        Value::Bool(value) if verb == 'b' => u64::from(value),
        Value::Str(text) if verb != 'b' && verb != 'o' => {
            return write_hex(out, verb, text.as_bytes());
        }
        Value::Bytes(bytes) if verb != 'b' && verb != 'o' => return write_hex(out, verb, bytes),
        _ => return Err(EvalError::BadFormat),
    };
    match verb {
        'b' => write!(out, "{magnitude:b}")?,
        'o' => write!(out, "{magnitude:o}")?,
        'x' => write!(out, "{magnitude:x}")?,
        _ => write!(out, "{magnitude:X}")?,
    }
    Ok(())
}

fn write_hex(out: &mut dyn Write, verb: char, bytes: &[u8]) -> Written {
    for byte in bytes {
        if verb == 'x' {
            write!(out, "{byte:02x}")?;
        } else {
            write!(out, "{byte:02X}")?;
        }
    }
    Ok(())
}

/// Writes a value as `%s` shows it.
pub(super) fn write_value(out: &mut dyn Write, value: Value<'_>) -> Written {
    match value {
        Value::Null => out.write_str("null")?,
        Value::Bool(value) => write!(out, "{value}")?,
        Value::Int(value) => write!(out, "{value}")?,
        Value::Uint(value) => write!(out, "{value}")?,
        Value::Double(value) if value.is_infinite() => {
            out.write_str(if value > 0.0 { "Infinity" } else { "-Infinity" })?;
        }
        Value::Double(value) => write!(out, "{value}")?,
        Value::Str(text) | Value::Type(text) => out.write_str(text)?,
        Value::Bytes(bytes) => {
            for chunk in bytes.utf8_chunks() {
                out.write_str(chunk.valid())?;
                if !chunk.invalid().is_empty() {
                    out.write_str("\u{fffd}")?;
                }
            }
        }
        Value::Timestamp(time) => write!(out, "{time}")?,
        Value::Duration(duration) => write!(out, "{duration}")?,
        Value::List(list) => {
            out.write_str("[")?;
            for (index, item) in list.iter().enumerate() {
                out.write_str(if index == 0 { "" } else { ", " })?;
                write_value(out, item)?;
            }
            out.write_str("]")?;
        }
        Value::Map(map) => write_map(out, map)?,
        Value::Ip(_) | Value::Cidr(_) | Value::Optional(_) => return Err(EvalError::BadFormat),
    }
    Ok(())
}

/// Writes entries in the order of their keys as text. Nothing is sorted in
/// memory: each turn finds the smallest key that is above the last one written.
fn write_map(out: &mut dyn Write, map: super::Map<'_>) -> Written {
    if map.len() > MAX_FORMATTED_ENTRIES {
        return Err(EvalError::OutOfFuel);
    }
    out.write_str("{")?;
    let mut last: Option<(Value<'_>, usize)> = None;
    for turn in 0..map.len() {
        let above = |key: Value<'_>, index: usize| {
            last.is_none_or(|last| order_keys((key, index), last).is_gt())
        };
        let next = (0..map.len())
            .filter_map(|index| map.entry(index).map(|(key, value)| (key, index, value)))
            .filter(|(key, index, _)| above(*key, *index))
            .min_by(|a, b| order_keys((a.0, a.1), (b.0, b.1)));
        let Some((key, index, value)) = next else {
            break;
        };
        out.write_str(if turn == 0 { "" } else { ", " })?;
        write_value(out, key)?;
        out.write_str(": ")?;
        write_value(out, value)?;
        last = Some((key, index));
    }
    out.write_str("}")?;
    Ok(())
}

/// The order of two keys as text; equal texts by place.
fn order_keys(a: (Value<'_>, usize), b: (Value<'_>, usize)) -> std::cmp::Ordering {
    let (left, right) = (KeyText::of(a.0), KeyText::of(b.0));
    left.as_str().cmp(right.as_str()).then(a.1.cmp(&b.1))
}

/// A map key as text: borrowed, or a number in a buffer of its own.
enum KeyText<'a> {
    Borrowed(&'a str),
    Number { bytes: [u8; 20], start: usize },
}

impl<'a> KeyText<'a> {
    fn of(key: Value<'a>) -> Self {
        match key {
            Value::Str(text) => Self::Borrowed(text),
            Value::Bool(true) => Self::Borrowed("true"),
            Value::Bool(false) => Self::Borrowed("false"),
            Value::Int(value) => Self::number(value < 0, value.unsigned_abs()),
            Value::Uint(value) => Self::number(false, value),
            _ => Self::Borrowed(""),
        }
    }

    fn number(negative: bool, mut magnitude: u64) -> Self {
        let mut bytes = [b'-'; 20];
        let mut start = bytes.len();
        for slot in bytes.iter_mut().rev() {
            *slot = b'0' + u8::try_from(magnitude % 10).unwrap_or(0);
            magnitude /= 10;
            start -= 1;
            if magnitude == 0 {
                break;
            }
        }
        if negative && let Some(slot) = start.checked_sub(1).and_then(|at| bytes.get_mut(at)) {
            *slot = b'-';
            start -= 1;
        }
        Self::Number { bytes, start }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Number { bytes, start } => bytes
                .get(*start..)
                .and_then(|digits| std::str::from_utf8(digits).ok())
                .unwrap_or_default(),
        }
    }
}
