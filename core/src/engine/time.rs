//! The time that is decided by: it never goes back, and where it leaps ahead that is counted.

use crate::clock::{Clock, monotonic_of};
use crate::quota::Now;
use core::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::Arc;

/// A wall clock that gets so far ahead of the monotonic one at once has been set, in milliseconds.
const LEAP_MS: i64 = 3_600_000;

/// The clocks of an engine.
pub(super) struct Time {
    clock: Arc<dyn Clock>,
    replay: bool,
    /// The latest time that was decided by, in milliseconds since 1970.
    highest: AtomicI64,
    /// How far the wall clock is ahead of the monotonic one, in milliseconds.
    ahead: AtomicI64,
    leaps: AtomicU64,
}

impl Time {
    pub(super) fn new(clock: Arc<dyn Clock>, replay: bool) -> Self {
        Self {
            clock,
            replay,
            highest: AtomicI64::new(i64::MIN),
            ahead: AtomicI64::new(i64::MAX),
            leaps: AtomicU64::new(0),
        }
    }

    pub(super) const fn is_replay(&self) -> bool {
        self.replay
    }

    /// How often the wall clock was set ahead by more than an hour.
    pub(super) fn leaps(&self) -> u64 {
        self.leaps.load(Ordering::Relaxed)
    }

    /// A wall clock's time with that of the clock that is never set.
    #[inline]
    pub(super) fn now(&self, wall_ms: i64) -> Now {
        if self.replay {
            let mono_ns = monotonic_of(wall_ms);
            return Now { wall_ms, mono_ns };
        }
        let mono_ns = self.clock.monotonic_ns();
        self.watch(wall_ms, mono_ns);
        Now { wall_ms, mono_ns }
    }

    /// The time without a request: of a replay, that of the latest one.
    pub(super) fn current(&self) -> Now {
        let highest = self.highest.load(Ordering::Relaxed);
        if self.replay && highest == i64::MIN {
            return Now::default();
        }
        self.now(self.wall_ms(None))
    }

    /// Milliseconds of the clock that is never set; in replay of the highest time seen.
    pub(super) fn monotonic_ms(&self) -> u64 {
        if self.replay {
            return u64::try_from(self.wall_ms(None)).unwrap_or(0);
        }
        self.clock.monotonic_ns() / 1_000_000
    }

    /// The time that a request is decided by: never below the highest seen.
    pub(super) fn wall_ms(&self, at: Option<i64>) -> i64 {
        let highest = self.highest.load(Ordering::Relaxed);
        let time = match (self.replay, at) {
            (true, Some(at)) => at,
            (true, None) if highest != i64::MIN => highest,
            // Nothing was asked yet: the machine's time is not the first request's.
            (true, None) => return self.clock.wall_ms(),
            (false, _) => self.clock.wall_ms(),
        };
        if time <= highest {
            // Most decisions write nothing that others read.
            return highest;
        }
        self.highest.fetch_max(time, Ordering::Relaxed).max(time)
    }

    /// Counts leaps of the wall clock, by which windows end early.
    #[inline]
    fn watch(&self, wall_ms: i64, mono_ns: u64) {
        let mono_ms = i64::try_from(mono_ns / 1_000_000).unwrap_or(i64::MAX);
        let ahead = wall_ms.saturating_sub(mono_ms);
        let before = self.ahead.load(Ordering::Relaxed);
        if ahead == before {
            return;
        }
        if ahead.saturating_sub(before) > LEAP_MS
            && self
                .ahead
                .compare_exchange(before, ahead, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            self.leaps.fetch_add(1, Ordering::Relaxed);
        } else if before == i64::MAX || ahead < before.saturating_sub(LEAP_MS) {
            self.ahead.store(ahead, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two(AtomicI64, AtomicU64);

    impl Clock for Two {
        fn wall_ms(&self) -> i64 {
            self.0.load(Ordering::Relaxed)
        }

        fn monotonic_ns(&self) -> u64 {
            self.1.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn leaps_are_counted_and_time_never_goes_back() {
        let clock = Arc::new(Two(AtomicI64::new(1_000_000), AtomicU64::new(5)));
        let time = Time::new(Arc::clone(&clock) as Arc<dyn Clock>, false);
        // Wall clock, monotonic clock in milliseconds; the time that is told, leaps so far.
        let rows = [
            (1_000_000, 0, 1_000_000, 0),
            (1_000_500, 500, 1_000_500, 0),
            // An hour of both clocks is no leap, one of the wall clock alone is not more than one.
            (4_600_500, 3_600_500, 4_600_500, 0),
            (8_200_500, 3_600_500, 8_200_500, 0),
            // Set back: it stands.
            (1_000_000, 3_600_600, 8_200_500, 0),
            (12_000_000, 3_600_700, 12_000_000, 1),
            (12_000_100, 3_600_800, 12_000_100, 1),
            (90_000_000, 3_600_900, 90_000_000, 2),
        ];
        for (wall, mono_ms, told, leaps) in rows {
            clock.0.store(wall, Ordering::Relaxed);
            clock.1.store(mono_ms * 1_000_000, Ordering::Relaxed);
            let now = time.now(time.wall_ms(None));
            assert_eq!((now.wall_ms, time.leaps()), (told, leaps), "{wall}");
            assert_eq!(now.mono_ns, mono_ms * 1_000_000);
        }
    }

    #[test]
    fn a_replay_goes_by_its_requests() {
        let clock = Arc::new(Two(AtomicI64::new(7), AtomicU64::new(5)));
        let time = Time::new(clock, true);
        for (at, wall_ms, mono_ns) in [
            // Nothing was asked yet: the machine's time, which is not the first request's.
            (None, 7, 7_000_000),
            (Some(3), 3, 3_000_000),
            (Some(9), 9, 9_000_000),
            (Some(3), 9, 9_000_000),
            (None, 9, 9_000_000),
        ] {
            let now = time.now(time.wall_ms(at));
            assert_eq!((now.wall_ms, now.mono_ns), (wall_ms, mono_ns), "{at:?}");
        }
    }
}
