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

/// The high bit of some byte is set if any byte is `wanted`.
#[inline(always)]
const fn equal_to(word: u64, wanted: u8) -> u64 {
    let zero_where_equal = word ^ ONES * wanted as u64;
    zero_where_equal.wrapping_sub(ONES) & !zero_where_equal & HIGH
}

/// Joins what `mark` says of all bytes, eight at a time.
#[inline(always)]
fn marks(bytes: &[u8], mark: impl Fn(u64) -> u64) -> u64 {
    if let Some(last) = bytes.last_chunk::<8>() {
        let (words, _) = bytes.as_chunks::<8>();
        words
            .iter()
            .fold(mark(u64::from_le_bytes(*last)), |marks, word| {
                marks | mark(u64::from_le_bytes(*word))
            })
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        mark(u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)))
    } else {
        bytes
            .iter()
            .fold(0, |marks, byte| marks | mark(u64::from(*byte) * ONES))
    }
}

/// Whether all of it is ASCII without control characters.
#[inline(always)]
pub(crate) fn is_printable(bytes: &[u8]) -> bool {
    marks(bytes, unprintable) == 0
}

/// Whether either byte is among them.
#[inline(always)]
pub(crate) fn holds_either(bytes: &[u8], one: u8, other: u8) -> bool {
    marks(bytes, |word| equal_to(word, one) | equal_to(word, other)) != 0
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
                    assert_eq!(
                        holds_either(&text, b':', b' '),
                        byte == b':' || byte == b' '
                    );
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
