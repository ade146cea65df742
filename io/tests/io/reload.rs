//! Policies in files: loaded again when they change, and kept when the change is a bad one.

use crate::scratch::Scratch;
use crate::server::{PATIENCE, Reply, Server};
use crate::signer::{Signer, jwks};
use crate::stage::Stage;
use gatelet::{Diagnostic, EngineConfig, Request};
use gatelet_io::{PolicyFiles, PolicyFilesError, PolicyProblem, SupervisorOptions};
use std::fs;

fn rule(path: &str) -> String {
    format!(
        "gatelet: 1\nrules:\n  one: {{ effect: allow, match: {{ path: {path}, who: anyone }} }}\n"
    )
}

fn get(stage: &Stage, path: &str) -> String {
    stage.decide(&Request {
        method: Some(b"GET"),
        path: Some(path.as_bytes()),
        ..Request::default()
    })
}

fn supervise(dir: &Scratch) -> Stage {
    let files = PolicyFiles::new([dir.path("shop.yaml")]);
    Stage::of_files(files, SupervisorOptions::default())
}

#[test]
fn a_policy_is_loaded_again_when_it_changes() {
    let dir = Scratch::new();
    dir.replace("shop.yaml", &rule("/one"));
    let stage = supervise(&dir);
    assert_eq!(get(&stage, "/one"), "allowed");

    dir.replace("shop.yaml", &rule("/two"));
    stage.hear("is in force");
    assert_eq!(get(&stage, "/two"), "allowed");
    assert_ne!(get(&stage, "/one"), "allowed");

    let bad = "gatelet: 1\nrules:\n  one: { effect: alow }\n";
    dir.replace("shop.yaml", bad);
    let told = stage.hear("was not replaced");
    assert!(told.contains("shop.yaml:3:"), "{told}");
    assert_eq!(get(&stage, "/two"), "allowed");
    let status = stage.supervisor.status();
    assert!(!status.is_good() && status.policy.is_some());

    fs::remove_file(dir.path("shop.yaml")).unwrap();
    stage.hear("cannot read");
    assert_eq!(get(&stage, "/two"), "allowed");

    dir.replace("shop.yaml", &rule("/three"));
    stage.hear("is in force");
    assert_eq!(get(&stage, "/three"), "allowed");
    assert!(stage.supervisor.status().is_good());
}

#[test]
fn includes_are_watched_too() {
    let dir = Scratch::new();
    dir.replace("shop.yaml", "gatelet: 1\ninclude: [rules.yaml]\n");
    dir.replace("rules.yaml", &rule("/one"));
    let stage = supervise(&dir);
    dir.replace("rules.yaml", &rule("/two"));
    stage.hear("is in force");
    assert_eq!(get(&stage, "/two"), "allowed");

    dir.replace(
        "shop.yaml",
        "gatelet: 1\ninclude: [rules.yaml, more.yaml]\n",
    );
    stage.hear("was not replaced");
    dir.replace("more.yaml", &rule("/three").replace("one:", "three:"));
    stage.supervisor.reload();
    stage.hear("is in force");
    assert_eq!(get(&stage, "/three"), "allowed");
}

#[test]
fn a_policy_waits_for_the_keys_that_it_needs() {
    let (dir, signer) = (Scratch::new(), Signer::new("a"));
    dir.replace("shop.yaml", &rule("/one"));
    let stage = supervise(&dir);
    let needs_keys = "gatelet: 1
identity:
  issuers:
    login:
      issuer: https://login.shop.example
      audience: [shop-api]
      algorithms: [EdDSA]
      keys: { file: keys/login.jwks.json }
      principal: { id: [sub] }
rules:
  any: { effect: allow, match: { path: / } }
";
    dir.replace("shop.yaml", needs_keys);
    let told = stage.hear("needs what cannot be read");
    assert!(told.contains("login.jwks.json"), "{told}");
    assert_eq!(get(&stage, "/one"), "allowed");
    fs::create_dir(dir.path("keys")).unwrap();
    dir.replace("keys/login.jwks.json", &jwks(&[&signer]));
    stage.supervisor.reload();
    stage.hear("is in force");
    let token = signer.token("https://login.shop.example");
    assert_eq!(stage.with_token(&token), "allowed");

    dir.replace("keys/login.jwks.json", &jwks(&[&Signer::new("b")]));
    stage.until("rotated", || {
        stage.with_token(&token).starts_with("credential_invalid")
    });
}

