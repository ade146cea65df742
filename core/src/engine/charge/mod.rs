//! Limits in a decision: which ones the request meets, what they say, what is charged.
//!
//! | module | holds |
//! |---|---|
//! | [`key`] | the key of a counter |
//! | [`counters`] | the counters of an engine, from policy to policy |
//! | [`met`] | what one limit says, for the decision and its reader |
//! | [`headers`] | the same as header fields |
//! | [`saved`] | counters as bytes |
//! | [`stored`] | limits that are counted in a store |
//! | [`ticket`] | what is settled later |
//! | [`told`] | the same for people |

pub(super) mod counters;
mod headers;
mod key;
mod met;
mod saved;
mod stored;
pub(super) mod ticket;
mod told;

pub use headers::{RateLimit, RateLimitHeaders, RateLimitPolicy};
pub(super) use met::Charges;
pub use met::{LimitState, LimitStates};
pub use saved::{CountersError, RestoredCounters};
pub(super) use told::told;
pub use told::{AskedLimit, KeyValue};

use super::scratch::Sets;
use super::verdict::Verdict;
use super::view::{Held, View};
use crate::decision::Reason;
use crate::program::condition::Arena;
use crate::program::limits::{Amount, Cost, Limit};
use crate::program::predicate::{Unwatched, Values};
use crate::program::vocabulary::Truth;
use crate::program::vocabulary::limits::{LimitKind, OnError, OnMissing};
use crate::quota::store::Outcome;
use crate::quota::{Ask, Now, Receipt};
use crate::request::{Charge, Value};
use counters::{CounterSet, LimitCounter};
use key::NoKey;
use met::{Met, Said};
use std::sync::Arc;
use stored::{Debt, Stored};
use ticket::{Entry, Owed, Tickets};

/// What limits are asked with.
#[derive(Clone, Copy)]
pub(super) struct Charger<'e> {
    pub(super) counters: &'e CounterSet,
    pub(super) tickets: Option<&'e Tickets>,
    pub(super) now: Now,
    pub(super) charge: Charge,
}

/// Which limits of a phase are asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    /// Those that are charged whatever is decided.
    Always,
}

