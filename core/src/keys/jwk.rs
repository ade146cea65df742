//! One JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2): what it is, and what it may be used for.

use super::algorithm::{Algorithm, AlgorithmSet};
use super::problem::KeyFault;
use super::strength;
use super::verifier::KeyMaterial;
use crate::base64url;
use crate::crypto::sha256;
use crate::json::{Json, Value};

/// An entry of a key set.
pub(super) struct Entry<'a> {
    pub(super) kid: Option<&'a [u8]>,
    /// Whether it is a secret; none if it is for something else than signatures.
    pub(super) symmetric: Option<bool>,
    /// Whether its `use` is that of keys for JWT-SVIDs.
    pub(super) is_for_workloads: bool,
    pub(super) key: Result<Jwk<'a>, KeyFault>,
    /// What is wrong with it, though it is used.
    pub(super) notes: Vec<KeyFault>,
}

/// A key that is strong enough, with the algorithms that it may be used with.
pub(super) struct Jwk<'a> {
    algorithms: AlgorithmSet,
    parts: Parts<'a>,
}

enum Parts<'a> {
    Secret(Vec<u8>),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    Point {
        curve: &'a str,
        x: Vec<u8>,
        y: Vec<u8>,
    },
    Ed25519([u8; 32]),
}

/// The curves, with the one algorithm and the length of the coordinates of each (RFC 7518 §6.2.1).
const CURVES: [(&str, Algorithm, usize); 3] = [
    ("P-256", Algorithm::Es256, 32),
    ("P-384", Algorithm::Es384, 48),
    ("P-521", Algorithm::Es512, 66),
];

/// Hashes of HMAC, by the least length of a secret.
const SECRETS: [(Algorithm, usize); 3] = [
    (Algorithm::Hs256, 32),
    (Algorithm::Hs384, 48),
    (Algorithm::Hs512, 64),
];

const RSA: [Algorithm; 6] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

/// Members that only a private key has (RFC 7518 §6.2.2, §6.3.2).
const PRIVATE: [&[u8]; 7] = [b"d", b"p", b"q", b"dp", b"dq", b"qi", b"oth"];

/// Reads an entry. It never fails: what is wrong is in it.
pub(super) fn read(json: Json<'_>) -> Entry<'_> {
    let kid = json.get(b"kid").and_then(Json::text);
    let key = usage(json).and_then(|()| parts(json));
    let elsewhere = matches!(
        key,
        Err(KeyFault::NotForVerifying
            | KeyFault::NotForTokens
            | KeyFault::WrongCertificates
            | KeyFault::UnsupportedAlgorithm)
    );
    let kind = json.get(b"kty").and_then(Json::text);
    let symmetric = kind.filter(|_| !elsewhere).map(|kind| kind == b"oct");
    let mut notes = Vec::new();
    let private = PRIVATE.iter().any(|name| json.get(name).is_some());
    if private && symmetric == Some(false) && key.is_ok() {
        notes.push(KeyFault::PrivateKey);
    }
    Entry {
        kid,
        symmetric,
        is_for_workloads: json.get(b"use").and_then(Json::text) == Some(b"jwt-svid"),
        key,
        notes,
    }
}

/// A secret that is not in a set.
pub(super) fn secret(secret: &[u8]) -> Entry<'static> {
    Entry {
        kid: None,
        symmetric: Some(true),
        is_for_workloads: false,
        key: Jwk::of_secret(secret.to_vec(), None),
        notes: Vec::new(),
    }
}

/// Whether it is for verifying tokens: `use`, `key_ops` and what SPIFFE asks for.
fn usage(json: Json<'_>) -> Result<(), KeyFault> {
    if json.members().is_none() {
        return Err(KeyFault::NotAnObject);
    }
    if json.ambiguous().is_some() {
        return Err(KeyFault::AmbiguousMember);
    }
    let kid = json.get(b"kid");
    if kid.is_some_and(|kid| kid.text().is_none()) {
        return Err(KeyFault::MissingMember);
    }
    match json.get(b"use").map(Json::value) {
        None => {}
        Some(Value::Text(b"sig")) => {}
        Some(Value::Text(b"jwt-svid")) if kid.is_none() => return Err(KeyFault::MissingKid),
        Some(Value::Text(b"jwt-svid")) => {}
        Some(Value::Text(b"x509-svid")) => {
            let certificates = json.get(b"x5c").and_then(Json::items);
            return Err(match certificates.map(Iterator::count) {
                Some(1) => KeyFault::NotForTokens,
                _ => KeyFault::WrongCertificates,
            });
        }
        Some(_) => return Err(KeyFault::NotForVerifying),
    }
    match json.get(b"key_ops").map(Json::value) {
        None => Ok(()),
        Some(Value::Array(mut operations)) => operations
            .any(|one| one.text() == Some(b"verify"))
            .then_some(())
            .ok_or(KeyFault::NotForVerifying),
        Some(_) => Err(KeyFault::NotForVerifying),
    }
}

