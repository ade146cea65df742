//! What decisions say and hand out: ids and places of rules, requirements, headers.

use super::index::{IndexBuilder, Says};
use super::names::{OwnCaptures, Vocabulary};
use super::predicates::Emit;
use super::{Speaker, is_shadow};
use crate::decision::Parameter;
use crate::pattern::text::TextPattern;
use crate::program::leaf::EntryKind;
use crate::program::names::number;
use crate::program::predicate::{PredicateId, Predicates, Slot};
use crate::program::vocabulary::{Attribute, Truth};
use crate::program::{
    ApprovalTerms, Condition, Output, OutputValue, Outputs, Place, Require, Requirement, Rule,
};
use crate::rule::{
    self, HeaderOutput, Matcher, Mode, Over, Predicate, Role, RuleEffect, RuleSet, Test,
};
use crate::text::{Sources, Span};
use std::collections::HashSet;

/// Answers while they are gathered.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) rules: Vec<Rule>,
    pub(super) requires: Vec<Require>,
    /// Whole predicates, for explanations.
    pub(super) statements: Predicates,
}

/// What a role's permissions amount to: an allow rule for those who hold it.
pub(super) fn permission(role: &Role) -> Predicate {
    let test = |attribute, matcher, span| {
        Predicate::Test(Test {
            attribute,
            matcher,
            over: Over::Any,
            absent: Truth::False,
            span,
        })
    };
    let held = test(
        Attribute::Roles,
        Matcher::Text(TextPattern::Exact(role.name.text.as_bytes().into())),
        role.name.span,
    );
    let actions = role
        .can
        .iter()
        .map(|can| {
            test(
                Attribute::Action,
                Matcher::Action(can.action.clone()),
                can.span,
            )
        })
        .collect();
    Predicate::All(vec![held, Predicate::Any(actions)])
}

impl Answers {
    /// Puts a rule or a role into the index, and notes what is said of it.
    pub(super) fn add<'r>(
        &mut self,
        speaker: &Speaker<'r>,
        rules: &RuleSet,
        sources: &Sources,
        index: &mut IndexBuilder<'_, 'r>,
    ) {
        let rule = number(self.rules.len());
        let (kind, layer, shadow, predicate, id, span) = match speaker {
            Speaker::Rule(rule) => {
                let kind = match rule.effect {
                    RuleEffect::Allow => EntryKind::Allow,
                    RuleEffect::Deny => EntryKind::Deny,
                    RuleEffect::Require(_) => EntryKind::Require,
                };
                (
                    kind,
                    rule.layer,
                    rule.mode == Mode::Shadow,
                    &rule.predicate,
                    rule.id.text.clone(),
                    rule.span,
                )
            }
            Speaker::Role(role, permission) => (
                EntryKind::Allow,
                role.layer,
                false,
                *permission,
                format!("roles.{}", role.name.text).into(),
                role.span,
            ),
        };
        let shadow = shadow || is_shadow(layer, rules);
        let own = OwnCaptures::of(predicate);
        index.add_rule(predicate, &own, Says { kind, shadow, rule });
        let statement = self.statement(predicate, &own, index);
        let require = match speaker {
            Speaker::Rule(rule::Rule {
                effect: RuleEffect::Require(requirements),
                ..
            }) => self.require(requirements, &own, index),
            _ => u32::MAX,
        };
        let at = Place {
            source: span.source.0,
            line: sources.position(span).line,
        };
        self.rules.push(Rule {
            id,
            at,
            kind,
            layer: layer.0,
            shadow,
            statement,
            require,
        });
    }

    fn statement<'r>(
        &mut self,
        predicate: &'r Predicate,
        own: &OwnCaptures<'r>,
        index: &mut IndexBuilder<'_, 'r>,
    ) -> PredicateId {
        let IndexBuilder {
            vocabulary,
            seed,
            diagnostics,
            ..
        } = index;
        Emit {
            vocabulary,
            own,
            store: &mut self.statements,
            seed: *seed,
            whole_conditions: true,
            diagnostics,
        }
        .predicate(predicate)
    }

    fn require<'r>(
        &mut self,
        requirements: &'r [rule::Requirement],
        own: &OwnCaptures<'r>,
        index: &mut IndexBuilder<'_, 'r>,
    ) -> u32 {
        let items = requirements.iter().map(|requirement| {
            let bypass = requirement.bypass.as_ref().map(|predicate| {
                let IndexBuilder {
                    vocabulary,
                    seed,
                    diagnostics,
                    predicates,
                    ..
                } = &mut *index;
                Emit {
                    vocabulary,
                    own,
                    store: predicates,
                    seed: *seed,
                    whole_conditions: true,
                    diagnostics,
                }
                .predicate(predicate)
            });
            Requirement {
                kind: requirement.kind.text.clone(),
                parameters: requirement.parameters.clone().into(),
                approval: (&*requirement.kind.text == "approval")
                    .then(|| terms(&requirement.parameters, bypass)),
            }
        });
        let items = items.collect();
        self.requires.push(Require { items });
        number(self.requires.len() - 1)
    }

    /// Headers to set; they are removed from what the caller brings, whether the policy says so or not.
    pub(super) fn outputs<'r>(
        &self,
        rules: &'r RuleSet,
        index: &mut IndexBuilder<'_, 'r>,
    ) -> Outputs {
        let mut seen = HashSet::new();
        let set = rules.on_allow.iter().map(|output| &output.name);
        let names = rules.strip.iter().chain(set).map(|name| &name.text);
        let names = names.chain(super::identity::stripped(rules));
        let strip: Vec<_> = names.filter(|name| seen.insert(*name)).cloned().collect();
        let on_allow = rules
            .on_allow
            .iter()
            .map(|output| header(output, index))
            .collect();
        let on_deny = rules
            .on_deny
            .iter()
            .map(|output| header(output, index))
            .collect();
        Outputs {
            on_allow,
            on_deny,
            strip: strip.into(),
        }
    }

    /// Where conditions find their attributes.
    pub(super) fn condition_slots<'r>(
        &self,
        rules: &'r RuleSet,
        index: &mut IndexBuilder<'_, 'r>,
    ) -> Box<[Slot]> {
        let first = rules.rules.first().map(|rule| rule.span);
        let anywhere = first.or(rules.grants.first().map(|grant| grant.span));
        let Some(span) = anywhere else {
            return Box::default();
        };
        let attributes = rules.condition_attributes.iter();
        attributes
            .map(|attribute| slot(attribute, span, index))
            .collect()
    }

    /// Where a request says which domain it is in.
    pub(super) fn domains<'r>(
        &self,
        rules: &'r RuleSet,
        index: &mut IndexBuilder<'_, 'r>,
    ) -> Box<[(Box<str>, Slot)]> {
        rules
            .domains
            .iter()
            .map(|domain| {
                (
                    domain.name.text.clone(),
                    slot(&domain.attribute, domain.span, index),
                )
            })
            .collect()
    }
}

