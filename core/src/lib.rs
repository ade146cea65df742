//! Gatelet: one in-process decision for every request.
//!
//! Who is calling, and what may they do? A [`Policy`] is loaded from text once,
//! an [`Engine`] decides [`Request`]s by it: in process, in tens of nanoseconds,
//! without allocating.
//!
//! ```
//! use gatelet::{Engine, EngineConfig, Policy, Principal, Request, Source};
//!
//! let text = br#"
//! gatelet: 1
//! identity: { trust_host: [principal] }
//! actions:
//!   orders.read: { about: Read orders, routes: ["GET /orders/{order}"] }
//! roles:
//!   clerk: { can: [orders.read] }
//! "#;
//! let policy = Policy::load(&[Source::new("shop.yaml", text)])?;
//! let engine = Engine::new(policy, EngineConfig::default())?;
//! let mut scratch = engine.scratch();
//!
//! let dana = Principal { id: b"dana@shop.example", roles: &[b"clerk"], ..Principal::default() };
//! let request = Request {
//!     method: Some(b"GET"),
//!     path: Some(b"/orders/17"),
//!     principal: Some(dana),
//!     ..Request::default()
//! };
//! let decision = engine.decide(&mut scratch, &request);
//! assert!(decision.allowed());
//! assert_eq!(decision.rule(), Some("roles.clerk"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Two planes: loading allocates and may fail, with every problem at its line
//! and column ([`LoadError`]); deciding does neither.

#![forbid(unsafe_code)]

mod base64url;
mod bytes;
mod clock;
mod compile;
mod condition;
mod crypto;
mod decision;
mod diagnostic;
mod dialect;
mod engine;
pub mod eval;
mod identity;
mod install;
mod json;
mod keys;
pub mod limits;
mod load;
mod pattern;
mod policy;
mod program;
mod quota;
mod request;
mod request_json;
mod rule;
mod text;
mod time;
pub mod token;
mod url;
#[cfg(test)]
mod vectors;

pub use clock::{Clock, SystemClock};
pub use decision::{Effect, Parameter, Reason};
pub use diagnostic::{Code, Diagnostic, LoadError, Related, Severity};
pub use engine::{
    AskedLimit, Candidate, CountersError, Decision, DormantGrant, Engine, EngineConfig, Evaluated,
    Explanation, Failed, Guard, Headers, HeldRole, KeyValue, LayerVerdict, LimitState, LimitStates,
    Nearest, Obligation, Obligations, RateLimit, RateLimitHeaders, RateLimitPolicy,
    RestoredCounters, Scratch, Shadow, ShownCredential, SourceLine, Ticket, TicketError,
};
pub use identity::api_key::NewApiKey;
pub use identity::cache::{TokenCache, TokenCounts};
pub use identity::refresh::{
    Fetch, FetchKind, FetchProblem, FetchProgress, Fetched, KeyAvailability, KeyRefresh, KeyStatus,
};
pub use identity::revocation::{MAX_REVOCATIONS, Revocation, Revoked};
pub use identity::store::{KeyReport, Keys, SkippedKey};
pub use install::{InstallError, Missing, Unreadable};
pub use keys::algorithm::{Algorithm, AlgorithmSet};
pub use keys::api_keys::ApiKeySet;
pub use keys::origin::{Need, NeedKind, Origin};
pub use keys::verifier::{KeyMaterial, SignatureVerifier, VerifySignature};
pub use keys::{KeyFault, KeyProblem, KeySet, KeySetError};
pub use load::{LoadOptions, Phase, Source};
pub use policy::{Counts, Inputs, Memory, Policy};
pub use quota::store;
pub use request::{Attribute, Charge, Header, Principal, Request, Resource, Value};
pub use request_json::{RequestBuf, RequestError, RequestView};
