//! Entries that end by themselves after a time: exact look-back windows, and permits of what runs at once.
//!
//! Three words: when the last entry ends, where the entries are, and the sum of
//! their costs. The entries are a ring beside the line, oldest first, two words
//! each: when it came, and its number with its cost. One that was given back
//! early has no cost, and stays until the oldest are dropped or room is needed.

use super::meter::{Act, Cell, Meter};
use super::outcome::{Ask, Counted, Mark, NS_PER_MS, Now, Outcome, Verdict};
use super::snapshot::Resumed;
use super::sync::{AtomicU64, Ordering};
use super::window::{LATEST_STAMP, stamp};

/// Words of one entry.
pub(super) const ENTRY_WORDS: usize = 2;
const COST_BITS: u32 = 16;
const MOST_COST: u64 = (1 << COST_BITS) - 1;

#[derive(Debug)]
pub(super) struct Ring {
    by: By,
    /// How long an entry counts, in the clock's unit.
    lasts: u64,
    /// Numbers given to entries: each once.
    numbers: AtomicU64,
}

/// The clock that ends entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Wall,
    Monotonic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) at: u64,
    number: u64,
    pub(super) cost: u64,
}

/// The entries of one cell.
pub(super) struct Entries<'c> {
    slots: &'c [AtomicU64],
    head: usize,
    len: usize,
}

impl<'c> Entries<'c> {
    pub(super) fn new(slots: &'c [AtomicU64], place: u64) -> Self {
        let half = |bits: u64| usize::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
        Self {
            slots,
            head: half(place >> 32),
            len: half(place),
        }
    }

    fn place(&self) -> u64 {
        (self.head as u64) << 32 | self.len as u64
    }

    fn room(&self) -> usize {
        self.slots.len() / ENTRY_WORDS
    }

    fn words(&self, n: usize) -> Option<(&'c AtomicU64, &'c AtomicU64)> {
        let at = (self.head + n).checked_rem(self.room())? * ENTRY_WORDS;
        Some((self.slots.get(at)?, self.slots.get(at + 1)?))
    }

    /// The entry at some place, the oldest at 0.
    fn get(&self, n: usize) -> Option<Entry> {
        let (at, rest) = self.words(n).filter(|_| n < self.len)?;
        let rest = rest.load(Ordering::Relaxed);
        Some(Entry {
            at: at.load(Ordering::Relaxed),
            number: rest >> COST_BITS,
            cost: rest & MOST_COST,
        })
    }

