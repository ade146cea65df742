//! A store, its network and the nodes' clocks, as a model: what happens is drawn from a seed.

use crate::quota::store::question::{
    Answer, Ask, Charge, Counter, CounterKey, Grant, Grants, Kind, Note, QuotaStore, Unavailable,
    Window,
};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// Of a hundred questions and notes, how many meet what.
#[derive(Clone, Copy)]
pub(super) struct Faults {
    pub(super) lost: u64,
    pub(super) answer_lost: u64,
    pub(super) twice: u64,
    /// Longest time in the network, in microseconds.
    pub(super) delay_us: u64,
    /// The server's clock steps, now and then, by up to so many microseconds either way.
    pub(super) step_us: u64,
}

pub(super) struct World {
    pub(super) rng: Rng,
    faults: Faults,
    /// True time.
    pub(super) now_us: u64,
    /// What the server's clock is ahead.
    ahead_us: i64,
    counters: HashMap<CounterKey, Stored>,
    pending: Vec<Pending>,
    next_lease: u64,
    /// Questions that were put while a node waited.
    pub(super) waited: u64,
    /// Nodes that are cut off.
    pub(super) cut: u64,
}

enum Stored {
    /// Theoretical arrival time in units of a microsecond's n-th part.
    Rate(u128),
    Window {
        from: i64,
        to: i64,
        used: u64,
        leases: HashMap<u64, u64>,
    },
}

/// What is under way.
enum Pending {
    Lease {
        at_us: u64,
        ask: Owned,
        sink: Arc<dyn Grants>,
    },
    Deliver {
        at_us: u64,
        ask: Owned,
        sink: Arc<dyn Grants>,
        answer: Result<Grant, Unavailable>,
    },
    GiveBack {
        at_us: u64,
        key: CounterKey,
        lease: u64,
        units: u64,
    },
}

impl Pending {
    fn at_us(&self) -> u64 {
        match self {
            Self::Lease { at_us, .. }
            | Self::Deliver { at_us, .. }
            | Self::GiveBack { at_us, .. } => *at_us,
        }
    }
}

#[derive(Clone)]
struct Owned {
    limit: Arc<str>,
    key: CounterKey,
    kind: Kind,
    cost: u64,
    units: u64,
    hold_ms: u64,
    tag: u64,
    sent_ns: u64,
}

impl Owned {
    fn of(ask: &Ask<'_>) -> Self {
        Self {
            limit: Arc::clone(ask.charge.limit),
            key: ask.charge.key,
            kind: ask.charge.kind,
            cost: ask.charge.cost,
            units: ask.units,
            hold_ms: ask.hold_ms,
            tag: ask.tag,
            sent_ns: ask.sent_ns,
        }
    }

    fn ask(&self) -> Ask<'_> {
        Ask {
            charge: Charge {
                limit: &self.limit,
                key: self.key,
                kind: self.kind,
                cost: self.cost,
                owed: 0,
            },
            units: self.units,
            hold_ms: self.hold_ms,
            tag: self.tag,
            sent_ns: self.sent_ns,
        }
    }
}

