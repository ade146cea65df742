//! What the load plane builds and the decide plane reads: predicates and their evaluator.

pub(crate) mod condition;
