//! `gatelet bench`: decisions per second on the user's own policy and requests.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use gatelet::{Charge, Effect, Engine, Request, RequestBuf, RequestView};
use serde::Serialize;

use crate::args::{Bench, ChargeMode, TextFormat};
use crate::failure::{Failure, Outcome};
use crate::requests::{DefaultTime, Requests, hint_at_terminal};
use crate::{json, policy};

/// Most requests that are kept in memory; the rest of the file is not read.
const MAX_REQUESTS: usize = 100_000;
/// Shortest batch: the clock, read once a batch, then costs less than a percent of it.
const BATCH: Duration = Duration::from_micros(10);
/// Most batches of one thread, which bounds the memory that their samples take.
const MAX_BATCHES: u32 = 1_000_000;
/// Shortest time for which decisions are made before any is measured.
const WARM_UP: Duration = Duration::from_millis(100);

#[derive(Serialize)]
struct Figures {
    requests: usize,
    threads: u16,
    seconds: f64,
    decisions: u64,
    decisions_per_second: f64,
    ns_per_decision: Spread,
    allocations_per_decision: f64,
    effects: BTreeMap<&'static str, u64>,
    reasons: BTreeMap<&'static str, u64>,
    policy: String,
}

#[derive(Serialize)]
struct Spread {
    median: f64,
    p99: f64,
}

