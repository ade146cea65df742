//! Policies that are no policies.

use std::fmt::Write;

use gatelet::{Code, Engine, EngineConfig, Policy, Request, Severity, Source};

use super::super::{load, on_small_stack};

fn refused(what: &str, bytes: &[u8], code: Code) {
    match load(bytes) {
        Ok(_) => panic!("{what}: it loads"),
        Err(error) => {
            let codes: Vec<_> = error
                .diagnostics()
                .iter()
                .map(|found| found.code().to_string())
                .collect();
            assert!(
                codes.contains(&code.to_string()),
                "{what}: expected {code}, got {error}"
            );
            assert!(
                error.diagnostics().len() <= gatelet::limits::MAX_DIAGNOSTICS + 1,
                "{what}: too many"
            );
            for found in error.diagnostics() {
                assert!(!found.message().is_empty() && !found.render(false).is_empty());
                assert!(
                    found.render(true).len() < 20_000,
                    "{what}: a diagnostic of unbounded length"
                );
            }
        }
    }
}

#[test]
fn text_that_is_none() {
    let table: &[(&str, &[u8], Code)] = &[
        (
            "latin-1",
            b"gatelet: 1\nrules: { caf\xe9: {} }\n",
            Code::NOT_UTF8,
        ),
        (
            "binary",
            &[0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0xff, 0xfe],
            Code::CONTROL_CHARACTER,
        ),
        (
            "gzip",
            &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
            Code::CONTROL_CHARACTER,
        ),
        (
            "half a character",
            b"gatelet: 1\n# \xe2\x82",
            Code::NOT_UTF8,
        ),
        ("NUL", b"gatelet: 1\n# \0\n", Code::CONTROL_CHARACTER),
        (
            "escape sequences",
            b"gatelet: 1\n# \x1b[2J\n",
            Code::CONTROL_CHARACTER,
        ),
        (
            "UTF-16",
            b"g\0a\0t\0e\0l\0e\0t\0:\0 \x001\0",
            Code::CONTROL_CHARACTER,
        ),
    ];
    for (what, bytes, code) in table {
        refused(what, bytes, *code);
    }
}

#[test]
fn one_hundred_megabytes() {
    let mut text = String::from("gatelet: 1\nrules:\n");
    let mut number = 0_u32;
    while text.len() < 100 << 20 {
        let _ = writeln!(
            text,
            "  rule-{number}: {{ effect: allow, match: {{ path: \"/a/{number}/{{x}}\", who: anyone }} }}"
        );
        number += 1;
    }
    refused("100 MB of rules", text.as_bytes(), Code::SOURCE_TOO_LONG);
    refused(
        "100 MB of nothing",
        &vec![b' '; 100 << 20],
        Code::SOURCE_TOO_LONG,
    );
}

#[test]
fn depth() {
    on_small_stack(|| {
        let nested = |open: &str, close: &str| {
            format!(
                "gatelet: 1\nsets: {}{}\n",
                open.repeat(100_000),
                close.repeat(100_000)
            )
        };
        refused(
            "lists",
            nested("[", "]").as_bytes(),
            Code::DOCUMENT_TOO_DEEP,
        );
        refused(
            "lists that never end",
            format!("gatelet: 1\nsets: {}", "[".repeat(100_000)).as_bytes(),
            Code::DOCUMENT_TOO_DEEP,
        );
        refused(
            "mappings",
            nested("{a: ", "}").as_bytes(),
            Code::DOCUMENT_TOO_DEEP,
        );
        let mut blocks = String::from("gatelet: 1\n");
        for depth in 0..2_000 {
            let _ = writeln!(blocks, "{}a:", " ".repeat(depth));
        }
        refused("blocks", blocks.as_bytes(), Code::DOCUMENT_TOO_DEEP);
        refused(
            "dashes",
            format!("{}a\n", "- ".repeat(100_000)).as_bytes(),
            Code::DOCUMENT_TOO_DEEP,
        );
        let json = format!(
            "{{\"gatelet\": 1, \"sets\": {}{}}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        let found = Policy::load(&[Source::new("policy.json", json.as_bytes())]);
        let codes: Vec<_> = found
            .unwrap_err()
            .diagnostics()
            .iter()
            .map(gatelet::Diagnostic::code)
            .collect();
        assert!(codes.contains(&Code::DOCUMENT_TOO_DEEP), "{codes:?}");
    });
}

#[test]
fn aliases_that_grow() {
    let mut bomb = String::from("gatelet: 1\nsets:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        let _ = writeln!(
            bomb,
            "  a{level}: &a{level} [{}]",
            vec![before; 10].join(", ")
        );
    }
    refused("a billion laughs", bomb.as_bytes(), Code::ALIASES_TOO_LARGE);
    refused(
        "an alias within itself",
        b"gatelet: 1\nsets: { a: &a [x, *a] }\n",
        Code::RECURSIVE_ALIAS,
    );
}