impl World {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        Self {
            rng: Rng(seed),
            faults,
            now_us: 1_700_000_000_000_000,
            ahead_us: 0,
            counters: HashMap::new(),
            pending: Vec::new(),
            next_lease: 0,
            waited: 0,
            cut: 0,
        }
    }

    pub(super) fn server_ms(&self) -> i64 {
        i64::try_from(self.now_us / 1_000).unwrap() + self.ahead_us / 1_000
    }

    fn server_us(&self) -> u64 {
        self.now_us.saturating_add_signed(self.ahead_us)
    }

    fn delay(&mut self) -> u64 {
        let longest = self.faults.delay_us;
        // Most are short, few are long.
        let bound = if self.rng.percent(10) {
            longest
        } else {
            longest / 20
        };
        self.rng.below(bound.max(1))
    }

    pub(super) fn step_clock(&mut self) {
        let step = self.faults.step_us;
        if step > 0 && self.rng.percent(1) {
            let by =
                i64::try_from(self.rng.below(2 * step)).unwrap() - i64::try_from(step).unwrap();
            self.ahead_us = (self.ahead_us + by).max(-1_000_000_000);
        }
    }

    /// The server's own step: what the script does.
    fn grant(&mut self, owned: &Owned) -> Result<Grant, Unavailable> {
        self.next_lease += 1;
        let (lease, us) = (self.next_lease, self.server_us());
        let ms = i64::try_from(us / 1_000).unwrap();
        match owned.kind {
            Kind::Rate {
                units: n,
                period_us,
                burst,
            } => {
                let (n, period) = (u128::from(n), u128::from(period_us));
                let now = u128::from(us) * n;
                let stored = self.counters.entry(owned.key).or_insert(Stored::Rate(0));
                let Stored::Rate(tat) = stored else {
                    panic!("another kind")
                };
                *tat = (*tat).max(now);
                let room = (now + u128::from(burst) * period - *tat) / period;
                let units = portion(u64::try_from(room).unwrap(), owned);
                *tat += u128::from(units) * period;
                Ok(Grant {
                    units,
                    valid_ms: owned.hold_ms,
                    retry_ms: u64::from(units == 0),
                    ..Grant::default()
                })
            }
            Kind::Window { limit, window } => {
                let (from, to) = bounds(window, ms).ok_or(Unavailable::Clock)?;
                let entry = self.counters.entry(owned.key);
                let stored = entry.or_insert(Stored::Window {
                    from,
                    to,
                    used: 0,
                    leases: HashMap::new(),
                });
                let Stored::Window {
                    from: begin,
                    to: end,
                    used,
                    leases,
                } = stored
                else {
                    panic!("another kind")
                };
                let is_over = match window {
                    Window::FirstRequest { .. } => ms >= *end,
                    _ => from > *begin,
                };
                if is_over {
                    (*begin, *end, *used) = (from, to, 0);
                    leases.clear();
                }
                let units = portion(limit.saturating_sub(*used), owned);
                *used += units;
                leases.insert(lease, units);
                let left_us = u64::try_from(*end).unwrap() * 1_000;
                Ok(Grant {
                    units,
                    window: *begin,
                    valid_ms: (left_us.saturating_sub(us) / 1_000).min(owned.hold_ms),
                    lease,
                    remaining: limit - *used,
                    reset_ms: 1,
                    retry_ms: u64::from(units == 0),
                })
            }
            _ => panic!("not leased"),
        }
    }

    fn take_back(&mut self, key: CounterKey, lease: u64, units: u64) {
        if let Some(Stored::Window { used, leases, .. }) = self.counters.get_mut(&key)
            && let Some(granted) = leases.remove(&lease)
        {
            *used -= units.min(granted);
        }
    }

    /// Draws what a question meets: nothing, or what applied how often with an answer or not.
    fn apply(&mut self, owned: &Owned) -> Result<Grant, Unavailable> {
        if self.rng.percent(self.faults.lost) {
            return Err(Unavailable::TimedOut);
        }
        let mut grant = self.grant(owned)?;
        if self.rng.percent(self.faults.twice) {
            let again = self.grant(owned)?;
            if self.rng.percent(50) {
                grant = again;
            }
        }
        if self.rng.percent(self.faults.answer_lost) {
            return Err(Unavailable::Lost);
        }
        Ok(grant)
    }
}

fn portion(left: u64, owned: &Owned) -> u64 {
    if left < owned.cost {
        return 0;
    }
    owned.units.min(left / 8).max(owned.cost)
}

pub(super) fn bounds(window: Window, ms: i64) -> Option<(i64, i64)> {
    match window {
        Window::Fixed {
            anchor_ms,
            length_ms,
        } => {
            let length = i64::try_from(length_ms).unwrap();
            let from = ms - (ms - anchor_ms).rem_euclid(length);
            Some((from, from + length))
        }
        Window::FirstRequest { length_ms } => Some((ms, ms + i64::try_from(length_ms).unwrap())),
        Window::Edges(edges) => edges
            .windows(2)
            .map(|pair| (pair[0], pair[1]))
            .find(|(from, to)| (*from..*to).contains(&ms)),
    }
}

