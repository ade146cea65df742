//! Sixteen bytes of a path at a time: where its slashes are, and whether anything needs a closer look.
//!
//! One scan splits a path that is clean already, which is nearly every path. A
//! path with anything else in it is left to the byte-by-byte normaliser.

use super::segments::Segments;

/// How many bytes are classified at once.
const BLOCK: usize = 16;

/// Bit i of each mask speaks of byte i of the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Masks {
    slash: u32,
    dot: u32,
    /// Bytes that a canonical path does not hold, or not without a check.
    special: u32,
}

impl Masks {
    /// The last `len` bytes of a block, moved to the front.
    fn last(self, len: usize) -> Self {
        let gap = BLOCK - len;
        Self {
            slash: self.slash >> gap,
            dot: self.dot >> gap,
            special: self.special >> gap,
        }
    }

    /// The first `len` bytes of a block, the others forgotten.
    fn first(self, len: usize) -> Self {
        let keep = (1 << len) - 1;
        Self {
            slash: self.slash & keep,
            dot: self.dot & keep,
            special: self.special & keep,
        }
    }
}

/// Whether a byte stands in a canonical path as it is: `pchar` of RFC 3986 without `;` and `%`, or a slash.
pub(super) const fn is_plain(byte: u8) -> bool {
    matches!(
        byte,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~'
        | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@'
    )
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn classify(block: &[u8; BLOCK]) -> Masks {
    use safe_arch::{
        bitand_m128i as and, bitor_m128i as or, cmp_eq_mask_i8_m128i as eq,
        cmp_gt_mask_i8_m128i as gt, cmp_lt_mask_i8_m128i as lt, load_unaligned_m128i, m128i,
        move_mask_i8_m128i, set_splat_i8_m128i,
    };
    let all = |byte: u8| set_splat_i8_m128i(byte.cast_signed());
    let bits = |mask: m128i| move_mask_i8_m128i(mask).cast_unsigned();

    let bytes = load_unaligned_m128i(block);
    let odd = or(bytes, all(1));
    let folded = or(bytes, all(0x20));
    // Signed: bytes from 0x80 are below too.
    let low_or_not_ascii = lt(bytes, all(b'!'));
    let quote_or_hash = eq(odd, all(b'#'));
    let greater_or_question = eq(odd, all(b'?'));
    let brackets = and(gt(folded, all(b'z')), lt(folded, all(b'~')));
    let single = [b'%', b';', b'<', b'^', b'`', 0x7f]
        .into_iter()
        .fold(low_or_not_ascii, |found, byte| {
            or(found, eq(bytes, all(byte)))
        });
    let special = or(or(quote_or_hash, greater_or_question), or(brackets, single));
    Masks {
        slash: bits(eq(bytes, all(b'/'))),
        dot: bits(eq(bytes, all(b'.'))),
        special: bits(special),
    }
}

#[cfg(not(target_arch = "x86_64"))]
use classify_portable as classify;

/// [`classify`] without vector instructions, and what the tests hold it against.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline(always)]
fn classify_portable(block: &[u8; BLOCK]) -> Masks {
    const CLASS: [u8; 256] = {
        let mut class = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            #[allow(clippy::indexing_slicing, clippy::cast_possible_truncation)]
            // within 256 by the loop, at compile time
            {
                class[byte] = if is_plain(byte as u8) { 0 } else { 4 };
            }
            byte += 1;
        }
        class
    };
    let mut masks = Masks {
        slash: 0,
        dot: 0,
        special: 0,
    };
    for (bit, &byte) in block.iter().enumerate() {
        let special = CLASS.get(usize::from(byte)).copied().unwrap_or(4) >> 2;
        masks.slash |= u32::from(byte == b'/') << bit;
        masks.dot |= u32::from(byte == b'.') << bit;
        masks.special |= u32::from(special) << bit;
    }
    masks
}

/// Classifies fewer than sixteen bytes, which end `bytes`.
#[inline(always)]
fn classify_tail(bytes: &[u8], tail: &[u8]) -> Masks {
    match bytes.last_chunk::<BLOCK>() {
        // Reading the last sixteen again is cheaper than copying a few.
        Some(block) => classify(block).last(tail.len()),
        None => classify(&padded(tail)).first(tail.len()),
    }
}

