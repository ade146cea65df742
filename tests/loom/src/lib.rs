//! The cells of limits and the bounds of windows, in every order that two threads can take.
//!
//! Only with `--cfg loom` (`make test-loom`), which puts the model checker's
//! atomics into the very files that the core is built of.

#![cfg(all(loom, test))]
#![forbid(unsafe_code)]

#[path = "../../../core/src/quota/bounds.rs"]
mod bounds;
#[path = "../../../core/src/quota/sync.rs"]
mod sync;
#[allow(dead_code)]
#[path = "../../../core/src/quota/table.rs"]
mod table;

mod models;
