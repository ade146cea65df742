//! What is remembered of a credential says no more than the credential would at first sight.

use super::mint::{START_MS, Standing, bearing, engine, issuer, jwks, keys, load, token, told};
use crate::{Keys, Origin, Revocation, Revoked};

fn policy(attributes: &str) -> String {
    let principal = "{ id: [sub], roles: { from: [[roles]], only: [clerk] }, attributes: { tenant: [tid], plan: [plan] } }";
    format!(
        "gatelet: 1\nidentity:\n  issuers:\n{}{}attributes: {attributes}\nroles: {{ clerk: {{}} }}\nrules:\n  \
         any: {{ effect: allow, match: {{ path: /any }} }}\n  \
         acme: {{ effect: allow, match: {{ path: /acme, attr: {{ tenant: acme }} }} }}\n  \
         clerks: {{ effect: allow, match: {{ path: /clerks, roles: [clerk] }} }}\n",
        issuer("login", principal),
        issuer("partner", principal),
    )
}

const ATTRIBUTES: &str = "{ tenant: { of: principal, type: string, optional: true }, plan: { of: principal, type: string, optional: true } }";
const PERMUTED: &str = "{ plan: { of: principal, type: string, optional: true }, tenant: { of: principal, type: string, optional: true } }";

fn both() -> Keys {
    keys("login.json", &[0, 1]).with(Origin::file("partner.json"), jwks(&[2]))
}

const ALLOWED: (&str, Option<&str>) = ("allowed", None);

fn invalid(detail: &'static str) -> (&'static str, Option<&'static str>) {
    ("credential_invalid", Some(detail))
}

#[test]
fn each_token_is_its_own_principal() {
    let engine = engine(&policy(ATTRIBUTES), both(), &Standing::new());
    let mut scratch = engine.scratch();
    let tokens = [
        ("login", "dana", "acme", 0),
        ("login", "dana", "globex", 0),
        ("partner", "dana", "acme", 2),
        ("login", "lee", "acme", 1),
    ];
    let made = tokens.map(|(issuer, sub, tid, key)| {
        let claims = format!("\"sub\":\"{sub}\",\"tid\":\"{tid}\"");
        token(&format!("{issuer}.example"), &claims, key)
    });
    for _ in 0..3 {
        for ((issuer, sub, tid, _), token) in tokens.iter().zip(&made) {
            let request = bearing("/acme", token);
            let decision = engine.decide(&mut scratch, &request);
            assert_eq!(decision.allowed(), *tid == "acme");
            let who = Some((issuer.as_bytes(), sub.as_bytes()));
            assert_eq!(decision.principal(), who);
        }
    }
    assert_eq!(engine.token_counts().entries, 4);
    // What one issuer signed is not another's, whatever stands in it.
    for (issuer, key, detail) in [("partner", 0, "unknown_key"), ("login", 2, "unknown_key")] {
        let token = token(&format!("{issuer}.example"), "\"sub\":\"dana\"", key);
        let request = bearing("/any", &token);
        assert_eq!(
            told(&engine.decide(&mut scratch, &request)),
            invalid(detail)
        );
    }
}

#[test]
fn time_is_asked_on_every_hit() {
    let clock = Standing::new();
    let engine = engine(&policy(ATTRIBUTES), both(), &clock);
    let mut scratch = engine.scratch();
    let token = token("login.example", "\"sub\":\"dana\"", 0);
    let request = bearing("/any", &token);
    // An hour, and a minute of leeway.
    for (forward, expected) in [
        (0, ALLOWED),
        (3_660_000 - 1, ALLOWED),
        (1, invalid("expired")),
    ] {
        clock.forward(forward);
        assert_eq!(told(&engine.decide(&mut scratch, &request)), expected);
        assert_eq!(
            told(&engine.decide(&mut engine.scratch(), &request)),
            expected
        );
    }
    clock.forward(-3_600_000);
    // Time never goes back.
    assert_eq!(
        told(&engine.decide(&mut scratch, &request)),
        invalid("expired")
    );
}

