//! Words of limits: what is counted, when, and what happens where it cannot be.

/// How a limit counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LimitKind {
    /// So many in a period, evenly; `burst` of them at once.
    Rate {
        count: u64,
        period_ns: u64,
        burst: u64,
    },
    /// A window of the calendar.
    Calendar(Calendar),
    /// Windows of one length, counted from 1970.
    Fixed { period_ms: u64 },
    /// A window that begins with the first request.
    FirstRequest { period_ms: u64 },
    /// What was let through in the time that ends now; exact where each of them is remembered.
    Sliding { period_ms: u64, exact: bool },
    /// How many are under way; one that is never released ends with its lease.
    Concurrency { lease_ms: u64 },
    /// Different values of something in a window.
    Distinct { period_ms: u64 },
}

/// Windows of the calendar: `every` so many units from an anchor, in a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Calendar {
    pub(crate) unit: CalendarUnit,
    pub(crate) every: u32,
    /// Milliseconds since 1970; without one, windows begin where the unit does.
    pub(crate) anchor_ms: Option<i64>,
    /// A name of the tz database or an offset; `None` is UTC.
    pub(crate) zone: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CalendarUnit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl CalendarUnit {
    /// Every unit with its name in a policy.
    pub(crate) const NAMES: &'static [(&'static str, Self)] = &[
        ("minute", Self::Minute),
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
        ("year", Self::Year),
    ];

    /// Milliseconds of the longest one.
    pub(crate) const fn most_ms(self) -> u64 {
        const DAY: u64 = 86_400_000;
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
            Self::Month => 31 * DAY,
            Self::Year => 366 * DAY,
        }
    }
}

/// When a limit is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Before any credential is looked at; what is denied later is charged all the same.
    BeforeIdentity,
    /// Once the request is allowed; what is denied costs nothing.
    #[default]
    AfterAuthorization,
}

/// What a limit does where its table has no room for another key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnFull {
    /// All keys without a cell share one.
    #[default]
    Overflow,
    Deny,
    Allow,
}

/// What a limit does where a value of its key is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnMissing {
    /// It is not asked.
    Skip,
    /// All that lack the value share one counter.
    #[default]
    Shared,
    Deny,
}

/// What a limit does where its condition or its cost cannot be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnError {
    #[default]
    Deny,
    /// It is not asked.
    Skip,
}

/// Counters beyond one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoreSettings {
    pub(crate) mode: StoreMode,
    pub(crate) on_down: OnDown,
    /// The longest that a decision waits for the store.
    pub(crate) budget_ms: u32,
    /// Units that a lease takes at once.
    pub(crate) batch: u32,
    /// With [`OnDown::Share`]: the part of the limit that all processes give out together, in percent.
    pub(crate) share_percent: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreMode {
    /// One question to the store for each decision.
    Strict,
    /// Units are taken in batches and spent in the process.
    Leased,
}

/// What a limit does while its store cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnDown {
    Deny,
    /// Each process gives out a share of the limit.
    Share,
    Open,
}
