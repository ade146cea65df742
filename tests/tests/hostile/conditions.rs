//! Conditions made to break the parser, the checker, the price or the evaluator.

use std::fmt::Write;

use gatelet::{Code, Request};
use gatelet_tests::prng::Prng;

use super::super::{engine, load, on_small_stack};

/// A policy whose one rule has this condition, as a quoted scalar.
fn policy(condition: &str) -> String {
    let condition = condition.replace('\'', "''");
    format!("gatelet: 1\nrules: {{ a: {{ effect: deny, when: '{condition}' }} }}\n")
}

#[test]
fn nesting_and_chains_are_errors_on_a_small_stack() {
    const MANY: usize = 100_000;
    let wrapped = |open: &str, middle: &str, close: &str| {
        format!("{}{middle}{}", open.repeat(MANY), close.repeat(MANY))
    };
    let chained = |link: &str| format!("1{}", link.repeat(MANY));
    let table = [
        ("parentheses", wrapped("(", "true", ")")),
        ("open parentheses", wrapped("(", "", "")),
        ("lists", wrapped("[", "", "]")),
        ("maps", wrapped("{1:", "1", "}")),
        ("negations", wrapped("!", "true", "")),
        ("signs", wrapped("-", "1", "")),
        ("calls", wrapped("size(", "'a'", ")")),
        ("indexes", wrapped("a[", "1", "]")),
        ("fields", format!("a{}", ".b".repeat(MANY))),
        ("methods", format!("'a'{}", ".trim()".repeat(MANY))),
        ("sums", chained(" + 1")),
        ("products", chained(" * 1")),
        ("comparisons", chained(" == 1")),
        ("disjunctions", format!("true{}", " || true".repeat(MANY))),
        ("conjunctions", format!("true{}", " && true".repeat(MANY))),
        ("ternaries", format!("{}1", "1?1:".repeat(MANY))),
        ("loops", wrapped("[1].all(x, ", "true", ")")),
        ("bindings", wrapped("cel.bind(x, 1, ", "true", ")")),
    ];
    on_small_stack(|| {
        for (name, condition) in &table {
            let error = load(policy(condition).as_bytes());
            let codes: Vec<_> = match &error {
                Ok(_) => panic!("{name} load"),
                Err(error) => error
                    .diagnostics()
                    .iter()
                    .map(|found| found.code())
                    .collect(),
            };
            assert!(
                matches!(
                    codes.as_slice(),
                    [
                        Code::CONDITION_TOO_LARGE
                            | Code::CONDITION_SYNTAX
                            | Code::DOCUMENT_TOO_LARGE
                    ]
                ),
                "{name}: {codes:?}"
            );
        }
        // As long as a condition may be, so that it is parsed: its height is what is wrong.
        for (name, link) in [("sums", "+1"), ("indexes", "[0]"), ("fields", ".b")] {
            let error =
                load(policy(&format!("request.cost{} == 1", link.repeat(2_000))).as_bytes());
            let found = error.err().map(|error| error.diagnostics()[0].code());
            assert_eq!(found, Some(Code::CONDITION_TOO_LARGE), "{name}");
        }
    });
}

#[test]
fn what_is_as_large_as_allowed_is_decided_on_a_small_stack() {
    let wide = format!("request.cost == 0{}", " || request.cost == 7".repeat(380));
    let high = format!("request.cost{} == 8", "+1".repeat(60));
    let text = format!(
        "gatelet: 1\nrules:\n  wide: {{ effect: deny, when: '{wide}' }}\n  high: {{ effect: deny, when: '{high}' }}\n"
    );
    on_small_stack(|| {
        let engine = engine(&text);
        let mut scratch = engine.scratch();
        for (cost, rule) in [(7, Some("wide")), (u32::MAX, None)] {
            let request = Request {
                cost: Some(cost.into()),
                path: Some(b"/"),
                ..Request::default()
            };
            let decision = engine.decide(&mut scratch, &request);
            assert_eq!(decision.rule(), rule, "{cost}");
        }
    });
}

#[test]
fn loops_of_loops_are_too_costly() {
    let table = [
        "principal.groups.all(a, principal.groups.all(b, principal.groups.all(c, a != b || b != c)))",
        "principal.groups.exists(a, principal.roles.exists(b, a == b))",
        "principal.groups.all(a, a.contains(request.path))",
    ];
    for condition in table {
        let error = load(policy(condition).as_bytes());
        let error = error.err().unwrap_or_else(|| panic!("{condition} loads"));
        let [found] = error.diagnostics() else {
            panic!("{condition}: {error}");
        };
        assert_eq!(found.code(), Code::CONDITION_TOO_COSTLY, "{condition}");
        assert!(
            found.help_text().is_some_and(|help| help.contains("loop")),
            "{found:?}"
        );
    }
}

/// What random conditions are put together from.
const PIECES: &[&str] = &[
    "request.method",
    "==",
    "'GET'",
    "&&",
    "||",
    "!",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    "?",
    ",",
    ".",
    "has",
    "request.headers['x']",
    "in",
    "1",
    "1u",
    "-1",
    "0x",
    "1e999",
    "b'\\xff'",
    "r'\\'",
    "\"\"\"",
    "'\\u{",
    "source.ip",
    ".inCidr('10.0.0.0/8')",
    ".matches('(a*)*')",
    "principal.roles",
    ".all(x,",
    ".exists(",
    "x",
    "size(",
    "timestamp('2026-01-01T00:00:00Z')",
    "duration('1h')",
    "+",
    "-",
    "*",
    "/",
    "%",
    "<",
    ">=",
    "cel.bind(a,",
    "optional.of(",
    ".?a",
    "[?0]",
    "true",
    "null",
    "é",
    "\u{1F600}",
    "\u{0}",
    "//",
    "\n",
    "google.protobuf.Value",
];

/// Pieces of expressions, put together at random and damaged: a load ends, with a policy or with places.
#[test]
fn random_text_is_loaded_or_refused() {
    let count = if std::env::var_os("GATELET_LONG").is_some() {
        200_000
    } else {
        5_000
    };
    let mut random = Prng::new(0x0bad_5eed);
    let (mut loaded, mut refused) = (0, 0);
    for _ in 0..count {
        let mut condition = String::new();
        for _ in 0..1 + random.below(12) {
            let piece = *random.pick(PIECES);
            let _ = write!(
                condition,
                "{piece}{}",
                if random.chance(60) { " " } else { "" }
            );
        }
        let json = serde_json::json!({
            "gatelet": 1,
            "rules": { "a": { "effect": "deny", "when": condition } },
        });
        match load(json.to_string().as_bytes()) {
            Ok(_) => loaded += 1,
            Err(error) => {
                refused += 1;
                for found in error.diagnostics() {
                    assert!(
                        found.line().is_some() && found.column().is_some(),
                        "{condition:?}"
                    );
                }
            }
        }
    }
    assert!(
        refused > count / 2 && loaded > 0,
        "{loaded} loaded, {refused} refused"
    );
}
