//! The decide plane: from a request to a decision, allocating nothing and unable to fail.
//!
//! [`Engine::decide`] is the front door; each step it names is a module beside this one.

mod answer;
mod approvals;
mod authorize;
mod bind;
mod condition;
mod config;
mod credentials;
mod explain;
mod identify;
mod inspect;
mod local;
mod moment;
mod overage;
mod query;
mod report;
mod roles;
mod scratch;
mod snapshot;
#[cfg(test)]
mod soundness;
#[cfg(test)]
mod tests;
mod verdict;
mod view;

pub use answer::{Decision, Headers, Obligation, Obligations, Shadow, SourceLine};
pub use config::EngineConfig;
pub use explain::{
    Candidate, DormantGrant, Evaluated, Explanation, Failed, HeldRole, LayerVerdict, Nearest,
    ShownCredential,
};
pub use scratch::Scratch;

use crate::clock::Clock;
use crate::decision::Reason;
use crate::identity::approval::UsedApprovals;
use crate::identity::cache::{Cache, TokenCounts};
use crate::identity::check::Desk;
use crate::identity::refresh::KeyStates;
use crate::identity::store::{Assembly, InstallError, Store};
use crate::keys::verifier::SignatureVerifier;
use crate::policy::Policy;
use crate::program::leaf::Entry;
use crate::program::predicate::Unwatched;
use crate::program::vocabulary::Truth;
use crate::request::Request;
use authorize::Listen;
use core::fmt;
use core::hash::BuildHasher;
use core::sync::atomic::{AtomicI64, Ordering};
use identify::Refused;
use moment::Moment;
use snapshot::{Installed, Snapshot};
use std::hash::RandomState;
use std::sync::{Arc, Mutex};
use verdict::Verdict;
use view::View;

