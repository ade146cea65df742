//! Globs with values of attributes in them, matched without allocation.

use super::predicate::{Facts, GlobMatcher, GlobPiece, Values};
use super::vocabulary::Truth;
use crate::request::Value;

/// A place in a glob: the piece, and how far into its text.
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
    Run { across: bool },
}

/// Where a run may take in one more character: the place after it, and how far it came.
type Retry = Option<(At, usize)>;

impl GlobMatcher {
    /// Whether all of `text` fits. A value that is needed and absent fits nothing.
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

    /// Linear in `text` for each run: of the runs that go across, only the last
    /// is ever tried again, and of the others only the last after that one.
    fn fits<F: Facts>(&self, text: &[u8], facts: &F) -> bool {
        let (mut glob, mut at) = (At::START, 0);
        let (mut inner, mut outer): (Retry, Retry) = (None, None);
        // From this piece on nothing fits that begins at or before this byte.
        let mut barren: Option<(usize, usize)> = None;
        loop {
            let (next, after) = self.next(glob, facts);
            let rest = text.get(at..).unwrap_or_default();
            let taken = match (next, rest.first()) {
                (Next::End, None) => return true,
                (Next::Run { across }, _) if across || self.separator.is_none() => {
                    (inner, outer) = (None, Some((after, at)));
                    Some(0)
                }
                (Next::Run { .. }, _) => {
                    let known = barren.is_some_and(|(piece, to)| piece == after.piece && at <= to);
                    inner = (!known).then_some((after, at));
                    (!known).then_some(0)
                }
                (Next::One, Some(byte)) if !self.stops(*byte) => Some(character_len(rest)),
                (Next::Byte(wanted), Some(byte)) if self.same(wanted, *byte) => Some(1),
                _ => None,
            };
            if let Some(len) = taken {
                (glob, at) = (after, at + len);
                continue;
            }
            if let Some((place, from)) = inner {
                match text.get(from..).unwrap_or_default() {
                    [] => return false,
                    [byte, ..] if self.stops(*byte) => barren = Some((place.piece, from)),
                    more => {
                        at = from + character_len(more);
                        (glob, inner) = (place, Some((place, at)));
                        continue;
                    }
                }
            }
            match outer.and_then(|(place, from)| Some((place, from, text.get(from..)?))) {
                Some((place, from, more)) if !more.is_empty() => {
                    at = from + character_len(more);
                    (glob, inner, outer) = (place, None, Some((place, at)));
                }
                _ => return false,
            }
        }
    }

    fn stops(&self, byte: u8) -> bool {
        Some(byte) == self.separator
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
            let literal = match self.parts.get(at.piece) {
                None => return (Next::End, at),
                Some(GlobPiece::One) => return (Next::One, after),
                Some(GlobPiece::Run { across }) => return (Next::Run { across: *across }, after),
                Some(GlobPiece::Literal(literal)) => literal,
                Some(GlobPiece::Slot(slot, default)) => match facts.read(*slot) {
                    Values::One(Value::String(text)) => text,
                    _ => default.as_deref().unwrap_or_default().as_bytes(),
                },
            };
            match literal.get(at.offset) {
                Some(byte) => {
                    let offset = at.offset + 1;
                    return (Next::Byte(*byte), At { offset, ..at });
                }
                None => at = after,
            }
        }
    }
}

impl At {
    const START: Self = Self {
        piece: 0,
        offset: 0,
    };
}

/// Bytes of the first character; a byte that begins none stands for itself.
fn character_len(text: &[u8]) -> usize {
    let len = match text.first() {
        Some(0xC2..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..=0xF4) => 4,
        _ => return 1,
    };
    let character = text.get(..len).and_then(|it| core::str::from_utf8(it).ok());
    if character.is_some() { len } else { 1 }
}

#[cfg(test)]
mod tests;
