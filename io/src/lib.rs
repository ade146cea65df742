//! What Gatelet touches of the world: files and their watching, key sets over HTTP, secrets, shared counters.

#![forbid(unsafe_code)]

mod deciders;
mod redis;

pub use deciders::{Deciders, QueueFull};
pub use redis::{RedisOptions, RedisStore, RedisStoreError, Status, StoreUrlError};
