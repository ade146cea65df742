//! The committed test keys: they sign, and show their public half.

use std::fs;
use std::path::Path;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED_SIGNING,
    ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{hmac, rsa};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The members of a JSON Web Key that are nobody's business (RFC 7518 §6).
const PRIVATE: &[&str] = &["d", "p", "q", "dp", "dq", "qi"];

/// A public key as bytes that a careless verifier might take for an HMAC secret.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Encoding {
    Pem,
    Der,
    Jwk,
    /// The first number of it: the modulus, or the x coordinate.
    Number,
}

/// A key of `tests/keys`.
#[derive(Clone, Debug)]
pub struct TestKey {
    name: String,
    jwk: Map<String, Value>,
}

/// The public JSON Web Key of a test key, with its name as `kid`; of an HMAC key the secret.
///
/// # Errors
/// The key is not there.
pub fn public_jwk(name: &str) -> Result<Value, String> {
    TestKey::read(name).map(|key| key.public())
}

impl TestKey {
    /// Reads `tests/keys/<name>.jwk.json`.
    ///
    /// # Errors
    /// The key is not there, or no JSON.
    pub fn read(name: &str) -> Result<Self, String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("keys/{name}.jwk.json"));
        let text = fs::read_to_string(path).map_err(|error| format!("key {name}: {error}"))?;
        let jwk = serde_json::from_str(&text).map_err(|error| format!("key {name}: {error}"))?;
        Ok(Self {
            name: name.to_owned(),
            jwk,
        })
    }

    /// The texts in the key that must never be seen.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let names = PRIVATE.iter().chain(&["k"]);
        let texts = names.filter_map(|name| self.jwk.get(*name)?.as_str());
        texts.map(str::to_owned).collect()
    }

    fn public(&self) -> Value {
        let mut jwk = self.jwk.clone();
        jwk.retain(|name, _| !PRIVATE.contains(&name.as_str()));
        jwk.insert("kid".to_owned(), self.name.as_str().into());
        Value::Object(jwk)
    }

    fn text(&self, member: &str) -> &str {
        self.jwk
            .get(member)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    fn bytes(&self, member: &str) -> Result<Vec<u8>, String> {
        URL_SAFE_NO_PAD
            .decode(self.text(member))
            .map_err(|error| format!("key {}: {member}: {error}", self.name))
    }

    /// A signature as JWS has it (RFC 7518 §3).
    pub(super) fn sign(&self, algorithm: &str, message: &[u8]) -> Result<Vec<u8>, String> {
        let unfit = |_| format!("key {} does not sign {algorithm}", self.name);
        match (self.text("kty"), self.text("crv")) {
            ("oct", _) => hmac(algorithm, &self.bytes("k")?, message),
            ("RSA", _) => {
                let key = self.rsa()?;
                let mut signature = vec![0; key.public_modulus_len()];
                let encoding = rsa_encoding(algorithm).ok_or(()).map_err(unfit)?;
                key.sign(encoding, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| unfit(()))?;
                Ok(signature)
            }
            ("EC", curve) => {
                let fitting = ecdsa(algorithm).filter(|(of, _)| *of == curve);
                let (_, algorithm) = fitting.ok_or(()).map_err(unfit)?;
                let signed = self.ec(algorithm)?.sign(&SystemRandom::new(), message);
                Ok(signed.map_err(|_| unfit(()))?.as_ref().to_vec())
            }
            ("OKP", "Ed25519") if algorithm == "EdDSA" => {
                Ok(self.ed25519()?.sign(message).as_ref().to_vec())
            }
            _ => Err(unfit(())),
        }
    }

    fn rsa(&self) -> Result<RsaKeyPair, String> {
        let components = rsa::KeyPairComponents {
            public_key: rsa::PublicKeyComponents {
                n: self.bytes("n")?,
                e: self.bytes("e")?,
            },
            d: self.bytes("d")?,
            p: self.bytes("p")?,
            q: self.bytes("q")?,
            dP: self.bytes("dp")?,
            dQ: self.bytes("dq")?,
            qInv: self.bytes("qi")?,
        };
        RsaKeyPair::from_components(&components).map_err(|error| self.broken(&error))
    }

    fn ec(&self, algorithm: &'static EcdsaSigningAlgorithm) -> Result<EcdsaKeyPair, String> {
        let point = [vec![4], self.bytes("x")?, self.bytes("y")?].concat();
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, &self.bytes("d")?, &point)
            .map_err(|error| self.broken(&error))
    }

    fn ed25519(&self) -> Result<Ed25519KeyPair, String> {
        Ed25519KeyPair::from_seed_and_public_key(&self.bytes("d")?, &self.bytes("x")?)
            .map_err(|error| self.broken(&error))
    }

    fn broken(&self, error: &dyn std::fmt::Display) -> String {
        format!("key {}: {error}", self.name)
    }

    /// The public half as somebody might have it in a file.
    pub(super) fn public_as(&self, encoding: Encoding) -> Result<Vec<u8>, String> {
        Ok(match encoding {
            Encoding::Jwk => self.public().to_string().into_bytes(),
            Encoding::Number => self.bytes(if self.text("kty") == "RSA" { "n" } else { "x" })?,
            Encoding::Der => self.public_der()?,
            Encoding::Pem => {
                let text = STANDARD.encode(self.public_der()?);
                let lines: Vec<_> = text.as_bytes().chunks(64).collect();
                let body = lines.join(&b'\n');
                [
                    b"-----BEGIN PUBLIC KEY-----\n",
                    &*body,
                    b"\n-----END PUBLIC KEY-----\n",
                ]
                .concat()
            }
        })
    }

    /// SubjectPublicKeyInfo (RFC 5280 §4.1).
    fn public_der(&self) -> Result<Vec<u8>, String> {
        let der = match (self.text("kty"), self.text("crv")) {
            ("RSA", _) => AsDer::<PublicKeyX509Der<'_>>::as_der(self.rsa()?.public_key()),
            ("EC", "P-256") => {
                let pair = self.ec(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
                AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key())
            }
            ("OKP", "Ed25519") => {
                AsDer::<PublicKeyX509Der<'_>>::as_der(self.ed25519()?.public_key())
            }
            _ => return Err(format!("key {}: no public encoding", self.name)),
        };
        der.map(|der| der.as_ref().to_vec())
            .map_err(|error| self.broken(&error))
    }
}

