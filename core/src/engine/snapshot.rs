//! What is in force: a policy, its keys and what is revoked, put in place of each other as one.

use super::charge::counters::CounterSet;
use super::{Engine, Scratch};
use crate::identity::keyring::Keyring;
use crate::identity::refresh::{Fetch, FetchProblem, FetchProgress, Fetched, KeyStatus, Remote};
use crate::identity::revocation::{Revocation, Revocations, Revoked};
use crate::identity::store::{Assembly, KeyReport, Keys};
use crate::install::InstallError;
use crate::keys::origin::Need;
use crate::policy::Policy;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What decisions are made by. Whoever has it decides by all of it or by none.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    /// Of the installation; no other of any engine has it.
    pub(super) number: u64,
    pub(super) policy: Arc<Policy>,
    pub(super) keyring: Arc<Keyring>,
    pub(super) revocations: Arc<Revocations>,
    pub(super) counters: Arc<CounterSet>,
}

/// Numbers installations, of all engines.
pub(super) static INSTALLATIONS: AtomicU64 = AtomicU64::new(1);

/// The snapshot in force.
pub(super) struct Installed {
    current: AtomicU64,
    snapshot: Mutex<Snapshot>,
}

impl Installed {
    pub(super) fn new(policy: Policy, keyring: Keyring, counters: CounterSet) -> Self {
        let number = INSTALLATIONS.fetch_add(1, Ordering::Relaxed);
        Self {
            current: AtomicU64::new(number),
            snapshot: Mutex::new(Snapshot {
                number,
                policy: Arc::new(policy),
                keyring: Arc::new(keyring),
                revocations: Arc::default(),
                counters: Arc::new(counters),
            }),
        }
    }

    /// The number of the installation in force.
    #[inline]
    pub(super) fn number(&self) -> u64 {
        self.current.load(Ordering::Acquire)
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        lock(&self.snapshot).clone()
    }

