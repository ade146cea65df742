//! What a limit counts and how much it allows, checked so that nothing can wrap.

use crate::program::condition::Zone;
use std::fmt;

/// Longest time that a limit may look ahead or back, in milliseconds: a hundred years.
pub(crate) const MAX_PERIOD_MS: u64 = 100 * 366 * 86_400_000;
/// Longest time that a full burst of a rate may take to be replenished, in nanoseconds: about 73 years.
pub(crate) const MAX_BURST_NS: u64 = 1 << 61;
/// Largest number that a limit may state: every number up to it is exact in JSON.
pub(crate) const MAX_COUNT: u64 = 1 << 53;
/// Largest limit of what keeps one entry for each unit: exact sliding windows and concurrency.
pub(crate) const MAX_ENTRIES: u64 = 1 << 15;
/// Largest number of distinct values.
pub(crate) const MAX_DISTINCT: u64 = 1_024;
/// Most bytes of one limit's table.
pub(crate) const MAX_TABLE_BYTES: usize = 1 << 32;

/// What is counted. Periods stand here, numbers in [`Allowance`]: they may differ from request to request.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// The generic cell rate algorithm (ITU-T I.371), on the monotonic clock.
    Rate { excess: Excess },
    /// So many in each window, on the wall clock.
    Window(Span),
    /// So many in the time that has just passed, on the wall clock.
    Sliding { ms: u64, exact: bool },
    /// So many at once; each ends when it is released or its lease is over, on the monotonic clock.
    Concurrency { lease_ms: u64 },
    /// So many different values in the time that has just passed, on the wall clock.
    Distinct { within_ms: u64 },
}

/// What a rate does with a cost above its burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    /// It can never pass.
    Refuse,
    /// It passes when a cost of 1 would, and what comes after waits for all of it: Apigee's SpikeArrest.
    #[cfg_attr(not(test), expect(dead_code, reason = "for other dialects"))]
    Delay,
}

/// How windows follow each other.
#[derive(Clone, Debug)]
pub(crate) enum Span {
    Calendar(Calendar),
    /// Multiples of a duration since 1970.
    Fixed {
        ms: u64,
    },
    /// Each begins with the first request that it counts.
    FirstRequest {
        ms: u64,
    },
}

/// Windows of the civil calendar.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    pub(crate) unit: Unit,
    /// Units in one window.
    pub(crate) every: u32,
    /// Where one window begins; else at the beginning of 1970, weeks on Sunday.
    pub(crate) anchor_ms: Option<i64>,
    pub(crate) zone: Zone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    #[cfg_attr(not(test), expect(dead_code, reason = "for other dialects"))]
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// How much a limit allows one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// The number; of a rate, its burst.
    pub(crate) limit: u64,
    /// Of a rate, the time that one unit takes; else 0.
    pub(crate) interval_ns: u64,
}

/// What to do with a key for which the table has no cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum OnFull {
    /// It is counted in one cell with all others that have none.
    #[default]
    Overflow,
    Deny,
    /// It passes and is not counted.
    Allow,
}

/// What counters are built of.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    /// The largest number that any request may be allowed.
    pub(crate) most: u64,
    /// Keys to hold at once.
    pub(crate) capacity: usize,
    pub(crate) on_full: OnFull,
}

/// Why a limit cannot be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KindError {
    ZeroLimit,
    ZeroPeriod,
    ZeroCapacity,
    /// More than one unit a nanosecond.
    TooFast,
    PeriodTooLong,
    /// Interval times burst.
    BurstTooLong,
    LimitTooLarge {
        most: u64,
    },
    /// Bytes of the table.
    TableTooLarge {
        bytes: u64,
    },
    /// Fewer units than processes.
    Indivisible {
        limit: u64,
        processes: u64,
    },
}

impl fmt::Display for KindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroLimit => f.write_str("a limit of 0 lets nothing pass"),
            Self::ZeroPeriod => f.write_str("the period is 0"),
            Self::ZeroCapacity => f.write_str("a capacity of 0 holds no key"),
            Self::TooFast => f.write_str("a rate above one a nanosecond cannot be told apart"),
            Self::PeriodTooLong => f.write_str("the period is longer than 100 years"),
            Self::BurstTooLong => {
                f.write_str("the whole burst would take longer than 73 years to be replenished")
            }
            Self::LimitTooLarge { most } => {
                write!(
                    f,
                    "the limit is larger than {most}, the most that can be counted this way"
                )
            }
            Self::TableTooLarge { bytes } => write!(
                f,
                "the table would take {bytes} bytes, more than {MAX_TABLE_BYTES}: lower the capacity or the limit"
            ),
            Self::Indivisible { limit, processes } => write!(
                f,
                "a limit of {limit} cannot be divided among {processes} processes"
            ),
        }
    }
}

