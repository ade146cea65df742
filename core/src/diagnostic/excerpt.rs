//! The part of a source line that a diagnostic shows, harmless to a terminal.

use std::fmt::Write;
use std::ops::Range;

use crate::text::Span;

/// Longest message or help, in characters; a policy's own text may be part of it.
pub(super) const MAX_MESSAGE_CHARS: usize = 500;
/// Characters of the line kept before the place and from it on.
const CHARS_BEFORE: usize = 80;
const CHARS_AFTER: usize = 120;
const CUT: char = '…';

/// One line, cut and escaped, with the bytes of it that are the place.
#[derive(Clone, Debug, Default)]
pub(super) struct Excerpt {
    text: String,
    marked: Range<usize>,
}

impl Excerpt {
    /// The first line of a span; a span of several lines is marked to the end of the first.
    pub(super) fn around(source: &str, span: Span) -> Self {
        let (start, end) = (span.start as usize, span.end as usize);
        let Some((before, after)) = source.split_at_checked(start) else {
            return Self::default();
        };
        let before = before.rsplit(['\n', '\r']).next().unwrap_or_default();
        let after = after.split(['\n', '\r']).next().unwrap_or_default();
        let length = end.saturating_sub(start).min(after.len());
        let (place, after) = after.split_at_checked(length).unwrap_or((after, ""));

        let mut text = String::new();
        let kept = before.char_indices().rev().take(CHARS_BEFORE).last();
        let kept = kept.map_or("", |(at, _)| before.get(at..).unwrap_or_default());
        if kept.len() < before.len() {
            text.push(CUT);
        }
        escape_into(&mut text, kept, usize::MAX);
        let mark = text.len();
        let left = escape_into(&mut text, place, CHARS_AFTER);
        let marked = mark..text.len();
        escape_into(&mut text, after, left);
        Self { text, marked }
    }

    /// A line of which only the part before the problem is text.
    pub(super) fn at_end_of(line: &str) -> Self {
        let end = u32::try_from(line.len()).unwrap_or(u32::MAX);
        Self::around(
            line,
            Span {
                source: crate::text::SourceId(0),
                start: end,
                end,
            },
        )
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The column of the place in this line, from 1.
    pub(super) fn column(&self) -> usize {
        let before = self.text.get(..self.marked.start).unwrap_or_default();
        before.chars().count() + 1
    }

    pub(super) fn marked(&self) -> Range<usize> {
        self.marked.clone()
    }
}

/// The text with what could move a terminal's cursor or reorder its line written as escapes.
pub(super) fn escape(text: &str, max_chars: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max_chars));
    escape_into(&mut out, text, max_chars);
    out
}

/// Appends at most `max_chars` characters and the mark of a cut; says how many were left.
fn escape_into(out: &mut String, text: &str, max_chars: usize) -> usize {
    let mut left = max_chars;
    for c in text.chars() {
        let Some(rest) = left.checked_sub(1) else {
            if !out.ends_with(CUT) {
                out.push(CUT);
            }
            return 0;
        };
        left = rest;
        match c {
            '\t' => out.push(' '),
            c if is_unsafe(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "{}", c.escape_default());
            }
            c => out.push(c),
        }
    }
    left
}

/// Control characters, and the ones that change the direction of writing (UAX #9).
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}'
        )
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
