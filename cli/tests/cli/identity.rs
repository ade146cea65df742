//! `gatelet key`, `gatelet token`, and policies that need keys, on the built binary.

use super::support::Directory;
use serde_json::{Value, json};

/// An issuer with keys in a file, one whose keys are fetched, and API keys.
const SHOP: &str = "\
gatelet: 1
identity:
  issuers:
    login:
      issuer: https://login.shop.example/
      audience: [shop-api]
      algorithms: [EdDSA]
      keys: { file: login.jwks.json }
      principal: { id: [sub] }
    far:
      issuer: https://far.example/
      audience: [shop-api]
      algorithms: [EdDSA]
      keys: { url: https://far.example/jwks.json }
      principal: { id: [sub] }
  api_keys: { header: x-api-key, keys: { file: keys.yaml } }
rules:
  orders: { effect: allow, match: { path: /orders } }
";

/// The key of RFC 8037 appendix A.
const KEYS: &str = r#"{"keys": [
  {"kty": "OKP", "crv": "Ed25519", "kid": "rfc8037", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
  {"kty": "RSA", "kid": "short", "n": "x3Zf", "e": "AQAB"}
]}"#;

/// Signed with that key: `iss` login, `aud` shop-api, `sub` dana, until 2033.
const TOKEN: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6InJmYzgwMzcifQ.eyJpc3MiOiJodHRwczovL2xvZ2luLnNob3AuZXhhbXBsZS8iLCJhdWQiOiJzaG9wLWFwaSIsInN1YiI6ImRhbmEiLCJleHAiOjE5OTk5OTk5OTl9.bKjI17pAaHqFGQO2z-3CLzAa_hKx6vyRJ6gvB7mDOQ6IOOhRX20-9Xa_wnMaDXCc534F76iGt9RzPBjd5YkmCg";
const SIGNATURE: &str =
    "bKjI17pAaHqFGQO2z-3CLzAa_hKx6vyRJ6gvB7mDOQ6IOOhRX20-9Xa_wnMaDXCc534F76iGt9RzPBjd5YkmCg";

const NOW: &str = "2026-01-01T00:00:00Z";
const PEPPER: &str = "pepper-of-the-tests-0123456789abcdef";

/// The shop with its keys, and the text of a new API key in it.
fn shop(test: &str) -> (Directory, String) {
    let directory = Directory::new(test);
    directory.write("shop.yaml", SHOP);
    directory.write("login.jwks.json", KEYS);
    directory.write("pepper", format!("{PEPPER}\n"));
    let run = directory
        .run(&[
            "key",
            "new",
            "--env",
            "test",
            "--app",
            "shop-mobile",
            "--id",
            "k1",
            "--pepper-file",
            "pepper",
            "--format",
            "json",
        ])
        .exits(0);
    let [report] = &*run.json() else {
        panic!("{run:#?}")
    };
    let file = json!({
        "gatelet_keys": 1,
        "pepper": "${file:pepper}",
        "apps": { "shop-mobile": { "keys": [report["entry"]] } },
    });
    directory.write("keys.yaml", file.to_string());
    let key = report["key"].as_str().unwrap_or_default().to_owned();
    (directory, key)
}

fn decide(directory: &Directory, request: &Value, more: &[&str]) -> Value {
    let arguments = [
        &[
            "decide",
            "--policy",
            "shop.yaml",
            "--requests",
            "-",
            "--at",
            NOW,
        ],
        more,
    ]
    .concat();
    let run = directory
        .run_with(&arguments, request.to_string().as_bytes())
        .exits(0);
    run.json().remove(0)
}

#[test]
fn a_new_key_is_shown_once_and_opens() {
    let (directory, key) = shop("identity_key");
    assert!(key.starts_with("gtl_test_k1_"), "{key}");
    let request = json!({ "method": "GET", "path": "/orders", "api_key": key });
    let decision = decide(&directory, &request, &[]);
    assert_eq!(decision["reason"], "allowed");
    assert_eq!(
        decision["principal"],
        json!({ "provider": "api_keys", "id": "shop-mobile" })
    );
    assert!(!decision.to_string().contains(&key));
    let other = json!({ "method": "GET", "path": "/orders", "api_key": key.replace("k1", "k2") });
    assert_eq!(decide(&directory, &other, &[])["detail"], "unknown_api_key");
}

#[test]
fn a_new_key_comes_with_its_entry() {
    let directory = Directory::new("identity_entry");
    directory.write("pepper", PEPPER);
    let new = |more: &[&str]| {
        let arguments = [
            &[
                "key",
                "new",
                "--env",
                "prod",
                "--app",
                "shop",
                "--pepper-file",
                "pepper",
            ],
            more,
        ];
        directory.run(&arguments.concat())
    };
    let run = new(&["--id", "k-7", "--not-after", "2027-01-01T00:00:00Z"]).exits(0);
    let key = run.stdout.lines().next().unwrap_or_default();
    assert!(key.starts_with("gtl_prod_k-7_"), "{}", run.stdout);
    assert_eq!(run.stdout.matches(key).count(), 1);
    assert!(!run.stdout.contains(PEPPER));
    let entry = "      - { id: k-7, hmac: \"";
    assert!(run.stdout.contains(entry), "{}", run.stdout);
    assert!(
        run.stdout
            .ends_with("\", not_after: 2027-01-01T00:00:00Z }\n"),
        "{}",
        run.stdout
    );
    let ids =
        [(); 2].map(|()| new(&["--format", "json"]).exits(0).json()[0]["entry"]["id"].clone());
    assert_ne!(ids[0], ids[1]);
    for id in ["a b", "a_b", ""] {
        new(&["--id", id]).fails_with(2, &["--id"]);
    }
    for time in ["soon", "1767225600000"] {
        new(&["--not-after", time]).fails_with(2, &["--not-after", "RFC 3339"]);
    }
    directory.write("pepper", "\n");
    new(&[]).fails_with(2, &["pepper", "empty"]);
    directory
        .run(&[
            "key",
            "new",
            "--env",
            "a",
            "--app",
            "b",
            "--pepper-env",
            "GATELET_NO_PEPPER",
        ])
        .fails_with(2, &["GATELET_NO_PEPPER"]);
}

