//! The sources of one load: names, texts, and offsets to lines and columns.

use std::ops::Range;

use serde::Serialize;

use super::{Node, SourceId, Span};
use crate::diagnostic::{Code, Diagnostic};
use crate::limits::MAX_SOURCE_BYTES;

/// Where a span stands, for a person: lines and columns from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) end_line: u32,
    /// The column just after the last character.
    pub(crate) end_column: u32,
}

/// Every source of a load.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    list: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    name: Box<str>,
    text: Box<str>,
    /// Offsets at which lines start.
    lines: Vec<u32>,
    characters: Characters,
}

impl Sources {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes a source in, if it is text; a byte order mark in front of it is dropped.
    pub(crate) fn add(&mut self, name: &str, bytes: &[u8]) -> Result<SourceId, Diagnostic> {
        let text = read_text(name, bytes)?;
        let id = SourceId(offset(self.list.len()));
        self.list.push(Source {
            name: name.into(),
            text: text.into(),
            lines: line_starts(text),
            characters: Characters::of(text),
        });
        Ok(id)
    }

    pub(crate) fn name(&self, id: SourceId) -> &str {
        self.get(id).map_or("", |source| &source.name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The names of all sources, in the order of their numbers.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|source| &*source.name)
    }

    pub(crate) fn text(&self, id: SourceId) -> &str {
        self.get(id).map_or("", |source| &source.text)
    }

    pub(crate) fn position(&self, span: Span) -> Position {
        let Some(source) = self.get(span.source) else {
            return Position::START;
        };
        let (line, column) = source.line_and_column(span.start);
        let (end_line, end_column) = source.line_and_column(span.end.max(span.start));
        Position {
            line,
            column,
            end_line,
            end_column,
        }
    }

    /// Where a part of a scalar's decoded text, in bytes, stands in its source.
    pub(crate) fn span_in_scalar(&self, node: &Node, part: Range<usize>) -> Span {
        let start = self.offset_in_scalar(node, part.start);
        // The end is behind the last character, whose own length is that of the source.
        let last = self.offset_in_scalar(node, part.end.saturating_sub(1).max(part.start));
        let after = self.text(node.span.source).get(last as usize..);
        let character = after.and_then(|after| after.chars().next());
        // A folded line break is no character of its line.
        let character = character.filter(|c| !part.is_empty() && !matches!(c, '\n' | '\r'));
        let width = character.map_or(0, char::len_utf8);
        let end = last
            .saturating_add(offset(width))
            .clamp(start, node.span.end.max(start));
        Span {
            start,
            end,
            ..node.span
        }
    }

    fn offset_in_scalar(&self, node: &Node, text_offset: usize) -> u32 {
        let at = super::locate::raw_offset(node, self.raw(node.span), text_offset);
        node.span
            .start
            .saturating_add(offset(at))
            .min(node.span.end)
    }

    /// A span's text as it is written.
    pub(crate) fn raw(&self, span: Span) -> &str {
        let text = self.text(span.source);
        text.get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }

    /// Characters to bytes, for a parser that counts the former.
    pub(super) fn byte_offset(&self, id: SourceId, character: usize) -> u32 {
        let source = self.get(id);
        source.map_or(0, |source| {
            source.characters.byte_offset(&source.text, character)
        })
    }

    fn get(&self, id: SourceId) -> Option<&Source> {
        self.list.get(id.0 as usize)
    }
}

impl Position {
    const START: Self = Self {
        line: 1,
        column: 1,
        end_line: 1,
        end_column: 1,
    };
}

impl Source {
    fn line_and_column(&self, at: u32) -> (u32, u32) {
        let line = self.lines.partition_point(|start| *start <= at);
        let start = line.checked_sub(1).and_then(|line| self.lines.get(line));
        let count = |at| self.characters.count_before(&self.text, at);
        let column = count(at).saturating_sub(count(start.copied().unwrap_or(0)));
        (offset(line), column.saturating_add(1))
    }
}

/// How many characters precede a byte, without counting from the start each time.
#[derive(Debug)]
enum Characters {
    /// One byte each.
    Ascii,
    /// The count before every block of `BLOCK` bytes.
    Blocks(Vec<u32>),
}

const BLOCK: usize = 64;

