//! What becomes a source, and offsets to lines and columns.

use super::super::{Sources, Span};
use crate::limits::MAX_SOURCE_BYTES;

#[test]
fn what_is_no_text_is_refused_with_its_place() {
    let long = vec![b' '; MAX_SOURCE_BYTES + 1];
    type Row<'r> = (&'r [u8], &'r str, Option<(u32, u32)>);
    let rows: &[Row<'_>] = &[
        (&long, "GL001", None),
        (b"a: 1\nb\xC3\xA9\xFFx", "GL002", Some((2, 3))),
        (b"\xFF", "GL002", Some((1, 1))),
        (b"a: \xC3", "GL002", Some((1, 4))),
        (b"\xFF\xFEa\0", "GL002", None),
        (b"\xFE\xFF\0a", "GL002", None),
        (b"a: b\0", "GL003", Some((1, 5))),
        (b"\x7FELF\x02\xFF", "GL003", Some((1, 1))),
        (b"a: 1\r\nb: \x1B[31m", "GL003", Some((2, 4))),
        ("a: \u{9b}".as_bytes(), "GL003", Some((1, 4))),
    ];
    for (bytes, code, place) in rows {
        let error = Sources::new().add("x.yaml", bytes).unwrap_err();
        let shown = error.render(false);
        assert_eq!(error.code().to_string(), *code, "{shown}");
        assert_eq!(error.line().zip(error.column()), *place, "{shown}");
        assert_eq!(error.file(), Some("x.yaml"));
        assert!(error.help_text().is_some(), "{shown}");
    }
}

#[test]
fn a_byte_order_mark_is_dropped() {
    let mut sources = Sources::new();
    let id = sources.add("x.yaml", b"\xEF\xBB\xBFa: 1\tb\r\n").unwrap();
    assert_eq!(
        (sources.text(id), sources.name(id)),
        ("a: 1\tb\r\n", "x.yaml")
    );
}

#[test]
fn every_offset_has_its_line_and_column() {
    let long = format!("{}\n{}é\n", "é€𝄞x".repeat(100), "y".repeat(200));
    for text in ["", "a", "ab\ncd\n", "a\r\nb\rc\n\n", "é€\n𝄞x\r\ny", &long] {
        let mut sources = Sources::new();
        let source = sources.add("x", text.as_bytes()).unwrap();
        let (mut line, mut column) = (1, 1);
        let mut characters = text.char_indices().enumerate().peekable();
        while let Some((index, (at, c))) = characters.next() {
            let at = u32::try_from(at).unwrap();
            let span = Span {
                source,
                start: at,
                end: at,
            };
            let place = sources.position(span);
            assert_eq!(
                (place.line, place.column),
                (line, column),
                "{at} of {text:?}"
            );
            assert_eq!(sources.byte_offset(source, index), at);
            let next = characters.peek().map(|(_, (_, c))| *c);
            if c == '\n' || (c == '\r' && next != Some('\n')) {
                (line, column) = (line + 1, 1);
            } else {
                column += 1;
            }
        }
        let end = u32::try_from(text.len()).unwrap();
        let whole = sources.position(Span {
            source,
            start: 0,
            end,
        });
        assert_eq!((whole.line, whole.column), (1, 1));
        assert_eq!(
            (whole.end_line, whole.end_column),
            (line, column),
            "{text:?}"
        );
        assert_eq!(sources.byte_offset(source, usize::MAX), end);
    }
}
