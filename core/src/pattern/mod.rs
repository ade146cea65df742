//! Patterns of paths, hosts, text and addresses: built once, matched without allocation.
//!
//! | module | holds |
//! |---|---|
//! | [`path`] | the request path: refused or normalised, then split into segments |
//! | [`segments`] | where the segments of a path begin and end |
//! | [`scan`] | sixteen bytes of a path classified at a time |
//!
//! A bridge module: load builds these, decide reads them, and it imports neither.

#![allow(dead_code, reason = "the planes on both sides of the bridge use these")]

mod error;
pub(crate) mod path;
#[cfg(test)]
mod rng;
mod scan;
mod segments;

pub(crate) use error::PatternError;
