//! Predicates, compiled: small trees of tests, evaluated without allocation.

use super::condition::NodeId;
use super::vocabulary::Truth;
use crate::pattern::action::ActionPattern;
use crate::pattern::cidr::CidrSet;
use crate::pattern::host::{Host, HostPattern};
use crate::pattern::path::Segments;
use crate::pattern::spiffe::{SpiffeId, SpiffePattern};
use crate::pattern::template::{PathTemplate, TemplateSegment};
use crate::pattern::text::TextPattern;
use crate::program::names::Names;
use crate::program::roles::RoleId;
use crate::program::texts::Texts;
use crate::request::{Header, Value};

/// A predicate of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PredicateId(pub(crate) u32);

impl PredicateId {
    /// Always true; nothing is stored for it.
    pub(crate) const TRUE: Self = Self(u32::MAX);
}

/// Where the value of a test comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Slot {
    Method,
    RequestMethod,
    Target,
    QueryText,
    RequestId,
    Cost,
    Time,
    SourceAddress,
    PeerCertificate,
    Path,
    Host,
    Authority,
    /// By number among the header names, query names and attributes that the policy reads.
    Header(u16),
    Query(u16),
    Attribute(u16),
    SourceIp,
    RemoteIp,
    Peer,
    PrincipalId,
    PrincipalProvider,
    Roles,
    Groups,
    Scopes,
    Action,
    ResourceType,
    ResourceId,
    /// A segment of the path, by position.
    Segment(u8),
    /// A capture of the route that named the action, by number among the capture names.
    Capture(u16),
}

/// What a slot holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Values<'a> {
    Absent,
    /// There, but it cannot be told what.
    Open(Truth),
    One(Value<'a>),
    Many(&'a [Value<'a>]),
    Names(&'a [&'a [u8]]),
    Texts(&'a Texts),
    /// All header fields of the request; those of `name` are meant, and there are some.
    Headers {
        fields: &'a [Header<'a>],
        name: &'a [u8],
    },
    /// Decoded values of a query parameter; there are some.
    Parameters {
        values: &'a [(u16, u16, u16)],
        decoded: &'a [u8],
        name: u16,
    },
}

/// Which of several values have to match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Any,
    All,
    One,
}

/// How a number compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compare {
    pub(crate) less: bool,
    pub(crate) equal: bool,
    pub(crate) greater: bool,
}

impl Compare {
    #[inline]
    fn holds(self, order: Option<core::cmp::Ordering>) -> bool {
        match order {
            Some(core::cmp::Ordering::Less) => self.less,
            Some(core::cmp::Ordering::Equal) => self.equal,
            Some(core::cmp::Ordering::Greater) => self.greater,
            None => false,
        }
    }
}

/// What a value is asked.
#[derive(Debug)]
pub(crate) enum Ask {
    Present,
    Text(TextPattern),
    TextFold(TextPattern),
    Glob(GlobMatcher),
    OneOf(Box<Names>),
    /// The role is among those held and active; a name that no role has is never held.
    Role(Option<RoleId>),
    Same(Slot),
    Path(Box<PathTemplate>),
    Host {
        pattern: HostPattern,
        ignore_port: bool,
    },
    Action(ActionPattern),
    Spiffe(Box<SpiffePattern>),
    Cidr(CidrSet),
    Int(Compare, i64),
    Double(Compare, f64),
    Time(Compare, i64),
    Duration(Compare, i64),
    Bool(bool),
    AnyOf(Box<[Ask]>),
    AllOf(Box<[Ask]>),
}

/// A glob that may hold values of slots.
#[derive(Debug)]
pub(crate) struct GlobMatcher {
    pub(crate) parts: Box<[GlobPiece]>,
    pub(crate) fold_case: bool,
    pub(crate) separator: Option<u8>,
}

/// One element of a glob.
#[derive(Debug)]
pub(crate) enum GlobPiece {
    Literal(Box<[u8]>),
    /// One character, but no separator.
    One,
    /// Any run of characters, through separators if it goes across.
    Run {
        across: bool,
    },
    /// The value of a slot, literally; else the text, if there is one.
    Slot(Slot, Option<Box<str>>),
}

/// One test.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) slot: Slot,
    pub(crate) need: Need,
    pub(crate) absent: Truth,
    pub(crate) ask: Ask,
}

/// A node of a predicate's tree; children are runs of `children`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Node {
    All {
        start: u32,
        len: u32,
    },
    Any {
        start: u32,
        len: u32,
    },
    Not(u32),
    Check(u32),
    /// A part of a condition, by its number in the program.
    Condition(ConditionPart),
}

/// A part of a condition that only its evaluator knows; without a node it is the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConditionPart {
    pub(crate) condition: u32,
    pub(crate) node: Option<NodeId>,
}

