//! Different values in the time that has just passed: a small exact set of their keyed hashes.
//!
//! Three words: when the last value is over, how many there are, and one
//! unused. Two words beside the line for each value: its hash, and when it was
//! seen last with a turn that tells two sightings at one time apart. The value
//! not seen for the longest time stands first.

use super::meter::{Act, Cell, Meter};
use super::outcome::{Ask, Counted, Mark, Now, Outcome, Verdict};
use super::snapshot::Resumed;
use super::sync::{AtomicU64, Ordering};
use super::window::{LATEST_STAMP, stamp};

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

    /// Takes out what is at some place, and closes the gap.
    fn remove(&mut self, n: usize) {
        self.move_down(n + 1, 1);
    }

    /// Moves all from some place on so many places towards the first.
    fn move_down(&mut self, from: usize, places: usize) {
        for n in from..self.len {
            if let Some((value, seen)) = self.get(n) {
                self.set(n - places, value, seen);
            }
        }
        self.len -= places;
    }

    /// Puts a value behind all that were seen before it.
    fn insert(&mut self, value: u64, seen: u64) {
        let mut n = self.len;
        self.len += 1;
        while let Some((before, earlier)) = n.checked_sub(1).and_then(|before| self.get(before))
            && earlier > seen
        {
            self.set(n, before, earlier);
            n -= 1;
        }
        self.set(n, value, seen);
    }

    fn find(&self, value: u64) -> Option<(usize, u64)> {
        (0..self.len).find_map(|n| {
            let (known, seen) = self.get(n)?;
            (known == value).then_some((n, seen))
        })
    }

    /// When the value at some place was seen.
    fn time(&self, n: usize) -> Option<u64> {
        Some(time(self.get(n)?.1))
    }

    fn newest(&self) -> Option<u64> {
        self.time(self.len.checked_sub(1)?)
    }
}

fn time(seen: u64) -> u64 {
    seen >> TURN_BITS
}

impl Distinct {
    fn drop_ended(&self, values: &mut Values<'_>, now: u64) {
        let ended = (0..values.len)
            .map_while(|n| values.time(n))
            .take_while(|time| time + self.within_ms <= now)
            .count();
        if ended > 0 {
            values.move_down(ended, ended);
        }
    }

    /// Notes that a value was seen; returns the mark, with what was noted before.
    fn note(&self, cell: &mut Cell<'_, 3>, value: u64, now: u64) -> Mark {
        let [over_at, len, _] = &mut cell.words;
        let mut values = Values {
            slots: cell.slots,
            len: usize::try_from(*len).unwrap_or(0),
        };
        let mut old = 0;
        if let Some((n, seen)) = values.find(value) {
            values.remove(n);
            old = seen;
        }
        let at = now.max(time(old)).max(values.newest().unwrap_or(0));
        let turn = if at == time(old) {
            (old + 1) % TURNS
        } else {
            0
        };
        let new = at << TURN_BITS | turn;
        values.insert(value, new);
        *over_at = at + self.within_ms;
        *len = values.len as u64;
        Mark {
            new,
            old,
            with: value,
        }
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
        // The limit may have been lowered: then more than one has to end.
        let ends = len.checked_sub(limit).and_then(|above| {
            let last = values.time(usize::try_from(above).ok()?)?;
            Some(last + self.within_ms)
        });
        let retry = ends.filter(|_| verdict == Verdict::Denied).unwrap_or(0);
        let charged = ask.cost > 0 && act != Act::Peek && verdict == Verdict::Admitted;
        let mark = charged.then(|| self.note(cell, ask.member, at));
        let [over_at, len, _] = cell.words;
        let outcome = Outcome {
            verdict,
            counted: Counted::Apart,
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
        values.remove(n);
        if mark.old != 0 {
            values.insert(mark.with, mark.old);
        }
        *over_at = values
            .newest()
            .map_or(time(mark.new), |last| last + self.within_ms);
        *len = values.len as u64;
    }

    /// Each value and when it was seen last.
    fn dump(&self, cell: &Cell<'_, 3>, now: u64) -> Vec<u64> {
        let [_, len, _] = cell.words;
        let values = Values {
            slots: cell.slots,
            len: usize::try_from(len).unwrap_or(0),
        };
        let known = (0..values.len).filter_map(|n| values.get(n));
        let alive = known.filter(|(_, seen)| time(*seen) + self.within_ms > now);
        alive
            .flat_map(|(value, seen)| [value, time(seen)])
            .collect()
    }

    fn load(&self, cell: &mut Cell<'_, 3>, kept: &[u64], resumed: Resumed) -> bool {
        let (pairs, rest) = kept.as_chunks();
        if !rest.is_empty() || !pairs.iter().all(|[_, at]| *at <= LATEST_STAMP) {
            return false;
        }
        let [_, len, _] = cell.words;
        if len == 0 {
            // Where there is room for fewer now, those seen last are kept.
            let room = usize::try_from(self.room).unwrap_or(usize::MAX);
            let latest = pairs.get(pairs.len().saturating_sub(room)..);
            for [value, at] in latest.unwrap_or_default() {
                if at + self.within_ms > resumed.now {
                    self.note(cell, *value, *at);
                }
            }
        }
        true
    }
}
