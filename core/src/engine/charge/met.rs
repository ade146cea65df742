//! What the limits that a request met say.

use super::counters::CounterSet;
use super::headers::RateLimitHeaders;
use super::ticket::Ticket;
use crate::decision::Reason;
use crate::engine::answer::Decision;
use crate::engine::verdict::Verdict;
use crate::program::Program;
use crate::program::limits::Limit;
use crate::program::vocabulary::limits::LimitKind;
use crate::quota::store::{self, Charged};
use crate::quota::{Ask, Now, Outcome, Receipt, Verdict as Answer};
use serde::Serialize;

/// What the limits of one decision said; there is room for each.
#[derive(Debug, Default)]
pub(in crate::engine) struct Charges {
    met: Vec<Met>,
    pub(super) ticket: Option<Ticket>,
}

/// A limit that the request met.
#[derive(Debug)]
pub(super) struct Met {
    pub(super) limit: u32,
    pub(super) shadow: bool,
    pub(super) always: bool,
    pub(super) key: u64,
    pub(super) ask: Ask,
    pub(super) said: Said,
    pub(super) receipt: Receipt,
}

/// The numbers that a limit told, wherever it is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    limit: u64,
    /// Of a rate, the time that one unit takes in this process.
    pub(super) interval_ns: u64,
    answer: Answered,
}

#[derive(Clone, Copy, Debug)]
enum Answered {
    Here(Outcome),
    Stored(Charged),
}

impl Told {
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    pub(super) fn remaining(&self) -> u64 {
        match &self.answer {
            Answered::Here(outcome) => outcome.remaining(),
            Answered::Stored(charged) => charged.remaining,
        }
    }

    pub(super) fn reset_ms(&self) -> u64 {
        match &self.answer {
            Answered::Here(outcome) => outcome.reset_ms(),
            Answered::Stored(charged) => charged.reset_ms,
        }
    }

    pub(super) fn retry_after_ms(&self) -> u64 {
        match &self.answer {
            Answered::Here(outcome) => outcome.retry_after_ms(),
            Answered::Stored(charged) => charged.retry_ms,
        }
    }

    /// Whether it refuses for now.
    pub(super) fn refuses(&self) -> bool {
        match &self.answer {
            Answered::Here(outcome) => outcome.verdict() == Answer::Denied,
            Answered::Stored(charged) => charged.outcome == store::Outcome::Refused,
        }
    }
}

/// What a limit said.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said {
    /// It has not been asked.
    Nothing,
    Outcome(Outcome),
    /// By its store.
    Stored(Charged),
    /// By its store: the cost is above what it could ever pass.
    TooDear,
    /// Its condition, cost or key cannot be told; the decision's `detail`.
    Undecided(&'static str),
    /// A value of its key is absent, and it denies then.
    KeyMissing,
}

impl Met {
    pub(super) const fn number(&self) -> usize {
        self.limit as usize
    }

