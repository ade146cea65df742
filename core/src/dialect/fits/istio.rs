//! Istio: how policies of a workload are lowered.

mod documents;

use super::*;
use crate::pattern::path::{Normalize, TrailingSlash};
use crate::rule::{Network, PathOptions};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Allow,
    Deny,
    Audit,
    Custom,
}

/// Policies of one workload.
struct Mesh {
    draft: Draft,
    layer: LayerId,
    /// Where ALLOW policies that are only tried out would bind, if no other does.
    trial: Option<LayerId>,
}

const STRINGS: [&str; 4] = ["aud", "azp", "iss", "c"];

impl Mesh {
    fn new() -> Self {
        let mut draft = Draft::new();
        draft.set.paths = PathOptions {
            normalize: Normalize::Base,
            trailing_slash: TrailingSlash::Distinct,
            head_as_get: false,
        };
        draft.set.network = Network {
            trusted_proxies: vec![Cidr::parse("0.0.0.0/0").unwrap()],
            xff_hops: 1,
        };
        draft.declare(AttributeType::StringList, &STRINGS.map(principal_attribute));
        draft.declare(AttributeType::String, &[principal_attribute("sub")]);
        let of_connection = ["destination.port", "connection.sni"].map(request_attribute);
        draft.declare(AttributeType::String, &of_connection);
        draft.declare(AttributeType::Ip, &[request_attribute("destination.ip")]);
        // What no ALLOW policy speaks of is allowed while there is none.
        let layer = draft.layer(true, Mode::Enforce);
        Self {
            draft,
            layer,
            trial: None,
        }
    }

    fn policy(mut self, name: &str, action: Action, rules: Vec<Predicate>) -> Self {
        if action == Action::Allow {
            self.draft.set.layers[usize::from(self.layer.0)].default_allow = false;
        }
        self.add(Mode::Enforce, self.layer, name, action, rules);
        self
    }

    /// `istio.io/dry-run: "true"`. Policies in force come first.
    fn dry_run(mut self, name: &str, action: Action, rules: Vec<Predicate>) -> Self {
        let alone = self.draft.set.layers[usize::from(self.layer.0)].default_allow;
        let layer = if action == Action::Allow && alone {
            let new = || self.draft.layer(false, Mode::Shadow);
            *self.trial.get_or_insert_with(new)
        } else {
            self.layer
        };
        self.add(Mode::Shadow, layer, name, action, rules);
        self
    }

    fn add(
        &mut self,
        mode: Mode,
        layer: LayerId,
        name: &str,
        action: Action,
        rules: Vec<Predicate>,
    ) {
        for (at, rule) in rules.into_iter().enumerate() {
            let effect = match action {
                Action::Allow => RuleEffect::Allow,
                Action::Deny => RuleEffect::Deny,
                Action::Audit => requirement("audit"),
                Action::Custom => requirement("external"),
            };
            let id = format!("{name}/{at}");
            self.draft.rule_in(mode, layer, &id, effect, rule);
        }
    }

