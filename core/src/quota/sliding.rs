//! The time that has just passed, by two counters: three words, when all is over, this window's count and the one before.
//!
//! What was counted in the window before is taken to have come evenly, and the
//! part of it that the look-back still covers is rounded up. So a steady flow
//! is never let over its limit. What came all at the end of the window before
//! is counted too low: in the worst case, look-backs hold less than twice the limit.

use super::kind::MAX_COUNT;
use super::meter::{Act, Cell, Meter};
use super::outcome::{Ask, Counted, Mark, Now, Outcome, Verdict};
use super::snapshot::Resumed;
use super::window::{LATEST_STAMP, stamp};

#[derive(Debug)]
pub(super) struct TwoCounters {
    pub(super) ms: u64,
}

/// A cell as of some moment.
#[derive(Clone, Copy)]
struct View {
    start: u64,
    current: u64,
    previous: u64,
}

impl TwoCounters {
    fn view(&self, [over_at, current, previous]: [u64; 3], now: u64) -> (View, u64) {
        let start = over_at.saturating_sub(2 * self.ms);
        let empty = current == 0 && previous == 0;
        let now = now.max(if empty { over_at } else { start });
        let view = if empty || now >= over_at {
            View {
                start: now - now % self.ms,
                current: 0,
                previous: 0,
            }
        } else if now >= start + self.ms {
            View {
                start: start + self.ms,
                current: 0,
                previous: current,
            }
        } else {
            View {
                start,
                current,
                previous,
            }
        };
        (view, now)
    }

    /// What the look-back that ends at `now` holds.
    fn count(&self, view: View, now: u64) -> u64 {
        let covered = (view.start + self.ms).saturating_sub(now);
        let part = (u128::from(view.previous) * u128::from(covered)).div_ceil(u128::from(self.ms));
        view.current
            .saturating_add(u64::try_from(part).unwrap_or(u64::MAX))
    }

    /// When no more than `room` is counted.
    fn when(&self, view: View, room: u64) -> u64 {
        // How long before the end of a window may its predecessor's `count` shrink to `room`?
        let covered = |count: u64, room: u64| {
            let most = (u128::from(room) * u128::from(self.ms)).checked_div(u128::from(count));
            u64::try_from(most.unwrap_or(u128::MAX))
                .unwrap_or(u64::MAX)
                .min(self.ms)
        };
        let end = view.start + self.ms;
        match room.checked_sub(view.current) {
            Some(room) => end - covered(view.previous, room),
            None => end + self.ms - covered(view.current, room),
        }
    }
}

impl Meter<3> for TwoCounters {
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
        let (mut view, at) = self.view(cell.words, now);
        let counted = self.count(view, at);
        let left = ask.limit.saturating_sub(counted);
        let verdict = match ask.cost {
            0 => Verdict::Admitted,
            cost if cost > ask.limit => Verdict::Never,
            cost if cost > left => Verdict::Denied,
            _ => Verdict::Admitted,
        };
        let passes = verdict == Verdict::Admitted;
        let charged = ask.cost > 0 && (act == Act::Charge || (act == Act::Take && passes));
        if charged {
            view.current = view.current.saturating_add(ask.cost);
            cell.words = [view.start + 2 * self.ms, view.current, view.previous];
        }
        let retry = match verdict {
            Verdict::Denied => self.when(view, ask.limit - ask.cost).saturating_sub(now),
            _ => 0,
        };
        let over_at = match view {
            View { current: 1.., .. } => view.start + 2 * self.ms,
            View { previous: 1.., .. } => view.start + self.ms,
            View { .. } => now,
        };
        let outcome = Outcome {
            verdict,
            counted: Counted::Apart,
            left: ask.limit.saturating_sub(self.count(view, at)),
            unit: 1,
            reset: over_at.saturating_sub(now),
            retry,
            per_ms: 1,
        };
        let mark = Mark {
            new: view.start,
            ..Mark::default()
        };
        (outcome, charged.then_some(mark))
    }

    fn give_back(&self, cell: &mut Cell<'_, 3>, mark: Mark, units: u64, _now: u64) {
        let [over_at, current, previous] = &mut cell.words;
        let start = over_at.saturating_sub(2 * self.ms);
        if *current == 0 && *previous == 0 {
            return;
        }
        if start == mark.new {
            *current = current.saturating_sub(units);
        } else if start == mark.new + self.ms {
            *previous = previous.saturating_sub(units);
        }
        if *current == 0 && *previous == 0 {
            *over_at = start;
        }
    }

    fn dump(&self, cell: &Cell<'_, 3>, now: u64) -> Vec<u64> {
        let [over_at, current, previous] = cell.words;
        if (current == 0 && previous == 0) || now >= over_at {
            return Vec::new();
        }
        // No limit is larger, whatever was reported.
        vec![over_at, current.min(MAX_COUNT), previous.min(MAX_COUNT)]
    }

    fn load(&self, cell: &mut Cell<'_, 3>, kept: &[u64], _resumed: Resumed) -> bool {
        let [over_at, current, previous] = &mut cell.words;
        let [kept_over_at, kept_current, kept_previous] = *kept else {
            return false;
        };
        let start = kept_over_at.checked_sub(2 * self.ms);
        let aligned = start.is_some_and(|start| start % self.ms == 0);
        if kept_over_at > *over_at || (*current == 0 && *previous == 0) {
            [*over_at, *current, *previous] = [kept_over_at, kept_current, kept_previous];
        } else if kept_over_at == *over_at {
            *current = (*current).max(kept_current);
            *previous = (*previous).max(kept_previous);
        }
        aligned && kept_over_at <= LATEST_STAMP && kept_current.max(kept_previous) <= MAX_COUNT
    }
}
