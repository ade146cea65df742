//! `identity` and `approvals`: whom to believe about the caller.
//!
//! | module | lowers |
//! |---|---|
//! | [`issuer`] | issuers of tokens, with [`presets`] of well-known ones |
//! | [`claims`] | claims, and how they become a principal |
//! | [`keys`] | where keys are, [`jwks`] those written inline, [`url`] those fetched |
//! | [`places`] | where a credential stands in a request |
//! | [`workloads`] | trust domains, forwarded certificates, JWT-SVIDs |
//! | [`links`] | identities that are one principal |
//! | [`key_file`] | the file of API keys, which is a document of its own |
//!
//! Each source may repeat a setting, and none may contradict another; issuers, links and the
//! rest are put together.

mod claims;
mod issuer;
mod jwks;
pub(in super::super) mod key_file;
mod keys;
mod links;
mod places;
mod presets;
mod url;
mod workloads;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::rule::identity::{
    API_KEYS, ApiKeys, Approvals, Authority, Credential, Identity, Issuer, KeySource, Link,
    OnInvalid, TokenSource,
};
use crate::rule::{Name, RuleSet};
use crate::text::{Key, MappingReader, Node, Sources, Span};

use super::document::{Entry, Sections, entries, items};
use super::names::{Definitions, referred};
use super::schema::Schema;
use super::settings::{Agreed, SameText};
use super::words::word;
use issuer::Context;
use keys::KeyReader;

const CREDENTIALS: &[(&str, Credential)] = &[
    ("bearer", Credential::Bearer),
    ("api_key", Credential::ApiKey),
    ("workload", Credential::Workload),
    ("host", Credential::Host),
];
const ON_INVALID: &[(&str, OnInvalid)] = &[
    ("reject", OnInvalid::Reject),
    ("try_next", OnInvalid::TryNext),
];
/// Where an API key stands, unless it is said otherwise.
const API_KEY_HEADER: &str = "x-api-key";

/// Reads the identity of all sources.
pub(super) fn lower(
    sections: &[Sections<'_>],
    schema: &Schema<'_>,
    sources: &Sources,
    rules: &mut RuleSet,
    diagnostics: &mut Diagnostics,
) {
    let context = Context { sources, schema };
    let mut settings = Settings::new();
    for section in sections {
        if let Some(identity) = section.identity {
            settings.read(identity, &context, diagnostics);
        }
        if let Some(approvals) = section.approvals {
            settings.read_approvals(approvals, &context, diagnostics);
        }
    }
    rules.identity = settings.finish();
}

/// What the sources have said so far.
struct Settings {
    credentials: Agreed<Credentials>,
    on_invalid: Agreed<OnInvalid>,
    trust_host: Agreed<TrustHost>,
    trust_domains: Agreed<SameText>,
    xfcc: Agreed<u32>,
    client_cert: Agreed<bool>,
    providers: Definitions,
    issuers: Vec<Issuer>,
    once: Definitions,
    api_keys: Option<ApiKeys>,
    broken: Vec<Box<str>>,
    approvals: Option<Approvals>,
    links: Vec<Link>,
}

/// Equal where the credentials are, wherever they stand.
struct Credentials(Vec<(Credential, Span)>);

impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        let kinds = |list: &Self| list.0.iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
        kinds(self) == kinds(other)
    }
}

#[derive(PartialEq)]
struct TrustHost {
    principal: bool,
    peer: bool,
}

impl Settings {
    fn new() -> Self {
        Self {
            credentials: Agreed::default(),
            on_invalid: Agreed::default(),
            trust_host: Agreed::default(),
            trust_domains: Agreed::default(),
            xfcc: Agreed::default(),
            client_cert: Agreed::default(),
            providers: Definitions::of("issuer"),
            issuers: Vec::new(),
            once: Definitions::of("section"),
            api_keys: None,
            broken: Vec::new(),
            approvals: None,
            links: Vec::new(),
        }
    }

