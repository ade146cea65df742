//! `workloads`: trust domains, and what tells which workload the peer is.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::pattern::spiffe::is_trust_domain;
use crate::rule::Name;
use crate::rule::identity::{Algorithm, Authority, Issuer, PrincipalMap, WORKLOADS};
use crate::text::{Key, Kind, MappingReader, Node, Span};

use super::super::document::entries;
use super::super::names::name;
use super::super::settings::{SameText, hops};
use super::Settings;
use super::claims::path_of;
use super::issuer::{Context, audience, leeway, max_lifetime};
use super::keys::{KeyReader, algorithms};
use super::places;

pub(super) fn read(
    node: &Node,
    context: &Context<'_, '_>,
    settings: &mut Settings,
    diagnostics: &mut Diagnostics,
) {
    let Some(mut reader) = diagnostics.check(MappingReader::new(node)) else {
        return;
    };
    if let Some((key, node)) = reader.take_entry("trust_domains") {
        let domains = match &node.kind {
            Kind::Mapping(_) => with_keys(node, context, settings, diagnostics),
            _ => list(node, diagnostics),
        };
        settings
            .trust_domains
            .set(key, Some(SameText(domains)), diagnostics);
    }
    if let Some((key, node)) = reader.take_entry("xfcc") {
        let hops = diagnostics
            .check(MappingReader::new(node))
            .map(|mut reader| {
                let hops = reader.read("hops", hops_of_xfcc, diagnostics);
                reader.finish(diagnostics);
                hops.unwrap_or(1)
            });
        settings.xfcc.set(key, hops, diagnostics);
    }
    if let Some((key, node)) = reader.take_entry("client_cert") {
        let counts = diagnostics.check(node.as_bool());
        settings.client_cert.set(key, counts, diagnostics);
    }
    reader.finish(diagnostics);
}

/// One element at least: none would be nobody's.
fn hops_of_xfcc(node: &Node) -> Result<u32, Diagnostic> {
    match hops(node)? {
        0 => {
            let message = "the elements are counted from 1, the one on the right";
            Err(Diagnostic::error(Code::BAD_NUMBER, node.span, message))
        }
        hops => Ok(hops),
    }
}

fn list(node: &Node, diagnostics: &mut Diagnostics) -> Vec<Name> {
    let items = diagnostics.check(node.as_sequence()).unwrap_or_default();
    let read = |item: &Node| {
        let text = item.as_str()?;
        trust_domain(text, item.span)
    };
    items
        .iter()
        .filter_map(|item| diagnostics.check(read(item)))
        .collect()
}

/// `{ prod.shop.example: { keys, audience }, other.example: {} }`: with keys, JWT-SVIDs count.
fn with_keys(
    node: &Node,
    context: &Context<'_, '_>,
    settings: &mut Settings,
    diagnostics: &mut Diagnostics,
) -> Vec<Name> {
    let mut domains = Vec::new();
    for (key, node) in entries(Some(node), diagnostics) {
        let Some(domain) = diagnostics.check(trust_domain(&key.text, key.span)) else {
            continue;
        };
        if !matches!(&node.kind, Kind::Mapping(entries) if entries.is_empty())
            && let Some(issuer) = svids(key, node, &domain, context, diagnostics)
            && settings.is_new(&issuer, diagnostics)
        {
            settings.issuers.push(issuer);
        }
        domains.push(domain);
    }
    domains
}

/// The keys of a trust domain, and what a JWT-SVID has to say (JWT-SVID §2, §3).
fn svids(
    key: &Key,
    node: &Node,
    domain: &Name,
    context: &Context<'_, '_>,
    diagnostics: &mut Diagnostics,
) -> Option<Issuer> {
    let mut reader = diagnostics.check(MappingReader::new(node))?;
    let keys = reader.take_entry("keys");
    if keys.is_none() {
        diagnostics.push(super::issuer::missing_keys(key.span));
    }
    let key_reader = KeyReader {
        sources: context.sources,
        issuer: None,
    };
    let keys = keys.and_then(|(key, node)| key_reader.read(key, node, diagnostics));
    let audience = audience(reader.require("audience", diagnostics), diagnostics);
    let listed = reader.take("algorithms");
    let at = listed.map_or(key.span, |node| node.span);
    let algorithms = algorithms(listed, &[], keys.as_ref(), at, diagnostics);
    if algorithms.iter().any(Algorithm::is_symmetric) {
        diagnostics.push(symmetric(at));
    }
    let leeway_ms = leeway(reader.take("leeway"), diagnostics);
    let max_lifetime_ms = max_lifetime(reader.take("max_lifetime"), diagnostics);
    let from = reader.take("from");
    let from = from.map_or_else(
        || vec![places::bearer()],
        |node| places::places(node, diagnostics),
    );
    let strip = places::strip(reader.take("strip"), &from, diagnostics);
    reader.finish(diagnostics);
    Some(Issuer {
        name: name(WORKLOADS, key.span),
        authority: Authority::TrustDomain(domain.clone()),
        audience,
        audience_claim: path_of(&["aud"]),
        algorithms,
        typ: ["jwt", "jose", ""].map(Box::from).into(),
        leeway_ms,
        require_exp: true,
        required: Vec::new(),
        expect: Vec::new(),
        max_lifetime_ms,
        from,
        strip,
        keys: keys?,
        principal: PrincipalMap {
            id: path_of(&["sub"]),
            roles: None,
            scopes: Vec::new(),
            groups: Vec::new(),
            attributes: Vec::new(),
        },
    })
}

fn symmetric(at: Span) -> Diagnostic {
    let message = "a workload's token is signed with a private key";
    let error = Diagnostic::error(Code::MIXED_ALGORITHMS, at, message);
    error.help("leave `algorithms` out, or list RS, PS and ES ones")
}

fn trust_domain(text: &str, span: Span) -> Result<Name, Diagnostic> {
    if is_trust_domain(text.as_bytes()) {
        return Ok(name(text, span));
    }
    let message = format!("\"{text}\" is no SPIFFE trust domain");
    let error = Diagnostic::error(Code::BAD_PATTERN, span, message);
    Err(error.help("write it like prod.shop.example: lower case, without scheme and path"))
}
