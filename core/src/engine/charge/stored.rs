//! Limits whose counters are in a store: what it is asked, and what it said.

use super::key::{self, Seeds};
use super::met::{Met, Said};
use crate::engine::InstallError;
use crate::engine::view::View;
use crate::program::limits::{Limit, Part};
use crate::program::vocabulary::limits::{self as words, LimitKind, OnMissing, StoreSettings};
use crate::quota::store::{
    self, Charged, CounterKey, Kind, MAX_STRICT, Mode, Now, OnDown, Shared, SharedLimit, Strict,
    Window,
};
use crate::quota::{Allowance, Calendar, Now as Clocks};
use core::time::Duration;
use std::sync::Arc;

/// A limit in a store.
#[derive(Debug)]
pub(super) struct Stored {
    shared: Arc<Shared>,
    limit: SharedLimit,
    count: Count,
    /// Of the tag that tells its counters apart in this process.
    pub(super) seeds: Seeds,
    /// Of the limit; see [`Limit::identity`].
    pub(super) identity: [u8; 32],
}

/// How it counts, apart from its number.
#[derive(Debug)]
enum Count {
    Rate { units: u64, period_us: u64 },
    Window(Window),
    Calendar(Calendar),
    Sliding { span_ms: u64, exact: bool },
    Concurrency { lease_ms: u64 },
    Distinct(Window),
}

/// A charge that is to be settled.
#[derive(Debug)]
pub(super) struct Debt {
    pub(super) stored: Arc<Stored>,
    pub(super) tag: u64,
    pub(super) charged: Charged,
    pub(super) key: CounterKey,
    pub(super) kind: Kind,
}

impl Debt {
    /// The true cost; 0 takes it back.
    pub(super) fn settle(&self, actual: u64, now: Clocks) {
        let Stored { shared, limit, .. } = &*self.stored;
        let receipt = self.charged.receipt;
        shared.settle(limit, self.tag, receipt, actual, times(now), || {
            (self.key, self.kind)
        });
    }
}

impl Stored {
    pub(super) fn build(
        limit: &Limit,
        settings: StoreSettings,
        shared: &Arc<Shared>,
        calendar: Option<Calendar>,
        allowances: &[Allowance],
        (seeds, nodes): (Seeds, u64),
    ) -> Result<Self, InstallError> {
        let stored = Self {
            shared: Arc::clone(shared),
            limit: SharedLimit {
                id: Arc::from(&*limit.id),
                mode: match settings.mode {
                    words::StoreMode::Strict => Mode::Strict,
                    words::StoreMode::Leased => Mode::Leased {
                        batch: u64::from(settings.batch),
                    },
                },
                on_down: on_down(settings, nodes),
                budget: Duration::from_millis(u64::from(settings.budget_ms)),
            },
            count: count(&limit.kind, calendar),
            seeds,
            identity: limit.identity,
        };
        let countable = |allowance: &Allowance| {
            let kind = stored.kind(allowance.limit, 0, CounterKey::default());
            kind.is_countable()
        };
        if allowances.iter().all(countable) {
            return Ok(stored);
        }
        Err(InstallError::Limit {
            limit: limit.id.to_string(),
            problem: "its numbers are larger than a store counts with".to_owned(),
        })
    }

    pub(super) const fn is_strict(&self) -> bool {
        matches!(self.limit.mode, Mode::Strict)
    }

    fn kind(&self, most: u64, wall_ms: i64, member: CounterKey) -> Kind {
        match &self.count {
            Count::Rate { units, period_us } => Kind::Rate {
                units: *units,
                period_us: *period_us,
                burst: most,
            },
            Count::Window(window) => Kind::Window {
                limit: most,
                window: *window,
            },
            Count::Calendar(calendar) => Kind::Window {
                limit: most,
                window: Window::Edges(calendar.edges(wall_ms)),
            },
            Count::Sliding { span_ms, exact } => Kind::Sliding {
                limit: most,
                span_ms: *span_ms,
                exact: *exact,
            },
            Count::Concurrency { lease_ms } => Kind::Concurrency {
                limit: most,
                lease_ms: *lease_ms,
            },
            Count::Distinct(window) => Kind::Distinct {
                limit: most,
                window: *window,
                member,
            },
        }
    }

    /// Which counter it is, and how it counts.
    pub(super) fn question(
        &self,
        limit: &Limit,
        met: &Met,
        view: &View<'_>,
        now: Clocks,
    ) -> (CounterKey, Kind) {
        let secret = self.shared.secret();
        let shared = limit.on_missing == OnMissing::Shared;
        // What cannot be made into a key has been refused before.
        let digest = |parts: &mut dyn Iterator<Item = &Part>| {
            key::counter_key(parts, view, secret, &limit.id, shared).unwrap_or_default()
        };
        let key = digest(&mut limit.by.iter());
        let member = digest(&mut limit.distinct.iter());
        (key, self.kind(met.ask.limit, now.wall_ms, member))
    }