fn parts(json: Json<'_>) -> Result<Jwk<'_>, KeyFault> {
    let declared = match json.get(b"alg").map(Json::value) {
        None => None,
        Some(Value::Text(name)) => {
            let algorithm = Algorithm::of_name(name);
            Some(algorithm.ok_or(KeyFault::UnsupportedAlgorithm)?)
        }
        Some(_) => return Err(KeyFault::UnsupportedAlgorithm),
    };
    match text(json, b"kty")? {
        b"oct" => Jwk::of_secret(number(json, b"k")?, declared),
        b"RSA" => Jwk::of_rsa(number(json, b"n")?, number(json, b"e")?, declared),
        b"EC" => {
            let (x, y) = (number(json, b"x")?, number(json, b"y")?);
            Jwk::of_point(text(json, b"crv")?, x, y, declared)
        }
        b"OKP" if text(json, b"crv")? == b"Ed25519" => {
            Jwk::of_ed25519(&number(json, b"x")?, declared)
        }
        _ => Err(KeyFault::UnsupportedType),
    }
}

fn text<'a>(json: Json<'a>, name: &[u8]) -> Result<&'a [u8], KeyFault> {
    let member = json.get(name).ok_or(KeyFault::MissingMember)?;
    member.text().ok_or(KeyFault::MissingMember)
}

fn number(json: Json<'_>, name: &[u8]) -> Result<Vec<u8>, KeyFault> {
    base64url::decode(text(json, name)?).ok_or(KeyFault::BadEncoding)
}

/// The declared algorithm if it is one of these, all of them if none is declared.
fn chosen(
    of: impl IntoIterator<Item = Algorithm>,
    declared: Option<Algorithm>,
) -> Result<AlgorithmSet, KeyFault> {
    let all: AlgorithmSet = of.into_iter().collect();
    match declared {
        None => Ok(all),
        Some(one) if all.has(one) => Ok(AlgorithmSet::default().with(one)),
        Some(_) => Err(KeyFault::WrongAlgorithm),
    }
}

/// Without zeros in front.
fn trimmed(mut number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.drain(..zeros);
    number
}

impl<'a> Jwk<'a> {
    fn of_secret(secret: Vec<u8>, declared: Option<Algorithm>) -> Result<Self, KeyFault> {
        chosen(SECRETS.map(|(algorithm, _)| algorithm), declared)?;
        let long_enough = SECRETS
            .iter()
            .filter(|(_, least)| secret.len() >= *least)
            .map(|(algorithm, _)| *algorithm);
        let algorithms = chosen(long_enough, declared).map_err(|_| KeyFault::SecretTooShort)?;
        if algorithms.is_empty() {
            return Err(KeyFault::SecretTooShort);
        }
        Ok(Self {
            algorithms,
            parts: Parts::Secret(secret),
        })
    }

    fn of_rsa(n: Vec<u8>, e: Vec<u8>, declared: Option<Algorithm>) -> Result<Self, KeyFault> {
        let algorithms = chosen(RSA, declared)?;
        let (n, e) = (trimmed(n), trimmed(e));
        strength::rsa(&n, &e)?;
        Ok(Self {
            algorithms,
            parts: Parts::Rsa { n, e },
        })
    }

    fn of_point(
        curve: &'a [u8],
        x: Vec<u8>,
        y: Vec<u8>,
        declared: Option<Algorithm>,
    ) -> Result<Self, KeyFault> {
        let mut curves = CURVES.iter();
        let (curve, algorithm, len) = curves
            .find(|(name, _, _)| name.as_bytes() == curve)
            .ok_or(KeyFault::UnsupportedType)?;
        let algorithms = chosen([*algorithm], declared)?;
        if x.len() != *len || y.len() != *len {
            return Err(KeyFault::WrongLength);
        }
        Ok(Self {
            algorithms,
            parts: Parts::Point { curve, x, y },
        })
    }

    fn of_ed25519(x: &[u8], declared: Option<Algorithm>) -> Result<Self, KeyFault> {
        let algorithms = chosen([Algorithm::EdDsa], declared)?;
        let key = <[u8; 32]>::try_from(x).map_err(|_| KeyFault::WrongLength)?;
        strength::ed25519(&key)?;
        Ok(Self {
            algorithms,
            parts: Parts::Ed25519(key),
        })
    }

    pub(super) const fn algorithms(&self) -> AlgorithmSet {
        self.algorithms
    }

    pub(super) fn material(&self) -> KeyMaterial<'_> {
        match &self.parts {
            Parts::Secret(secret) => KeyMaterial::Secret(secret),
            Parts::Rsa { n, e } => KeyMaterial::Rsa { n, e },
            Parts::Point { x, y, .. } => KeyMaterial::Point { x, y },
            Parts::Ed25519(key) => KeyMaterial::Ed25519(key),
        }
    }

    /// SHA-256 over the members that a key of its type needs, in order (RFC 7638 §3).
    pub(super) fn thumbprint(&self) -> [u8; 32] {
        let text = |bytes: &[u8]| base64url::encode(bytes);
        let members = match &self.parts {
            Parts::Secret(k) => format!(r#"{{"k":"{}","kty":"oct"}}"#, text(k)),
            Parts::Rsa { n, e } => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n))
            }
            Parts::Point { curve, x, y } => format!(
                r#"{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}"#,
                text(x),
                text(y)
            ),
            Parts::Ed25519(key) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(key))
            }
        };
        sha256(members.as_bytes())
    }
}
