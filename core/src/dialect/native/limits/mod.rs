//! `limits`, and `cost` by action: how much may be done, by whom, in which time.
//!
//! | module | lowers |
//! |---|---|
//! | [`by`] | what has a counter of its own |
//! | [`kind`] | how a limit counts, and how much it lets through |
//! | [`cost`] | what a request costs |
//! | [`store`] | counters beyond one process |

mod by;
mod cost;
mod kind;
mod store;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::{MAX_LIMIT_CAPACITY, MAX_LIMIT_CELLS, MAX_LIMITS};
use crate::program::vocabulary::limits::{LimitKind, OnError, OnFull, OnMissing, Phase};
use crate::rule::{Amount, KeyPart, Limit, LimitCost, Predicate, RuleSet, Test};
use crate::text::{Key, MappingReader, Node, Span};

use super::condition::Conditions;
use super::document::{Sections, entries};
use super::layer::MODES;
use super::matching::{self, Scope, all_of};
use super::names::{Definitions, check_id, whole};
use super::rules::own_captures;
use super::words::word;

pub(super) use cost::lower_costs;

const PHASES: &[(&str, Phase)] = &[
    ("before_identity", Phase::BeforeIdentity),
    ("after_authorization", Phase::AfterAuthorization),
];
const ON_FULL: &[(&str, OnFull)] = &[
    ("overflow", OnFull::Overflow),
    ("deny", OnFull::Deny),
    ("allow", OnFull::Allow),
];
const ON_MISSING: &[(&str, OnMissing)] = &[
    ("skip", OnMissing::Skip),
    ("shared", OnMissing::Shared),
    ("deny", OnMissing::Deny),
];
const ON_ERROR: &[(&str, OnError)] = &[("deny", OnError::Deny), ("skip", OnError::Skip)];

/// Keys of a limit that does not say how many there may be.
const DEFAULT_CAPACITY: u64 = 65_536;
/// What they may remember together; of what remembers more for each there are fewer.
const DEFAULT_ENTRIES: u64 = 1 << 21;

/// Lowers the limits of one source.
pub(super) fn lower<'a>(
    section: &Sections<'a>,
    ids: &mut Definitions,
    rules: &mut RuleSet,
    scope: &mut Scope<'_, 'a>,
    conditions: &mut Conditions<'_>,
) {
    for (key, node) in entries(section.limits, scope.diagnostics) {
        let id = scope.diagnostics.check(check_id(&key.text, key.span));
        let id = id.filter(|id| ids.define(id, scope.diagnostics));
        let limit = limit(key, node, scope, conditions);
        if let (Some(id), Some(limit)) = (id, limit) {
            rules.limits.push(Limit { id, ..limit });
        }
    }
}

fn limit<'a>(
    key: &'a Key,
    node: &'a Node,
    scope: &mut Scope<'_, 'a>,
    conditions: &mut Conditions<'_>,
) -> Option<Limit> {
    let mut reader = scope.diagnostics.check(MappingReader::new(node))?;
    let phase = reader.read("phase", |node| word(node, PHASES), scope.diagnostics);
    let mode = reader.read("mode", |node| word(node, MODES), scope.diagnostics);
    let charge = reader.read("charge", |node| word(node, CHARGES), scope.diagnostics);
    let on_full = reader.read("on_full", |node| word(node, ON_FULL), scope.diagnostics);
    let on_missing = reader.read(
        "on_missing",
        |node| word(node, ON_MISSING),
        scope.diagnostics,
    );
    let on_error = reader.read("on_error", |node| word(node, ON_ERROR), scope.diagnostics);
    reader.read("about", Node::as_str, scope.diagnostics);
    let (matched, when) = (reader.take("match"), reader.take("when"));
    let by = reader.require("by", scope.diagnostics);
    let costs = reader.take_entry("cost");
    let given_capacity = reader.read("capacity", capacity, scope.diagnostics);
    let store = reader.take_entry("store");
    let counted = kind::read(&mut reader, key.span, scope);
    let distinct = reader.take_entry("distinct");
    reader.finish(scope.diagnostics);

    let said = matched.and_then(|node| matching::lower(node, false, scope));
    let mut predicate = said.map_or(Predicate::TRUE, |said| said.predicate);
    let own = own_captures(&predicate);
    let by = by.map(|node| by::parts(node, &own, scope));
    let distinct = distinct.and_then(|(_, node)| by::part(node, &own, scope));
    if let Some(when) = when {
        let condition = conditions.of_rule(when, &own, scope.diagnostics)?;
        predicate = all_of(vec![predicate, conditions.predicate(&condition)]);
    }
    let cost = cost::lower(costs, &own, scope, conditions);
    let (kind, amount) = counted?;
    let store =
        store.and_then(|(key, node)| store::lower(key, node, (&kind, &amount), scope.diagnostics));
    let by = by??;
    let limit = Limit {
        id: super::names::name(&key.text, key.span),
        span: whole(key, node),
        predicate,
        phase: phase.unwrap_or_default(),
        mode: mode.unwrap_or_default(),
        always: charge.is_some(),
        capacity: given_capacity.unwrap_or_else(|| default_capacity(&by, &kind, &amount)),
        by,
        kind,
        amount,
        cost: cost?,
        distinct,
        on_full: on_full.unwrap_or_default(),
        on_missing: on_missing.unwrap_or_default(),
        on_error: on_error.unwrap_or_default(),
        store,
    };
    check_phase(&limit, conditions, scope.diagnostics);
    cost::check(&limit, costs.map(|(key, _)| key.span), scope.diagnostics);
    Some(limit)
}

