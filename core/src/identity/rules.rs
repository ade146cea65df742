//! What a token has to say to be one of an issuer's.

use crate::keys::algorithm::AlgorithmSet;
use crate::program::identity::{Authority, ClaimPath, Expectation, Issuer};

/// What a token has to say, borrowed from where it is configured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenRules<'a> {
    pub(crate) signer: Signer<'a>,
    /// One of them has to be the token's; none asks for no audience.
    pub(crate) audience: &'a [Box<str>],
    /// Where the audience stands; nothing is `aud`.
    pub(crate) audience_claim: &'a [Box<str>],
    pub(crate) algorithms: AlgorithmSet,
    /// In lower case, without `application/`; nothing stands for a token without a type.
    pub(crate) typ: &'a [Box<str>],
    pub(crate) leeway_ms: i64,
    pub(crate) require_exp: bool,
    pub(crate) required: &'a [ClaimPath],
    pub(crate) expect: &'a [Expectation],
    pub(crate) max_lifetime_ms: Option<i64>,
}

/// Whose token it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signer<'a> {
    /// `iss` is this.
    Issuer(&'a str),
    /// `sub` is a SPIFFE ID of this trust domain (SPIFFE JWT-SVID §3.1).
    TrustDomain(&'a str),
}

impl<'a> From<&'a Issuer> for TokenRules<'a> {
    fn from(issuer: &'a Issuer) -> Self {
        Self {
            signer: match &issuer.authority {
                Authority::Issuer(issuer) => Signer::Issuer(issuer),
                Authority::TrustDomain(domain) => Signer::TrustDomain(domain),
            },
            audience: &issuer.audience,
            audience_claim: &issuer.audience_claim.0,
            algorithms: issuer.algorithms,
            typ: &issuer.typ,
            leeway_ms: issuer.leeway_ms,
            require_exp: issuer.require_exp,
            required: &issuer.required,
            expect: &issuer.expect,
            max_lifetime_ms: issuer.max_lifetime_ms,
        }
    }
}
