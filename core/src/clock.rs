//! Time as a value: the engine reads it only through [`Clock`].

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where an engine gets the time from.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z, of the wall clock.
    fn wall_ms(&self) -> i64;

    /// Nanoseconds since any beginning, of a clock that is never set: what rates and leases go by.
    ///
    /// Unless it is said otherwise, the wall clock's.
    fn monotonic_ns(&self) -> u64 {
        monotonic_of(self.wall_ms())
    }
}

/// Most that a monotonic clock tells, in nanoseconds: 146 years.
pub(crate) const MAX_MONOTONIC_NS: u64 = (1 << 62) - 1;

/// The monotonic clock where there is none but the wall clock.
pub(crate) fn monotonic_of(wall_ms: i64) -> u64 {
    let ns = u64::try_from(wall_ms)
        .unwrap_or(0)
        .saturating_mul(1_000_000);
    ns.min(MAX_MONOTONIC_NS)
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// When the machine's clock was first read.
static BEGINNING: OnceLock<Instant> = OnceLock::new();

impl Clock for SystemClock {
    fn wall_ms(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        }
    }

    fn monotonic_ns(&self) -> u64 {
        let since = BEGINNING.get_or_init(Instant::now).elapsed();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}
