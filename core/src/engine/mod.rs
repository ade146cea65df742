//! The decide plane: from a request to a decision, allocating nothing and unable to fail.
//!
//! [`Engine::decide`] is the front door; each step it names is a module beside this one.

mod answer;
mod approvals;
mod authorize;
mod bind;
mod charge;
mod condition;
mod config;
mod credentials;
mod explain;
mod identify;
mod inspect;
mod local;
mod moment;
mod overage;
mod preflight;
mod query;
mod report;
mod roles;
mod scratch;
mod settle;
mod snapshot;
#[cfg(test)]
mod soundness;
#[cfg(test)]
mod tests;
mod time;
mod verdict;
mod view;

pub use answer::{Decision, Headers, Obligation, Obligations, Shadow, SourceLine};
pub use charge::ticket::{Ticket, TicketError};
pub use charge::{
    AskedLimit, CountersError, KeyValue, LimitState, LimitStates, RateLimit, RateLimitHeaders,
    RateLimitPolicy, RestoredCounters,
};
pub use config::EngineConfig;
pub use explain::{
    Candidate, DormantGrant, Evaluated, Explanation, Failed, HeldRole, LayerVerdict, Nearest,
    ShownCredential,
};
pub use scratch::Scratch;
pub use settle::Guard;

use crate::decision::Reason;
use crate::identity::approval::UsedApprovals;
use crate::identity::cache::{Cache, TokenCounts};
use crate::identity::check::Desk;
use crate::identity::refresh::KeyStates;
use crate::identity::store::{Assembly, Store};
use crate::install::InstallError;
use crate::keys::verifier::SignatureVerifier;
use crate::policy::Policy;
use crate::program::Program;
use crate::program::leaf::Entry;
use crate::program::predicate::Unwatched;
use crate::program::vocabulary::Truth;
use crate::quota::Now;
use crate::quota::store::Shared;
use crate::request::{Charge, Request};
use authorize::Listen;
use charge::Charger;
use charge::counters::{CounterSet, Making};
use charge::ticket::Tickets;
use core::fmt;
use core::hash::BuildHasher;
use core::sync::atomic::{AtomicU32, Ordering};
use identify::Refused;
use moment::Moment;
use snapshot::{Installed, Snapshot};
use std::hash::RandomState;
use std::sync::{Arc, Mutex, OnceLock};
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
    /// No other engine has it.
    number: u64,
    installed: Installed,
    /// What hosts have handed over; whoever changes what is in force holds it.
    store: Mutex<Store>,
    cache: Cache,
    used_approvals: UsedApprovals,
    states: KeyStates,
    verifier: Arc<dyn SignatureVerifier>,
    time: Time,
    making: Making,
    /// Where limits are counted that several processes share.
    shared: Option<Arc<Shared>>,
    /// There are some once a policy with limits was installed.
    tickets: OnceLock<Tickets>,
}

/// Counters of a store that an engine holds units of at once.
const SHARED_COUNTERS: usize = 65_536;

