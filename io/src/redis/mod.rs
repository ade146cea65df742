//! Counters in Redis or Valkey.
//!
//! One question is one script, and so one atomic step; the server's clock is the
//! only one. A single primary is what is asked: a Redis Cluster is refused.

mod admin;
mod background;
mod connection;
mod pool;
mod question;
mod script;
mod url;

pub use pool::StoreStatus;
pub use url::StoreUrlError;

use background::Background;
use connection::Failure;
use gatelet::store::{
    Answer, Ask, Charge, Counter, CounterKey, Grant, Grants, Note, QuotaStore, Unavailable,
};
use pool::Pool;
use question::Names;
use redis::Cmd;
use script::Scripts;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How a [`RedisStore`] works, apart from where it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RedisOptions {
    /// What keys begin with: `gatelet`. Processes that share counters have the same.
    pub prefix: String,
    /// What keys of counters are digested with, so that who reads the store cannot guess values. The same in every
    /// process that shares counters.
    pub secret: Vec<u8>,
    /// Most connections: 16.
    pub connections: usize,
    /// Threads for what no decision waits for: 1.
    pub threads: usize,
    /// The longest that they wait for an answer: 250 ms. People who list and reset wait twenty times as long.
    pub patience: Duration,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            prefix: "gatelet".to_owned(),
            secret: Vec::new(),
            connections: 16,
            threads: 1,
            patience: Duration::from_millis(250),
        }
    }
}

impl RedisOptions {
    /// Keys of counters are digested with this.
    #[must_use]
    pub fn with_secret(self, secret: impl Into<Vec<u8>>) -> Self {
        Self {
            secret: secret.into(),
            ..self
        }
    }

    /// Keys begin with this.
    #[must_use]
    pub fn with_prefix(self, prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            ..self
        }
    }
}

/// Counters in Redis or Valkey: a [`QuotaStore`].
///
/// Connections are opened when they are needed, within the budget of the question,
/// and again after any fault; [`RedisStore::status`] says how it goes.
pub struct RedisStore {
    inner: Arc<Inner>,
    background: Background,
}

struct Inner {
    pool: Pool,
    scripts: Scripts,
    names: Names,
    secret: Vec<u8>,
    patience: Duration,
    /// Names questions, holds and notes, in order.
    next: AtomicU64,
    /// Names this process: no other has the same.
    process: u64,
}

/// Why there is no [`RedisStore`].
#[derive(Debug)]
#[non_exhaustive]
pub enum RedisStoreError {
    /// The URL names no server that can be used.
    Url(StoreUrlError),
    /// A thread could not be started.
    Thread(std::io::Error),
}

impl fmt::Display for RedisStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "no thread for the store: {error}"),
        }
    }
}

impl std::error::Error for RedisStoreError {}

impl RedisStore {
    /// The store at `redis://[user[:password]@]host[:port][/database]`.
    ///
    /// Nothing is sent yet: a server that is away is no error here, it is one
    /// that [comes back](RedisStore::status).
    ///
    /// # Errors
    /// For a URL that names no server, and if no thread can be started.
    pub fn open(url: &str, options: RedisOptions) -> Result<Self, RedisStoreError> {
        let server = url::Server::parse(url).map_err(RedisStoreError::Url)?;
        // Keyed by the system for each process. 52 bits: a script's number keeps them all.
        let random = |of| RandomState::new().hash_one(of) >> 12;
        let inner = Arc::new(Inner {
            pool: Pool::new(server, options.connections),
            scripts: Scripts::new(),
            names: Names::new(&options.prefix),
            secret: options.secret,
            patience: options.patience,
            // Half of the numbers are left to count with.
            next: AtomicU64::new((random("question") >> 1) + 1),
            process: random("process") | 1,
        });
        let background =
            Background::start(&inner, options.threads).map_err(RedisStoreError::Thread)?;
        Ok(Self { inner, background })
    }

    /// How the store has been.
    #[must_use]
    pub fn status(&self) -> StoreStatus {
        self.inner.pool.status()
    }

    /// Waits until units asked for ahead and notes are with the server; false if that takes longer.
    ///
    /// For the end of a process, after its engines are dropped: what they held goes back then.
    pub fn drain(&self, within: Duration) -> bool {
        self.background.drain(within)
    }