#[test]
fn a_key_that_is_gone_takes_its_tokens_along() {
    let engine = engine(&policy(ATTRIBUTES), both(), &Standing::new());
    let mut scratch = engine.scratch();
    let token = token("login.example", "\"sub\":\"dana\"", 0);
    let request = bearing("/any", &token);
    let steps: [(&[usize], _); 4] = [
        (&[0], ALLOWED),
        (&[1], invalid("unknown_key")),
        (&[1, 0], ALLOWED),
        (&[], invalid("unknown_key")),
    ];
    for (secrets, expected) in steps {
        engine.install_keys(keys("login.json", secrets)).unwrap();
        assert_eq!(told(&engine.decide(&mut scratch, &request)), expected);
        assert_eq!(
            told(&engine.decide(&mut engine.scratch(), &request)),
            expected
        );
    }
    let broken = Keys::new().with(Origin::file("login.json"), "{");
    engine.install_keys(keys("login.json", &[0])).unwrap();
    let error = engine.install_keys(broken).unwrap_err().to_string();
    assert!(error.contains("login.json"), "{error}");
    assert_eq!(told(&engine.decide(&mut scratch, &request)), ALLOWED);
}

#[test]
fn another_policy_reads_the_same_token_anew() {
    let engine = engine(&policy(ATTRIBUTES), both(), &Standing::new());
    let mut scratch = engine.scratch();
    let token = token(
        "login.example",
        "\"sub\":\"dana\",\"tid\":\"acme\",\"plan\":\"pro\"",
        0,
    );
    let request = bearing("/acme", &token);
    for attributes in [ATTRIBUTES, PERMUTED, ATTRIBUTES] {
        engine.install(load(&policy(attributes))).unwrap();
        for _ in 0..2 {
            assert_eq!(told(&engine.decide(&mut scratch, &request)), ALLOWED);
        }
    }
    let swapped =
        policy(ATTRIBUTES).replace("tenant: [tid], plan: [plan]", "tenant: [plan], plan: [tid]");
    engine.install(load(&swapped)).unwrap();
    assert_eq!(
        told(&engine.decide(&mut scratch, &request)).0,
        "not_permitted"
    );
    let stricter = policy(ATTRIBUTES).replace("audience: [shop]", "audience: [other]");
    engine.install(load(&stricter)).unwrap();
    assert_eq!(
        told(&engine.decide(&mut scratch, &request)),
        invalid("wrong_audience")
    );
}

#[test]
fn what_is_revoked_is_revoked_on_a_hit() {
    let engine = engine(&policy(ATTRIBUTES), both(), &Standing::new());
    let mut scratch = engine.scratch();
    let token = token("login.example", "\"sub\":\"dana\",\"jti\":\"t1\"", 0);
    let request = bearing("/any", &token);
    let jti = |provider: &str, jti: &str| Revocation::Token {
        provider: provider.into(),
        jti: jti.into(),
    };
    let subject = |provider: &str, id: &str| Revocation::Subject {
        provider: provider.into(),
        id: id.into(),
    };
    let issuer = |issued_before| Revocation::Issuer {
        provider: "login".into(),
        issued_before,
    };
    let revocations = [
        (jti("login", "t1"), true),
        (jti("partner", "t1"), false),
        (jti("login", "t2"), false),
        (subject("login", "dana"), true),
        (subject("partner", "dana"), false),
        (subject("login", "t1"), false),
        (issuer(START_MS + 1), true),
        (issuer(START_MS), false),
    ];
    for (revocation, covers) in revocations {
        assert_eq!(told(&engine.decide(&mut scratch, &request)), ALLOWED);
        assert_eq!(engine.revoke(revocation.clone()), Revoked::AsAsked);
        let expected = if covers { invalid("revoked") } else { ALLOWED };
        let decision = told(&engine.decide(&mut scratch, &request));
        assert_eq!(decision, expected, "{revocation:?}");
        let mut other = engine.scratch();
        assert_eq!(told(&engine.decide(&mut other, &request)), expected);
        let listed = engine.revocations();
        assert_eq!(listed, std::slice::from_ref(&revocation));
        assert!(engine.restore(&revocation));
    }
    assert_eq!(told(&engine.decide(&mut scratch, &request)), ALLOWED);
}
