//! Identity in decisions: what the memory of credentials has to keep to.

mod cache;
mod mint;
