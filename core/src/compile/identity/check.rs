//! What the parts of identity say of each other, and what rules expect of them.

use super::providers::Providers;
use crate::compile::names::unknown;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::keys::KeySet;
use crate::limits::MAX_ISSUERS;
use crate::pattern::spiffe::SpiffeId;
use crate::pattern::text::TextPattern;
use crate::program::vocabulary::Attribute;
use crate::rule::identity::{
    API_KEYS, Authority, Credential, Expectation, Identity, Issuer, KeySource, WORKLOADS,
};
use crate::rule::{Matcher, Predicate, RuleEffect, RuleSet, Test};
use crate::text::Span;
use core::mem::{Discriminant, discriminant};
use std::collections::{HashMap, HashSet};

pub(super) fn check(rules: &RuleSet, diagnostics: &mut Diagnostics) {
    let identity = &rules.identity;
    contradictions(identity, diagnostics);
    audiences(identity, diagnostics);
    match identity.issuers.get(MAX_ISSUERS) {
        Some(issuer) => {
            let message = format!("a policy has at most {MAX_ISSUERS} issuers");
            let error = Diagnostic::error(Code::TOO_MANY_ISSUERS, issuer.name.span, message);
            diagnostics.push(error);
        }
        None => ambiguous(identity, diagnostics),
    }
    inline_keys(identity, diagnostics);
    forwarded(rules, diagnostics);
    links(rules, diagnostics);
    Asked {
        providers: Providers::of(rules),
        told: Told::of(rules),
        warned: HashSet::new(),
        diagnostics,
    }
    .rules(rules);
}

/// What is configured is listed under `credentials`, and what only an issuer verifies has one.
fn contradictions(identity: &Identity, diagnostics: &mut Diagnostics) {
    let Some(listed) = &identity.credentials else {
        return;
    };
    let broken = |api_keys| {
        let mut broken = identity.broken.iter();
        broken.any(|name| (**name == *API_KEYS) == api_keys)
    };
    let svids = identity.issuers.iter().any(Issuer::is_of_workloads);
    let tokens = match identity.issuers.iter().all(Issuer::is_of_workloads) {
        true if svids => "keys of a trust domain",
        _ => "issuers",
    };
    let found = |wanted| listed.iter().find(|(credential, _)| *credential == wanted);
    let rows = [
        (
            Credential::Bearer,
            "bearer",
            tokens,
            !identity.issuers.is_empty() || broken(false),
        ),
        (
            Credential::ApiKey,
            "api_key",
            "api_keys",
            identity.api_keys.is_some() || broken(true),
        ),
        (
            Credential::Host,
            "host",
            "trust_host: [principal]",
            identity.trust_host_principal,
        ),
        (
            Credential::Workload,
            "workload",
            "workloads",
            // A trust domain with keys may be there for its tokens alone.
            !identity.trust_domains.is_empty() && (identity.tells_peer() || !svids),
        ),
    ];
    for (credential, name, section, configured) in rows {
        match (found(credential), configured) {
            (None, true) => {
                let Some((_, span)) = listed.first() else {
                    continue;
                };
                let message = format!(
                    "`{section}` has no effect, because `credentials` does not list `{name}`"
                );
                diagnostics.push(
                    Diagnostic::error(Code::CREDENTIALS_CONTRADICT, *span, message)
                        .help(format!("add `{name}` to `credentials`")),
                );
            }
            (Some((Credential::Bearer | Credential::ApiKey, span)), false) => {
                let message = format!("`{name}` is listed, and nothing verifies it");
                diagnostics.push(
                    Diagnostic::error(Code::CREDENTIALS_CONTRADICT, *span, message)
                        .help(format!("configure `{section}`, or leave `{name}` out")),
                );
            }
            _ => {}
        }
    }
}

fn audiences(identity: &Identity, diagnostics: &mut Diagnostics) {
    for issuer in identity
        .issuers
        .iter()
        .filter(|one| one.audience.is_empty())
    {
        let message = format!(
            "tokens of \"{}\" are accepted whomever they are meant for",
            issuer.name.text
        );
        diagnostics.push(
            Diagnostic::warning(Code::NO_AUDIENCE, issuer.name.span, message)
                .help("name this service: `audience: [shop-api]` (RFC 8725 §3.9)"),
        );
    }
}