fn rsa_encoding(algorithm: &str) -> Option<&'static dyn RsaEncoding> {
    Some(match algorithm {
        "RS256" => &RSA_PKCS1_SHA256,
        "RS384" => &RSA_PKCS1_SHA384,
        "RS512" => &RSA_PKCS1_SHA512,
        "PS256" => &RSA_PSS_SHA256,
        "PS384" => &RSA_PSS_SHA384,
        "PS512" => &RSA_PSS_SHA512,
        _ => return None,
    })
}

fn ecdsa(algorithm: &str) -> Option<(&'static str, &'static EcdsaSigningAlgorithm)> {
    Some(match algorithm {
        "ES256" => ("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
        "ES384" => ("P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
        "ES512" => ("P-521", &ECDSA_P521_SHA512_FIXED_SIGNING),
        "ES256K" => ("secp256k1", &ECDSA_P256K1_SHA256_FIXED_SIGNING),
        _ => return None,
    })
}

pub(super) fn hmac(algorithm: &str, secret: &[u8], message: &[u8]) -> Result<Vec<u8>, String> {
    let algorithm = match algorithm {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => return Err(format!("a secret does not sign {algorithm:?}")),
    };
    let tag = hmac::sign(&hmac::Key::new(algorithm, secret), message);
    Ok(tag.as_ref().to_vec())
}
