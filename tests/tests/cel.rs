//! Random expressions against the `cel` crate, an independent implementation of the language.
//!
//! `GATELET_LONG=1` evaluates 100,000 of them, `GATELET_SEED=…` replays one seed.

mod cel {
    pub(crate) mod expressions;
    pub(crate) mod values;
}

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ::cel::{Context, Program};
use gatelet_tests::prng::Prng;
use serde_json::{Value, json};

use self::cel::expressions::expression;
use self::cel::values::{Bindings, bindings, of_cel, of_gatelet};

/// Where `cel` differs from the specification of the language, and how it shows.
struct Difference {
    name: &'static str,
    /// The rule that it breaks, in the specification or in its conformance tests.
    why: &'static str,
    /// An expression on which it shows; when it does no more, the line can go.
    example: &'static str,
    explains: fn(&Case<'_>) -> bool,
}

/// What an expression came to, in a form that can be compared. No value: an error.
type Outcome = Option<String>;

/// An expression on which the two differ.
struct Case<'c> {
    text: &'c str,
    bindings: &'c Bindings,
    ours: &'c Outcome,
    theirs: &'c Outcome,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "order of NaN",
        why: "NaN is unordered, not an error: every comparison with it is false (fp_math, comparisons)",
        example: "0.0 / 0.0 < 1.0",
        explains: |case| {
            let d = &case.bindings.encoded["d"]["double"];
            let special = d == "NaN" || d == "Infinity";
            let may_be_nan =
                special || [" / ", "1e300"].iter().any(|part| case.text.contains(part));
            let compares = case.text.contains(['<', '>']);
            may_be_nan && compares && case.ours.is_some() && case.theirs.is_none()
        },
    },
    Difference {
        name: "a list and a map",
        why: "`+` has no overload for a list and a map; `cel` adds the keys",
        example: "['a'] + {'b': 1}",
        explains: |case| {
            case.text.contains(" + ")
                && case.ours.is_none()
                && case.theirs.is_some()
                && (case.text.contains('m') || case.text.contains('{'))
        },
    },
    Difference {
        name: "a key of a type that keys do not have",
        why: "such a key is in no map, which is no error: only a lookup by it is",
        example: "[1] in {'a': 1}",
        explains: |case| {
            let asks = [" in m", " in ({", " in {"]
                .iter()
                .any(|part| case.text.contains(part));
            asks && case.ours.is_some() && case.theirs.is_none()
        },
    },
    Difference {
        name: "a duration as a number",
        why: "`int` takes a duration; `cel` does not",
        example: "int(duration('1s')) > 0",
        explains: |case| {
            case.text.contains("int(")
                && case.text.contains("duration(")
                && case.ours.is_some()
                && case.theirs.is_none()
        },
    },
    Difference {
        name: "infinite, large and small doubles as text",
        why: "as cel-go writes them, `+Inf` and with an exponent; `cel` writes `inf` and every digit",
        example: "string(1e300)",
        explains: |case| case.text.contains("string(") && case.theirs.is_some(),
    },
    Difference {
        name: "parts of a time with an offset",
        why: "without a time zone the parts are those of UTC (timestamps/timestamp_selectors)",
        example: "timestamp('2024-02-29T12:30:00+01:00').getHours()",
        explains: |case| case.text.contains("+01:00") && case.text.contains(".get"),
    },
];

#[test]
fn both_evaluate_to_the_same() {
    let total = if std::env::var_os("GATELET_LONG").is_some() {
        100_000
    } else {
        10_000
    };
    let seed = match std::env::var("GATELET_SEED").map(|text| text.parse()) {
        Ok(Ok(seed)) => seed,
        Ok(Err(error)) => panic!("GATELET_SEED: {error}"),
        Err(_) => 20,
    };
    let mut random = Prng::new(seed);
    let (mut known, mut unexplained) = (BTreeMap::<&str, usize>::new(), Vec::new());
    let (mut values, mut errors) = (0, 0);
    for _ in 0..total {
        let bindings = bindings(&mut random);
        let expression = expression(&mut random);
        let ours = gatelet(&expression, &bindings);
        let theirs = by_cel(&expression, &bindings);
        if ours.is_some() {
            values += 1;
        } else {
            errors += 1;
        }
        if ours == theirs {
            continue;
        }
        let case = Case {
            text: &expression,
            bindings: &bindings,
            ours: &ours,
            theirs: &theirs,
        };
        let explained = DIFFERENCES.iter().find(|known| (known.explains)(&case));
        match explained {
            Some(difference) => *known.entry(difference.name).or_default() += 1,
            None => unexplained.push(format!(
                "{}\n  bindings {}\n  gatelet  {ours:?}\n  cel      {theirs:?}",
                expression, bindings.encoded
            )),
        }
    }
    println!("{total} evaluations, {values} values, {errors} errors; known differences: {known:?}");
    unexplained.sort_by_key(String::len);
    let shown = unexplained.len().min(40);
    assert!(
        unexplained.is_empty(),
        "{} unexplained differences, GATELET_SEED={seed}; the shortest:\n{}",
        unexplained.len(),
        unexplained[..shown].join("\n")
    );
    assert!(
        values > total / 3 && errors > total / 20,
        "{values} values, {errors} errors"
    );
}

#[test]
fn known_differences_are_still_there() {
    let bindings = bindings(&mut Prng::new(1));
    for difference in DIFFERENCES {
        let text = difference.example;
        let (ours, theirs) = (&gatelet(text, &bindings), &by_cel(text, &bindings));
        let case = Case {
            text,
            bindings: &bindings,
            ours,
            theirs,
        };
        let context = format!("{}: {text}; {}", difference.name, difference.why);
        assert!(ours != theirs, "{context}; both come to {ours:?}");
        assert!(
            (difference.explains)(&case),
            "{context}; {ours:?}, {theirs:?}"
        );
    }
}

fn gatelet(text: &str, bindings: &Bindings) -> Outcome {
    let question = json!({ "expr": text, "bindings": bindings.encoded });
    let answer = gatelet::eval::evaluate(question.to_string().as_bytes());
    assert!(!answer.is_unreadable(), "{answer}");
    let answer: Value = serde_json::from_str(&answer.to_json()).unwrap();
    answer.get("value").map(of_gatelet)
}

fn by_cel(text: &str, bindings: &Bindings) -> Outcome {
    let evaluated = catch_unwind(AssertUnwindSafe(|| {
        let program = Program::compile(text).ok()?;
        let mut context = Context::default();
        for (name, value) in &bindings.values {
            context.add_variable_from_value(*name, value.clone());
        }
        program.execute(&context).ok()
    }));
    evaluated.ok().flatten().map(|value| of_cel(&value))
}
