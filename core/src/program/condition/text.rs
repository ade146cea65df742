//! Strings: offsets count code points, results borrow from their argument
//! wherever they are a part of it.

use super::EvalError;
use std::fmt::{self, Write};

/// Number of code points.
pub(super) fn length(text: &str) -> usize {
    text.chars().count()
}

/// The byte offset of a code point, or of the end.
fn byte_offset(text: &str, index: i64) -> Result<usize, EvalError> {
    let index = usize::try_from(index).map_err(|_| EvalError::IndexOutOfRange)?;
    let starts = text.char_indices().map(|(at, _)| at);
    starts
        .chain([text.len()])
        .nth(index)
        .ok_or(EvalError::IndexOutOfRange)
}

/// The code points from `start` up to `end`.
pub(super) fn substring(text: &str, start: i64, end: Option<i64>) -> Result<&str, EvalError> {
    let from = byte_offset(text, start)?;
    let to = end.map_or(Ok(text.len()), |end| byte_offset(text, end))?;
    text.get(from..to).ok_or(EvalError::IndexOutOfRange)
}

/// The code point at `index`; nothing at the end.
pub(super) fn char_at(text: &str, index: i64) -> Result<&str, EvalError> {
    let rest = substring(text, index, None)?;
    let length = rest.chars().next().map_or(0, char::len_utf8);
    rest.get(..length).ok_or(EvalError::Malformed)
}

/// Where `needle` begins first, not before `from`; −1 if nowhere.
pub(super) fn index_of(text: &str, needle: &str, from: i64) -> Result<i64, EvalError> {
    let rest = substring(text, from, None)?;
    Ok(rest
        .find(needle)
        .and_then(|at| rest.get(..at))
        .map_or(-1, |skipped| from + code_points(skipped)))
}

/// Where `needle` begins last, not after `upto`; −1 if nowhere.
pub(super) fn last_index_of(text: &str, needle: &str, upto: Option<i64>) -> Result<i64, EvalError> {
    let latest = upto.map_or(Ok(text.len()), |upto| byte_offset(text, upto))?;
    let end = latest.saturating_add(needle.len()).min(text.len());
    // No match ends inside a code point, so the end is rounded down to one.
    let end = (latest..=end)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(latest);
    let found = text.get(..end).and_then(|head| head.rfind(needle));
    Ok(found.and_then(|at| text.get(..at)).map_or(-1, code_points))
}

fn code_points(text: &str) -> i64 {
    i64::try_from(length(text)).unwrap_or(i64::MAX)
}

/// Calls `part` for each part of `text` between separators. `limit` < 0: all;
/// 0: none; else at most so many, the last with the rest. An empty separator
/// splits into code points.
pub(super) fn split<'a>(text: &'a str, separator: &str, limit: i64, mut part: impl FnMut(&'a str)) {
    let mut rest = text;
    let mut left = limit;
    if limit == 0 || (separator.is_empty() && text.is_empty()) {
        return;
    }
    while left != 1 {
        let cut = if separator.is_empty() {
            let first = rest.chars().next().map_or(0, char::len_utf8);
            rest.split_at_checked(first)
                .filter(|(_, after)| !after.is_empty())
        } else {
            rest.split_once(separator)
        };
        let Some((before, after)) = cut else { break };
        part(before);
        rest = after;
        left = left.saturating_sub(1);
    }
    part(rest);
}

/// Writes `text` with up to `limit` (< 0: all) occurrences of `old` replaced.
/// An empty `old` occurs before each code point and at the end.
pub(super) fn replace(
    out: &mut dyn Write,
    text: &str,
    old: &str,
    new: &str,
    limit: i64,
) -> fmt::Result {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut written = 0;
    for (at, _) in text.match_indices(old).take(limit) {
        out.write_str(text.get(written..at).unwrap_or_default())?;
        out.write_str(new)?;
        written = at + old.len();
    }
    out.write_str(text.get(written..).unwrap_or_default())
}

/// Writes `text` in double quotes with escapes.
pub(super) fn quote(out: &mut dyn Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for character in text.chars() {
        match character {
            '\u{7}' => out.write_str("\\a")?,
            '\u{8}' => out.write_str("\\b")?,
            '\u{b}' => out.write_str("\\v")?,
            '\u{c}' => out.write_str("\\f")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            '\\' => out.write_str("\\\\")?,
            '"' => out.write_str("\\\"")?,
            other => out.write_char(other)?,
        }
    }
    out.write_char('"')
}

/// `bool("true")` and the other spellings that it takes.
pub(super) fn to_bool(text: &str) -> Result<bool, EvalError> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(EvalError::InvalidArgument),
    }
}

/// Writes a double as `string(x)` does: the shortest digits that read back the
/// same, with an exponent below 1e-4 and from 1e6 on, as cel-go writes it.
pub(super) fn double(out: &mut dyn Write, value: f64) -> fmt::Result {
    if value.is_infinite() {
        return out.write_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
    let size = value.abs();
    if size != 0.0 && size.is_finite() && !(1e-4..1e6).contains(&size) {
        return exponent(out, value, None);
    }
    write!(out, "{value}")
}

/// Most digits after the point that a format may ask for.
pub(super) const MAX_PRECISION: usize = 400;

/// Writes a finite double with an exponent of a sign and at least two digits.
pub(super) fn exponent(out: &mut dyn Write, value: f64, precision: Option<usize>) -> fmt::Result {
    let mut buffer = Buffer {
        bytes: [0; MAX_PRECISION + 16],
        length: 0,
    };
    match precision {
        Some(precision) => write!(buffer, "{value:.precision$e}")?,
        None => write!(buffer, "{value:e}")?,
    }
    let written = buffer.bytes.get(..buffer.length).unwrap_or_default();
    let written = std::str::from_utf8(written).map_err(|_| fmt::Error)?;
    let (mantissa, exponent) = written.split_once('e').ok_or(fmt::Error)?;
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    write!(out, "{mantissa}e{sign}{digits:0>2}")
}

/// Enough room on the stack for one double.
struct Buffer {
    bytes: [u8; MAX_PRECISION + 16],
    length: usize,
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes
            .get_mut(self.length..end)
            .ok_or(fmt::Error)?
            .copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
