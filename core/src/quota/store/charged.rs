//! What a limit in a store says to a request, and what takes the charge back.

use super::lease::{Now, Part, Slot};
use super::question::{Answer, Unavailable};
use core::time::Duration;
use std::sync::Arc;

/// A limit whose counters are in a store.
#[derive(Clone, Debug)]
pub struct SharedLimit {
    /// Its id.
    pub id: Arc<str>,
    /// How it is charged.
    pub mode: Mode,
    /// What counts while the store is away.
    pub on_down: OnDown,
    /// The longest that a decision waits for the store.
    pub budget: Duration,
}

/// How a limit is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every charge asks the store.
    Strict,
    /// Units are leased, and spent here.
    Leased {
        /// Most units of one counter that a process holds, beside what one request costs.
        batch: u64,
    },
}

/// What counts while the store is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDown {
    /// Nothing is admitted.
    Deny,
    /// Each process admits its part, and tells the store when it is back.
    Share(Part),
    /// Everything is admitted: no bound.
    Open,
}

/// What one limit says to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charged {
    /// Admitted or not.
    pub outcome: Outcome,
    /// Units left, as far as is known here.
    pub remaining: u64,
    /// Until all units are there again, in milliseconds; 0 where it is not known.
    pub reset_ms: u64,
    /// When it was refused: after how long it might not be, in milliseconds.
    pub retry_ms: u64,
    /// What takes the charge back, or settles it.
    pub receipt: Receipt,
}

/// Admitted or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The cost is charged.
    Admitted,
    /// The limit has not enough left.
    Refused,
    /// The store did not say, and the limit says deny.
    Unavailable(Unavailable),
}

/// What was charged, and where: single use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    pub(super) source: Source,
    pub(super) cost: u64,
    pub(super) window: i64,
    pub(super) hold: u64,
}

impl Receipt {
    /// Beginning of the window that was charged, by the store's clock in milliseconds since 1970; 0 where there is none.
    #[must_use]
    pub fn window(&self) -> i64 {
        self.window
    }

    /// Whether there is anything to take back.
    pub(crate) fn is_charged(&self) -> bool {
        self.source != Source::None
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Source {
    /// Nothing was charged.
    #[default]
    None,
    Lease,
    Share,
    Store,
}

impl SharedLimit {
    pub(super) fn batch(&self) -> u64 {
        match self.mode {
            Mode::Strict => 1,
            Mode::Leased { batch } => batch.max(1),
        }
    }
}

impl Charged {
    pub(super) const fn unavailable(why: Unavailable) -> Self {
        Self {
            outcome: Outcome::Unavailable(why),
            ..Self::free(0)
        }
    }

    /// Admitted, and nothing charged.
    pub(super) const fn free(remaining: u64) -> Self {
        Self {
            outcome: Outcome::Admitted,
            remaining,
            reset_ms: 0,
            retry_ms: 0,
            receipt: Receipt {
                source: Source::None,
                cost: 0,
                window: 0,
                hold: 0,
            },
        }
    }

    pub(super) const fn refused(remaining: u64, reset_ms: u64, retry_ms: u64) -> Self {
        Self {
            outcome: Outcome::Refused,
            reset_ms,
            retry_ms,
            ..Self::free(remaining)
        }
    }

    pub(super) fn by_lease(slot: &Slot, lease: u64, cost: u64, now: Now) -> Self {
        Self {
            reset_ms: slot.reset_ms(now),
            receipt: Receipt {
                source: Source::Lease,
                cost,
                window: slot.window(),
                hold: lease,
            },
            ..Self::free(slot.remaining())
        }
    }

    pub(super) fn by_store(answer: &Answer, cost: u64, taken: bool) -> Self {
        if !answer.fits {
            return Self::refused(answer.remaining, answer.reset_ms, answer.retry_ms);
        }
        let receipt = Receipt {
            source: Source::Store,
            cost,
            window: answer.window,
            hold: answer.hold,
        };
        Self {
            reset_ms: answer.reset_ms,
            receipt: if taken { receipt } else { Receipt::default() },
            ..Self::free(answer.remaining)
        }
    }
}

impl Default for Charged {
    /// Admitted, and nothing charged.
    fn default() -> Self {
        Self::free(0)
    }
}
