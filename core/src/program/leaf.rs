//! Entries: what a rule leaves in the index, gathered into leaves.
//!
//! A leaf is a short list that is read through, or, when it is long, a list cut
//! by role: of the entries that need a role only those of held roles are read.

use super::hash::{mix, reduce};
use super::names::number;
use super::predicate::PredicateId;
use super::roles::{RoleId, RoleSet};
use crate::limits::MAX_ENTRIES;

/// What an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EntryKind {
    /// Names the action; carries a route instead of a rule.
    Route,
    Deny,
    Require,
    Allow,
}

/// One alternative of a rule, in a place of the index: 16 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    guard: u32,
    /// Kind in the two highest bits, shadow in the third, the rule or route below.
    tagged: u32,
    /// The methods it is for, one bit each.
    pub(crate) methods: u32,
    /// What is left to ask.
    pub(crate) predicate: PredicateId,
}

const NO_GUARD: u32 = u32::MAX;
const KIND_SHIFT: u32 = 30;
const SHADOW: u32 = 1 << 29;
/// Rules and routes are numbered below this.
pub(crate) const MAX_RULES: usize = 1 << 29;

impl Entry {
    pub(crate) fn new(
        kind: EntryKind,
        shadow: bool,
        rule: u32,
        guard: Option<RoleId>,
        methods: u32,
        predicate: PredicateId,
    ) -> Self {
        let shadow = if shadow { SHADOW } else { 0 };
        Self {
            guard: guard.map_or(NO_GUARD, |role| role.0),
            tagged: (kind as u32) << KIND_SHIFT | shadow | rule & (SHADOW - 1),
            methods,
            predicate,
        }
    }

    #[inline]
    pub(crate) const fn kind(self) -> EntryKind {
        match self.tagged >> KIND_SHIFT {
            0 => EntryKind::Route,
            1 => EntryKind::Deny,
            2 => EntryKind::Require,
            _ => EntryKind::Allow,
        }
    }

    #[inline]
    pub(crate) const fn is_shadow(self) -> bool {
        self.tagged & SHADOW != 0
    }

    /// The rule, or for a route the route.
    #[inline]
    pub(crate) const fn rule(self) -> u32 {
        self.tagged & (SHADOW - 1)
    }

    #[inline]
    pub(crate) const fn guard(self) -> Option<RoleId> {
        if self.guard == NO_GUARD {
            None
        } else {
            Some(RoleId(self.guard))
        }
    }
}

/// Where the entries of one place stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) at: u32,
    pub(crate) len: u8,
}

/// `Leaf::len` of a leaf that is cut by role; `at` is then its number.
const FAT: u8 = u8::MAX;
/// Longer leaves are cut by role.
const FAT_ABOVE: usize = 8;

#[derive(Clone, Copy, Debug)]
struct Fat {
    start: u32,
    /// Entries without a guard, at the start.
    plain: u32,
    len: u32,
}

#[derive(Clone, Copy, Debug)]
struct FatSlot {
    fat: u32,
    guard: u32,
    start: u32,
    len: u32,
}

const EMPTY_SLOT: FatSlot = FatSlot {
    fat: u32::MAX,
    guard: 0,
    start: 0,
    len: 0,
};

/// All entries of a program.
#[derive(Debug, Default)]
pub(crate) struct Leaves {
    entries: Box<[Entry]>,
    fats: Box<[Fat]>,
    slots: Box<[FatSlot]>,
    seed: u64,
}

impl Leaves {
    /// The routes of a leaf; they stand first.
    #[inline]
    pub(crate) fn routes(&self, leaf: Leaf) -> impl Iterator<Item = &Entry> {
        self.plain(leaf)
            .iter()
            .take_while(|entry| entry.kind() == EntryKind::Route)
    }

