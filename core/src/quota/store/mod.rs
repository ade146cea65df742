//! Counters that several processes share: what a store is asked, and one process' side of it.
//!
//! The core does no I/O: whoever embeds it brings a [`QuotaStore`]. A [`Shared`]
//! puts the questions, holds what was leased, and knows what counts while the
//! store is away. Time is passed in.

mod breaker;
mod charged;
mod lease;
mod question;
mod shared;
#[cfg(test)]
mod simulation;

pub use charged::{Charged, Mode, OnDown, Outcome, Receipt, SharedLimit};
pub use lease::{Now, Part};
pub use question::{
    Answer, Ask, Charge, Counter, CounterKey, Grant, Grants, Kind, MAX_PERIOD_MS, MAX_RATE_UNITS,
    MAX_UNITS, NotAKey, Note, QuotaStore, Unavailable, Window,
};
pub use shared::{MAX_STRICT, Shared, Strict};