fn header<'r>(output: &'r HeaderOutput, index: &mut IndexBuilder<'_, 'r>) -> Output {
    let value = match &output.value {
        rule::OutputValue::Text(text) => OutputValue::Text(text.clone()),
        rule::OutputValue::From(attribute) => {
            OutputValue::From(slot(attribute, output.name.span, index))
        }
    };
    Output {
        name: output.name.text.clone(),
        value,
    }
}

fn slot<'r>(attribute: &'r Attribute, span: Span, index: &mut IndexBuilder<'_, 'r>) -> Slot {
    index
        .vocabulary
        .slot(attribute, &OwnCaptures::default(), span, index.diagnostics)
}

/// The conditions as the program keeps them.
pub(super) fn conditions(vocabulary: &Vocabulary<'_>) -> Box<[Condition]> {
    let kept = |condition: &&rule::Condition| Condition {
        program: condition.program.clone(),
        text: condition.text.clone(),
    };
    vocabulary.condition_list.iter().map(kept).collect()
}

/// What declared actions are; they are numbered first.
pub(super) fn action_about(rules: &RuleSet) -> Box<[Option<Box<str>>]> {
    let actions = rules.actions.iter();
    actions.map(|action| action.about.clone()).collect()
}

/// What is handed out of a required approval, as decisions read it.
fn terms(parameters: &[(Box<str>, Parameter)], bypass: Option<PredicateId>) -> ApprovalTerms {
    let parameter = |name: &str| {
        let mut parameters = parameters.iter();
        parameters
            .find(|(known, _)| **known == *name)
            .map(|(_, value)| value)
    };
    let groups = match parameter("groups") {
        Some(Parameter::List(groups)) => groups.as_slice(),
        _ => &[],
    };
    let name = |group: &Parameter| match group {
        Parameter::String(name) => Some(name.clone()),
        _ => None,
    };
    ApprovalTerms {
        bypass,
        groups: groups.iter().filter_map(name).collect(),
        min: match parameter("min") {
            Some(Parameter::Int(min)) => usize::try_from(*min).unwrap_or(usize::MAX),
            _ => 1,
        },
        max_age_ms: match parameter("max_age_ms") {
            Some(Parameter::Int(ms)) => Some(*ms),
            _ => None,
        },
        single_use: matches!(parameter("single_use"), Some(Parameter::Bool(true))),
    }
}
