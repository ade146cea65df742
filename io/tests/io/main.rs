//! What touches the world, against a world of its own: servers on loopback, files in scratch directories.

mod http;
mod server;
