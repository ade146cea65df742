//! How much a caller may call: counters, and those that several processes share.

mod store;

pub use store::{
    Answer, Ask, Charge, Counter, CounterKey, Grant, Grants, Kind, MAX_PERIOD_MS, MAX_RATE_UNITS,
    MAX_UNITS, NotAKey, Note, QuotaStore, Unavailable, Window,
};
