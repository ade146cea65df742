//! Settings of the engine: each source may repeat one, none may contradict another.

use crate::condition::Profile;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::pattern::cidr::Cidr;
use crate::pattern::path::{Normalize, TrailingSlash};
use crate::pattern::spiffe::is_trust_domain;
use crate::rule::{Credential, Name, PathOptions, RuleSet};
use crate::text::{Key, MappingReader, Node, Span};

use super::document::{Sections, items};
use super::names::name;
use super::words::{not_supported, pattern, word};

const NORMALIZE: &[(&str, Normalize)] = &[
    ("strict", Normalize::Strict),
    ("base", Normalize::Base),
    ("merge_slashes", Normalize::MergeSlashes),
    ("decode_slashes", Normalize::DecodeSlashes),
    ("none", Normalize::None),
];
const TRAILING_SLASH: &[(&str, TrailingSlash)] = &[
    ("same", TrailingSlash::Same),
    ("distinct", TrailingSlash::Distinct),
    ("reject", TrailingSlash::Reject),
];
const CREDENTIALS: &[(&str, Option<Credential>)] = &[
    ("host", Some(Credential::Host)),
    ("workload", Some(Credential::Workload)),
    ("bearer", None),
    ("api_key", None),
];
/// Most proxies that may stand in a row.
const MAX_HOPS: u64 = 64;

