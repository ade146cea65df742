//! The decide plane: from a request to a decision, allocating nothing and unable to fail.
//!
//! [`Engine::decide`] is the front door; each step it names is a module beside this one.

mod answer;
mod authorize;
mod bind;
mod condition;
mod explain;
pub(crate) mod identify;
mod overage;
mod query;
mod report;
mod roles;
mod scratch;
#[cfg(test)]
mod soundness;
mod verdict;
mod view;

pub use answer::{Decision, Headers, Obligation, Obligations, Shadow, SourceLine};
pub use explain::{
    Candidate, DormantGrant, Evaluated, Explanation, Failed, HeldRole, LayerVerdict, Nearest,
};
pub use scratch::Scratch;

use crate::clock::{Clock, SystemClock};
use crate::decision::Reason;
use crate::policy::Policy;
use crate::program::leaf::Entry;
use crate::program::predicate::Unwatched;
use crate::program::vocabulary::Truth;
use crate::request::Request;
use authorize::Listen;
use core::fmt;
use core::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use identify::Refused;
use std::sync::{Arc, Mutex, PoisonError};
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
    /// Number of the installation in `installed`; no other installation of any engine has it.
    current: AtomicU64,
    installed: Mutex<(u64, Arc<Policy>)>,
    clock: Arc<dyn Clock>,
    replay: bool,
    /// The latest time that was decided by, in milliseconds since 1970: time never goes back.
    highest: AtomicI64,
}

/// How an engine works, apart from its policy.
#[derive(Clone)]
pub struct EngineConfig {
    clock: Arc<dyn Clock>,
    replay: bool,
}

impl Default for EngineConfig {
    /// Decides by the machine's clock.
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            replay: false,
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
}

impl fmt::Debug for EngineConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConfig")
            .field("replay", &self.replay)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("current", &self.current)
            .field("replay", &self.replay)
            .finish_non_exhaustive()
    }
}

/// Why a policy was not installed.
///
/// Nothing that a policy can need today is missing once it is loaded, so no
/// installation fails yet; what comes from outside (key sets, secrets) will.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum InstallError {}

impl fmt::Display for InstallError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl std::error::Error for InstallError {}

/// Numbers installations, of all engines.
static INSTALLATIONS: AtomicU64 = AtomicU64::new(1);

impl Engine {
    /// An engine that decides by `policy`.
    ///
    /// # Errors
    /// What the policy needs from outside is missing; see [`InstallError`].
    pub fn new(policy: Policy, config: EngineConfig) -> Result<Self, InstallError> {
        let number = INSTALLATIONS.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            current: AtomicU64::new(number),
            installed: Mutex::new((number, Arc::new(policy))),
            clock: config.clock,
            replay: config.replay,
            highest: AtomicI64::new(i64::MIN),
        })
    }

    /// Puts another policy in force, for every decision that begins after this returns.
    ///
    /// Decisions that are under way end by the policy that they began with.
    ///
    /// # Errors
    /// What the policy needs from outside is missing; the one in force stays. See [`InstallError`].
    pub fn install(&self, policy: Policy) -> Result<(), InstallError> {
        let policy = Arc::new(policy);
        let number = INSTALLATIONS.fetch_add(1, Ordering::Relaxed);
        let before = {
            let mut installed = self
                .installed
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let before = core::mem::replace(&mut *installed, (number, policy));
            self.current.store(number, Ordering::Release);
            before
        };
        // Freed outside the lock: a large policy takes its time.
        drop(before);
        Ok(())
    }

    /// The policy in force.
    pub fn policy(&self) -> Arc<Policy> {
        self.snapshot().1
    }

    /// Room for the decisions of one thread.
    pub fn scratch(&self) -> Scratch {
        let (number, policy) = self.snapshot();
        Scratch::new(policy, number)
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
            policy,
            buffers,
            sets,
            arena,
            ..
        } = scratch;
        let (policy, program) = (&**policy, &policy.program);
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
        let mut view = View {
            bound,
            caller: None,
            action: None,
            now: 0,
        };
        arena.reset();
        let route = authorize::locate(&view, sets);
        view.action = match authorize::action(program, request.action, route).transpose() {
            Ok(action) => action,
            Err(()) => return refuse(Reason::MalformedRequest, "action_mismatch"),
        };
        view.caller = match identify::identify(program, request) {
            Ok(caller) => caller,
            Err(Refused::Malformed(malformed)) => {
                return refuse(Reason::MalformedRequest, malformed.0);
            }
            Err(Refused::Invalid(detail)) => {
                return Decision::answered(
                    policy,
                    view,
                    sets,
                    Verdict::plain(Reason::CredentialInvalid, Some(detail)),
                    None,
                );
            }
        };
        if program.inputs.time {
            view.now = self.now(request.at);
        }
        if let Err(malformed) = roles::resolve(&view, sets, arena) {
            return refuse(Reason::MalformedRequest, malformed.0);
        }
        let conflict = roles::conflict(program, sets).is_some();
        let tallies = authorize::authorize(&view, sets, arena, listen);
        let (verdict, virtually) = verdict::conclude(&view, sets, conflict, &tallies);
        Decision::answered(policy, view, sets, verdict, virtually)
    }

    /// Makes `scratch` decide by the policy in force.
    #[inline]
    fn pin(&self, scratch: &mut Scratch) {
        if scratch.pinned != self.current.load(Ordering::Acquire) {
            self.pin_anew(scratch);
        }
    }

    #[cold]
    #[inline(never)]
    fn pin_anew(&self, scratch: &mut Scratch) {
        *scratch = self.scratch();
    }

    fn snapshot(&self) -> (u64, Arc<Policy>) {
        let installed = self
            .installed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        (installed.0, Arc::clone(&installed.1))
    }

    /// The time that a request is decided by: never below the highest seen.
    fn now(&self, at: Option<i64>) -> i64 {
        let highest = self.highest.load(Ordering::Relaxed);
        let time = match (self.replay, at) {
            (true, Some(at)) => at,
            (true, None) if highest != i64::MIN => highest,
            _ => self.clock.wall_ms(),
        };
        self.highest.fetch_max(time, Ordering::Relaxed).max(time)
    }
}

impl Listen for Unwatched {
    const EVERY_CANDIDATE: bool = false;

    #[inline]
    fn candidate(&mut self, _: &Entry, _: Truth) {}
}