#[test]
fn tokens_are_decided_by_the_keys_beside_the_policy() {
    let (directory, _) = shop("identity_decide");
    let request = json!({ "method": "GET", "path": "/orders", "bearer": TOKEN });
    let decision = decide(&directory, &request, &[]);
    assert_eq!(
        decision["principal"],
        json!({ "provider": "login", "id": "dana" })
    );
    let run = directory
        .run(&[
            "explain",
            "--policy",
            "shop.yaml",
            "--at",
            NOW,
            "--request",
            &request.to_string(),
        ])
        .exits(0);
    assert!(run.stdout.contains("dana") && !run.stdout.contains(SIGNATURE));
    std::fs::remove_file(directory.path("login.jwks.json")).expect("the file is there");
    let run = directory
        .run(&["decide", "--policy", "shop.yaml", "--requests", "-"])
        .exits(1);
    assert!(run.stderr.contains("login.jwks.json"), "{run:#?}");
}

#[test]
fn check_looks_at_the_keys_too() {
    let (directory, _) = shop("identity_check");
    let run = directory.run(&["check", "shop.yaml"]).exits(0);
    assert!(
        run.stdout.contains("warning: ") && run.stdout.contains("short"),
        "{}",
        run.stdout
    );
    directory.write("login.jwks.json", "{");
    let run = directory.run(&["check", "shop.yaml"]).exits(1);
    assert!(run.stdout.contains("error: ") && run.stdout.contains("login.jwks.json"));
    let run = directory
        .run(&["check", "shop.yaml", "--format", "json"])
        .exits(1);
    assert_eq!(run.json()[0]["ok"], false);
    assert_eq!(
        run.json()[0]["keys"]["errors"].as_array().map(Vec::len),
        Some(1)
    );
    std::fs::remove_file(directory.path("login.jwks.json")).expect("the file is there");
    directory.run(&["check", "shop.yaml"]).exits(1);
    directory
        .run(&["check", "shop.yaml", "--without-keys"])
        .exits(0);
}

#[test]
fn a_token_is_inspected_step_by_step() {
    let (directory, _) = shop("identity_inspect");
    let inspect = |more: &[&str], token: &str| {
        let arguments = [&["token", "inspect"], more].concat();
        directory.run_with(&arguments, token.as_bytes())
    };
    let policy = ["--policy", "shop.yaml", "--at", NOW];
    let run = inspect(&policy, &format!("Bearer {TOKEN}\n")).exits(0);
    assert!(run.stdout.starts_with("issuer  login: "), "{}", run.stdout);
    assert!(run.stdout.ends_with("accepted\n"), "{}", run.stdout);
    assert!(!run.stdout.contains(SIGNATURE));

    let table: &[(&[&str], &str, &str)] = &[
        (&["--at", "2040-01-01T00:00:00Z"], TOKEN, "expired"),
        (&["--at", NOW, "--issuer", "far"], TOKEN, "unknown_key"),
        (
            &[
                "--at",
                NOW,
                "--issuer",
                "far",
                "--keys",
                "far=login.jwks.json",
            ],
            TOKEN,
            "wrong_issuer",
        ),
        (&["--at", NOW], &TOKEN[..TOKEN.len() - 6], "bad_signature"),
        (&["--at", NOW], "a.b.c", "malformed"),
        (&["--at", NOW], "", "malformed"),
    ];
    for (more, token, detail) in table {
        let arguments = [&["--policy", "shop.yaml", "--format", "json"], *more].concat();
        let run = inspect(&arguments, token).exits(1);
        assert_eq!(run.json()[0]["detail"], *detail, "{more:?} {token:?}");
    }

    let keys = ["--keys", "login.jwks.json", "--at", NOW, "--issuer"];
    let login = [
        &keys[..],
        &["https://login.shop.example/", "--audience", "shop-api"],
    ]
    .concat();
    inspect(&login, TOKEN).exits(0);
    let run = inspect(&[&login[..], &["--algorithm", "ES256"]].concat(), TOKEN).exits(1);
    assert!(
        run.stdout.ends_with("refused: bad_algorithm\n"),
        "{}",
        run.stdout
    );
    inspect(&["--keys", "login.jwks.json"], TOKEN).fails_with(2, &["--issuer"]);
    let unknown = inspect(&[&login[..], &["--algorithm", "ES257"]].concat(), TOKEN).exits(2);
    assert!(unknown.stderr.contains("ES256"), "{}", unknown.stderr);
    let none = ["--keys", "shop.yaml", "--issuer", "a"];
    inspect(&none, TOKEN).fails_with(1, &["--keys shop.yaml: ", "JSON"]);
    let far = inspect(&[&policy[..], &["--issuer", "far"]].concat(), TOKEN).exits(1);
    assert!(far.stdout.contains("--keys far=FILE"), "{}", far.stdout);
    directory.write("bare.yaml", "gatelet: 1\n");
    inspect(&["--policy", "bare.yaml"], TOKEN).fails_with(1, &["has no issuers"]);
    inspect(&[&policy[..], &["--issuer", "nobody"]].concat(), TOKEN).fails_with(2, &["nobody"]);
    inspect(
        &[&policy[..], &["--keys", "login=login.jwks.json"]].concat(),
        TOKEN,
    )
    .fails_with(2, &["fetches no keys of \"login\""]);
}
