//! Fixed words, patterns in scalars, and what is not supported yet, wherever they stand.

use crate::diagnostic::{Code, Diagnostic};
use crate::pattern::PatternError;
use crate::text::{Kind, Node, Span};

/// One of a few words.
pub(super) fn word<T: Copy>(node: &Node, words: &[(&'static str, T)]) -> Result<T, Diagnostic> {
    let text = node.as_str()?;
    if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*meaning);
    }
    let known: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    let message = match known.as_slice() {
        [one] => format!("\"{text}\" is not {one}"),
        _ => format!("\"{text}\" is none of {}", known.join(", ")),
    };
    let error = Diagnostic::error(Code::UNKNOWN_WORD, node.span, message);
    Err(error.suggesting(text, words.iter().map(|(word, _)| *word)))
}

/// A construct of the format whose time has not come.
pub(super) fn not_supported(span: Span, what: &str) -> Diagnostic {
    let message = format!("{what} is not supported yet");
    let help = "leave it out; a policy that needs it cannot be loaded by this version";
    Diagnostic::error(Code::NOT_SUPPORTED, span, message).help(help)
}

/// The text of a scalar, read as a pattern.
pub(super) fn pattern<T>(
    node: &Node,
    parse: impl FnOnce(&str) -> Result<T, PatternError>,
) -> Result<T, Diagnostic> {
    parse(node.as_str()?).map_err(|error| bad_pattern(node, error))
}

/// The fault of a pattern, pointed at where the scalar is written as it is read.
fn bad_pattern(node: &Node, error: PatternError) -> Diagnostic {
    let diagnostic = Diagnostic::error(Code::BAD_PATTERN, fault(node, error.at), error.message);
    match error.help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

fn fault(node: &Node, at: usize) -> Span {
    let Kind::Scalar { text, .. } = &node.kind else {
        return node.span;
    };
    let written = node.span.end.saturating_sub(node.span.start) as usize;
    let quotes = match written.checked_sub(text.len()) {
        Some(0) => 0,
        Some(2) => 1,
        // Escapes or several lines: offsets in the text are none in the source.
        _ => return node.span,
    };
    let offset = u32::try_from(at.min(text.len()) + quotes).unwrap_or(u32::MAX);
    Span {
        start: node.span.start.saturating_add(offset).min(node.span.end),
        ..node.span
    }
}