impl Characters {
    fn of(text: &str) -> Self {
        if text.is_ascii() {
            return Self::Ascii;
        }
        let blocks = text.as_bytes().chunks(BLOCK).scan(0_u32, |count, block| {
            let before = *count;
            *count += offset(block.iter().filter(|byte| starts_character(**byte)).count());
            Some(before)
        });
        Self::Blocks(blocks.collect())
    }

    fn count_before(&self, text: &str, at: u32) -> u32 {
        let Self::Blocks(blocks) = self else {
            return at.min(offset(text.len()));
        };
        let at = (at as usize).min(text.len());
        let block = (at / BLOCK).min(blocks.len().saturating_sub(1));
        let part = text.as_bytes().get(block * BLOCK..at).unwrap_or_default();
        let inside = part.iter().filter(|byte| starts_character(**byte)).count();
        blocks.get(block).copied().unwrap_or(0) + offset(inside)
    }

    fn byte_offset(&self, text: &str, character: usize) -> u32 {
        let Self::Blocks(blocks) = self else {
            return offset(character.min(text.len()));
        };
        let after = blocks.partition_point(|count| *count as usize <= character);
        let block = after.saturating_sub(1);
        let before = blocks.get(block).map_or(0, |count| *count as usize);
        let start = block * BLOCK;
        let rest = text.as_bytes().get(start..).unwrap_or_default();
        let mut starts = (start..)
            .zip(rest)
            .filter(|(_, byte)| starts_character(**byte));
        offset(
            starts
                .nth(character - before)
                .map_or(text.len(), |(at, _)| at),
        )
    }
}

/// Whether a byte of UTF-8 is not a continuation byte.
fn starts_character(byte: u8) -> bool {
    byte & 0xC0 != 0x80
}

/// Offsets fit: a source has at most `MAX_SOURCE_BYTES`.
pub(super) fn offset(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn line_starts(text: &str) -> Vec<u32> {
    let mut starts = vec![0];
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        let next = bytes.peek().map(|(_, next)| *next);
        if byte == b'\n' || (byte == b'\r' && next != Some(b'\n')) {
            starts.push(offset(at + 1));
        }
    }
    starts
}

fn read_text<'b>(name: &str, bytes: &'b [u8]) -> Result<&'b str, Diagnostic> {
    if bytes.len() > MAX_SOURCE_BYTES {
        let message = format!("this source is longer than {MAX_SOURCE_BYTES} bytes");
        let help = "split it and name the parts under `include`";
        return Err(Diagnostic::error_in_file(Code::SOURCE_TOO_LONG, name, message).help(help));
    }
    if let [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] = bytes {
        let message = "this source is UTF-16, not UTF-8";
        let help = "save it as UTF-8; editors and PowerShell's `Out-File -Encoding utf8` can";
        return Err(Diagnostic::error_in_file(Code::NOT_UTF8, name, message).help(help));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let (text, bad) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let (valid, rest) = bytes
                .split_at_checked(error.valid_up_to())
                .unwrap_or_default();
            (std::str::from_utf8(valid).unwrap_or_default(), rest.first())
        }
    };
    if let Some(at) = text.find(is_forbidden) {
        let (before, rest) = text.split_at_checked(at).unwrap_or_default();
        let c = rest.chars().next().unwrap_or_default();
        let message = format!("control character U+{:04X}", u32::from(c));
        let help = "this may be no text file; in a quoted string write an escape such as \"\\x1b\"";
        let error = Diagnostic::error_in_file(Code::CONTROL_CHARACTER, name, message);
        return Err(at_end_of(error.help(help), name, before));
    }
    match bad {
        None => Ok(text),
        Some(byte) => {
            let message = format!("byte 0x{byte:02X} is not UTF-8 here");
            let error = Diagnostic::error_in_file(Code::NOT_UTF8, name, message);
            Err(at_end_of(error.help("save the file as UTF-8"), name, text))
        }
    }
}

/// Control characters but tab, CR and LF (YAML 1.2, 5.1; NEL counts as printable there).
fn is_forbidden(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\r' | '\n' | '\u{85}')
}

fn at_end_of(error: Diagnostic, name: &str, before: &str) -> Diagnostic {
    let starts = line_starts(before);
    let line_start = starts.last().map_or(0, |start| *start as usize);
    let line_text = before.get(line_start..).unwrap_or_default();
    let column = offset(line_text.chars().count()).saturating_add(1);
    let position = Position {
        line: offset(starts.len()),
        column,
        end_line: offset(starts.len()),
        end_column: column.saturating_add(1),
    };
    error.at_position(name, position, line_text)
}
