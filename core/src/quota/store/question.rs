//! What limits ask of a store that several processes share.
//!
//! The core does no I/O: it puts questions that are plain numbers, and a
//! [`QuotaStore`] answers within the time that it is given. Time is the store's:
//! it alone decides which window it is, so that clocks of processes which differ
//! never admit more.

use crate::crypto;
use core::fmt;
use core::time::Duration;
use std::sync::Arc;

/// Counters that several processes share.
///
/// One call, one atomic step: a store never applies half of a question. Every
/// call that takes a `budget` answers within it, with [`Unavailable`] when there
/// is no answer yet. A question that got no answer may have been applied:
/// neither side asks it again, so that the worst of a fault is that units are
/// burnt.
pub trait QuotaStore: Send + Sync {
    /// What keys are digested with ([`CounterKey::new`]): the same in every process that shares counters.
    fn secret(&self) -> &[u8];

    /// Takes the costs of all charges, or of none.
    ///
    /// `answers` has one place for each charge. All of them fit, or nothing
    /// was taken; what is [owed](Charge::owed) is charged in both cases.
    ///
    /// # Errors
    /// Without an answer within the budget.
    fn take(
        &self,
        charges: &[Charge<'_>],
        budget: Duration,
        answers: &mut [Answer],
    ) -> Result<(), Unavailable>;

    /// What [`QuotaStore::take`] would answer, with nothing taken and nothing owed charged.
    ///
    /// # Errors
    /// Without an answer within the budget.
    fn peek(
        &self,
        charges: &[Charge<'_>],
        budget: Duration,
        answers: &mut [Answer],
    ) -> Result<(), Unavailable>;

    /// Grants units of a rate or of a window, to be spent by the asking process.
    ///
    /// # Errors
    /// Without an answer within the budget.
    fn lease(&self, ask: &Ask<'_>, budget: Duration) -> Result<Grant, Unavailable>;

    /// Grants units later, to `sink`, exactly once: never waits.
    ///
    /// False, and no word to the sink, when the store takes no more questions now.
    fn lease_ahead(&self, ask: &Ask<'_>, sink: &Arc<dyn Grants>) -> bool;

    /// Tells the store something that needs no answer: never waits.
    ///
    /// Told at most once; what is lost on the way burns units until their window
    /// ends. False when the store takes no more notes now.
    fn post(&self, note: &Note<'_>) -> bool;

    /// Visits the live counters: of one limit, or of all. Not for decisions.
    ///
    /// # Errors
    /// When the store does not answer.
    fn list(&self, limit: Option<&str>, visit: &mut dyn FnMut(Counter)) -> Result<(), Unavailable>;

    /// Forgets counters, and says how many. Not for decisions.
    ///
    /// Units that processes hold of them stay theirs until their leases end.
    ///
    /// # Errors
    /// When the store does not answer.
    fn reset(&self, limit: &str, key: Option<CounterKey>) -> Result<u64, Unavailable>;
}

/// Where units go that were asked for [ahead](QuotaStore::lease_ahead).
pub trait Grants: Send + Sync {
    /// The store's answer to the question that `ask` was: units, or why there are none.
    fn granted(&self, ask: &Ask<'_>, answer: Result<Grant, Unavailable>);
}

/// Which counter of a limit: a keyed digest of the values that the limit counts by.
///
/// The values themselves, which may be personal data, never leave the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CounterKey(pub [u8; 16]);

impl CounterKey {
    /// The key of a limit's counter for these values.
    ///
    /// `values` is what tells counters of one limit apart, as bytes; the same in
    /// every process. The secret keeps who reads the store from guessing values.
    #[must_use]
    pub fn new(secret: &[u8], limit: &str, values: &[u8]) -> Self {
        let whole = crypto::digest([&b"gatelet counter"[..], secret, limit.as_bytes(), values]);
        let (half, _) = whole.split_at(16);
        Self(half.try_into().unwrap_or_default())
    }
}

impl fmt::Display for CounterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl core::str::FromStr for CounterKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let bytes = text.as_bytes();
        let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
        if bytes.len() != 32 || !bytes.iter().all(is_digit) {
            return Err(NotAKey);
        }
        u128::from_str_radix(text, 16)
            .map(|number| Self(number.to_be_bytes()))
            .map_err(|_| NotAKey)
    }
}

/// A text that is no [`CounterKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAKey;

impl fmt::Display for NotAKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key of a counter is 32 lower-case hexadecimal digits")
    }
}

impl std::error::Error for NotAKey {}

/// How a limit counts, as numbers.
///
/// Numbers are [such](Kind::is_countable) that a store which has only doubles, as
/// the scripts of Redis have, computes exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// GCRA: `units` in each period, `burst` of them at once.
    Rate {
        /// Units in one period, at least 1.
        units: u64,
        /// The period in microseconds, at least 1.
        period_us: u64,
        /// Most units at once, at least 1.
        burst: u64,
    },
    /// At most `limit` units in each window.
    Window {
        /// Units in one window.
        limit: u64,
        /// Where windows begin and end.
        window: Window,
    },
    /// At most `limit` units in any span of this length, looking back. Strict only.
    Sliding {
        /// Units in one span.
        limit: u64,
        /// Length of the span in milliseconds, at least 1.
        span_ms: u64,
        /// Every charge remembered, or two counters.
        exact: bool,
    },
    /// At most `limit` units in flight at once. Strict only.
    Concurrency {
        /// Units in flight.
        limit: u64,
        /// After how long a unit that nobody released is free again, in milliseconds, at least 1.
        lease_ms: u64,
    },
    /// At most `limit` distinct members in each window. Strict only; costs do not count.
    Distinct {
        /// Members in one window.
        limit: u64,
        /// Where windows begin and end.
        window: Window,
        /// Digest of the member that this request is.
        member: CounterKey,
    },
}

/// Most units of a rate's period, and of its burst, in a store.
pub const MAX_RATE_UNITS: u64 = 1 << 26;
/// Most units of any other limit in a store.
pub const MAX_UNITS: u64 = 1 << 48;
/// Longest period, window, span or lease of a limit in a store, in milliseconds: four years.
pub const MAX_PERIOD_MS: u64 = 1_461 * 86_400_000;

impl Kind {
    /// Whether units of this kind can be leased; if not, it is for strict limits alone.
    #[must_use]
    pub fn can_be_leased(&self) -> bool {
        matches!(self, Self::Rate { .. } | Self::Window { .. })
    }

