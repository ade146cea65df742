//! Limits in a store, seen from one process: what is spent here, what is asked there, and what
//! happens while the store is away.

use super::breaker::Breaker;
use super::charged::{Charged, OnDown, Outcome, Receipt, SharedLimit, Source};
use super::lease::{Held, Home, Leases, Leftover, Now, Slot};
use super::question::{
    Answer, Ask, Charge, CounterKey, Grant, Grants, Kind, MAX_UNITS, Note, QuotaStore, Unavailable,
};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;

/// Most strict limits that one decision can charge in one phase.
pub const MAX_STRICT: usize = 16;
/// For how long units are leased: what is not spent by then goes back.
const HOLD_MS: u64 = 30_000;

/// One strict limit of a decision.
#[derive(Clone, Copy, Debug)]
pub struct Strict<'a> {
    /// The limit.
    pub limit: &'a SharedLimit,
    /// Tells this counter from all others of this process.
    pub tag: u64,
    /// Which of the limit's counters.
    pub key: CounterKey,
    /// How it counts.
    pub kind: Kind,
    /// Units to take.
    pub cost: u64,
}

/// Limits in a store, seen from one process.
///
/// Counters are told apart here by a `tag`: a hash of limit and key under a seed
/// that callers do not know. Where a limit is charged by leases, a decision waits
/// for nothing while units are held; more are asked for before they are spent.
pub struct Shared {
    pool: Arc<Pool>,
    /// `pool` again, as what the store hands units to.
    sink: Arc<dyn Grants>,
}

/// What units are put into, by decisions and by the store.
struct Pool {
    store: Arc<dyn QuotaStore>,
    leases: Leases,
    breaker: Breaker,
    /// The set that is swept next.
    next: AtomicUsize,
    /// Nobody spends any more.
    closed: AtomicBool,
}

/// A counter, and what is asked of it.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    limit: &'a SharedLimit,
    tag: u64,
    key: CounterKey,
    kind: Kind,
    cost: u64,
}

/// What is held here says to a cost.
enum Local {
    Charged(Charged),
    /// And it is time to ask for so many more; so many are owed.
    Low(Charged, u64, u64),
    /// The store has to be asked.
    Unknown,
}

impl Shared {
    /// Limits in this store, with room for units of about so many counters at once.
    #[must_use]
    pub fn new(store: Arc<dyn QuotaStore>, counters: usize) -> Self {
        let pool = Arc::new(Pool {
            store,
            leases: Leases::new(counters),
            breaker: Breaker::default(),
            next: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        });
        let sink: Arc<dyn Grants> = Arc::<Pool>::clone(&pool);
        Self { pool, sink }
    }

    /// What keys of counters are digested with.
    #[must_use]
    pub fn secret(&self) -> &[u8] {
        self.pool.store.secret()
    }

    /// Charges a leased limit.
    ///
    /// `question` says which counter it is and how it counts; it is only called
    /// where the store has to be asked, now or ahead.
    pub fn spend(
        &self,
        limit: &SharedLimit,
        tag: u64,
        cost: u64,
        now: Now,
        question: impl FnOnce() -> (CounterKey, Kind),
    ) -> Charged {
        let (tag, batch) = (tag.max(1), limit.batch());
        let local = self.pool.held(tag, cost, batch, now);
        if let Local::Charged(charged) = local {
            return charged;
        }
        let (key, kind) = question();
        let wanted = Wanted {
            limit,
            tag,
            key,
            kind,
            cost,
        };
        match local {
            Local::Low(charged, units, owed) => {
                self.ask_ahead(wanted, units, owed, now);
                charged
            }
            _ if cost == 0 => Charged::free(kind.most_at_once()),
            _ => self.pool.ask(wanted, batch, now),
        }
    }

    fn ask_ahead(&self, wanted: Wanted<'_>, units: u64, owed: u64, now: Now) {
        let pool = &self.pool;
        // What is held counts too: less than the batch is of use.
        let ask = Wanted { cost: 1, ..wanted }.ask(units, owed, now);
        if pool.breaker.is_closed() && pool.store.lease_ahead(&ask, &self.sink) {
            return;
        }
        pool.with_slot(wanted.tag, |slot| {
            slot.unask(units);
            slot.owe(owed);
        });
    }