    fn read(&mut self, node: &Node, context: &Context<'_, '_>, diagnostics: &mut Diagnostics) {
        let Some(mut reader) = diagnostics.check(MappingReader::new(node)) else {
            return;
        };
        if let Some((key, node)) = reader.take_entry("credentials") {
            let value = credentials(node, diagnostics).map(Credentials);
            self.credentials.set(key, value, diagnostics);
        }
        if let Some((key, node)) = reader.take_entry("on_invalid") {
            let value = diagnostics.check(word(node, ON_INVALID));
            self.on_invalid.set(key, value, diagnostics);
        }
        if let Some((key, node)) = reader.take_entry("trust_host") {
            let value = trust_host(node, diagnostics);
            self.trust_host.set(key, Some(value), diagnostics);
        }
        for (key, node) in entries(reader.take("issuers"), diagnostics) {
            match issuer::issuer(key, node, context, diagnostics) {
                Some(issuer) if self.is_new(&issuer, diagnostics) => self.issuers.push(issuer),
                Some(_) => {}
                None => self.broken.push(key.text.clone()),
            }
        }
        if let Some((key, node)) = reader.take_entry("api_keys") {
            let api_keys = api_keys(key, node, context, diagnostics);
            if api_keys.is_none() {
                self.broken.push(API_KEYS.into());
            }
            if self.once(key, diagnostics) {
                self.api_keys = api_keys;
            }
        }
        if let Some(node) = reader.take("workloads") {
            workloads::read(node, context, self, diagnostics);
        }
        if let Some(node) = reader.take("links") {
            self.links.extend(links::read(node, diagnostics));
        }
        reader.finish(diagnostics);
    }

    fn read_approvals(
        &mut self,
        (key, node): Entry<'_>,
        context: &Context<'_, '_>,
        diagnostics: &mut Diagnostics,
    ) {
        let approvals = approvals(key, node, context, diagnostics);
        if self.once(key, diagnostics) {
            self.approvals = approvals;
        }
    }

    /// Whether an issuer, or the keys of a trust domain, are defined for the first time.
    fn is_new(&mut self, issuer: &Issuer, diagnostics: &mut Diagnostics) -> bool {
        match &issuer.authority {
            Authority::Issuer(_) => self.providers.define(&issuer.name, diagnostics),
            // Names of trust domains hold no blank.
            Authority::TrustDomain(domain) => {
                let name = super::names::name(&format!("keys of {}", domain.text), domain.span);
                self.once.define(&name, diagnostics)
            }
        }
    }

    /// Whether a section that cannot be put together with another is the first of its name.
    fn once(&mut self, key: &Key, diagnostics: &mut Diagnostics) -> bool {
        let name = super::names::name(&key.text, key.span);
        self.once.define(&name, diagnostics)
    }

    fn finish(self) -> Identity {
        let trust = self.trust_host.get();
        Identity {
            credentials: self.credentials.get().map(|list| list.0),
            on_invalid: self.on_invalid.get().unwrap_or_default(),
            trust_host_principal: trust.as_ref().is_some_and(|trust| trust.principal),
            trust_host_peer: trust.is_some_and(|trust| trust.peer),
            trust_domains: self.trust_domains.get().map_or(Vec::new(), |list| list.0),
            issuers: self.issuers,
            api_keys: self.api_keys,
            broken: self.broken,
            xfcc: self.xfcc.get_entry(),
            client_cert: match self.client_cert.get_entry() {
                Some((true, span)) => Some(span),
                _ => None,
            },
            links: self.links,
            approvals: self.approvals,
        }
    }
}

fn trust_host(node: &Node, diagnostics: &mut Diagnostics) -> TrustHost {
    let mut trust = TrustHost {
        principal: false,
        peer: false,
    };
    for item in items(Some(node), diagnostics) {
        match diagnostics.check(word(item, &[("principal", true), ("peer", false)])) {
            Some(true) => trust.principal = true,
            Some(false) => trust.peer = true,
            None => {}
        }
    }
    trust
}

