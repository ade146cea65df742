//! JSON lines that are safe on a terminal too.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::terminal::is_unsafe;

/// Writes one value as one line.
pub(crate) fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, Line))?;
    out.write_all(b"\n")
}

/// Compact JSON; escapes also those control characters that JSON would let through (RFC 8259 §7).
struct Line;

impl Formatter for Line {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        mut fragment: &str,
    ) -> io::Result<()> {
        while let Some((at, found)) = fragment
            .char_indices()
            .find(|(_, character)| is_unsafe(*character))
        {
            let (before, rest) = fragment.split_at(at);
            write!(out, "{before}\\u{:04x}", u32::from(found))?;
            fragment = rest.get(found.len_utf8()..).unwrap_or_default();
        }
        out.write_all(fragment.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_comes_back_and_controls_are_escaped() {
        let text = "a\u{9b}31m\u{7f}\u{202e}\u{1b}é\"\n";
        let mut out = Vec::new();
        super::write_line(&mut out, &[text]).expect("writing to memory");
        let line = String::from_utf8(out).expect("JSON is text");
        assert_eq!(line, "[\"a\\u009b31m\\u007f\\u202e\\u001bé\\\"\\n\"]\n");
        let back: Vec<String> = serde_json::from_str(&line).expect("JSON");
        assert_eq!(back, [text]);
    }
}
