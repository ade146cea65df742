//! Atomics and waiting, as the cells use them: the standard library's, or those of the model checker.

#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Turns for which a waiter only pauses, before it lets other threads run.
const PAUSES: u32 = 64;
/// Turns after which a holder counts as gone: a fork can copy a cell that is being changed, and nobody changes it back.
const TURNS: u32 = 100_000;

/// How long one operation has waited for others.
#[derive(Debug, Default)]
pub(super) struct Patience(u32);

impl Patience {
    /// Waits a turn; false when it has been long enough.
    pub(super) fn wait(&mut self) -> bool {
        self.0 += 1;
        if self.0 < PAUSES && cfg!(not(loom)) {
            std::hint::spin_loop();
        } else {
            #[cfg(loom)]
            loom::thread::yield_now();
            #[cfg(not(loom))]
            std::thread::yield_now();
        }
        self.0 < TURNS
    }
}
