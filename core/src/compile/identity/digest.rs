//! Digests of configuration: what a verified token is remembered for.

use crate::crypto;
use crate::keys::origin::Origin;
use crate::program::vocabulary::{Attribute, AttributeType};
use crate::rule::RuleSet;
use crate::rule::identity::{
    Approvals, Authority, ClaimPath, Issuer, KeySource, RoleClaims, TokenSource,
};

/// Pieces to digest. Each list says how long it is, so that no two configurations are alike.
#[derive(Default)]
struct Pieces(Vec<Box<[u8]>>);

impl Pieces {
    fn text(&mut self, text: &str) {
        self.0.push(text.as_bytes().into());
    }

    fn number(&mut self, number: i64) {
        self.0.push(number.to_le_bytes().into());
    }

    fn count(&mut self, count: usize) {
        self.0.push((count as u64).to_le_bytes().into());
    }

    fn texts<'t>(&mut self, texts: impl ExactSizeIterator<Item = &'t str>) {
        self.count(texts.len());
        texts.for_each(|text| self.text(text));
    }

    fn path(&mut self, path: &ClaimPath) {
        self.texts(path.0.iter().map(|name| &**name));
    }

    fn paths(&mut self, paths: &[ClaimPath]) {
        self.count(paths.len());
        paths.iter().for_each(|path| self.path(path));
    }

    fn keys(&mut self, source: &KeySource) {
        let (kind, origin) = match source {
            KeySource::Inline(bytes) => {
                self.text("inline");
                self.0.push(bytes.clone());
                return;
            }
            KeySource::Outside(origin) => ("set", origin),
            KeySource::Secret(origin) => ("secret", origin),
        };
        self.text(kind);
        let (place, name) = match origin {
            Origin::File(name) => ("file", name),
            Origin::Environment(name) => ("env", name),
            Origin::Url(url) => ("url", url),
            Origin::Discovery(issuer) => ("discovery", issuer),
        };
        self.text(place);
        self.text(name);
    }

    fn place(&mut self, place: &TokenSource) {
        match place {
            TokenSource::Header { name, scheme } => {
                self.text("header");
                self.text(name);
                self.texts(scheme.iter().map(|scheme| &**scheme));
            }
            TokenSource::Query(name) => {
                self.text("query");
                self.text(name);
            }
            TokenSource::Cookie(name) => {
                self.text("cookie");
                self.text(name);
            }
        }
    }

    fn roles(&mut self, roles: &RoleClaims) {
        self.paths(&roles.from);
        self.count(roles.values.len());
        for (value, names) in &roles.values {
            self.text(value);
            self.texts(names.iter().map(|name| &*name.text));
        }
    }

    fn finish(&self) -> [u8; 32] {
        crypto::digest(self.0.iter().map(|piece| &**piece))
    }
}

/// Of all that an issuer's tokens are judged and read by.
pub(super) fn issuer(given: &Issuer) -> [u8; 32] {
    let mut pieces = Pieces::default();
    pieces.text(&given.name.text);
    match &given.authority {
        Authority::Issuer(name) => {
            pieces.text("issuer");
            pieces.text(&name.text);
        }
        Authority::TrustDomain(name) => {
            pieces.text("trust domain");
            pieces.text(&name.text);
        }
    }
    pieces.texts(given.audience.iter().map(|name| &*name.text));
    pieces.path(&given.audience_claim);
    let algorithms: Vec<_> = given.algorithms.iter().collect();
    pieces.texts(algorithms.iter().map(|algorithm| algorithm.name()));
    pieces.texts(given.typ.iter().map(|typ| &**typ));
    pieces.number(given.leeway_ms);
    pieces.number(i64::from(given.require_exp));
    pieces.paths(&given.required);
    pieces.count(given.expect.len());
    for expectation in &given.expect {
        pieces.path(&expectation.claim);
        pieces.texts(expectation.one_of.iter().map(|text| &**text));
    }
    pieces.number(given.max_lifetime_ms.unwrap_or(-1));
    pieces.count(given.from.len());
    given.from.iter().for_each(|place| pieces.place(place));
    pieces.keys(&given.keys.source);
    let principal = &given.principal;
    pieces.path(&principal.id);
    pieces.count(principal.roles.iter().len());
    principal.roles.iter().for_each(|roles| pieces.roles(roles));
    pieces.paths(&principal.scopes);
    pieces.paths(&principal.groups);
    pieces.count(principal.attributes.len());
    for (name, path) in &principal.attributes {
        pieces.text(name);
        pieces.path(path);
    }
    pieces.finish()
}

pub(super) fn approvals(given: &Approvals) -> [u8; 32] {
    let mut pieces = Pieces::default();
    pieces.text(&given.issuer);
    pieces.texts(given.audience.iter().map(|audience| &**audience));
    let algorithms: Vec<_> = given.algorithms.iter().collect();
    pieces.texts(algorithms.iter().map(|algorithm| algorithm.name()));
    pieces.number(given.leeway_ms);
    pieces.keys(&given.keys.source);
    pieces.finish()
}

/// Of what the numbers of roles and of principal attributes mean.
pub(super) fn layout(rules: &RuleSet) -> [u8; 32] {
    let mut pieces = Pieces::default();
    pieces.texts(rules.roles.iter().map(|role| &*role.name.text));
    // Attributes of every owner are numbered together.
    pieces.count(rules.attributes.len());
    for declaration in &rules.attributes {
        let (owner, name) = match &declaration.attribute {
            Attribute::PrincipalAttribute(name) => ("principal", name),
            Attribute::RequestAttribute(name) => ("request", name),
            Attribute::ResourceAttribute(name) => ("resource", name),
            _ => continue,
        };
        pieces.text(owner);
        pieces.text(name);
        pieces.text(type_name(declaration.ty));
    }
    pieces.finish()
}

fn type_name(ty: AttributeType) -> &'static str {
    let mut names = AttributeType::NAMES.iter();
    names
        .find(|(_, known)| *known == ty)
        .map_or("", |(name, _)| name)
}
