//! What may reach a terminal: colour where it is wanted, and no control characters of others.

use std::borrow::Cow;
use std::io::IsTerminal;

/// Whether to colour what is written to `stream` (<https://no-color.org>).
pub(crate) fn wants_color(stream: &impl IsTerminal) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    stream.is_terminal()
        && !set("NO_COLOR")
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether a character may steer a terminal or reorder what is shown: C0 and C1 controls,
/// line separators, and Unicode's bidirectional marks (UAX #9 §2).
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text for one line of a terminal: unsafe characters escaped, bytes that are no text replaced.
pub(crate) fn one_line(text: &[u8]) -> Cow<'_, str> {
    escaped(String::from_utf8_lossy(text), is_unsafe)
}

/// Text for a terminal whose lines stay lines.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    escaped(Cow::Borrowed(text), |character| {
        character != '\n' && is_unsafe(character)
    })
}

/// At most `most` characters of [`one_line`].
pub(crate) fn shortened(text: &[u8], most: usize) -> String {
    // Four bytes a character at most: the rest need not be looked at.
    let head = text
        .get(..most.saturating_add(1).saturating_mul(4))
        .unwrap_or(text);
    let line = one_line(head);
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.into_owned(),
    }
}

fn escaped(text: Cow<'_, str>, unsafe_here: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&unsafe_here) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if unsafe_here(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::{lines, one_line, shortened};

    #[test]
    fn nothing_steers_the_terminal() {
        let cases: &[(&[u8], &str)] = &[
            (b"/t/acme", "/t/acme"),
            ("größe".as_bytes(), "größe"),
            (b"\x1b[31mred", r"\u{1b}[31mred"),
            (b"a\nb\rc\td\x7f", r"a\u{a}b\u{d}c\u{9}d\u{7f}"),
            ("\u{9b}31m".as_bytes(), r"\u{9b}31m"),
            (
                "a\u{202e}b\u{2066}c\u{200f}".as_bytes(),
                r"a\u{202e}b\u{2066}c\u{200f}",
            ),
            (b"\xff\xfe", "\u{fffd}\u{fffd}"),
        ];
        for (text, expected) in cases {
            assert_eq!(one_line(text), *expected, "{text:?}");
        }
        assert_eq!(lines("a\n\x1bb"), "a\n\\u{1b}b");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(shortened(b"abcdef", 6), "abcdef");
        assert_eq!(shortened(b"abcdefg", 6), "abcdef…");
        assert_eq!(shortened("ä".repeat(100).as_bytes(), 3), "äää…");
    }
}
