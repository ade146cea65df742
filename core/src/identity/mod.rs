//! Who is calling: credentials, what they say, and the memory of those that were verified.
//!
//! | module | what for |
//! |---|---|
//! | [`verified`] | what is known of a verified credential |
//! | [`table`] | a bounded table of such |
//! | [`cache`] | the table that all threads share, and what was refused |
//! | [`revocation`] | what was revoked |
//! | [`forwarded`] | certificates that a proxy forwards |
//! | [`certificate`] | which workload a certificate is of |

pub(crate) mod cache;
pub(crate) mod certificate;
pub(crate) mod forwarded;
pub(crate) mod revocation;
pub(crate) mod table;
pub(crate) mod verified;
