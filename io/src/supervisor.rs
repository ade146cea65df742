//! A thread of its own that keeps an engine's policy, keys and secrets what they are outside.

use crate::http::{Http, HttpOptions, HttpOptionsError};
use crate::policy_files::PolicyFiles;
use crate::report::{Board, Event, Status, are_usable};
use crate::worker::{Signal, Worker};
use gatelet::Engine;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a supervisor looks after, and how.
pub struct SupervisorOptions {
    /// The files of the policy: it is loaded again when they change. Without them only keys are looked after.
    pub policy: Option<PolicyFiles>,
    /// What the names of files are relative to (the working directory): for policies that are no files.
    pub base: PathBuf,
    /// Further directories in which links may lead to keys and secrets, such as `/run/secrets`.
    pub allow: Vec<PathBuf>,
    /// How documents are fetched.
    pub http: HttpOptions,
    /// How often files are looked at even if nothing was said of a change (10 s).
    pub poll_interval: Duration,
    /// How long files have to be left alone before they are read again (50 ms, and never more than 1 s).
    pub settle: Duration,
    /// Told what happens, on the supervisor's thread: it should not take long.
    pub observer: Option<Observer>,
}

/// Told what happens.
pub type Observer = Box<dyn Fn(&Event) + Send>;

impl Default for SupervisorOptions {
    fn default() -> Self {
        Self {
            policy: None,
            base: PathBuf::from("."),
            allow: Vec::new(),
            http: HttpOptions::default(),
            poll_interval: Duration::from_secs(10),
            settle: Duration::from_millis(50),
            observer: None,
        }
    }
}

impl fmt::Debug for SupervisorOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupervisorOptions")
            .field("policy", &self.policy)
            .field("base", &self.base)
            .field("allow", &self.allow)
            .field("http", &self.http)
            .field("poll_interval", &self.poll_interval)
            .field("settle", &self.settle)
            .finish_non_exhaustive()
    }
}

/// Why a supervisor did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum SupervisorError {
    /// The options of fetching cannot be used.
    Http(HttpOptionsError),
    /// There is no thread to be had.
    Thread(io::Error),
}

impl fmt::Display for SupervisorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "no thread for the supervisor: {error}"),
        }
    }
}

impl std::error::Error for SupervisorError {}

/// Looks after an engine until it is dropped.
///
/// A process that forks starts another one in the child: threads do not go along.
pub struct Supervisor {
    signals: Sender<Signal>,
    thread: Option<JoinHandle<()>>,
    http: Http,
    engine: Arc<Engine>,
    board: Arc<Board>,
}

impl Supervisor {
    /// Begins to look after `engine`: reads what its policy needs, fetches, watches.
    ///
    /// # Errors
    /// The options cannot be used, or the system gives no thread.
    pub fn start(engine: Arc<Engine>, options: SupervisorOptions) -> Result<Self, SupervisorError> {
        let http = Http::new(&options.http).map_err(SupervisorError::Http)?;
        let (signals, received) = channel();
        let board = Arc::<Board>::default();
        let worker = Worker::new(
            Arc::clone(&engine),
            options,
            http.clone(),
            (signals.clone(), received),
            Arc::clone(&board),
        );
        let wanted = signals.clone();
        engine.on_fetch(Some(Arc::new(move || {
            // Nobody receives any more: the supervisor is ending.
            let _ = wanted.send(Signal::Wanted);
        })));
        let thread = thread::Builder::new()
            .name("gatelet".to_owned())
            .spawn(move || worker.run())
            .map_err(SupervisorError::Thread)?;
        Ok(Self {
            signals,
            thread: Some(thread),
            http,
            engine,
            board,
        })
    }

    /// Reads everything again, as if it had changed. What comes of it is told to the observer.
    pub fn reload(&self) {
        let _ = self.signals.send(Signal::Reload);
    }

    /// Waits until every key set that the policy has fetched can be used; whether they can.
    #[must_use]
    pub fn wait_for_keys(&self, timeout: Duration) -> bool {
        let is_there = || are_usable(&self.engine.key_status());
        self.board.wait_until(timeout, is_there)
    }

    /// How everything is.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            remote: self.engine.key_status(),
            ..self.board.lock().clone()
        }
    }
}

impl Drop for Supervisor {
    /// Ends the thread: what is being fetched is cut off, and waited for at most as long as a connection may take.
    fn drop(&mut self) {
        self.engine.on_fetch(None);
        self.http.stop();
        let _ = self.signals.send(Signal::Stop);
        let own = thread::current().id();
        // An observer that drops its supervisor cannot wait for itself.
        if let Some(thread) = self
            .thread
            .take()
            .filter(|thread| thread.thread().id() != own)
        {
            // It ended by itself only if an observer panicked, which was told already.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").finish_non_exhaustive()
    }
}
