//! What Gatelet touches of the world: files and their watching, key sets over HTTP, secrets, shared counters.

#![forbid(unsafe_code)]

mod http;

pub use http::{Answer, Http, HttpError, HttpOptions, HttpOptionsError, Roots};
