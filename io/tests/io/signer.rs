//! Keys that sign tokens, made anew for each test.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A key and its name.
pub(crate) struct Signer {
    kid: &'static str,
    pair: Ed25519KeyPair,
}

impl Signer {
    pub(crate) fn new(kid: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        Self { kid, pair }
    }

    pub(crate) fn jwk(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key());
        let kid = self.kid;
        format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"{kid}","x":"{x}"}}"#)
    }

    /// A token of dana's that never comes to its end while a test runs.
    pub(crate) fn token(&self, issuer: &str) -> String {
        let claims = format!(
            r#"{{"iss":"{issuer}","aud":"shop-api","sub":"dana","iat":1700000000,"exp":4102444800}}"#
        );
        self.sign(self.kid, &claims)
    }

    /// A token that names a key as it likes.
    pub(crate) fn sign(&self, kid: &str, claims: &str) -> String {
        let header = format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{kid}"}}"#);
        let signed = [header.as_str(), claims]
            .map(|part| URL_SAFE_NO_PAD.encode(part))
            .join(".");
        let signature = self.pair.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The key set of these.
pub(crate) fn jwks(signers: &[&Signer]) -> String {
    let keys: Vec<_> = signers.iter().map(|signer| signer.jwk()).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}
