//! The path index: a trie kept flat in one table without probing.
//!
//! An edge and the node that it leads to fill one line of 64 bytes. The place of
//! an edge is a function of the hash of the whole way to it and of a small number
//! (the pilot) that was searched for when the table was built, so that no two
//! edges share a place: hash, displace and compress (Belazzougui, Botelho,
//! Dietzfelbinger, ESA 2009). One step of a walk reads one pilot and one line.

use super::hash::{fold, hash_bytes, hash_image, image, mix, reduce, same_image};
use super::leaf::Leaf;
use crate::limits::MAX_SEGMENTS;
use crate::pattern::path::Segments;

const NO_NODE: u32 = u32::MAX;
/// `Node::len` of a segment that does not fit into its line.
const LONG: u8 = u8::MAX;

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Node {
    /// The image of the segment, or where a long one stands.
    segment: [u64; 3],
    /// One bit for all children of the same six hash bits: most misses end here.
    children: u64,
    /// Hash of the way from the root to here.
    hash: u64,
    parent: u32,
    id: u32,
    /// The child for any one segment, in `wilds`.
    wild: u32,
    exact: u32,
    tail: u32,
    exact_len: u8,
    tail_len: u8,
    len: u8,
}

const UNUSED: Node = Node {
    segment: [0; 3],
    children: 0,
    hash: 0,
    parent: NO_NODE,
    id: NO_NODE,
    wild: NO_NODE,
    exact: 0,
    tail: 0,
    exact_len: 0,
    tail_len: 0,
    len: 0,
};

impl Node {
    #[inline]
    const fn exact(&self) -> Leaf {
        Leaf {
            at: self.exact,
            len: self.exact_len,
        }
    }

    #[inline]
    const fn tail(&self) -> Leaf {
        Leaf {
            at: self.tail,
            len: self.tail_len,
        }
    }
}

/// Where a walk has yet to go: a node for any one segment, and the segment after it.
#[derive(Debug)]
pub(crate) struct Pending {
    items: [(u32, u32); MAX_SEGMENTS + 1],
}

impl Pending {
    pub(crate) const fn new() -> Self {
        Self {
            items: [(0, 0); MAX_SEGMENTS + 1],
        }
    }
}

/// Which paths lead to which leaves.
#[derive(Debug, Default)]
pub(crate) struct PathIndex {
    table: Box<[Node]>,
    pilots: Box<[u16]>,
    wilds: Box<[Node]>,
    roots: Box<[Node]>,
    long: Box<[u8]>,
}

/// A root of the index: 0 for any host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RootId(pub(crate) u32);

impl PathIndex {
    /// Calls `visit` with the leaf of every pattern under `root` that the path matches, the most literal first.
    ///
    /// `final_slash` adds an empty last segment, where `/a` and `/a/` are different.
    #[inline(always)]
    pub(crate) fn walk(
        &self,
        root: RootId,
        path: &[u8],
        segments: &Segments,
        final_slash: bool,
        pending: &mut Pending,
        mut visit: impl FnMut(Leaf),
    ) {
        let (named, count) = (
            segments.count(),
            segments.count() + usize::from(final_slash),
        );
        let Some(mut node) = self.roots.get(root.0 as usize) else {
            return;
        };
        let (mut at, mut waiting) = (0, 0);
        loop {
            loop {
                if at == count {
                    if node.exact_len != 0 {
                        visit(node.exact());
                    }
                    break;
                }
                if node.tail_len != 0 && at < named {
                    visit(node.tail());
                }
                let segment = segments.get(at, path);
                if node.wild != NO_NODE
                    && !segment.is_empty()
                    && let Some(slot) = pending.items.get_mut(waiting)
                    && let Ok(next) = u32::try_from(at + 1)
                {
                    // At most one waits for each segment, so there is room.
                    *slot = (node.wild, next);
                    waiting += 1;
                }
                match self.child(node, segment) {
                    Some(child) => node = child,
                    None => break,
                }
                at += 1;
            }
            if waiting == 0 {
                return;
            }
            waiting -= 1;
            let Some((wild, next)) = pending.items.get(waiting) else {
                return;
            };
            let Some(next_node) = self.wilds.get(*wild as usize) else {
                return;
            };
            (node, at) = (next_node, *next as usize);
        }
    }

