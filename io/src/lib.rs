//! What Gatelet touches of the world: files and their watching, key sets over HTTP, secrets, shared counters.

#![forbid(unsafe_code)]

mod file;
mod http;
mod keeper;
mod outside;
mod policy_files;
mod report;
#[cfg(test)]
mod scratch;
mod supervisor;
mod watch;
mod worker;

pub use file::FileError;
pub use http::{Answer, Http, HttpError, HttpOptions, HttpOptionsError, Roots};
pub use outside::Unavailable;
pub use policy_files::{PolicyFiles, PolicyFilesError, PolicyText};
pub use report::{Event, PolicyProblem, Status, Trouble};
pub use supervisor::{Observer, Supervisor, SupervisorError, SupervisorOptions};
