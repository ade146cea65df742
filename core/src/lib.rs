//! Gatelet: one in-process decision for every request.
#![forbid(unsafe_code)]

mod decision;
mod diagnostic;
mod dialect;
pub mod limits;
mod pattern;
mod program;
mod rule;
mod text;

pub use diagnostic::{Code, Diagnostic, LoadError, Related, Severity};