    #[inline(always)]
    fn child(&self, node: &Node, segment: &[u8]) -> Option<&Node> {
        if node.children == 0 {
            return None;
        }
        match image(segment) {
            Some(image) => {
                let hash = hash_image(image, segment.len(), node.hash);
                if node.children >> (hash >> 58) & 1 == 0 {
                    return None;
                }
                let child = self.at(hash)?;
                (child.parent == node.id
                    && usize::from(child.len) == segment.len()
                    && same_image(child.segment, image))
                .then_some(child)
            }
            None => self.long_child(node, segment),
        }
    }

    #[cold]
    fn long_child(&self, node: &Node, segment: &[u8]) -> Option<&Node> {
        let child = self.at(hash_bytes(segment, node.hash))?;
        let [start, len, _] = child.segment;
        let (start, len) = (usize::try_from(start).ok()?, usize::try_from(len).ok()?);
        (child.parent == node.id
            && child.len == LONG
            && self.long.get(start..start + len)? == segment)
            .then_some(child)
    }

    #[inline]
    fn at(&self, hash: u64) -> Option<&Node> {
        let pilot = *self.pilots.get(reduce(hash, self.pilots.len()))?;
        self.table.get(displace(hash, pilot, self.table.len()))
    }

    pub(crate) fn bytes_held(&self) -> usize {
        size_of_val(&*self.table)
            + size_of_val(&*self.pilots)
            + size_of_val(&*self.wilds)
            + size_of_val(&*self.roots)
            + self.long.len()
    }
}

#[inline]
fn displace(hash: u64, pilot: u16, places: usize) -> usize {
    reduce(
        fold(
            hash ^ 0x5851_F42D_4C95_7F2D,
            u64::from(pilot) << 32 | 0x1405_7B7F,
        ),
        places,
    )
}

mod build {
    use super::{
        LONG, NO_NODE, Node, PathIndex, RootId, UNUSED, displace, fold, hash_bytes, hash_image,
        image, mix, reduce,
    };
    use crate::program::hash::BuildFold;
    use crate::program::leaf::{Leaf, LeavesBuilder};
    use crate::program::names::number;
    use std::collections::HashMap;

    /// One step of a pattern.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Step<'r> {
        Literal(&'r [u8]),
        /// Any one segment that is not empty.
        Any,
    }