const CHARGES: &[(&str, ())] = &[("always", ())];

fn default_capacity(by: &[KeyPart], kind: &LimitKind, amount: &Amount) -> u32 {
    if by.is_empty() {
        return 1;
    }
    let keys = DEFAULT_CAPACITY.min(DEFAULT_ENTRIES / entries_of(kind, amount).max(1));
    u32::try_from(keys.max(1)).unwrap_or(1)
}

/// What one key remembers: one number, or each request or value that it let through.
fn entries_of(kind: &LimitKind, amount: &Amount) -> u64 {
    match kind {
        LimitKind::Sliding { exact: true, .. }
        | LimitKind::Concurrency { .. }
        | LimitKind::Distinct { .. } => amount.most(),
        _ => 1,
    }
}

fn capacity(node: &Node) -> Result<u32, Diagnostic> {
    let given = node.as_u64()?;
    let in_range = u32::try_from(given)
        .ok()
        .filter(|given| (1..=MAX_LIMIT_CAPACITY).contains(given));
    in_range.ok_or_else(|| {
        let message = if given == 0 {
            "a limit without room for a counter".to_owned()
        } else {
            format!("a limit has room for at most {MAX_LIMIT_CAPACITY} counters")
        };
        let error = Diagnostic::error(Code::BAD_CAPACITY, node.span, message);
        error.help("say how many different keys are live at once, such as `capacity: 100000`")
    })
}

/// Before identity nobody is known: neither the key nor the conditions may ask who is calling.
fn check_phase(limit: &Limit, conditions: &Conditions<'_>, diagnostics: &mut Diagnostics) {
    if limit.phase != Phase::BeforeIdentity {
        return;
    }
    let mut refuse = |span: Span, what: &str| {
        let message = format!("{what}, and this limit is asked before anybody is identified");
        let error = Diagnostic::error(Code::IDENTITY_BEFORE_IDENTITY, span, message);
        diagnostics.push(error.help("leave `phase` out, or use what the request brings itself"));
    };
    for part in limit.by.iter().chain(&limit.distinct) {
        if part.value.is_identity() {
            refuse(part.span, "this value belongs to the caller");
        }
    }
    if let Amount::Tiers { by, span, .. } = &limit.amount
        && by.is_identity()
    {
        refuse(*span, "this value belongs to the caller");
    }
    if let Some(span) = asks_identity(&limit.predicate, conditions) {
        refuse(span, "this asks who is calling");
    }
    if let LimitCost::Expression(condition) = &limit.cost
        && conditions.reads_identity(condition)
    {
        refuse(condition.span, "this reads the caller");
    }
}

/// Where a predicate asks for the caller.
fn asks_identity(predicate: &Predicate, conditions: &Conditions<'_>) -> Option<Span> {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => parts
            .iter()
            .find_map(|part| asks_identity(part, conditions)),
        Predicate::Not(part) => asks_identity(part, conditions),
        Predicate::Test(Test {
            attribute, span, ..
        }) => attribute.is_identity().then_some(*span),
        Predicate::When { condition, .. } | Predicate::Part { condition, .. } => conditions
            .reads_identity(condition)
            .then_some(condition.span),
    }
}

/// What only all limits together can show: actions that are too dear, how many limits and counters there are.
pub(super) fn check_all(rules: &RuleSet, diagnostics: &mut Diagnostics) {
    cost::check_costs(rules, diagnostics);
    if let Some(limit) = rules.limits.get(MAX_LIMITS) {
        let message = format!("a policy has at most {MAX_LIMITS} limits");
        diagnostics.push(Diagnostic::error(
            Code::TOO_MANY_LIMITS,
            limit.id.span,
            message,
        ));
    }
    let mut cells = 0u64;
    for limit in &rules.limits {
        let each = entries_of(&limit.kind, &limit.amount);
        cells = cells.saturating_add(each.saturating_mul(u64::from(limit.capacity)));
        if cells > MAX_LIMIT_CELLS {
            let message =
                format!("the limits together remember more than {MAX_LIMIT_CELLS} things");
            let error = Diagnostic::error(Code::BAD_CAPACITY, limit.id.span, message);
            diagnostics
                .push(error.help("give a smaller `capacity`, or `exact: false` to a sliding one"));
            return;
        }
    }
}
