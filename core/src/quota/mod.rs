//! How much a caller may call: counters, and those that several processes share.

pub mod store;
