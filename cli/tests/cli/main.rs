//! The command line on the built binary, and the published schemas.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod check;
mod decide;
mod eval;
mod hostile;
mod identity;
mod schemas;
mod support;
