//! Who is calling: tokens, their signatures and claims.

pub(crate) mod claims;
pub(crate) mod jws;
pub(crate) mod jwt;
pub(crate) mod refusal;
pub(crate) mod rules;

#[cfg(test)]
mod tests;
