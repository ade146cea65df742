//! Project Wycheproof: signed tokens and the keys that they are held against.

use crate::identity::jws::Jws;
use crate::identity::rules::Signer;
use crate::keys::KeySet;
use crate::vectors;
use serde_json::Value;
use std::path::Path;

/// Tests whose label is wrong, or asks for what a strict verifier does not do.
const EXCEPTIONS: [(&str, u64, &str); 8] = [
    ("json_web_signature", 346, "PS384 under a key for PS256"),
    (
        "json_web_signature",
        347,
        "a key for ES521, which is not registered",
    ),
    ("json_web_signature", 350, "PS384 under a key for PS256"),
    (
        "json_web_signature",
        351,
        "a key for ES521, which is not registered",
    ),
    (
        "json_web_signature",
        367,
        "said to be padded, and is canonical",
    ),
    (
        "json_web_signature",
        370,
        "said to be padded, and is canonical",
    ),
    (
        "json_web_signature",
        372,
        "holds `?`, which is not base64url",
    ),
    (
        "json_web_signature",
        373,
        "holds `?`, which is not base64url",
    ),
];

/// A set as it is, a key as the only one of its set.
fn key_set(group: &Value) -> Option<KeySet> {
    let keys = group.get("public").unwrap_or(&group["private"]);
    let set = if keys.get("keys").is_some() {
        keys.to_string()
    } else {
        format!(r#"{{"keys":[{keys}]}}"#)
    };
    KeySet::load(set.as_bytes()).ok()
}

/// Whether the signature of a token holds; what is signed need not be claims.
fn accepts(token: &str, keys: &KeySet) -> bool {
    let signed = |jws: Jws<'_>| jws.signed_by(keys, Signer::Issuer("")).is_ok();
    Jws::parse(token.as_bytes(), &mut Vec::new()).is_ok_and(signed)
}

/// Counts the tests of signatures; what is wrong is added, with the exceptions that were met.
fn run(folder: &Path, file: &'static str, wrong: &mut Vec<String>, met: &mut Vec<u64>) -> usize {
    let document = vectors::document(folder, &format!("wycheproof_{file}_test.json"));
    let mut tests = 0;
    for group in document["testGroups"].as_array().unwrap() {
        let keys = key_set(group);
        for test in group["tests"].as_array().unwrap() {
            let Some(token) = test.get("jws") else {
                continue;
            };
            // One is in the JSON form, which is no compact token.
            let whole = token.to_string();
            let token = token.as_str().unwrap_or(&whole);
            tests += 1;
            let id = test["tcId"].as_u64().unwrap();
            let accepts = keys.as_ref().is_some_and(|keys| accepts(token, keys));
            if accepts == (test["result"] == "valid") {
                continue;
            }
            if EXCEPTIONS
                .iter()
                .any(|(of, known, _)| (*of, *known) == (file, id))
            {
                met.push(id);
            } else {
                wrong.push(format!("{file} {id} ({}): {accepts}", test["comment"]));
            }
        }
    }
    tests
}

#[test]
fn wycheproof_jose() {
    let Some(folder) = vectors::folder("wycheproof", 401 + 26 + 49) else {
        return;
    };
    let (mut wrong, mut met) = (Vec::new(), Vec::new());
    let files = ["json_web_signature", "json_web_key", "json_web_crypto"];
    // The rest of the last is about encryption.
    let counts = files.map(|file| run(&folder, file, &mut wrong, &mut met));
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(counts, [401, 26, 49]);
    let listed = EXCEPTIONS.map(|(_, id, _)| id);
    assert_eq!(met, listed, "exceptions that did not occur");
}
