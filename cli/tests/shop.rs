//! The example shop: its requests are decided as `expected.jsonl` says, and show every reason.
//!
//! After a change that is meant: `UPDATE=1 cargo test -p gatelet-cli --test shop`.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const SHOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/shop");
/// What this version can answer; the others need limits.
const REASONS: &[&str] = &[
    "allowed",
    "approval_required",
    "credential_invalid",
    "denied_by_rule",
    "identity_unavailable",
    "indeterminate",
    "malformed_request",
    "not_permitted",
    "role_conflict",
    "unauthenticated",
];

#[test]
fn the_shop_decides_as_expected() {
    let lines = decide(&[]);
    let expected = Path::new(SHOP).join("expected.jsonl");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&expected, lines.join("\n") + "\n").expect("the example can be written");
    }
    let text = fs::read_to_string(&expected).expect("the example is there");
    let expected: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), expected.len());
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(line, expected);
    }
}

#[test]
fn the_shop_shows_every_reason() {
    let lines = decide(&[]);
    let reasons: BTreeSet<_> = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["reason"].to_string())
        .collect();
    let expected: BTreeSet<_> = REASONS
        .iter()
        .map(|reason| format!("\"{reason}\""))
        .collect();
    assert_eq!(reasons, expected);
}

#[test]
fn values_of_production_move_the_office() {
    let office = |lines: Vec<String>| {
        let decided = lines
            .into_iter()
            .find(|line| line.contains("console from the office"));
        decided.expect("the example has such a request")
    };
    assert!(office(decide(&[])).contains("\"reason\":\"allowed\""));
    assert!(office(decide(&["--values", "prod.yaml"])).contains("\"reason\":\"denied_by_rule\""));
}

/// The decisions, without the digest: it changes with every comment.
fn decide(more: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_gatelet"))
        .current_dir(SHOP)
        .args([
            "decide",
            "--policy",
            "shop.yaml",
            "--requests",
            "requests.jsonl",
        ])
        .args(more)
        .output()
        .expect("the command line runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let without_digest = |line: &str| match line.rsplit_once(",\"policy\":") {
        Some((decision, _)) => format!("{decision}}}"),
        None => line.to_owned(),
    };
    text.lines().map(without_digest).collect()
}
