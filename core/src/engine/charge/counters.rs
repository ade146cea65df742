//! The counters of an engine: built when a policy is installed, kept while a limit stays the same.

use super::key::Seeds;
use super::stored::Stored;
use crate::install::InstallError;
use crate::program::condition::Zone;
use crate::program::hash::mix;
use crate::program::limits::{Amount, Limit, Limits};
use crate::program::vocabulary::limits::{self, CalendarUnit, LimitKind};
use crate::quota::store::{MAX_STRICT, Shared};
use crate::quota::{
    Allowance, Calendar, Counters, Excess, Kind, KindError, Now, OnFull, Plan, Restored,
    SnapshotError, Span, Unit,
};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

/// The counters of a policy's limits, by the limits' numbers.
#[derive(Debug, Default)]
pub(in crate::engine) struct CounterSet {
    pub(super) slots: Box<[LimitCounter]>,
}

/// What one limit counts with.
#[derive(Clone, Debug)]
pub(super) struct LimitCounter {
    home: Home,
    /// By tier, in the order of the policy, the default last.
    pub(super) allowances: Box<[Allowance]>,
}

/// Where it is counted.
#[derive(Clone, Debug)]
enum Home {
    Here(Arc<Counter>),
    Store(Arc<Stored>),
}

impl LimitCounter {
    /// The same limit with other counters.
    pub(super) fn counting(&self, counter: Arc<Counter>) -> Self {
        Self {
            home: Home::Here(counter),
            allowances: self.allowances.clone(),
        }
    }

    /// What its keys are hashed with.
    pub(super) fn seeds(&self) -> Seeds {
        match &self.home {
            Home::Here(counter) => counter.seeds,
            Home::Store(stored) => stored.seeds,
        }
    }
}

/// Counters, and what they were built of.
#[derive(Debug)]
pub(super) struct Counter {
    /// Of the limit; see [`Limit::identity`].
    pub(super) identity: [u8; 32],
    pub(super) seeds: Seeds,
    pub(super) counters: Counters,
    plan: Plan,
}

/// How counters of an engine are made.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Making {
    /// Among how many processes each limit that is counted here is divided.
    pub(in crate::engine) processes: u64,
    /// Whether secrets are the same in every run, so that a replay is one.
    pub(in crate::engine) replay: bool,
}

impl CounterSet {
    /// The counters for a policy; those of `before` are kept where the limit is the same.
    pub(in crate::engine) fn build(
        limits: &Limits,
        before: &Self,
        making: Making,
        store: Option<&Arc<Shared>>,
        now: Now,
    ) -> Result<Self, InstallError> {
        let refuse = |limit: &Limit, problem: String| InstallError::Limit {
            limit: limit.id.to_string(),
            problem,
        };
        let slot = |limit: &Limit| {
            let kind = kind(&limit.kind);
            let here = |making| {
                LimitCounter::here(limit, kind.clone(), before, making, now)
                    .map_err(|error| refuse(limit, error.to_string()))
            };
            let (settings, store) = match (limit.store, store) {
                (None, _) => return here(making),
                (Some(settings), Some(store)) => (settings, store),
                // A replay has no other processes that it would share the limit with.
                (Some(_), None) if making.replay => {
                    let processes = 1;
                    return here(Making {
                        processes,
                        ..making
                    });
                }
                // Counting in the process instead would be another limit than the one that is written.
                (Some(_), None) => {
                    let limit = limit.id.to_string();
                    return Err(InstallError::StoreMissing { limit });
                }
            };
            let allowances =
                allowances(limit, &kind, 1).map_err(|error| refuse(limit, error.to_string()))?;
            let calendar = match kind {
                Kind::Window(Span::Calendar(calendar)) => Some(calendar),
                _ => None,
            };
            let known = before.stored_as(limit).map(|stored| stored.seeds);
            let seeds = known.unwrap_or_else(|| seeds(limit, making));
            let nodes = making.processes;
            let stored = Stored::build(
                limit,
                settings,
                store,
                calendar,
                &allowances,
                (seeds, nodes),
            )?;
            Ok(LimitCounter {
                home: Home::Store(Arc::new(stored)),
                allowances,
            })
        };
        let set = Self {
            slots: limits.limits.iter().map(slot).collect::<Result<_, _>>()?,
        };
        match set.too_strict(limits) {
            Some(limit) => {
                let problem = format!("a decision asks a store about at most {MAX_STRICT} limits");
                Err(refuse(limit, problem))
            }
            None => Ok(set),
        }
    }

