//! Patterns of paths, hosts, text and addresses: built once, matched without allocation.
//!
//! | module | holds |
//! |---|---|
//! | [`path`] | the request path: refused or normalised, then split into segments |
//! | [`segments`] | where the segments of a path begin and end |
//! | [`scan`] | sixteen bytes of a path classified at a time |
//! | [`template`] | `/t/{tenant}/orders/{**}` and `GET /healthz`: templates of rules and routes |
//! | [`text`] | values: exact, `prefix*`, `*suffix`, `*` |
//! | [`action`] | `orders.*`, `*.read`, `a.**`: dotted action names |
//! | [`host`] | `Host` as compared, and `*.example.com:8443` |
//! | [`cidr`] | addresses, networks, and sets of networks |
//! | [`spiffe`] | SPIFFE IDs and patterns of workloads |
//!
//! A bridge module: load builds these, decide reads them, and it imports neither.

#![allow(dead_code, reason = "the planes on both sides of the bridge use these")]

pub(crate) mod action;
pub(crate) mod cidr;
mod error;
pub(crate) mod host;
pub(crate) mod path;
#[cfg(test)]
pub(crate) mod rng;
mod scan;
mod segments;
pub(crate) mod spiffe;
pub(crate) mod template;
pub(crate) mod text;

pub(crate) use error::PatternError;
