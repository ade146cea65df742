//! What a supervisor tells its host: as it happens, and when asked. Never what a key or a secret is.

use crate::outside::Unavailable;
use crate::policy_files::PolicyFilesError;
use gatelet::{FetchProblem, InstallError, KeyStatus, LoadError, Origin, SkippedKey};
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Another policy is in force.
    PolicyInstalled {
        /// Its digest.
        digest: String,
    },
    /// The files of the policy changed to what cannot be in force; the policy before stays.
    PolicyRefused(PolicyProblem),
    /// Keys or secrets that were read are in use.
    KeysInstalled {
        /// Where they were read.
        origin: Origin,
        /// Keys that are left out, or are suspicious.
        skipped: Vec<SkippedKey>,
    },
    /// Keys or a secret cannot be used; those before stay.
    KeysRefused(Unavailable),
    /// A fetched key set is in use.
    Fetched {
        /// Where it came from, without a query.
        url: String,
    },
    /// A fetch failed; the keys before stay until they are too old.
    FetchFailed {
        /// Where from, without a query.
        url: String,
        /// Why.
        problem: FetchProblem,
    },
}

/// Why a policy is not in force.
#[derive(Debug)]
#[non_exhaustive]
pub enum PolicyProblem {
    /// Its files cannot be read.
    Unreadable(PolicyFilesError),
    /// It does not load.
    Invalid(LoadError),
    /// What it needs is not there.
    Unavailable(Vec<Unavailable>),
    /// The engine does not take it.
    Refused(InstallError),
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(f),
            Self::Invalid(error) => error.fmt(f),
            Self::Unavailable(all) => {
                f.write_str("the policy needs what cannot be read:")?;
                all.iter().try_for_each(|one| write!(f, "\n  {one}"))
            }
            Self::Refused(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PolicyProblem {}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PolicyInstalled { digest } => write!(f, "policy {digest} is in force"),
            Self::PolicyRefused(problem) => write!(f, "the policy was not replaced: {problem}"),
            Self::KeysInstalled { origin, skipped } => {
                write!(f, "{origin} is in use")?;
                skipped
                    .iter()
                    .try_for_each(|key| write!(f, "\n  but {}", key.problem()))
            }
            Self::KeysRefused(unavailable) => write!(f, "not in use: {unavailable}"),
            Self::Fetched { url } => write!(f, "the key set of {url} is in use"),
            Self::FetchFailed { url, problem } => write!(f, "fetching {url} failed: {problem}"),
        }
    }
}

/// Something that is wrong, until it is put right.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trouble {
    /// What.
    pub problem: String,
    /// Since when.
    pub since: SystemTime,
}

/// How everything is.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Status {
    /// Why the files of the policy are not what is in force.
    pub policy: Option<Trouble>,
    /// Files and variables that cannot be used.
    pub keys: Vec<(Origin, Trouble)>,
    /// Why changes of files are not told as they happen, but found by looking.
    pub watch: Option<String>,
    /// Key sets that are fetched.
    pub remote: Vec<KeyStatus>,
}

/// The status as the thread last knew it, and a bell for those who wait for another.
#[derive(Debug, Default)]
pub(crate) struct Board {
    status: Mutex<Status>,
    changed: Condvar,
}

impl Board {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes who waits.
    pub(crate) fn ring(&self) {
        // Taken, so that nobody is between looking and waiting.
        drop(self.lock());
        self.changed.notify_all();
    }

    /// Waits until something is so, or the time is over; whether it is so.
    pub(crate) fn wait_until(&self, timeout: Duration, is_so: impl Fn() -> bool) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), timeout, |_| !is_so());
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Status {
    /// Whether nothing is wrong: every file is in force, and every key set that is fetched can be used.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.policy.is_none() && self.keys.is_empty() && are_usable(&self.remote)
    }
}

/// Whether all key sets that are fetched can be used.
pub(crate) fn are_usable(remote: &[KeyStatus]) -> bool {
    use gatelet::KeyAvailability::{Fresh, Stale};
    let mut all = remote.iter();
    all.all(|remote| matches!(remote.availability, Fresh | Stale))
}
