//! The decide plane: from a request to a decision, allocating nothing and unable to fail.
//!
//! [`Engine::decide`] is the front door; each step it names is a module beside this one.

mod answer;
mod authorize;
mod bind;
mod charge;
mod condition;
mod explain;
pub(crate) mod identify;
mod preflight;
mod query;
mod report;
mod roles;
mod scratch;
mod settle;
#[cfg(test)]
mod soundness;
mod time;
mod verdict;
mod view;

pub use answer::{Decision, Headers, Obligation, Obligations, Shadow, SourceLine};
pub use charge::ticket::{Ticket, TicketError};
pub use charge::{
    AskedLimit, CountersError, KeyValue, LimitState, LimitStates, RateLimit, RateLimitHeaders,
    RateLimitPolicy, RestoredCounters,
};
pub use explain::{
    Candidate, DormantGrant, Evaluated, Explanation, Failed, HeldRole, LayerVerdict, Nearest,
};
pub use scratch::Scratch;
pub use settle::Guard;

use crate::clock::{Clock, SystemClock};
use crate::decision::Reason;
use crate::policy::Policy;
use crate::program::Program;
use crate::program::leaf::Entry;
use crate::program::predicate::Unwatched;
use crate::program::vocabulary::Truth;
use crate::quota::Now;
use crate::quota::store::{QuotaStore, Shared};
use crate::request::{Charge, Request};
use authorize::Listen;
use charge::Charger;
use charge::counters::{CounterSet, Making};
use charge::ticket::Tickets;
use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use identify::Refused;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use time::Time;
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
    installed: Mutex<Installed>,
    time: Time,
    making: Making,
    store: Option<Arc<Shared>>,
    /// There are some once a policy with limits was installed.
    tickets: OnceLock<Tickets>,
}

/// A policy in force.
#[derive(Clone)]
struct Installed {
    number: u64,
    policy: Arc<Policy>,
    counters: Arc<CounterSet>,
}

/// How an engine works, apart from its policy.
#[derive(Clone)]
pub struct EngineConfig {
    clock: Arc<dyn Clock>,
    replay: bool,
    processes: u32,
    store: Option<Arc<dyn QuotaStore>>,
}

impl Default for EngineConfig {
    /// Decides by the machine's clock.
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            replay: false,
            processes: 1,
            store: None,
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

    /// Divides limits that are counted in the process among so many, as a host that forks has; 1 by default.
    ///
    /// Each process gives out its part, rounded down, so that all together give out
    /// no more than the limit. A policy with a limit that leaves a process nothing is
    /// not installed.
    #[must_use]
    pub fn with_processes(self, processes: u32) -> Self {
        Self { processes, ..self }
    }

    /// Counts the limits whose policy says `store` there; without one such a policy is not installed.
    #[must_use]
    pub fn with_store(self, store: Arc<dyn QuotaStore>) -> Self {
        let store = Some(store);
        Self { store, ..self }
    }
}

impl fmt::Debug for EngineConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConfig")
            .field("replay", &self.replay)
            .field("processes", &self.processes)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("current", &self.current)
            .field("making", &self.making)
            .finish_non_exhaustive()
    }
}

/// Why a policy was not installed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum InstallError {
    /// A limit cannot be counted by this engine.
    Limit {
        /// The limit's id.
        limit: String,
        /// Why, for people.
        problem: String,
    },
    /// A limit is counted in a store, and the engine has none.
    StoreMissing {
        /// The limit's id.
        limit: String,
    },
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit { limit, problem } => {
                write!(f, "the limit \"{limit}\" cannot be counted: {problem}")
            }
            Self::StoreMissing { limit } => {
                write!(
                    f,
                    "the limit \"{limit}\" is counted in a store, and this engine has none"
                )
            }
        }
    }
}

impl std::error::Error for InstallError {}

/// Counters of a store that an engine holds units of at once.
const SHARED_COUNTERS: usize = 65_536;
/// Numbers installations, of all engines.
static INSTALLATIONS: AtomicU64 = AtomicU64::new(1);
/// Numbers engines, so that a ticket of one means nothing to another. Replays are all alike.
static ENGINES: AtomicU32 = AtomicU32::new(1);

impl Engine {
    /// An engine that decides by `policy`.
    ///
    /// # Errors
    /// What the policy needs from outside is missing; see [`InstallError`].
    pub fn new(policy: Policy, config: EngineConfig) -> Result<Self, InstallError> {
        let making = Making {
            processes: u64::from(config.processes.max(1)),
            replay: config.replay,
        };
        let store = config.store;
        let store = store.map(|store| Arc::new(Shared::new(store, SHARED_COUNTERS)));
        let (limits, none) = (&policy.program.limits, CounterSet::default());
        let counters = CounterSet::build(limits, &none, making, store.as_ref(), Now::default())?;
        let number = INSTALLATIONS.fetch_add(1, Ordering::Relaxed);
        let engine = Self {
            current: AtomicU64::new(number),
            installed: Mutex::new(Installed {
                number,
                policy: Arc::new(policy),
                counters: Arc::new(counters),
            }),
            time: Time::new(config.clock, config.replay),
            making,
            store,
            tickets: OnceLock::new(),
        };
        engine.prepare_tickets();
        Ok(engine)
    }

