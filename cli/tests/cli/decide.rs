//! `gatelet decide`, on the built binary.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use super::support::{Directory, EARLY, Run};
use serde_json::{Value, json};

const DECIDE: &[&str] = &["decide", "--policy", "shop.yaml", "--requests"];

fn decide(directory: &Directory, input: &str, more: &[&str]) -> Run {
    directory.run_with(
        &[DECIDE, &["-", "--at", EARLY], more].concat(),
        input.as_bytes(),
    )
}

fn field<'v>(values: &'v [Value], name: &str) -> Vec<&'v Value> {
    values.iter().map(|value| &value[name]).collect()
}

#[test]
fn decisions_come_in_order_and_a_broken_line_stops_nothing() {
    let directory = Directory::with_policy("decide_order");
    let input = concat!(
        "{\"method\": \"GET\", \"path\": \"/healthz\"}\n",
        "\n",
        "  \t\r\n",
        "{\"method\": \"GET\", \"path\": }\r\n",
        "{\"method\": \"GET\", \"path\": \"/t/acme/orders\", \"principal\": {\"id\": \"dana\"}}\r\n",
        "{\"methd\": \"GET\"}\n",
        "{\"method\": \"GET\", \"path\": \"/internal/x\"}",
    );
    let run = decide(&directory, input, &[]).exits(1);
    let answers = run.json();
    let effects = [
        json!("allow"),
        Value::Null,
        json!("allow"),
        Value::Null,
        json!("deny"),
    ];
    assert_eq!(
        field(&answers, "effect"),
        effects.iter().collect::<Vec<_>>()
    );
    assert_eq!(answers[0]["rule"], "health");
    assert_eq!(answers[1]["error"]["line"], 4);
    assert_eq!(answers[2]["rule"], "roles.clerk");
    assert_eq!(
        answers[3],
        json!({"error": {"line": 6, "message": "unknown field \"methd\"; did you mean \"method\"?"}})
    );
    assert_eq!(answers[4]["reason"], "denied_by_rule");
    assert_eq!(answers[4]["source"], "shop.yaml:13");
    assert_eq!(run.stderr, "");
}

#[test]
fn a_file_and_the_standard_input_are_answered_alike() {
    let directory = Directory::with_policy("decide_same");
    let request = "\u{feff}{\"method\": \"GET\", \"path\": \"/healthz\"}\n";
    directory.write("requests.jsonl", request);
    let file = directory
        .run(&[DECIDE, &["requests.jsonl"]].concat())
        .exits(0);
    let stdin = decide(&directory, request, &[]).exits(0);
    assert_eq!(file.stdout, stdin.stdout);
    assert_eq!(file.stdout.lines().count(), 1);
}

#[test]
fn time_is_the_requests_then_the_options() {
    let directory = Directory::with_policy("decide_time");
    let request = |at: &str| {
        format!(
            "{{{at} \"method\": \"GET\", \"path\": \"/t/acme/orders\", \"principal\": {{\"id\": \"dana\"}}}}"
        )
    };
    let (own_early, own_late) = (
        request("\"at\": 1772366400000,"),
        request("\"at\": \"2026-07-01T00:00:00Z\","),
    );
    let cases = [
        (request(""), EARLY, "allow"),
        (request(""), "1772366400000", "allow"),
        (request(""), "2026-07-01T00:00:00Z", "deny"),
        (own_early, "2026-07-01T00:00:00Z", "allow"),
        (own_late, EARLY, "deny"),
    ];
    for (request, at, effect) in cases {
        let run = directory
            .run_with(&[DECIDE, &["-", "--at", at]].concat(), request.as_bytes())
            .exits(0);
        assert_eq!(run.json()[0]["effect"], effect, "{request} at {at}");
    }
    directory
        .run(&[DECIDE, &["-", "--at", "soon"]].concat())
        .fails_with(2, &["--at", "RFC 3339"]);
}

#[test]
fn nothing_to_decide_is_fine() {
    let directory = Directory::with_policy("decide_nothing");
    for input in ["", "\n\n", "\r\n"] {
        for format in ["json", "table"] {
            let run = decide(&directory, input, &["--format", format]).exits(0);
            assert_eq!(run.stdout, "", "{input:?} {format}");
        }
    }
}