    /// Charges strict limits: all of them, or none.
    ///
    /// `charged` has one place for each. Where all are admitted, each has its
    /// receipt; where one is not, nothing was taken, and the others say that they
    /// would have fitted.
    pub fn take(&self, strict: &[Strict<'_>], now: Now, charged: &mut [Charged]) {
        self.strict(strict, now, charged, true);
    }

    /// What [`Shared::take`] would say, with nothing taken.
    pub fn peek(&self, strict: &[Strict<'_>], now: Now, charged: &mut [Charged]) {
        self.strict(strict, now, charged, false);
    }

    fn strict(&self, strict: &[Strict<'_>], now: Now, charged: &mut [Charged], commit: bool) {
        let Some(first) = strict.first() else {
            return;
        };
        if strict.len() > MAX_STRICT {
            return charged.fill(Charged::unavailable(Unavailable::Unsupported));
        }
        let pool = &self.pool;
        let mut charges: [Charge<'_>; MAX_STRICT] =
            core::array::from_fn(|at| Wanted::from(strict.get(at).unwrap_or(first)).charge());
        let (Some(charges), mut answers) = (
            charges.get_mut(..strict.len()),
            [Answer::default(); MAX_STRICT],
        ) else {
            return;
        };
        let Some(answers) = answers.get_mut(..strict.len()) else {
            return;
        };
        let budgets = strict.iter().map(|strict| strict.limit.budget);
        let budget = budgets.min().unwrap_or_default();
        let answer = if !pool.breaker.permits(now.mono_ns) {
            Err(Unavailable::Open)
        } else if commit {
            for (charge, strict) in charges.iter_mut().zip(strict) {
                charge.owed = pool
                    .with_slot(strict.tag.max(1), |slot| slot.take_owed(now))
                    .unwrap_or(0);
            }
            let answer = pool.store.take(charges, budget, answers);
            if let Err(why) = answer
                && !why.may_be_applied()
            {
                for (charge, strict) in charges.iter().zip(strict) {
                    pool.with_slot(strict.tag.max(1), |slot| slot.owe(charge.owed));
                }
            }
            answer
        } else {
            pool.store.peek(charges, budget, answers)
        };
        pool.note(answer, now.mono_ns);
        match answer {
            Ok(()) => {
                let all = answers.iter().all(|answer| answer.fits);
                for ((place, answer), strict) in charged.iter_mut().zip(&*answers).zip(strict) {
                    *place = Charged::by_store(answer, strict.cost, all && commit);
                }
            }
            Err(why) => pool.all_down(strict, why, now, charged, commit),
        }
    }

    /// The true cost of a charge is known: what was too much goes back, what is missing is charged.
    ///
    /// With `actual` 0 it takes the whole charge back, and releases what was in flight.
    pub fn settle(
        &self,
        limit: &SharedLimit,
        tag: u64,
        receipt: Receipt,
        actual: u64,
        now: Now,
        question: impl FnOnce() -> (CounterKey, Kind),
    ) {
        let pool = &self.pool;
        let (tag, cost) = (tag.max(1), receipt.cost);
        // No limit is larger, and a store counts no further.
        let actual = actual.min(MAX_UNITS);
        let (back, more) = (cost.saturating_sub(actual), actual.saturating_sub(cost));
        match receipt.source {
            Source::None => {}
            Source::Lease => {
                pool.with_slot(tag, |slot| {
                    slot.unspend(back, receipt.hold, receipt.window, now);
                    let held = more.min(slot.units());
                    let _lease = slot.spend(held);
                    slot.owe(more - held);
                });
            }
            Source::Share => {
                let (_, kind) = question();
                pool.with_slot(tag, |slot| {
                    slot.unspend_share(&kind, back);
                    slot.owe(more);
                });
            }
            Source::Store => {
                let (key, kind) = question();
                let charge = Charge {
                    limit: &limit.id,
                    key,
                    kind,
                    cost: back,
                    owed: more,
                };
                pool.settle(&charge, receipt);
            }
        }
    }

    /// Gives back what is held of leases that have ended. Sans time of its own: call it now and then.
    pub fn sweep(&self, now: Now) {
        for set in 0..self.pool.leases.sets() {
            self.pool.sweep(set, now, false);
        }
    }
}

impl Drop for Shared {
    /// Gives back everything that is held.
    fn drop(&mut self) {
        self.pool.closed.store(true, Ordering::SeqCst);
        for set in 0..self.pool.leases.sets() {
            self.pool.sweep(set, Now::default(), true);
        }
    }
}

impl core::fmt::Debug for Shared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Shared")
            .field("breaker", &self.pool.breaker)
            .finish_non_exhaustive()
    }
}

impl Pool {
    fn with_slot<T>(&self, tag: u64, what: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        self.leases.set(tag)?.find(tag).map(what)
    }

    /// The slot of a counter, made if it is not there; what had to make place goes back.
    fn in_slot<T>(
        &self,
        wanted: &Wanted<'_>,
        now: Now,
        what: impl FnOnce(&mut Slot) -> T,
    ) -> Option<T> {
        let mut set = self.leases.set(wanted.tag)?;
        let home = Home {
            limit: Arc::clone(&wanted.limit.id),
            key: wanted.key,
        };
        let (slot, left) = set.make(wanted.tag, home, now);
        let done = slot.map(what);
        drop(set);
        self.give_back(left);
        done
    }

    /// Charges what is held here.
    fn held(&self, tag: u64, cost: u64, batch: u64, now: Now) -> Local {
        let Some(mut set) = self.leases.set(tag) else {
            return Local::Unknown;
        };
        let Some(slot) = set.find(tag) else {
            return Local::Unknown;
        };
        let left = slot.end(now);
        let local = if let Some(lease) = slot.spend(cost) {
            let charged = Charged::by_lease(slot, lease, cost, now);
            match slot.refill(batch, now) {
                Some(units) => Local::Low(charged, units, slot.take_owed(now)),
                None => Local::Charged(charged),
            }
        } else if let Some(retry_ms) = slot.refused_ms(cost, now) {
            Local::Charged(Charged::refused(
                slot.remaining(),
                slot.reset_ms(now),
                retry_ms,
            ))
        } else {
            Local::Unknown
        };
        drop(set);
        self.give_back(left);
        local
    }

    /// Asks the store, and charges what it grants.
    fn ask(&self, wanted: Wanted<'_>, batch: u64, now: Now) -> Charged {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.sweep(number, now, false);
        if !self.breaker.permits(now.mono_ns) {
            return self.down(&wanted, Unavailable::Open, now);
        }
        let asked = self.in_slot(&wanted, now, |slot| {
            (slot.ask(wanted.cost, batch), slot.take_owed(now))
        });
        let (units, owed) = asked.unwrap_or((wanted.cost, 0));
        let ask = wanted.ask(units, owed, now);
        let answer = self.store.lease(&ask, wanted.limit.budget);
        self.note(answer.map(|_| ()), now.mono_ns);
        match answer {
            Ok(grant) => self.put(&wanted, units, &grant, now),
            Err(why) => {
                self.with_slot(wanted.tag, |slot| {
                    slot.unask(units);
                    slot.owe(if why.may_be_applied() { 0 } else { owed });
                });
                self.down(&wanted, why, now)
            }
        }
    }

    fn put(&self, wanted: &Wanted<'_>, units: u64, grant: &Grant, now: Now) -> Charged {
        let done = self.in_slot(wanted, now, |slot| {
            slot.unask(units);
            let left = slot.put(wanted.cost, grant, now.mono_ns);
            let charged = if let Some(lease) = slot.spend(wanted.cost) {
                Charged::by_lease(slot, lease, wanted.cost, now)
            } else {
                Charged::refused(slot.remaining(), grant.reset_ms, grant.retry_ms.max(1))
            };
            (charged, left)
        });
        let Some((charged, left)) = done else {
            return Charged::unavailable(Unavailable::Busy);
        };
        self.give_back(left);
        charged
    }

    /// What the limit says while the store is away.
    fn down(&self, wanted: &Wanted<'_>, why: Unavailable, now: Now) -> Charged {
        match wanted.limit.on_down {
            OnDown::Deny => Charged::unavailable(why),
            OnDown::Open => Charged::free(wanted.kind.most_at_once()),
            OnDown::Share(part) => {
                let spent = self.in_slot(wanted, now, |slot| {
                    slot.spend_share(&wanted.kind, wanted.cost, part, now)
                });
                if spent != Some(true) {
                    return Charged::unavailable(why);
                }
                Charged {
                    receipt: Receipt {
                        source: Source::Share,
                        cost: wanted.cost,
                        ..Receipt::default()
                    },
                    ..Charged::free(0)
                }
            }
        }
    }

    /// The same for all strict limits of a decision: what one share gave is taken back if another denies.
    fn all_down(
        &self,
        strict: &[Strict<'_>],
        why: Unavailable,
        now: Now,
        charged: &mut [Charged],
        commit: bool,
    ) {
        for (place, strict) in charged.iter_mut().zip(strict) {
            *place = match strict.limit.on_down {
                OnDown::Share(_) if !commit => Charged::free(0),
                _ => self.down(&Wanted::from(strict), why, now),
            };
        }
        let places = charged.get_mut(..strict.len()).unwrap_or_default();
        if places.iter().all(|one| one.outcome == Outcome::Admitted) {
            return;
        }
        for (place, strict) in places.iter_mut().zip(strict) {
            if place.receipt.source == Source::Share {
                self.with_slot(strict.tag.max(1), |slot| {
                    slot.unspend_share(&strict.kind, strict.cost);
                });
            }
            place.receipt = Receipt::default();
        }
    }

    fn note(&self, answer: Result<(), Unavailable>, now_ns: u64) {
        match answer {
            Err(why) if why.is_down() => self.breaker.failed(now_ns),
            Err(Unavailable::Open) => {}
            _ => self.breaker.answered(),
        }
    }

    fn settle(&self, charge: &Charge<'_>, receipt: Receipt) {
        let note = match charge.kind {
            Kind::Concurrency { .. } if charge.cost > 0 => Note::Release {
                limit: charge.limit,
                key: charge.key,
                hold: receipt.hold,
            },
            _ if charge.cost == 0 && charge.owed == 0 => return,
            _ => Note::Settle {
                charge: *charge,
                window: receipt.window,
            },
        };
        // A note that is lost burns units.
        let _ = self.store.post(&note);
    }

    fn give_back(&self, left: Leftover) {
        let Some((home, held)) = left else {
            return;
        };
        for held in held {
            let Held {
                units,
                lease,
                window,
                ..
            } = held;
            if units > 0 && lease != 0 {
                let _ = self.store.post(&Note::GiveBack {
                    limit: &home.limit,
                    key: home.key,
                    lease,
                    window,
                    units,
                });
            }
        }
    }

    fn sweep(&self, number: usize, now: Now, all: bool) {
        self.leases
            .sweep(number, now, all, |left| self.give_back(left));
    }
}

impl Grants for Pool {
    fn granted(&self, ask: &Ask<'_>, answer: Result<Grant, Unavailable>) {
        self.note(answer.map(|_| ()), ask.sent_ns);
        let put = self.with_slot(ask.tag, |slot| {
            slot.unask(ask.units);
            match &answer {
                Ok(grant) => slot.put(ask.charge.cost, grant, ask.sent_ns),
                Err(why) => {
                    let owed = ask.charge.owed;
                    slot.owe(if why.may_be_applied() { 0 } else { owed });
                    None
                }
            }
        });
        match (put, answer) {
            (Some(left), _) => self.give_back(left),
            // The counter had to make place meanwhile.
            (None, Ok(grant)) if grant.units > 0 && grant.lease != 0 => {
                let _ = self.store.post(&Note::GiveBack {
                    limit: ask.charge.limit,
                    key: ask.charge.key,
                    lease: grant.lease,
                    window: grant.window,
                    units: grant.units,
                });
            }
            _ => {}
        }
        // What came after the end goes back too.
        if self.closed.load(Ordering::SeqCst)
            && let Some(left) = self.with_slot(ask.tag, Slot::take_all)
        {
            self.give_back(left);
        }
    }
}

impl<'a> From<&Strict<'a>> for Wanted<'a> {
    fn from(strict: &Strict<'a>) -> Self {
        Self {
            limit: strict.limit,
            tag: strict.tag.max(1),
            key: strict.key,
            kind: strict.kind,
            cost: strict.cost,
        }
    }
}

impl<'a> Wanted<'a> {
    fn charge(&self) -> Charge<'a> {
        Charge {
            limit: &self.limit.id,
            key: self.key,
            kind: self.kind,
            cost: self.cost,
            owed: 0,
        }
    }

    fn ask(&self, units: u64, owed: u64, now: Now) -> Ask<'a> {
        Ask {
            charge: Charge {
                owed,
                ..self.charge()
            },
            units,
            hold_ms: HOLD_MS,
            tag: self.tag,
            sent_ns: now.mono_ns,
        }
    }
}
