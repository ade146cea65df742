//! From a place in a scalar's decoded text back to the source it was written in.
//!
//! Each style is decoded once more, with the place of every character it yields.

use std::ops::ControlFlow;

use super::json::unescape;
use super::{Kind, Node, Style};

/// Receives decoded characters and the raw offset that each one comes from.
type Emit<'e> = &'e mut dyn FnMut(char, usize) -> ControlFlow<()>;

/// The offset in the raw text of a scalar that `text_offset` of its decoded text comes from.
pub(super) fn raw_offset(node: &Node, raw: &str, text_offset: usize) -> usize {
    let Kind::Scalar { text, style } = &node.kind else {
        return 0;
    };
    let mut decoded = 0;
    let mut after_last = 0;
    let mut found = None;
    decode(raw, *style, text, &mut |c, at| {
        // A text ends where its last character does, not where a cut line break stands.
        if decoded >= text.len() {
            return ControlFlow::Break(());
        }
        decoded += c.len_utf8();
        after_last = at
            + raw
                .get(at..)
                .and_then(|rest| rest.chars().next())
                .map_or(0, char::len_utf8);
        if decoded > text_offset {
            found = Some(at);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    found.unwrap_or(after_last)
}

/// Decodes raw text; a block scalar's final line breaks may be more than its text has.
pub(super) fn decode(raw: &str, style: Style, text: &str, emit: Emit<'_>) {
    let _ = match style {
        Style::JsonBare => characters(raw, 0, emit),
        Style::Plain => flow(raw, 0, raw.len(), style, emit),
        Style::SingleQuoted | Style::DoubleQuoted => {
            flow(raw, 1, raw.len().saturating_sub(1), style, emit)
        }
        Style::Literal => block(raw, text, false, emit),
        Style::Folded => block(raw, text, true, emit),
    };
}

fn characters(text: &str, start: usize, emit: Emit<'_>) -> ControlFlow<()> {
    text.char_indices()
        .try_for_each(|(at, c)| emit(c, start + at))
}

/// Plain and quoted scalars: line folding, and the escapes of the quoted ones.
fn flow(raw: &str, start: usize, end: usize, style: Style, emit: Emit<'_>) -> ControlFlow<()> {
    let content = raw.get(..end).unwrap_or(raw);
    let mut at = start;
    while let Some(rest) = content.get(at..).filter(|rest| !rest.is_empty()) {
        let c = rest.chars().next().unwrap_or_default();
        let space = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        if space > 0 {
            let (space, _) = rest.split_at_checked(space).unwrap_or_default();
            fold(space, at, emit)?;
            at += space.len();
        } else if c == '\'' && style == Style::SingleQuoted {
            emit('\'', at)?;
            at += 2;
        } else if c == '\\' && style == Style::DoubleQuoted {
            at += escape(rest, at, emit)?;
        } else {
            emit(c, at)?;
            at += c.len_utf8();
        }
    }
    ControlFlow::Continue(())
}

/// White space between words: one line break is a space, each further one a line break.
fn fold(space: &str, start: usize, emit: Emit<'_>) -> ControlFlow<()> {
    let mut breaks = line_breaks(space);
    let Some(first) = breaks.next() else {
        return characters(space, start, emit);
    };
    let mut further = breaks.peekable();
    if further.peek().is_none() {
        return emit(' ', start + first);
    }
    further.try_for_each(|at| emit('\n', start + at))
}

/// One escape of a double-quoted scalar; yields how long it is.
fn escape(rest: &str, at: usize, emit: Emit<'_>) -> ControlFlow<(), usize> {
    let mut after = rest.chars().skip(1);
    let c = after.next().unwrap_or_default();
    if matches!(c, '\n' | '\r') {
        let tail = rest.get(1..).unwrap_or_default();
        let space = tail.len() - tail.trim_start_matches([' ', '\t', '\n', '\r']).len();
        let (space, _) = tail.split_at_checked(space).unwrap_or_default();
        line_breaks(space)
            .skip(1)
            .try_for_each(|offset| emit('\n', at + 1 + offset))?;
        return ControlFlow::Continue(1 + space.len());
    }
    let (c, length) = match c {
        'x' => (code_point(rest, 2), 4),
        'U' => (code_point(rest, 8), 10),
        '0' => ('\0', 2),
        'a' => ('\u{7}', 2),
        'v' => ('\u{b}', 2),
        'e' => ('\u{1b}', 2),
        'N' => ('\u{85}', 2),
        '_' => ('\u{a0}', 2),
        'L' => ('\u{2028}', 2),
        'P' => ('\u{2029}', 2),
        // The ones that JSON has too; what is left stands for itself.
        _ => unescape(rest).unwrap_or((c, 1 + c.len_utf8())),
    };
    emit(c, at)?;
    ControlFlow::Continue(length)
}

fn code_point(rest: &str, digits: usize) -> char {
    let code = rest
        .get(2..2 + digits)
        .and_then(|hex| u32::from_str_radix(hex, 16).ok());
    code.and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Literal and folded blocks; `text` tells how far the block is indented.
fn block(raw: &str, text: &str, folded: bool, emit: Emit<'_>) -> ControlFlow<()> {
    let mut lines = Lines { raw, at: 0 };
    lines.next();
    let body = lines.at;
    let indent = block_indent(raw.get(body..).unwrap_or_default(), text);
    // Line breaks that wait for the next line of content; the first ends the line before.
    let mut breaks: Vec<usize> = Vec::new();
    let mut previous: Option<bool> = None;
    for (start, line) in lines {
        let spaces = line.len() - line.trim_start_matches(' ').len();
        let end = start + line.len();
        if spaces == line.len() && spaces <= indent {
            breaks.push(end);
            continue;
        }
        let skipped = indent.min(spaces);
        let content = line.get(skipped..).unwrap_or_default();
        let starts_blank = content.starts_with([' ', '\t']);
        let joins = folded && previous == Some(false) && !starts_blank;
        match breaks.as_slice() {
            [only] if joins => emit(' ', *only)?,
            [_, further @ ..] if joins => further.iter().try_for_each(|at| emit('\n', *at))?,
            all => all.iter().try_for_each(|at| emit('\n', *at))?,
        }
        breaks.clear();
        characters(content, start + skipped, emit)?;
        previous = Some(starts_blank);
        breaks.push(end);
    }
    breaks.iter().try_for_each(|at| emit('\n', *at))
}

/// The first line of content has lost its indentation in the decoded text, and no more.
fn block_indent(body: &str, text: &str) -> usize {
    let spaces = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let mut raw_lines = Lines { raw: body, at: 0 };
    let first = raw_lines.find(|(_, line)| !line.trim_start_matches(' ').is_empty());
    let decoded = text
        .split('\n')
        .find(|line| !line.trim_start_matches(' ').is_empty());
    match (first, decoded) {
        (Some((_, raw)), Some(decoded)) => spaces(raw).saturating_sub(spaces(decoded)),
        _ => body.split(['\n', '\r']).map(spaces).max().unwrap_or(0),
    }
}

/// Where lines end; CR LF is one line break.
fn line_breaks(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.bytes().enumerate();
    bytes.filter_map(move |(at, byte)| {
        let after_cr = at
            .checked_sub(1)
            .and_then(|before| text.as_bytes().get(before));
        (byte == b'\r' || (byte == b'\n' && after_cr != Some(&b'\r'))).then_some(at)
    })
}

/// Lines without their breaks, and where they start.
struct Lines<'t> {
    raw: &'t str,
    at: usize,
}

impl<'t> Iterator for Lines<'t> {
    type Item = (usize, &'t str);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        let rest = self.raw.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let (line, tail) = rest.split_at_checked(length)?;
        let width = if tail.starts_with("\r\n") { 2 } else { 1 };
        self.at = start + (length + width).min(rest.len());
        Some((start, line))
    }
}
