//! A table of verified credentials with a bound of entries and one of bytes.
//!
//! Four entries share a set; a credential's keyed hash names its set, and the
//! text is always compared, so that a collision costs time and never an identity.

use super::verified::{Kept, Kind, Verified};
use crate::crypto::digest;
use crate::program::hash::{hash_bytes, mix};
use std::sync::Arc;

/// A credential as it comes, hashed once.
#[derive(Clone, Copy)]
pub(crate) struct Credential<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a [u8],
    pub(crate) tag: u64,
}

/// How much of a credential is hashed: its end, which is a signature or a secret.
const HASHED: usize = 32;

impl<'a> Credential<'a> {
    #[inline]
    pub(crate) fn new(kind: Kind, text: &'a [u8], seed: u64) -> Self {
        let end = text
            .last_chunk::<HASHED>()
            .map_or(text, |chunk| chunk.as_slice());
        let tag = mix(
            hash_bytes(end, seed),
            (text.len() as u64) << 2 | kind as u64,
        );
        Self { kind, text, tag }
    }

    /// Whether it is the one that was verified.
    #[inline]
    pub(crate) fn is(&self, verified: &Verified) -> bool {
        verified.kind == self.kind
            && match &verified.kept {
                Kept::Text(text) => **text == *self.text,
                Kept::Digest(kept) => *kept == digest([self.text]),
            }
    }
}

const WAYS: usize = 4;

/// One line of 64 bytes.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Set([Slot; WAYS]);

#[derive(Debug, Default)]
struct Slot {
    tag: u64,
    verified: Option<Arc<Verified>>,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    set: usize,
    way: usize,
}

#[derive(Debug)]
pub(crate) struct Table {
    sets: Box<[Set]>,
    bytes: usize,
    most_bytes: usize,
    entries: usize,
    /// Whose turn it is to go.
    turn: usize,
}

impl Table {
    /// Room for at most `entries`, rounded down to what fills whole sets.
    pub(crate) fn new(entries: usize, most_bytes: usize) -> Self {
        let sets = match entries / WAYS {
            0 => 0,
            sets => 1 << sets.ilog2(),
        };
        Self {
            sets: (0..sets).map(|_| Set::default()).collect(),
            bytes: 0,
            most_bytes,
            entries: 0,
            turn: 0,
        }
    }

    #[inline]
    fn set_of(&self, tag: u64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the low bits are what is wanted"
        )]
        let set = tag as usize & self.sets.len().wrapping_sub(1);
        set
    }

    #[inline]
    pub(crate) fn find(&self, credential: &Credential<'_>) -> Option<At> {
        let set = self.set_of(credential.tag);
        let slots = &self.sets.get(set)?.0;
        let way = slots.iter().position(|slot| {
            slot.tag == credential.tag
                && slot
                    .verified
                    .as_ref()
                    .is_some_and(|verified| credential.is(verified))
        })?;
        Some(At { set, way })
    }

    #[inline]
    pub(crate) fn get(&self, at: At) -> Option<&Arc<Verified>> {
        self.sets.get(at.set)?.0.get(at.way)?.verified.as_ref()
    }

    /// Puts a credential in, for others if there is no room, but never for the one at `keep`.
    /// `None` if it is too large, or there is no table at all.
    pub(crate) fn insert(
        &mut self,
        tag: u64,
        verified: Arc<Verified>,
        keep: Option<At>,
    ) -> Option<At> {
        let size = verified.bytes_held();
        let set = self.set_of(tag);
        let slots = &self.sets.get(set)?.0;
        let free = slots.iter().position(|slot| slot.verified.is_none());
        let turn = self.turn % WAYS;
        let kept = |way: usize| keep == Some(At { set, way });
        let way = free.unwrap_or(if kept(turn) { (turn + 1) % WAYS } else { turn });
        self.turn = self.turn.wrapping_add(1);
        let at = At { set, way };
        self.remove(at);
        self.make_room(size, keep);
        if self.bytes + size > self.most_bytes {
            return None;
        }
        let slot = self.sets.get_mut(set)?.0.get_mut(way)?;
        *slot = Slot {
            tag,
            verified: Some(verified),
        };
        self.bytes += size;
        self.entries += 1;
        Some(at)
    }

    pub(crate) fn remove(&mut self, at: At) {
        let slot = self
            .sets
            .get_mut(at.set)
            .and_then(|set| set.0.get_mut(at.way));
        if let Some(verified) = slot.and_then(|slot| slot.verified.take()) {
            self.bytes -= verified.bytes_held();
            self.entries -= 1;
        }
    }

    /// Takes entries out, one set after the other, until there is room.
    fn make_room(&mut self, size: usize, keep: Option<At>) {
        for _ in 0..self.sets.len() {
            if self.bytes + size <= self.most_bytes {
                return;
            }
            let set = self.turn & (self.sets.len() - 1);
            self.turn = self.turn.wrapping_add(1);
            for way in 0..WAYS {
                if keep != Some(At { set, way }) {
                    self.remove(At { set, way });
                }
            }
        }
    }

    /// Takes out what is not to stay.
    pub(crate) fn retain(&mut self, mut stays: impl FnMut(&Verified) -> bool) {
        for set in 0..self.sets.len() {
            for way in 0..WAYS {
                let at = At { set, way };
                if self.get(at).is_some_and(|verified| !stays(verified)) {
                    self.remove(at);
                }
            }
        }
    }

    pub(crate) const fn entries(&self) -> usize {
        self.entries
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}
