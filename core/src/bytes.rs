//! Bytes, eight at a time.

const HIGH: u64 = 0x8080_8080_8080_8080;
const SPACES: u64 = 0x2020_2020_2020_2020;
const ONES: u64 = 0x0101_0101_0101_0101;

/// The high bit of some byte is set if any byte is below a space, a DEL or not ASCII.
#[inline(always)]
const fn unprintable(word: u64) -> u64 {
    // Carries and borrows reach another byte only from one that is marked itself.
    (word | word.wrapping_sub(SPACES) | word.wrapping_add(ONES)) & HIGH
}

/// Whether all of it is ASCII without control characters.
#[inline(always)]
pub(crate) fn is_printable(bytes: &[u8]) -> bool {
    let marks = if let Some(last) = bytes.last_chunk::<8>() {
        let (words, _) = bytes.as_chunks::<8>();
        let words = words.iter().chain([last]);
        words.fold(0, |marks, word| {
            marks | unprintable(u64::from_le_bytes(*word))
        })
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        unprintable(
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)),
        )
    } else {
        bytes.iter().fold(0, |marks, byte| {
            marks | unprintable(u64::from(*byte) * ONES)
        })
    };
    marks == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_counts_in_every_place() {
        for len in 0..40 {
            for byte in 0..=255u8 {
                for at in 0..len {
                    let mut text = vec![b'~'; len];
                    text[at] = byte;
                    let expected = byte.is_ascii() && !byte.is_ascii_control();
                    assert_eq!(
                        is_printable(&text),
                        expected,
                        "{byte:#04x} at {at} of {len}"
                    );
                }
            }
            assert!(is_printable(&vec![b' '; len]));
        }
    }
}
