//! Limits: names become slots, tiers a table, and each limit gets the digest that its counters go by.

use super::index::IndexBuilder;
use super::names::{OwnCaptures, unknown};
use super::predicates::Emit;
use crate::crypto::digest;
use crate::diagnostic::{Code, Diagnostics};
use crate::program::Place;
use crate::program::limits::{Amount, Cost, Limit, Limits, Part, PartValue};
use crate::program::names::Names;
use crate::program::predicate::{PredicateId, Slot};
use crate::program::vocabulary::Attribute;
use crate::program::vocabulary::limits::{LimitKind, Phase};
use crate::rule::{self, KeyPart, KeyValue, LimitCost, Mode, Predicate, RuleSet};
use crate::text::{Sources, Span};

/// Headers by which a browser's question before a request is told (Fetch standard, "CORS-preflight request").
static PREFLIGHT: [&str; 2] = ["origin", "access-control-request-method"];

/// Compiles the limits of a rule set.
pub(super) fn compile<'r>(
    rules: &'r RuleSet,
    sources: &Sources,
    index: &mut IndexBuilder<'_, 'r>,
) -> Limits {
    let of_phase = |phase| {
        rules
            .limits
            .iter()
            .filter(move |limit| limit.phase == phase)
    };
    let before = of_phase(Phase::BeforeIdentity);
    let after = of_phase(Phase::AfterAuthorization);
    let limits: Box<[Limit]> = before
        .clone()
        .chain(after)
        .map(|limit| compile_one(limit, sources, index))
        .collect();
    Limits {
        before: before.count(),
        action_costs: action_costs(rules, index),
        any_shadow: limits.iter().any(|limit| limit.shadow),
        any_always: limits.iter().any(|limit| limit.always),
        any_stored: limits.iter().any(|limit| limit.store.is_some()),
        preflight: rules.preflight.then(|| preflight(index)),
        limits,
    }
}

fn compile_one<'r>(
    limit: &'r rule::Limit,
    sources: &Sources,
    index: &mut IndexBuilder<'_, 'r>,
) -> Limit {
    let own = OwnCaptures::of(&limit.predicate);
    let by = limit.by.iter().map(|part| self::part(part, &own, index));
    let by = by.collect();
    let distinct = limit.distinct.as_ref();
    let distinct = distinct.map(|part| self::part(part, &own, index));
    if let LimitKind::Calendar(_) | LimitKind::Fixed { .. } = limit.kind {
        index.vocabulary.time = true;
    }
    Limit {
        id: limit.id.text.clone(),
        at: Place {
            source: limit.span.source.0,
            line: sources.position(limit.span).line,
        },
        predicate: predicate(&limit.predicate, &own, index),
        shadow: limit.mode == Mode::Shadow,
        always: limit.always,
        by,
        kind: limit.kind.clone(),
        amount: amount(&limit.amount, index),
        cost: cost(limit, index),
        distinct,
        capacity: limit.capacity,
        on_full: limit.on_full,
        on_missing: limit.on_missing,
        on_error: limit.on_error,
        store: limit.store,
        identity: identity(limit),
    }
}

fn predicate<'r>(
    predicate: &'r Predicate,
    own: &OwnCaptures<'r>,
    index: &mut IndexBuilder<'_, 'r>,
) -> PredicateId {
    let IndexBuilder {
        vocabulary,
        seed,
        diagnostics,
        predicates,
        ..
    } = index;
    Emit {
        vocabulary,
        own,
        store: predicates,
        seed: *seed,
        whole_conditions: false,
        diagnostics,
    }
    .predicate(predicate)
}

fn part<'r>(part: &'r KeyPart, own: &OwnCaptures<'r>, index: &mut IndexBuilder<'_, 'r>) -> Part {
    let mut slot = |attribute| slot(attribute, own, part.span, index);
    let value = match &part.value {
        KeyValue::Principal => PartValue::Principal,
        KeyValue::App => PartValue::App,
        KeyValue::Attribute(attribute) => PartValue::Slot(slot(attribute)),
        KeyValue::Network(attribute, v4, v6) => PartValue::Network(slot(attribute), *v4, *v6),
    };
    Part {
        value,
        text: part.text.clone(),
    }
}

