//! What is wrong with a policy, where, and what to do about it.
