//! Query parameters that the policy reads, decoded once (WHATWG URL §5.1).

use super::scratch::Slots;
use crate::program::Program;

/// Finds the parameters that the policy reads. Every buffer has room for the longest query.
pub(super) fn bind(program: &Program, query: Option<&[u8]>, slots: &mut Slots) {
    let Slots {
        query_counts: counts,
        parameters,
        decoded,
        ..
    } = slots;
    counts.fill(0);
    parameters.clear();
    decoded.clear();
    for pair in query.unwrap_or_default().split(|byte| *byte == b'&') {
        if pair.is_empty() {
            continue;
        }
        let equals = pair
            .iter()
            .position(|byte| *byte == b'=')
            .unwrap_or(pair.len());
        let (name, value) = (
            pair.get(..equals).unwrap_or_default(),
            pair.get(equals + 1..).unwrap_or_default(),
        );
        let start = decoded.len();
        decode(name, decoded);
        let slot = program
            .inputs
            .queries
            .get(0, decoded.get(start..).unwrap_or_default());
        decoded.truncate(start);
        let Some((slot, count)) =
            slot.and_then(|slot| Some((slot, counts.get_mut(slot as usize)?)))
        else {
            continue;
        };
        decode(value, decoded);
        // Decoding never lengthens, so all of this is below the longest target.
        let at = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        if parameters.len() < parameters.capacity() {
            parameters.push((
                u16::try_from(slot).unwrap_or(u16::MAX),
                at(start),
                at(decoded.len() - start),
            ));
            *count += 1;
        }
    }
}

/// Appends the decoded text: `+` is a space, `%hh` a byte, a broken triplet stands for itself.
fn decode(text: &[u8], into: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        let byte = match (byte, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            _ => *byte,
        };
        if into.len() < into.capacity() {
            into.push(byte);
        }
    }
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_can_be_decoded() {
        for (text, expected) in [
            ("a+b%20c", "a b c"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("", ""),
            ("%2B", "+"),
        ] {
            let mut into = Vec::with_capacity(64);
            decode(text.as_bytes(), &mut into);
            assert_eq!(into, expected.as_bytes(), "{text}");
        }
    }
}
