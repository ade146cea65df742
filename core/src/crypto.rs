//! The one file that calls crypto crates.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// SHA-256 of several pieces, each preceded by its length, so that no two lists of pieces are alike (FIPS 180-4).
pub(crate) fn digest<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> [u8; 32] {
    let mut hash = Pieces::new();
    pieces.into_iter().for_each(|piece| hash.add(piece));
    hash.finish()
}

/// SHA-256 of pieces that come one after the other, each preceded by its length.
pub(crate) struct Pieces(Sha256);

impl Pieces {
    pub(crate) fn new() -> Self {
        Self(Sha256::new())
    }

    pub(crate) fn add(&mut self, piece: &[u8]) {
        self.0.update((piece.len() as u64).to_le_bytes());
        self.0.update(piece);
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
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
