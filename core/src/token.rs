//! Tokens by themselves, for trying out and for telling why one is refused; decisions do not need it.
//!
//! ```
//! use gatelet::{KeySet, token};
//!
//! let keys = KeySet::load(br#"{"keys": [
//!     {"kty": "oct", "alg": "HS256", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}
//! ]}"#)?;
//! // RFC 7515 appendix A.1: from 2011, and signed with a secret.
//! let jwt = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9\
//!            .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
//!            .dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
//! let rules = token::Rules::new("joe").algorithms(["HS256"]);
//! let inspection = token::inspect(jwt.as_bytes(), &rules, &keys, 1_790_000_000_000);
//! assert_eq!(inspection.detail(), Some("expired"));
//! assert!(token::verify(jwt.as_bytes(), &rules, &keys, 1_300_000_000_000).is_ok());
//! # Ok::<(), gatelet::KeySetError>(())
//! ```

mod inspect;

#[cfg(test)]
mod tests;

pub use inspect::{Inspection, Outcome, Step, inspect};

use crate::Policy;
use crate::identity::jwt::{self, Opened};
use crate::identity::principal::id_of;
use crate::identity::refusal::Refusal;
use crate::identity::rules::{Signer, TokenRules};
use crate::keys::KeySet;
use crate::keys::algorithm::{Algorithm, AlgorithmSet};
use crate::program::identity::{Authority, ClaimPath, Expectation, Issuer};
use std::fmt;

/// What a token has to say to be one of an issuer's.
#[derive(Clone, Debug)]
pub struct Rules {
    authority: Authority,
    audience: Box<[Box<str>]>,
    audience_claim: Box<[Box<str>]>,
    algorithms: AlgorithmSet,
    typ: Box<[Box<str>]>,
    leeway_ms: i64,
    require_exp: bool,
    required: Box<[ClaimPath]>,
    expect: Box<[Expectation]>,
    max_lifetime_ms: Option<i64>,
    /// The claim that is the principal's id, where there is to be one.
    id: Option<ClaimPath>,
}

impl Rules {
    /// Tokens of this `iss`, for any audience: signed with a key pair, of the types `JWT`, `at+jwt`
    /// or none, with an end, and clocks that may differ by a minute.
    #[must_use]
    pub fn new(issuer: &str) -> Self {
        Self {
            authority: Authority::Issuer(issuer.into()),
            audience: Box::default(),
            audience_claim: Box::default(),
            algorithms: AlgorithmSet::ASYMMETRIC,
            typ: ["jwt", "at+jwt", ""].map(Box::from).into(),
            leeway_ms: 60_000,
            require_exp: true,
            required: Box::default(),
            expect: Box::default(),
            max_lifetime_ms: None,
            id: None,
        }
    }

    /// The rules of every issuer of a policy, under its provider's name, in the policy's order.
    pub fn of_policy(policy: &Policy) -> impl Iterator<Item = (&str, Self)> {
        let issuers = policy.program.identity.issuers.iter();
        issuers.map(|issuer| (&*issuer.name, Self::of_issuer(issuer)))
    }

    fn of_issuer(issuer: &Issuer) -> Self {
        Self {
            authority: issuer.authority.clone(),
            audience: issuer.audience.clone(),
            audience_claim: issuer.audience_claim.0.clone(),
            algorithms: issuer.algorithms,
            typ: issuer.typ.clone(),
            leeway_ms: issuer.leeway_ms,
            require_exp: issuer.require_exp,
            required: issuer.required.clone(),
            expect: issuer.expect.clone(),
            max_lifetime_ms: issuer.max_lifetime_ms,
            id: Some(issuer.principal.id.clone()),
        }
    }

    /// One of these has to be the token's audience; of none, every audience will do.
    #[must_use]
    pub fn audience<'a>(mut self, audience: impl IntoIterator<Item = &'a str>) -> Self {
        self.audience = audience.into_iter().map(Box::from).collect();
        self
    }

    /// Signed with one of these, such as `ES256`; names that are no algorithm allow nothing.
    #[must_use]
    pub fn algorithms<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = names.into_iter();
        self.algorithms = names
            .filter_map(|name| Algorithm::of_name(name.as_bytes()))
            .collect();
        self
    }

    /// How far clocks may differ, in milliseconds.
    #[must_use]
    pub const fn leeway_ms(mut self, leeway_ms: i64) -> Self {
        self.leeway_ms = leeway_ms;
        self
    }

    /// Whether a token by this header and payload, of which nothing is checked, says that it is
    /// one of these: good for choosing between the issuers of a policy, and for nothing else.
    #[must_use]
    pub fn speak_of(&self, token: &[u8]) -> bool {
        jwt::open(token).is_ok_and(|opened| self.are_hinted_at(&opened))
    }

    fn are_hinted_at(&self, opened: &Opened<'_>) -> bool {
        match &self.authority {
            Authority::Issuer(issuer) => opened.issuer_hint() == Some(issuer.as_bytes()),
            Authority::TrustDomain(domain) => {
                let id = opened
                    .subject_hint()
                    .map(crate::pattern::spiffe::SpiffeId::parse);
                matches!(id, Some(Ok(id)) if id.trust_domain == domain.as_bytes())
            }
        }
    }

    fn borrowed(&self) -> TokenRules<'_> {
        TokenRules {
            signer: match &self.authority {
                Authority::Issuer(issuer) => Signer::Issuer(issuer),
                Authority::TrustDomain(domain) => Signer::TrustDomain(domain),
            },
            audience: &self.audience,
            audience_claim: &self.audience_claim,
            algorithms: self.algorithms,
            typ: &self.typ,
            leeway_ms: self.leeway_ms,
            require_exp: self.require_exp,
            required: &self.required,
            expect: &self.expect,
            max_lifetime_ms: self.max_lifetime_ms,
        }
    }
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(Refusal);

impl Refused {
    /// As a decision says it: `expired`, `bad_signature`, `wrong_audience` and so on.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        self.0.slug()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the token is refused: {}", self.detail())
    }
}

impl std::error::Error for Refused {}

/// Whether a token is good at a time, in milliseconds since 1970: what a decision asks of one that
/// it sees first. It does not know what an engine was told to revoke, nor the certificate of a connection.
///
/// # Errors
/// [`Refused`] with the first reason.
pub fn verify(token: &[u8], rules: &Rules, keys: &KeySet, now_ms: i64) -> Result<(), Refused> {
    let opened = jwt::open(token).map_err(Refused)?;
    let claims = opened.verify(&rules.borrowed(), keys, now_ms);
    let claims = claims.map_err(Refused)?;
    match &rules.id {
        Some(path) => id_of(claims.at(&path.0)).map(|_| ()).map_err(Refused),
        None => Ok(()),
    }
}
