//! Shared by the tests of Gatelet: the case format, a runner, a reference interpreter.

pub mod alloc;
pub mod case;
pub mod mint;
pub mod model;
pub mod prng;
pub mod run;
pub mod source;
