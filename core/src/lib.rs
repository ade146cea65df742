//! Gatelet: one in-process decision for every request.
#![forbid(unsafe_code)]

mod diagnostic;
pub mod limits;
mod pattern;
mod program;
mod text;
