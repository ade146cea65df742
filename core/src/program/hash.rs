//! Keyed hashing by folded multiplication: two 64-bit words a step.
//!
//! Every table compares the bytes as well, and none ever holds what a request
//! brought, so a collision costs time and never an answer. Keys come from the
//! policy's digest: the same policy is laid out the same everywhere.

use std::hash::{BuildHasher, Hasher};

const K1: u64 = 0x9E37_79B9_7F4A_7C15;
const K2: u64 = 0xD6E8_FEB8_6659_FD93;
const K3: u64 = 0xA076_1D64_78BD_642F;

/// The high and the low half of the product, xor-ed.
#[inline]
pub(crate) const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the halves are what is wanted"
    )]
    let (low, high) = (product as u64, (product >> 64) as u64);
    low ^ high
}

/// A number below `bound`, evenly spread by the high bits of `hash`.
#[inline]
pub(crate) const fn reduce(hash: u64, bound: usize) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "below bound, which is a usize"
    )]
    let reduced = ((hash as u128 * bound as u128) >> 64) as usize;
    reduced
}

/// A segment of up to 24 bytes as three words; with its length it stands for the bytes one to one.
#[inline(always)]
pub(crate) fn image(bytes: &[u8]) -> Option<[u64; 3]> {
    Some(match bytes.len() {
        0 => [0; 3],
        len @ 1..4 => {
            let (first, middle, last) = (bytes.first()?, bytes.get(len / 2)?, bytes.last()?);
            [
                u64::from(*first) | u64::from(*middle) << 8 | u64::from(*last) << 16,
                0,
                0,
            ]
        }
        4..8 => [
            u64::from(u32::from_le_bytes(*bytes.first_chunk()?))
                | u64::from(u32::from_le_bytes(*bytes.last_chunk()?)) << 32,
            0,
            0,
        ],
        8..=16 => [
            u64::from_le_bytes(*bytes.first_chunk()?),
            u64::from_le_bytes(*bytes.last_chunk()?),
            0,
        ],
        17..=24 => {
            let (head, rest) = bytes.split_first_chunk()?;
            [
                u64::from_le_bytes(*head),
                u64::from_le_bytes(*rest.first_chunk()?),
                u64::from_le_bytes(*bytes.last_chunk()?),
            ]
        }
        _ => return None,
    })
}

/// Whether two images are the same. Word by word: comparing arrays goes through memory, and stalls there.
#[inline(always)]
pub(crate) const fn same_image(a: [u64; 3], b: [u64; 3]) -> bool {
    let ([a, b, c], [x, y, z]) = (a, b);
    (a ^ x) | (b ^ y) | (c ^ z) == 0
}

/// Hash of a short image under `seed`.
#[inline]
pub(crate) const fn hash_image(image: [u64; 3], len: usize, seed: u64) -> u64 {
    let [a, b, c] = image;
    let hash = fold(a ^ seed, b ^ K2 ^ len as u64);
    if len <= 16 {
        hash
    } else {
        fold(hash ^ K3, c ^ K1)
    }
}

/// Hash of any bytes under `seed`.
#[inline]
pub(crate) fn hash_bytes(bytes: &[u8], seed: u64) -> u64 {
    match image(bytes) {
        Some(image) => hash_image(image, bytes.len(), seed),
        None => hash_long(bytes, seed),
    }
}

#[inline(never)]
fn hash_long(bytes: &[u8], seed: u64) -> u64 {
    let mut hash = seed ^ K1;
    let mut rest = bytes;
    while let Some((chunk, tail)) = rest.split_first_chunk::<16>() {
        let (a, b) = (
            u128::from_le_bytes(*chunk) >> 64,
            u128::from_le_bytes(*chunk),
        );
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the halves are what is wanted"
        )]
        let (a, b) = (a as u64, b as u64);
        hash = fold(a ^ hash, b ^ K2);
        rest = tail;
    }
    // At least 25 bytes: the last 16 overlap what was read, and the length tells them apart.
    let last = bytes
        .last_chunk::<16>()
        .map_or(0, |chunk| u128::from_le_bytes(*chunk));
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the halves are what is wanted"
    )]
    let (a, b) = ((last >> 64) as u64, last as u64);
    fold(fold(a ^ hash, b ^ K3), bytes.len() as u64 ^ K2)
}

/// Mixes a number into a hash.
#[inline]
pub(crate) const fn mix(hash: u64, number: u64) -> u64 {
    fold(hash ^ number.wrapping_mul(K1), K3)
}

/// For maps of the load plane, whose keys come from the policy's author.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BuildFold;

impl BuildHasher for BuildFold {
    type Hasher = FoldHasher;

    fn build_hasher(&self) -> FoldHasher {
        FoldHasher(K3)
    }
}

pub(crate) struct FoldHasher(u64);

impl Hasher for FoldHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash_bytes(bytes, self.0);
    }

    fn write_u8(&mut self, number: u8) {
        self.0 = mix(self.0, u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = mix(self.0, u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0, number);
    }

    fn write_usize(&mut self, number: usize) {
        self.0 = mix(self.0, number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn images_tell_all_short_texts_apart() {
        let mut seen: HashMap<([u64; 3], usize), Vec<u8>> = HashMap::new();
        for len in 0..=24usize {
            for at in 0..len {
                for byte in [b'a', b'b', 0, 0xff] {
                    let mut text = vec![b'x'; len];
                    text[at] = byte;
                    let image = image(&text).unwrap();
                    let before = seen.insert((image, len), text.clone());
                    assert!(before.is_none_or(|before| before == text), "{text:?}");
                }
            }
        }
        assert!(image(&[0; 25]).is_none());
    }

    #[test]
    fn long_hashes_see_every_byte() {
        for len in [25usize, 31, 32, 33, 100] {
            let base = vec![b'x'; len];
            for at in 0..len {
                let mut other = base.clone();
                other[at] ^= 1;
                assert_ne!(hash_bytes(&base, 7), hash_bytes(&other, 7), "{len} {at}");
            }
        }
        assert_ne!(hash_bytes(&[b'x'; 32], 7), hash_bytes(&[b'x'; 33], 7));
        assert_ne!(hash_bytes(b"abc", 7), hash_bytes(b"abc", 8));
    }
}
