//! Eight processes that share one limit, and one of them killed at random again and again.
//!
//! A child is this test program once more. It writes eight bytes for each admission, when it has it, so what a killed
//! one admitted is known.

use crate::server::{Server, options, signal};
use gatelet::store::{
    Charged, CounterKey, Kind, Mode, Now, OnDown, Outcome, Shared, SharedLimit, Strict, Window,
};
use gatelet::{Clock as _, SystemClock};
use gatelet_io::RedisStore;
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

const PROCESSES: usize = 8;
const BATCH: u64 = 50;
const CHILD: &str = "GATELET_TEST_CHILD";
/// A window that rolls over while a test runs.
const SHORT_MS: u64 = 300;
/// Windows that a child goes through then.
const ROLLS: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// One window for the whole test.
    Long(u64),
    Rolling(u64),
    Rate {
        per_second: u64,
        burst: u64,
    },
}

impl Form {
    fn kind(self) -> Kind {
        match self {
            Self::Long(limit) => Kind::Window {
                limit,
                window: Window::FirstRequest {
                    length_ms: 3_600_000,
                },
            },
            Self::Rolling(limit) => Kind::Window {
                limit,
                window: Window::Fixed {
                    anchor_ms: 0,
                    length_ms: SHORT_MS,
                },
            },
            Self::Rate { per_second, burst } => Kind::Rate {
                units: per_second,
                period_us: 1_000_000,
                burst,
            },
        }
    }

    fn write(self) -> String {
        match self {
            Self::Long(limit) => format!("long {limit} 0"),
            Self::Rolling(limit) => format!("rolling {limit} 0"),
            Self::Rate { per_second, burst } => format!("rate {per_second} {burst}"),
        }
    }

    fn read(words: &[&str]) -> Self {
        let number = |at: usize| words[at].parse().unwrap();
        match words[0] {
            "long" => Self::Long(number(1)),
            "rolling" => Self::Rolling(number(1)),
            _ => Self::Rate {
                per_second: number(1),
                burst: number(2),
            },
        }
    }
}

/// The child: admits as much as it can, then ends. Without its variable it is a test that has nothing to do.
#[test]
fn child() {
    let Ok(settings) = std::env::var(CHILD) else {
        return;
    };
    let words: Vec<_> = settings.split(' ').collect();
    let store = RedisStore::open(words[0], options()).unwrap();
    let form = Form::read(&words[2..]);
    let limit = SharedLimit {
        id: "shared".into(),
        mode: match words[1] {
            "strict" => Mode::Strict,
            _ => Mode::Leased { batch: BATCH },
        },
        on_down: OnDown::Deny,
        budget: Duration::from_secs(20),
    };
    let shared = Shared::new(Arc::new(store), 64);
    let started = Instant::now();
    // Not standard output: that is the test program's own.
    let mut out = std::io::stderr();
    let (mut refused, mut windows) = (0, Vec::new());
    while refused < 200 && windows.len() <= ROLLS {
        let now = Now {
            mono_ns: u64::try_from(started.elapsed().as_nanos()).unwrap(),
            wall_ms: SystemClock.wall_ms(),
        };
        let charged = charge(&shared, &limit, form, now);
        if charged.outcome == Outcome::Admitted {
            let window = charged.receipt.window();
            out.write_all(&window.to_le_bytes()).unwrap();
            if matches!(form, Form::Rolling(_)) && windows.last() != Some(&window) {
                windows.push(window);
            }
            refused = 0;
        } else if let Form::Long(_) = form {
            refused += 1;
        } else if started.elapsed() > Duration::from_millis(SHORT_MS * ROLLS as u64) {
            return;
        }
    }
}

fn charge(shared: &Shared, limit: &SharedLimit, form: Form, now: Now) -> Charged {
    let (key, kind) = (CounterKey([1; 16]), form.kind());
    if limit.mode != Mode::Strict {
        return shared.spend(limit, 1, 1, now, || (key, kind));
    }
    let strict = Strict {
        limit,
        tag: 1,
        key,
        kind,
        cost: 1,
    };
    let mut charged = [Charged::default()];
    shared.take(&[strict], now, &mut charged);
    charged[0]
}

struct Crowd {
    settings: String,
    children: Vec<Child>,
    sender: Sender<Option<i64>>,
    admissions: Receiver<Option<i64>>,
}

impl Crowd {
    fn start(server: &Server, mode: &str, form: Form) -> Self {
        let (sender, admissions) = channel();
        let mut crowd = Self {
            settings: format!("{} {mode} {}", server.url(), form.write()),
            children: Vec::new(),
            sender,
            admissions,
        };
        for _ in 0..PROCESSES {
            let child = crowd.spawn();
            crowd.children.push(child);
        }
        crowd
    }