/// Numbers engines, so that a ticket of one means nothing to another. Replays are all alike.
static ENGINES: AtomicU32 = AtomicU32::new(1);

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("installed", &self.installed)
            .field("making", &self.making)
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
        let making = Making {
            processes: u64::from(config.processes.max(1)),
            replay: config.replay,
        };
        let shared = config.store;
        let shared = shared.map(|store| Arc::new(Shared::new(store, SHARED_COUNTERS)));
        let (limits, none) = (&policy.program.limits, CounterSet::default());
        let counters = CounterSet::build(limits, &none, making, shared.as_ref(), Now::default())?;
        let installed = Installed::new(policy, keyring, counters);
        let engine = Self {
            number: installed.number(),
            installed,
            store: Mutex::new(store),
            cache: Cache::new(config.token_cache, seed),
            used_approvals: UsedApprovals::default(),
            states,
            verifier: config.verifier,
            time: Time::new(config.clock, config.replay),
            making,
            shared,
            tickets: OnceLock::new(),
        };
        engine.prepare_tickets();
        Ok(engine)
    }

    fn prepare_tickets(&self) {
        if !self.policy().program.limits.limits.is_empty() {
            let number = match self.making.replay {
                true => 0,
                false => ENGINES.fetch_add(1, Ordering::Relaxed),
            };
            self.tickets.get_or_init(|| Tickets::new(number));
        }
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
        self.pin(scratch);
        self.run(scratch, request, &mut Unwatched)
    }

    /// Decides a request and tells how, for people. The decision is the one that [`Engine::decide`] gives.
    pub fn explain(&self, scratch: &mut Scratch, request: &Request<'_>) -> Explanation {
        self.pin(scratch);
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
        if request.at.is_some() && !self.time.is_replay() {
            return refuse(Reason::MalformedRequest, "at_outside_replay");
        }
        let mut view = match bind::bind(program, request, buffers) {
            Ok(bound) => View::new(bound),
            Err(malformed) => return refuse(Reason::MalformedRequest, malformed.0),
        };
        arena.reset();
        let route = authorize::locate(&view, sets);
        view.action = match authorize::action(program, request.action, route).transpose() {
            Ok(action) => action,
            Err(()) => return refuse(Reason::MalformedRequest, "action_mismatch"),
        };
        let moment = Moment::new(&self.time, request.at);
        let charger = self.charger(snapshot, request, L::CHARGES, &moment);
        if program.inputs.time || charger.asks() {
            view.now = moment.wall_ms();
        }
        if let Some(verdict) = charger.before_identity(&view, sets, arena) {
            return Decision::answered(policy, view, sets, verdict, None);
        }
        let clock = || self.time.monotonic_ms();
        let desk = self.desk(snapshot, &clock);
        match identify::identify(&desk, &view.bound, &moment, local) {
            Ok(identified) => (view.caller, view.peer) = (identified.caller, identified.peer),
            Err(refused) => {
                charger.end_refused(&view, sets);
                return match refused {
                    Refused::Malformed(malformed) => refuse(Reason::MalformedRequest, malformed.0),
                    refused => Decision::answered(policy, view, sets, refused.verdict(), None),
                };
            }
        }
        if let Err(malformed) = roles::resolve(&view, sets, arena) {
            charger.end_refused(&view, sets);
            return refuse(Reason::MalformedRequest, malformed.0);
        }
        let conflict = roles::conflict(program, sets).is_some();
        let tallies = authorize::authorize(&view, sets, arena, listen);
        let used = &self.used_approvals;
        let approvals = approvals::meet(&desk, used, &mut view, &moment, sets, arena);
        let verdicts = verdict::conclude(&view, sets, conflict, &tallies, approvals.as_ref());
        let verdicts = preflight::pass(&view, verdicts);
        let using = approvals.as_ref().filter(|_| L::CHARGES);
        let verdicts = approvals::use_up(using, used, verdicts, &view, sets);
        let passed = verdicts.0.effect();
        let (verdict, virtually) = charger.after_authorization(&view, sets, arena, verdicts);
        if verdict.effect() != passed {
            approvals::give_back(using, used, request.charge);
        }
        Decision::answered(policy, view, sets, verdict, virtually)
    }

    /// What the limits of this decision are asked with.
    #[inline]
    fn charger<'e>(
        &'e self,
        snapshot: &'e Snapshot,
        request: &Request<'_>,
        charges: bool,
        moment: &Moment<'_>,
    ) -> Charger<'e> {
        let program: &Program = &snapshot.policy.program;
        let limits = !program.limits.limits.is_empty();
        Charger {
            counters: &snapshot.counters,
            tickets: self.tickets.get().filter(|_| limits),
            now: if limits { moment.now() } else { Now::default() },
            charge: match request.charge {
                Charge::None => Charge::None,
                charge if charges => charge,
                _ => Charge::Peek,
            },
        }
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
}

impl Listen for Unwatched {
    const EVERY_CANDIDATE: bool = false;
    const CHARGES: bool = true;

    #[inline]
    fn candidate(&mut self, _: &Entry, _: Truth) {}
}
