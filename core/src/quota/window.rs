//! Windows that begin anew: three words, the end and the start of the cell's window and what was counted in it.

use super::bounds::Bounds;
use super::calendar;
use super::kind::{MAX_COUNT, Span};
use super::meter::{Act, Cell, Meter};
use super::outcome::{Ask, Counted, Mark, Now, Outcome, Verdict};
use super::snapshot::Resumed;

/// 0001-01-01T00:00:00Z in milliseconds since 1970.
const YEAR_ONE_MS: i64 = -62_135_596_800_000;
/// A stamp later than any date, to which every period can be added.
const LAST_STAMP: u64 = 1 << 48;
/// The end of the longest period that begins then, or later than it.
pub(super) const LATEST_STAMP: u64 = 1 << 49;
/// The start of a window that nothing was counted in.
const UNOPENED: u64 = 0;

/// Wall time as cells hold it: milliseconds since the year 1, never 0.
#[inline]
pub(super) fn stamp(wall_ms: i64) -> u64 {
    u64::try_from(wall_ms.saturating_sub(YEAR_ONE_MS))
        .unwrap_or(0)
        .clamp(1, LAST_STAMP)
}

/// Milliseconds since 1970.
pub(super) fn wall(stamp: u64) -> i64 {
    i64::try_from(stamp)
        .unwrap_or(i64::MAX)
        .saturating_add(YEAR_ONE_MS)
}

#[derive(Debug)]
pub(super) struct Window {
    span: Span,
    current: Bounds,
}

impl Window {
    pub(super) fn new(span: Span) -> Self {
        Self {
            span,
            current: Bounds::new(),
        }
    }

    /// Start and end of the window at a time, or of the latest that any thread has seen.
    fn at(&self, at: u64) -> (u64, u64) {
        let (start, end) = match &self.span {
            Span::FirstRequest { ms } => return (at, at + ms),
            Span::Fixed { ms } => {
                let ms = i64::try_from(*ms).unwrap_or(i64::MAX);
                let start = wall(at).div_euclid(ms).saturating_mul(ms);
                (start, start.saturating_add(ms))
            }
            Span::Calendar(calendar) => {
                if let Some((start, end)) = self.current.read()
                    && at < end
                {
                    return (start, end);
                }
                calendar::window(calendar, wall(at))
            }
        };
        // A year without a number ends the calendar, not the window.
        let (start, end) = (stamp(start).min(at), stamp(end).max(at + 1));
        self.current.advance(start, end);
        (start, end)
    }
}

impl Meter<3> for Window {
    #[inline]
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
        let [end, start, count] = cell.words;
        let over = start == UNOPENED || now >= end;
        let (start, end, count) = if over {
            let (start, end) = self.at(now.max(end));
            (start, end, 0)
        } else {
            (start, end, count)
        };
        let left = ask.limit.saturating_sub(count);
        let verdict = match ask.cost {
            0 => Verdict::Admitted,
            cost if cost > ask.limit => Verdict::Never,
            cost if cost > left => Verdict::Denied,
            _ => Verdict::Admitted,
        };
        let passes = verdict == Verdict::Admitted;
        let charged = ask.cost > 0 && (act == Act::Charge || (act == Act::Take && passes));
        let mut counted = count;
        if charged {
            counted = count.saturating_add(ask.cost);
            cell.words = [end, start, counted];
        }
        let unopened = counted == 0 && matches!(self.span, Span::FirstRequest { .. });
        let until_end = end.saturating_sub(now);
        let outcome = Outcome {
            verdict,
            counted: Counted::Apart,
            left: ask.limit.saturating_sub(counted),
            unit: 1,
            reset: if unopened { 0 } else { until_end },
            retry: if verdict == Verdict::Denied {
                until_end
            } else {
                0
            },
            per_ms: 1,
        };
        let mark = Mark {
            new: start,
            ..Mark::default()
        };
        (outcome, charged.then_some(mark))
    }

    /// Only in the window that was charged. One that began with a request, and in which nothing is left, has not begun.
    fn give_back(&self, cell: &mut Cell<'_, 3>, mark: Mark, units: u64, _now: u64) {
        let [end, start, count] = &mut cell.words;
        if *start != mark.new {
            return;
        }
        *count = count.saturating_sub(units);
        if *count == 0 && matches!(self.span, Span::FirstRequest { .. }) {
            *end = *start;
            *start = UNOPENED;
        }
    }

    fn dump(&self, cell: &Cell<'_, 3>, now: u64) -> Vec<u64> {
        let [end, start, count] = cell.words;
        if start == UNOPENED || count == 0 || now >= end {
            return Vec::new();
        }
        // No limit is larger, whatever was reported.
        vec![end, start, count.min(MAX_COUNT)]
    }

    fn load(&self, cell: &mut Cell<'_, 3>, kept: &[u64], _resumed: Resumed) -> bool {
        let [end, start, count] = &mut cell.words;
        let [kept_end, kept_start, kept_count] = *kept else {
            return false;
        };
        if *start == UNOPENED || kept_end > *end {
            [*end, *start, *count] = [kept_end, kept_start, kept_count];
        } else if kept_start == *start {
            *count = (*count).max(kept_count);
        }
        kept_start < kept_end && kept_end <= LATEST_STAMP && kept_count <= MAX_COUNT
    }
}