/// All predicates of a program.
#[derive(Debug, Default)]
pub(crate) struct Predicates {
    pub(crate) nodes: Vec<Node>,
    pub(crate) children: Vec<u32>,
    pub(crate) checks: Vec<Check>,
}

/// The path as templates see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ComparedPath<'a> {
    pub(crate) path: &'a [u8],
    pub(crate) segments: &'a Segments,
    /// Whether it ends with a slash; `None` where that makes no difference.
    pub(crate) slash: Option<bool>,
}

impl ComparedPath<'_> {
    fn matches(&self, template: &PathTemplate) -> bool {
        let tail = matches!(template.segments().last(), Some(TemplateSegment::Tail));
        let slash = tail
            || self
                .slash
                .is_none_or(|slash| slash == template.trailing_slash());
        // `*` has no segments either, and is not `/`.
        let is_path = self.path.first() == Some(&b'/');
        is_path && slash && template.matches(self.segments, self.path)
    }
}

/// What a predicate reads: the bound request.
pub(crate) trait Facts {
    fn read(&self, slot: Slot) -> Values<'_>;
    fn holds(&self, role: RoleId) -> bool;
    fn has_caller(&self) -> bool;
    /// What a part of a condition comes to.
    fn condition(&self, part: ConditionPart) -> Truth;
    fn host(&self) -> Option<Host<'_>>;
    fn path(&self) -> ComparedPath<'_>;
}

/// Hears of every test that is made.
pub(crate) trait Watch {
    fn checked(&mut self, check: u32, truth: Truth);
}

/// Hears nothing.
pub(crate) struct Unwatched;

impl Watch for Unwatched {
    #[inline]
    fn checked(&mut self, _: u32, _: Truth) {}
}

impl Predicates {
    /// What the predicate comes to. The tree's depth is bounded when it is compiled.
    #[inline]
    pub(crate) fn evaluate<F: Facts, W: Watch>(
        &self,
        id: PredicateId,
        facts: &F,
        watch: &mut W,
    ) -> Truth {
        if id == PredicateId::TRUE {
            return Truth::True;
        }
        self.node(id.0, facts, watch)
    }

    fn node<F: Facts, W: Watch>(&self, id: u32, facts: &F, watch: &mut W) -> Truth {
        match self.nodes.get(id as usize) {
            Some(Node::All { start, len }) => {
                let mut truth = Truth::True;
                for child in self.children(*start, *len) {
                    truth = truth.and(self.node(*child, facts, watch));
                    if truth == Truth::False {
                        break;
                    }
                }
                truth
            }
            Some(Node::Any { start, len }) => {
                let mut truth = Truth::False;
                for child in self.children(*start, *len) {
                    truth = truth.or(self.node(*child, facts, watch));
                    if truth == Truth::True {
                        break;
                    }
                }
                truth
            }
            Some(Node::Not(child)) => self.node(*child, facts, watch).not(),
            Some(Node::Condition(part)) => facts.condition(*part),
            Some(Node::Check(check)) => {
                let truth = self
                    .checks
                    .get(*check as usize)
                    .map_or(Truth::Undecided, |check| check.evaluate(facts));
                watch.checked(*check, truth);
                truth
            }
            None => Truth::Undecided,
        }
    }

    pub(crate) fn children(&self, start: u32, len: u32) -> &[u32] {
        self.children
            .get(start as usize..start as usize + len as usize)
            .unwrap_or_default()
    }

    pub(crate) fn bytes_held(&self) -> usize {
        let checks: usize = self.checks.iter().map(Check::bytes_held).sum();
        size_of_val(&*self.nodes) + size_of_val(&*self.children) + checks
    }
}

impl Check {
    fn bytes_held(&self) -> usize {
        size_of::<Self>()
            + match &self.ask {
                Ask::OneOf(names) => names.bytes_held(),
                Ask::Glob(glob) => size_of_val(&*glob.parts),
                Ask::AnyOf(parts) | Ask::AllOf(parts) => size_of_val(&**parts),
                _ => 0,
            }
    }

    fn evaluate<F: Facts>(&self, facts: &F) -> Truth {
        if let Ask::Role(role) = self.ask {
            return match facts.read(self.slot) {
                Values::Absent => self.when_absent(facts),
                held => match (role.is_some_and(|role| facts.holds(role)), held) {
                    (false, Values::Open(truth)) => truth,
                    (held, _) => Truth::of(held),
                },
            };
        }
        match facts.read(self.slot) {
            Values::Absent => self.when_absent(facts),
            Values::Open(truth) => truth,
            Values::One(value) => self.ask.holds(value, facts),
            Values::Many(values) => self.over(values.iter().copied(), facts),
            Values::Names(names) => self.over(names.iter().map(|name| Value::String(name)), facts),
            Values::Texts(texts) => self.over(texts.iter().map(Value::String), facts),
            Values::Headers { fields, name } => {
                let of_name = fields
                    .iter()
                    .filter(|(field, _)| field.eq_ignore_ascii_case(name));
                self.over(of_name.map(|(_, value)| Value::String(value)), facts)
            }
            Values::Parameters {
                values,
                decoded,
                name,
            } => {
                let of_name = values.iter().filter(|(slot, ..)| *slot == name);
                let text = |(_, start, len): &(u16, u16, u16)| {
                    decoded.get(usize::from(*start)..usize::from(*start) + usize::from(*len))
                };
                self.over(
                    of_name.map(|value| Value::String(text(value).unwrap_or_default())),
                    facts,
                )
            }
        }
    }

