//! Names to numbers: an immutable table from bytes to dense ids.

use super::hash::{hash_bytes, hash_image, image, mix, same_image};

const EMPTY: u32 = u32::MAX;

/// Distinct (space, name) pairs, numbered from 0 in the order in which they were given.
///
/// The space keeps names of different kinds apart, such as users of different providers.
#[derive(Debug, Default)]
pub(crate) struct Names {
    slots: Box<[Slot]>,
    entries: Box<[Entry]>,
    pool: Box<[u8]>,
    seed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    tag: u32,
    id: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The image of a short name, so that a look-up ends here.
    image: [u64; 3],
    start: u32,
    len: u32,
    space: u32,
}

impl Names {
    /// At most `u32::MAX - 1` names of 4 GiB together; the limits of a load keep far below.
    pub(crate) fn build<'n>(names: impl Iterator<Item = (u32, &'n [u8])>, seed: u64) -> Self {
        let (mut entries, mut pool) = (Vec::new(), Vec::new());
        for (space, name) in names {
            entries.push(Entry {
                image: image(name).unwrap_or_default(),
                start: number(pool.len()),
                len: number(name.len()),
                space,
            });
            pool.extend_from_slice(name);
        }
        let capacity = (entries.len() * 2).next_power_of_two().max(2);
        let mut table = Self {
            slots: vec![Slot { tag: 0, id: EMPTY }; capacity].into(),
            entries: entries.into(),
            pool: pool.into(),
            seed,
        };
        for id in 0..number(table.entries.len()) {
            let Some(entry) = table.entries.get(id as usize).copied() else {
                break;
            };
            let (tag, mut at) = table.place(hash_bytes(table.bytes(entry), table.key(entry.space)));
            while let Some(slot) = table.slots.get_mut(at) {
                if slot.id == EMPTY {
                    *slot = Slot { tag, id };
                    break;
                }
                at = (at + 1) & (capacity - 1);
            }
        }
        table
    }

    #[inline(always)]
    fn place(&self, hash: u64) -> (u32, usize) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the halves are what is wanted"
        )]
        let place = (
            (hash >> 32) as u32,
            hash as usize & (self.slots.len().wrapping_sub(1)),
        );
        place
    }

    #[inline(always)]
    fn key(&self, space: u32) -> u64 {
        mix(self.seed, u64::from(space))
    }

    #[inline]
    fn bytes(&self, entry: Entry) -> &[u8] {
        self.pool
            .get(entry.start as usize..entry.start as usize + entry.len as usize)
            .unwrap_or_default()
    }

    /// The number of a name.
    #[inline(always)]
    pub(crate) fn get(&self, space: u32, name: &[u8]) -> Option<u32> {
        // Most names are short: one image serves to hash and to compare.
        let Some(short) = image(name) else {
            return self.get_long(space, name);
        };
        let hash = hash_image(short, name.len(), self.key(space));
        self.find(space, hash, |entry| {
            entry.len as usize == name.len() && same_image(entry.image, short)
        })
    }

    #[inline(never)]
    fn get_long(&self, space: u32, name: &[u8]) -> Option<u32> {
        self.find(space, hash_bytes(name, self.key(space)), |entry| {
            self.bytes(*entry) == name
        })
    }

    #[inline(always)]
    fn find(&self, space: u32, hash: u64, same: impl Fn(&Entry) -> bool) -> Option<u32> {
        let (tag, mut at) = self.place(hash);
        loop {
            let slot = self.slots.get(at)?;
            if slot.id == EMPTY {
                return None;
            }
            if slot.tag == tag {
                let entry = self.entries.get(slot.id as usize)?;
                if entry.space == space && same(entry) {
                    return Some(slot.id);
                }
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// The name of a number, empty if there is none.
    pub(crate) fn name(&self, id: u32) -> &[u8] {
        self.entries
            .get(id as usize)
            .map_or(&[], |entry| self.bytes(*entry))
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Heap bytes.
    pub(crate) fn bytes_held(&self) -> usize {
        size_of_val(&*self.slots) + size_of_val(&*self.entries) + self.pool.len()
    }
}

/// A count as `u32`; the limits of a load keep every count below, and saturation would only miss names.
pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_given_and_nothing_else() {
        let owned: Vec<String> = (0..1000)
            .map(|i| format!("name-{i}-{}", "x".repeat(i % 40)))
            .collect();
        let names = Names::build(
            owned
                .iter()
                .enumerate()
                .map(|(i, n)| (u32::from(i % 2 == 1), n.as_bytes())),
            42,
        );
        for (i, name) in owned.iter().enumerate() {
            let space = u32::from(i % 2 == 1);
            assert_eq!(names.get(space, name.as_bytes()), Some(number(i)));
            assert_eq!(names.get(1 - space, name.as_bytes()), None);
            assert_eq!(names.name(number(i)), name.as_bytes());
        }
        assert_eq!(names.get(0, b"other"), None);
        assert_eq!(Names::default().get(0, b""), None);
        assert!(Names::build(std::iter::empty(), 1).is_empty());
        assert_eq!(
            Names::build(std::iter::once((0, &b""[..])), 1).get(0, b""),
            Some(0)
        );
    }
}
