//! YAML and JSON to nodes, and what is refused.

use super::{load, scalars, show};

#[test]
fn documents_become_nodes() {
    #[rustfmt::skip]
    let rows = [
        ("", ""), ("# only\n", ""), ("---\n---\n", ""), ("~", ""), ("%YAML 1.2\n---\na: 1", r#"{a="1"}"#),
        ("%FÖÖ bär\n---\né: [ü]", r#"{é=["ü"]}"#),
        ("a: b # ö\nc: 'd' # €\n", r#"{a="b" c=s"d"}"#),
        ("a:\n- b\n- c: d\n  e:\nf: g", r#"{a=["b" {c="d" e=""}] f="g"}"#),
        ("--- a\n--- [b]\n...\n", "\"a\" [\"b\"]"),
        ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{a=l\"x\\ny\\n\" b=f\"x y\"}"),
        ("a: \"\\u00e9\\n\"", "{a=d\"é\\n\"}"),
        ("[a, {b: c}, d: e]", r#"["a" {b="c"} {d="e"}]"#),
        ("{a, b: }", r#"{a="" b=""}"#),
        ("a: &x [1, 2]\nb: *x\n", r#"{a=["1" "2"] b=["1" "2"]}"#),
        ("&k a: 1\nb: &n\n  c: *k\nd: *n", r#"{a="1" b={c="a"} d={c="a"}}"#),
        ("'<<': 1", r#"{<<="1"}"#), ("~: a", r#"{~="a"}"#),
        ("? a\n: b", r#"{a="b"}"#), ("a: *x\n---\n", "ERROR"),
        (r#"{"a": [1, -2.5e3, true, null, "x"]}"#, r#"{a=[j"1" j"-2.5e3" j"true" j"null" d"x"]}"#),
        (r#" ["\ud83d\ude00", "\"\\\/\b\f\n\r\t\u0041"]"#, r#"[d"😀" d"\"\\/\u{8}\u{c}\n\r\tA"]"#),
        ("{\"a\": [], \"b\": {}}", "{a=[] b={}}"), ("{\"a\": 1,}", "{a=\"1\"}"),
    ];
    for (text, expected) in rows {
        let loaded = load("x.yaml", text);
        let shown = match loaded.documents {
            Some(documents) => documents.iter().map(show).collect::<Vec<_>>().join(" "),
            None => "ERROR".to_owned(),
        };
        assert_eq!(shown, expected, "{text:?} {:?}", loaded.diagnostics);
        assert_eq!(
            loaded.diagnostics.is_empty(),
            expected != "ERROR",
            "{text:?}"
        );
    }
}

#[test]
fn spans_cover_what_was_written() {
    #[rustfmt::skip]
    let rows: [(&str, &[&str]); 8] = [
        ("é: ü # ö\nä: [b , 'c''d' , \"e\\\"\" ] # €\nx: y", &["ü", "b", "'c''d'", "\"e\\\"\"", "y"]),
        ("- a  # ö\n- b\n  c\n-   d\n", &["a", "b\n  c", "d"]),
        ("a: &x # | é\n  'q'\nb: *x", &["'q'", "'q'"]),
        ("k: | # > ö\n\n  x\n   y\n\nz: >2-\n    w\n- # |", &[]),
        ("k: | # > ö\n\n  x\n   y\n\nz: >2-\n    w\nü: v", &["| # > ö\n\n  x\n   y\n\n", ">2-\n    w\n", "v"]),
        ("- &a |\n  x\n-\n  - >\n   y\n- z", &["|\n  x\n", ">\n   y\n", "z"]),
        ("a:\nb: c", &["a", "c"]),
        (r#"{"ä": ["ü", 12 , true]}"#, &["\"ü\"", "12", "true"]),
    ];
    for (text, expected) in rows {
        let loaded = load("x", text);
        let documents = loaded.documents.unwrap_or_default();
        let scalars = documents.iter().flat_map(scalars);
        let raw: Vec<_> = scalars.map(|node| loaded.sources.raw(node.span)).collect();
        assert_eq!(raw, expected, "{text:?} {:?}", loaded.diagnostics);
    }
}

#[test]
fn collections_end_with_their_bracket_or_last_node() {
    let text = "é:\n  - [ a, {b: c} ]  # ö\n  - d: e  # x\n\nf: {} # y\n";
    let loaded = load("x", text);
    let documents = loaded.documents.unwrap();
    let mut found = Vec::new();
    let mut queue = vec![&documents[0]];
    while let Some(node) = queue.pop() {
        if let Ok(items) = node.as_sequence() {
            queue.extend(items);
        } else if let Ok(entries) = node.as_mapping() {
            queue.extend(entries.iter().map(|(_, value)| value));
        } else {
            continue;
        }
        found.push(loaded.sources.raw(node.span));
    }
    found.sort_unstable();
    let whole = text.strip_suffix(" # y\n").unwrap();
    let list = "- [ a, {b: c} ]  # ö\n  - d: e";
    let mut expected = [whole, list, "[ a, {b: c} ]", "{b: c}", "d: e", "{}"];
    expected.sort_unstable();
    assert_eq!(found, expected);
}

/// Code, line, column, and a piece of the message or help.
type Refusal = (&'static str, &'static str, (u32, u32), &'static str);

fn assert_refused(name: &str, rows: &[Refusal]) {
    for (text, code, place, piece) in rows {
        let loaded = load(name, text);
        let [error] = &loaded.diagnostics[..] else {
            panic!("{text:?}: {:?}", loaded.diagnostics);
        };
        let shown = error.render(false);
        assert_eq!(error.code().to_string(), *code, "{text:?}\n{shown}");
        assert_eq!(
            error.line().zip(error.column()),
            Some(*place),
            "{text:?}\n{shown}"
        );
        assert!(shown.contains(piece), "{text:?}\n{shown}");
    }
}

#[test]
fn yaml_that_cannot_be_read_is_explained() {
    assert_refused(
        "x.yaml",
        &[
            ("can: [*.read]", "GL009", (1, 7), "quote it: \"*.read\""),
            ("é: ö\npath: *", "GL009", (2, 7), "quote it: \"*\""),
            ("path: **", "GL009", (1, 7), "quote it: \"**\""),
            ("a: &x 1\n--- *x", "GL009", (2, 5), "no anchor"),
            ("a: & b", "GL004", (1, 4), "anchor needs a name"),
            ("a: &x [*x]", "GL010", (1, 8), "inside the value"),
            ("{ a: ${x} }", "GL004", (1, 7), "quote it: \"${x}\""),
            ("a: [${net}, b]", "GL004", (1, 6), "quote it: \"${net}\""),
            (
                "r: [GET /t/{id}/x]",
                "GL004",
                (1, 12),
                "quote it: \"/t/{id}/x\"",
            ),
            ("a:\n\tb: 1", "GL004", (2, 1), "indent with spaces"),
            ("a:\n  b: 1\n \tc: 1", "GL004", (3, 2), "indent with spaces"),
            ("a: 'b", "GL004", (1, 4), "no closing quote"),
            ("a: \"b\n", "GL004", (1, 4), "no closing quote"),
            ("a: \"\\q\"", "GL004", (1, 4), "does not know"),
            ("a: \"b\" c", "GL004", (1, 8), "after the closing quote"),
            ("a: [b", "GL004", (1, 6), "closing `]`"),
            ("a: {b: c", "GL004", (1, 9), "closing `}`"),
            ("a: b: c", "GL004", (1, 5), "`:` is not expected"),
            ("a: 1\n b: 2", "GL004", (2, 3), "`:` is not expected"),
            ("a: ]", "GL004", (1, 4), "never opened"),
            ("a: @b", "GL004", (1, 4), "put quotes"),
            ("a: `b`", "GL004", (1, 4), "put quotes"),
            ("a: %b", "GL004", (1, 4), "put quotes"),
            ("a:\n  - b\n c", "GL004", (3, 2), "indent"),
            ("a: 1\nb", "GL004", (2, 2), "`:` is expected"),
            ("a: !!str 1", "GL011", (1, 4), "leave the tag out"),
            ("a: !x {b: 1}", "GL011", (1, 4), "leave the tag out"),
            ("a: &x !y b", "GL011", (1, 7), "leave the tag out"),
            ("a: 1\n<<: {b: 1}", "GL012", (2, 1), "merge key"),
            ("[a]: b", "GL014", (1, 1), "found a list"),
            ("? {a: b}\n: c", "GL014", (1, 3), "found a mapping"),
            ("a: {{b}}", "GL014", (1, 5), "needs quotes"),
            (": b", "GL014", (1, 1), "no key"),
            ("a: 1\nb: 2\na: 3", "GL013", (3, 1), "x.yaml:1:1"),
            ("{a: {b: 1, 'b': 2}}", "GL013", (1, 12), "first here"),
        ],
    );
}

#[test]
fn json_that_is_not_strict_is_refused() {
    assert_refused(
        "x.JSON",
        &[
            ("{\"a\": 1,}", "GL005", (1, 9), "double quotes"),
            ("[1,]", "GL005", (1, 4), "no JSON value"),
            ("[1 2]", "GL005", (1, 4), "`,` or `]`"),
            ("[1}", "GL005", (1, 3), "`,` or `]`"),
            ("{\"a\" 1}", "GL005", (1, 6), "expected `:`"),
            ("{a: 1}", "GL005", (1, 2), "double quotes"),
            ("{\"a\": 1]", "GL005", (1, 8), "`,` or `}`"),
            ("\n {\"a\": 1} x", "GL005", (2, 11), "more text"),
            ("{\"a\": ", "GL005", (1, 7), "text ends"),
            ("[", "GL005", (1, 2), "text ends"),
            ("[01]", "GL005", (1, 2), "no JSON value"),
            ("[1.]", "GL005", (1, 2), "no JSON value"),
            ("[.5]", "GL005", (1, 2), "no JSON value"),
            ("[+1]", "GL005", (1, 2), "no JSON value"),
            ("[1e]", "GL005", (1, 2), "no JSON value"),
            ("[NaN]", "GL005", (1, 2), "no JSON value"),
            ("[True]", "GL005", (1, 2), "no JSON value"),
            ("['a']", "GL005", (1, 2), "no JSON value"),
            ("[1] // x", "GL005", (1, 5), "more text"),
            ("[\"a", "GL005", (1, 2), "no closing quote"),
            ("[\"é\t\"]", "GL005", (1, 4), "\\t"),
            ("[\"\\x41\"]", "GL005", (1, 3), "escape"),
            ("[\"\\u12\"]", "GL005", (1, 3), "escape"),
            ("[\"\\u+123\"]", "GL005", (1, 3), "escape"),
            ("[\"\\ud83d\"]", "GL005", (1, 3), "escape"),
            ("[\"\\ude00\"]", "GL005", (1, 3), "escape"),
            ("[\"\\ud83d\\u0041\"]", "GL005", (1, 3), "escape"),
            ("{\"a\": 1, \"\\u0061\": 2}", "GL013", (1, 10), "x.JSON:1:2"),
        ],
    );
}

#[test]
fn every_problem_that_leaves_the_structure_clear_is_listed() {
    let text = "a: !x 1\nb:\n  c: 1\n  c: 2\n[d]: {<<: 1}\ne: !y [z]\na: 2\n";
    let loaded = load("x.yaml", text);
    let codes: Vec<_> = loaded
        .diagnostics
        .iter()
        .map(|d| d.code().number())
        .collect();
    assert_eq!(codes, [11, 13, 14, 12, 11, 13]);
    assert_eq!(
        show(&loaded.documents.unwrap()[0]),
        r#"{a="1" b={c="1"} e=["z"]}"#
    );
}

#[test]
fn a_large_mapping_finds_its_duplicates_too() {
    let mut text: String = (0..1_000).map(|n| format!("k{n}: {n}\n")).collect();
    text.push_str("k7: x\nk8: y\nk7: z\n");
    let loaded = load("x.yaml", &text);
    let places: Vec<_> = loaded
        .diagnostics
        .iter()
        .map(|d| (d.line(), d.notes()[0].line()))
        .collect();
    let expected = [(1001, 8), (1002, 9), (1003, 8)].map(|(at, first)| (Some(at), Some(first)));
    assert_eq!(places, expected);
    assert_eq!(
        loaded.documents.unwrap()[0].as_mapping().unwrap().len(),
        1_000
    );
}