    #[inline(always)]
    fn plain(&self, leaf: Leaf) -> &[Entry] {
        let (start, len) = if leaf.len == FAT {
            self.fats
                .get(leaf.at as usize)
                .map_or((0, 0), |fat| (fat.start, fat.plain))
        } else {
            (leaf.at, u32::from(leaf.len))
        };
        self.entries
            .get(start as usize..start as usize + len as usize)
            .unwrap_or_default()
    }

    /// Calls `visit` with every entry of a leaf that asks for no role or for a held one.
    #[inline(always)]
    pub(crate) fn visit(&self, leaf: Leaf, roles: &RoleSet, mut visit: impl FnMut(&Entry)) {
        for entry in self.plain(leaf) {
            if entry.guard().is_none_or(|role| roles.has(role)) {
                visit(entry);
            }
        }
        if leaf.len == FAT {
            for role in roles.iter() {
                self.guarded(leaf.at, role).iter().for_each(&mut visit);
            }
        }
    }

    /// Every entry of a leaf, whatever role it asks for.
    pub(crate) fn all(&self, leaf: Leaf) -> &[Entry] {
        let (start, len) = if leaf.len == FAT {
            self.fats
                .get(leaf.at as usize)
                .map_or((0, 0), |fat| (fat.start, fat.len))
        } else {
            (leaf.at, u32::from(leaf.len))
        };
        self.entries
            .get(start as usize..start as usize + len as usize)
            .unwrap_or_default()
    }

    fn slice(&self, slot: FatSlot) -> &[Entry] {
        self.entries
            .get(slot.start as usize..slot.start as usize + slot.len as usize)
            .unwrap_or_default()
    }

    fn guarded(&self, fat: u32, role: RoleId) -> &[Entry] {
        let mut at = place(self.seed, fat, role.0, self.slots.len());
        while let Some(slot) = self.slots.get(at) {
            if slot.fat == EMPTY_SLOT.fat {
                break;
            }
            if slot.fat == fat && slot.guard == role.0 {
                return self.slice(*slot);
            }
            at = if at + 1 == self.slots.len() {
                0
            } else {
                at + 1
            };
        }
        &[]
    }

    pub(crate) fn bytes_held(&self) -> usize {
        size_of_val(&*self.entries) + size_of_val(&*self.fats) + size_of_val(&*self.slots)
    }
}

fn place(seed: u64, fat: u32, guard: u32, slots: usize) -> usize {
    reduce(mix(seed, u64::from(fat) << 32 | u64::from(guard)), slots)
}

/// Gathers entries by the leaf that they belong to.
#[derive(Debug, Default)]
pub(crate) struct LeavesBuilder {
    entries: Vec<(u32, Entry)>,
    leaves: u32,
}

impl LeavesBuilder {
    /// A new leaf; it may stay empty.
    pub(crate) fn leaf(&mut self) -> u32 {
        self.leaves += 1;
        self.leaves - 1
    }