#[test]
fn another_policy_keeps_the_keys_that_were_fetched() {
    let (dir, server, signer) = (Scratch::new(), Server::start(), Signer::new("a"));
    server.set("/keys", Reply::ok(&jwks(&[&signer])));
    let policy = |path: &str| {
        let url = server.url("/keys");
        format!(
            "gatelet: 1
identity:
  issuers:
    login: {{ issuer: \"https://login.shop.example\", audience: shop-api, algorithms: [EdDSA], keys: {{ url: \"{url}\" }}, principal: {{ id: [sub] }} }}
rules:
  any: {{ effect: allow, match: {{ path: [/, {path}] }} }}
"
        )
    };
    dir.replace("shop.yaml", &policy("/one"));
    let stage = supervise(&dir);
    assert!(stage.supervisor.wait_for_keys(PATIENCE));
    let token = signer.token("https://login.shop.example");
    assert_eq!(stage.with_token(&token), "allowed");
    server.set("/keys", Reply::Stalls);
    dir.replace("shop.yaml", &policy("/two"));
    stage.hear("is in force");
    assert_eq!(stage.with_token(&token), "allowed");
    assert_eq!(server.asked("/keys"), 1);
}

#[test]
fn values_belong_to_the_policy() {
    let dir = Scratch::new();
    dir.replace(
        "shop.yaml",
        "gatelet: 1\nvalues: { path: { type: string, default: /one } }\nrules:\n  one: { effect: allow, match: { path: \"${path}\", who: anyone } }\n",
    );
    dir.replace("values.yaml", "path: /two\n");
    let files = PolicyFiles::new([dir.path("shop.yaml")]).with_values([dir.path("values.yaml")]);
    let stage = Stage::of_files(files, SupervisorOptions::default());
    assert_eq!(get(&stage, "/two"), "allowed");
    dir.replace("values.yaml", "path: /three\n");
    stage.hear("is in force");
    assert_eq!(get(&stage, "/three"), "allowed");
}

#[test]
fn what_does_not_load() {
    let dir = Scratch::new();
    let load = || PolicyFiles::new([dir.path("shop.yaml")]).load().map(|_| ());
    assert!(matches!(
        load(),
        Err(PolicyProblem::Unreadable(PolicyFilesError::Unreadable(file))) if file.path() == dir.path("shop.yaml")
    ));
    dir.replace("shop.yaml", "gatelet: 1\nrules: []\n");
    let Err(PolicyProblem::Invalid(error)) = load() else {
        panic!("it loads");
    };
    assert_eq!(
        error.diagnostics().first().and_then(Diagnostic::line),
        Some(2)
    );
    dir.replace(
        "shop.yaml",
        "gatelet: 1\nidentity: { api_keys: { header: x-api-key, keys: { file: keys.yaml } } }\n",
    );
    let Err(PolicyProblem::Unavailable(all)) = load() else {
        panic!("it loads");
    };
    assert_eq!(all.len(), 1);
    dir.replace(
        "keys.yaml",
        "gatelet_keys: 1\npepper: \"${file:pepper}\"\napps: {}\n",
    );
    let Err(PolicyProblem::Unavailable(all)) = load() else {
        panic!("it loads");
    };
    assert!(all[0].to_string().contains("pepper"), "{}", all[0]);
    dir.replace("pepper", "a pepper that is long enough\n");
    assert!(load().is_ok());
}

#[test]
fn a_host_installs_by_itself() {
    let dir = Scratch::new();
    dir.replace("shop.yaml", &rule("/one"));
    let files = PolicyFiles::new([dir.path("shop.yaml")]);
    let engine = files.engine(EngineConfig::default()).unwrap();
    let before = engine.policy().digest().to_owned();
    dir.replace("shop.yaml", "gatelet: 2\n");
    assert!(matches!(
        files.install(&engine),
        Err(PolicyProblem::Invalid(_))
    ));
    assert_eq!(engine.policy().digest(), before);
    dir.replace("shop.yaml", &rule("/two"));
    files.install(&engine).unwrap();
    assert_ne!(engine.policy().digest(), before);
}
