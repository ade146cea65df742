//! Tokens made for cases: good ones, and those that an attacker would send.
//!
//! Wherever a case's request holds `{ mint: { … } }`, the text of the token takes its
//! place, so that what is exported to other languages are plain requests.

mod api_key;
mod fault;
mod key;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use api_key::ApiKeyForm;
pub use api_key::hmac_hex;
use fault::{Rewrite, Shape, SignatureFault};
pub use key::{TestKey, public_jwk};

/// Mints by name: what `tokens:` of a case file holds.
pub type Bases = BTreeMap<String, Value>;

/// How deep a base may stand on another.
const MAX_BASES: usize = 8;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    /// Members of the header.
    alg: Option<Value>,
    kid: Option<Value>,
    typ: Option<Value>,
    #[serde(default)]
    header: Map<String, Value>,
    claims: Option<Value>,
    /// What signs: a test key, or bytes that were never meant as a secret.
    key: Option<KeyForm>,
    /// The algorithm that signs, where it is another than `alg` says.
    sign: Option<String>,
    #[serde(default)]
    rewrite: Vec<Rewrite>,
    signature: Option<SignatureFault>,
    #[serde(default)]
    shape: Vec<Shape>,
    /// The text around the token; it stands for `{token}`.
    within: Option<String>,
    /// An API key instead of a token.
    api_key: Option<ApiKeyForm>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum KeyForm {
    Named(String),
    Public(PublicForm),
    Secret(SecretForm),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicForm {
    public: String,
    #[serde(rename = "as")]
    encoding: key::Encoding,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretForm {
    secret: String,
}

/// Puts tokens in the place of every `mint` below `value`; each token also goes into `minted`.
///
/// # Errors
/// What is wrong with a mint, in words.
pub fn replace(value: &mut Value, bases: &Bases, minted: &mut Vec<String>) -> Result<(), String> {
    match value {
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("mint") => {
            let form = fields.remove("mint").unwrap_or_default();
            let (token, text) = mint(form, bases)?;
            minted.push(token);
            *value = Value::String(text);
            Ok(())
        }
        Value::Object(fields) => fields
            .values_mut()
            .try_for_each(|inner| replace(inner, bases, minted)),
        Value::Array(elements) => elements
            .iter_mut()
            .try_for_each(|inner| replace(inner, bases, minted)),
        _ => Ok(()),
    }
}

/// The token, and the text that it stands in.
fn mint(form: Value, bases: &Bases) -> Result<(String, String), String> {
    let form = stand_on_base(form, bases, MAX_BASES)?;
    let form: Form = serde_json::from_value(form).map_err(|error| format!("mint: {error}"))?;
    let token = form.token().map_err(|error| format!("mint: {error}"))?;
    let text = match &form.within {
        None => token.clone(),
        Some(text) if text.contains("{token}") => text.replace("{token}", &token),
        Some(_) => return Err("mint: `within` does not hold {token}".to_owned()),
    };
    Ok((token, text))
}

/// Merges the mint over the base that it names.
fn stand_on_base(mut form: Value, bases: &Bases, left: usize) -> Result<Value, String> {
    let Some(base) = form.as_object_mut().and_then(|form| form.remove("base")) else {
        return Ok(form);
    };
    let name = base.as_str().unwrap_or_default();
    let below = bases
        .get(name)
        .ok_or_else(|| format!("mint: there is no token {base}"))?;
    let left = left
        .checked_sub(1)
        .ok_or_else(|| format!("mint: {name} stands on itself"))?;
    let mut below = stand_on_base(below.clone(), bases, left)?;
    merge(&mut below, form);
    Ok(below)
}

/// RFC 7396: members replace, `null` takes away.
pub fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(fields) = target.as_object_mut() else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            fields.remove(&name);
        } else {
            merge(fields.entry(name).or_insert(Value::Null), value);
        }
    }
}

impl Form {
    fn token(&self) -> Result<String, String> {
        if let Some(form) = &self.api_key {
            return Ok(form.text());
        }
        let mut header = self.header_text().into_bytes();
        let claims = self.claims.clone().unwrap_or(Value::Object(Map::new()));
        let mut claims = claims.to_string().into_bytes();
        for rewrite in &self.rewrite {
            rewrite.apply(&mut header, &mut claims)?;
        }
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let mut signature = self.sign(signed.as_bytes())?;
        if let Some(fault) = &self.signature {
            fault.apply(&mut signature)?;
        }
        let mut token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        for shape in &self.shape {
            shape.apply(&mut token)?;
        }
        Ok(token)
    }

