//! Keys and secrets in files and the environment: read, watched, refused.

use crate::scratch::Scratch;
use crate::signer::{Signer, jwks};
use crate::stage::{QUICK, Stage};
use aws_lc_rs::hmac;
use gatelet::{Keys, Origin};
use gatelet_io::SupervisorOptions;
use std::fs;

const ISSUER: &str = "https://login.shop.example";
const POLICY: &str = "gatelet: 1
identity:
  issuers:
    login:
      issuer: https://login.shop.example
      audience: [shop-api]
      algorithms: [EdDSA]
      keys: { file: login.jwks.json }
      principal: { id: [sub] }
rules:
  any: { effect: allow, match: { path: / } }
";
const API_KEYS: &str = "gatelet: 1
identity:
  api_keys: { header: x-api-key, keys: { file: keys.yaml } }
rules:
  any: { effect: allow, match: { path: / } }
";
const OPAQUE: &str = "an opaque key of some other system";

fn beside(dir: &Scratch) -> SupervisorOptions {
    SupervisorOptions {
        base: dir.path(""),
        ..SupervisorOptions::default()
    }
}

fn login(dir: &Scratch, more: SupervisorOptions) -> Stage {
    let bytes = fs::read(dir.path("login.jwks.json")).unwrap();
    let keys = Keys::new().with(Origin::file("login.jwks.json"), bytes);
    Stage::of_policy(POLICY, QUICK, keys, more)
}

/// A file of API keys whose one digest was made with this pepper.
fn key_file(pepper: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, pepper.as_bytes());
    let digest: String = hmac::sign(&key, OPAQUE.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        "gatelet_keys: 1\npepper: \"${{file:pepper}}\"\napps:\n  pos: {{ keys: [{{ opaque: true, hmac: {digest} }}] }}\n"
    )
}

#[test]
fn a_key_file_rotates() {
    let (dir, old, new) = (Scratch::new(), Signer::new("old"), Signer::new("new"));
    dir.write("login.jwks.json", &jwks(&[&old]));
    let stage = login(&dir, beside(&dir));
    stage.hear("file login.jwks.json is in use");
    assert_eq!(stage.with_token(&old.token(ISSUER)), "allowed");

    dir.write("next", &jwks(&[&new]));
    fs::rename(dir.path("next"), dir.path("login.jwks.json")).unwrap();
    stage.until("new", || stage.with_token(&new.token(ISSUER)) == "allowed");
    assert_eq!(
        stage.with_token(&old.token(ISSUER)),
        "credential_invalid unknown_key"
    );

    let bad = ["<html>", "{\"keys\":[]", "", "{\"keys\":{}}"];
    for text in bad {
        dir.write("login.jwks.json", text);
        stage.until(text, || !stage.supervisor.status().keys.is_empty());
        assert_eq!(stage.with_token(&new.token(ISSUER)), "allowed", "{text}");
        dir.write("login.jwks.json", &jwks(&[&new]));
        stage.until("good again", || stage.supervisor.status().is_good());
    }
    fs::remove_file(dir.path("login.jwks.json")).unwrap();
    stage.hear("not in use: file login.jwks.json");
    assert_eq!(stage.with_token(&new.token(ISSUER)), "allowed");
    dir.write("login.jwks.json", &jwks(&[&old]));
    stage.until("made anew", || {
        stage.with_token(&old.token(ISSUER)) == "allowed"
    });
    assert!(stage.supervisor.status().is_good());
}

#[test]
fn looking_finds_what_nobody_told() {
    let (dir, old, new) = (Scratch::new(), Signer::new("old"), Signer::new("new"));
    dir.write("login.jwks.json", &jwks(&[&old]));
    let more = SupervisorOptions {
        poll_interval: std::time::Duration::from_millis(5),
        ..beside(&dir)
    };
    let stage = login(&dir, more);
    dir.write("login.jwks.json", &jwks(&[&old, &new]));
    stage.until("found", || {
        stage.with_token(&new.token(ISSUER)) == "allowed"
    });
}

