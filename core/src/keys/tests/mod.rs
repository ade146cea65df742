//! Which keys are taken, and whether what they verify is what was signed.

mod primitives;

use super::*;
use crate::base64url::encode;
use crate::crypto::hexadecimal;
use crate::vectors;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair, RsaKeyPair};
use std::sync::LazyLock;

/// A modulus of 2,048 bits that nobody has the primes of any more.
static MODULUS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    // RSAPublicKey (RFC 8017 appendix A.1.1): behind two headers, before the exponent.
    pair.public_key().as_ref()[9..9 + 256].to_vec()
});

/// A point of P-256.
static POINT: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref();
    (point[1..33].to_vec(), point[33..].to_vec())
});

/// RFC 8037 appendix A.2.
const ED25519: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

fn set(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

/// Slugs of the problems of a set with this one key, and how many keys it has.
fn alone(key: &str) -> (usize, Vec<&'static str>) {
    let keys = KeySet::load(set(&[key.to_owned()]).as_bytes()).unwrap();
    let slugs = keys.problems().iter().map(|problem| problem.fault().slug());
    (keys.len(), slugs.collect())
}

fn rsa(n: &[u8], e: &[u8], rest: &str) -> String {
    format!(
        r#"{{"kty":"RSA","n":"{}","e":"{}"{rest}}}"#,
        encode(n),
        encode(e)
    )
}

fn ec(curve: &str, x: &[u8], y: &[u8], rest: &str) -> String {
    format!(
        r#"{{"kty":"EC","crv":"{curve}","x":"{}","y":"{}"{rest}}}"#,
        encode(x),
        encode(y)
    )
}

fn oct(len: usize, rest: &str) -> String {
    format!(r#"{{"kty":"oct","k":"{}"{rest}}}"#, encode(&vec![7; len]))
}

fn okp(x: &str, rest: &str) -> String {
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"{rest}}}"#)
}

#[test]
fn keys_that_are_taken() {
    let (n, (x, y)) = (&*MODULUS, &*POINT);
    let padded = [&[0], n.as_slice()].concat();
    let rows = [
        (rsa(n, &[1, 0, 1], ""), vec![]),
        (rsa(&padded, &[0, 1, 0, 1], ""), vec![]),
        (rsa(n, &[3], r#","alg":"PS512","use":"sig""#), vec![]),
        (rsa(n, &[1, 0, 0, 0, 1], ""), vec![]),
        (rsa(n, &[1, 0, 1], r#","d":"AQ""#), vec!["private_key"]),
        (
            rsa(n, &[1, 0, 1], r#","key_ops":["verify","sign"]"#),
            vec![],
        ),
        (ec("P-256", x, y, r#","alg":"ES256""#), vec![]),
        (ec("P-256", x, y, r#","use":"jwt-svid","kid":"a""#), vec![]),
        (
            ec("P-256", x, y, r#","x5u":"https://evil.example""#),
            vec![],
        ),
        (okp(ED25519, ""), vec![]),
        (okp(ED25519, r#","alg":"EdDSA""#), vec![]),
        (
            okp(ED25519, r#","alg":"Ed25519","d":"AQ""#),
            vec!["private_key"],
        ),
        (oct(32, ""), vec![]),
        (oct(64, r#","alg":"HS512","key_ops":["verify"]"#), vec![]),
        (oct(1_000, r#","alg":"HS256""#), vec![]),
    ];
    for (key, expected) in rows {
        assert_eq!(alone(&key), (1, expected), "{key}");
    }
}

/// Each key is left out, for this reason.
fn left_out(rows: &[(String, &'static str)]) {
    for (key, expected) in rows {
        assert_eq!(alone(key), (0, vec![*expected]), "{key}");
    }
}

#[test]
fn keys_without_their_form() {
    let (x, y) = &*POINT;
    left_out(&[
        ("7".to_owned(), "not_an_object"),
        (
            r#"{"kty":"oct","kty":"oct"}"#.to_owned(),
            "ambiguous_member",
        ),
        (
            r#"{"kty":"RSA","x":{"y":1,"y":2}}"#.to_owned(),
            "ambiguous_member",
        ),
        ("{}".to_owned(), "missing_member"),
        (r#"{"kty":7}"#.to_owned(), "missing_member"),
        (r#"{"kty":"oct"}"#.to_owned(), "missing_member"),
        (r#"{"kty":"oct","k":7}"#.to_owned(), "missing_member"),
        (oct(32, r#","kid":7"#), "missing_member"),
        (r#"{"kty":"oct","k":"AAA="}"#.to_owned(), "bad_encoding"),
        (r#"{"kty":"oct","k":"A+/A"}"#.to_owned(), "bad_encoding"),
        (
            r#"{"kty":"OKP","crv":"Ed25519","x":"AB"}"#.to_owned(),
            "bad_encoding",
        ),
        (r#"{"kty":"XYZ"}"#.to_owned(), "unsupported_type"),
        (r#"{"kty":"rsa"}"#.to_owned(), "unsupported_type"),
        (
            r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#.to_owned(),
            "unsupported_type",
        ),
        (
            r#"{"kty":"OKP","crv":"Ed448","x":"AA"}"#.to_owned(),
            "unsupported_type",
        ),
        (ec("secp256k1", x, y, ""), "unsupported_type"),
    ]);
}

#[test]
fn keys_for_something_else() {
    let (n, (x, y), e) = (&*MODULUS, &*POINT, &[1, 0, 1]);
    left_out(&[
        (rsa(n, e, r#","use":"enc""#), "not_for_verifying"),
        (rsa(n, e, r#","use":7"#), "not_for_verifying"),
        (rsa(n, e, r#","key_ops":["sign"]"#), "not_for_verifying"),
        (rsa(n, e, r#","key_ops":[]"#), "not_for_verifying"),
        (rsa(n, e, r#","key_ops":"verify""#), "not_for_verifying"),
        (
            rsa(n, e, r#","use":"enc","key_ops":["verify"]"#),
            "not_for_verifying",
        ),
        (rsa(n, e, r#","alg":"RSA-OAEP""#), "unsupported_algorithm"),
        (rsa(n, e, r#","alg":"none""#), "unsupported_algorithm"),
        (rsa(n, e, r#","alg":256"#), "unsupported_algorithm"),
        (rsa(n, e, r#","alg":"ES256""#), "wrong_algorithm"),
        (rsa(n, e, r#","alg":"HS256""#), "wrong_algorithm"),
        (oct(32, r#","alg":"RS256""#), "wrong_algorithm"),
        (okp(ED25519, r#","alg":"ES256""#), "wrong_algorithm"),
        (ec("P-256", x, y, r#","alg":"ES384""#), "wrong_algorithm"),
        (ec("P-256", x, y, r#","use":"jwt-svid""#), "missing_kid"),
        (
            ec("P-256", x, y, r#","use":"x509-svid""#),
            "wrong_certificates",
        ),
        (
            ec("P-256", x, y, r#","use":"x509-svid","x5c":["a","b"]"#),
            "wrong_certificates",
        ),
    ]);
    let svid = ec("P-256", x, y, r#","use":"x509-svid","x5c":["a"]"#);
    assert_eq!(alone(&svid), (0, vec![]));
}

#[test]
fn keys_that_are_weak() {
    let (n, (x, y), e) = (&*MODULUS, &*POINT, &[1, 0, 1]);
    let mut even = n.clone();
    *even.last_mut().unwrap() &= 0xfe;
    let off = [&[y[0] ^ 1], &y[1..]].concat();
    left_out(&[
        (ec("P-384", x, y, ""), "wrong_length"),
        (ec("P-256", &x[1..], y, ""), "wrong_length"),
        (
            ec("P-256", x, &[&[0], y.as_slice()].concat(), ""),
            "wrong_length",
        ),
        (okp("AAAA", ""), "wrong_length"),
        (oct(0, ""), "secret_too_short"),
        (oct(31, ""), "secret_too_short"),
        (oct(32, r#","alg":"HS384""#), "secret_too_short"),
        (oct(63, r#","alg":"HS512""#), "secret_too_short"),
        (rsa(&n[1..], e, ""), "rsa_too_short"),
        (rsa(&[], e, ""), "rsa_too_short"),
        (
            rsa(&[n.as_slice(), &[1; 1_024]].concat(), e, ""),
            "rsa_too_long",
        ),
        (rsa(n, &[], ""), "bad_exponent"),
        (rsa(n, &[1], ""), "bad_exponent"),
        (rsa(n, &[1, 0, 0], ""), "bad_exponent"),
        (rsa(n, &[2, 0, 0, 0, 1], ""), "bad_exponent"),
        (rsa(&even, e, ""), "small_factor"),
        (rsa(&[0xff; 256], e, ""), "small_factor"),
        (ec("P-256", x, &off, ""), "not_a_key"),
    ]);
}

/// Both signs, and what stands for the same point above the field.
#[test]
fn points_of_small_order() {
    let field = |low: u8| {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (low, 0x7f);
        bytes
    };
    let small = |low: u8| {
        let mut bytes = [0; 32];
        bytes[0] = low;
        bytes
    };
    let order_8 = [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ];
    let order_8 = order_8.map(|digits| bytes_of(digits).try_into().unwrap());
    let rows: [([u8; 32], &str); 9] = [
        (small(0), "small_order"),
        (small(1), "small_order"),
        (field(0xec), "small_order"),
        (order_8[0], "small_order"),
        (order_8[1], "small_order"),
        (field(0xed), "not_canonical"),
        (field(0xee), "not_canonical"),
        (field(0xff), "not_canonical"),
        ([0xff; 32], "not_canonical"),
    ];
    for (point, expected) in rows {
        for sign in [0, 0x80] {
            let mut key = point;
            key[31] |= sign;
            assert_eq!(
                alone(&okp(&encode(&key), "")),
                (0, vec![expected]),
                "{key:?}"
            );
        }
    }
    // Not of small order: the generator (RFC 8032 §5.1).
    let mut generator = [0x66; 32];
    generator[0] = 0x58;
    assert_eq!(alone(&okp(&encode(&generator), "")), (1, vec![]));
}

#[test]
fn documents_that_are_no_sets() {
    let many = vec!["{}".to_owned(); MAX_KEYS + 1];
    let most = set(&vec!["{}".to_owned(); MAX_KEYS]);
    let mixed = set(&[oct(32, ""), okp(ED25519, "")]);
    let weak_mixed = set(&[oct(3, ""), okp(ED25519, "")]);
    let rows = [
        ("", "the key set is not JSON: ends too early, at byte 0"),
        ("[]", "the key set has no one array `keys`"),
        ("{}", "the key set has no one array `keys`"),
        (r#"{"keys":{}}"#, "the key set has no one array `keys`"),
        (
            r#"{"keys":[],"keys":[]}"#,
            "the key set has no one array `keys`",
        ),
        (
            "{\"keys\":[\"\u{1}\"]}",
            "the key set is not JSON: a control character in a text, at byte 10",
        ),
        (&set(&many), "the key set has more than 128 keys"),
        (
            &" ".repeat(MAX_KEY_SET_BYTES + 1),
            "the key set is longer than 512 KiB",
        ),
        (
            &mixed,
            "the key set holds secrets (`kty: oct`) beside public keys; keep them in two sets",
        ),
        (
            &weak_mixed,
            "the key set holds secrets (`kty: oct`) beside public keys; keep them in two sets",
        ),
    ];
    for (document, expected) in rows {
        let error = KeySet::load(document.as_bytes())
            .err()
            .map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some(expected));
    }
    assert_eq!(
        KeySet::load(most.as_bytes()).unwrap().problems().len(),
        MAX_KEYS
    );
    // Who publishes no key says that no token is good.
    assert!(KeySet::load(br#"{"keys":[]}"#).unwrap().is_empty());
    // A secret for something else than signatures mixes nothing.
    let apart = set(&[oct(32, r#","use":"enc""#), okp(ED25519, "")]);
    assert_eq!(KeySet::load(apart.as_bytes()).unwrap().len(), 1);
}

#[test]
fn one_bad_key_fails_no_other() {
    let document = set(&[
        okp("AAAA", r#","kid":"a""#),
        okp(ED25519, r#","kid":"b""#),
        "null".to_owned(),
    ]);
    let keys = KeySet::load(document.as_bytes()).unwrap();
    let problems: Vec<_> = keys.problems().iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "key 0 (a): it is not as long as its curve asks for",
            "key 2: it is not an object"
        ]
    );
    assert!(keys.len() == 1 && keys.problems().iter().all(KeyProblem::is_left_out));
}

#[test]
fn ids_choose_or_nothing_is_chosen() {
    let secret =
        |byte: u8, rest: &str| format!(r#"{{"kty":"oct","k":"{}"{rest}}}"#, encode(&[byte; 64]));
    let kid = |kid: &str| format!(r#","kid":"{kid}""#);
    let hs = |kid: &str, alg: &str| format!(r#","kid":"{kid}","alg":"{alg}""#);
    // Keys, problems as (index, slug), and how many may have signed: by id `a`, by id `z`, without.
    type Row = (Vec<String>, Vec<(usize, &'static str)>, [usize; 3]);
    let rows: Vec<Row> = vec![
        (
            vec![secret(1, &kid("a")), secret(2, &kid("b"))],
            vec![],
            [1, 0, 2],
        ),
        (vec![secret(1, ""), secret(2, &kid("a"))], vec![], [1, 1, 2]),
        (vec![secret(1, ""), secret(2, "")], vec![], [2, 2, 2]),
        (
            vec![
                secret(1, &kid("a")),
                secret(2, &kid("a")),
                secret(3, &kid("b")),
            ],
            vec![(0, "duplicate_kid"), (1, "duplicate_kid")],
            [0, 0, 1],
        ),
        (
            vec![secret(1, &kid("a")), secret(1, &kid("a"))],
            vec![(1, "same_key")],
            [1, 0, 1],
        ),
        (
            vec![secret(1, &hs("a", "HS256")), secret(2, &hs("a", "HS512"))],
            vec![],
            [1, 0, 1],
        ),
        (
            (1..5).map(|byte| secret(byte, "")).collect(),
            vec![],
            [4, 4, 4],
        ),
        (
            (1..6).map(|byte| secret(byte, "")).collect(),
            vec![],
            [0, 0, 0],
        ),
    ];
    for (keys, problems, counts) in rows {
        let loaded = KeySet::load(set(&keys).as_bytes()).unwrap();
        let found: Vec<_> = loaded
            .problems()
            .iter()
            .map(|problem| (problem.index(), problem.fault().slug()))
            .collect();
        assert_eq!(found, problems, "{keys:?}");
        let count = |kid: Option<&[u8]>| loaded.candidates(kid, Algorithm::Hs256).count();
        let counted = [count(Some(b"a")), count(Some(b"z")), count(None)];
        assert_eq!(counted, counts, "{keys:?}");
        assert_eq!(loaded.candidates(None, Algorithm::Rs256).count(), 0);
    }
}

/// RFC 7638 §3.1, RFC 8037 appendix A.3.
#[test]
fn thumbprints() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS\
             oc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65\
             YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyr\
             dkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK\
             nqDKgw";
    let rows = [
        (
            format!(r#"{{"kty":"RSA","alg":"RS256","kid":"2011-04-29","n":"{n}","e":"AQAB"}}"#),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        ),
        (
            okp(ED25519, ""),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        ),
    ];
    for (key, expected) in rows {
        let keys = KeySet::load(set(&[key]).as_bytes()).unwrap();
        let key = &keys.keys[0];
        assert_eq!(encode(&key.thumbprint), expected);
        assert!(keys.holds(key.digest()) && !keys.holds(&[0; 32]));
    }
}

/// Nothing of a key is in what is printed.
#[test]
fn keys_are_not_shown() {
    let secret = encode(b"a secret of thirty-two characters");
    let key = format!(r#"{{"kty":"oct","k":"{secret}"}},{{"kty":"oct","k":"{secret}="}}"#);
    let keys = KeySet::load(set(&[key]).as_bytes()).unwrap();
    let shown = format!("{keys:?} {:?}", KeyMaterial::Secret(secret.as_bytes()));
    assert!(
        !shown.contains(&secret) && shown.contains("BadEncoding"),
        "{shown}"
    );
    let error = KeySet::from_secret(b"hush").unwrap_err().to_string();
    assert_eq!(error, "the secret is shorter than 32 bytes");
    assert_eq!(KeySet::from_secret(&[1; 32]).unwrap().len(), 1);
}

/// A verifier that takes one algorithm only, and a signature for good if it is the message.
struct Echo;

impl SignatureVerifier for Echo {
    fn prepare(&self, algorithm: Algorithm, _: KeyMaterial<'_>) -> Option<Box<VerifySignature>> {
        let echo = |message: &[u8], signature: &[u8]| message == signature;
        (algorithm == Algorithm::Ps384).then(|| Box::new(echo) as Box<VerifySignature>)
    }
}

#[test]
fn another_verifier_in_its_place() {
    let document = set(&[
        rsa(&MODULUS, &[1, 0, 1], ""),
        rsa(&MODULUS[1..], &[1, 0, 1], ""),
        okp(ED25519, ""),
    ]);
    let keys = KeySet::load_with(document.as_bytes(), &Echo).unwrap();
    let problems = keys.problems().iter().map(|problem| problem.fault().slug());
    assert_eq!(problems.collect::<Vec<_>>(), ["rsa_too_short", "not_a_key"]);
    assert_eq!(keys.candidates(None, Algorithm::Rs256).count(), 0);
    let key = keys.candidates(None, Algorithm::Ps384).next().unwrap();
    assert!(key.verifies(Algorithm::Ps384, b"same", b"same"));
    assert!(!key.verifies(Algorithm::Ps384, b"same", b"other"));
    assert!(!key.verifies(Algorithm::Rs256, b"same", b"same"));
    assert!(
        KeySet::from_secret_with(&[1; 32], &Echo)
            .unwrap()
            .is_empty()
    );
}

/// The bundles of go-spiffe: how many keys for tokens each has, and what is wrong with it.
#[test]
fn spiffe_bundles() {
    /// Loaded keys, and the problems as (index, slug); none for a document that is refused.
    type Verdict = Option<(usize, &'static [(usize, &'static str)])>;
    let rows: [(&str, Verdict); 8] = [
        ("jwks_valid_1.json", Some((1, &[]))),
        ("jwks_valid_2.json", Some((2, &[]))),
        // Not a bundle that says so: RFC 7517 lets a key be without an id.
        ("jwks_missing_kid.json", Some((2, &[]))),
        ("spiffebundle_valid_1.json", Some((1, &[]))),
        ("spiffebundle_valid_2.json", Some((6, &[]))),
        (
            "spiffebundle_missing_kid.json",
            Some((0, &[(1, "missing_kid")])),
        ),
        (
            "spiffebundle_multiple_x509.json",
            Some((1, &[(0, "wrong_certificates")])),
        ),
        ("spiffebundle_no_keys.json", None),
    ];
    let Some(folder) = vectors::folder("spiffe", rows.len()) else {
        return;
    };
    for (name, expected) in rows {
        let loaded = KeySet::load(&std::fs::read(folder.join(name)).unwrap());
        let found = loaded.map(|keys| {
            let problems = keys.problems().iter();
            let problems: Vec<_> = problems
                .map(|problem| (problem.index(), problem.fault().slug()))
                .collect();
            (keys.len(), problems)
        });
        let expected = expected.map(|(count, problems)| (count, problems.to_vec()));
        assert_eq!(found.ok(), expected, "{name}");
    }
}

fn bytes_of(hexadecimal: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap();
    let pairs = hexadecimal.as_bytes().chunks(2);
    let bytes: Vec<u8> = pairs
        .map(|pair| u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).unwrap())
        .collect();
    assert_eq!(self::hexadecimal(&bytes), hexadecimal);
    bytes
}