    fn header_text(&self) -> String {
        let mut header = self.header.clone();
        for (name, value) in [("alg", &self.alg), ("kid", &self.kid), ("typ", &self.typ)] {
            if let Some(value) = value {
                header.insert(name.to_owned(), value.clone());
            }
        }
        Value::Object(header).to_string()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        if self
            .signature
            .as_ref()
            .is_some_and(SignatureFault::needs_no_key)
        {
            return Ok(Vec::new());
        }
        let key = self.key.as_ref();
        let key = key.ok_or("there is neither a key nor a signature")?;
        let algorithm = self
            .sign
            .as_deref()
            .or_else(|| self.alg.as_ref().and_then(Value::as_str))
            .unwrap_or_default();
        match key {
            KeyForm::Named(name) => TestKey::read(name)?.sign(algorithm, message),
            KeyForm::Public(form) => {
                let secret = TestKey::read(&form.public)?.public_as(form.encoding)?;
                key::hmac(algorithm, &secret, message)
            }
            KeyForm::Secret(form) => key::hmac(algorithm, form.secret.as_bytes(), message),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Bases, merge, replace};

    fn minted(form: serde_json::Value) -> Result<String, String> {
        let bases = Bases::from([
            (
                "good".to_owned(),
                json!({ "alg": "ES256", "key": "p256-a", "claims": { "sub": "a" } }),
            ),
            ("loop".to_owned(), json!({ "base": "loop" })),
        ]);
        let mut value = json!({ "bearer": { "mint": form } });
        replace(&mut value, &bases, &mut Vec::new())?;
        Ok(value["bearer"].as_str().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_patch_replaces_and_takes_away() {
        let mut value = json!({ "a": 1, "b": { "c": 2, "d": 3 } });
        merge(&mut value, json!({ "b": { "c": null, "e": [4] }, "a": 5 }));
        assert_eq!(value, json!({ "a": 5, "b": { "d": 3, "e": [4] } }));
    }

    #[test]
    fn a_mint_becomes_a_token() {
        let token = minted(json!({ "base": "good", "within": "Bearer {token}" }));
        let token = token.unwrap_or_default();
        // {"alg":"ES256"} and {"sub":"a"}.
        assert!(
            token.starts_with("Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0."),
            "{token}"
        );
    }

    #[test]
    fn every_fault_changes_something() {
        let good = minted(json!({ "base": "good" })).unwrap_or_default();
        assert_eq!(good.split('.').count(), 3);
        let table = [
            (json!({ "signature": "empty" }), "."),
            (
                json!({ "shape": [{ "segments": 2 }] }),
                "J9.eyJzdWIiOiJhIn0",
            ),
            (json!({ "shape": ["padded"] }), "="),
            (json!({ "shape": [{ "after": "\n" }] }), "\n"),
            (json!({ "signature": { "text": "AAAA" } }), ".AAAA"),
        ];
        for (patch, end) in table {
            let mut form = json!({ "base": "good" });
            merge(&mut form, patch.clone());
            let token = minted(form).unwrap_or_default();
            assert!(token.ends_with(end), "{patch}: {token}");
        }
    }

    #[test]
    fn what_cannot_be_minted_is_refused() {
        let table = [
            (json!({ "base": "bad" }), "no token"),
            (json!({ "base": "loop" }), "stands on itself"),
            (
                json!({ "base": "good", "signatur": "empty" }),
                "unknown field",
            ),
            (json!({ "alg": "none" }), "neither a key nor a signature"),
            (json!({ "base": "good", "key": "p999" }), "p999"),
            (json!({ "base": "good", "alg": "RS256" }), "RS256"),
            (json!({ "base": "good", "within": "x" }), "{token}"),
            (
                json!({ "base": "good", "rewrite": [{ "in": "claims", "find": "zz", "text": "" }] }),
                "zz",
            ),
        ];
        for (form, problem) in table {
            let found = minted(form.clone()).err().unwrap_or_default();
            assert!(found.contains(problem), "{form}: {found:?}");
        }
    }
}
