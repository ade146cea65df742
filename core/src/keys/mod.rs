//! Keys: what verifies a token, a key or an approval, and where it comes from.

pub(crate) mod algorithm;
pub(crate) mod api_keys;
pub(crate) mod origin;
