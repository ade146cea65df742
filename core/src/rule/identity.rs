//! Whom to believe about the caller, as dialects lower it: defaults filled in, names still text.

use super::Name;
use crate::text::Span;

pub(crate) use crate::keys::algorithm::{Algorithm, AlgorithmSet};
pub(crate) use crate::keys::api_keys::{ApiKey, App, AttributeText, Status};
pub(crate) use crate::keys::origin::Origin;
pub(crate) use crate::program::identity::{
    API_KEYS, ClaimPath, Credential, Expectation, HOST, KeySource, OnInvalid, WORKLOADS,
};

/// Whom to believe about the caller.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    /// In the order of preference; `None` where the policy does not say.
    pub(crate) credentials: Option<Vec<(Credential, Span)>>,
    pub(crate) on_invalid: OnInvalid,
    pub(crate) trust_host_principal: bool,
    pub(crate) trust_host_peer: bool,
    pub(crate) trust_domains: Vec<Name>,
    /// Issuers of bearer tokens, and trust domains whose JWT-SVIDs count.
    pub(crate) issuers: Vec<Issuer>,
    pub(crate) api_keys: Option<ApiKeys>,
    /// Providers that are defined with a fault, which has been reported: who names them has none.
    pub(crate) broken: Vec<Box<str>>,
    /// From which element from the right the peer is read, and where that is said.
    pub(crate) xfcc: Option<(u32, Span)>,
    /// Where it is said that `client-cert` (RFC 9440) counts.
    pub(crate) client_cert: Option<Span>,
    pub(crate) links: Vec<Link>,
    pub(crate) approvals: Option<Approvals>,
}

impl Identity {
    /// The providers whose principals are users, the host first.
    pub(crate) fn user_providers(&self) -> impl Iterator<Item = &str> {
        self.providers(|_| true)
    }

    /// The providers that tell which groups their principals are in.
    pub(crate) fn group_providers(&self) -> impl Iterator<Item = &str> {
        self.providers(|issuer| !issuer.principal.groups.is_empty())
    }

    fn providers(&self, wanted: fn(&Issuer) -> bool) -> impl Iterator<Item = &str> {
        let host = self.trust_host_principal.then_some(HOST);
        let of_users = self.issuers.iter().filter(|one| !one.is_of_workloads());
        let wanted = of_users.filter(move |one| wanted(one));
        let api_keys = self.api_keys.as_ref().map(|_| API_KEYS);
        host.into_iter()
            .chain(wanted.map(|issuer| &*issuer.name.text))
            .chain(api_keys)
            .chain(self.broken.iter().map(|name| &**name))
    }

    /// Whether anything tells the SPIFFE ID of the peer.
    pub(crate) fn tells_peer(&self) -> bool {
        self.trust_host_peer || self.xfcc.is_some() || self.client_cert.is_some()
    }
}

/// Who signs tokens, and what a token of theirs has to say.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    /// The provider of its principals.
    pub(crate) name: Name,
    pub(crate) authority: Authority,
    /// Empty where the policy asks for none.
    pub(crate) audience: Vec<Name>,
    pub(crate) audience_claim: ClaimPath,
    pub(crate) algorithms: AlgorithmSet,
    /// Nothing stands for a token without a type.
    pub(crate) typ: Vec<Box<str>>,
    pub(crate) leeway_ms: i64,
    pub(crate) require_exp: bool,
    pub(crate) required: Vec<ClaimPath>,
    pub(crate) expect: Vec<Expectation>,
    pub(crate) max_lifetime_ms: Option<i64>,
    pub(crate) from: Vec<TokenSource>,
    pub(crate) strip: bool,
    pub(crate) keys: Keys,
    pub(crate) principal: PrincipalMap,
}

impl Issuer {
    /// Whether its tokens are JWT-SVIDs.
    pub(crate) const fn is_of_workloads(&self) -> bool {
        matches!(self.authority, Authority::TrustDomain(_))
    }
}

/// Whose tokens they are.
#[derive(Clone, Debug)]
pub(crate) enum Authority {
    /// The `iss` claim is this text.
    Issuer(Name),
    /// JWT-SVIDs of this trust domain.
    TrustDomain(Name),
}

/// Where keys are, and where that is said.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) source: KeySource,
    pub(crate) span: Span,
}

/// Where a credential stands in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenSource {
    /// Name and scheme in lower case.
    Header {
        name: Box<str>,
        scheme: Option<Box<str>>,
    },
    Query(Box<str>),
    Cookie(Box<str>),
}

/// From claims to a principal.
#[derive(Clone, Debug)]
pub(crate) struct PrincipalMap {
    pub(crate) id: ClaimPath,
    pub(crate) roles: Option<RoleClaims>,
    pub(crate) scopes: Vec<ClaimPath>,
    pub(crate) groups: Vec<ClaimPath>,
    /// Declared attributes of the principal.
    pub(crate) attributes: Vec<(Box<str>, ClaimPath)>,
}

/// Which claims hold roles, and which roles each value stands for.
#[derive(Clone, Debug)]
pub(crate) struct RoleClaims {
    pub(crate) from: Vec<ClaimPath>,
    pub(crate) values: Vec<(Box<str>, Vec<Name>)>,
}

#[derive(Clone, Debug)]
pub(crate) struct ApiKeys {
    pub(crate) from: Vec<TokenSource>,
    pub(crate) strip: bool,
    pub(crate) keys: Origin,
    pub(crate) span: Span,
}

/// Whose approvals count.
#[derive(Clone, Debug)]
pub(crate) struct Approvals {
    pub(crate) issuer: Box<str>,
    pub(crate) audience: Vec<Box<str>>,
    pub(crate) algorithms: AlgorithmSet,
    pub(crate) leeway_ms: i64,
    pub(crate) keys: Keys,
}

/// Identities that are one principal; the first stands for all.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) identities: Vec<Identified>,
}

/// A principal by provider and id.
#[derive(Clone, Debug)]
pub(crate) struct Identified {
    /// `None` where it is left out, as it may be where there is one.
    pub(crate) provider: Option<Name>,
    pub(crate) id: Name,
}

/// Everything that a file of API keys says.
#[derive(Debug)]
pub(crate) struct ApiKeyFile {
    pub(crate) pepper: Origin,
    pub(crate) apps: Vec<App>,
    pub(crate) keys: Vec<ApiKey>,
}
