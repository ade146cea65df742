//! Cells by key in a fixed table: found, claimed, reclaimed and held one thread at a time.
//!
//! A cell is a tag (63 bits of the keyed hash, and one that says *busy*) and
//! some words. The first word is always the time at which the cell comes to
//! equal a fresh one: what is over may be given to another key, and nothing is
//! lost.
//!
//! - A thread changes words only between making the tag busy and setting it back.
//! - A cell once claimed never becomes empty again, only another key's. So a search ends at
//!   the first line with an empty cell: the key was never placed beyond it.
//! - Keys are brought in under the lock of their stripe, so no key has two cells. A stripe's
//!   holder may wait for a cell, a cell's holder waits for nothing.
//! - What a reclaimed cell remembered last is the table's floor: a fresh cell starts there, so
//!   that a thread whose clock reading is old does not find an earlier time fresh.

use super::sync::{AtomicU64, Ordering, Patience, fence};
use std::array;

/// Cells of one line.
const CELLS: usize = 4;
const BUSY: u64 = 1;
const EMPTY: u64 = 0;
/// The tag of the one cell that shares what has none, and of a key whose hash is the empty tag.
const SHARED: u64 = 2;
/// Lines in which a key may be. With two cells for each key of the capacity, fewer than one in 10⁹ finds them all taken.
const REACH: usize = 32;
const MAX_STRIPES: usize = 64;

/// Four cells: 64 bytes, one line of a cache, where a cell has one word.
#[repr(align(64))]
#[derive(Debug)]
struct Line<const W: usize> {
    tags: [AtomicU64; CELLS],
    words: [[AtomicU64; W]; CELLS],
}

/// The size of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Keys that it has to hold at once.
    pub(super) capacity: usize,
    /// Further words of each cell, beside its line.
    pub(super) slots: usize,
}

/// A fixed number of cells of `W` words, found by key.
#[derive(Debug)]
pub(super) struct Table<const W: usize> {
    lines: Box<[Line<W>]>,
    stripes: Box<[AtomicU64]>,
    floor: AtomicU64,
    shared: Line<W>,
    slots: Box<[AtomicU64]>,
    stride: usize,
}

/// A cell that was found, not held.
#[derive(Clone, Copy)]
pub(super) struct Cell<'t, const W: usize> {
    key: u64,
    tag: &'t AtomicU64,
    words: &'t [AtomicU64; W],
    table: &'t Table<W>,
    /// Which cell of the table it is.
    number: usize,
}

/// A cell that this thread alone may change, until this is dropped.
pub(super) struct Held<'t, const W: usize> {
    cell: Cell<'t, W>,
}

/// What one line says about a key.
enum Look {
    Found(usize),
    /// It is in no line: there was room for it here.
    Absent,
    Further,
}

enum Hold<'t, const W: usize> {
    Held(Held<'t, W>),
    /// It has become another key's.
    Moved,
    /// Its holder does not come back.
    Stuck,
}

impl<const W: usize> Line<W> {
    fn new() -> Self {
        Self {
            tags: array::from_fn(|_| AtomicU64::new(EMPTY)),
            words: array::from_fn(|_| array::from_fn(|_| AtomicU64::new(0))),
        }
    }

    /// Looks at all four tags before it branches: which of them it is cannot be foretold.
    #[inline]
    fn look(&self, tag: u64) -> Look {
        let [a, b, c, d] = &self.tags;
        let seen = [a, b, c, d].map(|tag| tag.load(Ordering::Acquire));
        // Of two tags that differ at most in being busy, the difference is at most that bit.
        let [a, b, c, d] = seen.map(|seen| seen ^ tag <= BUSY);
        let place = usize::from(b | d) | usize::from(c | d) << 1;
        match a | b | c | d {
            true => Look::Found(place),
            false if seen.contains(&EMPTY) => Look::Absent,
            false => Look::Further,
        }
    }
}

impl Shape {
    /// Two cells for each key, and one place at least.
    fn lines(self) -> usize {
        self.capacity.div_ceil(CELLS / 2).max(1)
    }

    /// Bytes of a table of this size.
    pub(super) fn bytes<const W: usize>(self) -> Option<usize> {
        let cell_slots = self.slots.checked_mul(CELLS)?.checked_mul(8)?;
        size_of::<Line<W>>()
            .checked_add(cell_slots)?
            .checked_mul(self.lines().checked_add(1)?)
    }
}

/// The keyed hash as a tag: without the bit that says busy, and never empty.
fn tag_of(key: u64) -> u64 {
    match key & !BUSY {
        EMPTY => SHARED,
        tag => tag,
    }
}

impl<const W: usize> Table<W> {
    pub(super) fn new(shape: Shape) -> Self {
        let lines = shape.lines();
        // The last places are those of the shared cell.
        let slots = (lines * CELLS + 1) * shape.slots;
        let table = Self {
            lines: (0..lines).map(|_| Line::new()).collect(),
            stripes: (0..lines.min(MAX_STRIPES))
                .map(|_| AtomicU64::new(0))
                .collect(),
            floor: AtomicU64::new(0),
            shared: Line::new(),
            slots: (0..slots).map(|_| AtomicU64::new(0)).collect(),
            stride: shape.slots,
        };
        let [shared, ..] = &table.shared.tags;
        shared.store(SHARED, Ordering::Release);
        table
    }

