//! The one representation, tried on four other languages of policy.
//!
//! Each module lowers documents of one language by hand, as its dialect will, and
//! holds a table of requests with the answers that the original system gives.
//! The engine decides; nothing here interprets anything.

mod apigee;
mod aws_iam;
mod aws_iam_accounts;
mod azure;
mod istio;

use crate::decision::Reason;
use crate::engine::{Decision, Engine, EngineConfig};
use crate::pattern::cidr::Cidr;
use crate::pattern::text::TextPattern;
use crate::policy::Policy;
use crate::program::vocabulary::{Attribute, AttributeType, Truth};
use crate::request::{Principal, Request, Resource, Value};
use crate::rule::identity::{Credential, Identity};
use crate::rule::{
    AttributeDeclaration, GlobPart, GlobTemplate, Layer, LayerId, Matcher, Mode, Name, Over,
    Predicate, Requirement, Rule, RuleEffect, RuleSet, Test,
};
use crate::text::{SourceId, Span};

/// A rule set in the making. Rules are reported in the order in which they were added.
#[derive(Default)]
struct Draft {
    set: RuleSet,
}

const fn span(at: u32) -> Span {
    Span {
        source: SourceId(0),
        start: at,
        end: at,
    }
}

fn name(text: &str) -> Name {
    Name {
        text: text.into(),
        span: span(0),
    }
}

impl Draft {
    /// Believes the host about the principal and about the peer, which is no principal.
    fn new() -> Self {
        let identity = Identity {
            credentials: Some(vec![(Credential::Host, span(0))]),
            trust_host_principal: true,
            trust_host_peer: true,
            ..Identity::default()
        };
        let set = RuleSet {
            identity,
            ..RuleSet::default()
        };
        Self { set }
    }

    fn layer(&mut self, default_allow: bool, mode: Mode) -> LayerId {
        let id = LayerId(u8::try_from(self.set.layers.len()).unwrap());
        self.set.layers.push(Layer {
            name: None,
            default_allow,
            mode,
        });
        id
    }

    fn declare(&mut self, ty: AttributeType, attributes: &[Attribute]) {
        let declared = attributes.iter().map(|attribute| AttributeDeclaration {
            attribute: attribute.clone(),
            ty,
            optional: true,
        });
        self.set.attributes.extend(declared);
    }

    fn rule(&mut self, layer: LayerId, id: &str, effect: RuleEffect, predicate: Predicate) {
        self.rule_in(Mode::Enforce, layer, id, effect, predicate);
    }

    fn rule_in(
        &mut self,
        mode: Mode,
        layer: LayerId,
        id: &str,
        effect: RuleEffect,
        predicate: Predicate,
    ) {
        self.set.rules.push(Rule {
            id: name(id),
            span: span(u32::try_from(self.set.rules.len()).unwrap()),
            layer,
            mode,
            effect,
            predicate,
        });
    }

