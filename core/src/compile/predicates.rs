//! Predicates of rules become predicates of the program.

use super::names::{OwnCaptures, Vocabulary, unknown};
use std::rc::Rc;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::MAX_PREDICATE_DEPTH;
use crate::pattern::cidr::CidrSet;
use crate::pattern::text::TextPattern;
use crate::program::condition::NodeId;
use crate::program::names::{Names, number};
use crate::program::predicate::{
    Ask, Check, Compare, ConditionPart, GlobMatcher, GlobPiece, Need, Node, PredicateId,
    Predicates, Slot,
};
use crate::program::roles::RoleId;
use crate::program::vocabulary::Attribute;
use crate::rule::{Comparison, Condition, GlobPart, GlobTemplate, Matcher, Over, Predicate, Test};

/// Emits predicates of one rule into a store.
pub(super) struct Emit<'e, 'r> {
    pub(super) vocabulary: &'e mut Vocabulary<'r>,
    pub(super) own: &'e OwnCaptures<'r>,
    pub(super) store: &'e mut Predicates,
    pub(super) seed: u64,
    /// Whether conditions stay whole, as they are told of, or are taken apart, as they are indexed.
    pub(super) whole_conditions: bool,
    pub(super) diagnostics: &'e mut Diagnostics,
}

impl<'r> Emit<'_, 'r> {
    /// The conjunction of some predicates.
    pub(super) fn all(&mut self, parts: &[&'r Predicate]) -> PredicateId {
        match parts {
            [] => PredicateId::TRUE,
            [one] => self.predicate(one),
            many => {
                let children = many.iter().map(|part| self.node(part, 1)).collect();
                self.group(children, true)
            }
        }
    }

    pub(super) fn predicate(&mut self, predicate: &'r Predicate) -> PredicateId {
        match predicate {
            Predicate::All(parts) if parts.is_empty() => PredicateId::TRUE,
            predicate => PredicateId(self.node(predicate, 0)),
        }
    }

    fn node(&mut self, predicate: &'r Predicate, depth: usize) -> u32 {
        if depth > MAX_PREDICATE_DEPTH {
            if let Some(span) = first_span(predicate) {
                let message = format!("this is nested more than {MAX_PREDICATE_DEPTH} deep");
                self.diagnostics
                    .push(Diagnostic::error(Code::PREDICATE_TOO_DEEP, span, message));
            }
            return self.group(Vec::new(), false).0;
        }
        match predicate {
            Predicate::All(parts) | Predicate::Any(parts) => {
                let children = parts
                    .iter()
                    .map(|part| self.node(part, depth + 1))
                    .collect();
                self.group(children, matches!(predicate, Predicate::All(_)))
                    .0
            }
            Predicate::Not(part) => {
                let child = self.node(part, depth + 1);
                self.push(Node::Not(child))
            }
            Predicate::When { condition, apart } => match self.whole_conditions {
                true => self.condition(condition, None),
                false => self.node(apart, depth + 1),
            },
            Predicate::Part { condition, node } => self.condition(condition, Some(*node)),
            Predicate::Test(test) => match (&test.attribute, &test.matcher) {
                (Attribute::Roles, Matcher::OneOf(names)) => {
                    let children = names
                        .iter()
                        .map(|name| self.role_check(name.as_bytes(), test))
                        .collect();
                    self.group(children, false).0
                }
                _ => {
                    let check = self.check(test);
                    self.push_check(check)
                }
            },
        }
    }

    fn group(&mut self, children: Vec<u32>, all: bool) -> PredicateId {
        let (start, len) = (number(self.store.children.len()), number(children.len()));
        self.store.children.extend(children);
        PredicateId(self.push(if all {
            Node::All { start, len }
        } else {
            Node::Any { start, len }
        }))
    }

    fn push(&mut self, node: Node) -> u32 {
        self.store.nodes.push(node);
        number(self.store.nodes.len() - 1)
    }

    fn condition(&mut self, condition: &'r Rc<Condition>, node: Option<NodeId>) -> u32 {
        let condition = self.vocabulary.condition(condition);
        self.push(Node::Condition(ConditionPart { condition, node }))
    }

    fn push_check(&mut self, check: Check) -> u32 {
        self.store.checks.push(check);
        let at = number(self.store.checks.len() - 1);
        self.push(Node::Check(at))
    }

    fn role_check(&mut self, name: &[u8], test: &Test) -> u32 {
        let ask = Ask::Role(self.role(name, test));
        self.push_check(Check {
            slot: Slot::Roles,
            need: Need::Any,
            absent: test.absent,
            ask,
        })
    }

    fn check(&mut self, test: &'r Test) -> Check {
        let slot = self.slot(&test.attribute, test);
        let need = match test.over {
            Over::Any => Need::Any,
            Over::All => Need::All,
            Over::One => Need::One,
        };
        Check {
            slot,
            need,
            absent: test.absent,
            ask: self.ask(test, slot),
        }
    }

    pub(super) fn slot(&mut self, attribute: &'r Attribute, test: &Test) -> Slot {
        self.vocabulary
            .slot(attribute, self.own, test.span, self.diagnostics)
    }

    fn ask(&mut self, test: &'r Test, slot: Slot) -> Ask {
        match &test.matcher {
            Matcher::Text(TextPattern::Exact(name)) if slot == Slot::Roles => {
                Ask::Role(self.role(name, test))
            }
            Matcher::Present => Ask::Present,
            Matcher::Text(pattern) => Ask::Text(pattern.clone()),
            Matcher::TextFold(pattern) => Ask::TextFold(pattern.clone()),
            Matcher::Glob(glob) => Ask::Glob(self.glob(glob, test)),
            Matcher::OneOf(texts) => {
                // A set may name one member ten thousand times; the table is for names that differ.
                let mut seen = std::collections::HashSet::new();
                let texts = texts.iter().map(|text| (0, text.as_bytes())).filter(|text| seen.insert(*text));
                Ask::OneOf(Box::new(Names::build(texts, self.seed)))
            }
            Matcher::Same(attribute) => Ask::Same(self.slot(attribute, test)),
            Matcher::Path(template) => Ask::Path(Box::new(template.clone())),
            Matcher::Host {
                pattern,
                ignore_port,
            } => Ask::Host {
                pattern: pattern.clone(),
                ignore_port: *ignore_port,
            },
            Matcher::Action(pattern) => Ask::Action(pattern.clone()),
            Matcher::Spiffe(pattern) => Ask::Spiffe(Box::new(pattern.clone())),
            Matcher::Cidr(networks) => Ask::Cidr(CidrSet::new(networks.iter().copied())),
            Matcher::Int(comparison, number) => Ask::Int(compare(*comparison), *number),
            Matcher::Double(comparison, number) => Ask::Double(compare(*comparison), *number),
            Matcher::Time(comparison, time) => Ask::Time(compare(*comparison), *time),
            Matcher::Duration(comparison, time) => Ask::Duration(compare(*comparison), *time),
            Matcher::Bool(wanted) => Ask::Bool(*wanted),
        }
    }

    fn role(&mut self, name: &[u8], test: &Test) -> Option<RoleId> {
        let name = String::from_utf8_lossy(name);
        let found = self.vocabulary.roles.get(0, &name).map(RoleId);
        if found.is_none() {
            let known = self.vocabulary.roles.iter();
            self.diagnostics.push(unknown(
                Code::UNKNOWN_ROLE,
                "role",
                &name,
                test.span,
                known,
                "declare it under `roles`",
            ));
        }
        found
    }

    fn glob(&mut self, glob: &'r GlobTemplate, test: &Test) -> GlobMatcher {
        let mut parts = Vec::new();
        for part in &glob.parts {
            match part {
                GlobPart::Pattern(text) => parts.extend(text.bytes().map(|byte| match byte {
                    b'*' => GlobPiece::Run,
                    b'?' => GlobPiece::One,
                    byte => GlobPiece::Byte(byte),
                })),
                GlobPart::Literal(text) => parts.extend(text.bytes().map(GlobPiece::Byte)),
                GlobPart::Value { attribute, default } => {
                    parts.push(GlobPiece::Slot(self.slot(attribute, test), default.clone()))
                }
            }
        }
        GlobMatcher {
            parts: parts.into(),
            fold_case: glob.fold_case,
            separator: glob.separator,
        }
    }
}

/// Where a predicate begins.
pub(super) fn first_span(predicate: &Predicate) -> Option<crate::text::Span> {
    let mut at = predicate;
    loop {
        at = match at {
            Predicate::Test(test) => return Some(test.span),
            Predicate::Not(part) => part,
            Predicate::When { condition, .. } | Predicate::Part { condition, .. } => {
                return Some(condition.span);
            }
            Predicate::All(parts) | Predicate::Any(parts) => parts.first()?,
        }
    }
}

const fn compare(comparison: Comparison) -> Compare {
    let (less, equal, greater) = match comparison {
        Comparison::Equal => (false, true, false),
        Comparison::Less => (true, false, false),
        Comparison::LessOrEqual => (true, true, false),
        Comparison::Greater => (false, false, true),
        Comparison::GreaterOrEqual => (false, true, true),
    };
    Compare {
        less,
        equal,
        greater,
    }
}
