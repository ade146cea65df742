//! Units that this process may spend: granted by a store, debited before each admission.
//!
//! A slot holds what a process has of one counter. Everything is charged in the
//! store already, so what is lost here is burnt, never admitted twice. A lease
//! belongs to one window and ends by this process' monotonic clock.

use super::question::{CounterKey, Grant, Kind, MAX_UNITS, Window};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Slots that one lock guards, and that a counter can be in.
const WAYS: usize = 8;
/// First batch of a counter: a caller who comes once shall not hold a hundred units.
const FIRST_BATCH: u64 = 8;
/// Longest time for which a refusal is believed without asking again: others may have given back.
const REFUSED_MS: u64 = 250;
const NS_PER_MS: u64 = 1_000_000;

/// Times of one decision.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// Of a clock that never goes back, in nanoseconds.
    pub mono_ns: u64,
    /// Of the wall clock, in milliseconds since 1970.
    pub wall_ms: i64,
}

/// A part of a lease that is still held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) units: u64,
    until_ns: u64,
    pub(super) lease: u64,
    /// The window that they are of, by the store's clock: to no other they go back.
    pub(super) window: i64,
}

/// Which counter units go back to.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub(super) limit: Arc<str>,
    pub(super) key: CounterKey,
}

/// Units that left a slot unspent.
pub(super) type Leftover = Option<(Home, [Held; 2])>;

/// What is spent while the store is away.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    /// End of the window, or of a rate the theoretical arrival time.
    until_ns: u64,
    used: u64,
    /// Of these, what the store has not been told.
    owed: u64,
    owed_until_ns: u64,
}

/// What a process has of one counter.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) home: Home,
    /// Spent first; ends first.
    front: Held,
    back: Held,
    window: i64,
    /// Units asked for, with no answer yet.
    asked: u64,
    /// Size of the next batch.
    batch: u64,
    refused_cost: u64,
    refused_until_ns: u64,
    remaining: u64,
    reset_at_ns: u64,
    share: Share,
    touched_ns: u64,
}

impl Slot {
    fn new(home: Home) -> Self {
        Self {
            home,
            front: Held::default(),
            back: Held::default(),
            window: i64::MIN,
            asked: 0,
            batch: FIRST_BATCH,
            refused_cost: u64::MAX,
            refused_until_ns: 0,
            remaining: 0,
            reset_at_ns: 0,
            share: Share::default(),
            touched_ns: 0,
        }
    }

    pub(super) fn units(&self) -> u64 {
        self.front.units.saturating_add(self.back.units)
    }

    /// Units left as far as is known here: in the store when it was last asked, and held.
    pub(super) fn remaining(&self) -> u64 {
        self.remaining.saturating_add(self.units())
    }

    pub(super) fn reset_ms(&self, now: Now) -> u64 {
        self.reset_at_ns
            .saturating_sub(now.mono_ns)
            .div_ceil(NS_PER_MS)
    }

    /// Takes out all that is held.
    pub(super) fn take_all(&mut self) -> Leftover {
        let held = [
            core::mem::take(&mut self.front),
            core::mem::take(&mut self.back),
        ];
        Some((self.home.clone(), held))
    }

    /// Takes out what has ended.
    pub(super) fn end(&mut self, now: Now) -> Leftover {
        self.touched_ns = now.mono_ns;
        let ended = |held: &Held| held.until_ns <= now.mono_ns;
        let mut out = [Held::default(); 2];
        let [first, second] = &mut out;
        if self.front.units > 0 && ended(&self.front) {
            *first = core::mem::take(&mut self.front);
        }
        if self.back.units > 0 && ended(&self.back) {
            *second = core::mem::take(&mut self.back);
        }
        self.move_up();
        // Whoever lets units end wants fewer.
        let unspent = first.units + second.units;
        if unspent > 0 {
            self.batch = FIRST_BATCH;
        }
        (unspent > 0).then(|| (self.home.clone(), out))
    }