#[cfg(unix)]
#[test]
fn a_mounted_secret_rotates_with_its_digests() {
    use std::os::unix::fs::symlink;
    let dir = Scratch::new();
    let mount = |version: &str, pepper: &str| {
        fs::create_dir(dir.path(version)).unwrap();
        dir.write(&format!("{version}/pepper"), &format!("{pepper}\n"));
        dir.write(&format!("{version}/keys.yaml"), &key_file(pepper));
        symlink(version, dir.path("..next")).unwrap();
        fs::rename(dir.path("..next"), dir.path("..data")).unwrap();
    };
    mount("..1", "correct horse battery staple");
    for name in ["pepper", "keys.yaml"] {
        symlink(format!("..data/{name}"), dir.path(name)).unwrap();
    }
    let keys = ["pepper", "keys.yaml"]
        .into_iter()
        .fold(Keys::new(), |keys, name| {
            keys.with(Origin::file(name), fs::read(dir.path(name)).unwrap())
        });
    let stage = Stage::of_policy(API_KEYS, QUICK, keys, beside(&dir));
    stage.hear("file pepper is in use");
    assert_eq!(stage.with_api_key(OPAQUE), "allowed");

    mount("..2", "tr0ub4dor and 3 others, long enough");
    stage.hear("file pepper is in use");
    assert_eq!(stage.with_api_key(OPAQUE), "allowed", "both at once");
    dir.write("..2/pepper", "some other pepper, long enough");
    stage.until("the pepper counts", || {
        stage.with_api_key(OPAQUE).starts_with("credential_invalid")
    });

    let told = stage.told.lock().unwrap().concat();
    let status = format!("{:?}", stage.supervisor.status());
    for secret in ["correct horse", "tr0ub4dor", "some other pepper", OPAQUE] {
        assert!(
            !told.contains(secret) && !status.contains(secret),
            "{secret}"
        );
    }
}

#[test]
fn what_is_bad_holds_up_nothing_else() {
    let (dir, old, new) = (Scratch::new(), Signer::new("old"), Signer::new("new"));
    let policy = POLICY.replace(
        "identity:\n",
        "identity:\n  api_keys: { header: x-api-key, keys: { file: keys.yaml } }\n",
    );
    let names = ["login.jwks.json", "keys.yaml", "pepper"];
    let pepper = "correct horse battery staple";
    for (name, text) in names
        .iter()
        .zip([jwks(&[&old]), key_file(pepper), pepper.to_owned()])
    {
        dir.write(name, &text);
    }
    let keys = names.into_iter().fold(Keys::new(), |keys, name| {
        keys.with(Origin::file(name), fs::read(dir.path(name)).unwrap())
    });
    let bad = [
        key_file(pepper).replace("file:pepper", "file:another"),
        "gatelet_keys: 2\n".to_owned(),
    ];
    for bad in bad {
        dir.replace("login.jwks.json", &jwks(&[&old]));
        dir.replace("keys.yaml", &key_file(pepper));
        let stage = Stage::of_policy(&policy, QUICK, keys.clone(), beside(&dir));
        stage.hear("file pepper is in use");
        dir.replace("keys.yaml", &bad);
        dir.replace("login.jwks.json", &jwks(&[&new]));
        stage.until("rotated", || {
            stage.with_token(&new.token(ISSUER)) == "allowed"
        });
        stage.until("told", || !stage.supervisor.status().keys.is_empty());
        assert_eq!(stage.with_api_key(OPAQUE), "allowed", "{bad}");
        dir.replace("keys.yaml", &key_file(pepper));
        stage.until("put right", || stage.supervisor.status().is_good());
    }
}

#[cfg(unix)]
#[test]
fn links_lead_out_only_where_the_host_says_so() {
    use std::os::unix::fs::symlink;
    let (dir, outside, signer) = (Scratch::new(), Scratch::new(), Signer::new("a"));
    outside.write("keys", &jwks(&[&signer]));
    symlink(outside.path("keys"), dir.path("login.jwks.json")).unwrap();
    let stage = login(&dir, beside(&dir));
    stage.hear("outside of the directories");
    assert!(!stage.supervisor.status().is_good());
    drop(stage);
    let allowed = SupervisorOptions {
        allow: vec![outside.path("")],
        ..beside(&dir)
    };
    let stage = login(&dir, allowed);
    stage.hear("is in use");
    assert!(stage.supervisor.status().is_good());
}

#[test]
fn the_environment_is_read() {
    // Cargo sets it, and it is no key set.
    let policy = POLICY.replace("file: login.jwks.json", "env: CARGO_PKG_NAME");
    let signer = Signer::new("a");
    let keys = Keys::new().with(Origin::environment("CARGO_PKG_NAME"), jwks(&[&signer]));
    let stage = Stage::of_policy(&policy, QUICK, keys, SupervisorOptions::default());
    let told = stage.hear("not in use: environment variable CARGO_PKG_NAME");
    assert!(!told.contains("gatelet-io"), "{told}");
    assert_eq!(
        stage.with_token(&signer.token(ISSUER)),
        "allowed",
        "what the host gave stays"
    );
    drop(stage);
    let policy = POLICY.replace(
        "file: login.jwks.json",
        "env: GATELET_TEST_THAT_NOBODY_SETS",
    );
    let origin = Origin::environment("GATELET_TEST_THAT_NOBODY_SETS");
    let keys = Keys::new().with(origin, jwks(&[&signer]));
    let stage = Stage::of_policy(&policy, QUICK, keys, SupervisorOptions::default());
    stage.hear("the variable is not set");
}
