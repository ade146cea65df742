//! Where the segments of a path begin and end, kept in the caller's scratch.

use crate::limits::MAX_SEGMENTS;

/// Offsets of the segments of one path; it belongs to that path until the next is split.
#[derive(Debug, Clone)]
pub(crate) struct Segments {
    /// Where each segment begins; one more closes the last. What lies beyond is left from earlier paths.
    starts: [u16; MAX_SEGMENTS + 1],
    len: usize,
}

impl Segments {
    /// No segments.
    pub(crate) const fn new() -> Self {
        Self {
            starts: [0; MAX_SEGMENTS + 1],
            len: 0,
        }
    }

    /// How many segments the path has; `/` has none.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.len
    }

    /// The bytes of segment `index` of the path that was split; empty where there is none.
    #[inline]
    pub(crate) fn get<'p>(&self, index: usize, path: &'p [u8]) -> &'p [u8] {
        let span = self.starts.get(index..).and_then(<[u16]>::first_chunk);
        let Some(&[start, next]) = span.filter(|_| index < self.len) else {
            return &[];
        };
        path.get(usize::from(start)..usize::from(next).wrapping_sub(1))
            .unwrap_or(&[])
    }

    /// The segments in their order.
    pub(crate) fn iter<'p>(&self, path: &'p [u8]) -> impl Iterator<Item = &'p [u8]> {
        (0..self.len).map(move |index| self.get(index, path))
    }

    #[inline(always)]
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Opens a segment behind every slash of a block that begins at `base`.
    #[inline(always)]
    pub(super) fn begin_after(&mut self, base: usize, mut slashes: u32) {
        while slashes != 0 {
            self.begin(base + slashes.trailing_zeros() as usize + 1);
            slashes &= slashes - 1;
        }
    }

    /// Closes the last segment; false if there are too many. `end` is the path's length.
    #[inline(always)]
    pub(super) fn close(&mut self, end: usize, trailing_slash: bool) -> bool {
        if trailing_slash {
            // What the final slash opened is no segment; its start closes the one before.
            self.len -= usize::from(self.len > 0);
        } else {
            self.begin(end + 1);
            self.len -= 1;
        }
        self.len <= MAX_SEGMENTS
    }

    #[inline(always)]
    fn begin(&mut self, at: usize) {
        if let Some(start) = self.starts.get_mut(self.len) {
            // A normalised path is at most three times the longest target, so `at` always fits.
            *start = u16::try_from(at).unwrap_or(u16::MAX);
        }
        self.len += 1;
    }
}