    /// Where a fresh cell starts.
    pub(super) fn floor(&self) -> u64 {
        self.floor.load(Ordering::Acquire)
    }

    /// The cell of a key that has one.
    #[inline]
    pub(super) fn find(&self, key: u64) -> Option<Cell<'_, W>> {
        let tag = tag_of(key);
        let home = self.home(tag);
        let line = self.lines.get(home)?;
        match line.look(tag) {
            Look::Found(place) => self.cell(tag, home, line, place),
            Look::Absent => None,
            Look::Further => self.find_further(tag, home),
        }
    }

    /// Most keys are in their first line.
    #[inline(never)]
    fn find_further(&self, tag: u64, home: usize) -> Option<Cell<'_, W>> {
        for (at, line) in self.way(home).skip(1) {
            match line.look(tag) {
                Look::Found(place) => return self.cell(tag, at, line, place),
                Look::Absent => return None,
                Look::Further => {}
            }
        }
        None
    }

    /// Holds the cell of a key that has one.
    pub(super) fn hold(&self, key: u64) -> Option<Held<'_, W>> {
        let mut patience = Patience::default();
        loop {
            match self.find(key)?.hold(&mut patience) {
                Hold::Held(held) => return Some(held),
                Hold::Moved => {}
                Hold::Stuck => return None,
            }
        }
    }

    /// Holds the cell of a key, a fresh one if it had none; nothing if all are taken.
    pub(super) fn hold_or_claim(&self, key: u64, now: u64) -> Option<Held<'_, W>> {
        let mut patience = Patience::default();
        while let Some(cell) = self.find(key) {
            match cell.hold(&mut patience) {
                Hold::Held(held) => return Some(held),
                Hold::Moved => {}
                Hold::Stuck => return None,
            }
        }
        self.bring_in(tag_of(key), now)
    }

    /// Holds the cell of all keys that found no place.
    pub(super) fn hold_shared(&self) -> Option<Held<'_, W>> {
        let [tag, ..] = &self.shared.tags;
        let [words, ..] = &self.shared.words;
        let cell = Cell {
            key: SHARED,
            tag,
            words,
            table: self,
            number: self.lines.len() * CELLS,
        };
        match cell.hold(&mut Patience::default()) {
            Hold::Held(held) => Some(held),
            Hold::Moved | Hold::Stuck => None,
        }
    }

    /// Every cell that has a key, held one after the other.
    pub(super) fn each(&self) -> impl Iterator<Item = Held<'_, W>> {
        let places = self.lines.iter().enumerate();
        let cells = places.flat_map(move |(at, line)| {
            (0..CELLS).filter_map(move |place| self.cell(EMPTY, at, line, place))
        });
        cells.filter_map(|cell| {
            let mut patience = Patience::default();
            loop {
                let key = cell.tag.load(Ordering::Acquire) & !BUSY;
                if key == EMPTY {
                    return None;
                }
                match (Cell { key, ..cell }).hold(&mut patience) {
                    Hold::Held(held) => return Some(held),
                    Hold::Moved => {}
                    Hold::Stuck => return None,
                }
            }
        })
    }

    /// The number of the first line of a key.
    #[inline]
    fn home(&self, tag: u64) -> usize {
        // The high half of a product is below the number of lines, and spread as evenly as the hash is.
        let product = u128::from(tag) * self.lines.len() as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }

    /// The lines in which a key may be, with their numbers.
    fn way(&self, home: usize) -> impl Iterator<Item = (usize, &Line<W>)> {
        let (before, from) = self.lines.split_at_checked(home).unwrap_or_default();
        let from = from
            .iter()
            .enumerate()
            .map(move |(n, line)| (home + n, line));
        from.chain(before.iter().enumerate()).take(REACH)
    }

    #[inline]
    fn cell<'t>(
        &'t self,
        key: u64,
        at: usize,
        line: &'t Line<W>,
        place: usize,
    ) -> Option<Cell<'t, W>> {
        Some(Cell {
            key,
            tag: line.tags.get(place)?,
            words: line.words.get(place)?,
            table: self,
            number: at * CELLS + place,
        })
    }

    /// Gives a key a cell, unless another thread just did.
    #[cold]
    fn bring_in(&self, tag: u64, now: u64) -> Option<Held<'_, W>> {
        let mut patience = Patience::default();
        let _stripe = self.hold_stripe(tag, &mut patience)?;
        while let Some(cell) = self.find(tag) {
            match cell.hold(&mut patience) {
                Hold::Held(held) => return Some(held),
                Hold::Moved => {}
                Hold::Stuck => return None,
            }
        }
        for (at, line) in self.way(self.home(tag)) {
            for place in 0..CELLS {
                let cell = self.cell(tag, at, line, place)?;
                if cell.claim(now, &self.floor, &mut patience) {
                    return Some(cell.fresh(self.floor()));
                }
            }
        }
        None
    }

    fn hold_stripe(&self, tag: u64, patience: &mut Patience) -> Option<Stripe<'_>> {
        let number = usize::try_from(tag >> 1).unwrap_or(0) % self.stripes.len();
        let stripe = self.stripes.get(number)?;
        while stripe
            .compare_exchange(0, BUSY, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            if !patience.wait() {
                return None;
            }
        }
        Some(Stripe(stripe))
    }
}

