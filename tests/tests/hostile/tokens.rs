//! Tokens and key sets that nobody issues: refused, and told why; nothing panics or is taken.

use super::super::on_small_stack;
use super::mutation::mutate;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatelet::{KeySet, limits, token};
use gatelet_tests::prng::Prng;

const ROUNDS: usize = 4_000;
const SEED: u64 = 0x746f_6b65;
const NOW_MS: i64 = 1_790_000_000_000;

const HEADER: &str = r#"{"alg":"EdDSA","kid":"a","typ":"JWT"}"#;
const CLAIMS: &str = r#"{"iss":"https://login.example/","aud":["api"],"exp":4102444800,"nbf":1.5e9,"cnf":{},"a":{"b":[true,null,"\ud834\udd1e\n"]}}"#;
/// RFC 8037 appendix A.2, RFC 7515 appendix A.3 and A.2.
const KEYS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"EC","crv":"P-256","kid":"b","use":"sig","key_ops":["verify"],"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},{"kty":"RSA","kid":"c","alg":"RS256","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}]}"#;

fn rules() -> token::Rules {
    token::Rules::new("https://login.example/").audience(["api"])
}

/// With a signature of nobody's.
fn forged(header: &[u8], claims: &[u8]) -> Vec<u8> {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let token = format!("{}.{}.{}", encode(header), encode(claims), encode(&[7; 64]));
    token.into_bytes()
}

/// The reason, which a check and an inspection agree on.
fn refusal(token: &[u8], keys: &KeySet) -> &'static str {
    let inspection = token::inspect(token, &rules(), keys, NOW_MS);
    let verified = token::verify(token, &rules(), keys, NOW_MS);
    let detail = verified.err().map(token::Refused::detail);
    assert_eq!(detail, inspection.detail());
    assert!(!inspection.to_string().is_empty());
    detail.unwrap_or("taken")
}

#[test]
fn forgeries_with_a_few_bytes_changed() {
    let keys = KeySet::load(KEYS.as_bytes()).unwrap();
    assert_eq!((keys.len(), keys.problems().len()), (3, 0));
    let mut random = Prng::new(SEED);
    let mut reasons = std::collections::BTreeMap::new();
    for _ in 0..ROUNDS {
        let (mut header, mut claims) = (HEADER.as_bytes().to_vec(), CLAIMS.as_bytes().to_vec());
        match random.below(3) {
            0 => mutate(&mut random, &mut header),
            1 => mutate(&mut random, &mut claims),
            _ => {}
        }
        let mut token = forged(&header, &claims);
        if random.chance(20) {
            mutate(&mut random, &mut token);
        }
        *reasons.entry(refusal(&token, &keys)).or_insert(0) += 1;
    }
    assert!(!reasons.contains_key("taken"), "{reasons:?}");
    for reason in ["malformed", "bad_signature", "unknown_key", "bad_algorithm"] {
        assert!(reasons.contains_key(reason), "{reason} of {reasons:?}");
    }
}

#[test]
fn key_sets_with_a_few_bytes_changed() {
    let token = forged(HEADER.as_bytes(), CLAIMS.as_bytes());
    let mut random = Prng::new(SEED);
    let (mut loaded, mut refused, mut left_out) = (0, 0, 0);
    for _ in 0..ROUNDS {
        let mut bytes = KEYS.as_bytes().to_vec();
        mutate(&mut random, &mut bytes);
        let Ok(keys) = KeySet::load(&bytes) else {
            refused += 1;
            continue;
        };
        loaded += 1;
        left_out += keys.problems().len();
        assert!(keys.len() <= limits::MAX_KEYS);
        assert_ne!(refusal(&token, &keys), "taken");
    }
    assert!(
        loaded > 100 && refused > 100 && left_out > 100,
        "{loaded} {refused} {left_out}"
    );
}

#[test]
fn documents_that_are_deep_or_wide() {
    let keys = KeySet::load(KEYS.as_bytes()).unwrap();
    let room = limits::MAX_TOKEN_BYTES * 3 / 4 - 200;
    let repeated = |piece: &str| piece.repeat(room / piece.len());
    let many: Vec<_> = (0..room / 8)
        .map(|index| format!("\"{index:x}\":1"))
        .collect();
    let claims = [
        (repeated("["), "malformed"),
        (repeated("{\"a\":"), "malformed"),
        (
            format!("{{\"a\":[{}]}}", repeated("0,") + "0"),
            "bad_signature",
        ),
        (
            format!("{{\"a\":\"{}\"}}", repeated("\\u0041")),
            "bad_signature",
        ),
        (format!("{{{}}}", many.join(",")), "bad_signature"),
        (format!("{{{},\"0\":1}}", many.join(",")), "malformed"),
        ("x".repeat(limits::MAX_TOKEN_BYTES), "oversize"),
    ];
    on_small_stack(|| {
        for (claims, expected) in &claims {
            let token = forged(HEADER.as_bytes(), claims.as_bytes());
            assert_eq!(refusal(&token, &keys), *expected, "{} bytes", token.len());
            let header = forged(claims.as_bytes(), CLAIMS.as_bytes());
            assert_ne!(refusal(&header, &keys), "taken");
        }
        let deep = "[".repeat(limits::MAX_KEY_SET_BYTES);
        assert!(KeySet::load(deep.as_bytes()).is_err());
    });
}