/// Nothing if one of them has a fault: what contradicts the others cannot be told then.
fn credentials(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<(Credential, Span)>> {
    let mut list: Vec<(Credential, Span)> = Vec::new();
    let items = diagnostics.check(node.as_sequence())?;
    let mut intact = true;
    for item in items {
        let before = list.len();
        if let Some(kind) = diagnostics.check(word(item, CREDENTIALS)) {
            match list.iter().find(|(known, _)| *known == kind) {
                None => list.push((kind, item.span)),
                Some((_, first)) => {
                    let message = "a credential is listed twice";
                    let error = Diagnostic::error(Code::DUPLICATE_NAME, item.span, message);
                    diagnostics.push(error.related(*first, "it is listed here first"));
                }
            }
        }
        intact &= list.len() > before;
    }
    intact.then_some(list)
}

/// `{ header, keys }`: where API keys stand, and the file that knows them.
fn api_keys(
    key: &Key,
    node: &Node,
    context: &Context<'_, '_>,
    diagnostics: &mut Diagnostics,
) -> Option<ApiKeys> {
    let mut reader = diagnostics.check(MappingReader::new(node))?;
    let from = match (reader.take_entry("header"), reader.take_entry("from")) {
        (Some(_), Some((second, _))) => {
            let message = "`header` is short for one place, and `from` lists them all";
            let error = Diagnostic::error(Code::BAD_PLACE, second.span, message);
            diagnostics.push(error.help("write one of them"));
            Vec::new()
        }
        (_, Some((_, node))) => places::places(node, diagnostics),
        (Some((_, node)), None) => {
            let name = diagnostics.check(places::header_name(node));
            let place = |name| TokenSource::Header { name, scheme: None };
            name.map(place).into_iter().collect()
        }
        (None, None) => vec![TokenSource::Header {
            name: API_KEY_HEADER.into(),
            scheme: None,
        }],
    };
    let strip = places::strip(reader.take("strip"), &from, diagnostics);
    let keys = reader.take_entry("keys");
    if keys.is_none() {
        diagnostics.push(issuer::missing_keys(key.span));
    }
    reader.finish(diagnostics);
    let (at, node) = keys?;
    let key_reader = KeyReader {
        sources: context.sources,
        issuer: None,
    };
    let keys = key_reader.read(at, node, diagnostics)?;
    match keys.source {
        KeySource::Outside(origin) if !origin.is_remote() => Some(ApiKeys {
            from,
            strip,
            keys: origin,
            span: at.span,
        }),
        _ => {
            let message = "API keys are in a file";
            let error = Diagnostic::error(Code::BAD_KEYS, at.span, message);
            diagnostics.push(error.help("write { file: keys.yaml }, or \"${env:NAME}\""));
            None
        }
    }
}

/// `{ issuer, keys, audience?, algorithms?, leeway? }`: whose approvals count.
fn approvals(
    key: &Key,
    node: &Node,
    context: &Context<'_, '_>,
    diagnostics: &mut Diagnostics,
) -> Option<Approvals> {
    let mut reader = diagnostics.check(MappingReader::new(node))?;
    let issuer = reader.read_required("issuer", referred, diagnostics);
    let key_reader = KeyReader {
        sources: context.sources,
        issuer: issuer.as_ref().map(|name| (&*name.text, name.span)),
    };
    let keys = reader.take_entry("keys");
    if keys.is_none() {
        diagnostics.push(issuer::missing_keys(key.span));
    }
    let keys = keys.and_then(|(key, node)| key_reader.read(key, node, diagnostics));
    let audience = issuer::audience(reader.take("audience"), diagnostics);
    let listed = reader.take("algorithms");
    let at = listed.map_or(key.span, |node| node.span);
    let algorithms = keys::algorithms(listed, &[], keys.as_ref(), at, diagnostics);
    let leeway_ms = issuer::leeway(reader.take("leeway"), diagnostics);
    reader.finish(diagnostics);
    Some(Approvals {
        issuer: issuer?.text,
        audience: audience.into_iter().map(|name: Name| name.text).collect(),
        algorithms,
        leeway_ms,
        keys: keys?,
    })
}
