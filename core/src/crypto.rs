//! The one file that calls crypto crates.

use crate::keys::algorithm::Algorithm;
use crate::keys::verifier::{KeyMaterial, SignatureVerifier, VerifySignature};
use aws_lc_rs::digest::{Context, SHA256, digest as hash};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use aws_lc_rs::{constant_time, hmac, rand};
use std::fmt::Write as _;

/// SHA-256 (FIPS 180-4).
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    first_32(hash(&SHA256, bytes).as_ref())
}

/// SHA-256 of several pieces, each preceded by its length, so that no two lists of pieces are alike.
pub(crate) fn digest<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> [u8; 32] {
    let mut hash = Pieces::new();
    pieces.into_iter().for_each(|piece| hash.add(piece));
    hash.finish()
}

/// SHA-256 of pieces that come one after the other, each preceded by its length.
pub(crate) struct Pieces(Context);

impl Pieces {
    pub(crate) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(crate) fn add(&mut self, piece: &[u8]) {
        self.0.update(&(piece.len() as u64).to_le_bytes());
        self.0.update(piece);
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        first_32(self.0.finish().as_ref())
    }
}

/// HMAC with SHA-256 (RFC 2104).
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    first_32(hmac::sign(&key, message).as_ref())
}

/// What SHA-256 and HMAC with it give has 32 bytes.
fn first_32(bytes: &[u8]) -> [u8; 32] {
    bytes.first_chunk().copied().unwrap_or_default()
}

/// Whether two secrets are the same, in a time that depends on their lengths only.
pub(crate) fn equal(one: &[u8], other: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// Bytes that nobody can foresee; none if the machine has none to give.
pub(crate) fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).ok()?;
    Some(bytes)
}

/// Lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The verifier that is built in: AWS-LC.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AwsLc;

impl SignatureVerifier for AwsLc {
    fn prepare(&self, algorithm: Algorithm, key: KeyMaterial<'_>) -> Option<Box<VerifySignature>> {
        match key {
            KeyMaterial::Secret(secret) => Some(shared(hmac_of(algorithm)?, secret)),
            KeyMaterial::Rsa { n, e } => {
                let key = RsaPublicKeyComponents { n, e };
                parsed(key.to_parsed_public_key(rsa_of(algorithm)?).ok()?)
            }
            KeyMaterial::Point { x, y } => {
                // SEC 1 §2.3.3: uncompressed.
                let point = [&[4], x, y].concat();
                parsed(ParsedPublicKey::new(curve_of(algorithm)?, point).ok()?)
            }
            KeyMaterial::Ed25519(key) if algorithm == Algorithm::EdDsa => {
                parsed(ParsedPublicKey::new(&ED25519, key).ok()?)
            }
            KeyMaterial::Ed25519(_) => None,
        }
    }
}

#[allow(clippy::unnecessary_wraps)]
fn parsed(key: ParsedPublicKey) -> Option<Box<VerifySignature>> {
    Some(Box::new(move |message, signature| {
        key.verify_sig(message, signature).is_ok()
    }))
}

fn shared(algorithm: hmac::Algorithm, secret: &[u8]) -> Box<VerifySignature> {
    let key = hmac::Key::new(algorithm, secret);
    Box::new(move |message, tag| hmac::verify(&key, message, tag).is_ok())
}

fn hmac_of(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    match algorithm {
        Algorithm::Hs256 => Some(hmac::HMAC_SHA256),
        Algorithm::Hs384 => Some(hmac::HMAC_SHA384),
        Algorithm::Hs512 => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

fn rsa_of(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

fn curve_of(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    match algorithm {
        Algorithm::Es256 => Some(&ECDSA_P256_SHA256_FIXED),
        Algorithm::Es384 => Some(&ECDSA_P384_SHA384_FIXED),
        Algorithm::Es512 => Some(&ECDSA_P521_SHA512_FIXED),
        _ => None,
    }
}
