//! What is refused although it is signed by a key of the issuer.

use super::*;
use crate::program::identity::{ClaimPath, Expectation};
use Refusal::*;

const HEADER: &str = r#"{"alg":"ES256","kid":"p256","typ":"JWT"}"#;

/// Claims that are good, with one member of another value, or without it.
fn payload(name: &str, value: Option<&str>) -> String {
    let (exp, iat) = (NOW + 600, NOW - 60);
    let mut members = vec![
        ("iss", r#""https://login.example/""#.to_owned()),
        ("aud", r#""api""#.to_owned()),
        ("exp", exp.to_string()),
        ("iat", iat.to_string()),
        ("nbf", iat.to_string()),
        ("sub", r#""dana""#.to_owned()),
    ];
    members.retain(|(known, _)| *known != name);
    if let Some(value) = value {
        members.push((name, value.to_owned()));
    }
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!(r#""{name}":{value}"#))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn good() -> String {
    payload("", None)
}

/// What becomes of a token, by the rules of most tests, changed.
fn outcome<'a>(token: &str, change: impl FnOnce(&mut TokenRules<'a>)) -> Option<Refusal> {
    let mut rules = rules();
    change(&mut rules);
    let keys = if rules.algorithms.has(Algorithm::Hs256) {
        &*SECRETS
    } else {
        &*KEYS
    };
    verify(token, &rules, keys).err()
}

fn plain(token: &str) -> Option<Refusal> {
    outcome(token, |_| ())
}

#[test]
fn every_algorithm_verifies_and_a_flipped_bit_does_not() {
    let kinds = [
        (Algorithm::Hs256, "oct"),
        (Algorithm::Hs384, "oct"),
        (Algorithm::Hs512, "oct"),
        (Algorithm::Rs256, "rsa"),
        (Algorithm::Rs384, "rsa"),
        (Algorithm::Rs512, "rsa"),
        (Algorithm::Ps256, "rsa"),
        (Algorithm::Ps384, "rsa"),
        (Algorithm::Ps512, "rsa"),
        (Algorithm::Es256, "p256"),
        (Algorithm::Es384, "p384"),
        (Algorithm::Es512, "p521"),
        (Algorithm::EdDsa, "ed25519"),
    ];
    for (algorithm, kid) in kinds {
        let header = format!(r#"{{"alg":"{}","kid":"{kid}"}}"#, algorithm.name());
        let token = token(algorithm, header.as_bytes(), good().as_bytes());
        let only = |rules: &mut TokenRules<'_>| {
            rules.algorithms = AlgorithmSet::default().with(algorithm);
            if algorithm.is_symmetric() {
                rules.algorithms = rules.algorithms.with(Algorithm::Hs256);
            }
        };
        assert_eq!(outcome(&token, only), None, "{algorithm:?}");
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let forged = format!("{signed}.{first}{}", &signature[1..]);
        assert_eq!(outcome(&forged, only), Some(BadSignature), "{algorithm:?}");
        let bytes = crate::base64url::decode(signature.as_bytes()).unwrap();
        let short = format!("{signed}.{}", encode(&bytes[1..]));
        assert_eq!(outcome(&short, only), Some(BadSignature), "{algorithm:?}");
    }
    let name = token(
        Algorithm::EdDsa,
        br#"{"alg":"Ed25519","kid":"ed25519"}"#,
        good().as_bytes(),
    );
    assert_eq!(plain(&name), None);
}

const HEADERS: &[(&str, Option<Refusal>)] = &[
    (HEADER, None),
    (r#"{"alg":"ES256","kid":"p256"}"#, None),
    (r#"{"alg":"ES256"}"#, None),
    (r#"{"alg":"ES256","kid":"p256","typ":"at+jwt"}"#, None),
    (
        r#"{"alg":"ES256","kid":"p256","typ":"application/AT+JWT"}"#,
        None,
    ),
    (
        r#"{"alg":"ES256","kid":"p256","x5t":"AAAA","other":[1]}"#,
        None,
    ),
    (r#"{"alg":"ES256","kid":"p256","b64":true}"#, None),
    // Types.
    (
        r#"{"alg":"ES256","kid":"p256","typ":"dpop+jwt"}"#,
        Some(WrongType),
    ),
    (
        r#"{"alg":"ES256","kid":"p256","typ":"logout+jwt"}"#,
        Some(WrongType),
    ),
    (
        r#"{"alg":"ES256","kid":"p256","typ":"application/json"}"#,
        Some(WrongType),
    ),
    (r#"{"alg":"ES256","kid":"p256","typ":""}"#, Some(WrongType)),
    (r#"{"alg":"ES256","kid":"p256","typ":7}"#, Some(Malformed)),
    (
        r#"{"alg":"ES256","kid":"p256","typ":null}"#,
        Some(Malformed),
    ),
    (
        r#"{"alg":"ES256","kid":"p256","cty":"JWT"}"#,
        Some(WrongType),
    ),
    // Extensions, and keys brought along.
    (
        r#"{"alg":"ES256","kid":"p256","crit":["exp"]}"#,
        Some(UnsupportedHeader),
    ),
    (
        r#"{"alg":"ES256","kid":"p256","crit":[]}"#,
        Some(UnsupportedHeader),
    ),
    (
        r#"{"alg":"ES256","kid":"p256","crit":["b64"],"b64":false}"#,
        Some(UnsupportedHeader),
    ),
    (
        r#"{"alg":"ES256","kid":"p256","crit":["b64"],"b64":true}"#,
        Some(UnsupportedHeader),
    ),
    (
        r#"{"alg":"ES256","kid":"p256","b64":false}"#,
        Some(UnsupportedHeader),
    ),
    (
        r#"{"alg":"ES256","kid":"p256","b64":"true"}"#,
        Some(UnsupportedHeader),
    ),
    (
        r#"{"alg":"ES256","kid":"p256","zip":"DEF"}"#,
        Some(UnsupportedHeader),
    ),
    (
        r#"{"alg":"ES256","kid":"p256","enc":"A256GCM"}"#,
        Some(UnsupportedHeader),
    ),
    (
        r#"{"alg":"ES256","kid":"p256","jku":"https://evil.example"}"#,
        Some(UnsupportedHeader),
    ),
    (
        r#"{"alg":"ES256","kid":"p256","x5u":"https://evil.example"}"#,
        Some(UnsupportedHeader),
    ),
    (
        r#"{"alg":"ES256","kid":"p256","jwk":{}}"#,
        Some(UnsupportedHeader),
    ),
    (
        r#"{"alg":"ES256","kid":"p256","x5c":["AAAA"]}"#,
        Some(UnsupportedHeader),
    ),
    // Algorithms.
    (r#"{"alg":"none","kid":"p256"}"#, Some(BadAlgorithm)),
    (r#"{"alg":"es256","kid":"p256"}"#, Some(BadAlgorithm)),
    (r#"{"alg":"ES256 ","kid":"p256"}"#, Some(BadAlgorithm)),
    (r#"{"alg":"","kid":"p256"}"#, Some(BadAlgorithm)),
    (r#"{"alg":"A256KW","kid":"p256"}"#, Some(BadAlgorithm)),
    (r#"{"alg":"HS256","kid":"p256"}"#, Some(BadAlgorithm)),
    (r#"{"alg":"RS256","kid":"p256"}"#, Some(BadAlgorithm)),
    (r#"{"alg":"ES384","kid":"p256"}"#, Some(BadAlgorithm)),
    (r#"{"alg":["ES256"],"kid":"p256"}"#, Some(Malformed)),
    (r#"{"kid":"p256"}"#, Some(Malformed)),
    // Ids.
    (r#"{"alg":"ES256","kid":"P256"}"#, Some(UnknownKey)),
    (r#"{"alg":"ES256","kid":""}"#, Some(UnknownKey)),
    (r#"{"alg":"ES256","kid":"../p256"}"#, Some(UnknownKey)),
    (r#"{"alg":"ES256","kid":"p256\u0000"}"#, Some(UnknownKey)),
    (r#"{"alg":"ES256","kid":7}"#, Some(Malformed)),
    (r#"{"alg":"ES256","kid":null}"#, Some(Malformed)),
    (r#"{"alg":"ES384","kid":"p384"}"#, Some(BadSignature)),
    // JSON.
    (
        r#"{"alg":"ES256","alg":"ES256","kid":"p256"}"#,
        Some(Malformed),
    ),
    (
        r#"{"alg":"ES256","kid":"p256","\u006bid":"p256"}"#,
        Some(Malformed),
    ),
    (
        r#"{"alg":"ES256","kid":"p256","x":{"y":1,"y":1}}"#,
        Some(Malformed),
    ),
    (r#"{"alg":"ES256","kid":"\ud800"}"#, Some(Malformed)),
    (r#"{"alg":"ES256","kid":"p256"} x"#, Some(Malformed)),
    (
        "\u{feff}{\"alg\":\"ES256\",\"kid\":\"p256\"}",
        Some(Malformed),
    ),
    (r#"[{"alg":"ES256"}]"#, Some(Malformed)),
    (r#""ES256""#, Some(Malformed)),
    ("", Some(Malformed)),
];

#[test]
fn headers() {
    for (header, expected) in HEADERS {
        let token = token(Algorithm::Es256, header.as_bytes(), good().as_bytes());
        assert_eq!(plain(&token), *expected, "{header}");
    }
    // Explicit types only: a token without one is none of them.
    let explicit = texts(&["at+jwt"]);
    for (header, expected) in [
        (r#"{"alg":"ES256","typ":"at+jwt"}"#, None),
        (r#"{"alg":"ES256"}"#, Some(WrongType)),
        (HEADER, Some(WrongType)),
    ] {
        let token = token(Algorithm::Es256, header.as_bytes(), good().as_bytes());
        let found = outcome(&token, |rules| rules.typ = &explicit);
        assert_eq!(found, expected, "{header}");
    }
}

/// A claim, its value, and what becomes of the token.
type Row = (&'static str, Option<String>, Option<Refusal>);

fn hold(rows: Vec<Row>) {
    for (name, value, expected) in rows {
        let payload = payload(name, value.as_deref());
        let token = token(Algorithm::Es256, HEADER.as_bytes(), payload.as_bytes());
        assert_eq!(plain(&token), expected, "{payload}");
    }
}

#[test]
fn audiences_and_issuers() {
    let text = str::to_owned;
    hold(vec![
        ("", None, None),
        // Audience.
        ("aud", Some(text(r#"["x","api"]"#)), None),
        ("aud", None, Some(WrongAudience)),
        ("aud", Some(text("null")), Some(WrongAudience)),
        ("aud", Some(text("7")), Some(WrongAudience)),
        ("aud", Some(text(r#"{"api":1}"#)), Some(WrongAudience)),
        ("aud", Some(text(r#"["api",7]"#)), Some(WrongAudience)),
        ("aud", Some(text(r#"[7,"api"]"#)), Some(WrongAudience)),
        ("aud", Some(text(r#"["api",["api"]]"#)), Some(WrongAudience)),
        ("aud", Some(text("[]")), Some(WrongAudience)),
        ("aud", Some(text(r#""api2""#)), Some(WrongAudience)),
        ("aud", Some(text(r#""API""#)), Some(WrongAudience)),
        ("aud", Some(text(r#""api other""#)), Some(WrongAudience)),
        // Issuer.
        ("iss", None, Some(WrongIssuer)),
        ("iss", Some(text("7")), Some(WrongIssuer)),
        (
            "iss",
            Some(text(r#"["https://login.example/"]"#)),
            Some(WrongIssuer),
        ),
        (
            "iss",
            Some(text(r#""https://login.example""#)),
            Some(WrongIssuer),
        ),
        (
            "iss",
            Some(text(r#""https://LOGIN.example/""#)),
            Some(WrongIssuer),
        ),
    ]);
}

#[test]
fn times() {
    let text = str::to_owned;
    let at = |offset: i64| (NOW + offset).to_string();
    hold(vec![
        // Times.
        ("exp", None, Some(MissingClaim)),
        ("exp", Some(text("null")), Some(Malformed)),
        ("exp", Some(format!("\"{}\"", NOW + 600)), Some(Malformed)),
        ("exp", Some(text("1e999")), Some(Malformed)),
        ("exp", Some(text("-1")), Some(Malformed)),
        ("exp", Some(text("[]")), Some(Malformed)),
        ("exp", Some(at(-59)), None),
        ("exp", Some(at(-60)), Some(Expired)),
        ("exp", Some(format!("{}.001", NOW - 60)), None),
        ("exp", Some(at(-61)), Some(Expired)),
        ("exp", Some(text("0")), Some(Expired)),
        ("nbf", None, None),
        ("nbf", Some(at(60)), None),
        ("nbf", Some(at(61)), Some(NotYetValid)),
        ("nbf", Some(text("\"0\"")), Some(Malformed)),
        ("nbf", Some(text("true")), Some(Malformed)),
        ("iat", None, None),
        ("iat", Some(at(60)), None),
        ("iat", Some(at(61)), Some(IssuedInFuture)),
        ("iat", Some(text("{}")), Some(Malformed)),
    ]);
}

#[test]
fn bindings_and_documents() {
    let text = str::to_owned;
    hold(vec![
        // Possession.
        ("cnf", Some(text(r#"{"jkt":"x"}"#)), Some(DpopBound)),
        (
            "cnf",
            Some(text(r#"{"x5t#S256":"x","jkt":"x"}"#)),
            Some(DpopBound),
        ),
        ("cnf", Some(text(r#"{"x5t#S256":"AAAA"}"#)), Some(Malformed)),
        ("cnf", Some(text(r#"{"x5t#S256":7}"#)), Some(Malformed)),
        ("cnf", Some(text(r#"{"jwk":{}}"#)), Some(UnsupportedBinding)),
        ("cnf", Some(text("7")), Some(Malformed)),
        // JSON.
        ("a", Some(text(r#"1,"a":1"#)), Some(Malformed)),
        ("a", Some(text(r#"1,"\u0061":1"#)), Some(Malformed)),
        ("a", Some(text(r#"[{"b":{"c":1,"c":1}}]"#)), Some(Malformed)),
        ("a", Some(text(r#""\udc00""#)), Some(Malformed)),
        ("a", Some(text("01")), Some(Malformed)),
        ("a", Some("[".repeat(32) + &"]".repeat(32)), Some(Malformed)),
    ]);
    let whole: [(&[u8], _); 4] = [
        (b"\xef\xbb\xbf{}", Malformed),
        (b"{\"a\":\"\xff\"}", Malformed),
        (b"[]", Malformed),
        (b"foo", Malformed),
    ];
    for (payload, expected) in whole {
        let token = token(Algorithm::Es256, HEADER.as_bytes(), payload);
        assert_eq!(plain(&token), Some(expected), "{payload:?}");
    }
}

#[test]
fn rules_of_an_issuer() {
    let path = |names: &[&str]| ClaimPath(texts(names).into());
    let signed = |payload: &str| token(Algorithm::Es256, HEADER.as_bytes(), payload.as_bytes());
    let expectation = |names: &[&str], one_of: &[&str]| {
        [Expectation {
            claim: path(names),
            one_of: texts(one_of).into(),
        }]
    };
    // Claims that have to be there.
    let required = [path(&["tenant"]), path(&["a.b", "c"])];
    let cases = [
        (r#""acme","a.b":{"c":0}"#, None),
        (r#""acme","a":{"b":{"c":0}}"#, Some(MissingClaim)),
        (r#"null,"a.b":{"c":0}"#, Some(MissingClaim)),
    ];
    for (tenant, expected) in cases {
        let token = signed(&payload("tenant", Some(tenant)));
        let found = outcome(&token, |rules| rules.required = &required);
        assert_eq!(found, expected, "{tenant}");
    }
    // Claims that have to be something.
    let expect = expectation(&["use"], &["access", "true", "1"]);
    let cases = [
        (Some("\"access\""), None),
        (Some("true"), None),
        (Some("1"), None),
        (Some("\"id\""), Some(UnexpectedClaim)),
        (Some("false"), Some(UnexpectedClaim)),
        (Some("1.0"), Some(UnexpectedClaim)),
        (Some("[\"access\"]"), Some(UnexpectedClaim)),
        (Some("null"), Some(MissingClaim)),
        (None, Some(MissingClaim)),
    ];
    for (value, expected) in cases {
        let token = signed(&payload("use", value));
        let found = outcome(&token, |rules| rules.expect = &expect);
        assert_eq!(found, expected, "{value:?}");
    }
}

#[test]
fn lifetimes_and_other_audiences() {
    let signed = |payload: &str| token(Algorithm::Es256, HEADER.as_bytes(), payload.as_bytes());
    // How long it lives, from `iat` or from now.
    let cases = [
        (payload("", None), Some(660_000), None),
        (payload("", None), Some(659_999), Some(LifetimeTooLong)),
        (payload("iat", None), Some(600_000), None),
        (payload("iat", None), Some(599_999), Some(LifetimeTooLong)),
    ];
    for (payload, longest, expected) in cases {
        let found = outcome(&signed(&payload), |rules| rules.max_lifetime_ms = longest);
        assert_eq!(found, expected, "{payload} {longest:?}");
    }
    let endless = signed(&payload("exp", None));
    let lenient = |longest| {
        outcome(&endless, |rules| {
            (rules.require_exp, rules.max_lifetime_ms) = (false, longest);
        })
    };
    assert_eq!(lenient(None), None);
    assert_eq!(lenient(Some(i64::MAX - 1)), Some(LifetimeTooLong));
    // An audience that stands elsewhere, and none.
    let client = texts(&["client_id"]);
    let token = signed(&payload("client_id", Some("\"other\"")));
    assert_eq!(
        outcome(&token, |rules| rules.audience_claim = &client),
        None
    );
    let token = signed(&payload("client_id", Some("\"api2\"")));
    let found = outcome(&token, |rules| rules.audience_claim = &client);
    assert_eq!(found, Some(WrongAudience));
    let token = signed(&payload("aud", None));
    assert_eq!(outcome(&token, |rules| rules.audience = &[]), None);
}

#[test]
fn subjects_of_a_trust_domain() {
    let rows = [
        (Some(r#""spiffe://prod.example/ns/pos""#), None),
        (Some(r#""spiffe://prod.example""#), None),
        (
            Some(r#""spiffe://prod.example.evil/ns""#),
            Some(WrongIssuer),
        ),
        (Some(r#""spiffe://prod.example:443/ns""#), Some(Malformed)),
        (Some(r#""https://prod.example/ns""#), Some(Malformed)),
        (Some(r#"["spiffe://prod.example/ns"]"#), Some(Malformed)),
        (None, Some(MissingClaim)),
    ];
    for (subject, expected) in rows {
        let payload = payload("sub", subject);
        let token = token(Algorithm::Es256, HEADER.as_bytes(), payload.as_bytes());
        let domain = |rules: &mut TokenRules<'_>| {
            rules.signer = Signer::TrustDomain("prod.example");
        };
        assert_eq!(outcome(&token, domain), expected, "{subject:?}");
    }
}

#[test]
fn forms() {
    let good = token(Algorithm::Es256, HEADER.as_bytes(), good().as_bytes());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, body) = signed.split_once('.').unwrap();
    // 64 bytes are 85 characters and a last one of which four bits count for nothing.
    let last = signature.chars().last().unwrap();
    let other = char::from(last as u8 + 1);
    let loose = format!("{signed}.{}{other}", &signature[..signature.len() - 1]);
    let rows = [
        (String::new(), Malformed),
        (".".to_owned(), Malformed),
        ("..".to_owned(), Malformed),
        (signed.to_owned(), Malformed),
        (format!("{good}."), Malformed),
        (format!("{good}.{signature}.{signature}"), Malformed),
        (format!("{good}="), Malformed),
        (format!("{header}=.{body}.{signature}"), Malformed),
        (format!(" {good}"), Malformed),
        (format!("{good}\n"), Malformed),
        (format!("{signed}.{}?", &signature[1..]), Malformed),
        (format!("{signed}.+{}", &signature[1..]), Malformed),
        (format!("{signed}.{signature}A"), BadSignature),
        (format!("{signed}.{signature}AAA"), Malformed),
        (loose, Malformed),
        (format!("{signed}."), BadSignature),
        (format!("{header}.e30.{signature}"), BadSignature),
        (format!("{body}.{header}.{signature}"), Malformed),
        (
            "{\"payload\":\"e30\",\"signatures\":[]}".to_owned(),
            Malformed,
        ),
        ("a".repeat(8 << 10), Malformed),
        ("a".repeat((8 << 10) + 1), Oversize),
    ];
    for (token, expected) in rows {
        assert_eq!(plain(&token), Some(expected), "{token}");
    }
    assert_eq!(plain(&good), None);
}

/// A public key is never taken for a secret: the confusion of RS256 with HS256.
#[test]
fn a_public_key_is_no_secret() {
    let public = rsa_jwk("rsa", "");
    for secret in [public.as_bytes(), SIGNERS.rsa.public_key().as_ref()] {
        let signed = format!(
            "{}.{}",
            encode(br#"{"alg":"HS256","kid":"rsa"}"#),
            encode(good().as_bytes())
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&key, signed.as_bytes());
        let token = format!("{signed}.{}", encode(tag.as_ref()));
        assert_eq!(plain(&token), Some(BadAlgorithm));
        let both = AlgorithmSet::ASYMMETRIC.with(Algorithm::Hs256);
        let mut rules = rules();
        rules.algorithms = both;
        assert_eq!(verify(&token, &rules, &KEYS).err(), Some(BadAlgorithm));
        assert_eq!(verify(&token, &rules, &SECRETS).err(), Some(UnknownKey));
    }
}

/// What is said before a signature has been checked is good for choosing only.
#[test]
fn hints() {
    let good = token(Algorithm::Es256, HEADER.as_bytes(), good().as_bytes());
    let opened = jwt::open(good.as_bytes()).unwrap();
    assert_eq!(opened.issuer_hint(), Some(&b"https://login.example/"[..]));
    assert_eq!(opened.subject_hint(), Some(&b"dana"[..]));
    assert_eq!(
        (opened.kid(), opened.typ()),
        (Some(&b"p256"[..]), Some(&b"JWT"[..]))
    );
    assert_eq!(opened.algorithm(), Algorithm::Es256);
    let signer = Signer::Issuer("https://login.example/");
    assert_eq!(opened.key_is_known(&KEYS, signer), Ok(()));
    assert_eq!(opened.key_is_known(&SECRETS, signer), Err(UnknownKey));
}
