//! How an engine works, apart from its policy.

use crate::clock::{Clock, SystemClock};
use crate::crypto::AwsLc;
use crate::identity::cache::TokenCache;
use crate::identity::refresh::KeyRefresh;
use crate::identity::store::Keys;
use crate::keys::verifier::SignatureVerifier;
use crate::quota::store::QuotaStore;
use core::fmt;
use std::sync::Arc;

/// How an engine works, apart from its policy.
#[derive(Clone)]
pub struct EngineConfig {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) replay: bool,
    pub(super) processes: u32,
    pub(super) store: Option<Arc<dyn QuotaStore>>,
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
            processes: 1,
            store: None,
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

    /// Counts limits that say so in a store, together with other processes.
    ///
    /// Without one, a policy with such a limit is not installed, unless the engine is
    /// in replay: then there are no other processes, and it is counted here.
    #[must_use]
    pub fn with_store(self, store: Arc<dyn QuotaStore>) -> Self {
        Self {
            store: Some(store),
            ..self
        }
    }

    /// Divides limits that are counted in the process among so many, as a host that forks has; 1 by default.
    ///
    /// Each process gives out its part, rounded down, so that all together give out
    /// no more than the limit. A policy with a limit that leaves a process nothing is
    /// not installed.
    #[must_use]
    pub fn with_processes(self, processes: u32) -> Self {
        Self { processes, ..self }
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
            .field("processes", &self.processes)
            .field("store", &self.store.is_some())
            .field("keys", &self.keys)
            .field("token_cache", &self.token_cache)
            .field("key_refresh", &self.key_refresh)
            .finish_non_exhaustive()
    }
}
