//! A limit that is counted in a store: its settings become questions, and the answers what it says.

use super::key::Seeds;
use super::met::{Met, Said};
use crate::crypto::digest;
use crate::program::limits::Limit;
use crate::program::vocabulary::limits::{LimitKind, OnDown, StoreMode, StoreSettings};
use crate::quota::store::{
    self, Charged, CounterKey, MAX_STRICT, Mode, Part, Receipt, Shared, SharedLimit, Strict, Window,
};
use crate::quota::{self, Ask, Kind, Now, Outcome, Span, Verdict};
use core::time::Duration;
use std::sync::Arc;

/// The part of a limit that a process gives out alone where nothing says how many there are: a tenth.
const DEFAULT_PART: f64 = 0.1;

/// How one limit is asked for.
#[derive(Debug)]
pub(in crate::engine) struct Remote {
    shared: Arc<Shared>,
    limit: SharedLimit,
    /// Secrets of keys that are the same in every process with the store's secret.
    seeds: [Seeds; 2],
    form: Form,
}

#[derive(Debug)]
enum Form {
    Rate { units: u64, period_us: u64 },
    Window(Span),
}

/// Everything that is needed to settle a charge later.
#[derive(Debug)]
pub(in crate::engine) struct Settling {
    remote: Arc<Remote>,
    tag: u64,
    wide: [u64; 2],
    ask: Ask,
    receipt: Receipt,
}

impl Remote {
    /// Nothing for a kind that no store counts; such a policy does not load.
    pub(super) fn new(
        limit: &Limit,
        kind: &Kind,
        settings: &StoreSettings,
        shared: &Arc<Shared>,
        processes: u64,
    ) -> Option<Self> {
        let form = match (&limit.kind, kind) {
            (
                LimitKind::Rate {
                    count, period_ns, ..
                },
                _,
            ) => Form::Rate {
                units: *count,
                period_us: period_ns.div_ceil(1_000),
            },
            (_, Kind::Window(span)) => Form::Window(span.clone()),
            _ => return None,
        };
        Some(Self {
            shared: Arc::clone(shared),
            limit: SharedLimit {
                id: (&*limit.id).into(),
                mode: match settings.mode {
                    StoreMode::Strict => Mode::Strict,
                    StoreMode::Leased => Mode::Leased {
                        batch: u64::from(settings.batch),
                    },
                },
                on_down: match settings.on_down {
                    OnDown::Deny => store::OnDown::Deny,
                    OnDown::Open => store::OnDown::Open,
                    OnDown::Share => store::OnDown::Share(part(settings.share, processes)),
                },
                budget: Duration::from_millis(u64::from(settings.budget_ms)),
            },
            seeds: seeds(shared.secret(), &limit.id),
            form,
        })
    }

    pub(super) fn seeds(&self) -> [Seeds; 2] {
        self.seeds
    }

    /// Whether a store can count so much.
    pub(super) fn can_count(&self, most: u64) -> bool {
        let ask = Ask {
            cost: 0,
            limit: most,
            interval_ns: 0,
            member: 0,
        };
        self.kind(&ask, Now::default()).is_countable()
    }

    pub(super) fn is_strict(&self) -> bool {
        self.limit.mode == Mode::Strict
    }

    fn kind(&self, ask: &Ask, now: Now) -> store::Kind {
        let limit = ask.limit;
        match &self.form {
            Form::Rate { units, period_us } => store::Kind::Rate {
                units: *units,
                period_us: *period_us,
                burst: limit,
            },
            Form::Window(span) => store::Kind::Window {
                limit,
                window: match span {
                    Span::Calendar(calendar) => Window::Edges(quota::edges(calendar, now.wall_ms)),
                    Span::Fixed { ms } => Window::Fixed {
                        anchor_ms: 0,
                        length_ms: *ms,
                    },
                    Span::FirstRequest { ms } => Window::FirstRequest { length_ms: *ms },
                },
            },
        }
    }

    fn question(&self, wide: [u64; 2], ask: &Ask, now: Now) -> (CounterKey, store::Kind) {
        let [low, high] = wide.map(u64::to_le_bytes);
        let mut values = [0; 16];
        for (to, from) in values.iter_mut().zip(low.into_iter().chain(high)) {
            *to = from;
        }
        let key = CounterKey::new(self.shared.secret(), &self.limit.id, &values);
        (key, self.kind(ask, now))
    }