impl Allowance {
    /// So many at once or in a window.
    pub(crate) fn count(limit: u64) -> Self {
        Self {
            limit,
            interval_ns: 0,
        }
    }

    /// `count` in each period, `burst` at once. The interval is rounded up, so that no more than `count` ever pass.
    pub(crate) fn rate(count: u64, period_ns: u64, burst: u64) -> Result<Self, KindError> {
        match (count, period_ns) {
            (0, _) => Err(KindError::ZeroLimit),
            (_, 0) => Err(KindError::ZeroPeriod),
            _ if count > period_ns => Err(KindError::TooFast),
            _ => Ok(Self {
                limit: burst,
                interval_ns: period_ns.div_ceil(count),
            }),
        }
    }
}

impl Kind {
    /// Whether this kind can count with this allowance.
    pub(crate) fn check(&self, allowance: Allowance) -> Result<(), KindError> {
        let Allowance { limit, interval_ns } = allowance;
        let most = self.largest();
        match self {
            Self::Rate { .. } => {
                if interval_ns == 0 {
                    return Err(KindError::ZeroPeriod);
                }
                let all = interval_ns.checked_mul(limit);
                if all.is_none_or(|all| all > MAX_BURST_NS) {
                    return Err(KindError::BurstTooLong);
                }
            }
            Self::Window(Span::Calendar(calendar)) => calendar.check()?,
            Self::Window(Span::Fixed { ms } | Span::FirstRequest { ms })
            | Self::Sliding { ms, .. }
            | Self::Concurrency { lease_ms: ms }
            | Self::Distinct { within_ms: ms } => check_period(*ms)?,
        }
        match limit {
            0 => Err(KindError::ZeroLimit),
            _ if limit > most => Err(KindError::LimitTooLarge { most }),
            _ => Ok(()),
        }
    }

    /// The largest number that this kind can count to.
    pub(super) fn largest(&self) -> u64 {
        match self {
            Self::Rate { .. } | Self::Window(_) | Self::Sliding { exact: false, .. } => MAX_COUNT,
            Self::Sliding { exact: true, .. } | Self::Concurrency { .. } => MAX_ENTRIES,
            Self::Distinct { .. } => MAX_DISTINCT,
        }
    }

    /// One process's part of an allowance, such that all parts together allow no more than the whole.
    ///
    /// Numbers are divided rounding down, so that up to `processes - 1` units
    /// stay unused; a rate's interval grows by the factor. What leaves a
    /// process nothing is an error.
    pub(crate) fn divide(
        &self,
        allowance: Allowance,
        processes: u64,
    ) -> Result<Allowance, KindError> {
        let part = Allowance {
            limit: allowance.limit / processes.max(1),
            interval_ns: allowance
                .interval_ns
                .checked_mul(processes.max(1))
                .ok_or(KindError::BurstTooLong)?,
        };
        if part.limit == 0 {
            return Err(KindError::Indivisible {
                limit: allowance.limit,
                processes,
            });
        }
        self.check(part).map(|()| part)
    }
}

impl Calendar {
    fn check(&self) -> Result<(), KindError> {
        let unit_ms = match self.unit {
            Unit::Second => 1_000,
            Unit::Minute => 60_000,
            Unit::Hour => 3_600_000,
            Unit::Day => 86_400_000,
            Unit::Week => 7 * 86_400_000,
            Unit::Month => 31 * 86_400_000,
            Unit::Year => 366 * 86_400_000,
        };
        check_period(u64::from(self.every) * unit_ms)
    }
}

fn check_period(ms: u64) -> Result<(), KindError> {
    match ms {
        0 => Err(KindError::ZeroPeriod),
        _ if ms > MAX_PERIOD_MS => Err(KindError::PeriodTooLong),
        _ => Ok(()),
    }
}