    /// The first limit beyond those that one question to a store can be about.
    fn too_strict<'l>(&self, limits: &'l Limits) -> Option<&'l Limit> {
        let strict = |number: &usize| {
            self.stored(*number)
                .is_some_and(|stored| stored.is_strict())
        };
        let mut numbers = (0..self.slots.len()).filter(strict);
        limits.limits.get(numbers.nth(MAX_STRICT)?)
    }

    /// The counters of a limit that is counted in the process.
    pub(super) fn here(&self, number: usize) -> Option<&Arc<Counter>> {
        match &self.slots.get(number)?.home {
            Home::Here(counter) => Some(counter),
            Home::Store(_) => None,
        }
    }

    /// A limit that is counted in a store.
    pub(super) fn stored(&self, number: usize) -> Option<&Arc<Stored>> {
        match &self.slots.get(number)?.home {
            Home::Store(stored) => Some(stored),
            Home::Here(_) => None,
        }
    }

    fn stored_as(&self, limit: &Limit) -> Option<&Stored> {
        (0..self.slots.len())
            .filter_map(|number| self.stored(number))
            .map(|stored| &**stored)
            .find(|stored| stored.identity == limit.identity)
    }

    /// By limit, how many requests found no room for a counter.
    pub(in crate::engine) fn crowded(&self) -> impl Iterator<Item = u64> {
        (0..self.slots.len()).map(|number| {
            self.here(number)
                .map_or(0, |counter| counter.counters.crowded())
        })
    }
}

impl LimitCounter {
    fn here(
        limit: &Limit,
        kind: Kind,
        before: &CounterSet,
        making: Making,
        now: Now,
    ) -> Result<Self, KindError> {
        let allowances = allowances(limit, &kind, making.processes)?;
        let most = allowances.iter().map(|allowance| allowance.limit).max();
        let plan = Plan {
            kind,
            most: most.unwrap_or(1),
            capacity: limit.capacity as usize,
            on_full: match limit.on_full {
                limits::OnFull::Overflow => OnFull::Overflow,
                limits::OnFull::Deny => OnFull::Deny,
                limits::OnFull::Allow => OnFull::Allow,
            },
        };
        let known = (0..before.slots.len())
            .filter_map(|number| before.here(number))
            .find(|counter| counter.identity == limit.identity);
        let counter = match known {
            Some(known) if known.serves(&plan) => Arc::clone(known),
            known => {
                let known = known.map(|known| &**known);
                Arc::new(Counter::build(limit, plan, known, making, now)?)
            }
        };
        Ok(Self {
            home: Home::Here(counter),
            allowances,
        })
    }
}

impl Counter {
    /// Counters of another size with what was counted in those before, or the first of a limit.
    fn build(
        limit: &Limit,
        plan: Plan,
        before: Option<&Self>,
        making: Making,
        now: Now,
    ) -> Result<Self, KindError> {
        let counter = Self {
            identity: limit.identity,
            seeds: before.map_or_else(|| seeds(limit, making), |before| before.seeds),
            counters: Counters::new(plan.clone())?,
            plan,
        };
        if let Some(before) = before {
            // A key for which there is no room any more begins anew.
            let _ = counter.load(&before.save(now), now);
        }
        Ok(counter)
    }

    /// Counters of the same limit in which nothing is counted.
    pub(super) fn empty(&self, seeds: Seeds) -> Result<Self, KindError> {
        Ok(Self {
            identity: self.identity,
            seeds,
            counters: Counters::new(self.plan.clone())?,
            plan: self.plan.clone(),
        })
    }

