//! Tokens signed for the occasion, and those of Project Wycheproof.

mod refusals;
mod shapes;
mod wycheproof;

use super::claims::Claims;
use super::jwt;
use super::refusal::Refusal;
use super::rules::{Signer, TokenRules};
use crate::base64url::encode;
use crate::keys::KeySet;
use crate::keys::algorithm::{Algorithm, AlgorithmSet};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair};
use std::sync::LazyLock;

/// Who signs: one key of each kind, with the kind as its id.
struct Signers {
    rsa: RsaKeyPair,
    p256: EcdsaKeyPair,
    p384: EcdsaKeyPair,
    p521: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

static SIGNERS: LazyLock<Signers> = LazyLock::new(|| Signers {
    rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
    p256: EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
    p384: EcdsaKeyPair::generate(&signature::ECDSA_P384_SHA384_FIXED_SIGNING).unwrap(),
    p521: EcdsaKeyPair::generate(&signature::ECDSA_P521_SHA512_FIXED_SIGNING).unwrap(),
    ed25519: Ed25519KeyPair::generate().unwrap(),
});

const SECRET: [u8; 64] = [7; 64];

/// The public keys of all signers.
static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let keys = format!(
        r#"{{"keys":[{},{},{},{},{}]}}"#,
        rsa_jwk("rsa", ""),
        // One that workloads may use too.
        ec_jwk("p256", "P-256", &SIGNERS.p256).replace('{', r#"{"use":"jwt-svid","#),
        ec_jwk("p384", "P-384", &SIGNERS.p384),
        ec_jwk("p521", "P-521", &SIGNERS.p521),
        format_args!(
            r#"{{"kty":"OKP","crv":"Ed25519","kid":"ed25519","x":"{}"}}"#,
            encode(SIGNERS.ed25519.public_key().as_ref())
        ),
    );
    KeySet::load(keys.as_bytes()).unwrap()
});

/// The secret, by itself.
static SECRETS: LazyLock<KeySet> = LazyLock::new(|| {
    let key = encode(&SECRET);
    let keys = format!(r#"{{"keys":[{{"kty":"oct","kid":"oct","k":"{key}"}}]}}"#);
    KeySet::load(keys.as_bytes()).unwrap()
});

fn rsa_jwk(kid: &str, rest: &str) -> String {
    // RSAPublicKey (RFC 8017 appendix A.1.1): behind two headers, before the exponent.
    let n = encode(&SIGNERS.rsa.public_key().as_ref()[9..9 + 256]);
    format!(r#"{{"kty":"RSA","kid":"{kid}","n":"{n}","e":"AQAB"{rest}}}"#)
}

fn ec_jwk(kid: &str, curve: &str, pair: &EcdsaKeyPair) -> String {
    let point = pair.public_key().as_ref();
    let (x, y) = point[1..].split_at(point.len() / 2);
    let (x, y) = (encode(x), encode(y));
    format!(r#"{{"kty":"EC","kid":"{kid}","crv":"{curve}","x":"{x}","y":"{y}"}}"#)
}

/// The signature of one of the signers.
fn signature_of(algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    let rsa = |encoding: &'static dyn RsaEncoding| {
        let mut signature = vec![0; SIGNERS.rsa.public_modulus_len()];
        let signed = SIGNERS.rsa.sign(encoding, &random, message, &mut signature);
        signed.map(|()| signature).unwrap()
    };
    let ecdsa = |pair: &EcdsaKeyPair| pair.sign(&random, message).unwrap().as_ref().to_vec();
    let hmac = |algorithm| {
        let key = hmac::Key::new(algorithm, &SECRET);
        hmac::sign(&key, message).as_ref().to_vec()
    };
    match algorithm {
        Algorithm::Hs256 => hmac(hmac::HMAC_SHA256),
        Algorithm::Hs384 => hmac(hmac::HMAC_SHA384),
        Algorithm::Hs512 => hmac(hmac::HMAC_SHA512),
        Algorithm::Rs256 => rsa(&signature::RSA_PKCS1_SHA256),
        Algorithm::Rs384 => rsa(&signature::RSA_PKCS1_SHA384),
        Algorithm::Rs512 => rsa(&signature::RSA_PKCS1_SHA512),
        Algorithm::Ps256 => rsa(&signature::RSA_PSS_SHA256),
        Algorithm::Ps384 => rsa(&signature::RSA_PSS_SHA384),
        Algorithm::Ps512 => rsa(&signature::RSA_PSS_SHA512),
        Algorithm::Es256 => ecdsa(&SIGNERS.p256),
        Algorithm::Es384 => ecdsa(&SIGNERS.p384),
        Algorithm::Es512 => ecdsa(&SIGNERS.p521),
        Algorithm::EdDsa => SIGNERS.ed25519.sign(message).as_ref().to_vec(),
    }
}

/// A token that is signed, whatever stands in it.
fn token(algorithm: Algorithm, header: &[u8], payload: &[u8]) -> String {
    let signed = format!("{}.{}", encode(header), encode(payload));
    let signature = signature_of(algorithm, signed.as_bytes());
    format!("{signed}.{}", encode(&signature))
}

/// A Wednesday in 2026, in seconds.
const NOW: i64 = 1_790_000_000;

static AUDIENCE: LazyLock<Vec<Box<str>>> = LazyLock::new(|| texts(&["api", "other"]));
static TYP: LazyLock<Vec<Box<str>>> = LazyLock::new(|| texts(&["jwt", "at+jwt", ""]));

/// What most tests ask of a token.
fn rules<'a>() -> TokenRules<'a> {
    TokenRules {
        signer: Signer::Issuer("https://login.example/"),
        audience: &AUDIENCE,
        audience_claim: &[],
        algorithms: AlgorithmSet::ASYMMETRIC,
        typ: &TYP,
        leeway_ms: 60_000,
        require_exp: true,
        required: &[],
        expect: &[],
        max_lifetime_ms: None,
    }
}

fn texts(list: &[&str]) -> Vec<Box<str>> {
    list.iter().map(|text| (*text).into()).collect()
}

fn verify(token: &str, rules: &TokenRules<'_>, keys: &KeySet) -> Result<Claims, Refusal> {
    jwt::open(token.as_bytes())?.verify(rules, keys, NOW * 1_000)
}
