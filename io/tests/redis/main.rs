//! Counters in a real Redis, with real faults.

mod counting;
mod engine;
mod faults;
mod processes;
mod proxy;
mod server;
