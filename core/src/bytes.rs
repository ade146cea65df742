//! Bytes, eight at a time.

use crate::limits::MAX_NAME_BYTES;

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
    let zero_where_equal = word ^ (ONES * wanted as u64);
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

/// Whether it is text without control characters, not empty and not too long.
#[inline]
pub(crate) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && (is_printable(name) || is_text(name))
}

/// Whether it is UTF-8 without ASCII's control characters.
#[cold]
fn is_text(name: &[u8]) -> bool {
    !name.iter().any(u8::is_ascii_control) && core::str::from_utf8(name).is_ok()
}

/// Whether either byte is among them.
#[inline(always)]
pub(crate) fn holds_either(bytes: &[u8], one: u8, other: u8) -> bool {
    marks(bytes, |word| equal_to(word, one) | equal_to(word, other)) != 0
}

/// The high bit of each byte that is between the two, itself included; of ASCII only.
#[inline(always)]
const fn between(word: u64, first: u8, last: u8) -> u64 {
    let at_least = (word & !HIGH).wrapping_add(ONES * (0x80 - first) as u64);
    let above = (word & !HIGH).wrapping_add(ONES * (0x7f - last) as u64);
    at_least & !above & !word & HIGH
}

/// Whether it is dot-separated labels of lower-case letters, digits and hyphens, at least eight bytes in all.
#[inline(always)]
pub(crate) fn is_plain_host(name: &[u8]) -> bool {
    let Some(last) = name.last_chunk::<8>() else {
        return false;
    };
    let plain =
        |word| between(word, b'a', b'z') | between(word, b'0', b'9') | between(word, b'-', b'.');
    // A dot at the beginning is one after another.
    let (mut bad, mut before) = (0, HIGH & 0xff);
    let (words, _) = name.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        let dots = between(word, b'.', b'.');
        bad |= plain(word) ^ HIGH | dots & (dots << 8 | before);
        before = dots >> 56;
    }
    // The last eight overlap what was read, unless all was.
    let word = u64::from_le_bytes(*last);
    let dots = between(word, b'.', b'.');
    bad |= plain(word) ^ HIGH | dots & (dots << 8 | 0x80 << 56);
    bad == 0
}

/// How many bytes stand before the first quote, backslash or control character; all if there is none.
#[inline]
pub(crate) fn plain_text(bytes: &[u8]) -> usize {
    // A borrow marks bytes above one that is marked itself: the lowest mark is right.
    let marks = |word: u64| {
        equal_to(word, b'"') | equal_to(word, b'\\') | word.wrapping_sub(SPACES) & !word & HIGH
    };
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let marked = marks(u64::from_le_bytes(*word));
        if marked != 0 {
            return index * 8 + marked.trailing_zeros() as usize / 8;
        }
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    let plain = rest.iter().position(special).unwrap_or(rest.len());
    words.len() * 8 + plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_ends_at_what_is_special() {
        for len in 0..24 {
            for byte in 0..=255u8 {
                for at in 0..len {
                    for filler in [b'a', 0xff, b'!', b']', b' '] {
                        let mut text = vec![filler; len];
                        text[at] = byte;
                        let special = matches!(byte, b'"' | b'\\' | 0..=0x1f);
                        assert_eq!(plain_text(&text), if special { at } else { len });
                    }
                }
            }
        }
    }

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

    #[test]
    fn plain_hosts_are_labels_between_single_dots() {
        let plain = |name: &[u8]| {
            let labels = name
                .split(|byte| *byte == b'.')
                .all(|label| !label.is_empty());
            name.len() >= 8
                && labels
                && name.iter().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(byte)
                })
        };
        for len in 0..28 {
            for (first, second) in (0..=255u8)
                .map(|byte| (byte, b'.'))
                .chain([(b'.', b'a'), (b'a', b'.')])
            {
                for at in 0..len {
                    let mut name = vec![b'z'; len];
                    name[at] = first;
                    assert_eq!(is_plain_host(&name), plain(&name), "{name:?}");
                    if let Some(next) = name.get_mut(at + 1) {
                        *next = second;
                    }
                    assert_eq!(is_plain_host(&name), plain(&name), "{name:?}");
                }
            }
        }
    }
}
