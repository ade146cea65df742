//! Hostile sources: each is answered with a diagnostic, on a small stack.

use std::thread;

use super::{Loaded, document, load, scalars};
use crate::limits::{MAX_ALIAS_NODES, MAX_DOCUMENT_DEPTH};

/// Loads on a stack that a recursion over the input would overflow.
fn load_on_small_stack(name: &'static str, text: String) -> Loaded {
    let thread = thread::Builder::new().stack_size(128 << 10);
    thread
        .spawn(move || load(name, &text))
        .unwrap()
        .join()
        .unwrap()
}

fn codes(loaded: &Loaded) -> Vec<u16> {
    loaded
        .diagnostics
        .iter()
        .map(|d| d.code().number())
        .collect()
}

#[test]
fn deep_nesting_is_refused_without_recursion() {
    const DEEP: usize = 100_000;
    let staircase = (0..2_000).map(|n| format!("{}a:\n", " ".repeat(n)));
    #[rustfmt::skip]
    let rows: Vec<(&'static str, String, u16)> = vec![
        ("x.yaml", "[".repeat(DEEP), 6),
        ("x.yaml", "k: ".to_owned() + &"[".repeat(DEEP), 6),
        ("x.yaml", "{a: ".repeat(DEEP), 6),
        ("x.yaml", "{".repeat(DEEP), 6),
        ("x.yaml", "[{".repeat(DEEP), 6),
        ("x.yaml", "- ".repeat(DEEP), 6),
        ("x.yaml", "? ".repeat(DEEP), 6),
        ("x.yaml", staircase.collect(), 6),
        ("x.yaml", "[".repeat(200) + &"]".repeat(200), 6),
        ("x.json", "[".repeat(DEEP), 6),
        ("x.json", "{\"a\":".repeat(DEEP), 6),
        ("x.yaml", "[".repeat(DEEP) + "1" + &"]".repeat(DEEP), 6),
        ("x.yaml", "!a ".repeat(DEEP), 4),
        ("x.yaml", "&a ".repeat(DEEP), 4),
    ];
    for (name, text, code) in rows {
        let start: String = text.chars().take(20).collect();
        let loaded = load_on_small_stack(name, text);
        assert_eq!(codes(&loaded), [code], "{start} {:?}", loaded.diagnostics);
        assert!(loaded.documents.is_none(), "{start}");
    }
}

#[test]
fn the_deepest_nesting_that_is_allowed_is_read() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for name in ["x.json", "x.yaml"] {
            let text = |depth| format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let (_, node) = document(name, &text(MAX_DOCUMENT_DEPTH));
            assert_eq!(scalars(&node).len(), 1);
            assert_eq!(
                codes(&load(name, &text(MAX_DOCUMENT_DEPTH + 1))),
                [6],
                "{open}"
            );
        }
    }
}

#[test]
fn aliases_cannot_blow_a_document_up() {
    let laughs = (1..30).map(|n| format!("a{n}: &a{n} [*a{0},*a{0},*a{0},*a{0}]\n", n - 1));
    let bomb = "a0: &a0 [x, x]\n".to_owned() + &laughs.collect::<String>();
    assert_eq!(codes(&load_on_small_stack("x.yaml", bomb)), [8]);

    // Anchors in anchors would be kept once for each level.
    let many = "x, ".repeat(MAX_ALIAS_NODES / 8);
    let nested = (0..10).map(|n| format!("&n{n} [")).collect::<String>() + &many + &"]".repeat(10);
    assert_eq!(codes(&load("x.yaml", &format!("a: {nested}\n"))), [0; 0]);
    assert_eq!(
        codes(&load("x.yaml", &format!("a: {nested}\nb: *n0\n"))),
        [8]
    );

    // A copy may not be deeper than the limit either.
    let half = MAX_DOCUMENT_DEPTH / 2;
    let text = |more: usize| {
        let (open, close) = ("[".repeat(half), "]".repeat(half));
        let (more_open, more_close) = ("[".repeat(more), "]".repeat(more));
        format!("- &a {open}{close}\n- {more_open}*a{more_close}\n")
    };
    assert_eq!(codes(&load("x.yaml", &text(half - 1))), [0; 0]);
    assert_eq!(codes(&load("x.yaml", &text(half))), [6]);
}

#[test]
fn a_value_without_end_is_refused() {
    for (start, piece) in [
        ("- [", "a,"),
        ("a: |", "\n"),
        ("a: \"", "b "),
        ("[", "[a: "),
        ("", "#\n"),
    ] {
        let loaded = load("x.yaml", &(start.to_owned() + &piece.repeat(2_500_000)));
        let code = if piece == "[a: " { 6 } else { 7 };
        assert_eq!(codes(&loaded), [code], "{start}");
        assert_eq!(loaded.diagnostics[0].line(), Some(1), "{start}");
    }
}

#[test]
fn anchors_that_nobody_uses_cost_nothing() {
    let loaded = load("x.yaml", &"- &a b\n".repeat(MAX_ALIAS_NODES + 1));
    assert_eq!(codes(&loaded), [0; 0]);
    let text = "- &a b\n".repeat(MAX_ALIAS_NODES + 1) + "- *a\n";
    assert_eq!(codes(&load("x.yaml", &text)), [8]);
}

const YAML: &str = "é: &x [a, 'b', \"c\\u00e9\"] # ö\nk: |2-\n   x\n\n   y\nm: {n: *x, o: 1}\np: >\n  q\n? r\n: - s\n";
const JSON: &str = r#"{"é": [1, "\ud83d\ude00", {"b": null}], "c": -1.5e+7}"#;

fn assert_answered(name: &str, text: &str) {
    let loaded = load(name, text);
    let failed = loaded.documents.is_none();
    let fatal = loaded.diagnostics.iter().any(|d| d.code().number() < 11);
    assert_eq!(failed, fatal, "{text:?}: {:?}", loaded.diagnostics);
    for diagnostic in &loaded.diagnostics {
        assert!(diagnostic.line().is_some(), "{text:?}: {diagnostic}");
        assert!(diagnostic.render(false).contains(name), "{text:?}");
    }
    for scalar in loaded.documents.iter().flatten().flat_map(scalars) {
        let end = loaded.sources.position(scalar.span);
        let end = (end.end_line, end.end_column);
        for offset in 0..8 {
            let at = loaded
                .sources
                .position(loaded.sources.span_in_scalar(scalar, offset..offset + 1));
            assert!((at.line, at.column) <= end, "{text:?}");
        }
    }
}

#[test]
fn cut_and_broken_sources_are_answered() {
    const PIECES: &[&str] = &[
        "\n",
        "\r",
        "\t",
        " ",
        "\n  ",
        "\n\t",
        ":",
        ": ",
        "- ",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "#",
        " #",
        "&",
        "*",
        "!",
        "|",
        "|9\n",
        ">",
        "'",
        "\"",
        "\\",
        "\\\n",
        "%",
        "@",
        "`",
        "<<: ",
        "---\n",
        "...",
        "é",
        "\u{feff}",
        "\u{85}",
        "\u{2028}",
        "&x ",
        "*x",
        "\\ud83d",
        "\\x4",
        "~",
        "%TAG ! é\n",
    ];
    for (name, text) in [("x.yaml", YAML), ("x.json", JSON), ("y.yaml", JSON)] {
        for (at, _) in text.char_indices() {
            let (before, after) = text.split_at(at);
            assert_answered(name, before);
            assert_answered(name, after);
            for piece in PIECES {
                assert_answered(name, &format!("{before}{piece}{after}"));
                assert_answered(name, &format!("{before}{piece}"));
            }
        }
    }
}
