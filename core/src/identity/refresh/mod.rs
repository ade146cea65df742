//! When key sets are fetched, and how long they count: sans-I/O, the host fetches.
//!
//! Every source of keys (a URL, or an issuer's discovery document) is a state
//! machine of its own. The host asks [`KeyStates::wanted`] what to fetch, hands
//! back what came ([`KeyStates::finished`]), and asks again at
//! [`KeyStates::next_wake`]. Decisions read [`RemoteKeys::is_usable`], one atomic
//! load, and lock a source only when a token names a key that the set does not
//! hold.

mod discovery;
mod fetch;
mod freshness;
mod state;
#[cfg(test)]
mod tests;
mod unknown;

pub use fetch::{Fetch, FetchKind, FetchProblem, Fetched};

use crate::crypto;
use crate::url::Url;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use fetch::{Answer, judge};
use state::{Rules, State};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How key sets that are fetched stay fresh. Durations are in milliseconds, of the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRefresh {
    /// Shortest time from the beginning of one attempt to the next, whatever came of it (10 s).
    pub cooldown_ms: u64,
    /// Longest time between two attempts that fail: it doubles from the cooldown up to here (5 min).
    pub max_backoff_ms: u64,
    /// How long one request may take altogether (10 s).
    pub timeout_ms: u64,
    /// Shortest time to live that an answer can ask for (60 s).
    pub min_ttl_ms: u64,
    /// Longest time to live that an answer can ask for (24 h).
    pub max_ttl_ms: u64,
    /// Time to live of an answer that asks for none (10 min).
    pub default_ttl_ms: u64,
    /// How long a key set is used beyond its time to live, while attempts fail (24 h): then tokens are refused.
    pub max_stale_ms: u64,
    /// How long a key id counts as unknown after an attempt that did not bring it (60 s).
    pub unknown_ttl_ms: u64,
}

impl Default for KeyRefresh {
    fn default() -> Self {
        const SECOND: u64 = 1_000;
        const HOUR: u64 = 3_600 * SECOND;
        Self {
            cooldown_ms: 10 * SECOND,
            max_backoff_ms: 300 * SECOND,
            timeout_ms: 10 * SECOND,
            min_ttl_ms: 60 * SECOND,
            max_ttl_ms: 24 * HOUR,
            default_ttl_ms: 600 * SECOND,
            max_stale_ms: 24 * HOUR,
            unknown_ttl_ms: 60 * SECOND,
        }
    }
}

impl KeyRefresh {
    fn time_to_live(&self, asked_ms: Option<u64>) -> u64 {
        asked_ms
            .unwrap_or(self.default_ttl_ms)
            .min(self.max_ttl_ms)
            .max(self.min_ttl_ms)
    }
}

/// Where keys come from over the network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Remote {
    /// The URL of a key set.
    Url(Box<str>),
    /// An issuer whose discovery document says where.
    Discovery(Box<str>),
}

/// What a token is told whose key is not in the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnknownKey {
    /// An attempt that may bring it is under way: `identity_unavailable`.
    UnderWay,
    /// It is not there: `unknown_key`.
    Unknown,
}

/// What came of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchProgress {
    /// The key set is in use.
    Installed,
    /// Something else has to be fetched first: ask what.
    GoesOn,
    /// Nobody waited for it any more.
    Late,
}

/// What one source of keys is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyAvailability {
    /// Nothing has come yet: tokens answer `identity_unavailable`.
    Missing,
    /// Within its time to live.
    Fresh,
    /// Beyond it, used all the same until attempts have failed for too long.
    Stale,
    /// Too old to be used: tokens answer `identity_unavailable`.
    Expired,
}

/// How one source of keys is doing, for people and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyStatus {
    /// Its URL, or its issuer, without a query.
    pub source: String,
    /// What its keys are worth.
    pub availability: KeyAvailability,
    /// Whether an attempt is under way.
    pub is_under_way: bool,
    /// In how many milliseconds the next step is due.
    pub next_in_ms: u64,
    /// Attempts that failed since the last that did not.
    pub failures: u32,
    /// For how many milliseconds they have been failing.
    pub failing_for_ms: u64,
    /// Why the latest failed.
    pub problem: Option<FetchProblem>,
}

