//! When a decision is made: read once, and only if something asks.

use super::time::Time;
use crate::quota::Now;
use core::cell::Cell;

/// The time of one decision.
pub(super) struct Moment<'e> {
    time: &'e Time,
    at: Option<i64>,
    wall_ms: Cell<Option<i64>>,
}

impl<'e> Moment<'e> {
    #[inline]
    pub(super) const fn new(time: &'e Time, at: Option<i64>) -> Self {
        let wall_ms = Cell::new(None);
        Self { time, at, wall_ms }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z, never below the highest seen.
    #[inline]
    pub(super) fn wall_ms(&self) -> i64 {
        self.wall_ms.get().unwrap_or_else(|| {
            let now = self.time.wall_ms(self.at);
            self.wall_ms.set(Some(now));
            now
        })
    }

    /// The same with the clock that is never set, which limits go by.
    #[inline]
    pub(super) fn now(&self) -> Now {
        self.time.now(self.wall_ms())
    }
}
