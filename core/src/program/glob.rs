//! Globs with values of attributes in them, matched without allocation.

use super::predicate::{Facts, GlobMatcher, GlobPiece, Values};
use super::vocabulary::Truth;
use crate::request::Value;

/// A place in a glob: the piece, and how far into its value.
#[derive(Clone, Copy)]
struct At {
    piece: usize,
    offset: usize,
}

/// What stands at a place.
enum Next {
    End,
    Byte(u8),
    One,
    Run,
}

impl GlobMatcher {
    /// Whether all of `text` fits. A value that is needed and absent fits nothing.
    ///
    /// Linear in `text` for each star: only the last star is ever tried again.
    pub(crate) fn matches<F: Facts>(&self, text: &[u8], facts: &F) -> Truth {
        for piece in &self.parts {
            if let GlobPiece::Slot(slot, None) = piece {
                match facts.read(*slot) {
                    Values::One(Value::String(_)) => {}
                    Values::Open(truth) => return truth,
                    _ => return Truth::False,
                }
            }
        }
        Truth::of(self.fits(text, facts))
    }

    fn fits<F: Facts>(&self, text: &[u8], facts: &F) -> bool {
        let mut glob = At {
            piece: 0,
            offset: 0,
        };
        let mut at = 0;
        let mut retry: Option<(At, usize)> = None;
        loop {
            let (next, after) = self.next(glob, facts);
            let fits = match (next, text.get(at)) {
                (Next::End, None) => return true,
                (Next::Run, _) => {
                    retry = Some((after, at));
                    glob = after;
                    continue;
                }
                (Next::One, Some(byte)) if Some(*byte) != self.separator => {
                    at += character_len(text.get(at..).unwrap_or_default());
                    true
                }
                (Next::Byte(wanted), Some(byte)) if self.same(wanted, *byte) => {
                    at += 1;
                    true
                }
                _ => false,
            };
            if fits {
                glob = after;
                continue;
            }
            // Let the last star take one more byte, unless it may not.
            match retry {
                Some((after, from))
                    if text
                        .get(from)
                        .is_some_and(|byte| Some(*byte) != self.separator) =>
                {
                    retry = Some((after, from + 1));
                    (glob, at) = (after, from + 1);
                }
                _ => return false,
            }
        }
    }

    fn same(&self, wanted: u8, byte: u8) -> bool {
        wanted == byte || self.fold_case && wanted.eq_ignore_ascii_case(&byte)
    }

    /// What stands at a place, and the place after it.
    fn next<F: Facts>(&self, at: At, facts: &F) -> (Next, At) {
        let mut at = at;
        loop {
            let after = At {
                piece: at.piece + 1,
                offset: 0,
            };
            match self.parts.get(at.piece) {
                None => return (Next::End, at),
                Some(GlobPiece::Byte(byte)) => return (Next::Byte(*byte), after),
                Some(GlobPiece::One) => return (Next::One, after),
                Some(GlobPiece::Run) => return (Next::Run, after),
                Some(GlobPiece::Slot(slot, default)) => {
                    let value = match facts.read(*slot) {
                        Values::One(Value::String(text)) => text,
                        _ => default.as_deref().unwrap_or_default().as_bytes(),
                    };
                    match value.get(at.offset) {
                        Some(byte) => {
                            return (
                                Next::Byte(*byte),
                                At {
                                    offset: at.offset + 1,
                                    ..at
                                },
                            );
                        }
                        None => at = after,
                    }
                }
            }
        }
    }
}

/// Bytes of the first character; a byte that begins none stands for itself.
fn character_len(text: &[u8]) -> usize {
    let wanted = match text.first() {
        Some(0xC2..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..=0xF4) => 4,
        _ => 1,
    };
    let len = text
        .iter()
        .skip(1)
        .take(wanted - 1)
        .take_while(|byte| (0x80..0xC0).contains(*byte))
        .count()
        + 1;
    if len == wanted { len } else { 1 }
}
