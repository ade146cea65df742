//! What the documents say is so: their policies load, and they leave nothing out.
//!
//! `docs/diagnostics.md` and the attributes of `docs/conditions.md` are written by
//! `UPDATE=1 cargo test -p gatelet-cli --test docs`.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use gatelet::{Code, Reason};
use serde_json::Value;

const GROUPS: &[(u16, &str)] = &[
    (0, "Text and syntax"),
    (1, "Names and references"),
    (2, "Roles, grants and separation of duty"),
    (3, "Patterns and routes"),
    (4, "Rules and requirements"),
    (5, "Conditions"),
    (6, "Identity"),
    (7, "Limits"),
    (8, "Layers, sources and values"),
    (9, "Not supported yet"),
];

#[test]
fn every_diagnostic_is_listed() {
    let mut text = String::from(
        "# Diagnostics\n\n\
         Every problem of a policy has one of these codes, a place and, where there is one, a way out. Codes are\n\
         stable: a number is never used for something else. `gatelet check` prints all problems at once.\n\n\
         <!-- Written by: UPDATE=1 cargo test -p gatelet-cli --test docs -->\n",
    );
    for (group, title) in GROUPS {
        let codes: Vec<_> = Code::all()
            .filter(|code| code.number() / 100 == *group)
            .collect();
        if codes.is_empty() {
            continue;
        }
        write!(text, "\n## {title}\n\n| code | meaning |\n|---|---|\n").expect("memory");
        for code in codes {
            writeln!(text, "| {code} | {} |", code.meaning()).expect("memory");
        }
    }
    if env::var_os("UPDATE").is_some() {
        fs::write(path("docs/diagnostics.md"), &text).expect("the document can be written");
    }
    let written = read("docs/diagnostics.md");
    assert_same_lines(&written, &text);
    assert_eq!(written.matches("| GL").count(), Code::all().count());
}

/// Every line beside the line that is expected, so that the first difference is told.
#[track_caller]
fn assert_same_lines(written: &str, expected: &str) {
    for (line, expected) in written.lines().zip(expected.lines()) {
        assert_eq!(line, expected);
    }
    assert_eq!(written.lines().count(), expected.lines().count());
}

#[test]
fn every_attribute_of_conditions_is_listed() {
    let mut table = String::from("| attribute | type | | meaning |\n|---|---|---|---|\n");
    let mut attributes = 0;
    for attribute in gatelet::eval::vocabulary() {
        let name = attribute.name.replace("[]", "['name']");
        let optional = if attribute.optional { "optional" } else { "" };
        let later = if attribute.supported {
            ""
        } else {
            " (refused for now: GL901)"
        };
        let (ty, about) = (attribute.ty, attribute.about);
        writeln!(table, "| `{name}` | `{ty}` | {optional} | {about}{later} |").expect("memory");
        attributes += 1;
    }
    let (begin, end) = ("--test docs -->\n", "<!-- End of the attributes. -->");
    let written = read("docs/conditions.md");
    let (before, rest) = written.split_once(begin).expect("where the table begins");
    let (found, after) = rest.split_once(end).expect("where the table ends");
    if env::var_os("UPDATE").is_some() {
        let text = format!("{before}{begin}\n{table}\n{end}{after}");
        fs::write(path("docs/conditions.md"), text).expect("the document can be written");
    } else {
        assert_same_lines(found.trim(), table.trim());
    }
    assert!(attributes > 25, "{attributes}");
}

#[test]
fn every_policy_in_the_documents_loads() {
    let mut loaded = 0;
    for document in [
        "README.md",
        "docs/policy.md",
        "docs/identity.md",
        "docs/conditions.md",
        "docs/quota.md",
    ] {
        for (at, block) in blocks(&read(document), "yaml").iter().enumerate() {
            let name = format!("{document}#{at}");
            let policy = gatelet::Policy::load(&[gatelet::Source::new(&name, block.as_bytes())]);
            let policy = policy.unwrap_or_else(|error| panic!("{error}"));
            assert!(
                policy.warnings().is_empty(),
                "{name}: {:?}",
                policy.warnings()
            );
            loaded += 1;
        }
    }
    assert!(loaded >= 8, "{loaded}");
}

