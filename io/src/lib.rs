//! What Gatelet touches of the world: files and their watching, key sets over HTTP, secrets, shared counters.
//!
//! The engine itself reads no file and opens no connection. [`PolicyFiles`] reads a policy with
//! what it includes and needs; a [`Supervisor`] keeps an engine what its files, variables and
//! issuers say, on a thread of its own, until it is dropped. No async runtime is needed.
//!
//! ```no_run
//! use gatelet::EngineConfig;
//! use gatelet_io::{PolicyFiles, Supervisor, SupervisorOptions};
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! let files = PolicyFiles::new(["shop.yaml"]);
//! let engine = Arc::new(files.engine(EngineConfig::default())?);
//! let options = SupervisorOptions {
//!     policy: Some(files),
//!     observer: Some(Box::new(|event| eprintln!("gatelet: {event}"))),
//!     ..SupervisorOptions::default()
//! };
//! let supervisor = Supervisor::start(Arc::clone(&engine), options)?;
//! if !supervisor.wait_for_keys(Duration::from_secs(5)) {
//!     eprintln!("gatelet: not all keys are there yet");
//! }
//! // Share `engine` with all threads that decide.
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is kept
//!
//! A document that cannot be used never replaces one that can: a policy with an error, a key file
//! cut in half, an issuer's error page. The engine goes on with what it had, and the supervisor
//! says what is wrong ([`Event`], [`Status`]), never what a key or a secret is. Keys that are
//! fetched go out of use when they have been too old for too long; see [`gatelet::KeyRefresh`].
//!
//! # Files
//!
//! Files are found to have changed by looking at them, whenever something happened in a directory
//! that leads to them and from time to time besides. So it does not matter how they are
//! replaced: written, renamed into place, or swapped by a link, as secrets mounted by Kubernetes
//! are. What a policy names stands in the directory of the policy or below, links followed;
//! [`SupervisorOptions::allow`] names further directories that links may lead to.
//!
//! # HTTP
//!
//! Over `https` only, but for the addresses of this machine; without following redirects (the core
//! does, within one origin); at most 512 KiB; within [`gatelet::KeyRefresh::timeout_ms`]. TLS is
//! rustls with a provider of its own, never that of the process.
//!
//! # Shared limits
//!
//! [`RedisStore`] counts limits that several processes share; it is given to an engine by
//! [`gatelet::EngineConfig::with_store`]. A strict limit has a decision wait for the store: where an
//! event loop may not wait, [`Deciders`] decide on threads of their own.

#![forbid(unsafe_code)]

mod deciders;
mod file;
mod http;
mod keeper;
mod outside;
mod policy_files;
mod redis;
mod report;
#[cfg(test)]
mod scratch;
mod supervisor;
mod watch;
mod worker;

pub use deciders::{Deciders, QueueFull};
pub use file::FileError;
pub use http::{Answer, Http, HttpError, HttpOptions, HttpOptionsError, Roots};
pub use outside::Unavailable;
pub use policy_files::{PolicyFiles, PolicyFilesError, PolicyText};
pub use redis::{RedisOptions, RedisStore, RedisStoreError, StoreStatus, StoreUrlError};
pub use report::{Event, PolicyProblem, Status, Trouble};
pub use supervisor::{Observer, Supervisor, SupervisorError, SupervisorOptions};