    /// Whether there is a counter to ask.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.said, Said::Nothing | Said::Outcome(_))
    }

    pub(super) fn peek(&mut self, counters: &CounterSet, now: Now) {
        if let (true, Some(counter)) = (self.is_open(), counters.here(self.number())) {
            let outcome = counter.counters.peek(self.key, &self.ask, now);
            self.said = Said::Outcome(outcome);
        }
    }

    pub(super) fn take(&mut self, counters: &CounterSet, now: Now) {
        if let (true, Some(counter)) = (self.is_open(), counters.here(self.number())) {
            let (outcome, receipt) = counter.counters.take(self.key, &self.ask, now);
            self.said = Said::Outcome(outcome);
            self.receipt = receipt;
        }
    }

    /// Gives back what was taken here.
    pub(super) fn restore(&mut self, counters: &CounterSet, now: Now) {
        if let Some(counter) = counters.here(self.number()) {
            let receipt = core::mem::take(&mut self.receipt);
            counter.counters.restore(receipt, now);
            self.peek(counters, now);
        }
    }

    /// Why the request may not go on, if it may not.
    pub(super) fn refuses(&self) -> Option<Reason> {
        match self.said {
            Said::Undecided(_) => Some(Reason::Indeterminate),
            Said::KeyMissing => Some(Reason::QuotaUnavailable),
            Said::TooDear => Some(Reason::CostExceedsLimit),
            Said::Nothing => None,
            Said::Stored(charged) => match charged.outcome {
                store::Outcome::Admitted => None,
                store::Outcome::Refused => Some(Reason::QuotaExceeded),
                store::Outcome::Unavailable(_) => Some(Reason::QuotaUnavailable),
            },
            Said::Outcome(outcome) => match outcome.verdict() {
                Answer::Admitted => None,
                Answer::Denied => Some(Reason::QuotaExceeded),
                Answer::Never => Some(Reason::CostExceedsLimit),
                Answer::Full => Some(Reason::QuotaUnavailable),
            },
        }
    }

    fn detail(&self, program: &Program) -> Option<&'static str> {
        match self.said {
            Said::Undecided(detail) => Some(detail),
            Said::KeyMissing => Some("key_missing"),
            Said::Outcome(outcome) if outcome.verdict() == Answer::Full => Some("table_full"),
            Said::Stored(Charged {
                outcome: store::Outcome::Unavailable(_),
                ..
            }) => Some("store_down"),
            _ => program
                .limits
                .limits
                .get(self.number())
                .map(|limit| kind_name(&limit.kind)),
        }
    }

    /// The numbers that it told.
    pub(super) fn told(&self) -> Option<Told> {
        let answer = match self.said {
            Said::Outcome(outcome) => Answered::Here(outcome),
            Said::Stored(Charged {
                outcome: store::Outcome::Unavailable(_),
                ..
            }) => return None,
            Said::Stored(charged) => Answered::Stored(charged),
            _ => return None,
        };
        let Ask {
            limit, interval_ns, ..
        } = self.ask;
        Some(Told {
            limit,
            interval_ns,
            answer,
        })
    }
}

/// The key of a policy that says how a limit counts.
pub(in crate::engine) const fn kind_name(kind: &LimitKind) -> &'static str {
    match kind {
        LimitKind::Rate { .. } => "rate",
        LimitKind::Calendar(_) | LimitKind::Fixed { .. } | LimitKind::FirstRequest { .. } => {
            "window"
        }
        LimitKind::Sliding { .. } => "sliding",
        LimitKind::Concurrency { .. } => "concurrency",
        LimitKind::Distinct { .. } => "distinct",
    }
}

impl Charges {
    /// Room for what the limits of a program say.
    pub(in crate::engine) fn for_limits(count: usize) -> Self {
        Self {
            met: Vec::with_capacity(count),
            ticket: None,
        }
    }

    pub(super) fn clear(&mut self) {
        self.met.clear();
        self.ticket = None;
    }

    pub(super) fn len(&self) -> usize {
        self.met.len()
    }

    pub(super) fn push(&mut self, met: Met) {
        // Each limit is met once, and there is room for all.
        if self.met.len() < self.met.capacity() {
            self.met.push(met);
        }
    }

    pub(super) fn from(&mut self, first: usize) -> &mut [Met] {
        self.met.get_mut(first..).unwrap_or_default()
    }

    pub(super) fn iter(&self) -> core::slice::Iter<'_, Met> {
        self.met.iter()
    }

    /// What the limits in force, or those in shadow, make of an allowed request:
    /// what no waiting helps against before what it does, then the first in source order.
    pub(super) fn refusal(&self, shadow: bool) -> Option<Verdict> {
        let rank = |reason| match reason {
            Reason::CostExceedsLimit => 0,
            Reason::Indeterminate => 1,
            Reason::QuotaUnavailable => 2,
            _ => 3,
        };
        let (met, reason) = self
            .met
            .iter()
            .filter(|met| met.shadow == shadow)
            .filter_map(|met| Some((met, met.refuses()?)))
            .min_by_key(|(_, reason)| rank(*reason))?;
        Some(Verdict::by_limit(reason, met.limit))
    }

    /// More about the refusal of a limit.
    pub(in crate::engine) fn detail(&self, program: &Program, limit: u32) -> Option<&'static str> {
        let met = self.met.iter().find(|met| met.limit == limit)?;
        met.detail(program)
    }
}