impl Charger<'_> {
    /// Whether there are limits at all.
    #[inline]
    pub(super) fn asks(&self) -> bool {
        !self.counters.slots.is_empty()
    }

    /// Step 3: limits before identity. What they take stays taken.
    pub(super) fn before_identity(
        &self,
        view: &View<'_>,
        sets: &mut Sets,
        arena: &Arena,
    ) -> Option<Verdict> {
        sets.charges.clear();
        let limits = &view.bound.program.limits;
        if limits.before == 0 || self.charge == Charge::None {
            return None;
        }
        let refused = self.ask(0..limits.before, Which::All, view, sets, arena);
        if refused.is_some() {
            self.end_refused(view, sets);
        }
        refused
    }

    /// Step 6: limits after authorization. What is denied costs nothing, unless a limit says so.
    pub(super) fn after_authorization(
        &self,
        view: &View<'_>,
        sets: &mut Sets,
        arena: &Arena,
        (verdict, virtually): (Verdict, Option<Verdict>),
    ) -> (Verdict, Option<Verdict>) {
        let limits = &view.bound.program.limits;
        if limits.limits.is_empty() || self.charge == Charge::None {
            return (verdict, virtually);
        }
        let all = limits.before..limits.limits.len();
        let allowed = verdict.reason == Reason::Allowed;
        let refused = match allowed {
            true => self.ask(all, Which::All, view, sets, arena),
            false if limits.any_always => {
                self.ask(all, Which::Always, view, sets, arena);
                None
            }
            false => None,
        };
        let enforced = refused.unwrap_or(verdict);
        if enforced.reason == Reason::Allowed {
            self.keep_ticket(&mut sets.charges, view);
        }
        let virtually = virtually.or(limits.any_shadow.then_some(verdict));
        let virtually = virtually.map(|virtually| {
            let refused = refused.or_else(|| sets.charges.refusal(true));
            match refused.filter(|_| virtually.reason == Reason::Allowed) {
                Some(refused) => refused,
                None => virtually,
            }
        });
        if enforced.reason != Reason::Allowed {
            self.end_refused(view, sets);
        }
        (enforced, virtually)
    }

    /// Asks some limits; takes from all that are enforced, or from none.
    fn ask(
        &self,
        range: core::ops::Range<usize>,
        which: Which,
        view: &View<'_>,
        sets: &mut Sets,
        arena: &Arena,
    ) -> Option<Verdict> {
        let program = view.bound.program;
        let Sets {
            charges,
            held,
            active,
            narrowed,
            ..
        } = sets;
        let roles = if *narrowed { &*active } else { &*held };
        let facts = Held { view, roles, arena };
        let first = charges.len();
        for number in range {
            let limit = program.limits.limits.get(number);
            let slot = self.counters.slots.get(number);
            let (Some(limit), Some(slot)) = (limit, slot) else {
                continue;
            };
            if which == Which::Always && !limit.always {
                continue;
            }
            if let Some(met) = meet(number, limit, slot, &facts) {
                charges.push(met);
            }
        }
        self.charge_from(charges, first, which, view);
        match which {
            Which::All => charges.refusal(false),
            Which::Always => None,
        }
    }

    /// Peeks at all and takes from all; where one refuses, only those are charged that always are.
    fn charge_from(&self, charges: &mut Charges, first: usize, which: Which, view: &View<'_>) {
        let takes = matches!(self.charge, Charge::Take | Charge::Reserve);
        let met = charges.from(first);
        if view.bound.program.limits.any_stored {
            return self.charge_with_store(met, which, takes, view);
        }
        let alone = met.len() == 1;
        if !takes || !alone {
            for one in &mut *met {
                one.peek(self.counters, self.now);
            }
        }
        if !takes {
            return;
        }
        let refused = !alone && met.iter().any(|one| !one.shadow && one.refuses().is_some());
        let together = which == Which::All && !refused;
        for one in met.iter_mut().filter(|one| one.shadow || !together) {
            // Limits in shadow count for themselves, and so do those that always do.
            if (one.shadow || one.always) && one.is_open() {
                one.take(self.counters, self.now);
            }
        }
        if !together {
            return;
        }
        let mut lost: Option<usize> = None;
        for (at, one) in met.iter_mut().enumerate().filter(|(_, one)| !one.shadow) {
            if lost.is_some() && !one.always {
                continue;
            }
            one.take(self.counters, self.now);
            if one.refuses().is_some() {
                lost = lost.or(Some(at));
            }
        }
        let Some(lost) = lost else { return };
        // Another thread came between: what was taken before goes back.
        let before = met.iter_mut().take(lost);
        for one in before.filter(|one| !one.shadow && !one.always) {
            one.restore(self.counters, self.now);
        }
    }

    /// The same where a store counts some of them: what is counted here is asked first, and charged last.
    #[inline(never)]
    fn charge_with_store(&self, met: &mut [Met], which: Which, takes: bool, view: &View<'_>) {
        let here = |one: &Met| self.counters.here(one.number()).is_some();
        for one in met.iter_mut() {
            one.peek(self.counters, self.now);
        }
        if !takes {
            return self.strict_at_once(met, view, false, |_, _| true);
        }
        let refused = met.iter().any(|one| !one.shadow && one.refuses().is_some());
        let together = which == Which::All && !refused;
        for one in met.iter_mut().filter(|one| one.shadow || !together) {
            if (one.shadow || one.always) && one.is_open() {
                self.take_one(one, view);
            }
        }
        if !together {
            return;
        }
        let enforced = |one: &&mut Met| !one.shadow;
        let refuses = |met: &[Met]| met.iter().any(|one| !one.shadow && one.refuses().is_some());
        for one in met.iter_mut().filter(enforced) {
            if self.stored(one).is_some_and(|stored| !stored.is_strict()) {
                self.take_one(one, view);
            }
        }
        if !refuses(met) {
            self.strict_at_once(met, view, true, |one, stored| {
                !one.shadow && stored.is_strict()
            });
        }
        if !refuses(met) {
            for one in met.iter_mut().filter(enforced).filter(|one| here(one)) {
                one.take(self.counters, self.now);
                if one.refuses().is_some() {
                    break;
                }
            }
        }
        if !refuses(met) {
            return;
        }
        for one in met.iter_mut().filter(enforced) {
            match one.always {
                true => self.take_late(one, view),
                false => self.give_back(one, view),
            }
        }
    }

    /// Takes for a limit that is charged always what the refusal of another kept it from taking.
    fn take_late(&self, met: &mut Met, view: &View<'_>) {
        let taken = match met.said {
            Said::Stored(charged) => charged.receipt.is_charged(),
            _ => met.receipt.is_charged(),
        };
        if !taken && met.refuses().is_none() {
            met.said = Said::Nothing;
            self.take_one(met, view);
        }
    }

    /// A request that is refused is not under way: what was counted so ends with the decision.
    #[inline]
    pub(super) fn end_refused(&self, view: &View<'_>, sets: &mut Sets) {
        for met in sets.charges.from(0) {
            let limit = view.bound.program.limits.limits.get(met.number());
            if limit.is_some_and(is_concurrent) {
                self.give_back(met, view);
            }
        }
    }

    fn stored(&self, met: &Met) -> Option<&Arc<Stored>> {
        self.counters.stored(met.number())
    }

    fn take_one(&self, met: &mut Met, view: &View<'_>) {
        let limit = view.bound.program.limits.limits.get(met.number());
        match (self.stored(met), limit) {
            (Some(stored), Some(limit)) if met.is_open() => stored.take(limit, met, view, self.now),
            _ => met.take(self.counters, self.now),
        }
    }

    /// One question to the store about several limits.
    fn strict_at_once(
        &self,
        met: &mut [Met],
        view: &View<'_>,
        take: bool,
        which: impl Fn(&Met, &Stored) -> bool,
    ) {
        let limits = &view.bound.program.limits.limits;
        let asked = met.iter_mut().filter_map(|one| {
            let stored = &**self.stored(one)?;
            let limit = limits.get(one.number())?;
            (one.is_open() && which(one, stored)).then_some((limit, stored, one))
        });
        stored::all_at_once(asked, view, self.now, take);
    }

    /// Takes a charge back, wherever it was taken.
    fn give_back(&self, met: &mut Met, view: &View<'_>) {
        match self.debt(met, view) {
            Some(debt) => {
                debt.settle(0, self.now);
                if let Said::Stored(charged) = &mut met.said {
                    let _settled = core::mem::take(&mut charged.receipt);
                }
            }
            None if met.receipt.is_charged() => met.restore(self.counters, self.now),
            None => {}
        }
    }

    /// What was charged in a store.
    fn debt(&self, met: &Met, view: &View<'_>) -> Option<Debt> {
        let stored = self.stored(met)?;
        let limit = view.bound.program.limits.limits.get(met.number())?;
        let Said::Stored(charged) = met.said else {
            return None;
        };
        if charged.outcome != Outcome::Admitted {
            return None;
        }
        let (key, kind) = stored.question(limit, met, view, self.now);
        Some(Debt {
            stored: Arc::clone(stored),
            tag: met.key,
            charged,
            key,
            kind,
        })
    }

    /// Keeps what is to be settled: the end of what is under way, and of a reservation all of it.
    fn keep_ticket(&self, charges: &mut Charges, view: &View<'_>) {
        let Some(tickets) = self.tickets else { return };
        let limits = &view.bound.program.limits.limits;
        let reserves = self.charge == Charge::Reserve;
        let is_kept = |met: &Met| {
            let concurrent = limits.get(met.number()).is_some_and(is_concurrent);
            let charged = met.receipt.is_charged()
                || matches!(met.said, Said::Stored(charged) if charged.outcome == Outcome::Admitted);
            (reserves || concurrent) && charged
        };
        let count = charges.iter().filter(|met| is_kept(met)).count();
        if count == 0 {
            return;
        }
        let entries = charges.from(0).iter_mut().filter_map(|met| {
            if !is_kept(met) {
                return None;
            }
            let limit = limits.get(met.number())?;
            let owed = match self.debt(met, view) {
                Some(debt) => Owed::Store(debt),
                None => Owed::Here {
                    counter: Arc::clone(self.counters.here(met.number())?),
                    receipt: core::mem::take(&mut met.receipt),
                    ask: met.ask,
                },
            };
            Some(Entry {
                owed,
                concurrent: is_concurrent(limit),
                by_cost: matches!(limit.cost, Cost::Request),
            })
        });
        let ticket = tickets.keep(count, entries);
        charges.ticket = ticket;
    }
}

