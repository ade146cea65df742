//! What a request asks of a limit, what it is told, and what it takes to undo a charge.

/// Nanoseconds in a millisecond.
pub(super) const NS_PER_MS: u64 = 1_000_000;

/// Both clocks, read once for a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Now {
    /// Since 1970, by the wall clock.
    pub(crate) wall_ms: i64,
    /// By a clock that is never set back; below 2⁶².
    pub(crate) mono_ns: u64,
}

/// What one request asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    /// Units; 0 is legal, always passes and changes nothing.
    pub(crate) cost: u64,
    /// How much this key is allowed, in units.
    pub(crate) limit: u64,
    /// Of a rate, the time that one unit takes.
    pub(crate) interval_ns: u64,
    /// The keyed hash of the value, where distinct values are counted.
    pub(crate) member: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Admitted,
    Denied,
    /// The table has no cell for the key, and the limit says to deny then.
    Full,
    /// The cost is above what the limit can ever pass.
    Never,
}

/// Where a request was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// In its key's own cell, or not at all because it was refused or free.
    Apart,
    /// With all others for which the table had no cell.
    Together,
    /// Nowhere: the table had no cell for it.
    Nowhere,
}

/// What a limit says to a request, as of after the charge.
///
/// What is asked for is worked out then: a division costs as much as a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) counted: Counted,
    /// What is left, in `unit`s.
    pub(super) left: u64,
    pub(super) unit: u64,
    /// Times, of which `per_ms` make a millisecond.
    pub(super) reset: u64,
    pub(super) retry: u64,
    pub(super) per_ms: u64,
}

impl Outcome {
    pub(super) fn full(verdict: Verdict) -> Self {
        let counted = match verdict {
            Verdict::Admitted => Counted::Nowhere,
            _ => Counted::Apart,
        };
        Self {
            verdict,
            counted,
            left: 0,
            unit: 1,
            reset: 0,
            retry: 0,
            per_ms: 1,
        }
    }

    #[inline]
    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict
    }

    #[cfg(test)]
    pub(crate) fn admitted(&self) -> bool {
        self.verdict == Verdict::Admitted
    }

    pub(crate) fn counted(&self) -> Counted {
        self.counted
    }

    /// Whole units that would pass now.
    pub(crate) fn remaining(&self) -> u64 {
        self.left / self.unit.max(1)
    }

    /// Milliseconds until nothing is counted any more, or until the window ends; rounded up.
    pub(crate) fn reset_ms(&self) -> u64 {
        self.reset.div_ceil(self.per_ms.max(1))
    }

    /// Milliseconds until the same cost would pass if nothing else came; rounded up. 0 if it has passed or never will.
    pub(crate) fn retry_after_ms(&self) -> u64 {
        self.retry.div_ceil(self.per_ms.max(1))
    }
}

/// What it takes to undo or to settle one charge; used up by that.
#[derive(Debug, Default)]
#[must_use = "what is not kept cannot be undone"]
pub(crate) struct Receipt(pub(super) Option<Charge>);

#[derive(Debug)]
pub(super) struct Charge {
    pub(super) key: u64,
    pub(super) together: bool,
    pub(super) cost: u64,
    pub(super) mark: Mark,
}

/// What a kind needs to find a charge again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// A rate's new time, a window's start, an entry's number, or a value's word.
    pub(super) new: u64,
    /// What was there before.
    pub(super) old: u64,
    /// The value, where distinct values are counted; the interval of a rate.
    pub(super) with: u64,
}

impl Receipt {
    /// Whether there is anything to undo.
    pub(crate) fn is_charged(&self) -> bool {
        self.0.is_some()
    }
}
