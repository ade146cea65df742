//! The credentials of a request in an explanation: what each turned out to be, never what it is.

use super::super::credentials;
use super::super::identify::Refused;
use super::super::moment::Moment;
use super::super::{Engine, bind};
use crate::identity::check::{Denied, Desk};
use crate::identity::jwt;
use crate::identity::table::Credential;
use crate::identity::verified::Kind;
use crate::request::Request;
use serde::Serialize;

/// A credential that the request brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ShownCredential {
    /// `bearer`, `api_key`, `workload` or `host`.
    pub kind: &'static str,
    /// Who vouches for it; for a token that is not good, the issuer that it names itself.
    pub provider: Option<String>,
    /// The id of the key that signed it, or of the API key; for a token that is not good, the one that it names.
    pub key: Option<String>,
    /// `good`, or why it is not: a stable name such as `expired`.
    pub outcome: &'static str,
}

const GOOD: &str = "good";

/// All credentials of a request, in the policy's order, as far as they can be told.
pub(super) fn shown(engine: &Engine, request: &Request<'_>) -> Vec<ShownCredential> {
    let mut scratch = engine.scratch();
    let snapshot = &scratch.snapshot;
    let Ok(bound) = bind::bind(&snapshot.policy.program, request, &mut scratch.buffers) else {
        return Vec::new();
    };
    let clock = || engine.time.monotonic_ms();
    let teller = Teller {
        desk: engine.desk(snapshot, &clock),
        now_ms: Moment::new(&engine.time, request.at).wall_ms(),
    };
    let identity = &bound.program.identity;
    let mut told = Vec::new();
    let places = &snapshot.keyring.places;
    let tokens = credentials::tokens(&bound, places, |token| {
        told.push(teller.told(Kind::Bearer, token.text, token.issuers));
        Ok::<(), Refused>(())
    });
    if tokens.is_err() {
        return Vec::new();
    }
    if let Some(settings) = &identity.api_keys
        && let Ok(Some(key)) = credentials::api_key(&bound, &settings.from)
    {
        told.push(teller.told(Kind::ApiKey, key, None));
    }
    if request.principal.is_some() {
        let believed = identity.trust_host_principal;
        told.push(ShownCredential {
            kind: "host",
            provider: None,
            key: None,
            outcome: if believed { GOOD } else { "not_trusted" },
        });
    }
    told
}

struct Teller<'e> {
    desk: Desk<'e>,
    now_ms: i64,
}

impl Teller<'_> {
    fn told(&self, kind: Kind, text: &[u8], issuers: Option<&[u32]>) -> ShownCredential {
        let credential = Credential::new(kind, text, self.desk.cache.seed);
        let readable = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.chars().filter(|c| !c.is_control()).take(128).collect()
        };
        let name = match kind {
            Kind::ApiKey => "api_key",
            Kind::Bearer | Kind::Approval => "bearer",
        };
        match self.desk.first_sight(&credential, issuers, self.now_ms) {
            Ok(verified) => ShownCredential {
                kind: name,
                provider: Some(readable(&verified.provider)),
                key: verified.key_id.as_deref().map(readable),
                outcome: GOOD,
            },
            Err(Denied::Invalid(outcome) | Denied::Unavailable(outcome)) => {
                let opened = match kind {
                    Kind::ApiKey => None,
                    _ => jwt::open(text).ok(),
                };
                let named = opened.as_ref().and_then(|opened| opened.issuer_hint());
                ShownCredential {
                    kind: name,
                    provider: named.map(readable),
                    key: opened
                        .as_ref()
                        .and_then(|opened| opened.kid())
                        .map(readable),
                    outcome,
                }
            }
        }
    }
}
