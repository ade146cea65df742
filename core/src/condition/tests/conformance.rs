//! The CEL conformance tests of the vectors file.

use crate::condition::json::{deduce, evaluate_json};
use serde_json::Value as Json;
use std::path::PathBuf;

/// Tests that conditions fail on purpose, with the reason.
const EXCEPTIONS: [(&str, &str); 0] = [];

/// The vectors file: under `GATELET_VECTORS`, or beside the workspace.
fn vectors() -> Option<Json> {
    let beside = || {
        let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        [
            workspace.join("../shared/vectors"),
            workspace.join("shared/vectors"),
        ]
        .into_iter()
        .find(|folder| folder.is_dir())
    };
    let folder = std::env::var_os("GATELET_VECTORS")
        .map(PathBuf::from)
        .or_else(beside)?;
    let text = std::fs::read_to_string(folder.join("cel/cel_conformance.json")).ok()?;
    serde_json::from_str(&text).ok()
}

/// Whether two encoded values are the same: maps without order, doubles as numbers.
fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Object(a), Json::Object(b)) if a.len() == 1 && b.len() == 1 => {
            let (Some((kind, x)), Some((other, y))) = (a.iter().next(), b.iter().next()) else {
                return false;
            };
            kind == other
                && match kind.as_str() {
                    "double" => {
                        let read = |json: &Json| json.as_str().map(str::parse::<f64>);
                        match (read(x), read(y)) {
                            (Some(Ok(x)), Some(Ok(y))) => x == y || x.is_nan() && y.is_nan(),
                            _ => false,
                        }
                    }
                    "map" => {
                        let (x, y) = (x.as_array().unwrap(), y.as_array().unwrap());
                        x.len() == y.len() && x.iter().all(|x| y.iter().any(|y| same(x, y)))
                    }
                    _ => same(x, y),
                }
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(x, y)| same(x, y))
        }
        (a, b) => a == b,
    }
}

/// What is wrong with the answers to a test, if anything. A test that may be
/// checked is run with types too.
fn failure(test: &Json) -> Option<String> {
    let unchecked = failure_once(test);
    if test.get("disable_check").is_some() || test.get("type_env").is_some() {
        return unchecked;
    }
    let mut typed = test.clone();
    typed["type_env"] = serde_json::json!({});
    unchecked.or_else(|| failure_once(&typed))
}

fn failure_once(test: &Json) -> Option<String> {
    let answer = evaluate_json(test);
    let expected = &test["expect"];
    if let Some(ty) = expected.get("type") {
        let deduced = deduce(test);
        if deduced.encode(None).get("type") != Some(ty) {
            return Some(format!("type {deduced:?}, expected {ty}"));
        }
    }
    match (expected.get("value"), answer.get("value")) {
        (Some(wanted), Some(value)) if same(wanted, value) => None,
        (None, None) if expected.get("error").is_some() == answer.get("error").is_some() => None,
        _ => Some(format!("{answer}, expected {expected}")),
    }
}

#[test]
fn conformance() {
    let Some(vectors) = vectors() else {
        println!("skipped: cel_conformance.json (1165 tests) is not there; set GATELET_VECTORS");
        return;
    };
    let tests = vectors["tests"].as_array().unwrap();
    let mut failures = Vec::new();
    for test in tests {
        let id = test["id"].as_str().unwrap();
        let excepted = EXCEPTIONS.iter().any(|(excepted, _)| *excepted == id);
        match failure(test) {
            None if excepted => {
                failures.push(format!("{id}: is listed as an exception and passes"))
            }
            Some(why) if !excepted => failures.push(format!("{id}: {} → {why}", test["expr"])),
            _ => {}
        }
    }
    println!(
        "{} of {} conformance tests pass",
        tests.len() - failures.len(),
        tests.len()
    );
    assert!(
        EXCEPTIONS.len() * 100 <= tests.len(),
        "more than 1 % are exceptions"
    );
    assert!(
        failures.is_empty(),
        "{} of {} fail:\n{}",
        failures.len(),
        tests.len(),
        failures.join("\n")
    );
}