/// The store as one node reaches it.
pub(super) struct Link {
    pub(super) world: Arc<Mutex<World>>,
    pub(super) node: usize,
    /// False after a crash: what the node still holds is lost.
    pub(super) alive: Arc<AtomicBool>,
}

impl Link {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
}

impl QuotaStore for Link {
    fn secret(&self) -> &[u8] {
        b""
    }

    fn take(&self, _: &[Charge<'_>], _: Duration, _: &mut [Answer]) -> Result<(), Unavailable> {
        Err(Unavailable::Unsupported)
    }

    fn peek(&self, _: &[Charge<'_>], _: Duration, _: &mut [Answer]) -> Result<(), Unavailable> {
        Err(Unavailable::Unsupported)
    }

    fn lease(&self, ask: &Ask<'_>, _: Duration) -> Result<Grant, Unavailable> {
        let mut world = self.world();
        world.waited += 1;
        if world.cut & (1 << self.node) != 0 {
            return Err(Unavailable::Unreachable);
        }
        world.now_us += world.faults.delay_us.min(1_000) / 2;
        let there = world.delay();
        world.now_us += there;
        let answer = world.apply(&Owned::of(ask));
        drop(world);
        // Meanwhile what was asked for ahead arrives.
        happen(&self.world);
        let mut world = self.world();
        let back = world.delay();
        world.now_us += back;
        answer
    }

    fn lease_ahead(&self, ask: &Ask<'_>, sink: &Arc<dyn Grants>) -> bool {
        let mut world = self.world();
        if world.rng.percent(5) {
            return false;
        }
        let at_us = world.now_us + world.delay();
        world.pending.push(Pending::Lease {
            at_us,
            ask: Owned::of(ask),
            sink: Arc::clone(sink),
        });
        true
    }

    fn post(&self, note: &Note<'_>) -> bool {
        let mut world = self.world();
        let Note::GiveBack {
            key, lease, units, ..
        } = *note
        else {
            return false;
        };
        if !self.alive.load(Ordering::Relaxed) {
            return false;
        }
        let times = match world.rng.below(100) {
            lost if lost < world.faults.lost => 0,
            twice if twice > 99 - world.faults.twice => 2,
            _ => 1,
        };
        for _ in 0..times {
            let at_us = world.now_us + world.delay() * 3;
            world.pending.push(Pending::GiveBack {
                at_us,
                key,
                lease,
                units,
            });
        }
        true
    }

    fn list(&self, _: Option<&str>, _: &mut dyn FnMut(Counter)) -> Result<(), Unavailable> {
        Err(Unavailable::Unsupported)
    }

    fn reset(&self, _: &str, _: Option<CounterKey>) -> Result<u64, Unavailable> {
        Err(Unavailable::Unsupported)
    }
}

/// Lets happen what is due, in no particular order; what a dead node asked for is applied and lost.
pub(super) fn happen(world: &Mutex<World>) {
    loop {
        let mut guard = world.lock().unwrap();
        let now = guard.now_us;
        let due: Vec<_> = (0..guard.pending.len())
            .filter(|at| guard.pending[*at].at_us() <= now)
            .collect();
        if due.is_empty() {
            return;
        }
        let pick = usize::try_from(guard.rng.below(due.len() as u64)).unwrap();
        match guard.pending.swap_remove(due[pick]) {
            Pending::Lease { ask, sink, .. } => {
                let answer = guard.apply(&ask);
                let at_us = now + guard.delay();
                guard.pending.push(Pending::Deliver {
                    at_us,
                    ask,
                    sink,
                    answer,
                });
            }
            Pending::Deliver {
                ask, sink, answer, ..
            } => {
                drop(guard);
                sink.granted(&ask.ask(), answer);
            }
            Pending::GiveBack {
                key, lease, units, ..
            } => guard.take_back(key, lease, units),
        }
    }
}
