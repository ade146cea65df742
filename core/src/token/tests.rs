//! What an inspection says, and what it never says.

use super::*;
use crate::Source;
use crate::base64url::encode;
use crate::crypto::hmac_sha256;

const SECRET: [u8; 32] = [7; 32];
const NOW: i64 = 1_790_000_000;

fn keys() -> KeySet {
    let secret = encode(&SECRET);
    let set = format!(r#"{{"keys":[{{"kty":"oct","kid":"k1","k":"{secret}"}}]}}"#);
    KeySet::load(set.as_bytes()).unwrap()
}

fn token(header: &str, claims: &str) -> String {
    let signed = format!(
        "{}.{}",
        encode(header.as_bytes()),
        encode(claims.as_bytes())
    );
    let tag = hmac_sha256(&SECRET, signed.as_bytes());
    format!("{signed}.{}", encode(&tag))
}

const HEADER: &str = r#"{"alg":"HS256","kid":"k1"}"#;

fn claims(rest: &str) -> String {
    format!(
        r#"{{"iss":"https://login.example/","exp":{}{rest}}}"#,
        NOW + 60
    )
}

fn rules() -> Rules {
    Rules::new("https://login.example/").algorithms(["HS256"])
}

#[test]
fn steps() {
    let token = token(HEADER, &claims(r#","aud":["api",7],"nbf":1789999000"#));
    let rules = rules().audience(["api"]).leeway_ms(5_000);
    let inspection = inspect(token.as_bytes(), &rules, &keys(), NOW * 1_000);
    let expected = "\
ok      form        three parts, 190 bytes
ok      algorithm   HS256; allowed: HS256
ok      type        none; allowed: jwt, at+jwt, none
ok      key         kid \"k1\": a key of the set may have signed it
ok      signature   made with the key \"k1\"
ok      issuer      \"https://login.example/\"; expected \"https://login.example/\"
FAILED  audience    [\"api\", 7]; expected one of api
ok      expiry      2026-09-21T14:14:20Z, in 60s; leeway 5s
ok      not_before  2026-09-21T13:56:40Z, 1000s ago; leeway 5s
ok      issued_at   absent
ok      lifetime    no longest life is declared
ok      required    nothing
ok      expected    nothing
ok      binding     to no key
refused: wrong_audience";
    assert_eq!(inspection.to_string(), expected);
    let json = serde_json::to_value(&inspection).unwrap();
    assert_eq!(json["accepted"], false);
    assert_eq!(json["detail"], "wrong_audience");
    assert_eq!(json["steps"][6]["outcome"], "failed");
    assert_eq!(json["steps"][6]["detail"], "wrong_audience");
    assert_eq!(json["steps"][7]["detail"], serde_json::Value::Null);
}

/// The first failure counts, what follows is asked all the same, and `verify` says the same.
#[test]
fn an_inspection_and_a_check_agree() {
    let good = claims("");
    let rows: Vec<(String, Option<&str>, &[&str])> = vec![
        (token(HEADER, &good), None, &[]),
        (
            token(HEADER, r#"{"iss":7}"#),
            Some("wrong_issuer"),
            &["issuer", "expiry"],
        ),
        (
            token(r#"{"alg":"HS256","kid":"k2"}"#, &good),
            Some("unknown_key"),
            &["key"],
        ),
        (
            token(r#"{"alg":"HS512","kid":"k1"}"#, &good),
            Some("bad_algorithm"),
            &["algorithm", "key"],
        ),
        (
            token(r#"{"alg":"HS256","typ":"x"}"#, &good),
            Some("wrong_type"),
            &["type"],
        ),
        (token(HEADER, &good) + "AA", Some("malformed"), &["form"]),
        (
            token(HEADER, &good).replace('.', ".AA"),
            Some("malformed"),
            &["form"],
        ),
        (token(HEADER, "[]"), Some("malformed"), &["form"]),
        (
            token(HEADER, &claims(r#","cnf":{"jkt":"x"}"#)),
            Some("dpop_bound"),
            &["binding"],
        ),
    ];
    for (token, detail, failed) in rows {
        let inspection = inspect(token.as_bytes(), &rules(), &keys(), NOW * 1_000);
        let steps = inspection.steps().iter();
        let found: Vec<_> = steps
            .filter(|step| step.outcome() == Outcome::Failed)
            .map(Step::name)
            .collect();
        assert_eq!(found, failed, "{inspection}");
        assert_eq!(inspection.detail(), detail, "{inspection}");
        let verified = verify(token.as_bytes(), &rules(), &keys(), NOW * 1_000);
        assert_eq!(verified.err().map(Refused::detail), detail);
        assert_eq!(inspection.accepted(), detail.is_none());
    }
}

#[test]
fn what_is_never_said() {
    let long = "x".repeat(1_000);
    let tokens = [
        token(HEADER, &claims("")),
        token(
            HEADER,
            &claims(&format!(r#","aud":"{long}","cnf":{{"{long}":1}}"#)),
        ),
        token(r#"{"alg":"HS256","kid":"\u001b[31m\n"}"#, &claims("")),
        token(HEADER, &claims("")) + ".x",
        token(HEADER, &claims("")).replace("eyJ", "ey?"),
    ];
    for token in tokens {
        let signature = token.split('.').nth(2).unwrap();
        let rules = rules().audience(["api"]);
        let inspection = inspect(token.as_bytes(), &rules, &keys(), NOW * 1_000);
        let json = serde_json::to_string(&inspection).unwrap();
        let said = format!("{inspection}{inspection:?}{json}");
        for hidden in [signature, &encode(&SECRET), &long, "\u{1b}"] {
            assert!(!said.contains(hidden), "{said}");
        }
    }
}

#[test]
fn rules_of_a_policy() {
    let text = br#"
gatelet: 1
identity:
  issuers:
    login:
      issuer: https://login.example/
      audience: [api]
      algorithms: [HS256]
      keys: { file: login.jwks.json }
      principal: { id: [sub] }
    partner:
      issuer: https://partner.example/
      audience: [api]
      algorithms: [ES256]
      keys: { file: partner.jwks.json }
      principal: { id: [sub] }
"#;
    let policy = Policy::load(&[Source::new("shop.yaml", text)]).unwrap();
    let token = token(HEADER, &claims(r#","aud":"api","sub":"dana""#));
    let said: Vec<_> = Rules::of_policy(&policy)
        .map(|(name, rules)| {
            let verified = verify(token.as_bytes(), &rules, &keys(), NOW * 1_000);
            let detail = verified.err().map(Refused::detail);
            (name.to_owned(), rules.speak_of(token.as_bytes()), detail)
        })
        .collect();
    assert_eq!(
        said,
        [
            ("login".to_owned(), true, None),
            ("partner".to_owned(), false, Some("bad_algorithm")),
        ]
    );
}