    /// Debits the cost, or nothing; says of which lease it was.
    pub(super) fn spend(&mut self, cost: u64) -> Option<u64> {
        if self.units() < cost {
            return None;
        }
        let lease = self.front.lease;
        let from_front = cost.min(self.front.units);
        self.front.units -= from_front;
        self.back.units -= cost - from_front;
        self.move_up();
        Some(lease)
    }

    fn move_up(&mut self) {
        if self.front.units == 0 && self.back.units > 0 {
            self.front = core::mem::take(&mut self.back);
        }
    }

    /// Takes back what was spent for nothing, while a lease of its window is held.
    pub(super) fn unspend(&mut self, cost: u64, lease: u64, window: i64, now: Now) {
        if self.window != window || self.front.until_ns <= now.mono_ns {
            return;
        }
        if self.front.lease != lease && self.back.units == 0 {
            // Of a lease that was spent meanwhile: it is of the same window.
            self.back = Held {
                units: 0,
                lease,
                ..self.front
            };
        }
        let held = match self.back.lease == lease {
            true => &mut self.back,
            false => &mut self.front,
        };
        held.units = held.units.saturating_add(cost);
        self.move_up();
    }

    /// How many units to ask for ahead, if it is time; they count as asked.
    pub(super) fn refill(&mut self, most: u64, now: Now) -> Option<u64> {
        let batch = self.batch.min(most);
        if self.asked > 0
            || self.units().saturating_mul(2) >= batch
            || now.mono_ns < self.refused_until_ns
        {
            return None;
        }
        let wanted = batch.saturating_sub(self.units());
        self.batch = self.batch.saturating_mul(2).min(most);
        self.asked = wanted;
        (wanted > 0).then_some(wanted)
    }

    /// How many units to ask for when the cost is not held; they count as asked.
    ///
    /// Together with what is held and asked already no more than `most`, but at least the cost.
    pub(super) fn ask(&mut self, cost: u64, most: u64) -> u64 {
        let batch = self.batch.min(most);
        let wanted = batch
            .saturating_sub(self.units())
            .saturating_sub(self.asked)
            .max(cost);
        self.asked = self.asked.saturating_add(wanted);
        wanted
    }

    /// Whether the store refused this cost a moment ago; then how long until it might not.
    pub(super) fn refused_ms(&self, cost: u64, now: Now) -> Option<u64> {
        (cost >= self.refused_cost && now.mono_ns < self.refused_until_ns).then(|| {
            self.refused_until_ns
                .saturating_sub(now.mono_ns)
                .div_ceil(NS_PER_MS)
        })
    }

    /// An answer came, or never will: of what was asked, nothing is under way.
    pub(super) fn unask(&mut self, asked: u64) {
        self.asked = self.asked.saturating_sub(asked);
    }

    /// Puts granted units in, and says which are of no use any more.
    ///
    /// The lease ends `valid_ms` after the question was put, less a thousandth for clocks that run apart.
    pub(super) fn put(&mut self, cost: u64, grant: &Grant, sent_ns: u64) -> Leftover {
        self.remaining = grant.remaining;
        self.reset_at_ns = after_ms(sent_ns, grant.reset_ms);
        if grant.units == 0 {
            self.refused_cost = cost;
            self.refused_until_ns = after_ms(sent_ns, grant.retry_ms.min(REFUSED_MS));
            return None;
        }
        self.refused_until_ns = 0;
        let valid_ns = grant.valid_ms.saturating_mul(NS_PER_MS - NS_PER_MS / 1_000);
        let new = Held {
            units: grant.units,
            until_ns: sent_ns.saturating_add(valid_ns),
            lease: grant.lease,
            window: grant.window,
        };
        let gone = |held| Some((self.home.clone(), held));
        if self.units() > 0 && grant.window < self.window {
            return gone([new, Held::default()]);
        }
        if self.units() > 0 && grant.window > self.window {
            let old = gone([self.front, self.back]);
            (self.front, self.back, self.window) = (new, Held::default(), grant.window);
            return old;
        }
        self.window = grant.window;
        if self.front.units == 0 {
            self.front = new;
        } else if self.back.units == 0 {
            self.back = new;
        } else {
            // The lease of more is kept: of the other the store takes nothing back.
            if new.units > self.back.units {
                self.back.lease = new.lease;
            }
            self.back.units = self.back.units.saturating_add(new.units);
            self.back.until_ns = self.back.until_ns.min(new.until_ns);
        }
        None
    }