/// A token is of one issuer: two of one `iss` differ in their audience, or in what they expect.
fn ambiguous(identity: &Identity, diagnostics: &mut Diagnostics) {
    let mut by_iss: HashMap<&str, Vec<Meant<'_>>> = HashMap::new();
    for issuer in &identity.issuers {
        let Authority::Issuer(iss) = &issuer.authority else {
            continue;
        };
        let audience = issuer.audience.iter().map(|name| &*name.text).collect();
        let meant = Meant { issuer, audience };
        let others = by_iss.entry(&iss.text).or_default();
        if let Some(Meant { issuer: other, .. }) = others.iter().find(|one| one.overlaps(&meant)) {
            let message = format!(
                "a token of {} could be of \"{}\" or of \"{}\"",
                iss.text, other.name.text, issuer.name.text
            );
            diagnostics.push(
                Diagnostic::error(Code::AMBIGUOUS_ISSUER, issuer.name.span, message)
                    .related(other.name.span, "the other issuer")
                    .help("let them differ in `audience`, or in what they `expect` of one claim"),
            );
        }
        others.push(meant);
    }
}

/// Whom the tokens of an issuer are meant for.
struct Meant<'r> {
    issuer: &'r Issuer,
    audience: HashSet<&'r str>,
}

impl Meant<'_> {
    /// Whether one token could be of both.
    fn overlaps(&self, other: &Self) -> bool {
        let (one, two) = (self.issuer, other.issuer);
        let apart = one.audience_claim == two.audience_claim
            && !self.audience.is_empty()
            && !other.audience.is_empty()
            && self.audience.is_disjoint(&other.audience);
        let contradict = |a: &Expectation, b: &Expectation| {
            a.claim == b.claim && !a.one_of.iter().any(|text| b.one_of.contains(text))
        };
        let told_apart = |a| two.expect.iter().any(|b| contradict(a, b));
        !apart && !one.expect.iter().any(told_apart)
    }
}

/// Keys written inline can be read; what is kept elsewhere is read when the policy is installed.
fn inline_keys(identity: &Identity, diagnostics: &mut Diagnostics) {
    let of_issuers = identity.issuers.iter().map(|issuer| &issuer.keys);
    let of_approvals = identity.approvals.iter().map(|approvals| &approvals.keys);
    for keys in of_issuers.chain(of_approvals) {
        let KeySource::Inline(bytes) = &keys.source else {
            continue;
        };
        let error = |message: &str| Diagnostic::error(Code::BAD_KEYS, keys.span, message);
        match KeySet::load(bytes) {
            Err(reason) => diagnostics.push(error(&reason.to_string())),
            Ok(set) => {
                if set.is_empty() {
                    diagnostics.push(error("no key of this set can be used"));
                }
                for problem in set.problems().iter().filter(|one| one.is_left_out()) {
                    let message = problem.to_string();
                    diagnostics.push(Diagnostic::warning(Code::UNUSABLE_KEY, keys.span, message));
                }
            }
        }
    }
}

/// Forwarded certificates count from trusted proxies only.
fn forwarded(rules: &RuleSet, diagnostics: &mut Diagnostics) {
    if !rules.network.trusted_proxies.is_empty() {
        return;
    }
    let identity = &rules.identity;
    let rows = [
        ("xfcc", identity.xfcc.map(|(_, span)| span)),
        ("client_cert", identity.client_cert),
    ];
    for (name, span) in rows {
        let Some(span) = span else { continue };
        let message =
            format!("`{name}` never counts: no proxy is trusted to forward a certificate");
        diagnostics.push(
            Diagnostic::error(Code::NEVER_FORWARDED, span, message)
                .help("list the proxies: `network: { trusted_proxies: [10.0.0.0/8] }`"),
        );
    }
}

/// Every identity is of a provider that there is, and in one link.
fn links(rules: &RuleSet, diagnostics: &mut Diagnostics) {
    let providers = Providers::of(rules);
    let mut seen: HashMap<(&str, &str), Span> = HashMap::new();
    for one in rules
        .identity
        .links
        .iter()
        .flat_map(|link| &link.identities)
    {
        let span = one.id.span;
        let Some(provider) = providers.user(one.provider.as_ref(), span, diagnostics) else {
            continue;
        };
        if provider == WORKLOADS {
            trust_domain(&one.id.text, span, rules, diagnostics);
        }
        if let Some(first) = seen.insert((provider, &one.id.text), span) {
            let message = format!("\"{}\" of {provider} is linked twice", one.id.text);
            diagnostics.push(
                Diagnostic::error(Code::BAD_LINK, span, message)
                    .related(first, "it is linked here first")
                    .help("put all that is one principal into one link"),
            );
        }
    }
}

