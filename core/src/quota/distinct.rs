//! Different values in the time that has just passed: a small exact set of their keyed hashes.
//!
//! Three words: when the last value is over, how many there are, and one
//! unused. Two words beside the line for each value: its hash, and when it was
//! seen last with a turn that tells two sightings at one time apart.

use super::meter::{Act, Cell, Meter};
use super::outcome::{Ask, Counted, Mark, Now, Outcome, Verdict};
use super::sync::{AtomicU64, Ordering};
use super::window::stamp;

/// Words of one value.
pub(super) const VALUE_WORDS: usize = 2;
const TURN_BITS: u32 = 14;
const TURNS: u64 = 1 << TURN_BITS;

#[derive(Debug)]
pub(super) struct Distinct {
    pub(super) within_ms: u64,
    /// Values for which a cell has room.
    pub(super) room: u64,
}

/// The values of one cell.
struct Values<'c> {
    slots: &'c [AtomicU64],
    len: usize,
}

impl Values<'_> {
    fn words(&self, n: usize) -> Option<(&AtomicU64, &AtomicU64)> {
        let at = n * VALUE_WORDS;
        Some((self.slots.get(at)?, self.slots.get(at + 1)?))
    }

    /// A value and when it was seen, with its turn.
    fn get(&self, n: usize) -> Option<(u64, u64)> {
        let (value, seen) = self.words(n).filter(|_| n < self.len)?;
        Some((value.load(Ordering::Relaxed), seen.load(Ordering::Relaxed)))
    }

    fn set(&self, n: usize, value: u64, seen: u64) {
        if let Some((value_word, seen_word)) = self.words(n) {
            value_word.store(value, Ordering::Relaxed);
            seen_word.store(seen, Ordering::Relaxed);
        }
    }

    fn remove(&mut self, n: usize) {
        if let Some(last) = self.len.checked_sub(1)
            && let Some((value, seen)) = self.get(last)
        {
            self.set(n, value, seen);
            self.len = last;
        }
    }

    fn find(&self, value: u64) -> Option<(usize, u64)> {
        (0..self.len).find_map(|n| {
            let (known, seen) = self.get(n)?;
            (known == value).then_some((n, seen))
        })
    }

    fn times(&self) -> impl Iterator<Item = u64> {
        (0..self.len).filter_map(|n| Some(time(self.get(n)?.1)))
    }
}

fn time(seen: u64) -> u64 {
    seen >> TURN_BITS
}

impl Distinct {
    fn drop_ended(&self, values: &mut Values<'_>, now: u64) {
        let mut n = 0;
        while let Some((_, seen)) = values.get(n) {
            if time(seen) + self.within_ms <= now {
                values.remove(n);
            } else {
                n += 1;
            }
        }
    }

    /// Notes that a value was seen; returns the mark, with what was noted before.
    pub(super) fn note(&self, cell: &mut Cell<'_, 3>, value: u64, now: u64) -> Mark {
        let [over_at, len, _] = &mut cell.words;
        let mut values = Values {
            slots: cell.slots,
            len: usize::try_from(*len).unwrap_or(0),
        };
        let (n, old) = values.find(value).unwrap_or_else(|| {
            values.len += 1;
            (values.len - 1, 0)
        });
        let at = now.max(time(old));
        let turn = if at == time(old) {
            (old + 1) % TURNS
        } else {
            0
        };
        let new = at << TURN_BITS | turn;
        values.set(n, value, new);
        *over_at = (*over_at).max(at + self.within_ms);
        *len = values.len as u64;
        Mark {
            new,
            old,
            with: value,
        }
    }

    /// The values of a cell and when they were seen.
    pub(super) fn values(cell: &Cell<'_, 3>) -> impl Iterator<Item = (u64, u64)> {
        let [_, len, _] = cell.words;
        let values = Values {
            slots: cell.slots,
            len: usize::try_from(len).unwrap_or(0),
        };
        (0..values.len).filter_map(move |n| {
            let (value, seen) = values.get(n)?;
            Some((value, time(seen)))
        })
    }
}

impl Meter<3> for Distinct {
    fn clock(&self, now: Now) -> u64 {
        stamp(now.wall_ms)
    }

    fn step(
        &self,
        cell: &mut Cell<'_, 3>,
        ask: &Ask,
        now: u64,
        act: Act,
    ) -> (Outcome, Option<Mark>) {
        let [over_at, len, _] = &mut cell.words;
        let mut values = Values {
            slots: cell.slots,
            len: usize::try_from(*len).unwrap_or(0),
        };
        let at = if values.len == 0 {
            now.max(*over_at)
        } else {
            now
        };
        self.drop_ended(&mut values, at);
        *len = values.len as u64;
        let limit = ask.limit.min(self.room);
        let known = values.find(ask.member).is_some();
        let verdict = match ask.cost {
            0 => Verdict::Admitted,
            _ if limit == 0 => Verdict::Never,
            _ if known || *len < limit => Verdict::Admitted,
            _ => Verdict::Denied,
        };
        let first = values.times().min();
        // The limit may have been lowered: then more than one has to end.
        let retry = match verdict {
            Verdict::Denied if *len == limit => first.map_or(0, |first| first + self.within_ms),
            Verdict::Denied => *over_at,
            _ => 0,
        };
        let charged = ask.cost > 0 && act != Act::Peek && verdict == Verdict::Admitted;
        let mark = charged.then(|| self.note(cell, ask.member, at));
        let [over_at, len, _] = cell.words;
        let outcome = Outcome {
            verdict,
            counted: Counted::Apart,
            limit: ask.limit,
            left: limit.saturating_sub(len),
            unit: 1,
            reset: if len == 0 {
                0
            } else {
                over_at.saturating_sub(now)
            },
            retry: retry.saturating_sub(now),
            per_ms: 1,
        };
        (outcome, mark)
    }

    /// Forgets a value, or when it was seen last, unless it was seen again.
    fn give_back(&self, cell: &mut Cell<'_, 3>, mark: Mark, _units: u64, _now: u64) {
        let [over_at, len, _] = &mut cell.words;
        let mut values = Values {
            slots: cell.slots,
            len: usize::try_from(*len).unwrap_or(0),
        };
        let Some((n, _)) = values.find(mark.with).filter(|(_, seen)| *seen == mark.new) else {
            return;
        };
        if mark.old == 0 {
            values.remove(n);
        } else {
            values.set(n, mark.with, mark.old);
        }
        let last = values.times().max();
        *over_at = last.map_or(time(mark.new), |last| last + self.within_ms);
        *len = values.len as u64;
    }
}
