//! Identity: from what the policy says to what decisions read, and what it needs from outside.

mod check;
mod digest;
pub(super) mod providers;
#[cfg(test)]
mod tests;

use super::names::Vocabulary;
use crate::diagnostic::Diagnostics;
use crate::keys::origin::{Need, NeedKind};
use crate::program::Owner;
use crate::program::identity::{
    self, ApiKeySettings, ApprovalSettings, Credential, Forwarded, HeaderRef, Identity, Links,
    PrincipalMap, RoleClaims, TokenSource,
};
use crate::program::names::Names;
use crate::program::roles::Lists;
use crate::rule::identity::{self as rule, Authority, KeySource};
use crate::rule::{Name, RuleSet};
use crate::text::{Sources, Span};
use providers::Providers;
use std::collections::BTreeMap;

/// The header of forwarded client certificates, as Envoy writes it.
const XFCC: &str = "x-forwarded-client-cert";
/// The header of one forwarded client certificate (RFC 9440 §2.1).
const CLIENT_CERT: &str = "client-cert";
const COOKIE: &str = "cookie";

/// Compiles identity, before the index: what it reads of a request is numbered with the rest.
pub(super) fn compile<'r>(
    rules: &'r RuleSet,
    vocabulary: &mut Vocabulary<'r>,
    seed: u64,
    diagnostics: &mut Diagnostics,
) -> Identity {
    check::check(rules, diagnostics);
    let given = &rules.identity;
    let mut compiler = Compiler {
        vocabulary,
        seed,
        diagnostics,
    };
    let layout = digest::layout(rules);
    let issuers: Vec<_> = given
        .issuers
        .iter()
        .map(|issuer| compiler.issuer(issuer))
        .collect();
    let api_keys = given.api_keys.as_ref().map(|keys| ApiKeySettings {
        from: compiler.places(&keys.from),
        keys: keys.keys.clone(),
    });
    let xfcc = given.xfcc.map(|(hops, _)| Forwarded {
        header: compiler.header(XFCC),
        hops,
    });
    let client_cert = given.client_cert.map(|_| compiler.header(CLIENT_CERT));
    let domains = given.trust_domains.iter();
    Identity {
        credentials: credentials(given),
        on_invalid: given.on_invalid,
        trust_host_principal: given.trust_host_principal,
        trust_host_peer: given.trust_host_peer,
        trust_domains: Names::build(domains.map(|name| (0, name.text.as_bytes())), seed),
        xfcc,
        client_cert,
        issuers: issuers.into(),
        api_keys,
        approvals: given.approvals.as_ref().map(approvals),
        links: links(rules, seed),
        layout,
    }
}

/// As listed, else all that anything can be the credential of.
fn credentials(given: &rule::Identity) -> Box<[Credential]> {
    if let Some(listed) = &given.credentials {
        return listed.iter().map(|(credential, _)| *credential).collect();
    }
    let bearer = (!given.issuers.is_empty()).then_some(Credential::Bearer);
    let api_key = given.api_keys.as_ref().map(|_| Credential::ApiKey);
    let known = [bearer, api_key];
    let always = [Credential::Host, Credential::Workload];
    known.into_iter().flatten().chain(always).collect()
}

struct Compiler<'c, 'r> {
    vocabulary: &'c mut Vocabulary<'r>,
    seed: u64,
    diagnostics: &'c mut Diagnostics,
}

