//! Key pairs that sign whatever they are given.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub(crate) const KID: &str = "2026-11";

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Secret,
    P256,
    Ed25519,
    Rsa,
}

/// The slow one is the last.
pub(crate) const KINDS: [Kind; 4] = [Kind::Secret, Kind::P256, Kind::Ed25519, Kind::Rsa];

const SECRET: [u8; 32] = [0x5a; 32];

pub(crate) enum Signer {
    Secret,
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Secret => Self::Secret,
            Kind::P256 => {
                Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
            }
            Kind::Ed25519 => Self::Ed25519(Ed25519KeyPair::generate().unwrap()),
            Kind::Rsa => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        }
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            Self::Secret => "HS256",
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
            Self::Rsa(_) => "RS256",
        }
    }

    pub(crate) fn jwk(&self) -> String {
        let parts = match self {
            Self::Secret => format!(r#""kty":"oct","k":"{}""#, encode(&SECRET)),
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
                format!(r#""kty":"EC","crv":"P-256","x":"{x}","y":"{y}""#)
            }
            Self::Ed25519(pair) => {
                let x = encode(pair.public_key().as_ref());
                format!(r#""kty":"OKP","crv":"Ed25519","x":"{x}""#)
            }
            Self::Rsa(pair) => {
                // RSAPublicKey (RFC 8017 appendix A.1.1): behind two headers, before the exponent.
                let n = encode(&pair.public_key().as_ref()[9..9 + 256]);
                format!(r#""kty":"RSA","n":"{n}","e":"AQAB""#)
            }
        };
        format!(r#"{{{parts},"kid":"{KID}","alg":"{}"}}"#, self.algorithm())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Secret => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &SECRET);
                hmac::sign(&key, message).as_ref().to_vec()
            }
            Self::P256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature);
                signed.map(|()| signature).unwrap()
            }
        }
    }
}
