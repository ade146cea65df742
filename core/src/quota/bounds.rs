//! A window worked out once, for all threads: a sequence lock that nobody waits for.

use super::sync::{AtomicU64, Ordering, fence};

/// Start and end of the latest window that was worked out.
#[derive(Debug)]
pub(super) struct Bounds {
    /// Odd while the others are being changed.
    turn: AtomicU64,
    start: AtomicU64,
    end: AtomicU64,
}

impl Bounds {
    pub(super) fn new() -> Self {
        Self {
            turn: AtomicU64::new(0),
            start: AtomicU64::new(0),
            end: AtomicU64::new(0),
        }
    }

    /// Start and end; nothing while another thread changes them, or before they are known.
    pub(super) fn read(&self) -> Option<(u64, u64)> {
        let turn = self.turn.load(Ordering::Acquire);
        let start = self.start.load(Ordering::Relaxed);
        let end = self.end.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        (turn & 1 == 0 && self.turn.load(Ordering::Relaxed) == turn).then_some((start, end))
    }

    /// Keeps the later window; another thread that does the same is left to it.
    pub(super) fn advance(&self, start: u64, end: u64) {
        let turn = self.turn.load(Ordering::Relaxed);
        let change = |from, to| {
            self.turn
                .compare_exchange(from, to, Ordering::Acquire, Ordering::Relaxed)
        };
        if turn & 1 == 1 || change(turn, turn + 1).is_err() {
            return;
        }
        fence(Ordering::Release);
        if end > self.end.load(Ordering::Relaxed) {
            self.start.store(start, Ordering::Relaxed);
            self.end.store(end, Ordering::Relaxed);
        }
        self.turn.store(turn + 2, Ordering::Release);
    }
}