impl<'r> Compiler<'_, 'r> {
    fn issuer(&mut self, given: &'r rule::Issuer) -> identity::Issuer {
        let texts = |names: &[Name]| names.iter().map(|name| name.text.clone()).collect();
        identity::Issuer {
            name: given.name.text.clone(),
            authority: match &given.authority {
                Authority::Issuer(name) => identity::Authority::Issuer(name.text.clone()),
                Authority::TrustDomain(name) => identity::Authority::TrustDomain(name.text.clone()),
            },
            audience: texts(&given.audience),
            audience_claim: given.audience_claim.clone(),
            algorithms: given.algorithms,
            typ: given.typ.clone().into(),
            leeway_ms: given.leeway_ms,
            require_exp: given.require_exp,
            required: given.required.clone().into(),
            expect: given.expect.clone().into(),
            max_lifetime_ms: given.max_lifetime_ms,
            from: self.places(&given.from),
            keys: given.keys.source.clone(),
            principal: self.principal(&given.principal),
            digest: digest::issuer(given),
        }
    }

    fn principal(&mut self, given: &'r rule::PrincipalMap) -> PrincipalMap {
        let attributes = given.attributes.iter().filter_map(|(name, path)| {
            let owner = Owner::Principal as u32;
            let id = self.vocabulary.attributes.get(owner, name)?;
            Some((u16::try_from(id).ok()?, path.clone()))
        });
        PrincipalMap {
            id: given.id.clone(),
            scopes: given.scopes.clone().into(),
            groups: given.groups.clone().into(),
            attributes: attributes.collect(),
            roles: given.roles.as_ref().map(|roles| self.roles(roles)),
        }
    }

    fn roles(&mut self, given: &'r rule::RoleClaims) -> RoleClaims {
        let mut by_value: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for (value, names) in &given.values {
            let roles = by_value.entry(value).or_default();
            for name in names {
                let role = self.vocabulary.role(name, self.diagnostics);
                roles.extend(role.map(|role| role.0));
            }
        }
        RoleClaims {
            from: given.from.clone().into(),
            names: Names::build(
                by_value.keys().map(|value| (0, value.as_bytes())),
                self.seed,
            ),
            roles: Lists::build(by_value.into_values()),
        }
    }

    fn places(&mut self, given: &'r [rule::TokenSource]) -> Box<[TokenSource]> {
        let place = |place: &'r rule::TokenSource| match place {
            rule::TokenSource::Header { name, scheme } => TokenSource::Header {
                header: self.header(name),
                scheme: scheme.clone(),
            },
            rule::TokenSource::Query(name) => TokenSource::Query {
                name: name.clone(),
                slot: short(self.vocabulary.queries.intern(0, name)),
            },
            rule::TokenSource::Cookie(name) => TokenSource::Cookie {
                name: name.clone(),
                header: self.header(COOKIE),
            },
        };
        given.iter().map(place).collect()
    }

    fn header(&mut self, name: &'r str) -> HeaderRef {
        HeaderRef {
            name: name.into(),
            slot: short(self.vocabulary.headers.intern(0, name)),
        }
    }
}

/// Counts are checked where all is numbered.
fn short(id: u32) -> u16 {
    u16::try_from(id).unwrap_or(u16::MAX)
}

fn approvals(given: &rule::Approvals) -> ApprovalSettings {
    ApprovalSettings {
        issuer: given.issuer.clone(),
        audience: given.audience.clone().into(),
        algorithms: given.algorithms,
        leeway_ms: given.leeway_ms,
        keys: given.keys.source.clone(),
        digest: digest::approvals(given),
    }
}

/// Links whose providers are all known; the others have been reported.
fn links(rules: &RuleSet, seed: u64) -> Links {
    let providers = Providers::of(rules);
    let mut silent = Diagnostics::new();
    let links: Vec<Vec<_>> = rules
        .identity
        .links
        .iter()
        .map(|link| {
            let identities = link.identities.iter();
            let known = identities.filter_map(|one| {
                let provider = providers.user(one.provider.as_ref(), one.id.span, &mut silent)?;
                Some((provider, &*one.id.text))
            });
            known.collect()
        })
        .collect();
    Links::build(&links, seed)
}

/// Headers that are taken away with the credential in them.
pub(super) fn stripped(rules: &RuleSet) -> impl Iterator<Item = &Box<str>> {
    let given = &rules.identity;
    let of_issuers = given.issuers.iter().filter(|issuer| issuer.strip);
    let of_keys = given.api_keys.iter().filter(|keys| keys.strip);
    let places = of_issuers.flat_map(|issuer| &issuer.from);
    let places = places.chain(of_keys.flat_map(|keys| &keys.from));
    places.filter_map(|place| match place {
        rule::TokenSource::Header { name, .. } => Some(name),
        rule::TokenSource::Query(_) | rule::TokenSource::Cookie(_) => None,
    })
}

/// What the policy needs from outside, in source order.
pub(super) fn needs(rules: &RuleSet, sources: &Sources) -> Box<[Need]> {
    let given = &rules.identity;
    let of_keys = |source: &KeySource, provider: Option<&str>, span: Span| {
        let (kind, origin) = match source {
            KeySource::Inline(_) => return None,
            KeySource::Outside(origin) => (NeedKind::KeySet, origin),
            KeySource::Secret(origin) => (NeedKind::Secret, origin),
        };
        Some((span, kind, origin.clone(), provider.map(Box::from)))
    };
    let issuers = given.issuers.iter().filter_map(|issuer| {
        of_keys(
            &issuer.keys.source,
            Some(&issuer.name.text),
            issuer.keys.span,
        )
    });
    let approvals = given
        .approvals
        .iter()
        .filter_map(|approvals| of_keys(&approvals.keys.source, None, approvals.keys.span));
    let api_keys = given.api_keys.iter().map(|keys| {
        let provider = Some(Box::from(rule::API_KEYS));
        (keys.span, NeedKind::ApiKeys, keys.keys.clone(), provider)
    });
    let mut needs: Vec<_> = issuers.chain(approvals).chain(api_keys).collect();
    needs.sort_by_key(|(span, ..)| *span);
    let need = |(span, kind, origin, provider): (Span, _, _, _)| Need {
        kind,
        origin,
        provider,
        source: sources.name(span.source).into(),
        line: sources.position(span).line,
    };
    needs.into_iter().map(need).collect()
}
