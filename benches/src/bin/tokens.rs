//! What verifying a token at first sight costs, beside the bare signature check and jsonwebtoken, in one run.
//!
//! `tokens [ROUNDS] [ALGORITHM]` prints a table: medians in nanoseconds, and what they are to each other.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use comfy_table::Table;
use gatelet::{KeySet, token};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

const ISSUER: &str = "https://login.shop.example/";
/// 2100, because jsonwebtoken reads the clock.
const EXP: u64 = 4_102_444_800;
const NOW_MS: i64 = 1_790_000_000_000;
const SECRET: [u8; 32] = [0x5a; 32];
/// How long one measurement takes, about: shorter than the machine's other work lets it run.
const ROUND: Duration = Duration::from_micros(500);
/// Calls that tell how many a measurement has room for.
const TRIAL: u32 = 10;

type Failed = Box<dyn Error>;

/// The claims as an application would declare them for jsonwebtoken.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    scope: String,
    realm_access: Access,
}

#[derive(Deserialize)]
struct Access {
    roles: Vec<String>,
}

/// One algorithm, and a token of about 900 bytes signed by it.
struct Subject {
    algorithm: &'static str,
    token: String,
    jwk: String,
    /// The signature check alone, of bytes that are decoded already.
    raw: Box<dyn Fn() -> bool>,
}

