//! Gatelet: one in-process decision for every request.
#![forbid(unsafe_code)]

mod diagnostic;
pub mod limits;
mod pattern;
mod request;
mod request_json;
mod text;

pub use diagnostic::{Code, Diagnostic, LoadError, Related, Severity};
pub use request::{Attribute, Charge, Header, Principal, Request, Resource, Value};
pub use request_json::{RequestBuf, RequestError, RequestView};