fn trust_domain(id: &str, span: Span, rules: &RuleSet, diagnostics: &mut Diagnostics) {
    let domains = &rules.identity.trust_domains;
    let Ok(id) = SpiffeId::parse(id.as_bytes()) else {
        let message = format!("\"{id}\" is no SPIFFE ID, and workloads have no other");
        diagnostics.push(Diagnostic::error(Code::BAD_LINK, span, message));
        return;
    };
    if !domains
        .iter()
        .any(|name| name.text.as_bytes() == id.trust_domain)
    {
        diagnostics.push(unknown(
            Code::UNKNOWN_PROVIDER,
            "trust domain",
            &String::from_utf8_lossy(id.trust_domain),
            span,
            domains.iter().map(|name| &*name.text),
            "list it under `identity.workloads.trust_domains`",
        ));
    }
}

/// What credentials of a policy tell.
struct Told<'r> {
    peer: bool,
    groups: bool,
    scopes: bool,
    /// `None` where the host, or a file of API keys, may bring any.
    attributes: Option<HashSet<&'r str>>,
}

impl<'r> Told<'r> {
    fn of(rules: &'r RuleSet) -> Self {
        let identity = &rules.identity;
        let open = identity.trust_host_principal
            || identity.api_keys.is_some()
            || !identity.broken.is_empty();
        let maps = |mapped: fn(&Issuer) -> bool| open || identity.issuers.iter().any(mapped);
        let issuers = identity.issuers.iter();
        let attributes = issuers.flat_map(|issuer| &issuer.principal.attributes);
        Self {
            peer: identity.tells_peer(),
            groups: maps(|issuer| !issuer.principal.groups.is_empty()),
            scopes: maps(|issuer| !issuer.principal.scopes.is_empty()),
            attributes: (!open).then(|| attributes.map(|(name, _)| &**name).collect()),
        }
    }
}

/// What rules ask about the caller.
struct Asked<'c, 'r> {
    providers: Providers<'r>,
    told: Told<'r>,
    warned: HashSet<(Span, Discriminant<Attribute>)>,
    diagnostics: &'c mut Diagnostics,
}

impl Asked<'_, '_> {
    fn rules(&mut self, rules: &RuleSet) {
        for rule in &rules.rules {
            self.predicate(&rule.predicate);
            if let RuleEffect::Require(requirements) = &rule.effect {
                let bypasses = requirements.iter().filter_map(|one| one.bypass.as_ref());
                bypasses.for_each(|bypass| self.predicate(bypass));
            }
        }
    }

    fn predicate(&mut self, predicate: &Predicate) {
        match predicate {
            Predicate::All(parts) | Predicate::Any(parts) => {
                parts.iter().for_each(|part| self.predicate(part));
            }
            Predicate::Not(part) => self.predicate(part),
            Predicate::When { apart, .. } => self.predicate(apart),
            Predicate::Test(test) => self.test(test),
            Predicate::Part { .. } => {}
        }
    }

    fn test(&mut self, test: &Test) {
        let (what, help) = match &test.attribute {
            Attribute::PrincipalProvider => return self.provider(test),
            Attribute::Peer if !self.told.peer => (
                "nothing tells who the peer is".to_owned(),
                "write `identity: { trust_host: [peer] }` if the host verifies certificates, or `workloads: { xfcc: { hops: 1 } }`".to_owned(),
            ),
            Attribute::Groups if !self.told.groups => (
                "no credential tells groups".to_owned(),
                "map a claim: `principal: { groups: [[groups]] }`".to_owned(),
            ),
            Attribute::Scopes if !self.told.scopes => (
                "no credential tells scopes".to_owned(),
                "map a claim: `principal: { scopes: [[scope]] }`".to_owned(),
            ),
            Attribute::PrincipalAttribute(name)
                if self.told.attributes.as_ref().is_some_and(|told| !told.contains(&**name)) =>
            (
                format!("no credential tells the attribute \"{name}\""),
                format!("map a claim: `principal: {{ attributes: {{ {name}: [{name}] }} }}`"),
            ),
            _ => return,
        };
        if self
            .warned
            .insert((test.span, discriminant(&test.attribute)))
        {
            let warning = Diagnostic::warning(Code::NEVER_KNOWN, test.span, what);
            self.diagnostics.push(warning.help(help));
        }
    }

    fn provider(&mut self, test: &Test) {
        if let Matcher::Text(TextPattern::Exact(name)) = &test.matcher
            && let Ok(name) = core::str::from_utf8(name)
        {
            self.providers.check(name, test.span, self.diagnostics);
        }
    }
}
