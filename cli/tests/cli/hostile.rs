//! Wrong usage, files that cannot be read, and input that means harm.

use std::fs::File;

use super::support::Directory;

const DECIDE: &[&str] = &["decide", "--policy", "shop.yaml", "--requests"];

#[test]
fn wrong_usage_is_told_from_problems() {
    let directory = Directory::with_policy("usage");
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage: gatelet"),
        (&["decied"], "decide"),
        (&["decide"], "--policy"),
        (&["decide", "--policy", "shop.yaml"], "--requests"),
        (
            &[
                "decide",
                "--policy",
                "shop.yaml",
                "--requests",
                "-",
                "--format",
                "xml",
            ],
            "json",
        ),
        (&["check"], "FILE"),
        (&["check", "shop.yaml", "--colour"], "--colour"),
        (
            &[
                "bench",
                "--policy",
                "shop.yaml",
                "--requests",
                "-",
                "--seconds",
                "0",
            ],
            "--seconds",
        ),
        (
            &[
                "bench",
                "--policy",
                "shop.yaml",
                "--requests",
                "-",
                "--threads",
                "0",
            ],
            "--threads",
        ),
    ];
    for (arguments, word) in cases {
        let run = directory.run(arguments).exits(2);
        assert!(run.stderr.contains(word), "{run:#?}");
        assert_eq!(run.stdout, "", "{run:#?}");
    }
    for arguments in [&["--version"][..], &["--help"], &["help", "bench"]] {
        let run = directory.run(arguments).exits(0);
        assert!(
            run.stdout.contains("gatelet") && run.stderr.is_empty(),
            "{run:#?}"
        );
    }
    for command in ["decide", "check", "explain", "bench"] {
        let run = directory.run(&[command, "--help"]).exits(0);
        assert!(run.stdout.contains("Example:"), "{run:#?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let directory = Directory::with_policy("unreadable");
    directory.write("requests.jsonl", "{}\n");
    directory.write("folder/x", "");
    let cases: &[&[&str]] = &[
        &["check", "missing"],
        &["check", "shop.yaml", "missing"],
        &["check", "shop.yaml", "--values", "missing"],
        &["check", "folder"],
        &[
            "decide",
            "--policy",
            "missing",
            "--requests",
            "requests.jsonl",
        ],
        &["decide", "--policy", "shop.yaml", "--requests", "missing"],
        &["decide", "--policy", "shop.yaml", "--requests", "folder"],
        &["bench", "--policy", "shop.yaml", "--requests", "missing"],
        &["explain", "--policy", "shop.yaml", "--request", "folder"],
    ];
    for arguments in cases {
        let name = if arguments.contains(&"missing") {
            "missing"
        } else {
            "folder"
        };
        directory
            .run(arguments)
            .fails_with(2, &["cannot read", name]);
    }
}

#[test]
fn a_policy_that_is_none_is_refused() {
    let directory = Directory::new("no_policy");
    let random: Vec<u8> = (0..4_096_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let deep = "[".repeat(100_000);
    let cases: &[(&str, &[u8])] = &[
        ("empty", b""),
        ("zero", &[0; 64]),
        ("random", &random),
        ("truncated", b"gatelet: 1\nrules: { a: { effect: al"),
        ("utf16", b"\xff\xfeg\0a\0t\0e\0"),
        ("deep", deep.as_bytes()),
        ("deep_json", &[b"{\"gatelet\": 1, \"rules\": ", deep.as_bytes()].concat()),
        ("aliases", b"gatelet: 1\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e]\n"),
        ("duplicate", b"gatelet: 1\nrules: {}\nrules: {}\n"),
    ];
    for (name, bytes) in cases {
        directory.write(name, bytes);
        let run = directory.run(&["check", name]).exits(1);
        assert!(
            run.stdout.contains(name) && run.stdout.contains("error"),
            "{run:#?}"
        );
        assert!(
            run.stdout.len() < 200_000,
            "{name}: {} bytes",
            run.stdout.len()
        );
        assert!(
            !run.stdout.chars().any(|c| c.is_control() && c != '\n'),
            "{run:?}"
        );
    }
}

#[test]
fn a_policy_of_100_megabytes_is_refused() {
    let directory = Directory::new("huge_policy");
    let file = File::create(directory.path("huge.yaml")).expect("a file");
    file.set_len(100 << 20).expect("a sparse file");
    let run = directory.run(&["check", "huge.yaml"]).exits(1);
    assert!(run.stdout.contains("huge.yaml"), "{run:#?}");
    assert!(run.stdout.contains("bytes"), "{run:#?}");
}

#[test]
fn hostile_lines_are_errors_of_their_line() {
    let directory = Directory::with_policy("hostile_lines");
    let good: &[u8] = b"{\"method\":\"GET\",\"path\":\"/healthz\"}";
    let deep = "[".repeat(1_000_000);
    let deep_objects = "{\"attributes\":".repeat(100_000);
    let huge = format!("{{\"path\":\"{}\"}}", "a".repeat(9 << 20));
    let wide = format!("{{\"headers\":[{}]}}", vec!["[\"a\",1]"; 100_000].join(","));
    let cases: &[(&[u8], &str)] = &[
        (b"\0\x01\x02\xff\xfe", "not JSON"),
        (b"{\"path\":\"\xff\"}", "not JSON"),
        (deep.as_bytes(), "nested more than"),
        (deep_objects.as_bytes(), "nested more than"),
        (huge.as_bytes(), "longer than 8388608 bytes"),
        (
            wide.as_bytes(),
            "headers[0][1]: expected a string, found a number",
        ),
        (b"{\"path\":\"/a\",\"path\":\"/b\"}", "path: comes twice"),
        (b"[{}]", "expected an object, found a list"),
        (b"{\"cost\":-1}", "cost:"),
    ];
    let lines: Vec<&[u8]> = cases
        .iter()
        .map(|(line, _)| *line)
        .flat_map(|line| [line, good])
        .collect();
    let run = directory
        .run_with(&[DECIDE, &["-"]].concat(), &lines.join(&b'\n'))
        .exits(1);
    let answers = run.json();
    assert_eq!(answers.len(), lines.len());
    for ((answer, number), (_, message)) in answers.iter().zip(1..).step_by(2).zip(cases) {
        assert_eq!(answer["error"]["line"], number, "{answer}");
        assert!(
            answer["error"]["message"]
                .as_str()
                .is_some_and(|text| text.contains(message)),
            "{message}: {answer}"
        );
    }
    assert!(
        answers
            .iter()
            .skip(1)
            .step_by(2)
            .all(|answer| answer["effect"] == "allow"),
        "{}",
        run.stdout
    );
}

#[test]
fn hostile_requests_are_answered_and_never_allowed() {
    let directory = Directory::with_policy("hostile_requests");
    let requests = [
        r#"{"method":"GET","path":"/healthz\u0000"}"#.to_owned(),
        r#"{"method":"GET","path":{"b64":"L2hlYWx0aHr/"}}"#.to_owned(),
        r#"{"method":"GET","path":"/internal/../healthz"}"#.to_owned(),
        r#"{"method":"GET","path":"//healthz"}"#.to_owned(),
        r#"{"method":"GET","path":"/%68ealthz"}"#.to_owned(),
        r#"{"method":"","path":""}"#.to_owned(),
        format!(r#"{{"method":"GET","path":"/{}"}}"#, "a".repeat(1 << 20)),
        format!(
            r#"{{"method":"GET","path":"/healthz","headers":[{}]}}"#,
            vec![r#"["a","b"]"#; 10_000].join(",")
        ),
        "{}".to_owned(),
    ];
    let run = directory
        .run_with(&[DECIDE, &["-"]].concat(), requests.join("\n").as_bytes())
        .exits(0);
    let answers = run.json();
    assert_eq!(answers.len(), requests.len());
    for (answer, request) in answers.iter().zip(requests) {
        assert_eq!(
            answer["effect"],
            "deny",
            "{answer} {}",
            request.get(..80).unwrap_or(&request)
        );
    }
}
