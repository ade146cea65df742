//! How much a caller may call: counters, and those that several processes share.

mod breaker;
mod charged;
mod lease;
mod shared;
mod store;

pub use charged::{Charged, Mode, OnDown, Outcome, Receipt, SharedLimit};
pub use lease::{Now, Part};
pub use shared::{MAX_STRICT, Shared, Strict};
pub use store::{
    Answer, Ask, Charge, Counter, CounterKey, Grant, Grants, Kind, MAX_PERIOD_MS, MAX_RATE_UNITS,
    MAX_UNITS, NotAKey, Note, QuotaStore, Unavailable, Window,
};
