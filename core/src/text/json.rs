//! JSON to nodes: strict RFC 8259, without recursion, with byte spans.
//!
//! YAML readers refuse escaped surrogate pairs, and the JSON crates that keep spans recurse,
//! accept more than JSON, or read an unpaired surrogate as something else.

use super::builder::{Builder, Collection, Documents};
use super::sources::offset;
use super::{SourceId, Span, Style};
use crate::diagnostic::{Code, Diagnostic};

/// At most one document; an empty source has none.
pub(super) fn parse(id: SourceId, text: &str) -> Result<Documents, Diagnostic> {
    let mut reader = Reader {
        text,
        at: 0,
        builder: Builder::new(id),
    };
    if reader.next_token().is_none() {
        return Ok(reader.builder.finish());
    }
    let mut open = Vec::new();
    loop {
        let done = reader.value(&mut open)? && reader.after_value(&mut open)?;
        if done {
            break;
        }
    }
    match reader.next_token() {
        None => Ok(reader.builder.finish()),
        Some(_) => Err(reader.error("there is more text after the end of the document")),
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    builder: Builder,
}

impl<'t> Reader<'t> {
    /// Reads a value, or the opening of one; says whether a value is complete.
    fn value(&mut self, open: &mut Vec<Collection>) -> Result<bool, Diagnostic> {
        match self.next_token() {
            Some(b'[') => self.open(Collection::Sequence, b']', open),
            Some(b'{') => self.open(Collection::Mapping, b'}', open),
            Some(b'"') => {
                let (span, text) = self.string()?;
                self.scalar(span, text, Style::DoubleQuoted)?;
                Ok(true)
            }
            Some(_) => {
                let (span, text) = self.bare()?;
                self.scalar(span, text, Style::JsonBare)?;
                Ok(true)
            }
            None => Err(self.error("the text ends where a value is expected")),
        }
    }

    fn open(
        &mut self,
        collection: Collection,
        closing: u8,
        open: &mut Vec<Collection>,
    ) -> Result<bool, Diagnostic> {
        self.builder.open(collection, offset(self.at))?;
        self.at += 1;
        if self.next_token() == Some(closing) {
            self.close();
            return Ok(true);
        }
        open.push(collection);
        if collection == Collection::Mapping {
            self.key()?;
        }
        Ok(false)
    }

    /// Reads `,` and closing brackets; says whether the document is complete.
    fn after_value(&mut self, open: &mut Vec<Collection>) -> Result<bool, Diagnostic> {
        while let Some(collection) = open.last() {
            match (self.next_token(), collection) {
                (Some(b','), Collection::Sequence) => {
                    self.at += 1;
                    return Ok(false);
                }
                (Some(b','), Collection::Mapping) => {
                    self.at += 1;
                    self.key()?;
                    return Ok(false);
                }
                (Some(b']'), Collection::Sequence) | (Some(b'}'), Collection::Mapping) => {
                    open.pop();
                    self.close();
                }
                (_, Collection::Sequence) => return Err(self.error("expected `,` or `]`")),
                (_, Collection::Mapping) => return Err(self.error("expected `,` or `}`")),
            }
        }
        Ok(true)
    }

    fn close(&mut self) {
        self.at += 1;
        if let Some(node) = self.builder.close(Some(offset(self.at))) {
            self.builder.attach(node);
        }
    }

    fn key(&mut self) -> Result<(), Diagnostic> {
        if self.next_token() != Some(b'"') {
            return Err(self.error("a key in double quotes is expected here"));
        }
        let (span, text) = self.string()?;
        self.scalar(span, text, Style::DoubleQuoted)?;
        if self.next_token() != Some(b':') {
            return Err(self.error("expected `:` after the key"));
        }
        self.at += 1;
        Ok(())
    }

    fn scalar(&mut self, span: Span, text: Box<str>, style: Style) -> Result<(), Diagnostic> {
        self.builder.count(1, span.start)?;
        let node = self.builder.scalar(span, text, style);
        self.builder.attach(node);
        Ok(())
    }

    /// A number, `true`, `false` or `null`.
    fn bare(&mut self) -> Result<(Span, Box<str>), Diagnostic> {
        let rest = self.rest();
        let ends = |c: char| c.is_ascii_whitespace() || ",:[]{}\"".contains(c);
        let word = rest.split(ends).next().unwrap_or_default();
        if !matches!(word, "true" | "false" | "null") && !is_number(word) {
            return Err(self
                .error("this is no JSON value")
                .help("a text needs double quotes"));
        }
        let start = self.at;
        self.at += word.len();
        Ok((self.span(start), word.into()))
    }

    fn string(&mut self) -> Result<(Span, Box<str>), Diagnostic> {
        let start = self.at;
        self.at += 1;
        let mut decoded = String::new();
        loop {
            let rest = self.rest();
            let plain = rest.find(|c: char| matches!(c, '"' | '\\') || c < ' ');
            let Some((run, _)) = plain.and_then(|at| rest.split_at_checked(at)) else {
                self.at = start;
                return Err(self.error("this string has no closing quote"));
            };
            let length = run.len();
            decoded.push_str(run);
            self.at += length;
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok((self.span(start), decoded.into_boxed_str()));
                }
                Some(b'\\') => {
                    let Some((c, length)) = unescape(self.rest()) else {
                        return Err(self.error("this is no JSON escape").help(
                            "a backslash is written \\\\, other planes as a pair \\ud83d\\ude00",
                        ));
                    };
                    decoded.push(c);
                    self.at += length;
                }
                _ => return Err(self.error("a line break or tab in a string is written \\n, \\t")),
            }
        }
    }

    fn next_token(&mut self) -> Option<u8> {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.byte()
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn span(&self, start: usize) -> Span {
        self.builder.span(offset(start), offset(self.at))
    }

    fn error(&self, message: &str) -> Diagnostic {
        let width = self.rest().chars().next().map_or(0, char::len_utf8);
        let span = self.builder.span(offset(self.at), offset(self.at + width));
        Diagnostic::error(Code::JSON_SYNTAX, span, message)
    }
}

/// The character of the escape that the text starts with, and the bytes that it takes.
pub(super) fn unescape(text: &str) -> Option<(char, usize)> {
    let simple = match text.as_bytes() {
        [b'\\', b'u', ..] => return unescape_unicode(text),
        [b'\\', c @ (b'"' | b'\\' | b'/'), ..] => char::from(*c),
        [b'\\', b'b', ..] => '\u{8}',
        [b'\\', b'f', ..] => '\u{c}',
        [b'\\', b'n', ..] => '\n',
        [b'\\', b'r', ..] => '\r',
        [b'\\', b't', ..] => '\t',
        _ => return None,
    };
    Some((simple, 2))
}

fn unescape_unicode(text: &str) -> Option<(char, usize)> {
    let high = code_unit(text)?;
    if let Some(c) = char::from_u32(high) {
        return Some((c, 6));
    }
    let low = code_unit(text.get(6..)?)?;
    let pair = (0xD800..0xDC00).contains(&high) && (0xDC00..0xE000).contains(&low);
    let code = 0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF);
    pair.then(|| char::from_u32(code))?.map(|c| (c, 12))
}

fn code_unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let all_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all_hex.then(|| u32::from_str_radix(digits, 16).ok())?
}

/// The grammar of RFC 8259, section 6.
pub(super) fn is_number(word: &str) -> bool {
    let unsigned = word.strip_prefix('-').unwrap_or(word);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.map(|e| e.strip_prefix(['+', '-']).unwrap_or(e));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}