    /// Entries beyond [`MAX_ENTRIES`] are not kept; [`Self::is_full`] tells.
    pub(crate) fn push(&mut self, leaf: u32, entry: Entry) {
        if !self.is_full() {
            self.entries.push((leaf, entry));
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= MAX_ENTRIES
    }

    /// The entries, and where each leaf's are.
    pub(crate) fn finish(mut self, seed: u64) -> (Leaves, Vec<Leaf>) {
        self.entries.sort_unstable_by_key(|(leaf, entry)| {
            let unguarded = entry.guard == NO_GUARD;
            (
                *leaf,
                entry.kind() != EntryKind::Route,
                !unguarded,
                entry.guard,
                entry.tagged,
                entry.predicate,
            )
        });
        let mut refs = vec![Leaf::default(); self.leaves as usize];
        let (mut fats, mut groups) = (Vec::new(), Vec::new());
        let mut start = 0;
        for chunk in self.entries.chunk_by(|(a, _), (b, _)| a == b) {
            let by_role = chunk.len() > FAT_ABOVE
                && chunk.iter().any(|(_, entry)| entry.guard != NO_GUARD)
                || chunk.len() >= usize::from(FAT);
            let leaf = if by_role {
                let fat = number(fats.len());
                fats.push(cut(chunk, fat, start, &mut groups));
                Leaf { at: fat, len: FAT }
            } else {
                Leaf {
                    at: start,
                    len: u8::try_from(chunk.len()).unwrap_or(FAT),
                }
            };
            if let Some(slot) = chunk.first().and_then(|(id, _)| refs.get_mut(*id as usize)) {
                *slot = leaf;
            }
            start += number(chunk.len());
        }
        let entries = self.entries.into_iter().map(|(_, entry)| entry).collect();
        let leaves = Leaves {
            entries,
            fats: fats.into(),
            slots: table(groups, seed),
            seed,
        };
        (leaves, refs)
    }
}

/// Cuts the sorted entries of a leaf by role; they begin at `start`.
fn cut(chunk: &[(u32, Entry)], fat: u32, start: u32, groups: &mut Vec<FatSlot>) -> Fat {
    let plain = chunk
        .iter()
        .take_while(|(_, entry)| entry.guard == NO_GUARD)
        .count();
    let guarded = chunk.get(plain..).unwrap_or_default();
    let mut from = start + number(plain);
    for group in guarded.chunk_by(|(_, a), (_, b)| a.guard == b.guard) {
        let len = number(group.len());
        groups.push(FatSlot {
            fat,
            guard: group.first().map_or(NO_GUARD, |(_, entry)| entry.guard),
            start: from,
            len,
        });
        from += len;
    }
    Fat {
        start,
        plain: number(plain),
        len: number(chunk.len()),
    }
}

/// The groups in an open-addressing table that is at most half full.
fn table(groups: Vec<FatSlot>, seed: u64) -> Box<[FatSlot]> {
    let capacity = if groups.is_empty() {
        0
    } else {
        (groups.len() * 2).max(8)
    };
    let mut slots = vec![EMPTY_SLOT; capacity];
    for group in groups {
        let mut at = place(seed, group.fat, group.guard, capacity);
        while let Some(slot) = slots.get_mut(at) {
            if slot.fat == EMPTY_SLOT.fat {
                *slot = group;
                break;
            }
            at = if at + 1 == capacity { 0 } else { at + 1 };
        }
    }
    slots.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_gives_what_was_put_in_for_the_roles_held() {
        let mut builder = LeavesBuilder::default();
        let sizes = [0usize, 1, 8, 9, 300, 5];
        let leaves: Vec<u32> = sizes.iter().map(|_| builder.leaf()).collect();
        for (leaf, size) in leaves.iter().zip(sizes) {
            for i in 0..size {
                let guard = (i % 3 != 0).then(|| RoleId(number(i % 7)));
                builder.push(
                    *leaf,
                    Entry::new(
                        EntryKind::Allow,
                        i % 2 == 0,
                        number(i),
                        guard,
                        u32::MAX,
                        PredicateId::TRUE,
                    ),
                );
            }
        }
        let (built, refs) = builder.finish(99);
        for held in [vec![], vec![1], vec![2, 5], vec![0, 1, 2, 3, 4, 5, 6]] {
            let mut roles = RoleSet::for_roles(7);
            held.iter().for_each(|role| roles.insert(RoleId(*role)));
            for (leaf, size) in refs.iter().zip(sizes) {
                let mut all: Vec<u32> = built.all(*leaf).iter().map(|e| e.rule()).collect();
                all.sort_unstable();
                assert_eq!(all, (0..size).map(number).collect::<Vec<_>>());
                let mut seen = Vec::new();
                built.visit(*leaf, &roles, |entry| seen.push(entry.rule()));
                seen.sort_unstable();
                let expected: Vec<u32> = (0..size)
                    .filter(|i| i % 3 == 0 || held.contains(&number(i % 7)))
                    .map(number)
                    .collect();
                assert_eq!(seen, expected, "{held:?} {size}");
            }
        }
    }
}
