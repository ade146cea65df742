//! When a decision is made: read once, and only if something asks.

use super::Engine;
use core::cell::Cell;

/// The time of one decision.
pub(super) struct Moment<'e> {
    engine: &'e Engine,
    at: Option<i64>,
    wall_ms: Cell<Option<i64>>,
}

impl<'e> Moment<'e> {
    #[inline]
    pub(super) const fn new(engine: &'e Engine, at: Option<i64>) -> Self {
        let wall_ms = Cell::new(None);
        Self {
            engine,
            at,
            wall_ms,
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z, never below the highest seen.
    #[inline]
    pub(super) fn wall_ms(&self) -> i64 {
        self.wall_ms.get().unwrap_or_else(|| {
            let now = self.engine.now(self.at);
            self.wall_ms.set(Some(now));
            now
        })
    }
}
