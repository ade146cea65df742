//! Places, rendering, bounds and the harmlessness of what is printed.

use super::*;
use crate::limits::MAX_DIAGNOSTICS;

const SOURCE: &str = "roles:\n  clerk: {}\n  mänger: { can: [x] }\n";

fn sources(text: &str) -> Sources {
    let mut sources = Sources::new();
    sources.add("shop.yaml", text.as_bytes()).unwrap();
    sources
}

fn span_of(sources: &Sources, piece: &str) -> Span {
    let source = crate::text::SourceId(0);
    let start = sources.text(source).find(piece).unwrap();
    let end = u32::try_from(start + piece.len()).unwrap();
    let start = u32::try_from(start).unwrap();
    Span { source, start, end }
}

fn finish(sources: &Sources, all: impl IntoIterator<Item = Diagnostic>) -> Vec<Diagnostic> {
    let mut diagnostics = Diagnostics::new();
    all.into_iter().for_each(|one| diagnostics.push(one));
    diagnostics.finish(sources)
}

#[test]
fn a_diagnostic_shows_its_place_and_the_way_out() {
    let sources = sources(SOURCE);
    let error = Diagnostic::error(
        Code::UNKNOWN_KEY,
        span_of(&sources, "mänger"),
        "unknown key",
    )
    .help("did you mean \"manager\"?")
    .related(span_of(&sources, "clerk"), "declared here");
    let [error] = &finish(&sources, [error])[..] else {
        panic!("one diagnostic");
    };
    assert_eq!(
        error.to_string(),
        "shop.yaml:3:3: error[GL015]: unknown key (did you mean \"manager\"?)"
    );
    assert_eq!(
        error.render(false),
        "\
error[GL015]: unknown key
 --> shop.yaml:3:3
  |
3 |   mänger: { can: [x] }
  |   ^^^^^^
  |
note: declared here
 --> shop.yaml:2:3
  |
2 |   clerk: {}
  |   -----
help: did you mean \"manager\"?"
    );
    assert!(error.render(true).contains("\u{1b}["));
    let json = serde_json::to_value(error).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "code": "GL015", "severity": "error", "message": "unknown key",
            "file": "shop.yaml", "line": 3, "column": 3, "end_line": 3, "end_column": 9,
            "help": "did you mean \"manager\"?",
            "related": [{
                "message": "declared here",
                "file": "shop.yaml", "line": 2, "column": 3, "end_line": 2, "end_column": 8,
            }],
        })
    );
}

#[test]
fn a_diagnostic_without_a_place_is_shown_too() {
    let file = Diagnostic::error_in_file(Code::SOURCE_TOO_LONG, "a\x1b.yaml", "too long");
    assert_eq!(file.to_string(), "a\\u{1b}.yaml: error[GL001]: too long");
    assert!(file.render(false).contains("--> a\\u{1b}.yaml"));
    let load = Diagnostic::error_of_load(Code::MISSING_KEY, "no source");
    assert_eq!(load.to_string(), "policy: error[GL016]: no source");
    assert_eq!(load.render(false), "error[GL016]: no source");
    assert_eq!((load.line(), load.file()), (None, None));
}