    /// Whether every store can count this: if not, it is an error of the policy.
    #[must_use]
    pub fn is_countable(&self) -> bool {
        let length = 1..=MAX_PERIOD_MS;
        let window = |window: &Window| match window {
            Window::Fixed { length_ms, .. } | Window::FirstRequest { length_ms } => {
                length.contains(length_ms)
            }
            Window::Edges(edges) => edges.is_sorted_by(|one, next| one < next),
        };
        match self {
            Self::Rate {
                units,
                period_us,
                burst,
            } => {
                let tolerance =
                    u128::from(*burst) * u128::from(*period_us) / u128::from((*units).max(1));
                (1..=MAX_RATE_UNITS).contains(units)
                    && (1..=MAX_RATE_UNITS).contains(burst)
                    && (1..=MAX_PERIOD_MS * 1_000).contains(period_us)
                    && tolerance <= 1 << 50
            }
            Self::Window { limit, window: of }
            | Self::Distinct {
                limit, window: of, ..
            } => *limit <= MAX_UNITS && window(of),
            Self::Sliding { limit, span_ms, .. } => *limit <= MAX_UNITS && length.contains(span_ms),
            Self::Concurrency { limit, lease_ms } => {
                *limit <= MAX_UNITS && length.contains(lease_ms)
            }
        }
    }

    /// The most that one request can ever take: more never fits.
    #[must_use]
    pub fn most_at_once(&self) -> u64 {
        match *self {
            Self::Rate { burst, .. } => burst,
            Self::Window { limit, .. }
            | Self::Sliding { limit, .. }
            | Self::Concurrency { limit, .. }
            | Self::Distinct { limit, .. } => limit,
        }
    }
}

/// Where windows begin and end. Which one it is, the store's clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Window {
    /// Windows of one length, one after the other.
    Fixed {
        /// A time at which one begins, in milliseconds since 1970.
        anchor_ms: i64,
        /// Their length in milliseconds, at least 1.
        length_ms: u64,
    },
    /// The windows before, of and after the asking process' time: calendars are beyond a store.
    ///
    /// If the store's time is in none of them, it answers [`Unavailable::Clock`].
    Edges([i64; 4]),
    /// Begins with the first charge after the last one has ended.
    FirstRequest {
        /// Its length in milliseconds, at least 1.
        length_ms: u64,
    },
}

/// A cost of one counter.
#[derive(Clone, Copy, Debug)]
pub struct Charge<'a> {
    /// The limit's id.
    pub limit: &'a Arc<str>,
    /// Which of its counters.
    pub key: CounterKey,
    /// How it counts.
    pub kind: Kind,
    /// Units to take; 0 always fits, and takes nothing.
    pub cost: u64,
    /// Units admitted while the store was away: charged first, even if the limit has no room.
    pub owed: u64,
}