    pub(super) fn window(&self) -> i64 {
        self.window
    }

    /// Spends of the share that is this process' own while the store is away.
    pub(super) fn spend_share(&mut self, kind: &Kind, cost: u64, part: Part, now: Now) -> bool {
        let spent = match *kind {
            Kind::Rate {
                units,
                period_us,
                burst,
            } => self.share_of_rate(units, period_us, part.of(burst).max(1), part, cost, now),
            Kind::Window { limit, window } => {
                if now.mono_ns >= self.share.until_ns {
                    let length_ms = ms_to_end(window, now);
                    self.share = Share {
                        until_ns: after_ms(now.mono_ns, length_ms),
                        ..Share::default()
                    };
                }
                let fits = self.share.used.saturating_add(cost) <= part.of(limit);
                self.share.used += if fits { cost } else { 0 };
                self.share.owed_until_ns = self.share.until_ns;
                fits
            }
            _ => false,
        };
        if spent {
            self.share.owed = self.share.owed.saturating_add(cost);
        }
        spent
    }

    /// GCRA at the share of the rate.
    fn share_of_rate(
        &mut self,
        units: u64,
        period_us: u64,
        burst: u64,
        part: Part,
        cost: u64,
        now: Now,
    ) -> bool {
        let step = part.slower(u128::from(period_us) * 1_000) / u128::from(units.max(1));
        let step = u64::try_from(step).unwrap_or(u64::MAX).max(1);
        let next = (self.share.until_ns.max(now.mono_ns)).saturating_add(step.saturating_mul(cost));
        let fits = next.saturating_sub(now.mono_ns) <= step.saturating_mul(burst);
        if fits {
            self.share.until_ns = next;
            self.share.owed_until_ns = now.mono_ns.saturating_add(period_us.saturating_mul(1_000));
        }
        fits
    }

    /// Takes back what was spent of the share.
    pub(super) fn unspend_share(&mut self, kind: &Kind, cost: u64) {
        self.share.owed = self.share.owed.saturating_sub(cost);
        if matches!(kind, Kind::Window { .. }) {
            self.share.used = self.share.used.saturating_sub(cost);
        }
    }

    /// Adds what was spent beyond what was charged.
    pub(super) fn owe(&mut self, units: u64) {
        self.share.owed = self.share.owed.saturating_add(units).min(MAX_UNITS);
        self.share.owed_until_ns = self.share.owed_until_ns.max(self.reset_at_ns);
    }

    /// Takes out what the store has to be told.
    pub(super) fn take_owed(&mut self, now: Now) -> u64 {
        let owed = core::mem::take(&mut self.share.owed);
        if now.mono_ns < self.share.owed_until_ns {
            owed
        } else {
            0
        }
    }

    fn is_idle(&self, now: Now) -> bool {
        self.asked == 0 && self.units() == 0 && now.mono_ns >= self.share.owed_until_ns
    }
}

/// The part of a limit that is a process' own while the store is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// How much of the limit all processes may admit together, in percent: 1 to 100.
    pub percent: u32,
    /// Processes that share the limit, at least 1.
    pub nodes: u32,
}

impl Part {
    /// Rounded down.
    fn of(self, limit: u64) -> u64 {
        let whole = u128::from(limit) * u128::from(self.percent.min(100));
        u64::try_from(whole / (100 * u128::from(self.nodes.max(1)))).unwrap_or(u64::MAX)
    }

    /// The time that one unit takes at this part of a rate.
    fn slower(self, step: u128) -> u128 {
        let percent = u128::from(self.percent.clamp(1, 100));
        (step * 100 * u128::from(self.nodes.max(1))).div_ceil(percent)
    }
}