    pub(super) fn save(&self, now: Now) -> Vec<u8> {
        self.counters.save(self.label(), now)
    }

    pub(super) fn load(&self, bytes: &[u8], now: Now) -> Result<Restored, SnapshotError> {
        self.counters.load(bytes, self.label(), now)
    }

    /// What the limit, its key, its period and its secrets come to.
    fn label(&self) -> u64 {
        let words = self.identity.as_chunks::<8>().0.iter();
        let words = words.map(|word| u64::from_le_bytes(*word));
        words.chain(self.seeds).fold(0, mix)
    }

    /// Whether these counters do for a plan of the same limit.
    fn serves(&self, plan: &Plan) -> bool {
        let remembers = matches!(
            plan.kind,
            Kind::Sliding { exact: true, .. } | Kind::Concurrency { .. } | Kind::Distinct { .. }
        );
        self.plan.capacity == plan.capacity
            && self.plan.on_full == plan.on_full
            && (!remembers || self.plan.most >= plan.most)
    }
}

fn kind(kind: &LimitKind) -> Kind {
    match kind {
        LimitKind::Rate { .. } => Kind::Rate {
            excess: Excess::Refuse,
        },
        LimitKind::Calendar(calendar) => Kind::Window(Span::Calendar(Calendar {
            unit: unit(calendar.unit),
            every: calendar.every,
            anchor_ms: calendar.anchor_ms,
            zone: calendar
                .zone
                .as_deref()
                .and_then(Zone::parse)
                .unwrap_or(Zone::UTC),
        })),
        LimitKind::Fixed { period_ms } => Kind::Window(Span::Fixed { ms: *period_ms }),
        LimitKind::FirstRequest { period_ms } => {
            Kind::Window(Span::FirstRequest { ms: *period_ms })
        }
        LimitKind::Sliding { period_ms, exact } => Kind::Sliding {
            ms: *period_ms,
            exact: *exact,
        },
        LimitKind::Concurrency { lease_ms } => Kind::Concurrency {
            lease_ms: *lease_ms,
        },
        LimitKind::Distinct { period_ms } => Kind::Distinct {
            within_ms: *period_ms,
        },
    }
}

const fn unit(unit: CalendarUnit) -> Unit {
    match unit {
        CalendarUnit::Minute => Unit::Minute,
        CalendarUnit::Hour => Unit::Hour,
        CalendarUnit::Day => Unit::Day,
        CalendarUnit::Week => Unit::Week,
        CalendarUnit::Month => Unit::Month,
        CalendarUnit::Year => Unit::Year,
    }
}

/// What each tier allows in one of several processes.
fn allowances(limit: &Limit, kind: &Kind, processes: u64) -> Result<Box<[Allowance]>, KindError> {
    let amounts: Vec<u64> = match &limit.amount {
        Amount::Fixed(amount) => vec![*amount],
        Amount::Tiers {
            amounts, default, ..
        } => amounts.iter().copied().chain([*default]).collect(),
    };
    let each = amounts.into_iter().map(|amount| {
        let whole = match limit.kind {
            LimitKind::Rate {
                count, period_ns, ..
            } => Allowance::rate(count, period_ns, amount)?,
            _ => Allowance::count(amount),
        };
        kind.check(whole)?;
        if processes > 1 {
            kind.divide(whole, processes)
        } else {
            Ok(whole)
        }
    });
    each.collect()
}

/// Secrets of a limit's keys.
fn seeds(limit: &Limit, making: Making) -> Seeds {
    if !making.replay {
        // The standard library's maps are keyed by the system's randomness; one such key each.
        return [(); 2].map(|()| RandomState::new().build_hasher().finish());
    }
    let words = limit.identity.as_chunks::<8>().0.iter();
    let hash = words.fold(0, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    [hash, mix(hash, 1)]
}