    /// A caller that is known not to have something needs no further principal.
    fn when_absent<F: Facts>(&self, facts: &F) -> Truth {
        if self.absent == Truth::NeedsPrincipal && facts.has_caller() {
            Truth::False
        } else {
            self.absent
        }
    }

    fn over<'v, F: Facts>(&self, values: impl Iterator<Item = Value<'v>>, facts: &F) -> Truth {
        let (mut any, mut all, mut count) = (Truth::False, Truth::True, 0u32);
        for value in values {
            let truth = self.ask.holds(value, facts);
            (any, all) = (any.or(truth), all.and(truth));
            count = count.saturating_add(1);
        }
        match (self.need, count) {
            (_, 0) => self.when_absent(facts),
            (Need::Any, _) | (Need::One, 1) => any,
            (Need::All, _) => all,
            (Need::One, _) => Truth::Undecided,
        }
    }
}

impl Ask {
    fn holds<F: Facts>(&self, value: Value<'_>, facts: &F) -> Truth {
        let holds = match (self, value) {
            (Self::Present, _) => true,
            (Self::Text(pattern), Value::String(text)) => pattern.matches(text),
            (Self::TextFold(pattern), Value::String(text)) => pattern.matches_ignore_case(text),
            (Self::OneOf(names), Value::String(text)) => names.get(0, text).is_some(),
            (Self::Glob(glob), Value::String(text)) => return glob.matches(text, facts),
            (Self::Action(pattern), Value::String(text)) => pattern.matches(text),
            (Self::Spiffe(pattern), Value::String(text)) => {
                SpiffeId::parse(text).is_ok_and(|id| pattern.matches(&id))
            }
            (Self::Path(template), Value::String(_)) => facts.path().matches(template),
            (
                Self::Host {
                    pattern,
                    ignore_port,
                },
                _,
            ) => facts
                .host()
                .is_some_and(|host| pattern.matches(&host, *ignore_port)),
            (Self::Cidr(set), Value::Ip(ip)) => set.contains(ip),
            (Self::Int(compare, wanted), Value::Int(given)) => {
                compare.holds(Some(given.cmp(wanted)))
            }
            (Self::Double(compare, wanted), value) => {
                compare.holds(as_double(value).and_then(|given| given.partial_cmp(wanted)))
            }
            (Self::Int(compare, wanted), Value::Double(given)) =>
            {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a double is compared as a double"
                )]
                compare.holds(given.partial_cmp(&(*wanted as f64)))
            }
            (Self::Time(compare, wanted), Value::Timestamp(given))
            | (Self::Duration(compare, wanted), Value::Duration(given)) => {
                compare.holds(Some(given.cmp(wanted)))
            }
            (Self::Bool(wanted), Value::Bool(given)) => given == *wanted,
            (Self::Same(slot), value) => return same(value, facts.read(*slot)),
            (Self::Role(role), _) => role.is_some_and(|role| facts.holds(role)),
            (Self::AnyOf(parts), value) => {
                let each = parts.iter().map(|part| part.holds(value, facts));
                return each.fold(Truth::False, Truth::or);
            }
            (Self::AllOf(parts), value) => {
                let each = parts.iter().map(|part| part.holds(value, facts));
                return each.fold(Truth::True, Truth::and);
            }
            // A value of another type than the one declared does not come this far: binding refuses it.
            _ => return Truth::Undecided,
        };
        Truth::of(holds)
    }
}

fn as_double(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Double(given) => Some(given),
        #[expect(
            clippy::cast_precision_loss,
            reason = "compared as doubles where a double is asked for"
        )]
        Value::Int(given) => Some(given as f64),
        _ => None,
    }
}

fn same(value: Value<'_>, other: Values<'_>) -> Truth {
    match other {
        Values::One(other) => Truth::of(value == other),
        Values::Open(truth) => truth,
        Values::Absent => Truth::Undecided,
        Values::Many(others) => Truth::of(others.contains(&value)),
        Values::Names(names) => {
            Truth::of(matches!(value, Value::String(text) if names.contains(&text)))
        }
        Values::Texts(texts) => {
            Truth::of(matches!(value, Value::String(text) if texts.contains(text)))
        }
        // Several header or query values are no one value to compare with.
        Values::Headers { .. } | Values::Parameters { .. } => Truth::Undecided,
    }
}

#[cfg(test)]
pub(super) mod tests;