impl Subject {
    fn new(
        algorithm: &'static str,
        key: &str,
        sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, Failed>,
        check: impl Fn(&[u8], &[u8]) -> bool + 'static,
    ) -> Result<Self, Failed> {
        let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"2026-11"}}"#);
        let signed = format!(
            "{}.{}",
            encode(header.as_bytes()),
            encode(claims().as_bytes())
        );
        let signature = sign(signed.as_bytes())?;
        Ok(Self {
            algorithm,
            token: format!("{signed}.{}", encode(&signature)),
            jwk: format!(r#"{{{key},"kid":"2026-11","alg":"{algorithm}"}}"#),
            raw: Box::new(move || check(black_box(signed.as_bytes()), black_box(&signature))),
        })
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn claims() -> String {
    format!(
        r#"{{"iss":"{ISSUER}","sub":"5be86359-073c-434b-ad2d-a3932222dabe","aud":["shop-api","account"],"exp":{EXP},"nbf":1789999000,"iat":1789999000,"jti":"7a1f9c6e-1f7b-4f3c-9c5e-0a1b2c3d4e5f","azp":"shop-web","session_state":"f4a1b2c3-d4e5-46f7-8899-aabbccddeeff","acr":"1","realm_access":{{"roles":["clerk","manager","offline_access"]}},"scope":"openid profile email orders.read orders.write","email_verified":true,"name":"Dana Example","preferred_username":"dana","email":"dana@shop.example","tid":"acme","plan":"pro"}}"#
    )
}

fn subjects() -> Result<[Subject; 4], Failed> {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048)?;
    let public = rsa.public_key().as_ref();
    // RSAPublicKey (RFC 8017 appendix A.1.1): behind two headers, before the exponent.
    let n = encode(public.get(9..9 + 256).ok_or("no modulus")?);
    let rsa_key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)?;
    let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let point = ecdsa.public_key().as_ref();
    let (x, y) = point
        .get(1..)
        .and_then(|xy| xy.split_at_checked(32))
        .ok_or("no point")?;
    let (x, y) = (encode(x), encode(y));
    let ecdsa_key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)?;
    let eddsa = Ed25519KeyPair::generate()?;
    let eddsa_x = encode(eddsa.public_key().as_ref());
    let eddsa_key = ParsedPublicKey::new(&ED25519, eddsa.public_key().as_ref())?;
    let secret = hmac::Key::new(hmac::HMAC_SHA256, &SECRET);
    let random = SystemRandom::new();
    Ok([
        Subject::new(
            "RS256",
            &format!(r#""kty":"RSA","n":"{n}","e":"AQAB""#),
            |message| {
                let mut signature = vec![0; rsa.public_modulus_len()];
                rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            },
            move |message, signature| rsa_key.verify_sig(message, signature).is_ok(),
        )?,
        Subject::new(
            "ES256",
            &format!(r#""kty":"EC","crv":"P-256","x":"{x}","y":"{y}""#),
            |message| Ok(ecdsa.sign(&random, message)?.as_ref().to_vec()),
            move |message, signature| ecdsa_key.verify_sig(message, signature).is_ok(),
        )?,
        Subject::new(
            "EdDSA",
            &format!(r#""kty":"OKP","crv":"Ed25519","x":"{eddsa_x}""#),
            |message| Ok(eddsa.sign(message).as_ref().to_vec()),
            move |message, signature| eddsa_key.verify_sig(message, signature).is_ok(),
        )?,
        Subject::new(
            "HS256",
            &format!(r#""kty":"oct","k":"{}""#, encode(&SECRET)),
            |message| {
                Ok(
                    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &SECRET), message)
                        .as_ref()
                        .to_vec(),
                )
            },
            move |message, tag| hmac::verify(&secret, message, tag).is_ok(),
        )?,
    ])
}

/// Nanoseconds of one call.
fn time(calls: u32, work: &dyn Fn() -> bool) -> f64 {
    let start = Instant::now();
    let good = (0..calls).filter(|_| work()).count();
    assert_eq!(good, calls as usize, "a good token was refused");
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

/// Medians of each, measured in turns, so that all meet the same machine.
fn medians(rounds: usize, works: &[&dyn Fn() -> bool]) -> Vec<f64> {
    let mut times = vec![Vec::new(); works.len()];
    let calls: Vec<u32> = works
        .iter()
        .map(|work| {
            let start = Instant::now();
            time(TRIAL, *work);
            let trials = ROUND.as_nanos() / start.elapsed().as_nanos().max(1);
            TRIAL * u32::try_from(trials).unwrap_or(1).max(1)
        })
        .collect();
    for _ in 0..rounds {
        for ((work, calls), times) in works.iter().zip(&calls).zip(&mut times) {
            times.push(time(*calls, *work));
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    times.into_iter().map(median).collect()
}

fn main() -> Result<(), Failed> {
    let rounds = std::env::args()
        .nth(1)
        .map_or(Ok(401), |text| text.parse())?;
    let mut table = Table::new();
    table.set_header([
        "",
        "bytes",
        "aws-lc",
        "Gatelet",
        "jsonwebtoken",
        "Gatelet / aws-lc",
        "jsonwebtoken / Gatelet",
    ]);
    let wanted = std::env::args().nth(2);
    for subject in subjects()? {
        if wanted
            .as_ref()
            .is_some_and(|name| *name != subject.algorithm)
        {
            continue;
        }
        let set = format!(r#"{{"keys":[{}]}}"#, subject.jwk);
        let keys = KeySet::load(set.as_bytes())?;
        let rules = token::Rules::new(ISSUER)
            .audience(["shop-api"])
            .algorithms([subject.algorithm]);
        let ours =
            || token::verify(black_box(subject.token.as_bytes()), &rules, &keys, NOW_MS).is_ok();
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_str(&subject.jwk)?;
        let key = DecodingKey::from_jwk(&jwk)?;
        let algorithm: Algorithm = subject.algorithm.parse()?;
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&["shop-api"]);
        validation.validate_nbf = true;
        let theirs = || {
            let decoded =
                jsonwebtoken::decode::<Claims>(black_box(&subject.token), &key, &validation);
            decoded.is_ok_and(|data| {
                black_box((
                    &data.claims.sub,
                    &data.claims.scope,
                    &data.claims.realm_access.roles,
                ));
                true
            })
        };
        let measured = medians(rounds, &[&*subject.raw, &ours, &theirs]);
        if let [raw, ours, theirs] = measured[..] {
            table.add_row([
                subject.algorithm.to_owned(),
                subject.token.len().to_string(),
                format!("{raw:.0}"),
                format!("{ours:.0}"),
                format!("{theirs:.0}"),
                format!("{:.2}", ours / raw),
                format!("{:.2}", theirs / ours),
            ]);
        }
    }
    println!("{table}");
    Ok(())
}
