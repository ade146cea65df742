//! A fixed set of strings, built at load, asked without allocation.

/// Open addressing over the sorted strings, with a mask of the lengths that occur.
#[derive(Clone, Debug)]
pub(crate) struct StrSet {
    strings: Box<[Box<str>]>,
    /// One more than the index of a string; 0 is a free slot. A power of two long.
    slots: Box<[u32]>,
    lengths: u64,
}

impl StrSet {
    /// The set of these strings.
    pub(crate) fn new(strings: impl IntoIterator<Item = Box<str>>) -> Self {
        let mut strings: Vec<Box<str>> = strings.into_iter().collect();
        strings.sort_unstable();
        strings.dedup();
        let mut slots = vec![0_u32; (strings.len() * 2).next_power_of_two().max(2)];
        let mut lengths = 0;
        for (index, string) in (1_u32..).zip(&strings) {
            lengths |= length_bit(string);
            let mut probe = hash(string);
            while let Some(slot) = slot_mut(&mut slots, probe) {
                if *slot == 0 {
                    *slot = index;
                    break;
                }
                probe = probe.wrapping_add(1);
            }
        }
        Self {
            strings: strings.into(),
            slots: slots.into(),
            lengths,
        }
    }

    /// The strings in order.
    pub(crate) fn strings(&self) -> &[Box<str>] {
        &self.strings
    }

    /// Whether `string` is one of them.
    pub(crate) fn contains(&self, string: &str) -> bool {
        if self.lengths & length_bit(string) == 0 {
            return false;
        }
        let mask = self.slots.len() - 1;
        let mut probe = hash(string);
        while let Some(slot) = self.slots.get(probe & mask) {
            let Some(index) = slot.checked_sub(1) else {
                return false;
            };
            if self
                .strings
                .get(index as usize)
                .is_some_and(|held| **held == *string)
            {
                return true;
            }
            probe = probe.wrapping_add(1);
        }
        false
    }
}

fn slot_mut(slots: &mut [u32], probe: usize) -> Option<&mut u32> {
    let mask = slots.len() - 1;
    slots.get_mut(probe & mask)
}

fn length_bit(string: &str) -> u64 {
    1 << string.len().min(63)
}

/// Multiply and fold, eight bytes at a time. The strings come from the policy,
/// so an attacker cannot choose what collides in the table.
#[expect(clippy::cast_possible_truncation, reason = "a hash may lose bits")]
fn hash(string: &str) -> usize {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ string.len() as u64;
    for chunk in string.as_bytes().chunks(8) {
        let word = chunk
            .iter()
            .fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
        state = (state ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
        state ^= state >> 32;
    }
    state as usize
}
