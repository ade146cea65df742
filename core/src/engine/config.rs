//! How an engine works, apart from its policy.

use crate::clock::{Clock, SystemClock};
use crate::crypto::AwsLc;
use crate::identity::cache::TokenCache;
use crate::identity::refresh::KeyRefresh;
use crate::identity::store::Keys;
use crate::keys::verifier::SignatureVerifier;
use core::fmt;
use std::sync::Arc;

/// How an engine works, apart from its policy.
#[derive(Clone)]
pub struct EngineConfig {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) replay: bool,
    pub(super) keys: Keys,
    pub(super) token_cache: TokenCache,
    pub(super) key_refresh: KeyRefresh,
    pub(super) verifier: Arc<dyn SignatureVerifier>,
}

impl Default for EngineConfig {
    /// Decides by the machine's clock, and verifies with what is built in.
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            replay: false,
            keys: Keys::new(),
            token_cache: TokenCache::default(),
            key_refresh: KeyRefresh::default(),
            verifier: Arc::new(AwsLc),
        }
    }
}

impl EngineConfig {
    /// Decides by the time that each request brings in `at`, never below the highest seen.
    ///
    /// A request without `at` is decided at the highest time seen, and before any at the clock's.
    #[must_use]
    pub fn replay() -> Self {
        Self {
            replay: true,
            ..Self::default()
        }
    }

    /// Decides by another clock than the machine's.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// With what the policy needs from outside; see [`Policy::needs`](crate::Policy::needs).
    #[must_use]
    pub fn with_keys(self, keys: Keys) -> Self {
        Self { keys, ..self }
    }

    /// Remembers another number of verified credentials, or remembers them in another way.
    #[must_use]
    pub fn with_token_cache(self, token_cache: TokenCache) -> Self {
        Self {
            token_cache,
            ..self
        }
    }

    /// Keeps fetched key sets fresh at another pace.
    #[must_use]
    pub fn with_key_refresh(self, key_refresh: KeyRefresh) -> Self {
        Self {
            key_refresh,
            ..self
        }
    }

    /// Checks signatures with something else than what is built in.
    #[must_use]
    pub fn with_verifier(self, verifier: Arc<dyn SignatureVerifier>) -> Self {
        Self { verifier, ..self }
    }
}

impl fmt::Debug for EngineConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConfig")
            .field("replay", &self.replay)
            .field("keys", &self.keys)
            .field("token_cache", &self.token_cache)
            .field("key_refresh", &self.key_refresh)
            .finish_non_exhaustive()
    }
}
