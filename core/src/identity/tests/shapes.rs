//! The shapes that issuers give to claims.

use super::*;
use crate::identity::claims::{Presence, date_ms};
use crate::json::Json;

/// Claims as they are when a token has verified.
fn claims(payload: &str) -> Claims {
    let header = br#"{"alg":"ES256","kid":"p256","typ":"JWT"}"#;
    let members = &payload[1..payload.len() - 1];
    let separator = if members.is_empty() { "" } else { "," };
    let payload = format!(
        r#"{{"iss":"https://login.example/","aud":"api","exp":{}{separator}{members}}}"#,
        NOW + 60
    );
    let token = token(Algorithm::Es256, header, payload.as_bytes());
    verify(&token, &rules(), &KEYS).unwrap()
}

fn read(claims: &Claims, path: &[&str]) -> (Vec<String>, Presence) {
    let mut found = Vec::new();
    let presence = claims.texts(&texts(path), &mut |text| {
        found.push(String::from_utf8(text.to_vec()).unwrap());
    });
    (found, presence)
}

const fn present(dropped: u32) -> Presence {
    Presence::Present { dropped }
}

/// Claims, a path, its texts, and whether it is there.
type Row = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    Presence,
);

const KEYCLOAK: &str = r#"{"realm_access":{"roles":["clerk","a b"]},
        "resource_access":{"client.id":{"roles":["manager"]}}}"#;
const ENTRA: &str = r#"{"_claim_names":{"groups":"src1"},"_claim_sources":{"src1":{}}}"#;

const PROVIDERS: &[Row] = &[
    (
        r#"{"scp":["orders.read","orders write"]}"#,
        &["scp"],
        &["orders.read", "orders write"],
        present(0),
    ),
    (
        r#"{"scope":"openid  orders.read "}"#,
        &["scope"],
        &["openid", "orders.read"],
        present(0),
    ),
    (
        r#"{"cognito:groups":["clerk"]}"#,
        &["cognito:groups"],
        &["clerk"],
        present(0),
    ),
    (
        KEYCLOAK,
        &["realm_access", "roles"],
        &["clerk", "a b"],
        present(0),
    ),
    (
        KEYCLOAK,
        &["resource_access", "client.id", "roles"],
        &["manager"],
        present(0),
    ),
    (
        KEYCLOAK,
        &["resource_access", "client", "id", "roles"],
        &[],
        Presence::Absent,
    ),
    (
        r#"{"https://app.example/roles":["x"]}"#,
        &["https://app.example/roles"],
        &["x"],
        present(0),
    ),
    (
        r#"{"permissions":"[\"a:b\", \"c\"]"}"#,
        &["permissions"],
        &["a:b", "c"],
        present(0),
    ),
    (
        r#"{"permissions":"[\"a\", 7, {}]"}"#,
        &["permissions"],
        &["a"],
        present(2),
    ),
    (
        r#"{"permissions":"[not json"}"#,
        &["permissions"],
        &["[not", "json"],
        present(0),
    ),
    (
        r#"{"roles":["a",1,null,"b",["c"]]}"#,
        &["roles"],
        &["a", "b"],
        present(3),
    ),
    (r#"{"roles":"one"}"#, &["roles"], &["one"], present(0)),
    (r#"{"roles":""}"#, &["roles"], &[], present(0)),
    (r#"{"roles":[]}"#, &["roles"], &[], present(0)),
    (r#"{"roles":7}"#, &["roles"], &[], present(1)),
    (r#"{"roles":{"a":"b"}}"#, &["roles"], &[], present(1)),
    (r#"{"roles":null}"#, &["roles"], &[], Presence::Absent),
    ("{}", &["roles"], &[], Presence::Absent),
    (ENTRA, &["groups"], &[], Presence::Overage),
    (ENTRA, &["groups", "all"], &[], Presence::Overage),
    (ENTRA, &["roles"], &[], Presence::Absent),
    (r#"{"hasgroups":true}"#, &["groups"], &[], Presence::Overage),
    (r#"{"hasgroups":true}"#, &["roles"], &[], Presence::Absent),
    (r#"{"hasgroups":false}"#, &["groups"], &[], Presence::Absent),
    (
        r#"{"hasgroups":"true"}"#,
        &["groups"],
        &[],
        Presence::Absent,
    ),
    (
        r#"{"groups":["g"],"_claim_names":{"groups":"src1"}}"#,
        &["groups"],
        &["g"],
        present(0),
    ),
    (
        r#"{"kubernetes.io":{"namespace":"pos"}}"#,
        &["kubernetes.io", "namespace"],
        &["pos"],
        present(0),
    ),
    (
        r#"{"groups":["\u0061\nb"]}"#,
        &["groups"],
        &["a\nb"],
        present(0),
    ),
];

#[test]
fn claims_of_providers() {
    for (payload, path, expected, presence) in PROVIDERS {
        let (found, there) = read(&claims(payload), path);
        assert_eq!(found, *expected, "{payload} {path:?}");
        assert_eq!(there, *presence, "{payload} {path:?}");
    }
}

#[test]
fn times_have_fractions_and_exponents() {
    let rows: &[(&str, Option<i64>)] = &[
        ("0", Some(0)),
        ("1790000000", Some(1_790_000_000_000)),
        ("1790000000.25", Some(1_790_000_000_250)),
        ("1.79e9", Some(1_790_000_000_000)),
        ("999999999999999", Some(999_999_999_999_999_000)),
        ("1e15", Some(1_000_000_000_000_000_000)),
        ("9999999999999999999", Some(i64::MAX)),
        ("1.9e19", None),
        ("1e999", None),
        ("-1", None),
        ("-0", Some(0)),
        ("\"1790000000\"", None),
        ("true", None),
        ("null", None),
    ];
    for (number, expected) in rows {
        let mut bytes = format!(r#"{{"nbf":{number}}}"#).into_bytes();
        let mut nodes = Vec::new();
        crate::json::read(&mut bytes, &mut nodes).unwrap();
        let json = crate::json::Json::document(&bytes, &nodes).unwrap();
        let found = json.get(b"nbf").and_then(date_ms);
        assert_eq!(found, *expected, "{number}");
    }
}

#[test]
fn certificates() {
    let digest = encode(&[9; 32]);
    let bound = claims(&format!(r#"{{"cnf":{{"x5t#S256":"{digest}"}}}}"#));
    assert_eq!(bound.certificate(), Some([9; 32]));
    let free = claims(r#"{"cnf":{}}"#);
    assert_eq!(free.certificate(), None);
    assert_eq!(free.times().exp_ms, Some((NOW + 60) * 1_000));
    assert!(KEYS.holds(free.key()));
    let issuer = free.at(&texts(&["iss"])).and_then(Json::text);
    assert_eq!(issuer, Some(&b"https://login.example/"[..]));
    assert!(!format!("{free:?}").contains("login"));
}
