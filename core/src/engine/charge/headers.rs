//! `RateLimit-Policy`, `RateLimit` and `Retry-After`: put together when they are written.
//!
//! The fields are those of the IETF's draft "RateLimit header fields for HTTP"
//! (draft-ietf-httpapi-ratelimit-headers-09) and of RFC 9110 §10.2.3.

use super::met::Told;
use crate::decision::Reason;
use crate::engine::answer::Decision;
use crate::program::limits::Limit;
use crate::program::vocabulary::limits::{CalendarUnit, LimitKind};
use core::fmt;

/// What limits say, as header fields; each part is written by its `Display`, without allocation.
#[derive(Clone, Copy, Debug)]
pub struct RateLimitHeaders<'a> {
    pub(super) decision: Decision<'a>,
}

impl<'a> RateLimitHeaders<'a> {
    /// The value of `RateLimit-Policy`: every limit that the request met, with its quota `q` and, where it has
    /// one length, its window `w` in seconds.
    #[must_use]
    pub const fn policy(&self) -> RateLimitPolicy<'a> {
        RateLimitPolicy(self.decision)
    }

    /// The value of `RateLimit`: what remains (`r`) and the seconds until there is more (`t`). Of a refusal only
    /// the limits that refuse, so that `Retry-After` is never earlier than one of them.
    #[must_use]
    pub const fn limit(&self) -> RateLimit<'a> {
        RateLimit(self.decision)
    }

    /// The value of `Retry-After` in seconds, if waiting helps.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        self.decision.retry_after_ms().map(seconds)
    }
}

/// Displayed as the value of `RateLimit-Policy`, such as `"plan";q=1000;w=86400`.
#[derive(Clone, Copy, Debug)]
pub struct RateLimitPolicy<'a>(Decision<'a>);

/// Displayed as the value of `RateLimit`, such as `"plan";r=50;t=30`.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit<'a>(Decision<'a>);

impl fmt::Display for RateLimitPolicy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (limit, outcome) in self.0.met() {
            name(f, &mut first, limit)?;
            write!(f, ";q={}", integer(outcome.limit()))?;
            if let Some(window) = window_s(&limit.kind, outcome) {
                write!(f, ";w={window}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for RateLimit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        if self.0.reason() == Reason::QuotaExceeded {
            for (limit, outcome) in self.0.refusing() {
                name(f, &mut first, limit)?;
                let wait = seconds(outcome.retry_after_ms());
                write!(f, ";r={};t={wait}", integer(outcome.remaining()))?;
            }
            return Ok(());
        }
        for (limit, outcome) in self.0.met() {
            name(f, &mut first, limit)?;
            let reset = seconds(outcome.reset_ms());
            write!(f, ";r={};t={reset}", integer(outcome.remaining()))?;
        }
        Ok(())
    }
}

/// The id as a string of a structured field (RFC 9651 §3.3.3): ids hold nothing that would have to be escaped.
fn name(f: &mut fmt::Formatter<'_>, first: &mut bool, limit: &Limit) -> fmt::Result {
    let before = if core::mem::take(first) { "" } else { ", " };
    write!(f, "{before}\"{}\"", limit.id)
}

/// An integer of a structured field has at most fifteen digits (RFC 9651 §3.3.1); a limit may have sixteen.
fn integer(number: u64) -> u64 {
    number.min(999_999_999_999_999)
}

/// Whole seconds, rounded up: who waits so long waits long enough.
const fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1_000)
}

/// The length of a window in seconds; months and years have none, and neither has what is under way.
fn window_s(kind: &LimitKind, told: Told) -> Option<u64> {
    match kind {
        LimitKind::Rate { .. } => {
            let whole = told.interval_ns.saturating_mul(told.limit());
            Some(whole.div_ceil(1_000_000_000))
        }
        LimitKind::Calendar(calendar) => {
            let length = match calendar.unit {
                // A day may have an hour more or less where clocks change.
                CalendarUnit::Day | CalendarUnit::Week if calendar.zone.is_some() => return None,
                CalendarUnit::Month | CalendarUnit::Year => return None,
                unit => unit.most_ms(),
            };
            Some(seconds(length.saturating_mul(u64::from(calendar.every))))
        }
        LimitKind::Fixed { period_ms }
        | LimitKind::FirstRequest { period_ms }
        | LimitKind::Sliding { period_ms, .. }
        | LimitKind::Distinct { period_ms } => Some(seconds(*period_ms)),
        LimitKind::Concurrency { .. } => None,
    }
}
