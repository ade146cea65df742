//! The one file that calls crypto crates.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// SHA-256 (FIPS 180-4), without taking memory.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 of several pieces, each preceded by its length, so that no two lists of pieces are alike (FIPS 180-4).
pub(crate) fn digest<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update((piece.len() as u64).to_le_bytes());
        hash.update(piece);
    }
    hash.finalize().into()
}

/// Lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_kept_apart() {
        assert_ne!(digest([&b"ab"[..], b"c"]), digest([&b"a"[..], b"bc"]));
        assert_eq!(
            hexadecimal(&Sha256::digest(b"abc"))[..16],
            *"ba7816bf8f01cfea"
        );
    }
}
