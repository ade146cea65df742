//! The keys in force, for who wants to know why a token is refused.

use super::Engine;
use crate::keys::KeySet;
use std::sync::Arc;

impl Engine {
    /// The key sets of the policy's issuers, in the order of
    /// [`token::Rules::of_policy`](crate::token::Rules::of_policy): what
    /// [`token::inspect`](crate::token::inspect) needs. `None` for a set that was not fetched yet.
    pub fn key_sets(&self) -> Vec<Option<Arc<KeySet>>> {
        let keyring = self.installed.snapshot().keyring;
        let issuers = keyring.issuers.iter();
        issuers.map(|signers| signers.keys.clone()).collect()
    }
}
