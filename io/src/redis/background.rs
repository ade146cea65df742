//! What no decision waits for: units asked for ahead, and notes.

use super::{Inner, connection::Failure};
use gatelet::store::{Ask, Charge, CounterKey, Grant, Grants, Kind, Note, Unavailable};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Questions and notes that wait at most.
const QUEUE: usize = 4_096;
/// After the store was dropped: how long what is queued may still take.
const FAREWELL: Duration = Duration::from_millis(500);

enum Job {
    Lease {
        limit: Arc<str>,
        ask: Owned,
        sink: Arc<dyn Grants>,
    },
    GiveBack {
        limit: Arc<str>,
        key: CounterKey,
        lease: u64,
        window: i64,
        units: u64,
    },
    Settle {
        limit: Arc<str>,
        charge: Owned,
        window: i64,
    },
    Release {
        limit: Arc<str>,
        key: CounterKey,
        hold: u64,
    },
}

/// An [`Ask`] without its limit.
#[derive(Clone, Copy)]
struct Owned {
    key: CounterKey,
    kind: Kind,
    cost: u64,
    owed: u64,
    units: u64,
    hold_ms: u64,
    tag: u64,
    sent_ns: u64,
}

impl Owned {
    fn ask<'a>(&self, limit: &'a Arc<str>) -> Ask<'a> {
        Ask {
            charge: Charge {
                limit,
                key: self.key,
                kind: self.kind,
                cost: self.cost,
                owed: self.owed,
            },
            units: self.units,
            hold_ms: self.hold_ms,
            tag: self.tag,
            sent_ns: self.sent_ns,
        }
    }
}

impl From<&Ask<'_>> for Owned {
    fn from(ask: &Ask<'_>) -> Self {
        Self {
            units: ask.units,
            hold_ms: ask.hold_ms,
            tag: ask.tag,
            sent_ns: ask.sent_ns,
            ..Self::from(&ask.charge)
        }
    }
}

impl From<&Charge<'_>> for Owned {
    fn from(charge: &Charge<'_>) -> Self {
        Self {
            key: charge.key,
            kind: charge.kind,
            cost: charge.cost,
            owed: charge.owed,
            units: 0,
            hold_ms: 0,
            tag: 0,
            sent_ns: 0,
        }
    }
}

/// How many jobs are queued or under way.
#[derive(Default)]
struct Waiting {
    count: Mutex<usize>,
    none: Condvar,
}

impl Waiting {
    fn change(&self, by: impl FnOnce(usize) -> usize) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = by(*count);
        if *count == 0 {
            self.none.notify_all();
        }
    }
}

/// The queue and the threads that work on it.
pub(super) struct Background {
    queue: Option<SyncSender<Job>>,
    waiting: Arc<Waiting>,
    closing: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Background {
    pub(super) fn start(inner: &Arc<Inner>, threads: usize) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        let closing = Arc::new(AtomicBool::new(false));
        let waiting = Arc::new(Waiting::default());
        let threads = (0..threads.max(1))
            .map(|_| {
                let (inner, jobs) = (Arc::clone(inner), Arc::clone(&jobs));
                let (closing, waiting) = (Arc::clone(&closing), Arc::clone(&waiting));
                std::thread::Builder::new()
                    .name("gatelet-store".to_owned())
                    .spawn(move || work(&inner, &jobs, &closing, &waiting))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            queue: Some(queue),
            waiting,
            closing,
            threads,
        })
    }

    /// False when the queue is full.
    fn push(&self, job: Job) -> bool {
        let Some(queue) = &self.queue else {
            return false;
        };
        self.waiting.change(|count| count + 1);
        let taken = queue.try_send(job).is_ok();
        if !taken {
            self.waiting.change(|count| count.saturating_sub(1));
        }
        taken
    }

    /// Waits until nothing is queued or under way; false if that takes longer.
    pub(super) fn drain(&self, within: Duration) -> bool {
        let waiting = &self.waiting;
        let count = waiting.count.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = waiting
            .none
            .wait_timeout_while(count, within, |count| *count > 0);
        let (count, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *count == 0
    }

    pub(super) fn lease(&self, ask: &Ask<'_>, sink: &Arc<dyn Grants>) -> bool {
        self.push(Job::Lease {
            limit: Arc::clone(ask.charge.limit),
            ask: ask.into(),
            sink: Arc::clone(sink),
        })
    }

    pub(super) fn post(&self, note: &Note<'_>) -> bool {
        match *note {
            Note::GiveBack {
                limit,
                key,
                lease,
                window,
                units,
            } => self.push(Job::GiveBack {
                limit: Arc::clone(limit),
                key,
                lease,
                window,
                units,
            }),
            Note::Settle { charge, window } => self.push(Job::Settle {
                limit: Arc::clone(charge.limit),
                charge: (&charge).into(),
                window,
            }),
            Note::Release { limit, key, hold } => self.push(Job::Release {
                limit: Arc::clone(limit),
                key,
                hold,
            }),
            _ => false,
        }
    }
}

impl Drop for Background {
    /// Lets the threads finish what is queued, for a while.
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        self.queue = None;
        let own = std::thread::current().id();
        for thread in self.threads.drain(..) {
            // The last handle may have been dropped by one of the threads.
            if thread.thread().id() != own {
                let _ = thread.join();
            }
        }
    }
}

fn work(inner: &Inner, jobs: &Mutex<Receiver<Job>>, closing: &AtomicBool, waiting: &Waiting) {
    let mut closed_at = None;
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else {
            return;
        };
        if closing.load(Ordering::Relaxed)
            && closed_at.get_or_insert_with(Instant::now).elapsed() > FAREWELL
        {
            job.refuse();
        } else {
            inner.pool.look_up();
            job.run(inner);
        }
        waiting.change(|count| count.saturating_sub(1));
    }
}

impl Job {
    fn run(self, inner: &Inner) {
        let budget = inner.patience;
        match self {
            Self::Lease { limit, ask, sink } => {
                let ask = ask.ask(&limit);
                let answer = inner.lease(&ask, budget).map_err(|failure| failure.why);
                sink.granted(&ask, answer);
            }
            Self::GiveBack {
                limit,
                key,
                lease,
                window,
                units,
            } => {
                let number = inner.name();
                done(inner.note(&limit, key, 'w', budget, &|command| {
                    command.arg("back").arg(lease).arg(number).arg(units);
                    command.arg(window);
                }));
            }
            Self::Settle {
                limit,
                charge,
                window,
            } => {
                let ask = charge.ask(&limit);
                done(inner.settle(&ask.charge, window, budget));
            }
            Self::Release { limit, key, hold } => {
                done(inner.note(&limit, key, 'c', budget, &|command| {
                    command.arg("release").arg(hold);
                }));
            }
        }
    }

    /// Not run: who waits for units is told so.
    fn refuse(self) {
        if let Self::Lease { limit, ask, sink } = self {
            let refused: Result<Grant, _> = Err(Unavailable::Unreachable);
            sink.granted(&ask.ask(&limit), refused);
        }
    }
}

/// A note that failed may have been applied: it is not repeated, and units are burnt. The pool has counted it.
fn done(_: Result<(), Failure>) {}