    /// Asks the server whether it is there.
    ///
    /// # Errors
    /// Without an answer in time.
    pub fn ping(&self) -> Result<(), Unavailable> {
        let (pool, budget) = (&self.inner.pool, self.inner.patience);
        pool.look_up();
        pool.ask(budget, |connection, started| {
            connection.ask(&redis::cmd("PING"), started, budget)
        })
        .map(|_| ())
        .map_err(|failure| failure.why)
    }
}

impl fmt::Debug for RedisStore {
    /// Without credentials and secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl QuotaStore for RedisStore {
    fn secret(&self) -> &[u8] {
        &self.inner.secret
    }

    fn take(
        &self,
        charges: &[Charge<'_>],
        budget: Duration,
        answers: &mut [Answer],
    ) -> Result<(), Unavailable> {
        self.inner
            .take("take", charges, budget, answers)
            .map_err(|failure| failure.why)
    }

    fn peek(
        &self,
        charges: &[Charge<'_>],
        budget: Duration,
        answers: &mut [Answer],
    ) -> Result<(), Unavailable> {
        self.inner
            .take("peek", charges, budget, answers)
            .map_err(|failure| failure.why)
    }

    fn lease(&self, ask: &Ask<'_>, budget: Duration) -> Result<Grant, Unavailable> {
        self.inner.lease(ask, budget).map_err(|failure| failure.why)
    }

    fn lease_ahead(&self, ask: &Ask<'_>, sink: &Arc<dyn Grants>) -> bool {
        self.background.lease(ask, sink)
    }

    fn post(&self, note: &Note<'_>) -> bool {
        self.background.post(note)
    }

    fn list(&self, limit: Option<&str>, visit: &mut dyn FnMut(Counter)) -> Result<(), Unavailable> {
        self.inner.list(limit, visit).map_err(|failure| failure.why)
    }

    fn reset(&self, limit: &str, key: Option<CounterKey>) -> Result<u64, Unavailable> {
        self.inner.reset(limit, key).map_err(|failure| failure.why)
    }
}

impl Inner {
    fn name(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn take(
        &self,
        verb: &str,
        charges: &[Charge<'_>],
        budget: Duration,
        answers: &mut [Answer],
    ) -> Result<(), Failure> {
        charges.iter().try_for_each(question::check)?;
        let keys: Vec<_> = charges.iter().map(|charge| self.names.of(charge)).collect();
        let hold = self.name();
        let arguments = |command: &mut Cmd| {
            command.arg(verb).arg(hold);
            for charge in charges {
                question::write_charge(command, charge);
            }
        };
        self.pool.ask(budget, |connection, started| {
            let take = &self.scripts.take;
            let value = take.run(connection, started, budget, &keys, &arguments)?;
            question::read_answers(&value, hold, answers)
        })
    }

    fn lease(&self, ask: &Ask<'_>, budget: Duration) -> Result<Grant, Failure> {
        question::check(&ask.charge)?;
        if !ask.charge.kind.can_be_leased() {
            let what = format!(
                "limit {}: {:?} is not leased",
                ask.charge.limit, ask.charge.kind
            );
            return Err(Failure::new(Unavailable::Unsupported, what));
        }
        let (keys, name) = ([self.names.of(&ask.charge)], self.name());
        self.pool.ask(budget, |connection, started| {
            let arguments =
                |command: &mut Cmd| question::write_ask(command, ask, name, self.process);
            let value = self
                .scripts
                .lease
                .run(connection, started, budget, &keys, &arguments)?;
            question::read_grant(&value, name, self.process)
        })
    }

    fn settle(&self, charge: &Charge<'_>, window: i64, budget: Duration) -> Result<(), Failure> {
        question::check(&Charge { cost: 0, ..*charge })?;
        let letter = question::letter_of(charge);
        self.note(charge.limit, charge.key, letter, budget, &|command| {
            question::write_settle(command, charge, window);
        })
    }

    fn note(
        &self,
        limit: &str,
        key: CounterKey,
        letter: char,
        budget: Duration,
        arguments: &dyn Fn(&mut Cmd),
    ) -> Result<(), Failure> {
        let keys = [self.names.key(letter, limit, key)];
        self.pool.ask(budget, |connection, started| {
            let note = &self.scripts.note;
            note.run(connection, started, budget, &keys, arguments)
                .map(|_| ())
        })
    }
}
