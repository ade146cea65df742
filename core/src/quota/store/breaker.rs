//! When a store is not asked: after failures in a row, for a while that grows.
//!
//! Time is passed in, so the same calls have the same answers.

use std::sync::{Mutex, PoisonError};

/// Failures in a row after which the store is not asked.
const TRIP_AFTER: u32 = 3;
/// How long it is not asked at first, in nanoseconds.
const FIRST_PAUSE_NS: u64 = 250_000_000;
/// The pause doubles with each failed probe, up to this.
const LONGEST_PAUSE_NS: u64 = 5_000_000_000;

/// Closed (asks), open (does not) or half-open (one probe is under way).
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// 0 while closed.
    pause_ns: u64,
    /// When the next probe may go.
    next_probe_ns: u64,
}

impl Breaker {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the store may be asked now; while it is open, one caller in each pause may.
    pub(super) fn permits(&self, now_ns: u64) -> bool {
        let mut state = self.state();
        if state.pause_ns == 0 {
            return true;
        }
        if now_ns < state.next_probe_ns {
            return false;
        }
        // A probe that never reports leaves the way to the next.
        state.next_probe_ns = now_ns.saturating_add(state.pause_ns);
        true
    }

    /// Whether nothing speaks against asking ahead of need.
    pub(super) fn is_closed(&self) -> bool {
        self.state().pause_ns == 0
    }

    pub(super) fn answered(&self) {
        *self.state() = State::default();
    }

    pub(super) fn failed(&self, now_ns: u64) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures < TRIP_AFTER {
            return;
        }
        state.pause_ns = match state.pause_ns {
            0 => FIRST_PAUSE_NS,
            // What was under way when it opened tells nothing new.
            pause if now_ns.saturating_add(pause) < state.next_probe_ns => pause,
            pause => pause.saturating_mul(2).min(LONGEST_PAUSE_NS),
        };
        state.next_probe_ns = state
            .next_probe_ns
            .max(now_ns.saturating_add(state.pause_ns));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    enum Step {
        Permits(u64, bool),
        Failed(u64),
        Answered,
    }
    use Step::{Answered, Failed, Permits};

    const TABLES: &[(&str, &[Step])] = &[
        (
            "two failures are none",
            &[Failed(0), Failed(1), Permits(2, true), Permits(3, true)],
        ),
        (
            "an answer between starts over",
            &[
                Failed(0),
                Failed(0),
                Answered,
                Failed(0),
                Failed(0),
                Permits(1, true),
            ],
        ),
        (
            "three open it, one probe after a pause",
            &[
                Failed(0),
                Failed(0),
                Failed(0),
                Permits(1, false),
                Permits(249 * MS, false),
                Permits(250 * MS, true),
                Permits(250 * MS, false),
            ],
        ),
        (
            "a failed probe doubles the pause",
            &[
                Failed(0),
                Failed(0),
                Failed(0),
                Permits(250 * MS, true),
                Failed(255 * MS),
                Permits(700 * MS, false),
                Permits(756 * MS, true),
            ],
        ),
        (
            "an answered probe closes it",
            &[
                Failed(0),
                Failed(0),
                Failed(0),
                Permits(250 * MS, true),
                Answered,
                Permits(251 * MS, true),
                Permits(251 * MS, true),
            ],
        ),
        (
            "a probe that never reports is followed by the next",
            &[
                Failed(0),
                Failed(0),
                Failed(0),
                Permits(250 * MS, true),
                Permits(499 * MS, false),
                Permits(500 * MS, true),
            ],
        ),
    ];

    #[test]
    fn opens_probes_and_closes() {
        for (name, steps) in TABLES {
            let breaker = Breaker::default();
            for (number, step) in steps.iter().enumerate() {
                match *step {
                    Permits(now, expected) => {
                        assert_eq!(breaker.permits(now), expected, "{name}, step {number}");
                    }
                    Failed(now) => breaker.failed(now),
                    Answered => breaker.answered(),
                }
            }
        }
    }

    #[test]
    fn the_pause_has_an_end() {
        let breaker = Breaker::default();
        let mut now = 0;
        for _ in 0..100 {
            breaker.failed(now);
            now += 60_000 * MS;
        }
        assert!(!breaker.is_closed());
        assert!(breaker.permits(now));
        assert!(!breaker.permits(now + 4_999 * MS) && breaker.permits(now + 5_000 * MS));
    }
}