#[test]
fn a_table_says_who_asked_what_and_why() {
    let directory = Directory::with_policy("decide_table");
    let input = concat!(
        "{\"method\": \"POST\", \"path\": \"/t/acme/refund\", \"principal\": {\"id\": \"dana\"}}\n",
        "{\"method\": \"GET\", \"path\": \"/healthz\"}\n",
        "{\"action\": \"orders.read\", \"resource\": {\"type\": \"order\", \"id\": \"7\"}}\n",
        "broken\n",
    );
    let run = decide(&directory, input, &["--format", "table"]).exits(1);
    let rows: Vec<&str> = run.stdout.lines().collect();
    let expected: &[&[&str]] = &[
        &[
            "#", "who", "request", "effect", "status", "reason", "rule", "why",
        ],
        &["──"],
        &[
            "1",
            "dana",
            "POST /t/acme/refund",
            "allow",
            "200",
            "roles.manager",
            "shop.yaml:8",
            "audit",
        ],
        &[
            "2",
            "-",
            "GET /healthz",
            "allow",
            "health",
            "shadow: denied_by_rule",
        ],
        &["3", "orders.read order 7", "deny", "401", "unauthenticated"],
        &["4", "error", "not JSON"],
    ];
    assert_eq!(rows.len(), expected.len(), "{}", run.stdout);
    for (row, words) in rows.iter().zip(expected) {
        assert_eq!(
            row.contains("shadow"),
            words.contains(&"shadow: denied_by_rule"),
            "{row}"
        );
        assert!(
            words.iter().all(|word| row.contains(word)),
            "{words:?}: {row}"
        );
        assert!(!row.ends_with(' '), "{row:?}");
    }
    assert!(
        !run.stdout.contains('\u{1b}'),
        "no colour without a terminal"
    );
}

#[test]
fn nothing_from_a_request_steers_the_terminal() {
    let directory = Directory::with_policy("decide_terminal");
    let hostile = "\\u001b[2J\\u009b31m\\u202e\\u0007";
    let input = format!(
        "{{\"method\": \"GET{hostile}\", \"path\": \"/{hostile}\", \"principal\": {{\"id\": \"{hostile}\"}}}}\n\
         {{\"method\": \"GET\", \"path\": \"/healthz\", \"principal\": {{\"id\": \"a\u{9b}31m\u{202e}b\"}}}}\n\
         {{\"action\": \"{hostile}\", \"resource\": {{\"id\": \"{hostile}\"}}}}\n\
         {{\"{hostile}\": 1}}\n"
    );
    for format in ["json", "table"] {
        let run = decide(&directory, &input, &["--format", format]).exits(1);
        let found = run
            .stdout
            .chars()
            .find(|&c| (c.is_control() && c != '\n') || c == '\u{202e}');
        assert_eq!(found, None, "{format}: {}", run.stdout);
    }
    let explain = ["explain", "--policy", "shop.yaml", "--request", "-"];
    let run = directory
        .run_with(
            &explain,
            input.lines().nth(1).unwrap_or_default().as_bytes(),
        )
        .exits(0);
    assert!(
        !run.stdout.chars().any(|c| c.is_control() && c != '\n'),
        "{}",
        run.stdout
    );
}

#[test]
fn a_line_is_answered_before_the_next_one_comes() {
    let directory = Directory::with_policy("decide_stream");
    let mut command = directory.command(&[DECIDE, &["-"]].concat());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for path in ["/healthz", "/internal/x", "/healthz"] {
        // Half of the next line is there as well: it must not hold the answer back.
        writeln!(stdin, "{{\"method\": \"GET\", \"path\": \"{path}\"}}\n").expect("a line");
        stdin.write_all(b"  ").expect("half a line");
        stdin.flush().expect("flushed");
        let answer = answers.next().expect("an answer").expect("text");
        assert!(answer.contains(path), "{answer}");
    }
    drop(stdin);
    assert!(answers.next().is_none());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_closed_output_ends_quietly() {
    let directory = Directory::with_policy("decide_head");
    directory.write(
        "requests.jsonl",
        "{\"method\": \"GET\", \"path\": \"/healthz\"}\n".repeat(20_000),
    );
    for format in ["json", "table"] {
        let mut command =
            directory.command(&[DECIDE, &["requests.jsonl", "--format", format]].concat());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut first = [0; 1];
        let mut stdout = child.stdout.take().expect("a pipe");
        stdout.read_exact(&mut first).expect("output");
        drop(stdout);
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{format}");
        assert_eq!(output.stderr, b"", "{format}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_promptly() {
    let directory = Directory::with_policy("decide_interrupt");
    let mut command = directory.command(&[DECIDE, &["-"]].concat());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"{}\n").expect("a line");
    let mut answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    // Only once it answers is it certain that it listens.
    answers.next().expect("an answer").expect("text");
    let kill = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.expect("kill runs").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

#[test]
fn limits_of_a_store_are_tried_without_one() {
    let directory = Directory::new("decide_store");
    directory.write(
        "policy.yaml",
        "gatelet: 1\nrules: { all: { effect: allow, match: { who: anyone } } }\nlimits:\n  s: { by: [], window: { calendar: day }, limit: 1, store: { redis: strict } }\n",
    );
    directory.write("requests.jsonl", "{\"path\": \"/\"}\n{\"path\": \"/\"}\n");
    let given = ["--policy", "policy.yaml", "--requests", "requests.jsonl"];
    let decide = [&["decide"], &given[..], &["--at", EARLY]].concat();
    let answers = directory.run(&decide).exits(0).json();
    assert_eq!(
        field(&answers, "reason"),
        [&json!("allowed"), &json!("quota_exceeded")]
    );
    let bench = [&["bench"], &given[..], &["--seconds", "1"]].concat();
    directory.run(&bench).exits(0);
}