    /// Puts another snapshot in force, for every decision that begins after this returns.
    fn replace(&self, snapshot: Snapshot) {
        let number = INSTALLATIONS.fetch_add(1, Ordering::Relaxed);
        let before = {
            let mut installed = lock(&self.snapshot);
            let before = core::mem::replace(&mut *installed, Snapshot { number, ..snapshot });
            self.current.store(number, Ordering::Release);
            before
        };
        // Freed outside the lock: a large policy takes its time.
        drop(before);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is in force and what it comes from; one change at a time.
impl Engine {
    /// Puts another policy in force, for every decision that begins after this returns.
    ///
    /// Decisions that are under way end by the policy that they began with. Counters
    /// of limits that stay the same in id, kind, key and period are kept.
    ///
    /// # Errors
    /// What the policy needs from outside is missing; the one in force stays. See [`InstallError`].
    pub fn install(&self, policy: Policy) -> Result<(), InstallError> {
        self.change(Some(Arc::new(policy)), &Keys::new())
            .map(|_| ())
    }

    /// Puts keys in force, each in the place of what was at its origin.
    ///
    /// They may come before the policy that needs them. What was verified by a key that is gone is
    /// verified again.
    ///
    /// # Errors
    /// A document that the policy needs cannot be read: then all stay as they were. See [`InstallError`].
    pub fn install_keys(&self, keys: Keys) -> Result<KeyReport, InstallError> {
        self.change(None, &keys)
    }

    fn change(&self, policy: Option<Arc<Policy>>, keys: &Keys) -> Result<KeyReport, InstallError> {
        let mut held = lock(&self.store);
        let mut snapshot = self.installed.snapshot();
        if let Some(policy) = policy {
            snapshot.policy = policy;
        }
        let mut store = held.clone();
        store.merge(keys);
        let assembly = Assembly::new(&mut store, &snapshot.policy, &*self.verifier);
        let assembled = assembly.assemble()?;
        let limits = &snapshot.policy.program.limits;
        let (before, shared) = (&snapshot.counters, self.shared.as_ref());
        let now = self.time.current();
        let counters = CounterSet::build(limits, before, self.making, shared, now)?;
        let (keyring, report) = assembled.follow(&self.states, keys);
        snapshot.keyring = Arc::new(keyring);
        snapshot.counters = Arc::new(counters);
        *held = store;
        self.installed.replace(snapshot);
        self.prepare_tickets();
        Ok(report)
    }

    /// The policy in force.
    pub fn policy(&self) -> Arc<Policy> {
        self.installed.snapshot().policy
    }

    /// What the policy in force needs from outside; see [`Policy::needs`].
    pub fn needs(&self) -> Vec<Need> {
        self.policy().needs().to_vec()
    }

    /// Revokes a credential, or many at once, for every decision that begins after this returns.
    ///
    /// At most [`MAX_REVOCATIONS`](crate::MAX_REVOCATIONS) single tokens and subjects are kept;
    /// where there is no room for one more, more is revoked than was asked for, never less.
    pub fn revoke(&self, revocation: Revocation) -> Revoked {
        let now = self.time.wall_ms(None);
        self.revoking(|revocations| revocations.add(revocation, now))
    }

    /// Takes a revocation back; whether there was one.
    pub fn restore(&self, revocation: &Revocation) -> bool {
        self.revoking(|revocations| revocations.remove(revocation))
    }

    /// All that is revoked, in order.
    pub fn revocations(&self) -> Vec<Revocation> {
        self.installed.snapshot().revocations.list()
    }

    fn revoking<T>(&self, change: impl FnOnce(&mut Revocations) -> T) -> T {
        let _one_at_a_time = lock(&self.store);
        let mut snapshot = self.installed.snapshot();
        let outcome = change(Arc::make_mut(&mut snapshot.revocations));
        self.installed.replace(snapshot);
        outcome
    }

    /// Puts other counters in the place of those in force.
    pub(super) fn recounted<T, E>(
        &self,
        recount: impl FnOnce(&CounterSet) -> Result<(CounterSet, T), E>,
    ) -> Result<T, E> {
        let _one_at_a_time = lock(&self.store);
        let mut snapshot = self.installed.snapshot();
        let (counters, told) = recount(&snapshot.counters)?;
        snapshot.counters = Arc::new(counters);
        self.installed.replace(snapshot);
        Ok(told)
    }

    /// What is to be fetched now. Each counts as under way until [`Engine::fetched`] is told of it,
    /// or its time is over. Hosts that ask drive the refresh: ask again when it is time.
    pub fn fetches(&self) -> Vec<Fetch> {
        self.states.wanted(self.time.monotonic_ms())
    }

    /// In how many milliseconds [`Engine::fetches`] is to be asked next; `None` while nothing is ever fetched.
    pub fn next_fetch_in_ms(&self) -> Option<u64> {
        let next = self.states.next_wake()?;
        Some(next.saturating_sub(self.time.monotonic_ms()))
    }

    /// Calls `wake` when something is to be fetched earlier than [`Engine::next_fetch_in_ms`] said.
    /// It may ask for fetches, and must not install anything itself.
    pub fn on_fetch(&self, wake: Option<Arc<dyn Fn() + Send + Sync>>) {
        self.states.set_waker(wake);
    }

    /// Takes what came of a fetch: the answer, or why there is none. A key set is put in force.
    ///
    /// # Errors
    /// The answer is of no use; what is in force stays, and the fetch is tried again later.
    pub fn fetched(
        &self,
        fetch: Fetch,
        outcome: Result<Fetched<'_>, &str>,
    ) -> Result<FetchProgress, FetchProblem> {
        let now = self.time.monotonic_ms();
        self.states
            .finished(fetch, outcome, now, |remote, document| {
                self.install_fetched(remote, document)
            })
    }

    fn install_fetched(&self, remote: &Remote, document: &[u8]) -> Result<(), String> {
        let mut held = lock(&self.store);
        let mut snapshot = self.installed.snapshot();
        let mut store = held.clone();
        store.put(remote.origin(), document);
        let assembly = Assembly::new(&mut store, &snapshot.policy, &*self.verifier);
        let assembled = assembly.assemble().map_err(|error| error.to_string())?;
        if !store.has_keys(&remote.origin()) {
            return Err("it has no key that can be used".to_owned());
        }
        let (keyring, _) = assembled.follow(&self.states, &Keys::new());
        snapshot.keyring = Arc::new(keyring);
        *held = store;
        self.installed.replace(snapshot);
        Ok(())
    }

    /// How the sources of fetched keys are doing.
    pub fn key_status(&self) -> Vec<KeyStatus> {
        self.states.status(self.time.monotonic_ms())
    }

    /// Makes `scratch` decide by what is in force.
    #[inline]
    pub(super) fn pin(&self, scratch: &mut Scratch) {
        if scratch.snapshot.number != self.installed.number() {
            self.pin_anew(scratch);
        }
    }

    #[cold]
    #[inline(never)]
    fn pin_anew(&self, scratch: &mut Scratch) {
        let snapshot = self.installed.snapshot();
        if Arc::ptr_eq(&snapshot.policy, &scratch.snapshot.policy) && scratch.engine == self.number
        {
            scratch.snapshot = snapshot;
            let Scratch {
                snapshot, local, ..
            } = scratch;
            local
                .memory
                .retain(&self.desk(snapshot, &|| self.time.monotonic_ms()));
        } else {
            *scratch = Scratch::new(snapshot, &self.cache, self.number);
        }
    }
}

impl core::fmt::Debug for Installed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Installed")
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}
