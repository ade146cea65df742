//! Decisions off an event loop: a limit that asks a store on every request may wait, and a loop may not.

use gatelet::{Decision, Engine, RequestBuf};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Where a decision goes.
type Done = Box<dyn for<'d> FnOnce(&Decision<'d>) + Send>;

struct Job {
    request: RequestBuf,
    done: Done,
}

/// Threads that decide.
///
/// ```
/// use gatelet::{Engine, EngineConfig, Policy, RequestBuf, Source};
/// use gatelet_io::Deciders;
/// use std::sync::{Arc, mpsc::channel};
///
/// let text = b"gatelet: 1\nrules: { all: { effect: allow, match: { who: anyone } } }\n";
/// let policy = Policy::load(&[Source::new("all.yaml", text)])?;
/// let engine = Arc::new(Engine::new(policy, EngineConfig::default())?);
/// let deciders = Deciders::start(&engine, 2, 100)?;
///
/// let (sender, receiver) = channel();
/// let request = RequestBuf::from_json(br#"{ "method": "GET", "path": "/" }"#)?;
/// deciders.decide(request, move |decision| {
///     let _ = sender.send(decision.allowed());
/// })?;
/// assert!(receiver.recv()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Deciders {
    queue: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

/// As many requests wait as may: deny, or try again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFull;

impl fmt::Display for QueueFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("as many requests wait for a decision as may")
    }
}

impl std::error::Error for QueueFull {}

impl Deciders {
    /// Starts so many threads, at least one; so many requests may wait for them, at least one.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(engine: &Arc<Engine>, threads: usize, waiting: usize) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(waiting.max(1));
        let jobs = Arc::new(Mutex::new(jobs));
        let mut deciders = Self {
            queue: Some(queue),
            threads: Vec::with_capacity(threads.max(1)),
        };
        for _ in 0..threads.max(1) {
            let (engine, jobs) = (Arc::clone(engine), Arc::clone(&jobs));
            let thread = std::thread::Builder::new().name("gatelet-decide".to_owned());
            deciders
                .threads
                .push(thread.spawn(move || work(&engine, &jobs))?);
        }
        Ok(deciders)
    }

    /// Decides on one of the threads, and calls `done` there, exactly once. Never waits.
    ///
    /// # Errors
    /// When as many requests wait as may: then `done` is not called.
    pub fn decide(
        &self,
        request: RequestBuf,
        done: impl for<'d> FnOnce(&Decision<'d>) + Send + 'static,
    ) -> Result<(), QueueFull> {
        let done = Box::new(done);
        match self
            .queue
            .as_ref()
            .map(|queue| queue.try_send(Job { request, done }))
        {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) | None => {
                Err(QueueFull)
            }
        }
    }
}

impl Drop for Deciders {
    /// Waits until every request that was taken is decided.
    fn drop(&mut self) {
        self.queue = None;
        let own = std::thread::current().id();
        for thread in self.threads.drain(..) {
            // The last owner may be what was called.
            if thread.thread().id() != own {
                let _ = thread.join();
            }
        }
    }
}

impl fmt::Debug for Deciders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deciders")
            .field("threads", &self.threads.len())
            .finish_non_exhaustive()
    }
}

fn work(engine: &Engine, jobs: &Mutex<Receiver<Job>>) {
    let mut scratch = engine.scratch();
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { request, done }) = job else {
            return;
        };
        let view = request.view();
        // A panic of what is called ends its own request, not the thread: the decision is made by then.
        let called = catch_unwind(AssertUnwindSafe(|| {
            done(&engine.decide(&mut scratch, &view.request()));
        }));
        if called.is_err() {
            scratch = engine.scratch();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatelet::{EngineConfig, Policy, Source};
    use std::sync::mpsc::channel;

    fn engine() -> Arc<Engine> {
        let text = "gatelet: 1\nrules:\n  all: { effect: allow, match: { path: \"/open/{**}\", who: anyone } }\n";
        let policy = Policy::load(&[Source::new("all.yaml", text.as_bytes())]).unwrap();
        Arc::new(Engine::new(policy, EngineConfig::default()).unwrap())
    }

    fn request(path: &str) -> RequestBuf {
        RequestBuf::from_json(format!("{{\"method\":\"GET\",\"path\":\"{path}\"}}").as_bytes())
            .unwrap()
    }

    #[test]
    fn each_request_is_answered_once() {
        let deciders = Deciders::start(&engine(), 3, 1_000).unwrap();
        let (sender, receiver) = channel();
        for number in 0..500 {
            let sender = sender.clone();
            let path = if number % 2 == 0 {
                "/open/a"
            } else {
                "/closed"
            };
            let sent = deciders.decide(request(path), move |decision| {
                sender.send((number, decision.allowed())).unwrap();
            });
            assert_eq!(sent, Ok(()));
        }
        drop(sender);
        let mut found: Vec<_> = receiver.into_iter().collect();
        found.sort_unstable();
        let expected: Vec<_> = (0..500).map(|number| (number, number % 2 == 0)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_full_queue_is_said_and_a_panic_is_survived() {
        let deciders = Deciders::start(&engine(), 1, 1).unwrap();
        let (begun, has_begun) = channel();
        let (release, released) = channel::<()>();
        deciders
            .decide(request("/open/a"), move |_| {
                begun.send(()).unwrap();
                let _ = released.recv();
                panic!("what was called fails");
            })
            .unwrap();
        has_begun.recv().unwrap();
        let (sender, receiver) = channel();
        let other = sender.clone();
        let waits = deciders.decide(request("/open/b"), move |decision| {
            sender.send(decision.allowed()).unwrap();
        });
        assert_eq!(waits, Ok(()));
        let full = deciders.decide(request("/open/c"), move |_| other.send(false).unwrap());
        assert_eq!(full, Err(QueueFull));
        drop(release);
        drop(deciders);
        assert_eq!(receiver.into_iter().collect::<Vec<_>>(), [true]);
    }
}