    /// Charges one limit by itself.
    pub(super) fn take(&self, limit: &Limit, met: &mut Met, view: &View<'_>, now: Clocks) {
        if met.ask.cost > met.ask.limit {
            met.said = Said::TooDear;
            return;
        }
        let charged = if self.is_strict() {
            let mut charged = [Charged::default()];
            let strict = [self.strict(limit, met, view, now)];
            self.shared.take(&strict, times(now), &mut charged);
            let [charged] = charged;
            charged
        } else {
            let ask = || self.question(limit, met, view, now);
            self.shared
                .spend(&self.limit, met.key, met.ask.cost, times(now), ask)
        };
        met.said = Said::Stored(charged);
    }

    fn strict(&self, limit: &Limit, met: &Met, view: &View<'_>, now: Clocks) -> Strict<'_> {
        let (key, kind) = self.question(limit, met, view, now);
        Strict {
            limit: &self.limit,
            tag: met.key,
            key,
            kind,
            cost: met.ask.cost,
        }
    }
}

/// Asks a store about several limits at once: takes from all of them or from none, or only looks.
pub(super) fn all_at_once<'m>(
    limits: impl Iterator<Item = (&'m Limit, &'m Stored, &'m mut Met)>,
    view: &View<'_>,
    now: Clocks,
    take: bool,
) {
    let mut places: [Option<&mut Met>; MAX_STRICT] = [const { None }; MAX_STRICT];
    let mut asked: [Option<Strict<'_>>; MAX_STRICT] = [None; MAX_STRICT];
    let (mut shared, mut count) = (None, 0);
    for ((limit, stored, met), (place, one)) in limits.zip(places.iter_mut().zip(asked.iter_mut()))
    {
        if met.ask.cost > met.ask.limit {
            met.said = Said::TooDear;
            continue;
        }
        *one = Some(stored.strict(limit, met, view, now));
        *place = Some(met);
        shared = Some(&stored.shared);
        count += 1;
    }
    let mut whole = asked.iter().flatten().copied();
    let (Some(shared), Some(first)) = (shared, whole.next()) else {
        return;
    };
    let mut strict = [first; MAX_STRICT];
    for (place, one) in strict.iter_mut().skip(1).zip(whole) {
        *place = one;
    }
    let mut charged = [Charged::default(); MAX_STRICT];
    if let (Some(strict), Some(charged)) = (strict.get(..count), charged.get_mut(..count)) {
        match take {
            true => shared.take(strict, times(now), charged),
            false => shared.peek(strict, times(now), charged),
        }
    }
    for (met, charged) in places.into_iter().flatten().zip(charged) {
        met.said = Said::Stored(charged);
    }
}

fn count(kind: &LimitKind, calendar: Option<Calendar>) -> Count {
    let fixed = |length_ms| Window::Fixed {
        anchor_ms: 0,
        length_ms,
    };
    match (kind, calendar) {
        (LimitKind::Calendar(_), Some(calendar)) => Count::Calendar(calendar),
        (
            LimitKind::Rate {
                count, period_ns, ..
            },
            _,
        ) => Count::Rate {
            units: *count,
            period_us: period_ns / 1_000,
        },
        (LimitKind::FirstRequest { period_ms }, _) => Count::Window(Window::FirstRequest {
            length_ms: *period_ms,
        }),
        (LimitKind::Sliding { period_ms, exact }, _) => Count::Sliding {
            span_ms: *period_ms,
            exact: *exact,
        },
        (LimitKind::Concurrency { lease_ms }, _) => Count::Concurrency {
            lease_ms: *lease_ms,
        },
        (LimitKind::Distinct { period_ms }, _) => Count::Distinct(fixed(*period_ms)),
        (LimitKind::Fixed { period_ms }, _) => Count::Window(fixed(*period_ms)),
        // A calendar always comes with its windows.
        (LimitKind::Calendar(_), None) => Count::Window(fixed(0)),
    }
}

fn on_down(settings: StoreSettings, nodes: u64) -> OnDown {
    match settings.on_down {
        words::OnDown::Deny => OnDown::Deny,
        words::OnDown::Open => OnDown::Open,
        words::OnDown::Share => OnDown::Share(store::Part {
            percent: u32::from(settings.share_percent),
            nodes: u32::try_from(nodes).unwrap_or(u32::MAX),
        }),
    }
}

const fn times(now: Clocks) -> Now {
    Now {
        mono_ns: now.mono_ns,
        wall_ms: now.wall_ms,
    }
}
