//! Where values built during an evaluation live (`profile: extended`).
//!
//! The caller owns one per thread and resets it between evaluations; the memory
//! is kept, so a warm arena asks the allocator for nothing. It is bounded: what
//! does not fit is [`EvalError::OutOfMemory`].

use super::{EvalError, Value};
use bumpalo::Bump;
use std::fmt::{self, Write};

/// Most bytes that one evaluation may build.
const MAX_ARENA_BYTES: usize = 1 << 20;

/// Memory for the values that one evaluation builds.
#[derive(Debug)]
pub(crate) struct Arena(Bump);

impl Arena {
    /// An empty arena. It takes no memory before something is built.
    pub(crate) fn new() -> Self {
        let bump = Bump::new();
        bump.set_allocation_limit(Some(MAX_ARENA_BYTES));
        Self(bump)
    }

    /// Forgets every value and keeps the memory.
    pub(crate) fn reset(&mut self) {
        self.0.reset();
    }

    /// `count` times `value`, to be written over.
    pub(super) fn slice<T: Copy>(&self, count: usize, value: T) -> Result<&mut [T], EvalError> {
        self.0
            .try_alloc_slice_fill_copy(count, value)
            .map_err(|_| EvalError::OutOfMemory)
    }

    /// One value that others can refer to.
    pub(super) fn value<'a>(&'a self, value: Value<'a>) -> Result<&'a Value<'a>, EvalError> {
        self.0
            .try_alloc(value)
            .map(|value| &*value)
            .map_err(|_| EvalError::OutOfMemory)
    }

    /// Two byte strings, one after the other.
    pub(super) fn concat(&self, left: &[u8], right: &[u8]) -> Result<&[u8], EvalError> {
        let length = left
            .len()
            .checked_add(right.len())
            .ok_or(EvalError::OutOfMemory)?;
        let both = self.slice(length, 0_u8)?;
        for (to, from) in both.iter_mut().zip(left.iter().chain(right)) {
            *to = *from;
        }
        Ok(both)
    }

    /// The text that `write` writes. It runs twice: to measure, then to fill.
    pub(super) fn text(
        &self,
        write: impl Fn(&mut dyn Write) -> Result<(), EvalError>,
    ) -> Result<&str, EvalError> {
        let mut measure = Measure(0);
        write(&mut measure)?;
        let mut fill = Fill {
            bytes: self.slice(measure.0, 0_u8)?,
            at: 0,
        };
        write(&mut fill)?;
        let Fill { bytes, .. } = fill;
        std::str::from_utf8(bytes).map_err(|_| EvalError::Malformed)
    }
}

/// A write error means that the arena's bound was met.
impl From<fmt::Error> for EvalError {
    fn from(_: fmt::Error) -> Self {
        Self::OutOfMemory
    }
}

struct Measure(usize);

impl Write for Measure {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        if self.0 > MAX_ARENA_BYTES {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

struct Fill<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl Write for Fill<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.at + text.len();
        let to = self.bytes.get_mut(self.at..end).ok_or(fmt::Error)?;
        to.copy_from_slice(text.as_bytes());
        self.at = end;
        Ok(())
    }
}
