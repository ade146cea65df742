//! Counters in a real Redis, with real faults.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod counting;
mod engine;
mod faults;
mod processes;
mod proxy;
mod server;