#[test]
fn more_problems_than_anybody_reads() {
    let mut text = String::from("gatelet: 1\nrules:\n");
    for number in 0..5_000 {
        let _ = writeln!(text, "  rule-{number}: {{ effect: permit }}");
    }
    let error = load(text.as_bytes()).unwrap_err();
    assert_eq!(
        error.diagnostics().len(),
        gatelet::limits::MAX_DIAGNOSTICS + 1
    );
    assert_eq!(
        error.diagnostics().last().map(gatelet::Diagnostic::code),
        Some(Code::TOO_MANY_PROBLEMS)
    );
}

#[test]
fn every_prefix_of_a_policy() {
    let whole = "gatelet: 1\nidentity: { trust_host: [principal] }\nactions:\n  orders.read: { routes: [\"GET /t/{tenant}/orders\"] }\n\
                 roles:\n  clerk: { can: [orders.read] }\ngrants:\n  - { role: clerk, to: { user: ann, of: host }, until: 2027-01-01T00:00:00Z }\n\
                 rules:\n  closed: { effect: deny, match: { path: \"/closed/{**}\", not: { header: { x-key: \"1\" } } } }\n";
    assert!(load(whole.as_bytes()).is_ok());
    for length in 0..whole.len() {
        if let Err(error) = load(&whole.as_bytes()[..length]) {
            assert!(
                error
                    .diagnostics()
                    .iter()
                    .any(|found| found.severity() == Severity::Error),
                "{length}"
            );
        }
    }
}

#[test]
fn roles_without_end() {
    let mut ring = String::from("gatelet: 1\nroles:\n");
    let mut chain = ring.clone();
    for number in 0..20_000 {
        let _ = writeln!(
            ring,
            "  r{number}: {{ inherits: [r{}] }}",
            (number + 1) % 20_000
        );
        let _ = writeln!(chain, "  r{number}: {{ inherits: [r{}] }}", number + 1);
    }
    chain.push_str("  r20000: { can: [x] }\n");
    on_small_stack(|| {
        let error = load(ring.as_bytes()).unwrap_err();
        assert!(error.diagnostics().len() <= gatelet::limits::MAX_DIAGNOSTICS + 1);
        for found in error.diagnostics() {
            assert!(
                found.message().len() < 4_000,
                "a cycle of 20,000 roles is not spelled out"
            );
        }
        // A long chain is an answer, yes or no, without a deep recursion.
        let _ = load(chain.as_bytes());
    });
}

#[test]
fn long_names_and_texts() {
    let long = "a".repeat(1 << 20);
    for text in [
        format!("gatelet: 1\nrules: {{ {long}: {{ effect: allow }} }}\n"),
        format!("gatelet: 1\n{long}: 1\n"),
        format!("gatelet: 1\nrules: {{ a: {{ effect: {long} }} }}\n"),
        format!(
            "gatelet: 1\nrules: {{ a: {{ effect: allow, match: {{ path: \"/{long}\" }} }} }}\n"
        ),
        format!("gatelet: 1\nrules: {{ a: {{ effect: allow, match: {{ host: \"{long}\" }} }} }}\n"),
        format!(
            "gatelet: 1\nrules: {{ a: {{ effect: allow, match: {{ path: \"{}\" }} }} }}\n",
            "/{x}".repeat(100_000)
        ),
    ] {
        if let Err(error) = load(text.as_bytes()) {
            assert!(
                error.to_string().len() < 20_000,
                "a diagnostic repeats a megabyte"
            );
        }
    }
}

#[test]
fn sources_of_one_name_and_none_at_all() {
    let text = b"gatelet: 1\nrules: { a: { effect: allow } }\n";
    assert!(Policy::load(&[Source::new("a.yaml", text), Source::new("a.yaml", text)]).is_err());
    // No rules at all are a policy that allows nothing.
    let nothing = Engine::new(Policy::load(&[]).unwrap(), EngineConfig::replay()).unwrap();
    let request = Request {
        path: Some(b"/a"),
        ..Request::default()
    };
    assert!(!nothing.decide(&mut nothing.scratch(), &request).allowed());
    assert!(load(b"").is_err());
    for name in ["", "../a.yaml", "a\0.yaml", "\x1b[2J"] {
        let loaded = Policy::load(&[Source::new(name, b"gatelet: 2\n")]);
        let shown = loaded
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(!shown.contains(['\0', '\x1b']), "{name:?}: {shown:?}");
    }
}