#[test]
fn every_key_field_reason_and_option_is_described() {
    let answers = ["docs/requests-and-decisions.md"];
    for (name, documents) in [
        (
            "policy",
            &["docs/policy.md", "docs/identity.md", "docs/quota.md"][..],
        ),
        ("request", &answers),
        ("decision", &answers),
    ] {
        let text: String = documents.iter().map(|document| read(document)).collect();
        let keys = properties(&schema(name));
        let described: BTreeSet<_> = text
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .collect();
        for key in keys {
            assert!(
                described.contains(&*key),
                "{documents:?} do not speak of `{key}`"
            );
        }
    }
    let document = read("docs/requests-and-decisions.md");
    for reason in Reason::ALL {
        let described = [
            format!("| `{reason}` | {} |", reason.status()),
            format!("`{reason}` ({})", reason.status()),
        ];
        assert!(
            described.iter().any(|text| document.contains(text)),
            "`{reason}` is not described"
        );
    }
    for detail in details() {
        assert!(
            document.contains(&format!("`{detail}`")),
            "the detail `{detail}` is not described"
        );
    }
    let document = read("docs/cli.md");
    for command in [
        "decide",
        "check",
        "explain",
        "bench",
        "eval",
        "quota list",
        "quota show",
        "quota reset",
        "quota export",
        "key new",
        "token inspect",
    ] {
        for option in options(command) {
            assert!(
                document.contains(&option),
                "`{option}` of `{command}` is not described"
            );
        }
    }
}

#[test]
fn the_example_of_the_readme_runs() -> Result<(), Box<dyn std::error::Error>> {
    let readme = read("README.md");
    let policy = &blocks(&readme, "yaml")[0];
    let text = policy.as_bytes();
    // Begin of the example.
    use gatelet::{Engine, EngineConfig, Policy, Principal, Request, Source, Value};

    let policy = Policy::load(&[Source::new("shop.yaml", text)])?;
    let engine = Engine::new(policy, EngineConfig::default())?;
    let mut scratch = engine.scratch(); // one per thread

    let lee = Principal {
        id: b"lee@shop.example",
        roles: &[b"clerk"],
        attributes: &[(b"tenant", Value::String(b"acme"))],
        ..Principal::default()
    };
    let request = Request {
        method: Some(b"GET"),
        path: Some(b"/t/acme/orders/7"),
        principal: Some(lee),
        ..Request::default()
    };
    let decision = engine.decide(&mut scratch, &request);
    assert!(decision.allowed());
    assert_eq!(decision.rule(), Some("roles.clerk"));
    // End of the example.
    assert_is_example(&readme, 0);
    Ok(())
}

/// The second example of the readme, on the keys of the shop and at the time of its requests.
#[test]
fn the_example_with_credentials_runs() -> Result<(), Box<dyn std::error::Error>> {
    let readme = read("README.md");
    let requests = read("examples/shop/requests.jsonl");
    let mut requests = requests.lines().map(serde_json::from_str::<Value>);
    let request = requests.find(|request| {
        let id = request.as_ref().map(|request| &request["id"]);
        id.is_ok_and(|id| id == "a clerk by a token")
    });
    let request = request.expect("the request is there")?;
    let token = request["bearer"].as_str().map(str::as_bytes);
    let token = token.expect("it brings a token");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("readme");
    fs::create_dir_all(&folder)?;
    for name in ["login.jwks.json", "keys.yaml", "demo-pepper"] {
        fs::copy(path("examples/shop").join(name), folder.join(name))?;
    }
    let path = folder.join("api.yaml");
    fs::write(&path, &blocks(&readme, "yaml")[1])?;
    let config = gatelet::EngineConfig::default().with_clock(std::sync::Arc::new(InOctober));
    // Begin of the example.
    use gatelet::{Reason, Request};
    use gatelet_io::{PolicyFiles, Supervisor, SupervisorOptions};
    use std::sync::Arc;

    let files = PolicyFiles::new([path]);
    let engine = Arc::new(files.engine(config)?);
    let options = SupervisorOptions {
        policy: Some(files),
        ..SupervisorOptions::default()
    };
    let _supervisor = Supervisor::start(Arc::clone(&engine), options)?;

    let mut scratch = engine.scratch();
    let request = Request {
        method: Some(b"GET"),
        path: Some(b"/t/acme/orders/7"),
        bearer: Some(token),
        ..Request::default()
    };
    let decision = engine.decide(&mut scratch, &request);
    assert_eq!(
        decision.principal(),
        Some((&b"login"[..], &b"lee@shop.example"[..]))
    );
    for limit in decision.limits() {
        println!("{}: {} of {} left", limit.id, limit.remaining, limit.limit);
    }
    if decision.reason() == Reason::QuotaExceeded {
        println!("again in {:?} ms", decision.retry_after_ms());
    }
    // End of the example.
    assert!(decision.allowed());
    assert_eq!(decision.limits().count(), 2);
    assert_is_example(&readme, 1);
    Ok(())
}