#[test]
fn what_could_steer_a_terminal_is_escaped() {
    let sources = sources("a: \"\u{202e}x\ty\" # \u{85}\n");
    let span = span_of(&sources, "x");
    let message = "found \"\x1b[31m\u{7}\u{202e}\n\"";
    let error = Diagnostic::error(Code::WRONG_KIND, span, message).help("\x1b]0;x\x07");
    let error = error.related(span, "\x08");
    let [error] = &finish(&sources, [error])[..] else {
        panic!("one diagnostic");
    };
    assert_eq!(error.message(), r#"found "\u{1b}[31m\u{7}\u{202e}\n""#);
    assert_eq!(error.help_text(), Some(r"\u{1b}]0;x\u{7}"));
    for shown in [error.render(false), error.to_string()] {
        let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!shown.contains(harmful), "{shown:?}");
    }
    assert!(error.render(false).contains(r#"a: "\u{202e}x y" # \u{85}"#));
}

#[test]
fn secrets_are_shown_nowhere() {
    let long = format!("a: {}hush{} # place\n", "x".repeat(500), "y".repeat(500));
    let rows = [
        (
            "{ key: hush, place: 1 }\n",
            "hush",
            "place",
            "{ key: ***, place: 1 }",
        ),
        (
            "{ place: 1, key: hush }\n",
            "hush",
            "place",
            "{ place: 1, key: *** }",
        ),
        ("{ key: hush }\n", "hush", "hush", "{ key: *** }"),
        ("{ key: hush }\n", "hush", "key: hush }", "{ key: *** }"),
        (
            "a: |\n  hush\n  hush\nb: 1\n",
            "hush\n  hush",
            "hush\n  h",
            "***",
        ),
        ("a: höush, place\n", "höush", "place", "a: ***, place"),
        (&long, "hush", "place", "yyy # place"),
        (&long, "hush", "hush", "***yyy"),
    ];
    for (text, secret, place, shown) in rows {
        let sources = sources(text);
        let mut diagnostics = Diagnostics::new();
        diagnostics.redact(span_of(&sources, secret));
        diagnostics.push(Diagnostic::error(
            Code::WRONG_KIND,
            span_of(&sources, place),
            "bad",
        ));
        let mut all = Diagnostics::new();
        all.append(diagnostics, Some);
        let found = &all.finish(&sources)[0];
        let rendered = found.render(false);
        assert!(rendered.contains(shown), "{rendered}");
        assert!(
            !format!("{rendered}{found:?}{found}").contains("ush"),
            "{rendered}"
        );
    }
}

#[test]
fn a_huge_line_is_cut_around_the_place() {
    let text = format!("{}NEEDLE{}", "é".repeat(10_000), "x".repeat(10_000));
    let sources = sources(&text);
    let error = Diagnostic::error(Code::WRONG_KIND, span_of(&sources, "NEEDLE"), text.as_str());
    let error = &finish(&sources, [error])[0];
    assert_eq!(error.column(), Some(10_001));
    assert_eq!(error.message().chars().count(), 501);
    let shown = error.render(false);
    assert!(shown.contains("shop.yaml:1:10001"), "{shown}");
    let line = shown.lines().find(|line| line.starts_with("1 |")).unwrap();
    assert!(
        line.contains("NEEDLE") && line.chars().count() < 220,
        "{line}"
    );
    let caret = shown.lines().find(|line| line.contains('^')).unwrap();
    let column = |line: &str, piece: &str| line[..line.find(piece).unwrap()].chars().count();
    assert_eq!(column(caret, "^^^^^^"), column(line, "NEEDLE"));
}

#[test]
fn diagnostics_are_sorted_and_bounded() {
    let sources = sources(SOURCE);
    let at = |piece| span_of(&sources, piece);
    let many = (0..MAX_DIAGNOSTICS).map(|_| Diagnostic::warning(Code::TAG, at("roles"), "w"));
    let late = [
        Diagnostic::error(Code::TAG, at("mänger"), "third"),
        Diagnostic::error(Code::YAML_SYNTAX, at("mänger"), "second"),
        Diagnostic::error(Code::TAG, at("clerk"), "first"),
    ];
    let list = finish(&sources, many.chain(late));
    assert_eq!(list.len(), MAX_DIAGNOSTICS + 1);
    let messages: Vec<_> = list.iter().rev().take(4).map(Diagnostic::message).collect();
    assert_eq!(
        messages,
        ["and 3 more problems", "third", "second", "first"]
    );

    let mut warned = Diagnostics::new();
    warned.push(Diagnostic::warning(Code::TAG, at("clerk"), "w"));
    assert_eq!(
        warned.check::<()>(Err(Diagnostic::error_of_load(Code::TAG, "e"))),
        None
    );
    let error = LoadError::new(warned.finish(&sources));
    assert_eq!(
        error.to_string(),
        "policy: error[GL011]: e\nshop.yaml:2:3: warning[GL011]: w"
    );
}

#[test]
fn codes_are_unique_and_explained() {
    let codes: Vec<_> = Code::all().collect();
    assert!(
        codes.is_sorted_by(|a, b| a < b),
        "in order, each once: {codes:?}"
    );
    for code in codes {
        assert!(!code.meaning().is_empty(), "{code}");
    }
    assert_eq!(Code::WRONG_KIND.to_string(), "GL017");
}

#[test]
fn suggestions_are_near() {
    let known = ["roles", "rules", "grants", "identity", "when"];
    for (name, expected) in [
        ("rolez", Some("roles")),
        ("Roles", Some("roles")),
        ("rloes", Some("roles")),
        ("grant", Some("grants")),
        ("wehn", Some("when")),
        ("x", None),
        ("policies", None),
        ("", None),
    ] {
        assert_eq!(suggest(name, known), expected, "{name}");
    }
    let long = "r".repeat(100_000);
    assert_eq!(suggest(&long, known), None);
    assert_eq!(suggest("rules", [&*long, "rule"]), Some("rule"));
}
