//! `keys:` of a case: what the policy needs from outside, by origin, as text.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Text;
use crate::mint::{TestKey, merge, public_jwk};

/// Documents by the name of their origin; `null` takes away what the file gives.
pub(super) type KeyForms = BTreeMap<String, Option<KeyForm>>;

/// One document.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum KeyForm {
    Text(String),
    Set(SetForm),
}

/// A key set, made of test keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetForm {
    jwks: Vec<EntryForm>,
    /// Members beside `keys`.
    #[serde(default)]
    with: Map<String, Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum EntryForm {
    Named(String),
    Altered(AlteredForm),
    Literal(LiteralForm),
}

/// A test key with other members; `null` takes one away.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlteredForm {
    key: String,
    with: Value,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LiteralForm {
    jwk: Value,
}

/// The documents as text, those of the case over those of the file; what is secret in them goes into `secrets`.
pub(super) fn resolve(
    shared: Option<&KeyForms>,
    own: Option<&KeyForms>,
    secrets: &mut Vec<String>,
) -> Result<Vec<Text>, String> {
    let mut forms = shared.cloned().unwrap_or_default();
    forms.extend(own.cloned().unwrap_or_default());
    let documents = forms
        .into_iter()
        .filter_map(|(name, form)| form.map(|form| (name, form)));
    documents
        .map(|(name, form)| {
            let text = form
                .text(&name, secrets)
                .map_err(|problem| format!("keys: {name}: {problem}"))?;
            Ok(Text { name, text })
        })
        .collect()
}

impl KeyForm {
    fn text(self, name: &str, secrets: &mut Vec<String>) -> Result<String, String> {
        match self {
            Self::Text(text) => {
                if name.starts_with("env:") || name == "pepper" {
                    secrets.push(text.clone());
                }
                Ok(text)
            }
            Self::Set(set) => {
                let keys: Result<Vec<_>, _> = set
                    .jwks
                    .iter()
                    .map(|entry| entry.jwk(secrets))
                    .collect();
                let mut document = json!({ "keys": keys? });
                merge(&mut document, Value::Object(set.with));
                Ok(document.to_string())
            }
        }
    }
}

impl EntryForm {
    fn jwk(&self, secrets: &mut Vec<String>) -> Result<Value, String> {
        let named = |name: &str, secrets: &mut Vec<String>| {
            secrets.extend(TestKey::read(name)?.secrets());
            public_jwk(name)
        };
        match self {
            Self::Named(name) => named(name, secrets),
            Self::Altered(altered) => {
                let mut jwk = named(&altered.key, secrets)?;
                merge(&mut jwk, altered.with.clone());
                Ok(jwk)
            }
            Self::Literal(literal) => Ok(literal.jwk.clone()),
        }
    }
}