    /// Decides every request of a table. Those that bring no time are of the beginning of time.
    fn decides(&self, table: &[(Request<'_>, &str)]) {
        let policy = Policy::from_rules(&self.set).unwrap();
        assert!(policy.warnings().is_empty());
        let engine = Engine::new(policy, EngineConfig::replay()).unwrap();
        let mut scratch = engine.scratch();
        for (request, expected) in table {
            let request = Request {
                at: request.at.or(Some(0)),
                ..*request
            };
            let outcome = told(&engine.decide(&mut scratch, &request));
            let explained = engine.explain(&mut scratch, &request);
            assert_eq!(&outcome, expected, "{explained}");
        }
    }
}

/// `allow`, `deny`, `undecided`, with the rule if one decided, then `+` obligations and `~` a shadow's verdict if it differs.
fn told(decision: &Decision<'_>) -> String {
    let mut words = verdict(decision.reason(), decision.rule());
    for obligation in decision.obligations() {
        words += &format!(" +{}", obligation.kind());
    }
    if let Some(shadow) = decision.shadow()
        && shadow.effect() != decision.effect()
    {
        words += &format!(" ~{}", verdict(shadow.reason(), shadow.rule()));
    }
    words
}

fn verdict(reason: Reason, rule: Option<&str>) -> String {
    let effect = match reason {
        Reason::Allowed => "allow",
        Reason::DeniedByRule | Reason::NotPermitted | Reason::Unauthenticated => "deny",
        Reason::Indeterminate => "undecided",
        other => other.as_str(),
    };
    rule.map_or(effect.into(), |rule| format!("{effect} {rule}"))
}

fn all<const N: usize>(parts: [Predicate; N]) -> Predicate {
    Predicate::All(parts.into())
}

fn any(parts: impl IntoIterator<Item = Predicate>) -> Predicate {
    Predicate::Any(parts.into_iter().collect())
}

fn not(part: Predicate) -> Predicate {
    Predicate::Not(part.into())
}

/// A test that one value passes; absent, it is false.
fn is(attribute: Attribute, matcher: Matcher) -> Predicate {
    over(Over::Any, attribute, matcher, Truth::False)
}

fn over(over: Over, attribute: Attribute, matcher: Matcher, absent: Truth) -> Predicate {
    Predicate::Test(Test {
        attribute,
        matcher,
        over,
        absent,
        span: span(0),
    })
}

fn exact(text: &str) -> Matcher {
    Matcher::Text(TextPattern::Exact(text.as_bytes().into()))
}

fn one_of(texts: &[&str]) -> Matcher {
    Matcher::OneOf(texts.iter().map(|text| (*text).into()).collect())
}

fn cidrs(networks: &[&str]) -> Matcher {
    let parse = |text: &&str| Cidr::parse_lenient(text).unwrap();
    Matcher::Cidr(networks.iter().map(parse).collect())
}

fn glob(parts: Vec<GlobPart>, fold_case: bool, separator: Option<u8>) -> Matcher {
    Matcher::Glob(GlobTemplate {
        parts,
        fold_case,
        separator,
    })
}

fn literal(text: &str) -> GlobPart {
    GlobPart::Literal(text.into())
}

/// `*` any run, `?` one character, and the rest as it stands.
fn wildcards(text: &str) -> Vec<GlobPart> {
    let mut parts = Vec::new();
    for piece in text.split_inclusive(['*', '?']) {
        let bare = piece.trim_end_matches(['*', '?']);
        parts.push(literal(bare));
        match piece.get(bare.len()..) {
            Some("*") => parts.push(GlobPart::Run { across: true }),
            Some("?") => parts.push(GlobPart::One),
            _ => {}
        }
    }
    parts
}

fn requirement(kind: &str) -> RuleEffect {
    RuleEffect::Require(vec![Requirement {
        kind: name(kind),
        parameters: Vec::new(),
        bypass: None,
    }])
}

fn principal_attribute(name: &str) -> Attribute {
    Attribute::PrincipalAttribute(name.into())
}

fn request_attribute(name: &str) -> Attribute {
    Attribute::RequestAttribute(name.into())
}

fn resource_attribute(name: &str) -> Attribute {
    Attribute::ResourceAttribute(name.into())
}

/// A request that names its action and its resource.
fn ask<'r>(principal: Option<Principal<'r>>, action: &'r str, resource: &'r str) -> Request<'r> {
    Request {
        principal,
        action: Some(action.as_bytes()),
        resource: Some(Resource {
            id: Some(resource.as_bytes()),
            ..Resource::default()
        }),
        ..Request::default()
    }
}

type Attributes<'r> = &'r [(&'r [u8], Value<'r>)];

fn with<'r>(request: Request<'r>, attributes: Attributes<'r>) -> Request<'r> {
    Request {
        attributes,
        ..request
    }
}

const fn text(text: &str) -> Value<'_> {
    Value::String(text.as_bytes())
}
