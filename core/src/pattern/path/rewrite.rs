//! Byte-by-byte rewriting of paths that are not canonical as they stand.
//!
//! The output buffer has room for three times the longest target, so pushing
//! to it never allocates.

use super::super::scan::is_plain;
use super::PathError;

/// Refuses what has two readings; writes the canonical form of the rest.
pub(super) fn strict(path: &[u8], out: &mut Vec<u8>) -> Result<(), PathError> {
    let mut segment_start = 0;
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'/' => {
                if !out.is_empty() {
                    check_segment(out.get(segment_start..).unwrap_or(&[]))?;
                }
                out.push(b'/');
                segment_start = out.len();
            }
            b'%' => {
                let value = triplet(rest).ok_or(PathError::BadTriplet)?;
                check_triplet(value)?;
                push_triplet(out, value);
                rest = rest.get(2..).unwrap_or(&[]);
            }
            b'\\' => return Err(PathError::Backslash),
            b';' => return Err(PathError::Semicolon),
            byte if is_plain(byte) => out.push(byte),
            byte => push_triplet(out, byte),
        }
    }
    match out.get(segment_start..) {
        Some(segment) if !segment.is_empty() => check_segment(segment),
        _ => Ok(()),
    }
}

/// The canonical form of a piece of a path, which may begin or end within a segment; `None` if it has none.
pub(super) fn piece(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => {
                let value = triplet(rest)?;
                check_triplet(value).ok()?;
                push_triplet(&mut out, value);
                rest = rest.get(2..).unwrap_or(&[]);
            }
            b'\\' | b';' | b'?' | b'#' => return None,
            byte if is_plain(byte) => out.push(byte),
            byte => push_triplet(&mut out, byte),
        }
    }
    Some(out)
}

fn check_segment(segment: &[u8]) -> Result<(), PathError> {
    match segment {
        b"" => Err(PathError::EmptySegment),
        b"." | b".." => Err(PathError::DotSegment),
        _ => Ok(()),
    }
}

fn check_triplet(value: u8) -> Result<(), PathError> {
    match value {
        b'/' => Err(PathError::EncodedSlash),
        b'\\' => Err(PathError::EncodedBackslash),
        b';' => Err(PathError::Semicolon),
        value if value.is_ascii_control() => Err(PathError::ControlCharacter),
        value if is_unreserved(value) => Err(PathError::EncodedUnreserved),
        _ => Ok(()),
    }
}

/// RFC 3986's normalisation as Envoy does it: one pass that decodes and removes dot segments.
///
/// With `decode_slashes` an encoded slash or backslash separates too, and
/// encoded controls other than NUL stay: Istio's own table for that mode has
/// them so. Triplets keep the case of their digits.
pub(super) fn base(path: &[u8], decode_slashes: bool, out: &mut Vec<u8>) -> Result<(), PathError> {
    let mut rewriter = Rewriter {
        out,
        segment_start: 0,
        stray: None,
        decode_slashes,
    };
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'/' | b'\\' => rewriter.separate(),
            b'%' => rest = rewriter.percent(after)?,
            byte if is_plain(byte) || byte == b';' => rewriter.out.push(byte),
            byte => push_triplet(rewriter.out, byte),
        }
    }
    rewriter.take_back_dots();
    Ok(())
}

struct Rewriter<'o> {
    out: &'o mut Vec<u8>,
    segment_start: usize,
    /// Where the output holds a `%` that begins no triplet.
    stray: Option<usize>,
    decode_slashes: bool,
}

impl Rewriter<'_> {
    /// Writes what a `%` stands for; returns what is left behind its digits.
    fn percent<'p>(&mut self, after: &'p [u8]) -> Result<&'p [u8], PathError> {
        let Some(value) = triplet(after) else {
            self.stray = Some(self.out.len());
            self.out.push(b'%');
            return Ok(after);
        };
        let (digits, rest) = after.split_at_checked(2).unwrap_or((after, &[]));
        match value {
            b'/' | b'\\' if self.decode_slashes => self.separate(),
            value if is_unreserved(value) => {
                // `%%32e` would become the triplet `%2e`, decoded by whoever reads it next.
                if value.is_ascii_hexdigit() && self.is_behind_stray() {
                    return Err(PathError::BadTriplet);
                }
                self.out.push(value);
            }
            value if is_refused_control(value, self.decode_slashes) => {
                return Err(PathError::ControlCharacter);
            }
            _ => {
                self.out.push(b'%');
                self.out.extend_from_slice(digits);
            }
        }
        Ok(rest)
    }

    fn is_behind_stray(&self) -> bool {
        self.stray.is_some_and(|at| self.out.len() - at <= 2)
    }

    fn separate(&mut self) {
        if self.out.is_empty() || !self.take_back_dots() {
            self.out.push(b'/');
            self.segment_start = self.out.len();
        }
        // No triplet reaches across a slash.
        self.stray = None;
    }

    /// Removes a last segment `.`, or `..` and the segment before it, up to the slash that opened it.
    fn take_back_dots(&mut self) -> bool {
        match self.out.get(self.segment_start..) {
            Some(b".") => {}
            Some(b"..") => {
                let before = self
                    .out
                    .get(..self.segment_start.saturating_sub(1))
                    .unwrap_or(&[]);
                if let Some(slash) = before.iter().rposition(|&byte| byte == b'/') {
                    self.segment_start = slash + 1;
                }
            }
            _ => return false,
        }
        self.out.truncate(self.segment_start);
        true
    }
}

/// Leaves one slash where there are several.
pub(super) fn merge_slashes(out: &mut Vec<u8>) {
    out.dedup_by(|next, previous| *next == b'/' && *previous == b'/');
}

/// All that is refused in an encoded form when nothing is rewritten.
pub(super) fn check_encoded_controls(path: &[u8]) -> Result<(), PathError> {
    let encoded = path.windows(3).filter_map(|window| match window {
        [b'%', digits @ ..] => triplet(digits),
        _ => None,
    });
    for value in encoded {
        if is_refused_control(value, false) {
            return Err(PathError::ControlCharacter);
        }
    }
    Ok(())
}

fn is_refused_control(value: u8, only_nul: bool) -> bool {
    if only_nul {
        value == 0
    } else {
        value.is_ascii_control()
    }
}

/// The byte that the two hex digits at the start of `digits` stand for.
fn triplet(digits: &[u8]) -> Option<u8> {
    let [high, low, ..] = digits else { return None };
    Some(hex_value(*high)? << 4 | hex_value(*low)?)
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn push_triplet(out: &mut Vec<u8>, value: u8) {
    let digit = |nibble: u8| {
        if nibble < 10 {
            b'0' + nibble
        } else {
            b'A' + nibble - 10
        }
    };
    out.extend_from_slice(&[b'%', digit(value >> 4), digit(value & 0xF)]);
}

/// RFC 3986 §2.3: a triplet of one of these means the same as the byte.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Brings the digits of all triplets into upper case (RFC 3986 §6.2.2.1), so that one octet is written one way.
pub(super) fn upper_triplets(path: &mut [u8]) {
    let mut rest = path;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let Some(behind) = rest.get_mut(at + 1..) else {
            return;
        };
        if triplet(behind).is_some()
            && let Some(digits) = behind.first_chunk_mut::<2>()
        {
            digits.make_ascii_uppercase();
        }
        rest = behind;
    }
}
