//! The steps of a case: requests, and what happens to the engine between them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Text;
use super::keys::{self, KeyForms};
use crate::mint::{self, Bases, merge};

/// One step as it is written.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepForm {
    at: Option<Value>,
    request: Option<Value>,
    raw: Option<String>,
    install: Option<InstallForm>,
    revoke: Option<Revocation>,
    expect: Option<Value>,
    error: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct InstallForm {
    policy: Option<String>,
    policies: Option<BTreeMap<String, String>>,
    keys: Option<KeyForms>,
}

/// One step, ready to run: a request with what comes of it, an install, or a revocation.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Step {
    /// The request's time, RFC 3339 or milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Value>,
    /// The request, in the JSON shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Value>,
    /// The request as JSON text, where it is not well-formed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// What is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install: Option<Install>,
    /// What is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoke: Option<Revocation>,
    /// What the decision holds; what is not named is not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<Value>,
    /// The JSON, or the install, is refused, and the message holds this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Another policy, other keys, or both: the keys first.
#[derive(Clone, Debug, Serialize)]
pub struct Install {
    /// The sources of the policy; none where it stays.
    pub sources: Vec<Text>,
    /// The documents that are new, by origin.
    pub keys: Vec<Text>,
}

/// What no longer counts, from now on.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// The provider that the credential is of.
    pub of: String,
    /// A token's `jti`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// A principal's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// All that was issued before, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_before: Option<i64>,
}

/// The fields of a decision that a case may speak of.
const FIELDS: &[&str] = &[
    "effect",
    "allowed",
    "reason",
    "detail",
    "status",
    "rule",
    "source",
    "grant",
    "principal",
    "action",
    "path",
    "limits",
    "retry_after_ms",
    "obligations",
    "headers",
    "strip",
    "shadow",
    "challenge",
    "policy",
];

/// The fields of a request that hold what nobody may see.
const CREDENTIALS: &[&str] = &["bearer", "api_key", "approvals"];

/// Makes the step ready: what the file says of every request, tokens minted, keys as text.
pub(super) fn ready(
    form: StepForm,
    every: Option<&Value>,
    tokens: &Bases,
    secrets: &mut Vec<String>,
) -> Result<Step, String> {
    let mut request = form.request;
    if let Some(request) = &mut request {
        // Before it is merged: `null` in a mint is the mint's own.
        mint::replace(request, tokens, secrets)?;
        let mut whole = every.cloned().unwrap_or_default();
        mint::replace(&mut whole, tokens, secrets)?;
        merge(&mut whole, request.take());
        *request = whole;
        for field in CREDENTIALS {
            texts(request.get(field), secrets);
        }
    }
    let install = form.install.map(|form| form.ready(secrets)).transpose()?;
    let step = Step {
        at: form.at,
        request,
        raw: form.raw,
        install,
        revoke: form.revoke,
        expect: form.expect,
        error: form.error,
    };
    step.check()?;
    Ok(step)
}

fn texts(value: Option<&Value>, found: &mut Vec<String>) {
    match value {
        Some(Value::String(text)) => found.push(text.clone()),
        Some(Value::Array(list)) => list.iter().for_each(|value| texts(Some(value), found)),
        _ => {}
    }
}

impl InstallForm {
    fn ready(self, secrets: &mut Vec<String>) -> Result<Install, String> {
        let sources = super::form::named(self.policy, self.policies)?.unwrap_or_default();
        let keys = keys::resolve(None, self.keys.as_ref(), secrets)?;
        if sources.is_empty() && keys.is_empty() {
            return Err("an install without policy and keys".to_owned());
        }
        Ok(Install { sources, keys })
    }
}

impl Step {
    /// Whether it is a request.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.request.is_some() || self.raw.is_some()
    }

    /// That the step does one thing, and expects something in words that exist.
    fn check(&self) -> Result<(), String> {
        let asks = self.asks();
        let things = [
            self.request.is_some(),
            self.raw.is_some(),
            self.install.is_some(),
            self.revoke.is_some(),
        ];
        if things.into_iter().filter(|thing| *thing).count() != 1 {
            return Err("one of request, raw, install, revoke".to_owned());
        }
        if let Some(revoke) = &self.revoke {
            let things = [
                revoke.jti.is_some(),
                revoke.sub.is_some(),
                revoke.issued_before.is_some(),
            ];
            if things.into_iter().filter(|thing| *thing).count() != 1 {
                return Err("revoke: one of jti, sub, issued_before".to_owned());
            }
        }
        match (&self.expect, &self.error) {
            (Some(Value::Object(fields)), None) if asks => {
                if let Some(field) = fields
                    .keys()
                    .find(|field| !FIELDS.contains(&field.as_str()))
                {
                    return Err(format!("a decision has no field {field:?}"));
                }
                if !fields.contains_key("effect") && !fields.contains_key("reason") {
                    return Err("expect names neither effect nor reason".to_owned());
                }
            }
            (None, Some(_)) if asks || self.install.is_some() => {}
            (None, None) if !asks => {}
            _ if asks => return Err("one of expect (a mapping), error".to_owned()),
            _ => return Err("an install or a revocation expects no decision".to_owned()),
        }
        Ok(())
    }
}
