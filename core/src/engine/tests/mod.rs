//! Identity in decisions: what the memory of credentials has to keep to.

mod bounds;
mod cache;
mod mint;
