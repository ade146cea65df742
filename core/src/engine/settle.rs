//! After the decision: true costs, the end of requests, and what an engine tells of its limits.

use super::Engine;
use super::charge::ticket::Ticket;
use super::charge::{CountersError, RestoredCounters};

impl Engine {
    /// Replaces what a reserved request was estimated to cost by what it cost, and ends it.
    ///
    /// Only limits that go by the request's cost are corrected; a cost above the
    /// estimate is charged whether it fits or not. `report(ticket, 0)` gives the
    /// estimate of a request that failed back. False if the ticket was used or
    /// forgotten, or is another engine's.
    pub fn report(&self, ticket: Ticket, cost: u64) -> bool {
        self.settle(ticket, Some(cost))
    }

    /// Ends a request that was counted as under way; what was estimated stays charged.
    ///
    /// False if the ticket was used or forgotten, or is another engine's.
    pub fn release(&self, ticket: Ticket) -> bool {
        self.settle(ticket, None)
    }

    /// Releases a ticket when it is dropped.
    ///
    /// ```
    /// use gatelet::{Engine, EngineConfig, Policy, Request, Source};
    /// let text = b"gatelet: 1\nrules: { all: { effect: allow, match: { who: anyone } } }\nlimits: { busy: { by: [], concurrency: 1 } }\n";
    /// let engine = Engine::new(Policy::load(&[Source::new("p.yaml", text)])?, EngineConfig::default())?;
    /// let (mut scratch, request) = (engine.scratch(), Request { path: Some(b"/"), ..Request::default() });
    /// {
    ///     let ticket = engine.decide(&mut scratch, &request).ticket();
    ///     let _guard = ticket.map(|ticket| engine.guard(ticket));
    ///     assert!(!engine.decide(&mut scratch, &request).allowed());
    /// }
    /// assert!(engine.decide(&mut scratch, &request).allowed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "dropped at once it releases at once"]
    pub fn guard(&self, ticket: Ticket) -> Guard<'_> {
        Guard {
            engine: self,
            ticket: Some(ticket),
        }
    }

    /// How often the wall clock was set ahead by more than an hour, which ends windows early.
    #[must_use]
    pub fn clock_leaps(&self) -> u64 {
        self.time.leaps()
    }

    /// How many requests found no room for a counter, by limit; see `capacity`.
    #[must_use]
    pub fn crowded_limits(&self) -> Vec<(String, u64)> {
        let installed = self.installed.snapshot();
        let limits = installed.policy.program.limits.limits.iter();
        limits
            .zip(installed.counters.crowded())
            .map(|(limit, crowded)| (limit.id.to_string(), crowded))
            .filter(|(_, crowded)| *crowded > 0)
            .collect()
    }

    /// What is counted in the process, for [`Engine::restore_counters`]: with it a restart does not hand out a fresh
    /// month. It holds the secrets of the keys, and no key.
    #[must_use]
    pub fn save_counters(&self) -> Vec<u8> {
        self.installed.snapshot().counters.save(self.time.current())
    }

    /// Takes saved counters in, for the limits that are the same in id, kind, key and period.
    ///
    /// It is for an engine that has just been made: what a limit counted before under other secrets is forgotten.
    ///
    /// # Errors
    /// What was not saved by [`Engine::save_counters`]; then nothing is changed.
    pub fn restore_counters(&self, bytes: &[u8]) -> Result<RestoredCounters, CountersError> {
        self.recounted(|counters| counters.restored(bytes, self.time.current()))
    }

    fn settle(&self, ticket: Ticket, cost: Option<u64>) -> bool {
        let now = self.time.current();
        self.tickets
            .get()
            .is_some_and(|tickets| tickets.settle(ticket, cost, now))
    }
}

/// Ends a request when it is dropped; see [`Engine::guard`].
#[derive(Debug)]
pub struct Guard<'e> {
    engine: &'e Engine,
    ticket: Option<Ticket>,
}

impl Guard<'_> {
    /// Ends the request with what it cost; see [`Engine::report`].
    pub fn report(mut self, cost: u64) -> bool {
        self.ticket
            .take()
            .is_some_and(|ticket| self.engine.report(ticket, cost))
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.engine.release(ticket);
        }
    }
}
