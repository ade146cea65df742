//! Why a YAML source cannot be read, in words for the person who wrote it.

use super::super::Span;
use super::super::builder::too_deep;
use super::super::sources::offset;
use crate::diagnostic::{Code, Diagnostic};

/// What the parser says, what we say, and the way out. The first row that fits is taken.
const WORDS: &[(&str, &str, &str)] = &[
    (
        "scalar, found unexpected end of stream",
        "this quoted string has no closing quote",
        "close it with the quote that it starts with",
    ),
    (
        "invalid trailing content after double-quoted scalar",
        "there is text after the closing quote",
        "put the whole value in one pair of quotes",
    ),
    (
        "found unknown escape character",
        "this string has an escape that YAML does not know",
        "write \\\\ for a backslash, or use single quotes",
    ),
    (
        "mapping values are not allowed in this context",
        "a `:` is not expected here",
        "put quotes around a value that holds `: `, or check the indentation",
    ),
    (
        "did not find expected ',' or '}'",
        "a `,` or the closing `}` is expected here",
        "close the brace; put quotes around a value that holds , [ ] { or }",
    ),
    (
        "flow sequence, expected ',' or ']'",
        "a `,` or the closing `]` is expected here",
        "close the bracket; put quotes around a value that holds , [ ] { or }",
    ),
    (
        "misplaced bracket",
        "this closing bracket was never opened",
        "remove it, or put quotes around the value",
    ),
    (
        "unexpected character: `",
        "a value cannot start with this character",
        "put quotes around the value",
    ),
    (
        "simple key expect",
        "a `:` is expected after this key",
        "write `key: value`, and check the indentation",
    ),
    (
        "did not find expected key",
        "a key is expected here",
        "indent it like the keys above it",
    ),
    (
        "did not find expected '-' indicator",
        "a list item is expected here",
        "start it with `- `, indented like the items above it",
    ),
    (
        "indentation",
        "the indentation fits nothing above it",
        "indent it like the lines that it belongs to",
    ),
    (
        "wrongly indented line in block scalar",
        "the text of this block is indented less than its first line",
        "indent all its lines alike",
    ),
    (
        "did not find expected node content",
        "a value is expected here",
        "write a value, or \"\" for an empty one",
    ),
    (
        "unexpected end of plain scalar",
        "a value is expected here",
        "put quotes around a value that starts with a punctuation mark",
    ),
    (
        "did not find expected <document",
        "this belongs to nothing above it",
        "check the indentation; a further document starts with `---`",
    ),
];

/// The diagnostic for an error of the parser, which stands at an empty span.
pub(super) fn syntax_error(at: Span, text: &str, info: &str) -> Diagnostic {
    let start = at.start as usize;
    let (before, after) = text.split_at_checked(start).unwrap_or((text, ""));
    let place = Span {
        end: at.start.saturating_add(offset(first_width(after))),
        ..at
    };
    if info == "recursion limit exceeded" {
        return too_deep(place);
    }
    if info.contains("unknown anchor") || info.contains("scanning an anchor or alias") {
        return unknown_anchor(place, text);
    }
    if let Some(tab) = indenting_tab(before, after, info) {
        let start = offset(tab);
        let end = start.saturating_add(1);
        let place = Span { start, end, ..at };
        let message = "a tab cannot be part of the indentation";
        return Diagnostic::error(Code::YAML_SYNTAX, place, message).help("indent with spaces");
    }
    if let Some(word) = bracketed_word(before, after) {
        let message = format!("`{word}` needs quotes here, its brackets are read as YAML");
        let error = Diagnostic::error(Code::YAML_SYNTAX, place, message);
        return error.help(format!("quote it: \"{word}\""));
    }
    let row = WORDS.iter().find(|(said, _, _)| info.contains(said));
    let error = match row {
        Some((_, message, help)) => Diagnostic::error(Code::YAML_SYNTAX, place, message).help(help),
        None => Diagnostic::error(Code::YAML_SYNTAX, place, info),
    };
    if after.trim().is_empty() && row.is_none_or(|(said, ..)| !said.contains("end of stream")) {
        return error.help("the text ends too early; is the file complete?");
    }
    error
}

/// An alias to nothing: most often a pattern that lacks quotes.
pub(super) fn unknown_anchor(at: Span, text: &str) -> Diagnostic {
    let after = text.get(at.start as usize..).unwrap_or_default();
    let word = after
        .split([' ', '\t', '\r', '\n', ',', ']', '}'])
        .next()
        .unwrap_or_default();
    let span = Span {
        end: at.start.saturating_add(offset(word.len())),
        ..at
    };
    if word.starts_with('&') {
        let message = "an anchor needs a name after `&`";
        let error = Diagnostic::error(Code::YAML_SYNTAX, span, message);
        return error.help(format!(
            "put quotes around a text that starts with `&`: \"{word}\""
        ));
    }
    let message = format!("YAML reads `{word}` as an alias, and no anchor has that name");
    Diagnostic::error(Code::UNKNOWN_ANCHOR, span, message).help(format!("quote it: \"{word}\""))
}

/// The tab that indents the line of the error, or a later line of the scalar that failed.
fn indenting_tab(before: &str, after: &str, info: &str) -> Option<usize> {
    let line_start = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let line = before.get(line_start..)?.trim_end_matches('\t').len() + line_start;
    let tab_in = |text: &str| {
        let blank = text.len() - text.trim_start_matches([' ', '\t']).len();
        text.get(..blank)?.find('\t')
    };
    if let Some(tab) = before.get(line_start..).and_then(tab_in) {
        return Some(line_start + tab);
    }
    if info.contains("tab") && !after.starts_with('\t') {
        let mut breaks = after.match_indices(['\n', '\r']);
        return breaks.find_map(|(at, _)| {
            let tab = tab_in(after.get(at + 1..)?)?;
            Some(before.len() + at + 1 + tab)
        });
    }
    (after.starts_with('\t') && line == before.len()).then_some(before.len())
}

/// The word in which a bracket stands that was read as YAML, such as `${office}`.
fn bracketed_word<'t>(before: &'t str, after: &'t str) -> Option<String> {
    const ENDS: [char; 7] = [' ', '\t', '\n', '\r', ',', '"', '\''];
    let head = before.rsplit(ENDS).next().unwrap_or_default();
    let head = head.trim_start_matches(['{', '[']);
    if head.is_empty() || !after.starts_with(['{', '[']) {
        return None;
    }
    let close = if after.starts_with('{') { '}' } else { ']' };
    let word = after
        .split(['\n', '\r', ',', ' '])
        .next()
        .unwrap_or_default();
    let inside = after
        .find(close)
        .filter(|at| *at < word.len())
        .map_or(word.len(), |at| at + 1);
    let tail = word.get(inside..).unwrap_or_default();
    let tail = tail.trim_end_matches([']', '}', ',', ':']);
    Some(format!(
        "{head}{}{tail}",
        word.get(..inside).unwrap_or_default()
    ))
}

fn first_width(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}
