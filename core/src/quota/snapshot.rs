//! Counters as bytes, so that a restart does not hand out a fresh month.
//!
//! A header (magic, version, kind, the caller's identity of the limit, both
//! clocks), the cells, and a CRC-32 of all that. Little-endian. Times of the wall
//! clock are kept as they are, those of the monotonic clock as what is left of them.

use super::meter::{Cell, Keyed, Meter};
use super::outcome::{NS_PER_MS, Now};
use super::table::Held;
use std::fmt;

const MAGIC: &[u8; 4] = b"GLQC";
const VERSION: u32 = 1;
/// In place of a key: the cell of all that found no place. Keys are even.
const SHARED: u64 = 1;

/// Why a snapshot cannot be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SnapshotError {
    /// It does not begin like one.
    Foreign,
    /// Written by another version of the format.
    Version(u32),
    /// It ends too early, or its checksum differs.
    Damaged,
    /// It belongs to another limit, or to one whose kind, key or period has changed.
    OtherLimit,
    /// The checksum is right, but it holds what no counter of this kind does.
    Impossible,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("this is no snapshot of counters"),
            Self::Version(version) => write!(
                f,
                "the snapshot has version {version} of the format, and version {VERSION} is understood"
            ),
            Self::Damaged => f.write_str("the snapshot is cut off or damaged"),
            Self::OtherLimit => f.write_str("the snapshot is of another limit"),
            Self::Impossible => f.write_str("the snapshot holds values that no counter has"),
        }
    }
}

/// What a restored snapshot brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Restored {
    pub(crate) cells: usize,
    /// Cells for which the table has no room.
    pub(crate) without_room: usize,
}

/// When a snapshot is read.
#[derive(Clone, Copy)]
pub(super) struct Resumed {
    /// By the clock of the kind.
    pub(super) now: u64,
    /// Since the snapshot was written, by the wall clock.
    pub(super) elapsed_ns: u64,
}

/// What a snapshot is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) kind: u32,
    pub(super) identity: u64,
}

/// Numbers read one after the other.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }
}

impl<M: Meter<W>, const W: usize> Keyed<M, W> {
    pub(super) fn save(&self, label: Label, now: Now) -> Vec<u8> {
        let mut out = Vec::from(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend(label.kind.to_le_bytes());
        out.extend(label.identity.to_le_bytes());
        out.extend(now.wall_ms.to_le_bytes());
        let clock = self.meter().clock(now);
        let cells = self.table().each().map(|held| (held.key(), held));
        let shared = self.table().hold_shared().map(|held| (SHARED, held));
        for (key, held) in cells.chain(shared) {
            let words = self.meter().dump(&open(&held), clock);
            drop(held);
            if !words.is_empty() {
                out.extend(key.to_le_bytes());
                out.extend((words.len() as u64).to_le_bytes());
                out.extend(words.into_iter().flat_map(u64::to_le_bytes));
            }
        }
        out.extend(crc32fast::hash(&out).to_le_bytes());
        out
    }

    pub(super) fn load(
        &self,
        bytes: &[u8],
        label: Label,
        now: Now,
    ) -> Result<Restored, SnapshotError> {
        let (cells, written_ms) = check(bytes, label)?;
        let elapsed_ms = now.wall_ms.saturating_sub(written_ms).max(0);
        let resumed = Resumed {
            now: self.meter().clock(now),
            elapsed_ns: elapsed_ms.unsigned_abs().saturating_mul(NS_PER_MS),
        };
        let mut restored = Restored::default();
        let mut reader = Reader(cells);
        while !reader.0.is_empty() {
            let (key, words) = read_cell(&mut reader).ok_or(SnapshotError::Damaged)?;
            let held = match key {
                SHARED => self.table().hold_shared(),
                _ => self.table().hold_or_claim(key, resumed.now),
            };
            let Some(held) = held else {
                restored.without_room += 1;
                continue;
            };
            let mut cell = open(&held);
            if !self.meter().load(&mut cell, &words, resumed) {
                return Err(SnapshotError::Impossible);
            }
            held.write(cell.words);
            restored.cells += 1;
        }
        Ok(restored)
    }
}

fn open<'c, const W: usize>(held: &Held<'c, W>) -> Cell<'c, W> {
    Cell {
        words: held.read(),
        slots: held.slots(),
    }
}

/// Header and checksum: gives the cells, and when they were written.
fn check(bytes: &[u8], label: Label) -> Result<(&[u8], i64), SnapshotError> {
    let body = bytes.strip_prefix(MAGIC).ok_or(SnapshotError::Foreign)?;
    let version = Reader(body).u32().ok_or(SnapshotError::Damaged)?;
    if version != VERSION {
        return Err(SnapshotError::Version(version));
    }
    let (content, sum) = bytes.split_last_chunk().ok_or(SnapshotError::Damaged)?;
    if crc32fast::hash(content) != u32::from_le_bytes(*sum) {
        return Err(SnapshotError::Damaged);
    }
    let mut reader = Reader(content.get(8..).unwrap_or_default());
    let mut header = || {
        let kind = reader.u32()?;
        let identity = reader.u64()?;
        let written = reader.bytes().map(i64::from_le_bytes)?;
        Some((Label { kind, identity }, written))
    };
    let (found, written_ms) = header().ok_or(SnapshotError::Damaged)?;
    if found != label {
        return Err(SnapshotError::OtherLimit);
    }
    Ok((reader.0, written_ms))
}

fn read_cell(reader: &mut Reader<'_>) -> Option<(u64, Vec<u64>)> {
    let key = reader.u64()?;
    let length = usize::try_from(reader.u64()?).ok()?;
    // The bytes have to be there before memory is asked for.
    let bytes = reader.0.get(..length.checked_mul(8)?)?;
    reader.0 = reader.0.get(bytes.len()..)?;
    let (words, _) = bytes.as_chunks();
    Some((key, words.iter().copied().map(u64::from_le_bytes).collect()))
}
