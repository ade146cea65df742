//! What a policy is compiled into: built by the load plane, read by the decide plane.

pub(crate) mod vocabulary;