/// Reads the settings of all sources.
pub(super) fn lower(sections: &[Sections<'_>], rules: &mut RuleSet, diagnostics: &mut Diagnostics) {
    let mut settings = Settings::default();
    for section in sections {
        if let Some(paths) = section.paths {
            settings.read_paths(paths, diagnostics);
        }
        if let Some(network) = section.network {
            settings.read_network(network, diagnostics);
        }
        if let Some(identity) = section.identity {
            settings.read_identity(identity, diagnostics);
        }
        if let Some((key, node)) = section.preflight {
            let value = diagnostics.check(word(node, &[("allow", true)]));
            settings.preflight.set(key, value, diagnostics);
        }
    }
    settings.write(rules, diagnostics);
}

/// A setting that has been read, and where.
struct Agreed<T>(Option<(T, Span)>);

impl<T> Default for Agreed<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: PartialEq> Agreed<T> {
    fn set(&mut self, key: &Key, value: Option<T>, diagnostics: &mut Diagnostics) {
        match (&self.0, value) {
            (_, None) => {}
            (None, Some(value)) => self.0 = Some((value, key.span)),
            (Some((known, first)), Some(value)) if *known != value => {
                let message = format!("two sources differ in `{}`", key.text);
                let error = Diagnostic::error(Code::CONTRADICTION, key.span, message);
                let error = error.related(*first, "the other source");
                diagnostics.push(error.help("say it once, or the same in both"));
            }
            (Some(_), Some(_)) => {}
        }
    }

    fn get(self) -> Option<T> {
        self.0.map(|(value, _)| value)
    }
}

#[derive(Default)]
struct Settings {
    normalize: Agreed<Normalize>,
    trailing_slash: Agreed<TrailingSlash>,
    head_as_get: Agreed<bool>,
    trusted_proxies: Agreed<Vec<Cidr>>,
    xff_hops: Agreed<u32>,
    credentials: Agreed<Credentials>,
    trust_host: Agreed<TrustHost>,
    trust_domains: Agreed<TrustDomains>,
    preflight: Agreed<bool>,
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

/// Equal where the names are, wherever they stand.
struct TrustDomains(Vec<Name>);

impl PartialEq for TrustDomains {
    fn eq(&self, other: &Self) -> bool {
        let names = |list: &Self| {
            list.0
                .iter()
                .map(|name| name.text.clone())
                .collect::<Vec<_>>()
        };
        names(self) == names(other)
    }
}

impl Settings {
    fn read_paths(&mut self, node: &Node, diagnostics: &mut Diagnostics) {
        let Some(mut reader) = diagnostics.check(MappingReader::new(node)) else {
            return;
        };
        if let Some((key, node)) = reader.take_entry("normalize") {
            let value = diagnostics.check(word(node, NORMALIZE));
            self.normalize.set(key, value, diagnostics);
        }
        if let Some((key, node)) = reader.take_entry("trailing_slash") {
            let value = diagnostics.check(word(node, TRAILING_SLASH));
            self.trailing_slash.set(key, value, diagnostics);
        }
        if let Some((key, node)) = reader.take_entry("head_as_get") {
            let value = diagnostics.check(node.as_bool());
            self.head_as_get.set(key, value, diagnostics);
        }
        reader.finish(diagnostics);
    }

    fn read_network(&mut self, node: &Node, diagnostics: &mut Diagnostics) {
        let Some(mut reader) = diagnostics.check(MappingReader::new(node)) else {
            return;
        };
        if let Some((key, node)) = reader.take_entry("trusted_proxies") {
            let read =
                |item, diagnostics: &mut Diagnostics| diagnostics.check(pattern(item, Cidr::parse));
            let list = items(Some(node), diagnostics).iter();
            let value = list.filter_map(|item| read(item, diagnostics)).collect();
            self.trusted_proxies.set(key, Some(value), diagnostics);
        }
        if let Some((key, node)) = reader.take_entry("xff_hops") {
            let value = diagnostics.check(hops(node));
            self.xff_hops.set(key, value, diagnostics);
        }
        reader.finish(diagnostics);
    }

    fn read_identity(&mut self, node: &Node, diagnostics: &mut Diagnostics) {
        let Some(mut reader) = diagnostics.check(MappingReader::new(node)) else {
            return;
        };
        for key in ["issuers", "api_keys", "links"] {
            if let Some((key, _)) = reader.take_entry(key) {
                diagnostics.push(not_supported(key.span, &format!("`{}`", key.text)));
            }
        }
        if let Some((key, node)) = reader.take_entry("credentials") {
            let value = credentials(node, diagnostics).map(Credentials);
            self.credentials.set(key, value, diagnostics);
        }
        if let Some(node) = reader.take("on_invalid") {
            let reject = diagnostics.check(word(node, &[("reject", true), ("try_next", false)]));
            if reject == Some(false) {
                diagnostics.push(not_supported(node.span, "`on_invalid: try_next`"));
            }
        }
        if let Some((key, node)) = reader.take_entry("trust_host") {
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
            self.trust_host.set(key, Some(trust), diagnostics);
        }
        if let Some(node) = reader.take("workloads") {
            self.read_workloads(node, diagnostics);
        }
        reader.finish(diagnostics);
    }

    fn read_workloads(&mut self, node: &Node, diagnostics: &mut Diagnostics) {
        let Some(mut reader) = diagnostics.check(MappingReader::new(node)) else {
            return;
        };
        if let Some((key, _)) = reader.take_entry("xfcc") {
            diagnostics.push(not_supported(key.span, "`xfcc`"));
        }
        if let Some((key, node)) = reader.take_entry("trust_domains") {
            let list = items(Some(node), diagnostics).iter();
            let value = list
                .filter_map(|item| diagnostics.check(trust_domain(item)))
                .collect();
            self.trust_domains
                .set(key, Some(TrustDomains(value)), diagnostics);
        }
        reader.finish(diagnostics);
    }

    fn write(self, rules: &mut RuleSet, diagnostics: &mut Diagnostics) {
        let default = PathOptions::default();
        rules.paths = PathOptions {
            normalize: self.normalize.get().unwrap_or(default.normalize),
            trailing_slash: self.trailing_slash.get().unwrap_or(default.trailing_slash),
            head_as_get: self.head_as_get.get().unwrap_or(default.head_as_get),
        };
        if let (Agreed(Some((hops, span))), Agreed(None)) = (&self.xff_hops, &self.trusted_proxies)
            && *hops > 0
        {
            let message = "`xff_hops` counts trusted proxies, and there are none";
            let error = Diagnostic::error(Code::MISSING_KEY, *span, message);
            diagnostics.push(error.help("write `trusted_proxies` beside it"));
        }
        rules.preflight = self.preflight.get().unwrap_or(false);
        let network = &mut rules.network;
        network.trusted_proxies = self.trusted_proxies.get().unwrap_or_default();
        // Proxies that are trusted stand in a row of one, unless it is said otherwise.
        let one = u32::from(!network.trusted_proxies.is_empty());
        network.xff_hops = self.xff_hops.get().unwrap_or(one);
        let identity = &mut rules.identity;
        identity.credentials = self.credentials.get().map(|list| list.0);
        if let Some(trust) = self.trust_host.get() {
            identity.trust_host_principal = trust.principal;
            identity.trust_host_peer = trust.peer;
        }
        identity.trust_domains = self.trust_domains.get().map_or(Vec::new(), |list| list.0);
    }
}

fn hops(node: &Node) -> Result<u32, Diagnostic> {
    let hops = node.as_u64()?;
    u32::try_from(hops)
        .ok()
        .filter(|_| hops <= MAX_HOPS)
        .ok_or_else(|| {
            let message = format!("this number is out of range: 0 to {MAX_HOPS}");
            Diagnostic::error(Code::BAD_NUMBER, node.span, message)
        })
}

/// Nothing if one of them has a fault: what contradicts the others cannot be told then.
fn credentials(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<(Credential, Span)>> {
    let mut list: Vec<(Credential, Span)> = Vec::new();
    let items = diagnostics.check(node.as_sequence())?;
    let mut intact = true;
    for item in items {
        let before = list.len();
        match diagnostics.check(word(item, CREDENTIALS)) {
            Some(None) => {
                let what = format!("the credential `{}`", item.as_str().unwrap_or_default());
                diagnostics.push(not_supported(item.span, &what));
            }
            Some(Some(kind)) => match list.iter().find(|(known, _)| *known == kind) {
                None => list.push((kind, item.span)),
                Some((_, first)) => {
                    let message = "a credential is listed twice";
                    let error = Diagnostic::error(Code::DUPLICATE_NAME, item.span, message);
                    diagnostics.push(error.related(*first, "it is listed here first"));
                }
            },
            None => {}
        }
        intact &= list.len() > before;
    }
    intact.then_some(list)
}

fn trust_domain(node: &Node) -> Result<Name, Diagnostic> {
    let text = node.as_str()?;
    if is_trust_domain(text.as_bytes()) {
        return Ok(name(text, node.span));
    }
    let message = format!("\"{text}\" is no SPIFFE trust domain");
    let error = Diagnostic::error(Code::BAD_PATTERN, node.span, message);
    Err(error.help("write it like prod.shop.example: lower case, without scheme and path"))
}

/// What conditions may do; the sources that say so agree.
pub(super) fn profile(sections: &[Sections<'_>], diagnostics: &mut Diagnostics) -> Profile {
    let mut chosen: Option<(Profile, Span)> = None;
    for node in sections.iter().filter_map(|section| section.profile) {
        let Some(profile) = diagnostics.check(word(node, PROFILES)) else {
            continue;
        };
        match chosen {
            Some((other, first)) if other != profile => {
                let message = "another source chooses another profile";
                let error = Diagnostic::error(Code::CONTRADICTION, node.span, message);
                diagnostics.push(error.related(first, "it is chosen here first"));
            }
            Some(_) => {}
            None => chosen = Some((profile, node.span)),
        }
    }
    chosen.map_or(Profile::Strict, |(profile, _)| profile)
}

const PROFILES: &[(&str, Profile)] =
    &[("strict", Profile::Strict), ("extended", Profile::Extended)];