/// What a charge comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Whether the cost fits.
    pub fits: bool,
    /// Units left, after the charge if it was taken.
    pub remaining: u64,
    /// Until all units are there again, in milliseconds, rounded up.
    pub reset_ms: u64,
    /// When the cost does not fit: after how long it would if nobody else asked, in milliseconds, rounded up.
    pub retry_ms: u64,
    /// What [`Note::Settle`] finds the charge by: the beginning of its window by the store's clock, or a number of the
    /// store's own; 0 where it needs none.
    pub window: i64,
    /// What releases the units in flight ([`Note::Release`]); 0 for other kinds.
    pub hold: u64,
}

/// A question for units to spend later.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The counter. `cost` is the least that is of use: less is not granted.
    pub charge: Charge<'a>,
    /// The most that is wanted, at least the cost; a store grants less when little is left.
    pub units: u64,
    /// For how long units are wanted, in milliseconds: no lease is longer.
    pub hold_ms: u64,
    /// What the asking process knows the counter by; a store only hands it back.
    pub tag: u64,
    /// When the question was put, in nanoseconds of the asking process' monotonic clock; a store only hands it back.
    pub sent_ns: u64,
}

/// Units that one process alone may spend. They are charged already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// How many: none if the limit has not enough left.
    pub units: u64,
    /// Beginning of the window that they are of, by the store's clock; 0 for rates.
    pub window: i64,
    /// How long they may be spent, in milliseconds from when the question was put, never beyond the window's end.
    pub valid_ms: u64,
    /// What units are given back under: of this lease, or of all that this process has; 0 where they cannot be.
    pub lease: u64,
    /// Units left in the store.
    pub remaining: u64,
    /// Until all units are there again, in milliseconds, rounded up.
    pub reset_ms: u64,
    /// When nothing was granted: after how long the cost would fit, in milliseconds, rounded up.
    pub retry_ms: u64,
}

/// What a store is told.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Note<'a> {
    /// Units of a lease that will not be spent. Delivered twice it counts once.
    GiveBack {
        /// The limit's id.
        limit: &'a Arc<str>,
        /// Which of its counters.
        key: CounterKey,
        /// What they are given back under.
        lease: u64,
        /// The window that they were granted of; in another one nothing is taken back.
        window: i64,
        /// How many.
        units: u64,
    },
    /// The true cost of a charge: what is owed is added, what was too much is taken off if its window is still there.
    Settle {
        /// The counter, and what is owed; `cost` is what is given back.
        charge: Charge<'a>,
        /// The window that was charged.
        window: i64,
    },
    /// Units that are no longer in flight. Delivered twice it counts once.
    Release {
        /// The limit's id.
        limit: &'a Arc<str>,
        /// Which of its counters.
        key: CounterKey,
        /// The hold.
        hold: u64,
    },
}

/// A live counter of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// The limit's id.
    pub limit: String,
    /// Which of its counters.
    pub key: CounterKey,
    /// `rate`, `window`, `sliding`, `concurrency` or `distinct`.
    pub kind: &'static str,
    /// Units that are charged now.
    pub used: u64,
    /// Of these, units granted in leases that are not given back.
    pub leased: u64,
    /// The limit when it was last charged.
    pub of: u64,
    /// Until all units are there again, in milliseconds.
    pub reset_ms: u64,
}

/// Why a store did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unavailable {
    /// The budget was over before there was an answer.
    TimedOut,
    /// The connection broke after the question was sent.
    Lost,
    /// There is no connection to send it on.
    Unreachable,
    /// Everything that could send it is in use.
    Busy,
    /// The store takes no writes: a replica, or a server that lost its disk.
    ReadOnly,
    /// The store is still reading its data.
    Loading,
    /// The store's clock is in none of the windows that it was told of.
    Clock,
    /// The store refused: credentials, memory, a cluster's redirection, another value under this key.
    Refused,
    /// It was not asked, because it did not answer lately.
    Open,
    /// The store cannot count this kind, or not in such numbers.
    Unsupported,
}

impl Unavailable {
    /// Whether the question may have been applied all the same.
    #[must_use]
    pub fn may_be_applied(self) -> bool {
        matches!(self, Self::TimedOut | Self::Lost)
    }

    /// Whether it says that the store is down: what a question alone was refused for does not.
    #[must_use]
    pub fn is_down(self) -> bool {
        !matches!(self, Self::Clock | Self::Open | Self::Unsupported)
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "the store did not answer in time",
            Self::Lost => "the connection to the store broke before it answered",
            Self::Unreachable => "the store cannot be reached",
            Self::Busy => "every connection to the store is in use",
            Self::ReadOnly => "the store takes no writes",
            Self::Loading => "the store is still reading its data",
            Self::Clock => "the clocks of store and process are windows apart",
            Self::Refused => "the store refused",
            Self::Open => "the store did not answer lately, and is not asked for a while",
            Self::Unsupported => "the store cannot count this limit",
        })
    }
}

impl std::error::Error for Unavailable {}
