//! Who is calling: credentials, what they say, and the memory of those that were verified.
//!
//! | module | what for |
//! |---|---|
//! | [`verified`] | what is known of a verified credential |

pub(crate) mod verified;