    #[derive(Debug)]
    struct Draft<'r> {
        parent: u32,
        step: Option<Step<'r>>,
        wild: u32,
        /// Leaves of the patterns that end here, and of those that go on.
        exact: Option<u32>,
        tail: Option<u32>,
    }

    /// Gathers patterns into a trie; nodes come after their parents.
    #[derive(Debug, Default)]
    pub(crate) struct PathIndexBuilder<'r> {
        nodes: Vec<Draft<'r>>,
        edges: HashMap<(u32, &'r [u8]), u32, BuildFold>,
        roots: Vec<u32>,
    }

    impl<'r> PathIndexBuilder<'r> {
        /// A new root; the first one is for any host.
        pub(crate) fn root(&mut self) -> RootId {
            self.roots.push(number(self.nodes.len()));
            self.nodes.push(Draft {
                parent: NO_NODE,
                step: None,
                wild: NO_NODE,
                exact: None,
                tail: None,
            });
            RootId(number(self.roots.len() - 1))
        }

        /// The leaf of a pattern: a `tail` takes one segment or more after the steps.
        pub(crate) fn leaf(
            &mut self,
            root: RootId,
            steps: impl Iterator<Item = Step<'r>>,
            tail: bool,
            leaves: &mut LeavesBuilder,
        ) -> u32 {
            let mut at = self.roots.get(root.0 as usize).copied().unwrap_or(0);
            for step in steps {
                at = self.step(at, step);
            }
            let Some(node) = self.nodes.get_mut(at as usize) else {
                return leaves.leaf();
            };
            *if tail {
                &mut node.tail
            } else {
                &mut node.exact
            }
            .get_or_insert_with(|| leaves.leaf())
        }

        fn step(&mut self, parent: u32, step: Step<'r>) -> u32 {
            let next = number(self.nodes.len());
            let child = match step {
                Step::Literal(segment) => *self.edges.entry((parent, segment)).or_insert(next),
                Step::Any => match self.nodes.get_mut(parent as usize) {
                    Some(node) if node.wild == NO_NODE => {
                        node.wild = next;
                        next
                    }
                    Some(node) => node.wild,
                    None => next,
                },
            };
            if child == next {
                self.nodes.push(Draft {
                    parent,
                    step: Some(step),
                    wild: NO_NODE,
                    exact: None,
                    tail: None,
                });
            }
            child
        }

        /// The most nodes that one walk could visit, assuming the worst path at each node.
        pub(crate) fn worst_walk(&self) -> u64 {
            let mut worst = vec![(0u64, 0u64); self.nodes.len()];
            let mut most = 0;
            for (id, node) in self.nodes.iter().enumerate().rev() {
                let total = worst.get(id).map_or(1, |(literal, wild)| {
                    1u64.saturating_add(*literal).saturating_add(*wild)
                });
                match (worst.get_mut(node.parent as usize), node.step) {
                    (Some(parent), Some(Step::Literal(_))) => parent.0 = parent.0.max(total),
                    (Some(parent), Some(Step::Any)) => parent.1 = total,
                    _ => most = most.max(total),
                }
            }
            most
        }

        /// Lays the trie out. `leaves` says where each leaf's entries are.
        pub(crate) fn finish(self, leaves: &[Leaf], seed: u64) -> PathIndex {
            let (nodes, long, buckets) = self.hashed(leaves, seed);
            let (pilots, places) = pilots(&buckets);
            let mut table = vec![UNUSED; places];
            let mut wilds = vec![UNUSED; nodes.iter().filter(|node| node.wild != NO_NODE).count()];
            let mut roots = Vec::with_capacity(self.roots.len());
            for (draft, node) in self.nodes.iter().zip(&nodes) {
                let slot = match draft.step {
                    None => {
                        roots.push(*node);
                        continue;
                    }
                    Some(Step::Any) => nodes
                        .get(draft.parent as usize)
                        .and_then(|parent| wilds.get_mut(parent.wild as usize)),
                    Some(Step::Literal(_)) => {
                        let pilot = pilots
                            .get(reduce(node.hash, pilots.len()))
                            .copied()
                            .unwrap_or(0);
                        table.get_mut(displace(node.hash, pilot, places))
                    }
                };
                if let Some(slot) = slot {
                    *slot = *node;
                }
            }
            PathIndex {
                table: table.into(),
                pilots: pilots.into(),
                wilds: wilds.into(),
                roots: roots.into(),
                long: long.into(),
            }
        }

        /// The nodes under a seed that gives every edge a hash of its own, and the hashes by bucket.
        fn hashed(&self, leaves: &[Leaf], seed: u64) -> (Vec<Node>, Vec<u8>, Vec<(usize, u64)>) {
            let mut seed = seed;
            loop {
                let (nodes, long) = self.nodes_under(leaves, seed);
                let literal = |(draft, node): (&Draft<'_>, &Node)| {
                    matches!(draft.step, Some(Step::Literal(_))).then_some(node.hash)
                };
                let mut hashes: Vec<(usize, u64)> = self
                    .nodes
                    .iter()
                    .zip(&nodes)
                    .filter_map(literal)
                    .map(|hash| (0, hash))
                    .collect();
                let buckets = hashes.len().div_ceil(4).max(1);
                for (bucket, hash) in &mut hashes {
                    *bucket = reduce(*hash, buckets);
                }
                hashes.sort_unstable();
                if hashes.windows(2).all(|pair| pair.first() != pair.last()) {
                    return (nodes, long, hashes);
                }
                seed = mix(seed, 1);
            }
        }

        fn nodes_under(&self, leaves: &[Leaf], seed: u64) -> (Vec<Node>, Vec<u8>) {
            let mut nodes: Vec<Node> = Vec::with_capacity(self.nodes.len());
            let (mut long, mut wilds) = (Vec::new(), 0);
            for (id, draft) in self.nodes.iter().enumerate() {
                let mut node = Node {
                    id: number(id),
                    parent: draft.parent,
                    ..UNUSED
                };
                (node.exact, node.exact_len) = place(draft.exact, leaves);
                (node.tail, node.tail_len) = place(draft.tail, leaves);
                let above = nodes
                    .get(draft.parent as usize)
                    .map_or(seed, |parent| parent.hash);
                match draft.step {
                    None => node.hash = mix(seed, id as u64),
                    Some(Step::Any) => node.hash = fold(above ^ seed, 0x2545_F491_4F6C_DD1D),
                    Some(Step::Literal(segment)) => {
                        fill_segment(&mut node, segment, above, &mut long);
                        if let Some(parent) = nodes.get_mut(draft.parent as usize) {
                            parent.children |= 1 << (node.hash >> 58);
                        }
                    }
                }
                if draft.wild != NO_NODE {
                    node.wild = wilds;
                    wilds += 1;
                }
                nodes.push(node);
            }
            (nodes, long)
        }
    }

    fn place(leaf: Option<u32>, leaves: &[Leaf]) -> (u32, u8) {
        leaf.and_then(|leaf| leaves.get(leaf as usize))
            .map_or((0, 0), |leaf| (leaf.at, leaf.len))
    }

    fn fill_segment(node: &mut Node, segment: &[u8], above: u64, long: &mut Vec<u8>) {
        match (image(segment), u8::try_from(segment.len())) {
            (Some(image), Ok(len)) => {
                (node.segment, node.len) = (image, len);
                node.hash = hash_image(image, segment.len(), above);
            }
            _ => {
                (node.segment, node.len) = ([long.len() as u64, segment.len() as u64, 0], LONG);
                long.extend_from_slice(segment);
                node.hash = hash_bytes(segment, above);
            }
        }
    }

    /// A pilot for each bucket of different hashes, such that each hash gets a place of its own, and the number of places.
    fn pilots(hashes: &[(usize, u64)]) -> (Vec<u16>, usize) {
        let mut groups: Vec<&[(usize, u64)]> = hashes.chunk_by(|(a, _), (b, _)| a == b).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
        let buckets = hashes.len().div_ceil(4).max(1);
        let mut places = hashes.len() + hashes.len() / 10 + 1;
        loop {
            if let Some(pilots) = try_pilots(&groups, buckets, places) {
                return (pilots, places);
            }
            places += places / 8 + 1;
        }
    }

    fn try_pilots(groups: &[&[(usize, u64)]], buckets: usize, places: usize) -> Option<Vec<u16>> {
        let (mut taken, mut pilots) = (vec![false; places], vec![0u16; buckets]);
        let mut chosen = Vec::new();
        for group in groups {
            let pilot = (0..=u16::MAX).find(|pilot| {
                chosen.clear();
                group.iter().all(|(_, hash)| {
                    let place = displace(*hash, *pilot, places);
                    let free =
                        taken.get(place).is_some_and(|taken| !taken) && !chosen.contains(&place);
                    chosen.push(place);
                    free
                })
            })?;
            for place in &chosen {
                if let Some(taken) = taken.get_mut(*place) {
                    *taken = true;
                }
            }
            let bucket = group.first().map_or(0, |(bucket, _)| *bucket);
            if let Some(slot) = pilots.get_mut(bucket) {
                *slot = pilot;
            }
        }
        Some(pilots)
    }
}

pub(crate) use build::{PathIndexBuilder, Step};