/// A short slice in a block: two overlapping words, since a copy of variable length costs a call.
#[inline(always)]
fn padded(bytes: &[u8]) -> [u8; BLOCK] {
    let len = bytes.len();
    let word = if let (Some(head), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>())
    {
        u128::from(u64::from_le_bytes(*head))
            | u128::from(u64::from_le_bytes(*last)) << (8 * (len - 8))
    } else if let (Some(head), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        u128::from(u32::from_le_bytes(*head))
            | u128::from(u32::from_le_bytes(*last)) << (8 * (len - 4))
    } else {
        bytes
            .iter()
            .rev()
            .fold(0, |word, &byte| word << 8 | u128::from(byte))
    };
    word.to_le_bytes()
}

/// Splits the path of a request target, if it is canonical as it stands.
///
/// Returns where the path ends: at the first `?` or at the end. `None` means
/// that a byte, an empty segment or a segment that begins with a dot needs the
/// normaliser; the segments hold nothing useful then.
#[inline(always)]
pub(super) fn split_clean(target: &[u8], segments: &mut Segments) -> Option<usize> {
    segments.clear();
    let (blocks, tail) = target.as_chunks::<BLOCK>();
    let mut base = 0;
    // Bit 0: the byte before this block is a slash.
    let mut carry = 0;
    let mut step = |base: usize, masks: Masks| -> Option<Option<usize>> {
        let mut end = None;
        let mut seen = masks;
        if masks.special != 0 {
            let at = masks.special.trailing_zeros() as usize;
            if target.get(base + at) != Some(&b'?') {
                return None;
            }
            end = Some(base + at);
            seen = masks.first(at);
        }
        let after_slash = seen.slash << 1 | carry;
        if after_slash & (seen.slash | seen.dot) != 0 {
            return None;
        }
        carry = seen.slash >> (BLOCK - 1);
        segments.begin_after(base, seen.slash);
        Some(end)
    };
    for block in blocks {
        if let Some(end) = step(base, classify(block))? {
            return Some(end);
        }
        base += BLOCK;
    }
    let end = if tail.is_empty() {
        None
    } else {
        step(base, classify_tail(target, tail))?
    };
    Some(end.unwrap_or(target.len()))
}

/// Splits a path whose bytes have been checked already.
pub(super) fn split(path: &[u8], segments: &mut Segments) {
    segments.clear();
    let (blocks, tail) = path.as_chunks::<BLOCK>();
    let mut base = 0;
    for block in blocks {
        segments.begin_after(base, classify(block).slash);
        base += BLOCK;
    }
    if !tail.is_empty() {
        segments.begin_after(base, classify_tail(path, tail).slash);
    }
}

#[cfg(test)]
mod tests {
    use super::super::rng::Rng;
    use super::*;

    #[test]
    fn every_byte_is_classified_alike_in_every_place() {
        for byte in 0..=255u8 {
            for place in 0..BLOCK {
                let mut block = [b'a'; BLOCK];
                block[place] = byte;
                let masks = classify(&block);
                assert_eq!(masks, classify_portable(&block), "byte {byte:#04x}");
                assert_eq!(masks.special == 0, is_plain(byte), "byte {byte:#04x}");
            }
        }
        let mut rng = Rng(1);
        for _ in 0..10_000 {
            let block: [u8; BLOCK] = std::array::from_fn(|_| rng.byte());
            assert_eq!(classify(&block), classify_portable(&block), "{block:?}");
        }
    }

    #[test]
    fn a_tail_is_classified_like_a_block() {
        let mut rng = Rng(2);
        for len in 1..40 {
            for _ in 0..100 {
                let bytes: Vec<u8> = (0..len).map(|_| rng.byte()).collect();
                let tail = &bytes[len - len % BLOCK..];
                if tail.is_empty() {
                    continue;
                }
                let mut block = [b'a'; BLOCK];
                block[..tail.len()].copy_from_slice(tail);
                assert_eq!(
                    classify_tail(&bytes, tail),
                    classify_portable(&block),
                    "{bytes:?}"
                );
            }
        }
    }
}
