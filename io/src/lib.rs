//! What Gatelet touches of the world: files and their watching, key sets over HTTP, secrets, shared counters.

#![forbid(unsafe_code)]

mod file;
mod http;
mod policy_files;
#[cfg(test)]
mod scratch;
mod watch;

pub use file::Unreadable;
pub use http::{Answer, Http, HttpError, HttpOptions, HttpOptionsError, Roots};
pub use policy_files::{PolicyFiles, PolicyFilesError, PolicyText};