/// The right to bring in the keys of one stripe.
struct Stripe<'t>(&'t AtomicU64);

impl Drop for Stripe<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

impl<'t, const W: usize> Cell<'t, W> {
    /// The first word, as it was at some moment since the cell was found; nothing if it is another key's by now.
    #[inline]
    pub(super) fn first(&self) -> Option<u64> {
        let [first, ..] = self.words.as_slice() else {
            return None;
        };
        let value = first.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        (self.tag.load(Ordering::Relaxed) & !BUSY == self.key).then_some(value)
    }

    /// Holds it, changes the first word from one value to another, and lets it go; false if that takes
    /// a wait, it is another key's by now or the word is another.
    #[inline]
    pub(super) fn replace_first(&self, from: u64, to: u64) -> bool {
        let [first, ..] = self.words.as_slice() else {
            return false;
        };
        let (free, busy) = (self.key, self.key | BUSY);
        let swap = self
            .tag
            .compare_exchange(free, busy, Ordering::Acquire, Ordering::Relaxed);
        if swap.is_err() {
            return false;
        }
        let same = first.load(Ordering::Relaxed) == from;
        if same {
            first.store(to, Ordering::Relaxed);
        }
        self.tag.store(free, Ordering::Release);
        same
    }

    fn hold(self, patience: &mut Patience) -> Hold<'t, W> {
        loop {
            match self.tag.compare_exchange(
                self.key,
                self.key | BUSY,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Hold::Held(Held { cell: self }),
                Err(seen) if seen & !BUSY != self.key => return Hold::Moved,
                Err(_) if patience.wait() => {}
                Err(_) => return Hold::Stuck,
            }
        }
    }

    /// Makes an empty cell, or one that is over, this key's and busy.
    fn claim(&self, now: u64, floor: &AtomicU64, patience: &mut Patience) -> bool {
        let taken = self.key | BUSY;
        loop {
            let seen = self.tag.load(Ordering::Acquire);
            if seen != EMPTY && self.over(now).is_none() {
                return false;
            }
            if seen & BUSY != 0 {
                // Over, unless its holder is about to charge it.
                if patience.wait() {
                    continue;
                }
                return false;
            }
            // Held as the other key's first: it must not be missing while it may yet turn out to be alive.
            let held = if seen == EMPTY { taken } else { seen | BUSY };
            let swap = self
                .tag
                .compare_exchange(seen, held, Ordering::Acquire, Ordering::Relaxed);
            if swap.is_err() {
                continue;
            }
            if seen == EMPTY {
                return true;
            }
            if let Some(last) = self.over(now) {
                floor.fetch_max(last, Ordering::AcqRel);
                self.tag.store(taken, Ordering::Release);
                return true;
            }
            self.tag.store(seen, Ordering::Release);
            return false;
        }
    }

    /// When the cell came to equal a fresh one, if that is past.
    fn over(&self, now: u64) -> Option<u64> {
        let [first, ..] = self.words.as_slice() else {
            return None;
        };
        Some(first.load(Ordering::Relaxed)).filter(|first| *first <= now)
    }

    /// A claimed cell as every key starts.
    fn fresh(self, floor: u64) -> Held<'t, W> {
        // Whoever sees what is written here, without holding the cell, sees the new tag too.
        fence(Ordering::Release);
        for word in self.words {
            word.store(0, Ordering::Relaxed);
        }
        if let [first, ..] = self.words.as_slice() {
            first.store(floor, Ordering::Relaxed);
        }
        Held { cell: self }
    }
}

impl<'t, const W: usize> Held<'t, W> {
    /// The key, as far as the table knows it.
    pub(super) fn key(&self) -> u64 {
        self.cell.key
    }

    #[inline]
    pub(super) fn read(&self) -> [u64; W] {
        array::from_fn(|n| {
            let word = self.cell.words.get(n);
            word.map_or(0, |word| word.load(Ordering::Relaxed))
        })
    }

    #[inline]
    pub(super) fn write(&self, values: [u64; W]) {
        for (word, value) in self.cell.words.iter().zip(values) {
            word.store(value, Ordering::Relaxed);
        }
    }

    /// The words beside the line.
    pub(super) fn slots(&self) -> &'t [AtomicU64] {
        let Table { slots, stride, .. } = self.cell.table;
        let first = self.cell.number * stride;
        slots.get(first..first + stride).unwrap_or_default()
    }
}

impl<const W: usize> Drop for Held<'_, W> {
    #[inline]
    fn drop(&mut self) {
        self.cell.tag.store(self.cell.key, Ordering::Release);
    }
}