/// 2026-10-05T09:00:20Z.
struct InOctober;

impl gatelet::Clock for InOctober {
    fn wall_ms(&self) -> i64 {
        1_791_190_820_000
    }
}

/// The example of this number is what stands in this file between its two lines, however it is laid out.
#[track_caller]
fn assert_is_example(readme: &str, number: usize) {
    let here = include_str!("docs.rs");
    let example = here
        .split("    // Begin of the example.\n")
        .nth(number + 1)
        .expect("a begin");
    let (example, _) = example
        .split_once("    // End of the example.\n")
        .expect("an end");
    let words = |text: &str| text.replace([' ', '\n'], "").replace(",}", "}");
    let written = &blocks(readme, "rust")[number];
    assert_eq!(words(written), words(example), "{written}");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut links = 0;
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "docs/policy.md",
        "docs/identity.md",
        "docs/requests-and-decisions.md",
        "docs/cli.md",
        "docs/conditions.md",
        "docs/quota.md",
        "docs/quota-stores.md",
        "docs/operation.md",
    ] {
        let text = read(document);
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#']).next())
        {
            if link.is_empty() || link.contains("://") {
                continue;
            }
            let target = path(document).with_file_name("").join(link);
            assert!(target.exists(), "{document} links to {link}");
            links += 1;
        }
    }
    assert!(links > 10, "{links}");
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn schema(name: &str) -> Value {
    serde_json::from_str(&read(&format!("schemas/{name}.schema.json"))).expect("a schema is JSON")
}

/// Fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let parts = text.split(&fence).skip(1);
    parts
        .filter_map(|rest| Some(rest.split("```").next()?.to_owned()))
        .collect()
}

/// Every detail that a shared case expects of a decision.
fn details() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![path("tests/cases")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the cases are there") {
            let entry = entry.expect("an entry").path();
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let text = fs::read_to_string(entry).expect("a case is text");
            for rest in text.split("detail: ").skip(1) {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let detail = &rest[..end.unwrap_or(rest.len())];
                if !detail.is_empty() && detail != "null" {
                    found.insert(detail.to_owned());
                }
            }
        }
    }
    assert!(found.len() > 40, "{found:?}");
    found
}

/// Names of all properties, at any depth.
fn properties(schema: &Value) -> Vec<String> {
    let mut names = Vec::new();
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                if let ("properties", Value::Object(properties)) = (&**name, member) {
                    names.extend(properties.keys().cloned());
                    names.extend(properties.values().flat_map(self::properties));
                } else {
                    names.extend(self::properties(member));
                }
            }
        }
        Value::Array(items) => names.extend(items.iter().flat_map(self::properties)),
        _ => {}
    }
    names
}

/// The long options of a command, as its help lists them.
fn options(command: &str) -> Vec<String> {
    let help = Command::new(env!("CARGO_BIN_EXE_gatelet"))
        .args(command.split(' '))
        .arg("--help")
        .output()
        .expect("the command line runs");
    let help = String::from_utf8(help.stdout).expect("help is text");
    let listed = |line: &str| {
        Some(
            line.trim_start()
                .strip_prefix("--")?
                .split([' ', '='])
                .next()?
                .to_owned(),
        )
    };
    let options: Vec<_> = help
        .lines()
        .filter_map(listed)
        .map(|name| format!("--{name}"))
        .collect();
    assert!(!options.is_empty(), "{help}");
    options
}
