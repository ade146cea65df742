//! Connections that decisions and background work share.

use super::connection::{Connection, Failure};
use super::url::Server;
use gatelet::store::Unavailable;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(super) struct Pool {
    server: Server,
    most: usize,
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    idle: Vec<Connection>,
    /// Idle and in use.
    open: usize,
    generation: u64,
    addresses: Vec<SocketAddr>,
    /// The addresses are to be looked up again.
    stale: bool,
    status: StoreStatus,
}

/// How a store has been, for people and probes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStatus {
    /// Whether the last question was answered; true before the first.
    pub healthy: bool,
    /// Questions that were answered.
    pub answered: u64,
    /// Questions that were not.
    pub failed: u64,
    /// Connections that were opened.
    pub connected: u64,
    /// What the last failure was; stays after recovery.
    pub last_error: Option<String>,
}

impl Pool {
    pub(super) fn new(server: Server, most: usize) -> Self {
        let pool = Self {
            server,
            most: most.max(1),
            state: Mutex::new(State {
                idle: Vec::with_capacity(most),
                open: 0,
                generation: 0,
                addresses: Vec::new(),
                stale: true,
                status: StoreStatus {
                    healthy: true,
                    ..StoreStatus::default()
                },
            }),
            returned: Condvar::new(),
        };
        pool.look_up();
        pool
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn status(&self) -> StoreStatus {
        self.state().status.clone()
    }

    /// Looks up the server's addresses if that is due. Has no deadline, so no decision calls it.
    pub(super) fn look_up(&self) {
        if !self.state().stale {
            return;
        }
        let found = (self.server.host.as_str(), self.server.port).to_socket_addrs();
        let mut state = self.state();
        match found {
            Ok(found) => {
                state.addresses = found.collect();
                state.stale = state.addresses.is_empty();
            }
            Err(error) => {
                state.status.last_error = Some(format!("{}: {error}", self.server.host));
            }
        }
    }

    /// Asks on a connection of its own, within the budget.
    pub(super) fn ask<T>(
        &self,
        budget: Duration,
        question: impl FnOnce(&mut Connection, Instant) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let started = Instant::now();
        let mut connection = self.take(started, budget).inspect_err(|failure| {
            self.failed(failure);
        })?;
        let answer = question(&mut connection, started);
        let mut state = self.state();
        let keep = match &answer {
            Ok(_) => {
                state.status.answered += 1;
                state.status.healthy = true;
                true
            }
            Err(failure) => {
                state.fail(failure);
                failure.keeps_connection()
            }
        };
        if keep && connection.generation == state.generation {
            state.idle.push(connection);
        } else {
            state.open = state.open.saturating_sub(1);
        }
        drop(state);
        self.returned.notify_one();
        answer
    }

    fn failed(&self, failure: &Failure) {
        self.state().fail(failure);
    }

    /// An idle connection, a new one, or one that comes back in time.
    fn take(&self, started: Instant, budget: Duration) -> Result<Connection, Failure> {
        let mut state = self.state();
        loop {
            if let Some(connection) = state.idle.pop() {
                return Ok(connection);
            }
            if state.open < self.most {
                break;
            }
            let left = budget.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Err(Failure::new(
                    Unavailable::Busy,
                    "every connection is in use",
                ));
            }
            let waited = self.returned.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state.open += 1;
        let (addresses, generation) = (state.addresses.clone(), state.generation);
        drop(state);
        let opened = Connection::open(&self.server, &addresses, started, budget);
        let mut state = self.state();
        match opened {
            Ok(mut connection) => {
                state.status.connected += 1;
                connection.generation = generation;
                Ok(connection)
            }
            Err(failure) => {
                state.open = state.open.saturating_sub(1);
                drop(state);
                self.returned.notify_one();
                Err(failure)
            }
        }
    }
}

impl State {
    fn fail(&mut self, failure: &Failure) {
        if failure.no_script || failure.why == Unavailable::Clock {
            return;
        }
        self.status.failed += 1;
        self.status.healthy = false;
        self.status.last_error = Some(failure.detail.clone());
        if failure.why == Unavailable::Busy || failure.keeps_connection() {
            return;
        }
        // What befell one connection befell the others: a server that restarted or was demoted has left them all.
        self.generation += 1;
        self.open = self.open.saturating_sub(self.idle.len());
        self.idle.clear();
        self.stale = true;
    }
}
