//! The one representation of a policy: what every dialect lowers into, and all that the compiler knows.
//!
//! Names are still text here, every piece keeps its span, and nothing is checked
//! across pieces: that a role exists is the compiler's question, once for all dialects.

pub(crate) mod identity;
mod limits;

pub(crate) use limits::{ActionCost, Amount, KeyPart, KeyValue, Limit, LimitCost};

use crate::decision::Parameter;
use crate::pattern::action::ActionPattern;
use crate::pattern::cidr::Cidr;
use crate::pattern::host::HostPattern;
use crate::pattern::path::{Normalize, TrailingSlash};
use crate::pattern::spiffe::SpiffePattern;
use crate::pattern::template::{PathTemplate, Route};
use crate::pattern::text::TextPattern;
use crate::program::condition::{self, NodeId};
use crate::program::vocabulary::{Attribute, AttributeType, Truth};
use crate::text::Span;
use identity::Identity;
use std::rc::Rc;

/// A name and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: Box<str>,
    pub(crate) span: Span,
}

/// Everything that the sources of one load say.
#[derive(Debug, Default)]
pub(crate) struct RuleSet {
    pub(crate) layers: Vec<Layer>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) actions: Vec<Action>,
    pub(crate) roles: Vec<Role>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) exclusions: Vec<Exclusion>,
    pub(crate) attributes: Vec<AttributeDeclaration>,
    /// The attributes that conditions read, by the numbers that their programs know them by.
    pub(crate) condition_attributes: Vec<Attribute>,
    pub(crate) domains: Vec<Domain>,
    pub(crate) identity: Identity,
    pub(crate) paths: PathOptions,
    pub(crate) network: Network,
    /// Headers to set for the upstream, or in the answer.
    pub(crate) on_allow: Vec<HeaderOutput>,
    pub(crate) on_deny: Vec<HeaderOutput>,
    /// Header names that no caller may bring, in lower case.
    pub(crate) strip: Vec<Name>,
    pub(crate) limits: Vec<Limit>,
    pub(crate) costs: Vec<ActionCost>,
    /// Whether a browser's question before a request across origins is allowed to anyone.
    pub(crate) preflight: bool,
}

/// An index into [`RuleSet::layers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LayerId(pub(crate) u8);

/// Rules that are decided together: deny overrides, then the layer's default. A request passes when every layer allows.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    /// `None` for the layer that native sources without `layer:` share.
    pub(crate) name: Option<Name>,
    /// Whether it allows what none of its rules speak of.
    pub(crate) default_allow: bool,
    pub(crate) mode: Mode,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Enforce,
    /// Counts in a second, virtual verdict only.
    Shadow,
}

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) id: Name,
    /// The whole rule, where a decision points to.
    pub(crate) span: Span,
    pub(crate) layer: LayerId,
    pub(crate) mode: Mode,
    pub(crate) effect: RuleEffect,
    pub(crate) predicate: Predicate,
}

#[derive(Clone, Debug)]
pub(crate) enum RuleEffect {
    Allow,
    Deny,
    /// Grants nothing; binds every allow that it matches.
    Require(Vec<Requirement>),
}

/// What the host must do, or what must have been done, before the request goes on.
#[derive(Clone, Debug)]
pub(crate) struct Requirement {
    /// `approval`, `assume_role`, `mask`, `audit`, or a type of the host's own.
    pub(crate) kind: Name,
    /// Handed out with the obligation, durations as `<name>_ms`.
    pub(crate) parameters: Vec<(Box<str>, Parameter)>,
    /// Whom an approval is not asked of.
    pub(crate) bypass: Option<Predicate>,
}

/// A statement about a request, in the logic of [`Truth`].
#[derive(Clone, Debug)]
pub(crate) enum Predicate {
    /// All of them; none means true.
    All(Vec<Predicate>),
    /// Any of them; none means false.
    Any(Vec<Predicate>),
    Not(Box<Predicate>),
    Test(Test),
    /// A condition, and the same taken apart into tests and parts.
    When {
        condition: Rc<Condition>,
        apart: Box<Predicate>,
    },
    /// A part of a condition that no test can say.
    Part {
        condition: Rc<Condition>,
        node: NodeId,
    },
}

/// An expression, compiled against the attributes of [`RuleSet::condition_attributes`].
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) program: condition::Program,
    pub(crate) text: Box<str>,
    pub(crate) span: Span,
}

impl Predicate {
    pub(crate) const TRUE: Self = Self::All(Vec::new());
    pub(crate) const FALSE: Self = Self::Any(Vec::new());
}

/// One attribute compared with one value.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub(crate) attribute: Attribute,
    pub(crate) matcher: Matcher,
    /// Which of several values have to match.
    pub(crate) over: Over,
    /// What it comes to where the attribute is absent.
    pub(crate) absent: Truth,
    pub(crate) span: Span,
}

/// How a test reads an attribute that may be there several times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Over {
    /// One matching value is enough.
    #[default]
    Any,
    /// Every value matches.
    All,
    /// It is there once; several values leave the test undecided.
    One,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(test), expect(dead_code, reason = "for other dialects"))]
