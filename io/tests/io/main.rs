//! What touches the world, against a world of its own: servers on loopback, files in scratch directories.

mod fetched;
mod files;
mod http;
mod reload;
#[path = "../../src/scratch.rs"]
mod scratch;
mod server;
mod signer;
mod stage;
