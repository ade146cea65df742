//! Policies beyond a bound of the engine: a diagnostic that names the bound, and no more work than that.

use std::fmt::Write;

use gatelet::{Code, LoadError, Policy, Source};

use super::super::load;

fn codes(result: Result<Policy, LoadError>) -> Vec<String> {
    let error = result
        .err()
        .map(|error| error.diagnostics().to_vec())
        .unwrap_or_default();
    error.iter().map(|found| found.code().to_string()).collect()
}

fn lines(head: &str, count: usize, line: impl Fn(usize) -> String) -> String {
    let mut text = format!("gatelet: 1\n{head}");
    for number in 0..count {
        let _ = writeln!(text, "{}", line(number));
    }
    text
}

#[test]
fn more_than_the_engine_holds() {
    let table = [
        (
            Code::TOO_MANY_METHODS,
            lines("rules:\n", 200, |number| {
                format!("  r{number}: {{ effect: deny, match: {{ method: METHOD{number} }} }}")
            }),
        ),
        (
            Code::TOO_MANY_BRANCHES,
            lines("rules:\n", 1 << 14, |number| {
                let segment = |bit: usize| {
                    if number >> bit & 1 == 1 {
                        format!("{{x{bit}}}")
                    } else {
                        "a".to_owned()
                    }
                };
                let path: Vec<_> = (0..14).map(segment).collect();
                format!(
                    "  r{number}: {{ effect: deny, match: {{ path: \"/{}\" }} }}",
                    path.join("/")
                )
            }),
        ),
        (
            Code::HIERARCHY_TOO_LARGE,
            lines("roles:\n  r0: {}\n", 20_000, |number| {
                format!("  r{}: {{ inherits: [r{number}] }}", number + 1)
            }),
        ),
        (
            Code::TOO_MANY_RULES,
            lines("rules:\n", 1 << 16, |number| {
                format!("  r{number}: {{ effect: deny, match: {{ header: {{ h{number}: x }} }} }}")
            }),
        ),
        (Code::TOO_MUCH_COPIED, {
            let members = vec!["x"; 10_000].join(", ");
            lines(
                &format!("sets: {{ s: [{members}] }}\nrules:\n"),
                1_000,
                |number| {
                    format!(
                        "  r{number}: {{ effect: deny, match: {{ header: {{ x-a: {{ in: s }} }} }} }}"
                    )
                },
            )
        }),
        (
            Code::DOCUMENT_TOO_LARGE,
            format!("gatelet: 1\nsets: {{ s: [{}] }}\n", "x,".repeat(17_000_000)),
        ),
    ];
    for (code, text) in table {
        let found = codes(load(text.as_bytes()));
        assert!(
            found.contains(&code.to_string()),
            "{} ({}): {found:?}",
            code,
            code.meaning()
        );
    }
}

#[test]
fn more_layers_than_bits() {
    let sources: Vec<_> = (0..65)
        .map(|number| {
            (
                format!("s{number}.yaml"),
                format!("gatelet: 1\nlayer: l{number}\ndefault: allow\n"),
            )
        })
        .collect();
    let load = |count: usize| {
        let sources: Vec<_> = sources
            .iter()
            .take(count)
            .map(|(name, text)| Source::new(name, text.as_bytes()))
            .collect();
        Policy::load(&sources)
    };
    assert_eq!(codes(load(65)), [Code::TOO_MANY_LAYERS.to_string()]);
    assert!(load(gatelet::limits::MAX_LAYERS).is_ok());
}

#[test]
fn more_limits_than_are_decided() {
    let load = |count: usize| {
        let limits: String = (0..count)
            .map(|number| format!("  l{number}: {{ by: [], rate: 1/s }}\n"))
            .collect();
        load(format!("gatelet: 1\nlimits:\n{limits}").as_bytes())
    };
    let most = gatelet::limits::MAX_LIMITS;
    assert_eq!(codes(load(most + 1)), [Code::TOO_MANY_LIMITS.to_string()]);
    assert!(load(most).is_ok());
}

#[test]
fn two_sources_of_one_name() {
    let text = b"gatelet: 1\n";
    let found = Policy::load(&[Source::new("a.yaml", text), Source::new("a.yaml", text)]);
    assert_eq!(codes(found), [Code::DUPLICATE_SOURCE.to_string()]);
}