pub(crate) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a value is compared with.
#[derive(Clone, Debug)]
pub(crate) enum Matcher {
    /// It is there, whatever it is.
    Present,
    Text(TextPattern),
    /// As `Text`, ASCII letters without regard to case.
    #[cfg_attr(not(test), expect(dead_code, reason = "for other dialects"))]
    TextFold(TextPattern),
    /// Wildcards anywhere, and pieces of text that are other attributes' values.
    #[cfg_attr(not(test), expect(dead_code, reason = "for other dialects"))]
    Glob(GlobTemplate),
    /// One of many texts.
    OneOf(Vec<Box<str>>),
    /// The other attribute has an equal value; undecided where it is absent.
    #[cfg_attr(not(test), expect(dead_code, reason = "for other dialects"))]
    Same(Attribute),
    Path(PathTemplate),
    /// For [`Attribute::Host`] only.
    Host {
        pattern: HostPattern,
        ignore_port: bool,
    },
    Action(ActionPattern),
    Spiffe(SpiffePattern),
    Cidr(Vec<Cidr>),
    Int(Comparison, i64),
    Double(Comparison, f64),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Time(Comparison, i64),
    /// Milliseconds.
    Duration(Comparison, i64),
    Bool(bool),
    /// One and the same value meets any of these. Where every value has to match,
    /// that is less than any of several tests.
    AnyOf(Vec<Matcher>),
    /// One and the same value meets all of these.
    #[cfg_attr(not(test), expect(dead_code, reason = "for other dialects"))]
    AllOf(Vec<Matcher>),
}

/// A glob whose text may hold values of attributes.
#[derive(Clone, Debug)]
pub(crate) struct GlobTemplate {
    pub(crate) parts: Vec<GlobPart>,
    /// ASCII letters without regard to case.
    pub(crate) fold_case: bool,
    /// A byte that wildcards stop at, such as `/`.
    pub(crate) separator: Option<u8>,
}

#[derive(Clone, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "for other dialects"))]
pub(crate) enum GlobPart {
    Literal(Box<str>),
    /// The attribute's value, read literally; absent, the test is false.
    Value {
        attribute: Attribute,
        default: Option<Box<str>>,
    },
    /// One character, but no separator.
    One,
    /// Any run of characters, none too; it stops at a separator, unless it goes across.
    Run {
        across: bool,
    },
}

/// What a request means, in words a person reads.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    pub(crate) name: Name,
    pub(crate) about: Option<Box<str>>,
    pub(crate) routes: Vec<(Route, Span)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) name: Name,
    /// The whole role, where a decision points to.
    pub(crate) span: Span,
    /// Whose allow its permissions are.
    pub(crate) layer: LayerId,
    pub(crate) inherits: Vec<Name>,
    pub(crate) can: Vec<Permission>,
}

/// An action, or a pattern of actions, that a role may do.
#[derive(Clone, Debug)]
pub(crate) struct Permission {
    pub(crate) action: ActionPattern,
    pub(crate) span: Span,
}

/// A role given to somebody by the policy.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) role: Name,
    pub(crate) to: Subject,
    /// The domains in which the role holds, by name; all of them have to agree.
    pub(crate) within: Vec<(Name, Box<str>)>,
    /// Milliseconds since 1970-01-01T00:00:00Z, inclusive.
    pub(crate) from: Option<i64>,
    /// Exclusive.
    pub(crate) until: Option<i64>,
    /// What else has to be so.
    pub(crate) when: Option<Rc<Condition>>,
    pub(crate) span: Span,
}

#[derive(Clone, Debug)]
pub(crate) enum Subject {
    User { provider: Option<Name>, id: Name },
    Group { provider: Option<Name>, name: Name },
    Workload { pattern: SpiffePattern, span: Span },
}

/// Roles of which a principal may have no more than one.
#[derive(Clone, Debug)]
pub(crate) struct Exclusion {
    pub(crate) roles: Vec<Name>,
    pub(crate) kind: ExclusionKind,
    pub(crate) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExclusionKind {
    /// May not hold them together.
    Static,
    /// May not act in them together.
    Dynamic,
}

#[derive(Clone, Debug)]
pub(crate) struct AttributeDeclaration {
    /// One of the three `…Attribute` variants.
    pub(crate) attribute: Attribute,
    pub(crate) ty: AttributeType,
    pub(crate) optional: bool,
}

/// A dimension in which roles are held, and where a request says which one it is in.
#[derive(Clone, Debug)]
pub(crate) struct Domain {
    pub(crate) name: Name,
    pub(crate) attribute: Attribute,
    pub(crate) span: Span,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct PathOptions {
    pub(crate) normalize: Normalize,
    pub(crate) trailing_slash: TrailingSlash,
    pub(crate) head_as_get: bool,
}

impl Default for PathOptions {
    fn default() -> Self {
        Self {
            normalize: Normalize::Strict,
            trailing_slash: TrailingSlash::Same,
            head_as_get: true,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    /// Peers whose forwarded headers count.
    pub(crate) trusted_proxies: Vec<Cidr>,
    /// How many trusted proxies stand in a row; the client's address is that many entries from the right.
    pub(crate) xff_hops: u32,
}

/// A header to set.
#[derive(Clone, Debug)]
pub(crate) struct HeaderOutput {
    /// In lower case.
    pub(crate) name: Name,
    pub(crate) value: OutputValue,
}

#[derive(Clone, Debug)]
pub(crate) enum OutputValue {
    Text(Box<str>),
    /// Not set where the attribute is absent.
    From(Attribute),
}
