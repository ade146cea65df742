//! `gatelet check`, `explain` and `bench`, on the built binary.

use super::support::{Directory, EARLY, POLICY};
use serde_json::Value;

const BROKEN: &str = "\
gatelet: 1
roles:
  clerk: { cann: [orders.read] }
rules:
  health: { effect: alow, match: { route: \"GET /healthz\" } }
";

#[test]
fn a_clean_policy_is_summed_up() {
    let directory = Directory::with_policy("check_clean");
    let run = directory.run(&["check", "shop.yaml"]).exits(0);
    let line = run.stdout.lines().last().unwrap_or_default();
    let digest = line.strip_prefix("ok: 1 file, 4 rules, 2 roles, 1 grant, policy ");
    let digest = digest.unwrap_or_else(|| panic!("{}", run.stdout));
    assert!(
        digest.len() == 12 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{digest}"
    );
    assert_eq!(run.stderr, "");

    let run = directory
        .run(&["check", "shop.yaml", "--format", "json"])
        .exits(0);
    let [report] = &*run.json() else {
        panic!("{}", run.stdout)
    };
    assert_eq!(report["ok"], true);
    assert_eq!(report["policy"]["rules"], 4);
    let full = report["policy"]["digest"].as_str().unwrap_or_default();
    assert!(full.len() == 64 && full.starts_with(digest), "{full}");
}

#[test]
fn every_problem_is_shown_at_its_place() {
    let directory = Directory::new("check_broken");
    directory.write("shop.yaml", BROKEN);
    let run = directory.run(&["check", "shop.yaml"]).exits(1);
    for words in [
        "shop.yaml:3:12",
        "cann",
        "did you mean \"can\"",
        "shop.yaml:5",
        "alow",
        "^",
        "GL",
    ] {
        assert!(run.stdout.contains(words), "{words}: {}", run.stdout);
    }
    assert!(
        run.stdout.ends_with("\n2 errors in 1 file\n"),
        "{}",
        run.stdout
    );
    assert!(
        !run.stdout.contains('\u{1b}'),
        "no colour without a terminal"
    );

    let run = directory
        .run(&["check", "shop.yaml", "--format", "json"])
        .exits(1);
    let [report] = &*run.json() else {
        panic!("{}", run.stdout)
    };
    assert_eq!(report["ok"], false);
    assert_eq!(report["errors"], 2);
    assert_eq!(report["policy"], Value::Null);
    let first = &report["diagnostics"][0];
    assert_eq!((&first["line"], &first["column"]), (&3.into(), &12.into()));
}

#[test]
fn a_policy_that_does_not_load_is_the_same_problem_everywhere() {
    let directory = Directory::new("check_everywhere");
    directory.write("shop.yaml", BROKEN);
    directory.write("requests.jsonl", "{}\n");
    let policy = ["--policy", "shop.yaml"];
    for arguments in [
        &["decide", "--requests", "requests.jsonl"][..],
        &["bench", "--requests", "requests.jsonl"],
        &["explain", "--request", "{}"],
    ] {
        let run = directory.run(&[arguments, &policy].concat()).exits(1);
        assert_eq!(run.stdout, "", "{arguments:?}");
        assert!(run.stderr.contains("shop.yaml:3:12"), "{}", run.stderr);
        assert!(
            run.stderr
                .ends_with("\ngatelet: the policy does not load\n"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn included_files_are_found_beside_the_file_that_names_them() {
    let directory = Directory::new("check_include");
    directory.write(
        "policies/shop.yaml",
        "gatelet: 1\ninclude: [parts/a.yaml, b.yaml]\n",
    );
    directory.write(
        "policies/parts/a.yaml",
        "gatelet: 1\ninclude: [c.yaml]\nroles: { a: {} }\n",
    );
    directory.write("policies/parts/c.yaml", "gatelet: 1\nroles: { c: {} }\n");
    directory.write("policies/b.yaml", "gatelet: 1\nroles: { b: {} }\n");
    for file in [
        "policies/shop.yaml",
        "./policies/shop.yaml",
        "policies/../policies/shop.yaml",
    ] {
        let run = directory.run(&["check", file]).exits(0);
        assert!(
            run.stdout.contains("ok: 4 files, 0 rules, 3 roles"),
            "{file}: {}",
            run.stdout
        );
    }
    // Named and included is still once.
    let run = directory
        .run(&["check", "policies/shop.yaml", "policies/b.yaml"])
        .exits(0);
    assert!(run.stdout.contains("ok: 4 files"), "{}", run.stdout);
}

#[test]
fn an_include_never_leaves_its_directory() {
    let directory = Directory::new("check_escape");
    directory.write("outside.yaml", "gatelet: 1\nroles: { secret: {} }\n");
    for include in [
        "../outside.yaml",
        "a/../../outside.yaml",
        "/etc/hostname",
        "missing.yaml",
    ] {
        directory.write(
            "in/shop.yaml",
            format!("gatelet: 1\ninclude: [{include}]\n"),
        );
        let run = directory.run(&["check", "in/shop.yaml"]).exits(1);
        assert!(
            run.stdout.contains("in/shop.yaml:2:11"),
            "{include}: {}",
            run.stdout
        );
        assert!(!run.stdout.contains("secret"), "{include}: {}", run.stdout);
    }
    #[cfg(unix)]
    {
        directory.write("in/shop.yaml", "gatelet: 1\ninclude: [link.yaml]\n");
        std::os::unix::fs::symlink(
            directory.path("outside.yaml"),
            directory.path("in/link.yaml"),
        )
        .expect("a link");
        directory.run(&["check", "in/shop.yaml"]).fails_with(
            1,
            &["in/link.yaml", "outside the directory of in/shop.yaml"],
        );
    }
}

#[test]
fn values_are_given_per_environment() {
    let directory = Directory::new("check_values");
    directory.write("shop.yaml", "gatelet: 1\nvalues: { who: { type: string } }\nrules: { a: { effect: allow, match: { host: \"${who}\" } } }\n");
    directory.write("prod.yaml", "who: shop.example\n");
    directory.run(&["check", "shop.yaml"]).exits(1);
    let run = directory
        .run(&["check", "shop.yaml", "--values", "prod.yaml"])
        .exits(0);
    assert!(run.stdout.contains("ok: 2 files"), "{}", run.stdout);
}

#[test]
fn an_explanation_calls_an_app_what_the_limit_does() {
    let directory = Directory::new("explain_app");
    directory.write(
        "policy.yaml",
        "gatelet: 1\nidentity: { trust_host: [principal] }\nrules: { all: { effect: allow, match: { who: anyone } } }\nlimits: { a: { by: [app], rate: 1/s } }\n",
    );
    for (provider, app) in [("api_keys", "eve"), ("host", "absent")] {
        let request = format!(
            "{{\"path\": \"/\", \"principal\": {{\"provider\": \"{provider}\", \"id\": \"eve\"}}}}"
        );
        let explain = ["explain", "--policy", "policy.yaml", "--format", "json"];
        let run = directory.run(&[&explain[..], &["--request", &request]].concat());
        let [told] = &*run.exits(0).json() else {
            panic!("one explanation")
        };
        assert_eq!(told["limits"][0]["key"][0]["value"], app, "{told}");
    }
}

#[test]
fn an_explanation_reads_json_a_file_and_the_standard_input() {
    let directory = Directory::with_policy("explain");
    let request =
        "{\"method\": \"POST\",\n \"path\": \"/t/acme/refund\", \"principal\": {\"id\": \"eve\"}}";
    directory.write("request.json", request);
    let explain = [
        "explain",
        "--policy",
        "shop.yaml",
        "--at",
        EARLY,
        "--request",
    ];
    let inline = directory.run(&[&explain[..], &[request]].concat()).exits(0);
    let file = directory
        .run(&[&explain[..], &["request.json"]].concat())
        .exits(0);
    let stdin = directory
        .run_with(&[&explain[..], &["-"]].concat(), request.as_bytes())
        .exits(0);
    assert_eq!(inline.stdout, file.stdout);
    assert_eq!(inline.stdout, stdin.stdout);
    assert!(inline.stdout.contains("not_permitted"), "{}", inline.stdout);
    let json = directory
        .run(&[&explain[..], &[request, "--format", "json"]].concat())
        .exits(0);
    assert_eq!(json.json().len(), 1);
    directory
        .run(&[&explain[..], &["{\"path\": 1}"]].concat())
        .fails_with(1, &["--request: path: expected a string, found a number"]);
    directory
        .run(&[&explain[..], &["missing.json"]].concat())
        .fails_with(2, &["missing.json"]);
}

#[test]
fn a_bench_says_what_it_measured() {
    let directory = Directory::with_policy("bench");
    let requests = "{\"method\": \"GET\", \"path\": \"/healthz\"}\n{\"method\": \"GET\", \"path\": \"/internal/x\"}\n";
    directory.write("requests.jsonl", requests);
    let bench = [
        "bench",
        "--policy",
        "shop.yaml",
        "--requests",
        "requests.jsonl",
        "--seconds",
        "1",
        "--threads",
        "2",
    ];
    let run = directory
        .run(&[&bench[..], &["--format", "json"]].concat())
        .exits(0);
    let [figures] = &*run.json() else {
        panic!("{}", run.stdout)
    };
    assert_eq!(figures["requests"], 2);
    assert_eq!(figures["threads"], 2);
    assert_eq!(
        figures["effects"],
        serde_json::json!({"allow": 1, "deny": 1})
    );
    assert_eq!(
        figures["reasons"],
        serde_json::json!({"allowed": 1, "denied_by_rule": 1})
    );
    assert_eq!(figures["allocations_per_decision"], 0.0);
    let number = |pointer: &str| {
        figures
            .pointer(pointer)
            .and_then(Value::as_f64)
            .unwrap_or_default()
    };
    assert!(number("/decisions_per_second") > 0.0, "{figures}");
    assert!(number("/ns_per_decision/median") > 0.0, "{figures}");
    assert!(
        number("/ns_per_decision/median") <= number("/ns_per_decision/p99"),
        "{figures}"
    );
    let run = directory.run(&bench).exits(0);
    for words in [
        "2: allow 1, deny 1",
        "decisions/second",
        "median",
        "p99",
        "0 per decision",
    ] {
        assert!(run.stdout.contains(words), "{words}: {}", run.stdout);
    }

    directory.write("broken.jsonl", format!("{requests}{{\"path\": 1}}\n"));
    directory.write("empty.jsonl", "\n");
    let policy = ["bench", "--policy", "shop.yaml", "--requests"];
    directory
        .run(&[&policy[..], &["broken.jsonl"]].concat())
        .fails_with(1, &["broken.jsonl:3: path: expected a string"]);
    directory
        .run(&[&policy[..], &["empty.jsonl"]].concat())
        .fails_with(1, &["empty.jsonl holds no request"]);
}

#[test]
fn a_digest_depends_on_what_is_read() {
    let directory = Directory::with_policy("check_digest");
    let digest = || {
        directory
            .run(&["check", "shop.yaml", "--format", "json"])
            .exits(0)
            .json()[0]["policy"]["digest"]
            .clone()
    };
    let first = digest();
    assert_eq!(digest(), first);
    directory.write("shop.yaml", POLICY.replace("/internal", "/inside"));
    assert_ne!(digest(), first);
}

/// A grant that ends between two requests: later passes find it ended for both, `decide` does not.
#[test]
fn a_bench_counts_what_decide_answers() {
    let directory = Directory::with_policy("bench_time");
    let refund = |at: &str| {
        format!(
            "{{\"method\": \"POST\", \"path\": \"/t/acme/refund\", \"principal\": {{\"id\": \"dana\"}}, \"at\": \"{at}\"}}\n"
        )
    };
    let requests = refund(EARLY) + &refund("2026-07-01T00:00:00Z");
    directory.write("requests.jsonl", requests);
    let files = ["--policy", "shop.yaml", "--requests", "requests.jsonl"];
    let decided = directory.run(&[&["decide"], &files[..]].concat()).exits(0);
    let effects: Vec<_> = decided
        .json()
        .iter()
        .map(|answer| answer["effect"].clone())
        .collect();
    assert_eq!(effects, ["allow", "deny"]);
    let options = ["--seconds", "1", "--format", "json"];
    let run = directory
        .run(&[&["bench"], &files[..], &options].concat())
        .exits(0);
    assert_eq!(
        run.json()[0]["effects"],
        serde_json::json!({"allow": 1, "deny": 1})
    );
}

/// What is used up refuses fast; what is only looked at stays.
#[test]
fn a_bench_takes_from_limits_what_it_is_told() {
    let directory = Directory::new("bench_limits");
    directory.write(
        "policy.yaml",
        "gatelet: 1\nrules: { all: { effect: allow, match: { who: anyone } } }\nlimits: { one: { by: [], rate: 1/day } }\n",
    );
    directory.write("requests.jsonl", "{\"path\": \"/a\"}\n{\"path\": \"/b\"}\n");
    let files = [
        "bench",
        "--policy",
        "policy.yaml",
        "--requests",
        "requests.jsonl",
    ];
    for (charge, allow) in [("take", 1), ("peek", 2), ("none", 2)] {
        let options = ["--seconds", "1", "--format", "json", "--charge", charge];
        let run = directory.run(&[&files[..], &options].concat()).exits(0);
        assert_eq!(run.json()[0]["effects"]["allow"], allow, "{charge}");
        assert_eq!(run.json()[0]["allocations_per_decision"], 0.0, "{charge}");
    }
}