    fn spawn(&self) -> Child {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::child", "--nocapture"])
            .env(CHILD, &self.settings)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stderr.take().unwrap();
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            let mut window = [0; 8];
            // Eight bytes are written at once, so a killed child leaves no part.
            while pipe.read_exact(&mut window).is_ok() {
                let _ = sender.send(Some(i64::from_le_bytes(window)));
            }
            let _ = sender.send(None);
        });
        child
    }

    /// Counts admissions of each window until all children have ended; kills one after every so many.
    fn count(mut self, kills: usize, every: u64) -> HashMap<i64, u64> {
        let (mut windows, mut total, mut killed, mut alive) = (HashMap::new(), 0_u64, 0, PROCESSES);
        while alive > 0 {
            match self.admissions.recv().unwrap() {
                None => alive -= 1,
                Some(window) => {
                    *windows.entry(window).or_default() += 1;
                    total += 1;
                    if killed < kills && total.is_multiple_of(every) {
                        // Which one is as random as their progress.
                        let at = usize::try_from(total / every * 5).unwrap() % PROCESSES;
                        signal(&self.children[at], "KILL");
                        self.children[at].wait().unwrap();
                        self.children[at] = self.spawn();
                        alive += 1;
                        killed += 1;
                    }
                }
            }
        }
        for child in &mut self.children {
            child.wait().unwrap();
        }
        assert_eq!(killed, kills);
        windows
    }
}

fn kills() -> usize {
    if std::env::var_os("GATELET_LONG").is_some() {
        100
    } else {
        5
    }
}

#[test]
fn a_window_is_shared_exactly() {
    let Some(server) = Server::start("a_window_is_shared_exactly") else {
        return;
    };
    for mode in ["strict", "leased"] {
        server.command(&["FLUSHALL"]);
        let windows = Crowd::start(&server, mode, Form::Long(3_000)).count(0, 1);
        assert_eq!(windows.len(), 1, "{mode}");
        let admitted = *windows.values().next().unwrap();
        assert!(admitted <= 3_000, "{mode}: {admitted}");
        // What leases could not spend is at most what all hold at the end.
        let unspent = if mode == "strict" {
            0
        } else {
            PROCESSES as u64 * BATCH
        };
        assert!(admitted >= 3_000 - unspent, "{mode}: {admitted}");
    }
}

#[test]
fn windows_that_roll_over_are_shared_exactly() {
    let Some(server) = Server::start("windows_that_roll_over_are_shared_exactly") else {
        return;
    };
    for mode in ["strict", "leased"] {
        server.command(&["FLUSHALL"]);
        let windows = Crowd::start(&server, mode, Form::Rolling(500)).count(0, 1);
        assert!(windows.len() > 1, "{mode}: {windows:?}");
        assert!(
            windows.values().all(|admitted| *admitted <= 500),
            "{mode}: {windows:?}"
        );
        assert!(
            windows.values().any(|admitted| *admitted > 250),
            "{mode}: {windows:?}"
        );
    }
}

#[test]
fn killed_processes_only_burn_units() {
    let Some(server) = Server::start("killed_processes_only_burn_units") else {
        return;
    };
    let every = 400;
    for mode in ["strict", "leased"] {
        server.command(&["FLUSHALL"]);
        // Each killed one burns what it held, and what it had asked for.
        let limit = (every + 2 * BATCH) * (kills() as u64 + 2);
        let windows = Crowd::start(&server, mode, Form::Long(limit)).count(kills(), every);
        let admitted: u64 = windows.values().sum();
        assert_eq!(windows.len(), 1, "{mode}");
        assert!(admitted <= limit, "{mode}: {admitted} of {limit}");
        assert!(
            admitted >= every * kills() as u64,
            "{mode}: {admitted} of {limit}"
        );
    }
}

#[test]
fn a_rate_is_shared_within_its_bound() {
    let Some(server) = Server::start("a_rate_is_shared_within_its_bound") else {
        return;
    };
    let (per_second, burst) = (1_000, 100);
    let form = Form::Rate { per_second, burst };
    for (mode, held) in [("strict", 0), ("leased", PROCESSES as u64 * BATCH)] {
        server.command(&["FLUSHALL"]);
        let started = Instant::now();
        let windows = Crowd::start(&server, mode, form).count(kills().min(5), 100);
        let admitted: u64 = windows.values().sum();
        // All of it was between the start and now.
        let flowed = started.elapsed().as_secs_f64() * per_second as f64;
        let most = burst as f64 + flowed + held as f64;
        assert!(admitted as f64 <= most, "{mode}: {admitted} of {most}");
        assert!(admitted > burst, "{mode}: {admitted}");
    }
}
