//! Whom to believe about the caller: issuers, API keys, workloads, approvals and links, compiled.

use super::names::Names;
use super::roles::Lists;
use crate::keys::algorithm::AlgorithmSet;
use crate::keys::origin::Origin;

/// The provider of principals that API keys stand for.
pub(crate) const API_KEYS: &str = "api_keys";
/// The provider of principals that the host gives without naming one.
pub(crate) const HOST: &str = "host";
/// The provider of workloads.
pub(crate) const WORKLOADS: &str = "workloads";

/// Whom to believe about the caller.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    /// In the order of preference: the first that is present is the principal.
    pub(crate) credentials: Box<[Credential]>,
    pub(crate) on_invalid: OnInvalid,
    pub(crate) trust_host_principal: bool,
    pub(crate) trust_host_peer: bool,
    pub(crate) trust_domains: Names,
    /// The `x-forwarded-client-cert` header, where it counts.
    pub(crate) xfcc: Option<Forwarded>,
    /// The `client-cert` header (RFC 9440), where it counts.
    pub(crate) client_cert: Option<HeaderRef>,
    /// Issuers of bearer tokens; trust domains with keys stand behind them.
    pub(crate) issuers: Box<[Issuer]>,
    pub(crate) api_keys: Option<ApiKeySettings>,
    pub(crate) approvals: Option<ApprovalSettings>,
    pub(crate) links: Links,
    /// A digest of what the numbers of roles and of principal attributes mean.
    pub(crate) layout: [u8; 32],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A token of one of the issuers.
    Bearer,
    ApiKey,
    /// The peer's SPIFFE ID.
    Workload,
    /// The principal that the host gives.
    Host,
}

/// What becomes of a request with a credential that does not verify.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnInvalid {
    /// It is refused, whatever other credentials it brings.
    #[default]
    Reject,
    /// The next credential is the principal; refused if there is none that verifies.
    TryNext,
}

/// A header, by its name in lower case and its number among [`Inputs::headers`](super::Inputs).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeaderRef {
    pub(crate) name: Box<str>,
    pub(crate) slot: u16,
}

/// `x-forwarded-client-cert`: the peer is in the element that is `hops` from the right, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forwarded {
    pub(crate) header: HeaderRef,
    pub(crate) hops: u32,
}

/// Who signs tokens, and what a token of theirs has to say.
#[derive(Debug)]
pub(crate) struct Issuer {
    /// The provider of its principals: its own name, or [`WORKLOADS`] for a trust domain.
    pub(crate) name: Box<str>,
    pub(crate) authority: Authority,
    /// One of them is the audience; empty where the policy asks for none.
    pub(crate) audience: Box<[Box<str>]>,
    /// Where the audience stands, `aud` by default. Elsewhere it is text or a list of texts, as it is there.
    pub(crate) audience_claim: ClaimPath,
    pub(crate) algorithms: AlgorithmSet,
    /// In lower case, without `application/`; nothing stands for a token without a type.
    pub(crate) typ: Box<[Box<str>]>,
    pub(crate) leeway_ms: i64,
    pub(crate) require_exp: bool,
    /// Claims that have to be there.
    pub(crate) required: Box<[ClaimPath]>,
    pub(crate) expect: Box<[Expectation]>,
    /// The longest time between `iat` (else now) and `exp`.
    pub(crate) max_lifetime_ms: Option<i64>,
    /// Where its tokens stand, in the order of preference.
    pub(crate) from: Box<[TokenSource]>,
    pub(crate) keys: KeySource,
    pub(crate) principal: PrincipalMap,
    /// Of everything above: a verified token is remembered for this configuration only.
    pub(crate) digest: [u8; 32],
}

/// Whose tokens an issuer's keys verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Authority {
    /// The `iss` claim is this text.
    Issuer(Box<str>),
    /// JWT-SVIDs: the `sub` claim is a SPIFFE ID of this trust domain, and `iss` counts for nothing.
    TrustDomain(Box<str>),
}

/// A claim: the names of members, from the outside in. Each is one name, whatever its characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ClaimPath(pub(crate) Box<[Box<str>]>);