pub(crate) fn run(arguments: &Bench) -> Result<Outcome, Failure> {
    let engine = policy::engine(policy::load(&arguments.policy)?)?;
    let digest = engine.policy().digest().to_owned();
    let owned = read(&arguments.requests)?;
    let views: Vec<RequestView<'_>> = owned.iter().map(RequestBuf::view).collect();
    let now = DefaultTime::from_option(None)?.now();
    let requests: Vec<Request<'_>> = views
        .iter()
        .map(|view| view.request())
        .map(|request| Request {
            at: request.at.or(Some(now)),
            charge: match arguments.charge {
                Some(ChargeMode::Take) => Charge::Take,
                Some(ChargeMode::Peek) => Charge::Peek,
                Some(ChargeMode::None) => Charge::None,
                None => request.charge,
            },
            ..request
        })
        .collect();
    let figures = measure(&engine, &requests, arguments, digest);
    let mut out = io::stdout().lock();
    match arguments.format {
        TextFormat::Json => json::write_line(&mut out, &figures)?,
        TextFormat::Human => figures.print(&mut out)?,
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

fn read(path: &Path) -> Result<Vec<RequestBuf>, Failure> {
    hint_at_terminal(path, "requests");
    let mut requests = Requests::open(path)?;
    let mut all = Vec::new();
    while let Some(item) = requests.next(|| Ok(()))? {
        if all.len() == MAX_REQUESTS {
            eprintln!(
                "gatelet: measuring the first {MAX_REQUESTS} requests of {}",
                path.display()
            );
            break;
        }
        all.push(
            item.read
                .map_err(|message| Failure::at_line(path, item.line, message))?,
        );
    }
    if all.is_empty() {
        return Err(Failure::Problems(format!(
            "{} holds no request",
            path.display()
        )));
    }
    Ok(all)
}

fn measure(
    engine: &Engine,
    requests: &[Request<'_>],
    arguments: &Bench,
    digest: String,
) -> Figures {
    let duration = Duration::from_secs(arguments.seconds.into());
    let tally = tally(engine, requests);
    let batch = batch_size(warm_up(engine, requests), duration);
    let start_line = Barrier::new(arguments.threads.into());
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let run = || {
            start_line.wait();
            decide_for(engine, requests, duration, batch)
        };
        let threads: Vec<_> = (1..arguments.threads).map(|_| scope.spawn(run)).collect();
        let own = run();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .chain([own])
            .collect()
    });
    let elapsed = runs
        .iter()
        .map(|run| run.elapsed)
        .max()
        .unwrap_or(duration)
        .as_secs_f64();
    let decisions = runs.iter().map(|run| run.decisions).sum();
    let allocations = allocations(engine, requests);
    Figures {
        requests: requests.len(),
        threads: arguments.threads,
        seconds: elapsed,
        decisions,
        decisions_per_second: decisions as f64 / elapsed,
        ns_per_decision: spread(runs.into_iter().flat_map(|run| run.samples).collect()),
        allocations_per_decision: allocations as f64 / requests.len() as f64,
        effects: tally.effects,
        reasons: tally.reasons,
        policy: digest,
    }
}

/// Decides until caches and branch predictors have seen everything; the mean time of a decision.
fn warm_up(engine: &Engine, requests: &[Request<'_>]) -> Duration {
    let mut scratch = engine.scratch();
    let start = Instant::now();
    let mut passes = 0_u32;
    while start.elapsed() < WARM_UP {
        for request in requests {
            black_box(engine.decide(&mut scratch, request).effect());
        }
        passes += 1;
    }
    start.elapsed() / passes.max(1) / u32::try_from(requests.len()).unwrap_or(u32::MAX).max(1)
}

/// How many decisions make a batch that is long enough to be timed.
fn batch_size(decision: Duration, duration: Duration) -> NonZeroUsize {
    let batch = BATCH.max(duration / MAX_BATCHES);
    let decisions = batch.as_nanos().div_ceil(decision.as_nanos().max(1));
    usize::try_from(decisions)
        .ok()
        .and_then(NonZeroUsize::new)
        .unwrap_or(NonZeroUsize::MIN)
}

/// What one thread did.
struct Run {
    decisions: u64,
    elapsed: Duration,
    /// Nanoseconds per decision, the mean of one batch each.
    samples: Vec<f32>,
}

fn decide_for(
    engine: &Engine,
    requests: &[Request<'_>],
    duration: Duration,
    batch: NonZeroUsize,
) -> Run {
    let mut scratch = engine.scratch();
    let mut samples = Vec::new();
    let mut turn = requests.iter().cycle();
    let start = Instant::now();
    let mut before = start;
    loop {
        for request in turn.by_ref().take(batch.get()) {
            black_box(engine.decide(&mut scratch, request).effect());
        }
        let after = Instant::now();
        samples.push((after - before).as_nanos() as f32 / batch.get() as f32);
        before = after;
        let elapsed = after - start;
        if elapsed >= duration {
            let decisions = samples.len() as u64 * batch.get() as u64;
            return Run {
                decisions,
                elapsed,
                samples,
            };
        }
    }
}

fn spread(mut samples: Vec<f32>) -> Spread {
    samples.sort_unstable_by(f32::total_cmp);
    let at = |hundredths: usize| {
        let sample = samples.get(samples.len() * hundredths / 100).copied();
        f64::from(sample.unwrap_or_default())
    };
    Spread {
        median: at(50),
        p99: at(99),
    }
}

/// What the requests come to.
#[derive(Default)]
struct Tally {
    effects: BTreeMap<&'static str, u64>,
    reasons: BTreeMap<&'static str, u64>,
}

/// The first pass, of an engine that has decided nothing: time begins with these requests, as in `decide`.
fn tally(engine: &Engine, requests: &[Request<'_>]) -> Tally {
    let mut scratch = engine.scratch();
    let mut tally = Tally::default();
    tally
        .effects
        .extend([(Effect::Allow.as_str(), 0), (Effect::Deny.as_str(), 0)]);
    for request in requests {
        let decision = engine.decide(&mut scratch, request);
        *tally.effects.entry(decision.effect().as_str()).or_default() += 1;
        *tally.reasons.entry(decision.reason().as_str()).or_default() += 1;
    }
    tally
}

/// How often one more pass allocates, with a scratch that has its snapshot and its size.
fn allocations(engine: &Engine, requests: &[Request<'_>]) -> u64 {
    let mut scratch = engine.scratch();
    let mut pass = || {
        for request in requests {
            black_box(engine.decide(&mut scratch, request).effect());
        }
    };
    pass();
    allocation_counter::measure(pass).count_total
}

impl Figures {
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let counts = |counts: &BTreeMap<&str, u64>| {
            let parts: Vec<String> = counts
                .iter()
                .map(|(name, count)| format!("{name} {count}"))
                .collect();
            parts.join(", ")
        };
        let threads = crate::check::count(self.threads.into(), "thread");
        writeln!(
            out,
            "requests          {}: {}",
            self.requests,
            counts(&self.effects)
        )?;
        writeln!(out, "reasons           {}", counts(&self.reasons))?;
        writeln!(
            out,
            "decisions         {} in {:.2} s on {threads}",
            self.decisions, self.seconds
        )?;
        writeln!(out, "decisions/second  {:.0}", self.decisions_per_second)?;
        writeln!(
            out,
            "ns/decision       median {:.1}, p99 {:.1}",
            self.ns_per_decision.median, self.ns_per_decision.p99
        )?;
        writeln!(
            out,
            "allocations       {} per decision",
            self.allocations_per_decision
        )
    }
}