/// What a limit in force says to a request, as of after the charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LimitState<'a> {
    /// The limit's id.
    pub id: &'a str,
    /// How much it lets through; of a rate its burst.
    pub limit: u64,
    /// How much is left.
    pub remaining: u64,
    /// Milliseconds until all of it is back, or until the window ends.
    pub reset_ms: u64,
}

/// Iterates over the limits that a request met, in source order within each phase.
#[derive(Clone, Debug)]
pub struct LimitStates<'a> {
    program: &'a Program,
    met: core::slice::Iter<'a, Met>,
}

impl<'a> LimitStates<'a> {
    /// The limits in force with what they were asked, those without an answer left out.
    fn next_met(&mut self) -> Option<(&'a Limit, Told)> {
        loop {
            let met = self.met.next()?;
            let limit = self.program.limits.limits.get(met.number());
            if let (false, Some(limit), Some(outcome)) = (met.shadow, limit, met.told()) {
                return Some((limit, outcome));
            }
        }
    }
}

impl<'a> Iterator for LimitStates<'a> {
    type Item = LimitState<'a>;

    fn next(&mut self) -> Option<LimitState<'a>> {
        let (limit, outcome) = self.next_met()?;
        Some(LimitState {
            id: &limit.id,
            limit: outcome.limit(),
            remaining: outcome.remaining(),
            reset_ms: outcome.reset_ms(),
        })
    }
}

impl<'a> Decision<'a> {
    /// The limits that the request met and what is left of them, as of after the charge.
    #[must_use]
    pub fn limits(&self) -> LimitStates<'a> {
        let met = self
            .parts()
            .map_or(&[][..], |(_, sets)| sets.charges.met.as_slice());
        LimitStates {
            program: self.program(),
            met: met.iter(),
        }
    }

    /// Milliseconds after which the same request would pass, as far as limits go; `None` if waiting would not help,
    /// or if no limit refused it.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        if self.reason() != Reason::QuotaExceeded {
            return None;
        }
        self.refusing()
            .map(|(_, outcome)| outcome.retry_after_ms())
            .max()
    }

    /// What is to be settled when the request is over; `None` if nothing is.
    ///
    /// There is one for a request that is allowed and counted as under way, and
    /// for one that was reserved.
    #[must_use]
    pub fn ticket(&self) -> Option<Ticket> {
        self.parts().and_then(|(_, sets)| sets.charges.ticket)
    }

    /// The values of `RateLimit-Policy`, `RateLimit` and `Retry-After`; `None` if the request met no limit.
    #[must_use]
    pub fn rate_limit_headers(&self) -> Option<RateLimitHeaders<'a>> {
        self.limits().next()?;
        Some(RateLimitHeaders { decision: *self })
    }

    /// Limits in force and what they said.
    pub(super) fn met(&self) -> impl Iterator<Item = (&'a Limit, Told)> + use<'a> {
        let mut states = self.limits();
        core::iter::from_fn(move || states.next_met())
    }

    /// Whether a limit refused that is asked before anybody is identified.
    pub(in crate::engine) fn refused_before_identity(&self) -> bool {
        let before = self.program().limits.before;
        self.verdict()
            .limit()
            .is_some_and(|limit| (limit as usize) < before)
    }

    /// Those of them that refuse for now.
    pub(super) fn refusing(&self) -> impl Iterator<Item = (&'a Limit, Told)> + use<'a> {
        self.met().filter(|(_, told)| told.refuses())
    }
}