    /// Puts another policy in force, for every decision that begins after this returns.
    ///
    /// Decisions that are under way end by the policy that they began with. Counters
    /// of limits that stay the same in id, kind, key and period are kept.
    ///
    /// # Errors
    /// What the policy needs from outside is missing; the one in force stays. See [`InstallError`].
    pub fn install(&self, policy: Policy) -> Result<(), InstallError> {
        let policy = Arc::new(policy);
        let number = INSTALLATIONS.fetch_add(1, Ordering::Relaxed);
        let before = {
            let mut installed = self.installed();
            let limits = &policy.program.limits;
            let (before, store) = (&installed.counters, self.store.as_ref());
            let now = self.time.current();
            let counters = CounterSet::build(limits, before, self.making, store, now)?;
            let next = Installed {
                number,
                policy,
                counters: Arc::new(counters),
            };
            let before = core::mem::replace(&mut *installed, next);
            self.current.store(number, Ordering::Release);
            before
        };
        self.prepare_tickets();
        // Freed outside the lock: a large policy takes its time.
        drop(before);
        Ok(())
    }

    fn installed(&self) -> std::sync::MutexGuard<'_, Installed> {
        self.installed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn prepare_tickets(&self) {
        if !self.snapshot().policy.program.limits.limits.is_empty() {
            let number = match self.making.replay {
                true => 0,
                false => ENGINES.fetch_add(1, Ordering::Relaxed),
            };
            self.tickets.get_or_init(|| Tickets::new(number));
        }
    }

    /// The policy in force.
    pub fn policy(&self) -> Arc<Policy> {
        self.snapshot().policy
    }

    /// Room for the decisions of one thread.
    pub fn scratch(&self) -> Scratch {
        let installed = self.snapshot();
        Scratch::new(installed.policy, installed.counters, installed.number)
    }

    /// Decides a request. Allocates nothing, unless another policy was installed since `scratch` was last used.
    pub fn decide<'a>(&self, scratch: &'a mut Scratch, request: &'a Request<'a>) -> Decision<'a> {
        self.run(scratch, request, &mut Unwatched)
    }

    /// Decides a request and tells how, for people. The decision is the one that [`Engine::decide`] gives.
    pub fn explain(&self, scratch: &mut Scratch, request: &Request<'_>) -> Explanation {
        explain::explain(self, scratch, request)
    }

    /// One decision: snapshot, bind, limits before identity, identify, authorize, limits after it.
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
            counters,
            buffers,
            sets,
            arena,
            ..
        } = scratch;
        let (policy, program) = (&**policy, &policy.program);
        let refuse = |reason, detail| {
            Decision::refused(policy, request, Verdict::plain(reason, Some(detail)))
        };

        if request.at.is_some() && !self.time.is_replay() {
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
        let charger = self.charger(program, counters, request, L::CHARGES);
        view.now = charger.now.wall_ms;
        if let Some(verdict) = charger.before_identity(&view, sets, arena) {
            return Decision::answered(policy, view, sets, verdict, None);
        }
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
        if let Err(malformed) = roles::resolve(&view, sets, arena) {
            return refuse(Reason::MalformedRequest, malformed.0);
        }
        let conflict = roles::conflict(program, sets).is_some();
        let tallies = authorize::authorize(&view, sets, arena, listen);
        let verdicts = verdict::conclude(&view, sets, conflict, &tallies);
        let verdicts = preflight::pass(&view, verdicts);
        let (verdict, virtually) = charger.after_authorization(&view, sets, arena, verdicts);
        Decision::answered(policy, view, sets, verdict, virtually)
    }

    /// What the limits of this decision are asked with.
    #[inline]
    fn charger<'e>(
        &'e self,
        program: &Program,
        counters: &'e CounterSet,
        request: &Request<'_>,
        charges: bool,
    ) -> Charger<'e> {
        let limits = !program.limits.limits.is_empty();
        Charger {
            counters,
            tickets: self.tickets.get().filter(|_| limits),
            now: self
                .time
                .now(request.at, program.inputs.time || limits, limits),
            charge: match request.charge {
                Charge::None => Charge::None,
                charge if charges => charge,
                _ => Charge::Peek,
            },
        }
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

    fn snapshot(&self) -> Installed {
        self.installed().clone()
    }
}

impl Listen for Unwatched {
    const EVERY_CANDIDATE: bool = false;
    const CHARGES: bool = true;

    #[inline]
    fn candidate(&mut self, _: &Entry, _: Truth) {}
}
