//! What a request costs: by action, by the limit, by an expression.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::MAX_LIMIT;
use crate::program::vocabulary::limits::LimitKind;
use crate::rule::{ActionCost, Limit, LimitCost, Predicate, RuleSet};
use crate::text::{Node, Span};

use super::super::condition::{Conditions, OwnCaptures};
use super::super::document::{Entry, Sections, entries};
use super::super::matching::Scope;
use super::super::names::{Definitions, check_action};

/// `cost`: what actions cost where a request does not say.
pub(in super::super) fn lower_costs(
    sections: &[Sections<'_>],
    rules: &mut RuleSet,
    diagnostics: &mut Diagnostics,
) {
    let mut defined = Definitions::of("cost of");
    for section in sections {
        for (key, node) in entries(section.cost, diagnostics) {
            let action = diagnostics.check(check_action(&key.text, key.span));
            let cost = diagnostics.check(constant(node));
            if let (Some(action), Some(cost)) = (action, cost)
                && defined.define(&action, diagnostics)
            {
                rules.costs.push(ActionCost { action, cost });
            }
        }
    }
}

/// A limit's own `cost`: a number, or an expression of type int.
pub(super) fn lower(
    given: Option<Entry<'_>>,
    own: &OwnCaptures,
    scope: &mut Scope<'_, '_>,
    conditions: &mut Conditions<'_>,
) -> Option<LimitCost> {
    let Some((_, node)) = given else {
        return Some(LimitCost::Request);
    };
    if node.as_i64().is_ok() || node.as_u64().is_ok() {
        return scope
            .diagnostics
            .check(constant(node))
            .map(LimitCost::Fixed);
    }
    conditions
        .of_cost(node, own, scope.diagnostics)
        .map(LimitCost::Expression)
}

fn constant(node: &Node) -> Result<u64, Diagnostic> {
    let cost = node.as_u64()?;
    if cost <= MAX_LIMIT {
        return Ok(cost);
    }
    let message = format!("a request costs at most {MAX_LIMIT}");
    Err(Diagnostic::error(Code::BAD_NUMBER, node.span, message))
}

/// A cost that can never be paid, or that nothing asks for.
pub(super) fn check(limit: &Limit, cost: Option<Span>, diagnostics: &mut Diagnostics) {
    if let (LimitKind::Distinct { .. }, Some(span)) = (&limit.kind, cost) {
        let message = "`distinct` counts values, and those cost nothing";
        let error = Diagnostic::error(Code::LIMIT_CONTRADICTS, span, message);
        diagnostics.push(error.help("leave `cost` out"));
        return;
    }
    if let (LimitCost::Fixed(cost), Some(span)) = (&limit.cost, cost)
        && *cost > limit.amount.least()
    {
        diagnostics.push(never_paid(limit, *cost, span));
    }
}

/// Actions that no request could ever do, because a limit for every request lets less through than they cost.
pub(in super::super) fn check_costs(rules: &RuleSet, diagnostics: &mut Diagnostics) {
    let for_all = rules.limits.iter().filter(|limit| {
        let everything = matches!(&limit.predicate, Predicate::All(parts) if parts.is_empty());
        let by_request = matches!(limit.cost, LimitCost::Request);
        let counts_cost = !matches!(
            limit.kind,
            LimitKind::Distinct { .. } | LimitKind::Concurrency { .. }
        );
        everything && by_request && counts_cost
    });
    for limit in for_all {
        let dear = rules
            .costs
            .iter()
            .filter(|known| known.cost > limit.amount.least());
        for ActionCost { action, cost } in dear {
            let error = never_paid(limit, *cost, limit.id.span);
            let message = format!("\"{}\" costs as much", action.text);
            diagnostics.push(error.related(action.span, message));
        }
    }
}

fn never_paid(limit: &Limit, cost: u64, span: Span) -> Diagnostic {
    let least = limit.amount.least();
    let what = match limit.kind {
        LimitKind::Rate { .. } => "the burst is",
        _ => "the limit is",
    };
    let message = format!("a cost of {cost} can never be paid, because {what} {least}");
    let error = Diagnostic::error(Code::BURST_BELOW_COST, span, message);
    error.help(match limit.kind {
        LimitKind::Rate { .. } => format!("write `burst: {cost}` or more"),
        _ => "raise the limit, or lower the cost".to_owned(),
    })
}
