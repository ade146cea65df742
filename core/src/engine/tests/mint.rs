//! Tokens, keys and engines for tests.

use crate::base64url::encode;
use crate::crypto::hmac_sha256;
use crate::{Clock, Decision, Engine, EngineConfig, Keys, Origin, Policy, Request, Source};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// When tests begin: 2026-01-01T00:00:00Z.
pub(super) const START_MS: i64 = 1_767_225_600_000;
pub(super) const SECRETS: [&[u8; 32]; 3] = [
    b"first secret of 32 bytes........",
    b"second secret of 32 bytes.......",
    b"third secret of 32 bytes........",
];

/// A clock that stands until it is moved.
pub(super) struct Standing(AtomicI64);

impl Standing {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(START_MS)))
    }

    pub(super) fn forward(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for Standing {
    fn wall_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A token signed with one of the secrets; `claims` is put behind `iss`, `exp` and `iat`.
pub(super) fn token(issuer: &str, claims: &str, secret: usize) -> String {
    let (start, end) = (START_MS / 1_000, START_MS / 1_000 + 3_600);
    let claims =
        format!("{{\"iss\":\"{issuer}\",\"aud\":\"shop\",\"iat\":{start},\"exp\":{end},{claims}}}");
    let signed = format!(
        "{}.{}",
        encode(format!("{{\"alg\":\"HS256\",\"kid\":\"k{secret}\"}}").as_bytes()),
        encode(claims.as_bytes())
    );
    let signature = hmac_sha256(SECRETS[secret], signed.as_bytes());
    format!("{signed}.{}", encode(&signature))
}

/// A key set of some of the secrets.
pub(super) fn jwks(secrets: &[usize]) -> String {
    let keys: Vec<String> = secrets
        .iter()
        .map(|secret| {
            let key = encode(SECRETS[*secret]);
            format!("{{\"kty\":\"oct\",\"alg\":\"HS256\",\"kid\":\"k{secret}\",\"k\":\"{key}\"}}")
        })
        .collect();
    format!("{{\"keys\":[{}]}}", keys.join(","))
}

pub(super) fn keys(file: &str, secrets: &[usize]) -> Keys {
    Keys::new().with(Origin::file(file), jwks(secrets))
}

/// An issuer of a policy, in one line.
pub(super) fn issuer(name: &str, principal: &str) -> String {
    format!(
        "    {name}: {{ issuer: {name}.example, audience: [shop], algorithms: [HS256], keys: {{ file: {name}.json }}, principal: {principal} }}\n"
    )
}

pub(super) fn load(text: &str) -> Policy {
    Policy::load(&[Source::new("p.yaml", text.as_bytes())])
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

pub(super) fn engine(text: &str, keys: Keys, clock: &Arc<Standing>) -> Engine {
    let config = EngineConfig::default()
        .with_keys(keys)
        .with_clock(Arc::clone(clock) as Arc<dyn Clock>);
    Engine::new(load(text), config).unwrap_or_else(|error| panic!("{error}"))
}

/// A request for a path with a bearer token.
pub(super) fn bearing<'a>(path: &'a str, token: &'a str) -> Request<'a> {
    Request {
        method: Some(b"GET"),
        path: Some(path.as_bytes()),
        bearer: Some(token.as_bytes()),
        ..Request::default()
    }
}

/// Reason and detail.
pub(super) fn told(decision: &Decision<'_>) -> (&'static str, Option<&'static str>) {
    (decision.reason().as_str(), decision.detail())
}
