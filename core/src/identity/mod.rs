//! Who is calling: credentials, what they say, and the memory of those that were verified.
//!
//! | module | what for |
//! |---|---|
//! | [`jws`], [`jwt`] | tokens in their compact form, opened and verified |
//! | [`rules`], [`claims`] | what a token has to say, and what it says |
//! | [`refresh`] | when key sets are fetched, and how long they count |
//! | [`principal`] | from claims to a principal |
//! | [`api_key`], [`approval`] | API keys, approvals |
//! | [`keyring`], [`check`] | the keys of a policy, and checking a credential by them |
//! | [`refusal`] | why a credential is refused |
//! | [`store`] | what hosts hand over for policies |
//! | [`verified`] | what is known of a verified credential |
//! | [`table`] | a bounded table of such |
//! | [`cache`] | the table that all threads share, and what was refused |
//! | [`revocation`] | what was revoked |
//! | [`forwarded`] | certificates that a proxy forwards |
//! | [`certificate`] | which workload a certificate is of |

pub(crate) mod api_key;
pub(crate) mod approval;
pub(crate) mod cache;
pub(crate) mod certificate;
pub(crate) mod check;
pub(crate) mod claims;
pub(crate) mod forwarded;
pub(crate) mod jws;
pub(crate) mod jwt;
pub(crate) mod keyring;
pub(crate) mod principal;
pub(crate) mod refresh;
pub(crate) mod refusal;
pub(crate) mod revocation;
pub(crate) mod rules;
pub(crate) mod store;
pub(crate) mod table;
pub(crate) mod verified;

#[cfg(test)]
mod tests;