/// Decides requests by the policy that is installed.
///
/// Every method takes `&self`: share one engine between all threads, and give
/// each thread a [`Scratch`] of its own.
///
/// ```
/// use gatelet::{Engine, EngineConfig, Policy, Request, Source};
/// let policy = "gatelet: 1\nrules:\n  health: { effect: allow, match: { route: GET /healthz, who: anyone } }\n";
/// let policy = Policy::load(&[Source::new("shop.yaml", policy.as_bytes())])?;
/// let engine = Engine::new(policy, EngineConfig::default())?;
/// let mut scratch = engine.scratch();
/// let request = Request { method: Some(b"GET"), path: Some(b"/healthz"), ..Request::default() };
/// let decision = engine.decide(&mut scratch, &request);
/// assert!(decision.allowed());
/// assert_eq!(decision.rule(), Some("health"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Engine {
    /// No other engine has it.
    number: u64,
    installed: Installed,
    /// What hosts have handed over; whoever changes what is in force holds it.
    store: Mutex<Store>,
    cache: Cache,
    used_approvals: UsedApprovals,
    states: KeyStates,
    verifier: Arc<dyn SignatureVerifier>,
    clock: Arc<dyn Clock>,
    replay: bool,
    /// The latest time that was decided by, in milliseconds since 1970: time never goes back.
    highest: AtomicI64,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("installed", &self.installed)
            .field("replay", &self.replay)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine that decides by `policy`.
    ///
    /// # Errors
    /// What the policy needs from outside is missing; see [`InstallError`].
    pub fn new(policy: Policy, config: EngineConfig) -> Result<Self, InstallError> {
        let seed = RandomState::new().hash_one(snapshot::INSTALLATIONS.load(Ordering::Relaxed));
        let states = KeyStates::new(config.key_refresh, seed);
        let mut store = Store::default();
        store.merge(&config.keys);
        let assembly = Assembly::new(&mut store, &policy, &*config.verifier);
        let (keyring, _) = assembly.assemble()?.follow(&states, &config.keys);
        let installed = Installed::new(policy, keyring);
        Ok(Self {
            number: installed.number(),
            installed,
            store: Mutex::new(store),
            cache: Cache::new(config.token_cache, seed),
            used_approvals: UsedApprovals::default(),
            states,
            verifier: config.verifier,
            clock: config.clock,
            replay: config.replay,
            highest: AtomicI64::new(i64::MIN),
        })
    }

    /// Room for the decisions of one thread.
    pub fn scratch(&self) -> Scratch {
        Scratch::new(self.installed.snapshot(), &self.cache, self.number)
    }

    /// How many credentials are remembered, and what they take.
    pub fn token_counts(&self) -> TokenCounts {
        self.cache.counts()
    }

    /// Decides a request. Allocates nothing, unless another policy was installed since `scratch` was last used.
    pub fn decide<'a>(&self, scratch: &'a mut Scratch, request: &'a Request<'a>) -> Decision<'a> {
        self.run(scratch, request, &mut Unwatched)
    }

    /// Decides a request and tells how, for people. The decision is the one that [`Engine::decide`] gives.
    pub fn explain(&self, scratch: &mut Scratch, request: &Request<'_>) -> Explanation {
        explain::explain(self, scratch, request)
    }

    /// One decision: snapshot, bind, identify, authorize.
    #[inline]
    fn run<'a, L: Listen>(
        &self,
        scratch: &'a mut Scratch,
        request: &'a Request<'a>,
        listen: &mut L,
    ) -> Decision<'a> {
        self.pin(scratch);
        let Scratch {
            snapshot,
            local,
            buffers,
            sets,
            arena,
            ..
        } = scratch;
        let (policy, program) = (&*snapshot.policy, &snapshot.policy.program);
        let refuse = |reason, detail| {
            Decision::refused(policy, request, Verdict::plain(reason, Some(detail)))
        };

        if request.at.is_some() && !self.replay {
            return refuse(Reason::MalformedRequest, "at_outside_replay");
        }
        let bound = match bind::bind(program, request, buffers) {
            Ok(bound) => bound,
            Err(malformed) => return refuse(Reason::MalformedRequest, malformed.0),
        };
        let mut view = View::new(bound);
        arena.reset();
        let route = authorize::locate(&view, sets);
        view.action = match authorize::action(program, request.action, route).transpose() {
            Ok(action) => action,
            Err(()) => return refuse(Reason::MalformedRequest, "action_mismatch"),
        };
        let moment = Moment::new(self, request.at);
        let clock = || self.monotonic_ms();
        let desk = self.desk(snapshot, &clock);
        match identify::identify(&desk, &view.bound, &moment, local) {
            Ok(identified) => (view.caller, view.peer) = (identified.caller, identified.peer),
            Err(Refused::Malformed(malformed)) => {
                return refuse(Reason::MalformedRequest, malformed.0);
            }
            Err(refused) => {
                return Decision::answered(policy, view, sets, refused.verdict(), None);
            }
        }
        if program.inputs.time {
            view.now = moment.wall_ms();
        }
        if let Err(malformed) = roles::resolve(&view, sets, arena) {
            return refuse(Reason::MalformedRequest, malformed.0);
        }
        let conflict = roles::conflict(program, sets).is_some();
        let tallies = authorize::authorize(&view, sets, arena, listen);
        let used = &self.used_approvals;
        let approvals = approvals::meet(&desk, used, &mut view, &moment, sets, arena);
        let refused = approvals.as_ref().and_then(|approvals| approvals.refused);
        let (mut verdict, virtually) = verdict::conclude(&view, sets, conflict, &tallies, refused);
        if L::CHARGES
            && let Some(approvals) = approvals
            && !approvals.use_up(&verdict, request.charge, used, view.now)
        {
            verdict = Verdict::used_up(sets);
        }
        Decision::answered(policy, view, sets, verdict, virtually)
    }

    /// What credentials are checked with under a snapshot.
    #[inline]
    fn desk<'s>(&'s self, snapshot: &'s Snapshot, clock: &'s dyn Fn() -> u64) -> Desk<'s> {
        Desk {
            program: &snapshot.policy.program,
            keyring: &snapshot.keyring,
            revocations: &snapshot.revocations,
            cache: &self.cache,
            states: &self.states,
            installation: snapshot.number,
            clock,
        }
    }

    /// The time that a request is decided by: never below the highest seen.
    fn now(&self, at: Option<i64>) -> i64 {
        let highest = self.highest.load(Ordering::Relaxed);
        let time = match (self.replay, at) {
            (true, Some(at)) => at,
            (true, None) if highest != i64::MIN => highest,
            // Nothing was asked yet: the machine's time is not the first request's.
            (true, None) => return self.clock.wall_ms(),
            (false, _) => self.clock.wall_ms(),
        };
        if time <= highest {
            // Most decisions write nothing that others read.
            return highest;
        }
        self.highest.fetch_max(time, Ordering::Relaxed).max(time)
    }
}

impl Listen for Unwatched {
    const EVERY_CANDIDATE: bool = false;
    const CHARGES: bool = true;

    #[inline]
    fn candidate(&mut self, _: &Entry, _: Truth) {}
}