fn slot<'r>(
    attribute: &'r Attribute,
    own: &OwnCaptures<'r>,
    span: Span,
    index: &mut IndexBuilder<'_, 'r>,
) -> Slot {
    index
        .vocabulary
        .slot(attribute, own, span, index.diagnostics)
}

fn amount<'r>(amount: &'r rule::Amount, index: &mut IndexBuilder<'_, 'r>) -> Amount {
    match amount {
        rule::Amount::Fixed(amount) => Amount::Fixed(*amount),
        rule::Amount::Tiers {
            by,
            tiers,
            default,
            span,
        } => Amount::Tiers {
            by: slot(by, &OwnCaptures::default(), *span, index),
            names: Names::build(
                tiers.iter().map(|(name, _)| (0, name.as_bytes())),
                index.seed,
            ),
            amounts: tiers.iter().map(|(_, amount)| *amount).collect(),
            default: *default,
        },
    }
}

fn cost<'r>(limit: &'r rule::Limit, index: &mut IndexBuilder<'_, 'r>) -> Cost {
    match (&limit.cost, &limit.kind) {
        // One request is under way once, and a value is there or not, whatever the request costs.
        (LimitCost::Request, LimitKind::Concurrency { .. }) | (_, LimitKind::Distinct { .. }) => {
            Cost::Fixed(1)
        }
        (LimitCost::Request, _) => Cost::Request,
        (LimitCost::Fixed(cost), _) => Cost::Fixed(*cost),
        (LimitCost::Expression(condition), _) => {
            Cost::Expression(index.vocabulary.condition(condition))
        }
    }
}

/// What actions cost, by number.
fn action_costs(rules: &RuleSet, index: &mut IndexBuilder<'_, '_>) -> Box<[u64]> {
    if rules.costs.is_empty() {
        return Box::default();
    }
    let mut costs = vec![1; index.vocabulary.actions.len()];
    for given in &rules.costs {
        let id = index.vocabulary.actions.get(0, &given.action.text);
        match id.and_then(|id| costs.get_mut(id as usize)) {
            Some(cost) => *cost = given.cost,
            None => unknown_action(&given.action, index),
        }
    }
    costs.into()
}

fn unknown_action(action: &rule::Name, index: &mut IndexBuilder<'_, '_>) {
    let IndexBuilder {
        vocabulary,
        diagnostics,
        ..
    } = index;
    let diagnostics: &mut Diagnostics = diagnostics;
    diagnostics.push(unknown(
        Code::UNKNOWN_ACTION,
        "action",
        &action.text,
        action.span,
        vocabulary.actions.iter(),
        "declare it under `actions`",
    ));
}

fn preflight(index: &mut IndexBuilder<'_, '_>) -> [Slot; 2] {
    PREFLIGHT.map(|name| {
        let id = index.vocabulary.headers.intern(0, name);
        Slot::Header(u16::try_from(id).unwrap_or(u16::MAX))
    })
}

/// Counters are kept while what they are called, what they count and for whom stays; numbers may change.
fn identity(limit: &rule::Limit) -> [u8; 32] {
    let kind = match &limit.kind {
        LimitKind::Rate { period_ns, .. } => format!("rate {period_ns}"),
        LimitKind::Calendar(calendar) => format!("calendar {calendar:?}"),
        LimitKind::Fixed { period_ms } => format!("fixed {period_ms}"),
        LimitKind::FirstRequest { period_ms } => format!("first_request {period_ms}"),
        LimitKind::Sliding { period_ms, exact } => format!("sliding {period_ms} {exact}"),
        LimitKind::Concurrency { .. } => "concurrency".to_owned(),
        LimitKind::Distinct { period_ms } => format!("distinct {period_ms}"),
    };
    let head = [limit.id.text.as_bytes(), kind.as_bytes()];
    let parts = limit.by.iter().chain(&limit.distinct);
    digest(
        head.into_iter()
            .chain(parts.map(|part| part.text.as_bytes())),
    )
}