    fn set(&self, n: usize, entry: Entry) {
        if let Some((at, rest)) = self.words(n) {
            at.store(entry.at, Ordering::Relaxed);
            rest.store(entry.number << COST_BITS | entry.cost, Ordering::Relaxed);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Entry> {
        (0..self.len).filter_map(|n| self.get(n))
    }

    fn newest(&self) -> Option<Entry> {
        self.get(self.len.checked_sub(1)?)
    }

    fn drop_oldest(&mut self) {
        self.head = (self.head + 1).checked_rem(self.room()).unwrap_or(0);
        self.len -= 1;
    }

    /// Adds the newest. Where there is no room even without those given back, it joins the one before.
    fn push(&mut self, entry: Entry) {
        if self.len == self.room() {
            self.close_gaps();
        }
        if self.len < self.room() {
            self.len += 1;
            self.set(self.len - 1, entry);
        } else if let Some(newest) = self.newest() {
            let cost = (newest.cost + entry.cost).min(MOST_COST);
            self.set(self.len - 1, Entry { cost, ..entry });
        }
    }

    fn close_gaps(&mut self) {
        let mut kept = 0;
        for n in 0..self.len {
            if let Some(entry) = self.get(n).filter(|entry| entry.cost > 0) {
                self.set(kept, entry);
                kept += 1;
            }
        }
        self.len = kept;
    }

    /// Where the entry of some number is: numbers grow from the oldest to the newest.
    fn find(&self, number: u64) -> Option<usize> {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low.midpoint(high);
            if self.get(middle)?.number < number {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.get(low)
            .is_some_and(|entry| entry.number == number)
            .then_some(low)
    }
}

impl Ring {
    pub(super) fn look_back(ms: u64) -> Self {
        Self {
            by: By::Wall,
            lasts: ms,
            numbers: AtomicU64::new(1),
        }
    }

    pub(super) fn permits(lease_ms: u64) -> Self {
        Self {
            by: By::Monotonic,
            lasts: lease_ms * NS_PER_MS,
            numbers: AtomicU64::new(1),
        }
    }

    /// Drops what is over, oldest first, and says how much that was.
    fn drop_ended(&self, entries: &mut Entries<'_>, now: u64) -> u64 {
        let mut ended = 0;
        while let Some(oldest) = entries.get(0) {
            if oldest.cost > 0 && oldest.at + self.lasts > now {
                break;
            }
            ended += oldest.cost;
            entries.drop_oldest();
        }
        ended
    }

    /// How long until entries of so much cost are over.
    fn wait(&self, entries: &Entries<'_>, cost: u64, now: u64) -> u64 {
        let mut freed = 0;
        let last = entries.iter().find(|entry| {
            freed += entry.cost;
            freed >= cost
        });
        last.map_or(0, |entry| (entry.at + self.lasts).saturating_sub(now))
    }

    /// Adds an entry; returns its number.
    pub(super) fn add(&self, cell: &mut Cell<'_, 3>, at: u64, cost: u64) -> u64 {
        let [over_at, place, sum] = &mut cell.words;
        let mut entries = Entries::new(cell.slots, *place);
        let entry = Entry {
            at: at.max(entries.newest().map_or(0, |newest| newest.at)),
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            cost: cost.min(MOST_COST),
        };
        entries.push(entry);
        *over_at = entry.at + self.lasts;
        *place = entries.place();
        *sum += entry.cost;
        entry.number
    }
}

impl Meter<3> for Ring {
    fn clock(&self, now: Now) -> u64 {
        match self.by {
            By::Wall => stamp(now.wall_ms),
            By::Monotonic => now.mono_ns,
        }
    }

    fn step(
        &self,
        cell: &mut Cell<'_, 3>,
        ask: &Ask,
        now: u64,
        act: Act,
    ) -> (Outcome, Option<Mark>) {
        let [over_at, place, sum] = &mut cell.words;
        let mut entries = Entries::new(cell.slots, *place);
        let at = if entries.len == 0 {
            now.max(*over_at)
        } else {
            now
        };
        *sum = sum.saturating_sub(self.drop_ended(&mut entries, at));
        *place = entries.place();
        let left = ask.limit.saturating_sub(*sum);
        let (verdict, retry) = match ask.cost {
            0 => (Verdict::Admitted, 0),
            cost if cost > ask.limit => (Verdict::Never, 0),
            cost if cost > left => {
                let missing = (*sum).saturating_add(cost) - ask.limit;
                (Verdict::Denied, self.wait(&entries, missing, now))
            }
            _ => (Verdict::Admitted, 0),
        };
        let passes = verdict == Verdict::Admitted;
        let charged = ask.cost > 0 && (act == Act::Charge || (act == Act::Take && passes));
        let mark = charged.then(|| Mark {
            new: self.add(cell, at, ask.cost),
            ..Mark::default()
        });
        let [over_at, _, sum] = cell.words;
        let outcome = Outcome {
            verdict,
            counted: Counted::Apart,
            left: ask.limit.saturating_sub(sum),
            unit: 1,
            reset: if sum == 0 {
                0
            } else {
                over_at.saturating_sub(now)
            },
            retry,
            per_ms: match self.by {
                By::Wall => 1,
                By::Monotonic => NS_PER_MS,
            },
        };
        (outcome, mark)
    }

    fn give_back(&self, cell: &mut Cell<'_, 3>, mark: Mark, units: u64, _now: u64) {
        let [over_at, place, sum] = &mut cell.words;
        let mut entries = Entries::new(cell.slots, *place);
        let Some(n) = entries.find(mark.new) else {
            return;
        };
        let Some(entry) = entries.get(n) else { return };
        let back = units.min(entry.cost);
        *sum = sum.saturating_sub(back);
        let cost = entry.cost - back;
        entries.set(n, Entry { cost, ..entry });
        while let Some(newest) = entries.newest().filter(|newest| newest.cost == 0) {
            entries.len -= 1;
            *over_at = newest.at;
        }
        if let Some(newest) = entries.newest() {
            *over_at = newest.at + self.lasts;
        }
        *place = entries.place();
    }

    /// When each entry came, and its cost. What runs at once ends with the process.
    fn dump(&self, cell: &Cell<'_, 3>, now: u64) -> Vec<u64> {
        let [_, place, _] = cell.words;
        let entries = Entries::new(cell.slots, place);
        let alive = |entry: &Entry| entry.cost > 0 && entry.at + self.lasts > now;
        let kept = entries.iter().filter(|_| self.by == By::Wall).filter(alive);
        kept.flat_map(|entry| [entry.at, entry.cost]).collect()
    }

    fn load(&self, cell: &mut Cell<'_, 3>, kept: &[u64], resumed: Resumed) -> bool {
        let (pairs, rest) = kept.as_chunks();
        let valid = |[at, cost]: &[u64; 2]| *at <= LATEST_STAMP && *cost <= MOST_COST;
        if !rest.is_empty() || !pairs.iter().all(valid) || self.by == By::Monotonic {
            return false;
        }
        let [_, place, _] = cell.words;
        if Entries::new(cell.slots, place).len == 0 {
            let alive = pairs.iter().filter(|[at, _]| at + self.lasts > resumed.now);
            for [at, cost] in alive {
                self.add(cell, *at, *cost);
            }
        }
        true
    }
}
