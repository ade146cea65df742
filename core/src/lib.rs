//! Gatelet: one in-process decision for every request.
#![forbid(unsafe_code)]

mod diagnostic;
pub mod limits;
mod pattern;
mod text;

pub use diagnostic::{Code, Diagnostic, LoadError, Related, Severity};
