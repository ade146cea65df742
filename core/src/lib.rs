//! Gatelet: one in-process decision for every request.
#![forbid(unsafe_code)]

mod condition;
mod diagnostic;
pub mod limits;
mod pattern;
mod program;
mod text;
