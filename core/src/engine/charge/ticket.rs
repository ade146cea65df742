//! Tickets: what is still to be settled of a decision, in a ring of a fixed size.

use super::counters::Counter;
use super::stored::Debt;
use crate::quota::{Ask, Now, Receipt};
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What an allowed decision leaves to be settled: the true cost, or the end of the request.
///
/// It is a small value that may be copied and can be used once, by
/// [`Engine::report`](crate::Engine::report) or
/// [`Engine::release`](crate::Engine::release). One that is never used is
/// forgotten in time: what was estimated stays charged, and what was under way
/// ends with its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    pub(super) engine: u32,
    pub(super) number: u64,
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.engine, self.number)
    }
}

impl core::str::FromStr for Ticket {
    type Err = TicketError;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, TicketError> {
        let (engine, number) = text.split_once('-').ok_or(TicketError)?;
        Ok(Self {
            engine: u32::from_str_radix(engine, 16).map_err(|_| TicketError)?,
            number: u64::from_str_radix(number, 16).map_err(|_| TicketError)?,
        })
    }
}

/// A text that no ticket has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketError;

impl fmt::Display for TicketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is no ticket")
    }
}

impl std::error::Error for TicketError {}

/// Charges of one decision that fit into one place of the ring; a decision with more takes several.
const ENTRIES: usize = 4;
/// Places of the ring, a power of two.
const PLACES: u64 = 8_192;

/// One charge to settle.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) owed: Owed,
    /// Whether it ends with the request.
    pub(super) concurrent: bool,
    /// Whether it goes by the cost that is reported.
    pub(super) by_cost: bool,
}

/// Where it was charged.
#[derive(Debug)]
pub(super) enum Owed {
    Here {
        counter: Arc<Counter>,
        receipt: Receipt,
        /// The limit's numbers.
        ask: Ask,
    },
    Store(Debt),
}

#[derive(Debug, Default)]
struct Place {
    number: u64,
    /// Whether the decision goes on in the next place.
    more: bool,
    entries: [Option<Entry>; ENTRIES],
}

/// Tickets that have not been used, the oldest of which give way to new ones.
#[derive(Debug)]
pub(in crate::engine) struct Tickets {
    engine: u32,
    next: AtomicU64,
    places: Box<[Mutex<Place>]>,
}

impl Tickets {
    pub(in crate::engine) fn new(engine: u32) -> Self {
        Self {
            engine,
            next: AtomicU64::new(1),
            places: (0..PLACES).map(|_| Mutex::default()).collect(),
        }
    }

    /// Keeps charges until they are settled; no ticket where there are none.
    pub(super) fn keep(
        &self,
        count: usize,
        mut entries: impl Iterator<Item = Entry>,
    ) -> Option<Ticket> {
        let places = count.div_ceil(ENTRIES) as u64;
        if places == 0 {
            return None;
        }
        let first = self.next.fetch_add(places, Ordering::Relaxed);
        for at in 0..places {
            self.with(first + at, |place| {
                place.number = first + at;
                place.more = at + 1 < places;
                place.entries = core::array::from_fn(|_| entries.next());
            });
        }
        Some(Ticket {
            engine: self.engine,
            number: first,
        })
    }

    /// Settles a ticket: what it cost in the end, or with nothing only that the request is over.
    pub(in crate::engine) fn settle(&self, ticket: Ticket, cost: Option<u64>, now: Now) -> bool {
        if ticket.engine != self.engine {
            return false;
        }
        let (mut number, mut found) = (ticket.number, false);
        loop {
            let taken = self.with(number, |place| {
                let is_it = place.number == number && number != 0;
                is_it.then(|| {
                    place.number = 0;
                    (core::mem::take(&mut place.entries), place.more)
                })
            });
            let Some((entries, more)) = taken.flatten() else {
                return found;
            };
            found = true;
            entries.into_iter().flatten().for_each(|entry| {
                entry.settle(cost, now);
            });
            if !more {
                return found;
            }
            number += 1;
        }
    }

    fn with<T>(&self, number: u64, work: impl FnOnce(&mut Place) -> T) -> Option<T> {
        let at = usize::try_from(number % PLACES).ok()?;
        let place = self.places.get(at)?;
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        Some(work(&mut place))
    }
}

impl Entry {
    fn settle(self, cost: Option<u64>, now: Now) {
        let actual = match cost {
            _ if self.concurrent => 0,
            Some(cost) if self.by_cost => cost,
            _ => return,
        };
        match self.owed {
            Owed::Store(debt) => debt.settle(actual, now),
            Owed::Here {
                counter, receipt, ..
            } if self.concurrent => counter.counters.restore(receipt, now),
            Owed::Here {
                counter,
                receipt,
                ask,
            } => counter.counters.settle(receipt, actual, &ask, now),
        }
    }
}