/// One source of keys; a snapshot holds those of its issuers.
#[derive(Debug)]
pub(crate) struct RemoteKeys {
    remote: Remote,
    /// The monotonic millisecond at which its keys are too old; 0 before there are any.
    unusable_at: AtomicU64,
    rules: Rules,
    state: Mutex<State>,
}

/// All sources of one engine.
pub(crate) struct KeyStates {
    refresh: KeyRefresh,
    seed: u64,
    sources: Mutex<Vec<Arc<RemoteKeys>>>,
    requests: AtomicU64,
    /// Whether anybody fetches at all.
    is_driven: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// Called when a fetch is wanted before the time that [`KeyStates::next_wake`] has named.
pub(crate) type Waker = Arc<dyn Fn() + Send + Sync>;

impl fmt::Debug for KeyStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStates")
            .field("refresh", &self.refresh)
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}

impl KeyStates {
    /// `seed` spreads the attempts of engines that start together.
    pub(crate) fn new(refresh: KeyRefresh, seed: u64) -> Self {
        Self {
            refresh,
            seed,
            sources: Mutex::default(),
            requests: AtomicU64::new(0),
            is_driven: AtomicBool::new(false),
            waker: Mutex::default(),
        }
    }

    /// The sources of a policy, in its order; those that are known already keep their state.
    ///
    /// What is not named is forgotten. Two issuers with one source share it.
    pub(crate) fn follow(&self, remotes: impl IntoIterator<Item = Remote>) -> Vec<Arc<RemoteKeys>> {
        let mut sources = lock(&self.sources);
        let mut followed: Vec<Arc<RemoteKeys>> = Vec::new();
        let mut is_new = false;
        let answer = remotes
            .into_iter()
            .map(|remote| {
                let mut known = followed.iter().chain(sources.iter());
                let source = known
                    .find(|source| source.remote == remote)
                    .cloned()
                    .unwrap_or_else(|| {
                        is_new = true;
                        Arc::new(RemoteKeys::new(remote, self.refresh, self.seed))
                    });
                if !followed.iter().any(|other| Arc::ptr_eq(other, &source)) {
                    followed.push(Arc::clone(&source));
                }
                source
            })
            .collect();
        *sources = followed;
        drop(sources);
        if is_new {
            self.wake();
        }
        answer
    }

    /// Who is to be told when a fetch is wanted earlier than [`KeyStates::next_wake`] said.
    pub(crate) fn set_waker(&self, waker: Option<Waker>) {
        *lock(&self.waker) = waker;
    }

    /// What to fetch now; each counts as under way until it is handed back, or its time is over.
    pub(crate) fn wanted(&self, now_ms: u64) -> Vec<Fetch> {
        self.is_driven.store(true, Ordering::Relaxed);
        let number = || self.requests.fetch_add(1, Ordering::Relaxed);
        self.followed()
            .iter()
            .filter_map(|source| {
                source
                    .lock()
                    .take(now_ms, &source.remote, &source.rules, number)
            })
            .collect()
    }

    /// Takes what came of a fetch: the answer, or why there is none.
    ///
    /// `install` reads a key set and puts it in force, or says why it cannot be: then the one before stays.
    pub(crate) fn finished<E: fmt::Display>(
        &self,
        fetch: Fetch,
        outcome: Result<Fetched<'_>, &str>,
        now_ms: u64,
        install: impl FnOnce(&Remote, &[u8]) -> Result<(), E>,
    ) -> Result<FetchProgress, FetchProblem> {
        let sources = self.followed();
        let Some(source) = sources.iter().find(|source| source.expects(&fetch, now_ms)) else {
            return Ok(FetchProgress::Late);
        };
        let answer = outcome
            .map_err(|why| FetchProblem::Unreachable(why.to_owned()))
            .and_then(|fetched| judge(&fetch.step, &fetched))
            .and_then(|(answer, ttl)| {
                // Read without the lock: others may ask meanwhile.
                if let Answer::Document(document) = answer {
                    install(&source.remote, document)
                        .map_err(|why| FetchProblem::BadKeySet(why.to_string()))?;
                }
                Ok((answer, ttl))
            });
        let mut state = source.lock();
        if !state.waits_for(fetch.id) {
            return Ok(FetchProgress::Late);
        }
        match answer {
            Ok((Answer::Next(step), ttl)) => {
                state.go_on(now_ms, step, ttl, &source.rules);
                Ok(FetchProgress::GoesOn)
            }
            Ok((Answer::Document(_), ttl)) => {
                let until = state.succeed(now_ms, ttl, &source.rules);
                source.unusable_at.store(until, Ordering::Release);
                Ok(FetchProgress::Installed)
            }
            Err(problem) => {
                state.fail(now_ms, problem.clone(), &source.rules);
                Err(problem)
            }
        }
    }