/// A claim that has to be one of these texts; `true` and `false` are what a boolean is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expectation {
    pub(crate) claim: ClaimPath,
    pub(crate) one_of: Box<[Box<str>]>,
}

/// Where a credential stands in a request. The field that the host fills (`bearer`, `api_key`) always counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenSource {
    Header {
        header: HeaderRef,
        /// In lower case, such as `bearer`; compared without regard to case, one space behind it.
        scheme: Option<Box<str>>,
    },
    /// A query parameter: name, and number among [`Inputs::queries`](super::Inputs).
    Query { name: Box<str>, slot: u16 },
    /// A cookie by its name, in the header `cookie`.
    Cookie { name: Box<str>, header: HeaderRef },
}

/// Key material: written in the policy, or to be had elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// A JWK set.
    Inline(Box<[u8]>),
    /// A JWK set.
    Outside(Origin),
    /// The bytes of one symmetric key.
    Secret(Origin),
}

/// Never what is written inline.
impl std::fmt::Debug for KeySource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inline(bytes) => write!(out, "Inline({} bytes)", bytes.len()),
            Self::Outside(origin) => out.debug_tuple("Outside").field(origin).finish(),
            Self::Secret(origin) => out.debug_tuple("Secret").field(origin).finish(),
        }
    }
}

/// From claims to a principal.
#[derive(Debug)]
pub(crate) struct PrincipalMap {
    pub(crate) id: ClaimPath,
    pub(crate) roles: Option<RoleClaims>,
    pub(crate) scopes: Box<[ClaimPath]>,
    pub(crate) groups: Box<[ClaimPath]>,
    /// By number among [`Inputs::attributes`](super::Inputs), all of the principal.
    pub(crate) attributes: Box<[(u16, ClaimPath)]>,
}

/// Which claims hold roles, and which roles their values are; other values count for nothing.
#[derive(Debug)]
pub(crate) struct RoleClaims {
    pub(crate) from: Box<[ClaimPath]>,
    /// Values of the claims.
    pub(crate) names: Names,
    /// By value: the roles that it stands for.
    pub(crate) roles: Lists,
}

#[derive(Debug)]
pub(crate) struct ApiKeySettings {
    /// In the order of preference.
    pub(crate) from: Box<[TokenSource]>,
    /// A file of API keys, never inline.
    pub(crate) keys: Origin,
}

/// Whose approvals count.
#[derive(Debug)]
pub(crate) struct ApprovalSettings {
    /// The `iss` claim.
    pub(crate) issuer: Box<str>,
    /// One of them is in `aud`; empty where the policy asks for none.
    pub(crate) audience: Box<[Box<str>]>,
    pub(crate) algorithms: AlgorithmSet,
    pub(crate) leeway_ms: i64,
    pub(crate) keys: KeySource,
    pub(crate) digest: [u8; 32],
}

/// Identities that are one principal.
#[derive(Debug, Default)]
pub(crate) struct Links {
    providers: Names,
    /// By provider's number.
    ids: Names,
    /// By number of an id: its provider, and the number of the identity that stands for it.
    canonical: Box<[(u32, u32)]>,
}

