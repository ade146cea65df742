//! `keys:` of a case: what the policy needs from outside, by origin, as text.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Text;
use crate::mint::{TestKey, hmac_hex, merge, public_jwk};

/// Documents by the name of their origin: a text, or a key set made of test keys. `null` takes
/// away what the file gives.
pub(super) type KeyForms = BTreeMap<String, Value>;

/// A key set, made of test keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetForm {
    /// Names of test keys, or mappings.
    jwks: Vec<Value>,
    /// Members beside `keys`.
    #[serde(default)]
    with: Map<String, Value>,
}

/// A test key with other members (`null` takes one away), or a key as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryForm {
    key: Option<String>,
    with: Option<Value>,
    jwk: Option<Value>,
}

/// The documents as text, those of the case over those of the file; what is secret in them goes into `secrets`.
pub(super) fn resolve(
    shared: Option<&KeyForms>,
    own: Option<&KeyForms>,
    secrets: &mut Vec<String>,
) -> Result<Vec<Text>, String> {
    let mut forms = shared.cloned().unwrap_or_default();
    forms.extend(own.cloned().unwrap_or_default());
    let forms = forms.into_iter().filter(|(_, form)| !form.is_null());
    let documents = forms.map(|(name, form)| {
        let text =
            text(&name, form, secrets).map_err(|problem| format!("keys: {name}: {problem}"))?;
        Ok(Text { name, text })
    });
    let mut documents: Vec<Text> = documents.collect::<Result<_, String>>()?;
    let pepper = documents.iter().find(|document| document.name == PEPPER);
    if let Some(pepper) = pepper.map(|pepper| pepper.text.clone()) {
        for document in &mut documents {
            document.text = with_digests(&document.text, &pepper)?;
        }
    }
    Ok(documents)
}

/// Where the pepper of a case stands.
const PEPPER: &str = "env:PEPPER";

/// Puts the digest of a secret in the place of `{hmac:SECRET}`.
fn with_digests(text: &str, pepper: &str) -> Result<String, String> {
    let mut pieces = text.split("{hmac:");
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (secret, rest) = piece.split_once('}').ok_or("keys: {hmac: without }")?;
        whole += &hmac_hex(pepper, secret);
        whole += rest;
    }
    Ok(whole)
}

fn text(name: &str, form: Value, secrets: &mut Vec<String>) -> Result<String, String> {
    if let Value::String(text) = form {
        if name.starts_with("env:") {
            secrets.push(text.clone());
        }
        return Ok(text);
    }
    let set: SetForm = serde_json::from_value(form).map_err(|error| error.to_string())?;
    let keys: Result<Vec<_>, _> = set
        .jwks
        .into_iter()
        .map(|entry| jwk(entry, secrets))
        .collect();
    let mut document = json!({ "keys": keys? });
    merge(&mut document, Value::Object(set.with));
    Ok(document.to_string())
}

fn jwk(entry: Value, secrets: &mut Vec<String>) -> Result<Value, String> {
    let mut named = |name: &str| {
        secrets.extend(TestKey::read(name)?.secrets());
        public_jwk(name)
    };
    if let Value::String(name) = entry {
        return named(&name);
    }
    let form: EntryForm = serde_json::from_value(entry).map_err(|error| error.to_string())?;
    match (form.key, form.with, form.jwk) {
        (Some(name), Some(with), None) => {
            let mut jwk = named(&name)?;
            merge(&mut jwk, with);
            Ok(jwk)
        }
        (None, None, Some(jwk)) => Ok(jwk),
        _ => Err("a key is a name, { key, with } or { jwk }".to_owned()),
    }
}
