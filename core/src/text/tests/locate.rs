//! From a place in a scalar's text back to the source.

use super::super::locate::decode;
use super::super::{Kind, Node, Sources};
use super::{document, load, scalars};
use std::ops::ControlFlow;

/// One scalar per row; the text of each is found again by decoding the raw source.
const SCALARS: &[&str] = &[
    "a b  c",
    "é # x",
    "a\n  b\n\n\n  c  \n d",
    "'a''b  c'",
    "'é\n   b\n\n\n  c  \n  d '",
    "\" a  \\\"é\\\\ \\x41\\u00e9\\U0001F600\\N\\_\\L\\P\\0\\a\\b\\t\\n\\v\\f\\r\\e\\ \\/\\\t \"",
    "\"a \\\n    b\\\n\n\n  \\ c\n\n  d\n  e\"",
    "|\n  a\n   b\n\n  c\n",
    "| # é\n\n\n   é  x\n\n\n   b\n     c\n\n\n",
    "|+\n  a\n\n\n",
    "|-\n  a\n\n",
    "|2\n    a\n  b\n",
    "|1-\n    a\n",
    "|\n  \ta\n  b\t\n",
    ">\n  a\n  b\n\n  c\n\n\n  d\n",
    ">\n\n  é\n  b\n    more\n\n    more\n  c\n  d\n",
    ">+\n  a\n\n   b\n\n",
    ">2-\n     a\n\n  b\n  c\n",
    ">\n  a\n  \tb\n  c\n",
    "|\n",
    "|+\n\n\n",
    "''",
    "\"\"",
];

fn decoded(sources: &Sources, node: &Node) -> (String, Vec<usize>) {
    let Kind::Scalar { text, style } = &node.kind else {
        panic!("a scalar");
    };
    let (mut again, mut places) = (String::new(), Vec::new());
    decode(sources.raw(node.span), *style, text, &mut |c, at| {
        again.push(c);
        places.push(at);
        ControlFlow::Continue(())
    });
    (again, places)
}

fn line_end_variants(scalar: &str) -> Vec<String> {
    let contexts = [
        format!("é: {scalar}"),
        format!(
            "é: # ö\n - k: {}\n   z: ü\n",
            scalar.replace('\n', "\n    ")
        ),
        format!("- {scalar}"),
    ];
    let crlf = contexts.iter().map(|text| text.replace('\n', "\r\n"));
    let cr = contexts.iter().map(|text| text.replace('\n', "\r"));
    contexts.iter().cloned().chain(crlf).chain(cr).collect()
}

#[test]
fn decoding_again_gives_the_same_text() {
    for scalar in SCALARS {
        for text in line_end_variants(scalar) {
            let (sources, node) = document("x.yaml", &text);
            for node in scalars(&node) {
                let expected = node.as_str().unwrap();
                let (again, places) = decoded(&sources, node);
                assert!(
                    again.starts_with(expected),
                    "{text:?}: {expected:?}, {again:?}"
                );
                let more = again.len() - expected.len();
                let tail = &again[expected.len()..];
                assert!(
                    more == 0 || tail.chars().all(|c| c == '\n'),
                    "{text:?}: {again:?}"
                );
                assert!(places.is_sorted_by(|a, b| a < b), "{text:?}: {places:?}");
                // A character that was not folded or escaped stands at its place.
                let raw = sources.raw(node.span);
                for (c, at) in again.chars().zip(places).filter(|(c, _)| c.is_alphabetic()) {
                    let written = raw[at..].chars().next().unwrap();
                    assert!(written == c || written == '\\', "{text:?}: {c:?} at {at}");
                }
            }
        }
    }
}

#[test]
fn a_place_in_the_text_is_found_in_the_source() {
    #[rustfmt::skip]
    let rows = [
        // source, what to find in the decoded text, line and column in the source
        ("when: a == bad", "bad", (1, 12)),
        ("when: &w a == bad\n", "bad", (1, 15)),
        ("é:\n  a ==\n    é bad", "bad", (3, 7)),
        ("when: 'it''s bad'", "bad", (1, 14)),
        ("when: \"\\u00e9\\n\\\"bad\"", "bad", (1, 18)),
        ("when: \"a ||\n  bad\"", "bad", (2, 3)),
        ("when: \"a\\\n  bad\"", "bad", (2, 3)),
        ("when: |\n  a\n\n    bad\n", "bad", (4, 5)),
        ("when: |2\n    a\n  bad\n", "bad", (3, 3)),
        ("when: >- # c\n\n  a ||\n  é bad\n", "bad", (4, 5)),
        ("when: >\n  a\n\n  bad\n", "bad", (4, 3)),
        ("when: >\n  a\n  b\n", " ", (2, 4)),
        ("{\"when\": \"\\ud83d\\ude00 bad\"}", "bad", (1, 24)),
        ("when: 12", "2", (1, 8)),
    ];
    for (source, piece, place) in rows {
        let (sources, node) = document("x.yaml", source);
        let node = scalars(&node)[0];
        let offset = node.as_str().unwrap().find(piece).unwrap();
        let at = sources.position(sources.span_in_scalar(node, offset..offset + 1));
        assert_eq!((at.line, at.column), place, "{source:?}");
        let width = u32::from(piece != " ");
        assert_eq!(
            (at.end_line, at.end_column),
            (place.0, place.1 + width),
            "{source:?}"
        );
    }
}

#[test]
fn the_end_of_the_text_is_after_its_last_character() {
    #[rustfmt::skip]
    let rows = [
        ("k: ab", (1, 6)), ("k: 'ab' # c", (1, 7)), ("k: \"ab\"", (1, 7)), ("k: |-\n  ab\n\n", (2, 5)),
        ("k: >-\n  ab\n  cd\nl: x", (3, 5)), ("k: ''", (1, 4)),
    ];
    for (source, place) in rows {
        let (sources, node) = document("x.yaml", source);
        let node = scalars(&node)[0];
        for beyond in [0, 1, 1_000] {
            let end = node.as_str().unwrap().len() + beyond;
            let at = sources.position(sources.span_in_scalar(node, end..end + 1));
            assert_eq!((at.line, at.column), place, "{source:?} + {beyond}");
        }
    }
}

#[test]
fn a_copy_points_at_what_was_copied() {
    let loaded = load("x.yaml", "a: &x 'p bad'\nb: *x\n");
    let document = &loaded.documents.unwrap()[0];
    let copy = scalars(document)[1];
    let at = loaded
        .sources
        .position(loaded.sources.span_in_scalar(copy, 2..2 + 1));
    assert_eq!((at.line, at.column), (1, 10));
}
