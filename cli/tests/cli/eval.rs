//! `gatelet eval`, on the built binary.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use super::support::Directory;
use serde_json::{Value, json};

#[test]
fn values_are_written_as_the_language_writes_them() {
    let directory = Directory::new("eval_values");
    let table = [
        ("1 + 2", "3"),
        ("-1", "-1"),
        ("2u * 3u", "6u"),
        ("1.0 + 1.0", "2.0"),
        ("1e300 * 1e10", "Infinity"),
        (r#"'a' + "b\"\n""#, r#""ab\"\n""#),
        (r"b'a\x00'", r#"b"a\x00""#),
        (
            "timestamp('2020-02-29T12:00:00.5Z')",
            r#"timestamp("2020-02-29T12:00:00.5Z")"#,
        ),
        ("duration('90m')", r#"duration("5400s")"#),
        ("cidr('10.0.0.0/8').ip()", r#"ip("10.0.0.0")"#),
        ("[1, 'a', null, true]", r#"[1, "a", null, true]"#),
        ("{'a': {1: [2.5]}}", r#"{"a": {1: [2.5]}}"#),
        ("type(1)", "int"),
        ("optional.of(1)", "optional.of(1)"),
        ("optional.none()", "optional.none()"),
        ("'\u{1b}[31m'", r#""\u001b[31m""#),
    ];
    for (expression, written) in table {
        let run = directory.run(&["eval", expression]).exits(0);
        assert_eq!(run.stdout.trim_end_matches('\n'), written, "{expression}");
    }
}

#[test]
fn bindings_are_plain_json_or_encoded() {
    let directory = Directory::new("eval_bindings");
    let table = [
        ("x", json!(1), "1"),
        ("x", json!(1.5), "1.5"),
        (
            "x",
            json!(18_446_744_073_709_551_615_u64),
            "18446744073709551615u",
        ),
        ("x", json!(null), "null"),
        ("x", json!(["a", true]), r#"["a", true]"#),
        ("x.a.b", json!({"a": {"b": 2}}), "2"),
        ("x", json!({}), "{}"),
        ("x", json!({"int": "7"}), "7"),
        ("x", json!({"uint": 7}), "7u"),
        ("x", json!({"list": [1, {"uint": "2"}]}), "[1, 2u]"),
        ("x", json!({"map": [[{"int": 1}, "one"]]}), r#"{1: "one"}"#),
        ("x", json!({"duration": ["1", 0]}), r#"duration("1s")"#),
        ("x", json!({"bytes": "AGE="}), r#"b"\x00a""#),
        ("x", json!({"ip": "192.0.2.7"}), r#"ip("192.0.2.7")"#),
        // Of a type's name only alone; else a member is a member.
        ("x.int", json!({"int": "7", "b": 1}), r#""7""#),
    ];
    for (expression, value, written) in table {
        let bindings = json!({ "x": value }).to_string();
        let run = directory
            .run(&["eval", expression, "--bindings", &bindings])
            .exits(0);
        assert_eq!(run.stdout.trim_end(), written, "{bindings}");
    }
}

#[test]
fn what_is_wrong_is_told() {
    let directory = Directory::new("eval_errors");
    directory
        .run(&["eval", "1 / 0"])
        .fails_with(1, &["divide by zero"]);
    directory
        .run(&["eval", "1 + (2"])
        .fails_with(1, &["1:", "`)`"]);
    directory
        .run(&["eval", "x", "--bindings", "{\"x\": {\"int\": \"one\"}}"])
        .fails_with(1, &["no int"]);
    directory
        .run(&["eval", "x", "--bindings", "[1]"])
        .fails_with(2, &["--bindings", "object"]);
    directory
        .run(&["eval", "--jsonl", "missing.jsonl"])
        .fails_with(2, &["missing.jsonl"]);
    let run = directory.run(&["eval"]).exits(2);
    assert!(run.stderr.contains("EXPR"), "{run:?}");
    let run = directory
        .run(&["eval", "1 / 0", "--format", "json"])
        .exits(1);
    assert_eq!(run.json(), [json!({ "error": "divide by zero" })]);
    let run = directory.run(&["eval", "1u", "--format", "json"]).exits(0);
    assert_eq!(run.json(), [json!({ "value": { "uint": "1" } })]);
}

#[test]
fn lines_are_answered_in_order_and_a_broken_one_stops_nothing() {
    let directory = Directory::new("eval_lines");
    let good = concat!(
        "{\"id\": \"a\", \"expr\": \"x + 1\", \"bindings\": {\"x\": {\"int\": \"1\"}}}\n",
        "\n",
        "{\"id\": 2, \"expr\": \"1 / 0\"}\r\n",
        "{\"id\": \"c\", \"expr\": \"x\", \"type_env\": {\"x\": \"int\"}, \"check_only\": true}\n",
        "{\"id\": \"d\", \"expr\": \"'a' == 1\", \"type_env\": {}}\n",
        "{\"id\": \"e\", \"expr\": \"'a' == 1\", \"type_env\": {}, \"disable_check\": true}\n",
        "{\"id\": \"f\", \"expr\": \"y\", \"container\": \"x\", \"bindings\": {\"x.y\": true}}",
    );
    let run = directory
        .run_with(&["eval", "--jsonl", "-"], good.as_bytes())
        .exits(0);
    let answers = run.json();
    assert_eq!(answers[0], json!({"id": "a", "value": {"int": "2"}}));
    assert_eq!(answers[1], json!({"id": 2, "error": "divide by zero"}));
    assert_eq!(answers[2], json!({"id": "c", "type": "int"}));
    assert_eq!(answers[3]["id"], "d");
    assert!(
        answers[3]["error"]
            .as_str()
            .is_some_and(|error| error.starts_with("1:"))
    );
    assert_eq!(answers[4], json!({"id": "e", "value": {"bool": false}}));
    assert_eq!(answers[5], json!({"id": "f", "value": {"bool": true}}));
    assert_eq!(answers.len(), 6);

    directory.write("good.jsonl", good);
    let file = directory.run(&["eval", "--jsonl", "good.jsonl"]).exits(0);
    assert_eq!(file.stdout, run.stdout);

    let broken = "{\"id\": 1, \"expr\"\n[]\n{\"id\": 3}\n{\"id\": 4, \"expr\": \"1\"}\n\
                  {\"id\": 5, \"expr\": \"1\", \"bindings\": 1}\n\u{fffd}";
    let run = directory
        .run_with(&["eval", "--jsonl", "-"], broken.as_bytes())
        .exits(1);
    let answers = run.json();
    let lines: Vec<_> = answers
        .iter()
        .map(|answer| &answer["error"]["line"])
        .collect();
    assert_eq!(
        lines,
        [1, 2, 3, 0, 5, 6]
            .map(|line| if line == 0 { Value::Null } else { json!(line) })
            .iter()
            .collect::<Vec<_>>()
    );
    assert_eq!(answers[2]["id"], 3);
    assert_eq!(answers[3], json!({"id": 4, "value": {"int": "1"}}));
    assert_eq!(run.stderr, "");
}

/// The vectors file: under `GATELET_VECTORS`, or beside the workspace.
fn vectors() -> Option<Value> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let beside = [
        workspace.join("../shared/vectors"),
        workspace.join("shared/vectors"),
    ];
    let folder = env::var_os("GATELET_VECTORS")
        .map(PathBuf::from)
        .or_else(|| beside.into_iter().find(|folder| folder.is_dir()))?;
    let text = fs::read_to_string(folder.join("cel/cel_conformance.json")).ok()?;
    serde_json::from_str(&text).ok()
}

/// Whether two encoded values are equal: maps without order, NaN is NaN.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, x)| match (key.as_str(), b.get(key)) {
                    ("double", Some(y)) => number(x) == number(y),
                    ("map", Some(y)) => same_entries(x, y),
                    (_, Some(y)) => equal(x, y),
                    (_, None) => false,
                })
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(x, y)| equal(x, y))
        }
        (a, b) => a == b,
    }
}

/// The bits of a double, one for every NaN, and one for both zeros.
fn number(encoded: &Value) -> u64 {
    let value: f64 = encoded.as_str().expect("text").parse().expect("a double");
    if value.is_nan() {
        f64::NAN.to_bits()
    } else {
        (value + 0.0).to_bits()
    }
}

fn same_entries(left: &Value, right: &Value) -> bool {
    let (a, b) = (
        left.as_array().expect("entries"),
        right.as_array().expect("entries"),
    );
    a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| equal(x, y)))
}

#[test]
fn the_conformance_tests_of_the_language() {
    let Some(vectors) = vectors() else {
        println!("skipped: cel_conformance.json, 1165 tests; set GATELET_VECTORS to its folder");
        return;
    };
    let tests = vectors["tests"].as_array().expect("tests");
    let mut input = String::new();
    for test in tests {
        writeln!(input, "{test}").expect("memory");
    }
    let directory = Directory::new("eval_conformance");
    directory.write("tests.jsonl", input);
    let run = directory.run(&["eval", "--jsonl", "tests.jsonl"]).exits(0);
    let answers: BTreeMap<String, Value> = run
        .json()
        .into_iter()
        .map(|answer| (answer["id"].as_str().expect("an id").to_owned(), answer))
        .collect();
    assert_eq!(answers.len(), tests.len());
    let mut failed = Vec::new();
    for test in tests {
        let answer = &answers[test["id"].as_str().expect("an id")];
        let expected = &test["expect"];
        let passes = match (expected.get("value"), expected.get("type")) {
            (Some(value), _) => answer.get("value").is_some_and(|found| equal(value, found)),
            (None, Some(ty)) => answer.get("type") == Some(ty),
            (None, None) => answer.get("error").is_some() && expected.get("error").is_some(),
        };
        if !passes {
            failed.push(format!("{}: {answer}, expected {expected}", test["expr"]));
        }
    }
    println!("{} of {} pass", tests.len() - failed.len(), tests.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
