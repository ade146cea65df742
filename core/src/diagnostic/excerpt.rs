//! The part of a source line that a diagnostic shows, harmless to a terminal.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

use crate::text::Span;

/// Longest message or help, in characters; a policy's own text may be part of it.
pub(super) const MAX_MESSAGE_CHARS: usize = 500;
/// Characters of the line kept before the place and from it on.
const CHARS_BEFORE: usize = 80;
const CHARS_AFTER: usize = 120;
const CUT: char = '…';
/// What stands in the place of a secret, however long that is.
const SECRET: &str = "***";

/// One line, cut and escaped, with the bytes of it that are the place.
#[derive(Clone, Debug, Default)]
pub(super) struct Excerpt {
    text: String,
    marked: Range<usize>,
}

impl Excerpt {
    /// The first line of a span, without what is secret; a span of several lines is marked to the end of the first.
    pub(super) fn around(source: &str, span: Span, secrets: &[Span]) -> Self {
        let (start, end) = (span.start as usize, span.end as usize);
        let Some((before, after)) = source.split_at_checked(start) else {
            return Self::default();
        };
        let before = before.rsplit(['\n', '\r']).next().unwrap_or_default();
        let after = after.split(['\n', '\r']).next().unwrap_or_default();
        let length = end.saturating_sub(start).min(after.len());
        let (place, after) = after.split_at_checked(length).unwrap_or((after, ""));
        let place_end = start + place.len();
        // A line may be a whole source: only what can be shown is looked at.
        let before = last_chars(before, CHARS_BEFORE + 1);
        let shown = start - before.len()..place_end + after.len();
        let secrets: Vec<_> = secrets
            .iter()
            .filter(|secret| secret.source == span.source)
            .map(|secret| secret.start as usize..secret.end as usize)
            .filter(|secret| secret.start < shown.end && shown.start < secret.end)
            .collect();
        let before = without(before, start - before.len(), &secrets);
        let place = without(first_chars(place, CHARS_AFTER + 1), start, &secrets);
        let after = without(first_chars(after, CHARS_AFTER + 1), place_end, &secrets);
        Self::of(&before, &place, &after)
    }

    fn of(before: &str, place: &str, after: &str) -> Self {
        let mut text = String::new();
        let kept = last_chars(before, CHARS_BEFORE);
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
        Self::of(line, "", "")
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

fn first_chars(text: &str, count: usize) -> &str {
    match text.char_indices().nth(count) {
        Some((at, _)) => text.get(..at).unwrap_or_default(),
        None => text,
    }
}

fn last_chars(text: &str, count: usize) -> &str {
    let first = text.char_indices().rev().take(count).last();
    first.map_or("", |(at, _)| text.get(at..).unwrap_or_default())
}

/// The text that stands at `offset` of its source, with a mark in the place of each secret.
fn without<'t>(text: &'t str, offset: usize, secrets: &[Range<usize>]) -> Cow<'t, str> {
    let is_secret = |at: usize| secrets.iter().any(|secret| secret.contains(&at));
    if secrets.is_empty() || !(offset..offset + text.len()).any(is_secret) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    let mut hidden = false;
    for (at, c) in text.char_indices() {
        if is_secret(offset + at) {
            if !hidden {
                shown.push_str(SECRET);
            }
            hidden = true;
        } else {
            shown.push(c);
            hidden = false;
        }
    }
    Cow::Owned(shown)
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
