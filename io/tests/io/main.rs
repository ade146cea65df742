//! What touches the world, against a world of its own: servers on loopback, files in scratch directories.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod fetched;
mod files;
mod http;
mod reload;
#[path = "../../src/scratch.rs"]
mod scratch;
mod server;
mod signer;
mod stage;