fn after_ms(from_ns: u64, ms: u64) -> u64 {
    from_ns.saturating_add(ms.saturating_mul(NS_PER_MS))
}

/// How long a window still lasts by this process' clock.
fn ms_to_end(window: Window, now: Now) -> u64 {
    match window {
        Window::Fixed {
            anchor_ms,
            length_ms,
        } => {
            let length = i64::try_from(length_ms).unwrap_or(i64::MAX).max(1);
            let into = now.wall_ms.wrapping_sub(anchor_ms).rem_euclid(length);
            u64::try_from(length - into).unwrap_or(1)
        }
        Window::Edges([_, _, end, _]) => {
            u64::try_from(end.saturating_sub(now.wall_ms)).map_or(1, |ms| ms.max(1))
        }
        Window::FirstRequest { length_ms } => length_ms,
    }
}

/// Slots of all counters: a fixed number, so that no caller makes it grow.
#[derive(Debug)]
pub(super) struct Leases {
    sets: Box<[Mutex<Set>]>,
}

#[derive(Debug, Default)]
pub(super) struct Set {
    tags: [u64; WAYS],
    slots: [Option<Slot>; WAYS],
}

impl Set {
    pub(super) fn find(&mut self, tag: u64) -> Option<&mut Slot> {
        let way = self.tags.iter().position(|known| *known == tag)?;
        self.slots.get_mut(way)?.as_mut()
    }

    /// The slot of a counter, in place of one that is idle or was not touched for longest.
    pub(super) fn make(&mut self, tag: u64, home: Home, now: Now) -> (Option<&mut Slot>, Leftover) {
        let known = self
            .tags
            .iter()
            .zip(&self.slots)
            .position(|(one, slot)| *one == tag && slot.is_some());
        if let Some(way) = known {
            return (self.slots.get_mut(way).and_then(Option::as_mut), None);
        }
        let rank = |slot: &Option<Slot>| match slot {
            None => (0, 0),
            Some(slot) if slot.is_idle(now) => (1, slot.touched_ns),
            Some(slot) => (2, slot.touched_ns),
        };
        let ranked = self.slots.iter().enumerate();
        let way = ranked
            .min_by_key(|(_, slot)| rank(slot))
            .map_or(0, |(way, _)| way);
        if let Some(place) = self.tags.get_mut(way) {
            *place = tag;
        }
        let Some(place) = self.slots.get_mut(way) else {
            return (None, None);
        };
        let old = place.replace(Slot::new(home));
        let left =
            old.and_then(|slot| (slot.units() > 0).then_some((slot.home, [slot.front, slot.back])));
        (place.as_mut(), left)
    }
}

impl Leases {
    /// Room for about so many counters, at least one set.
    pub(super) fn new(counters: usize) -> Self {
        let sets = counters.div_ceil(WAYS).next_power_of_two();
        Self {
            sets: (0..sets).map(|_| Mutex::new(Set::default())).collect(),
        }
    }

    pub(super) fn set(&self, tag: u64) -> Option<MutexGuard<'_, Set>> {
        let mask = self.sets.len().wrapping_sub(1) as u64;
        // The high bits: a tag may be in a table that its low bits have chosen.
        let at = usize::try_from((tag >> 32) & mask).unwrap_or(0);
        let set = self.sets.get(at)?;
        Some(set.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes out what has ended, or with `all` whatever is held, of one set: `number` counts round.
    pub(super) fn sweep(&self, number: usize, now: Now, all: bool, mut left: impl FnMut(Leftover)) {
        let at = number & self.sets.len().wrapping_sub(1);
        let Some(set) = self.sets.get(at) else {
            return;
        };
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        for slot in set.slots.iter_mut().flatten() {
            let mono_ns = if all { u64::MAX } else { now.mono_ns };
            let touched = slot.touched_ns;
            left(slot.end(Now { mono_ns, ..now }));
            slot.touched_ns = touched;
        }
    }

    pub(super) fn sets(&self) -> usize {
        self.sets.len()
    }
}
