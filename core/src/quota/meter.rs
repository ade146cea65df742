//! What every kind of limit does with its table, once for all kinds.

use super::kind::OnFull;
use super::outcome::{Ask, Charge, Counted, Mark, Now, Outcome, Receipt, Verdict};
use super::snapshot::Resumed;
use super::sync::{AtomicU64, Ordering};
use super::table::{Held, Shape, Table};

/// The arithmetic of one kind over the `W` words of a cell and the slots beside them.
pub(super) trait Meter<const W: usize> {
    /// The clock that this kind goes by, as the first word of a cell counts it.
    fn clock(&self, now: Now) -> u64;

    /// Answers, and changes the cell if `act` says so; with a mark if it was charged.
    fn step(
        &self,
        cell: &mut Cell<'_, W>,
        ask: &Ask,
        now: u64,
        act: Act,
    ) -> (Outcome, Option<Mark>);

    /// Takes back so many units of a charge, as far as they still count.
    fn give_back(&self, cell: &mut Cell<'_, W>, mark: Mark, units: u64, now: u64);

    /// What a snapshot keeps of a cell; nothing if it equals a fresh one, or is not to be kept.
    fn dump(&self, cell: &Cell<'_, W>, now: u64) -> Vec<u64>;

    /// Takes what a snapshot kept into a cell, never below what it holds; false if it makes no sense.
    fn load(&self, cell: &mut Cell<'_, W>, kept: &[u64], resumed: Resumed) -> bool;

    /// What [`Act::Take`] comes to where the first word alone decides, so that a refusal needs not hold the cell.
    #[inline]
    fn quick(&self, _first: u64, _ask: &Ask, _now: u64) -> Quick {
        Quick::Unknown
    }
}

/// What the first word of a cell decides.
pub(super) enum Quick {
    Unknown,
    Refused(Outcome),
    /// The word, after a charge.
    Charged(u64, Outcome, Mark),
}

/// What a step is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Only look.
    Peek,
    /// Charge what passes.
    Take,
    /// Charge in any case.
    Charge,
}

/// The words of a cell while they are worked on.
pub(super) struct Cell<'c, const W: usize> {
    pub(super) words: [u64; W],
    pub(super) slots: &'c [AtomicU64],
}

/// Counters of one kind by key.
#[derive(Debug)]
pub(super) struct Keyed<M, const W: usize> {
    meter: M,
    table: Table<W>,
    on_full: OnFull,
    /// Requests that found no cell.
    crowded: AtomicU64,
}

impl<M: Meter<W>, const W: usize> Keyed<M, W> {
    pub(super) fn new(meter: M, shape: Shape, on_full: OnFull) -> Self {
        Self {
            meter,
            table: Table::new(shape),
            on_full,
            crowded: AtomicU64::new(0),
        }
    }

    pub(super) fn table(&self) -> &Table<W> {
        &self.table
    }

    pub(super) fn meter(&self) -> &M {
        &self.meter
    }

    pub(super) fn crowded(&self) -> u64 {
        self.crowded.load(Ordering::Relaxed)
    }

    pub(super) fn peek(&self, key: u64, ask: &Ask, now: Now) -> Outcome {
        let now = self.meter.clock(now);
        if let Some(held) = self.table.hold(key) {
            return self.step(&held, ask, now, Act::Peek).0;
        }
        let mut words = [0; W];
        if let [first, ..] = words.as_mut_slice() {
            *first = self.table.floor();
        }
        let mut fresh = Cell { words, slots: &[] };
        self.meter.step(&mut fresh, ask, now, Act::Peek).0
    }

    /// Takes the cost if it passes, or in any case with [`Act::Charge`].
    #[inline]
    pub(super) fn take(&self, key: u64, ask: &Ask, now: Now, act: Act) -> (Outcome, Receipt) {
        if ask.cost == 0 {
            return (self.peek(key, ask, now), Receipt(None));
        }
        let now = self.meter.clock(now);
        if W == 1
            && act == Act::Take
            && let Some(cell) = self.table.find(key)
            && let Some(first) = cell.first()
        {
            match self.meter.quick(first, ask, now) {
                Quick::Unknown => {}
                Quick::Refused(outcome) => return (outcome, Receipt(None)),
                Quick::Charged(new, outcome, mark) => {
                    if cell.replace_first(first, new) {
                        return (outcome, receipt(key, false, ask, Some(mark)));
                    }
                }
            }
        }
        self.take_slowly(key, ask, now, act)
    }

    /// For a kind with more words, or a key that is new or that another thread holds.
    #[inline(never)]
    fn take_slowly(&self, key: u64, ask: &Ask, now: u64, act: Act) -> (Outcome, Receipt) {
        match self.table.hold_or_claim(key, now) {
            Some(held) => {
                let (outcome, mark) = self.step(&held, ask, now, act);
                (outcome, receipt(key, false, ask, mark))
            }
            None => self.without_cell(key, ask, now, act),
        }
    }

    #[cold]
    fn without_cell(&self, key: u64, ask: &Ask, now: u64, act: Act) -> (Outcome, Receipt) {
        self.crowded.fetch_add(1, Ordering::Relaxed);
        let shared = match self.on_full {
            OnFull::Overflow => self.table.hold_shared(),
            OnFull::Deny => None,
            OnFull::Allow => return (Outcome::full(Verdict::Admitted), Receipt(None)),
        };
        let Some(held) = shared else {
            return (Outcome::full(Verdict::Full), Receipt(None));
        };
        let (outcome, mark) = self.step(&held, ask, now, act);
        let counted = Counted::Together;
        (
            Outcome { counted, ..outcome },
            receipt(key, true, ask, mark),
        )
    }

    /// Gives a charge back, whole or in part.
    pub(super) fn give_back(&self, charge: &Charge, units: u64, now: Now) {
        let held = if charge.together {
            self.table.hold_shared()
        } else {
            self.table.hold(charge.key)
        };
        // Without a cell there is nothing that still counts.
        if let Some(held) = held {
            let mut cell = open(&held);
            let now = self.meter.clock(now);
            self.meter.give_back(&mut cell, charge.mark, units, now);
            held.write(cell.words);
        }
    }

    #[inline]
    fn step(&self, held: &Held<'_, W>, ask: &Ask, now: u64, act: Act) -> (Outcome, Option<Mark>) {
        let mut cell = open(held);
        let (outcome, mark) = self.meter.step(&mut cell, ask, now, act);
        held.write(cell.words);
        (outcome, mark)
    }
}

#[inline]
fn open<'c, const W: usize>(held: &Held<'c, W>) -> Cell<'c, W> {
    Cell {
        words: held.read(),
        slots: held.slots(),
    }
}

fn receipt(key: u64, together: bool, ask: &Ask, mark: Option<Mark>) -> Receipt {
    Receipt(mark.map(|mark| Charge {
        key,
        together,
        cost: ask.cost,
        mark,
    }))
}