const fn is_concurrent(limit: &Limit) -> bool {
    matches!(limit.kind, LimitKind::Concurrency { .. })
}

/// What a request asks of a limit; nothing if the limit is not for it.
fn meet(number: usize, limit: &Limit, slot: &LimitCounter, facts: &Held<'_, '_>) -> Option<Met> {
    let view = facts.view;
    let predicates = &view.bound.program.predicates;
    let mut met = Met {
        limit: crate::program::names::number(number),
        shadow: limit.shadow,
        always: limit.always,
        key: 0,
        ask: Ask {
            cost: 0,
            limit: 0,
            interval_ns: 0,
            member: 0,
        },
        said: Said::Nothing,
        receipt: Receipt::default(),
    };
    let undecided = |detail| match limit.on_error {
        OnError::Skip => None,
        OnError::Deny => Some(Said::Undecided(detail)),
    };
    match predicates.evaluate(limit.predicate, facts, &mut Unwatched) {
        Truth::False => return None,
        // A limit for those who are not this or that is for nobody in particular too.
        Truth::True | Truth::NeedsPrincipal => {}
        Truth::Undecided => {
            met.said = undecided("limit_condition")?;
            return Some(met);
        }
    }
    let allowance = slot.allowances.get(tier(&limit.amount, view));
    let allowance = allowance.or(slot.allowances.last())?;
    met.ask.limit = allowance.limit;
    met.ask.interval_ns = allowance.interval_ns;
    let Some(cost) = cost(limit, facts) else {
        met.said = undecided("limit_cost")?;
        return Some(met);
    };
    met.ask.cost = cost;
    let seeds = slot.seeds();
    let shared = limit.on_missing == OnMissing::Shared;
    let keys = key::key(&*limit.by, view, seeds, shared).and_then(|key| {
        // What is absent is no value to count.
        let member = key::key(&limit.distinct, view, seeds, shared)?;
        Ok((key, member))
    });
    match keys {
        Ok((key, member)) => (met.key, met.ask.member) = (key, member),
        Err(NoKey::Unclear) => met.said = undecided("limit_key")?,
        Err(NoKey::Missing) if limit.on_missing == OnMissing::Skip => return None,
        Err(NoKey::Missing) => met.said = Said::KeyMissing,
    }
    Some(met)
}

/// Which of a limit's allowances; the last is the one where no tier is named.
fn tier(amount: &Amount, view: &View<'_>) -> usize {
    let Amount::Tiers { by, names, .. } = amount else {
        return 0;
    };
    let found = match view.value(*by) {
        Values::One(Value::String(text)) => names.get(0, text),
        _ => None,
    };
    found.map_or(usize::MAX, |tier| tier as usize)
}

/// What the request costs here; nothing if it cannot be told.
fn cost(limit: &Limit, facts: &Held<'_, '_>) -> Option<u64> {
    let view = facts.view;
    match limit.cost {
        Cost::Fixed(cost) => Some(cost),
        Cost::Request => Some(view.bound.request.cost.unwrap_or_else(|| {
            let action = view.action.and_then(|action| action.id);
            view.bound.program.limits.action_cost(action)
        })),
        Cost::Expression(condition) => {
            let cost = super::condition::number(facts, condition)?;
            u64::try_from(cost).ok()
        }
    }
}
