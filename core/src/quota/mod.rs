//! Counters of every kind of limit: how much may still pass, by key, in tables of a fixed size.
//!
//! Independent of policies: a limit is lowered into a [`Plan`] and asked with
//! [`Ask`]s. Nothing here allocates after [`Counters::new`] except snapshots, and
//! nothing fails: what cannot be counted is an [`Outcome`].
//!
//! Several limits are charged all or nothing: peek them all, take from one
//! after the other, and where one refuses after all, because another thread
//! came between, [`Counters::restore`] what the earlier ones took.

mod bounds;
mod calendar;
mod distinct;
mod kind;
mod meter;
mod outcome;
mod rate;
mod ring;
mod sliding;
mod snapshot;
pub mod store;
mod sync;
mod table;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use kind::{Allowance, Calendar, Excess, Kind, KindError, OnFull, Plan, Span, Unit};
pub(crate) use outcome::{Ask, Counted, Now, Outcome, Receipt, Verdict};
pub(crate) use snapshot::{Restored, SnapshotError};

use distinct::{Distinct, VALUE_WORDS};
use kind::MAX_TABLE_BYTES;
use meter::{Act, Keyed};
use rate::Rate;
use ring::{ENTRY_WORDS, Ring};
use sliding::TwoCounters;
use snapshot::Label;
use table::Shape;
use window::Window;

/// The counters of one limit.
///
/// Keys are hashes of 64 bits, keyed with a secret by the caller, of which the
/// lowest bit does not count; two keys with one hash share a counter. The numbers of a limit come with each [`Ask`], so
/// they may differ by key and change with a reload, and counters stay.
#[derive(Debug)]
pub(crate) struct Counters(Cells);

#[derive(Debug)]
enum Cells {
    Rate(Keyed<Rate, 1>),
    Window(Keyed<Window, 3>),
    TwoCounters(Keyed<TwoCounters, 3>),
    Exact(Keyed<Ring, 3>),
    Concurrency(Keyed<Ring, 3>),
    Distinct(Keyed<Distinct, 3>),
}

macro_rules! each_kind {
    ($counters:expr, $keyed:ident => $what:expr) => {
        match &$counters.0 {
            Cells::Rate($keyed) => $what,
            Cells::Window($keyed) => $what,
            Cells::TwoCounters($keyed) => $what,
            Cells::Exact($keyed) | Cells::Concurrency($keyed) => $what,
            Cells::Distinct($keyed) => $what,
        }
    };
}

impl Counters {
    /// Allocates the whole table.
    pub(crate) fn new(plan: Plan) -> Result<Self, KindError> {
        let shape = plan.check()?;
        let full = plan.on_full;
        Ok(Self(match plan.kind {
            Kind::Rate { excess } => Cells::Rate(Keyed::new(Rate { excess }, shape, full)),
            Kind::Window(span) => Cells::Window(Keyed::new(Window::new(span), shape, full)),
            Kind::Sliding { ms, exact: true } => {
                Cells::Exact(Keyed::new(Ring::look_back(ms), shape, full))
            }
            Kind::Sliding { ms, exact: false } => {
                Cells::TwoCounters(Keyed::new(TwoCounters { ms }, shape, full))
            }
            Kind::Concurrency { lease_ms } => {
                Cells::Concurrency(Keyed::new(Ring::permits(lease_ms), shape, full))
            }
            Kind::Distinct { within_ms } => {
                let room = plan.most;
                Cells::Distinct(Keyed::new(Distinct { within_ms, room }, shape, full))
            }
        }))
    }

    /// What [`Self::take`] would say, without a charge.
    pub(crate) fn peek(&self, key: u64, ask: &Ask, now: Now) -> Outcome {
        each_kind!(self, keyed => keyed.peek(key, ask, now))
    }

    /// Charges the cost if it passes.
    #[inline]
    pub(crate) fn take(&self, key: u64, ask: &Ask, now: Now) -> (Outcome, Receipt) {
        each_kind!(self, keyed => keyed.take(key, ask, now, Act::Take))
    }

    /// Charges the cost whether it passes or not, and says whether it would have.
    pub(crate) fn charge(&self, key: u64, ask: &Ask, now: Now) -> (Outcome, Receipt) {
        each_kind!(self, keyed => keyed.take(key, ask, now, Act::Charge))
    }

