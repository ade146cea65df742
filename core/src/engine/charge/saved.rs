//! Counters as bytes, so that a restart does not hand out a fresh month.
//!
//! `gatelet counters 1`, then for each limit: its identity, the secrets of its
//! keys, the length of what its table saved, and that.

use super::counters::{Counter, CounterSet, LimitCounter};
use super::key::Seeds;
use crate::quota::{Now, SnapshotError};
use core::fmt;
use std::sync::Arc;

const MAGIC: &[u8] = b"gatelet counters 1\n";

/// What saved counters brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoredCounters {
    /// Limits that have their counters back.
    pub limits: usize,
    /// Keys of these limits.
    pub counters: usize,
    /// Keys for which a table has no room.
    pub without_room: usize,
    /// Limits that were saved, and that the policy has no more.
    pub unknown: usize,
}

/// Why saved counters cannot be restored; none of them was then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CountersError {
    /// These bytes are no saved counters, or of another version.
    NoCounters,
    /// They end too early, or do not hold what was written.
    Damaged,
}

impl fmt::Display for CountersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCounters => "these bytes are no counters that this version saves",
            Self::Damaged => "these counters are not as they were saved",
        })
    }
}

impl std::error::Error for CountersError {}

/// The saved counters of one limit.
struct Saved<'b> {
    identity: [u8; 32],
    seeds: Seeds,
    table: &'b [u8],
}

impl CounterSet {
    /// All that is counted in the process.
    pub(in crate::engine) fn save(&self, now: Now) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for counter in (0..self.slots.len()).filter_map(|number| self.here(number)) {
            let table = counter.save(now);
            bytes.extend(counter.identity);
            bytes.extend(counter.seeds.iter().flat_map(|seed| seed.to_le_bytes()));
            bytes.extend((table.len() as u64).to_le_bytes());
            bytes.extend(table);
        }
        bytes
    }

    /// The same counters with what was saved of them.
    pub(in crate::engine) fn restored(
        &self,
        bytes: &[u8],
        now: Now,
    ) -> Result<(Self, RestoredCounters), CountersError> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(CountersError::NoCounters)?;
        let mut all = Vec::new();
        while !rest.is_empty() {
            all.push(next(&mut rest).ok_or(CountersError::Damaged)?);
        }
        let mut told = RestoredCounters::default();
        let slots = self.slots.iter().enumerate().map(|(number, slot)| {
            let counter = self.here(number);
            let saved = counter
                .and_then(|counter| all.iter().find(|saved| saved.identity == counter.identity));
            let (Some(counter), Some(saved)) = (counter, saved) else {
                return Ok(slot.clone());
            };
            let counter = counter
                .with(saved.seeds)
                .map_err(|_| CountersError::Damaged)?;
            let brought = counter
                .load(saved.table, now)
                .map_err(|error: SnapshotError| damaged(&error))?;
            told.limits += 1;
            told.counters += brought.cells;
            told.without_room += brought.without_room;
            Ok(slot.counting(counter))
        });
        let slots = slots.collect::<Result<Box<[LimitCounter]>, _>>()?;
        told.unknown = all.len() - told.limits.min(all.len());
        Ok((Self { slots }, told))
    }
}

const fn damaged(_: &SnapshotError) -> CountersError {
    CountersError::Damaged
}

fn next<'b>(rest: &mut &'b [u8]) -> Option<Saved<'b>> {
    let (identity, after) = rest.split_first_chunk::<32>()?;
    let (first, after) = after.split_first_chunk::<8>()?;
    let (second, after) = after.split_first_chunk::<8>()?;
    let (len, after) = after.split_first_chunk::<8>()?;
    let len = usize::try_from(u64::from_le_bytes(*len)).ok()?;
    let (table, after) = after.split_at_checked(len)?;
    *rest = after;
    Some(Saved {
        identity: *identity,
        seeds: [u64::from_le_bytes(*first), u64::from_le_bytes(*second)],
        table,
    })
}

impl Counter {
    /// Counters with these secrets: the same ones, if they are theirs already.
    fn with(self: &Arc<Self>, seeds: Seeds) -> Result<Arc<Self>, crate::quota::KindError> {
        if self.seeds == seeds {
            return Ok(Arc::clone(self));
        }
        self.empty(seeds).map(Arc::new)
    }
}