    /// When [`KeyStates::wanted`] is to be asked next; never without sources.
    pub(crate) fn next_wake(&self) -> Option<u64> {
        self.followed()
            .iter()
            .map(|source| source.lock().next_wake())
            .min()
    }

    /// A token names a key that the set in use does not hold.
    pub(crate) fn unknown_key(
        &self,
        source: &RemoteKeys,
        key_id: &[u8],
        now_ms: u64,
    ) -> UnknownKey {
        if !self.is_driven.load(Ordering::Relaxed) {
            return UnknownKey::Unknown;
        }
        let id = crypto::digest([key_id]);
        let (answer, wakes) = source.lock().unknown_key(now_ms, id, &source.rules);
        if wakes {
            self.wake();
        }
        answer
    }

    /// How every source is doing.
    pub(crate) fn status(&self, now_ms: u64) -> Vec<KeyStatus> {
        self.followed()
            .iter()
            .map(|source| source.status(now_ms))
            .collect()
    }

    fn followed(&self) -> Vec<Arc<RemoteKeys>> {
        lock(&self.sources).clone()
    }

    /// Without holding any other lock: a waker may ask back.
    fn wake(&self) {
        let waker = lock(&self.waker).clone();
        if let Some(waker) = waker {
            waker();
        }
    }
}

impl RemoteKeys {
    fn new(remote: Remote, refresh: KeyRefresh, seed: u64) -> Self {
        let (Remote::Url(text) | Remote::Discovery(text)) = &remote;
        let own = crypto::digest([text.as_bytes()]);
        let own = own
            .first_chunk()
            .map_or(0, |head| u64::from_le_bytes(*head));
        Self {
            remote,
            unusable_at: AtomicU64::new(0),
            rules: Rules {
                refresh,
                seed: seed ^ own,
            },
            state: Mutex::default(),
        }
    }

    /// Whether there are keys, and not too old ones. One atomic load.
    #[inline]
    pub(crate) fn is_usable(&self, now_ms: u64) -> bool {
        now_ms < self.unusable_at.load(Ordering::Acquire)
    }

    /// The host brought keys by itself: they do not age, until a fetch brings others.
    pub(crate) fn supplied(&self) {
        self.unusable_at.store(u64::MAX, Ordering::Release);
    }

    /// Whether this answer is waited for; from now on it cannot be too late.
    fn expects(&self, fetch: &Fetch, now_ms: u64) -> bool {
        let mut state = self.lock();
        let is_expected = state.waits_for(fetch.id);
        if is_expected {
            state.arrive(now_ms, &self.rules);
        }
        is_expected
    }

    fn status(&self, now_ms: u64) -> KeyStatus {
        let unusable_at = self.unusable_at.load(Ordering::Acquire);
        let state = self.lock();
        let is_fresh = state.fresh_until().is_none_or(|until| now_ms < until);
        let availability = match unusable_at {
            0 => KeyAvailability::Missing,
            at if at <= now_ms => KeyAvailability::Expired,
            _ if is_fresh => KeyAvailability::Fresh,
            _ => KeyAvailability::Stale,
        };
        let (Remote::Url(text) | Remote::Discovery(text)) = &self.remote;
        let trouble = state.trouble();
        KeyStatus {
            source: Url::read(text).map_or("", |url| url.shown()).to_owned(),
            availability,
            is_under_way: state.is_under_way(),
            next_in_ms: state.next_wake().saturating_sub(now_ms),
            failures: trouble.map_or(0, |trouble| trouble.failures),
            failing_for_ms: trouble.map_or(0, |trouble| now_ms.saturating_sub(trouble.since)),
            problem: trouble.map(|trouble| trouble.problem.clone()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