    /// Undoes a charge, as far as it still counts: a lost race, a failed request, or the end of a permit.
    pub(crate) fn restore(&self, receipt: Receipt, now: Now) {
        if let Some(charge) = receipt.0 {
            each_kind!(self, keyed => keyed.give_back(&charge, charge.cost, now));
        }
    }

    /// Replaces what was charged by what it came to. `ask` has the limit's numbers; its cost does not matter.
    ///
    /// Less is given back as far as the charge still counts; more is charged
    /// now, whether it passes or not. A permit is released whatever it came to,
    /// and a distinct value counts unless it came to nothing.
    pub(crate) fn settle(&self, receipt: Receipt, actual: u64, ask: &Ask, now: Now) {
        let Some(charge) = &receipt.0 else { return };
        match (&self.0, actual.checked_sub(charge.cost)) {
            (Cells::Concurrency(_), _) => self.restore(receipt, now),
            (Cells::Distinct(_), _) if actual == 0 => self.restore(receipt, now),
            (Cells::Distinct(_), _) | (_, Some(0)) => {}
            (_, None) => {
                let units = charge.cost - actual;
                each_kind!(self, keyed => keyed.give_back(charge, units, now));
            }
            (_, Some(cost)) => {
                let more = Ask { cost, ..*ask };
                let _settled = self.charge(charge.key, &more, now);
            }
        }
    }

    /// All counters as bytes, for [`Self::load`]. `identity` is the caller's digest of what the counters
    /// mean: the limit, what it is keyed by and its period, and the secret that keys are hashed with.
    pub(crate) fn save(&self, identity: u64, now: Now) -> Vec<u8> {
        let label = self.label(identity);
        each_kind!(self, keyed => keyed.save(label, now))
    }

    /// Takes saved counters in, beside what is counted already; never lowers a counter.
    pub(crate) fn load(
        &self,
        bytes: &[u8],
        identity: u64,
        now: Now,
    ) -> Result<Restored, SnapshotError> {
        let label = self.label(identity);
        each_kind!(self, keyed => keyed.load(bytes, label, now))
    }

    fn label(&self, identity: u64) -> Label {
        let kind = match &self.0 {
            Cells::Rate(_) => 1,
            Cells::Window(_) => 2,
            Cells::TwoCounters(_) => 3,
            Cells::Exact(_) => 4,
            Cells::Concurrency(_) => 5,
            Cells::Distinct(_) => 6,
        };
        Label { kind, identity }
    }

    /// How many requests found no cell.
    pub(crate) fn crowded(&self) -> u64 {
        each_kind!(self, keyed => keyed.crowded())
    }
}

impl Plan {
    /// Bytes that the table will take.
    pub(crate) fn bytes(&self) -> Result<usize, KindError> {
        let shape = self.shape()?;
        let bytes = match self.kind {
            Kind::Rate { .. } => shape.bytes::<1>(),
            _ => shape.bytes::<3>(),
        };
        bytes
            .filter(|bytes| *bytes <= MAX_TABLE_BYTES)
            .ok_or(KindError::TableTooLarge {
                bytes: bytes.map_or(u64::MAX, |bytes| bytes as u64),
            })
    }

    fn check(&self) -> Result<Shape, KindError> {
        self.bytes()?;
        self.shape()
    }

    fn shape(&self) -> Result<Shape, KindError> {
        if self.capacity == 0 {
            return Err(KindError::ZeroCapacity);
        }
        let largest = self.kind.largest();
        if self.most > largest {
            return Err(KindError::LimitTooLarge { most: largest });
        }
        let most = usize::try_from(self.most).unwrap_or(usize::MAX);
        let slots = match self.kind {
            Kind::Rate { .. } | Kind::Window(_) | Kind::Sliding { exact: false, .. } => 0,
            Kind::Sliding { exact: true, .. } => most.saturating_mul(ENTRY_WORDS),
            // Some more, so that permits given back early are not cleared away each time.
            Kind::Concurrency { .. } => (most / 4 + 4)
                .saturating_add(most)
                .saturating_mul(ENTRY_WORDS),
            Kind::Distinct { .. } => most.saturating_mul(VALUE_WORDS),
        };
        Ok(Shape {
            capacity: self.capacity,
            slots,
        })
    }
}