    fn strict(&self, met: &Met, now: Now) -> Strict<'_> {
        let (key, kind) = self.question(met.wide, &met.ask, now);
        Strict {
            limit: &self.limit,
            tag: met.key,
            key,
            kind,
            cost: met.ask.cost,
        }
    }

    /// What the limit would say.
    pub(super) fn peek(&self, met: &mut Met, now: Now) {
        if never(met) {
            return;
        }
        let question = || self.question(met.wide, &met.ask, now);
        let (limit, at) = (&self.limit, store_now(now));
        let charged = self.shared.look(limit, met.key, met.ask.cost, at, question);
        hear(met, charged);
    }

    /// Charges the limit.
    pub(super) fn take(&self, met: &mut Met, now: Now) {
        if never(met) {
            return;
        }
        let at = store_now(now);
        let charged = if self.is_strict() {
            let mut charged = [Charged::default()];
            self.shared.take(&[self.strict(met, now)], at, &mut charged);
            let [charged] = charged;
            charged
        } else {
            let question = || self.question(met.wide, &met.ask, now);
            self.shared
                .spend(&self.limit, met.key, met.ask.cost, at, question)
        };
        hear(met, charged);
    }

    pub(super) fn restore(&self, met: &mut Met, now: Now) {
        let receipt = core::mem::take(&mut met.remote);
        self.settle(met.key, met.wide, &met.ask, receipt, 0, now);
    }

    fn settle(&self, tag: u64, wide: [u64; 2], ask: &Ask, receipt: Receipt, actual: u64, now: Now) {
        let question = || self.question(wide, ask, now);
        self.shared
            .settle(&self.limit, tag, receipt, actual, store_now(now), question);
    }

    /// What a ticket keeps of a charge.
    pub(super) fn keep(self: &Arc<Self>, met: &mut Met) -> Settling {
        Settling {
            remote: Arc::clone(self),
            tag: met.key,
            wide: met.wide,
            ask: met.ask,
            receipt: core::mem::take(&mut met.remote),
        }
    }
}

impl Settling {
    pub(super) fn settle(self, actual: u64, now: Now) {
        let remote = &self.remote;
        remote.settle(self.tag, self.wide, &self.ask, self.receipt, actual, now);
    }
}

/// Charges strict limits together, each with its own answer: all of them, or none.
pub(super) fn take_all<'m>(strict: impl Iterator<Item = (&'m Remote, &'m mut Met)>, now: Now) {
    let mut found: [Option<(&Remote, &mut Met)>; MAX_STRICT] = [const { None }; MAX_STRICT];
    let mut count = 0;
    for (remote, met) in strict {
        if never(met) {
            continue;
        }
        match found.get_mut(count) {
            Some(place) => *place = Some((remote, met)),
            // One question has no room for more.
            None => met.said = Said::Away,
        }
        count += 1;
    }
    let Some(Some((first, met))) = found.first() else {
        return;
    };
    let blank = first.strict(met, now);
    let shared = &first.shared;
    let strict: [Strict<'_>; MAX_STRICT] = core::array::from_fn(|at| match found.get(at) {
        Some(Some((remote, met))) => remote.strict(met, now),
        _ => blank,
    });
    let mut charged = [Charged::default(); MAX_STRICT];
    let strict = strict.get(..count.min(MAX_STRICT)).unwrap_or_default();
    shared.take(strict, store_now(now), &mut charged);
    for (one, charged) in found.iter_mut().flatten().zip(charged) {
        hear(one.1, charged);
    }
}

/// A cost above what the limit ever has is not asked for.
fn never(met: &mut Met) -> bool {
    let ask = &met.ask;
    let never = ask.cost > ask.limit;
    if never {
        let outcome = Outcome::told(Verdict::Never, ask.limit, 0, 0, 0);
        met.said = Said::Outcome(outcome);
    }
    never
}

fn hear(met: &mut Met, charged: Charged) {
    let told = |verdict| {
        let (left, reset) = (charged.remaining.min(met.ask.limit), charged.reset_ms);
        Said::Outcome(Outcome::told(
            verdict,
            met.ask.limit,
            left,
            reset,
            charged.retry_ms,
        ))
    };
    met.said = match charged.outcome {
        store::Outcome::Admitted => told(Verdict::Admitted),
        store::Outcome::Refused => told(Verdict::Denied),
        store::Outcome::Unavailable(_) => Said::Away,
    };
    met.remote = charged.receipt;
}

fn store_now(now: Now) -> store::Now {
    store::Now {
        mono_ns: now.mono_ns,
        wall_ms: now.wall_ms,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and a million"
)]
fn part(share: Option<f64>, processes: u64) -> Part {
    let default = match processes {
        0 | 1 => DEFAULT_PART,
        _ => 1.0 / processes as f64,
    };
    Part::millionths((share.unwrap_or(default) * 1e6) as u32)
}

/// The same in every process that knows the store's secret.
fn seeds(secret: &[u8], limit: &str) -> [Seeds; 2] {
    let digest = digest([&b"gatelet keys of a limit"[..], secret, limit.as_bytes()]);
    let mut words = digest
        .as_chunks::<8>()
        .0
        .iter()
        .map(|word| u64::from_le_bytes(*word));
    let mut next = || words.next().unwrap_or_default();
    [[next(), next()], [next(), next()]]
}