    fn decides(&self, table: &[(Request<'_>, &str)]) {
        self.draft.decides(table);
    }
}

/// A string match of Istio: exact, `p*`, `*s`, and `*` for one character or more.
fn matcher(value: &str) -> Matcher {
    match (value, value.strip_prefix('*'), value.strip_suffix('*')) {
        ("*", ..) => glob(wildcards("?*"), false, None),
        (_, Some(suffix), _) => Matcher::Text(TextPattern::Suffix(suffix.as_bytes().into())),
        (_, _, Some(prefix)) => Matcher::Text(TextPattern::Prefix(prefix.as_bytes().into())),
        _ => exact(value),
    }
}

/// Any of some values of a field.
fn field(attribute: Attribute, values: &[&str]) -> Predicate {
    any(values
        .iter()
        .map(|value| is(attribute.clone(), matcher(value))))
}

fn methods(values: &[&str]) -> Predicate {
    field(Attribute::Method, values)
}

/// Names without regard to case, the port as it stands.
fn hosts(values: &[&str]) -> Predicate {
    any(values.iter().map(|value| {
        let matcher = match matcher(value) {
            Matcher::Text(pattern) => Matcher::TextFold(pattern),
            other => other,
        };
        is(Attribute::Authority, matcher)
    }))
}

fn paths(values: &[&str]) -> Predicate {
    any(values.iter().map(|value| {
        let matcher = if value.contains('{') {
            template(value)
        } else {
            matcher(value)
        };
        is(Attribute::Path, matcher)
    }))
}

/// `{*}` is one segment that is not empty, `{**}` anything.
fn template(text: &str) -> Matcher {
    let mut parts = Vec::new();
    for piece in text.split('{') {
        let rest = match piece.split_once('}') {
            Some(("*", rest)) => {
                parts.extend([GlobPart::One, GlobPart::Run { across: false }]);
                rest
            }
            Some((_, rest)) => {
                parts.push(GlobPart::Run { across: true });
                rest
            }
            None => piece,
        };
        parts.push(literal(rest));
    }
    glob(parts, false, Some(b'/'))
}

fn ports(values: &[&str]) -> Predicate {
    field(request_attribute("destination.port"), values)
}

fn header(name: &str, values: &[&str]) -> Predicate {
    any(values.iter().map(|value| {
        let matcher = if *value == "*" {
            Matcher::Present
        } else {
            matcher(value)
        };
        is(Attribute::Header(name.into()), matcher)
    }))
}

/// Principals are written without their scheme.
fn principals(values: &[&str]) -> Predicate {
    any(values.iter().map(|value| {
        let matcher = if value.starts_with('*') {
            matcher(value)
        } else {
            matcher(&format!("spiffe://{value}"))
        };
        is(Attribute::Peer, matcher)
    }))
}

fn trust_domains(values: &[&str]) -> Predicate {
    let pattern = |value: &&str| glob(wildcards(&format!("spiffe://{value}/*")), false, None);
    any(values
        .iter()
        .map(|value| is(Attribute::Peer, pattern(value))))
}

fn namespaces(values: &[&str]) -> Predicate {
    let pattern = |value: &&str| glob(wildcards(&format!("*/ns/{value}/*")), false, None);
    any(values
        .iter()
        .map(|value| is(Attribute::Peer, pattern(value))))
}

/// A service account of a namespace, wherever both stand in the identity.
fn service_account(namespace: &str, account: &str) -> Predicate {
    let before = ["", "?*/"].map(|more| format!("spiffe://?*/ns/{namespace}/{more}sa/{account}"));
    let forms = before
        .iter()
        .flat_map(|it| [it.clone(), format!("{it}/?*")]);
    any(forms.map(|form| is(Attribute::Peer, glob(wildcards(&form), false, None))))
}

fn ip_blocks(values: &[&str]) -> Predicate {
    is(Attribute::SourceIp, cidrs(values))
}

fn remote_ip_blocks(values: &[&str]) -> Predicate {
    is(Attribute::RemoteIp, cidrs(values))
}

/// Split at the last slash into issuer and subject.
fn request_principals(values: &[&str]) -> Predicate {
    any(values.iter().map(|value| {
        let (iss, sub) = value.rsplit_once('/').unwrap_or(("*", value));
        let iss = is(principal_attribute("iss"), matcher(iss));
        all([iss, is(principal_attribute("sub"), matcher(sub))])
    }))
}

fn claim(name: &str, values: &[&str]) -> Predicate {
    field(principal_attribute(name), values)
}

fn get() -> Request<'static> {
    Request {
        method: Some(b"GET"),
        host: Some(b"example.com"),
        path: Some(b"/"),
        source_ip: Some(b"127.0.0.1"),
        ..Request::default()
    }
}

fn to(path: &str) -> Request<'_> {
    Request {
        path: Some(path.as_bytes()),
        ..get()
    }
}

fn by(method: &str) -> Request<'_> {
    Request {
        method: Some(method.as_bytes()),
        ..get()
    }
}

fn at(host: &str) -> Request<'_> {
    Request {
        host: Some(host.as_bytes()),
        ..get()
    }
}

fn from(peer: &str) -> Request<'_> {
    Request {
        peer: Some(peer.as_bytes()),
        ..get()
    }
}

fn with_headers<'r>(headers: &'r [(&'r [u8], &'r [u8])]) -> Request<'r> {
    Request { headers, ..get() }
}

fn with_token<'r>(attributes: Attributes<'r>) -> Request<'r> {
    let principal = Some(Principal {
        id: b"token",
        attributes,
        ..Principal::default()
    });
    Request { principal, ..get() }
}