impl Links {
    /// Each link: its identities as (provider, id), the canonical one first.
    pub(crate) fn build<'l>(links: &[Vec<(&'l str, &'l str)>], seed: u64) -> Self {
        let mut providers: Vec<&str> = Vec::new();
        let (mut ids, mut canonical) = (Vec::new(), Vec::new());
        for link in links {
            let first = super::names::number(ids.len());
            for (provider, id) in link {
                let known = providers.iter().position(|known| known == provider);
                let space = super::names::number(known.unwrap_or(providers.len()));
                if known.is_none() {
                    providers.push(provider);
                }
                ids.push((space, id.as_bytes()));
                canonical.push((space, first));
            }
        }
        let spaces = providers.into_iter().map(|name| (0, name.as_bytes()));
        Self {
            providers: Names::build(spaces, seed),
            ids: Names::build(ids.into_iter(), seed),
            canonical: canonical.into(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.canonical.is_empty()
    }

    /// The identity that stands for this one: provider and id. None for one without a link.
    pub(crate) fn canonical(&self, provider: &[u8], id: &[u8]) -> Option<(&[u8], &[u8])> {
        let space = self.providers.get(0, provider)?;
        let (_, canonical) = self.canonical.get(self.ids.get(space, id)? as usize)?;
        let (space, _) = self.canonical.get(*canonical as usize)?;
        Some((self.providers.name(*space), self.ids.name(*canonical)))
    }

    /// Whether two ids, each of any provider, are of one principal.
    pub(crate) fn are_one(&self, id: &[u8], other: &[u8]) -> bool {
        id == other
            || self
                .of_any_provider(id)
                .any(|one| self.of_any_provider(other).any(|other| one == other))
    }

    /// The numbers of the identities that stand for an id, whoever its provider is.
    fn of_any_provider<'l>(&'l self, id: &'l [u8]) -> impl Iterator<Item = u32> + 'l {
        (0..super::names::number(self.providers.len())).filter_map(move |space| {
            let (_, canonical) = self.canonical.get(self.ids.get(space, id)? as usize)?;
            Some(*canonical)
        })
    }

    /// All identities that are one with this, itself too: provider and id. None for one without a link.
    #[inline]
    pub(crate) fn linked(
        &self,
        provider: &[u8],
        id: &[u8],
    ) -> Option<impl Iterator<Item = (&[u8], &[u8])>> {
        if self.is_empty() {
            return None;
        }
        let space = self.providers.get(0, provider)?;
        let (_, first) = *self.canonical.get(self.ids.get(space, id)? as usize)?;
        let rest = self.canonical.get(first as usize..)?;
        // The identities of one link stand in a row.
        let same = rest
            .iter()
            .take_while(move |(_, canonical)| *canonical == first);
        Some(
            (first..)
                .zip(same)
                .map(|(at, (space, _))| (self.providers.name(*space), self.ids.name(at))),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_identity_of_a_link_stands_for_all() {
        let links = [
            vec![("login", "dana"), ("partner", "d.smith"), ("host", "dana")],
            vec![("partner", "dana"), ("login", "d.smith")],
        ];
        let links = Links::build(&links, 7);
        let canonical = |provider: &str, id: &str| {
            let (provider, id) = links.canonical(provider.as_bytes(), id.as_bytes())?;
            let text = |bytes| core::str::from_utf8(bytes).ok();
            Some((text(provider)?, text(id)?))
        };
        let rows = [
            ("login", "dana", Some(("login", "dana"))),
            ("partner", "d.smith", Some(("login", "dana"))),
            ("host", "dana", Some(("login", "dana"))),
            ("partner", "dana", Some(("partner", "dana"))),
            ("login", "d.smith", Some(("partner", "dana"))),
            ("host", "d.smith", None),
            ("other", "dana", None),
            ("login", "dan", None),
        ];
        for (provider, id, expected) in rows {
            assert_eq!(canonical(provider, id), expected, "{provider} {id}");
        }
        let linked = |provider: &[u8], id: &[u8]| links.linked(provider, id).map(Iterator::count);
        assert_eq!(linked(b"host", b"dana"), Some(3));
        assert_eq!(linked(b"login", b"d.smith"), Some(2));
        assert_eq!(linked(b"host", b"d.smith"), None);
        let second: Vec<_> = links.linked(b"login", b"d.smith").unwrap().collect();
        assert_eq!(
            second,
            [(&b"partner"[..], &b"dana"[..]), (b"login", b"d.smith")]
        );
        assert!(links.are_one(b"dana", b"d.smith") && links.are_one(b"x", b"x"));
        assert!(!links.are_one(b"dana", b"x") && !Links::default().are_one(b"a", b"b"));
        assert!(!links.is_empty() && Links::default().is_empty());
        assert_eq!(Links::default().canonical(b"login", b"dana"), None);
    }

    #[test]
    fn what_is_inline_is_not_shown() {
        let shown = format!("{:?}", KeySource::Inline(b"hush-hush".as_slice().into()));
        assert_eq!(shown, "Inline(9 bytes)");
    }
}
