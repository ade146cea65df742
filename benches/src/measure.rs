//! Timing, counting and checking of one engine on one workload.

use crate::traffic::Traffic;
use gatelet::{Engine, EngineConfig, LoadOptions, Phase, Policy, Request, Scratch, Source};
use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// An answer that differs from what the rules mean.
#[derive(Debug)]
pub struct Differs {
    method: &'static str,
    path: String,
    expected: bool,
}

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = if self.expected { "allowed" } else { "refused" };
        write!(
            f,
            "{} {} should have been {expected}",
            self.method, self.path
        )
    }
}

impl Error for Differs {}

/// Compares every answer with what the rules mean.
///
/// # Errors
/// The first answer that differs.
pub fn check(traffic: &Traffic, mut allowed: impl FnMut(usize) -> bool) -> Result<(), Differs> {
    let wrong = traffic
        .calls
        .iter()
        .enumerate()
        .find(|(number, call)| allowed(*number) != call.allowed);
    wrong.map_or(Ok(()), |(_, call)| {
        Err(Differs {
            method: call.method,
            path: call.path.clone(),
            expected: call.allowed,
        })
    })
}

/// Loads a policy and puts it into an engine.
///
/// # Errors
/// The policy is refused.
pub fn engine(text: &str) -> Result<Engine, Box<dyn Error>> {
    let policy = Policy::load(&[Source::new("bench.yaml", text.as_bytes())])?;
    Ok(Engine::new(policy, EngineConfig::default())?)
}

/// Decides every request once; returns how many are allowed.
///
/// Each decision is put together whole, as it is for a caller in another crate.
#[inline(never)]
pub fn decide_all(engine: &Engine, scratch: &mut Scratch, requests: &[Request<'_>]) -> usize {
    let mut allowed = 0;
    for request in requests {
        let decision = engine.decide(scratch, black_box(request));
        allowed += usize::from(black_box(&decision).allowed());
    }
    allowed
}

/// What one operation takes, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    /// In the middle run.
    pub median: f64,
    /// In the quickest run.
    pub min: f64,
}

impl Time {
    fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_unstable_by(f64::total_cmp);
        Self {
            median: samples.get(samples.len() / 2).copied().unwrap_or_default(),
            min: samples.first().copied().unwrap_or_default(),
        }
    }
}

/// Times `run`, which does `operations` of something, again and again for about `budget`.
pub fn time(operations: usize, budget: Duration, mut run: impl FnMut()) -> Time {
    run();
    let start = Instant::now();
    let mut samples = Vec::new();
    while samples.len() < 3 || start.elapsed() < budget {
        let before = Instant::now();
        run();
        samples.push(before.elapsed().as_secs_f64() * 1e9 / operations.max(1) as f64);
    }
    Time::of(samples)
}

/// What compiling takes of a load, in nanoseconds, in as many loads as `budget` allows.
///
/// # Errors
/// The policy is refused.
pub fn time_compile(text: &str, budget: Duration) -> Result<Time, Box<dyn Error>> {
    let sources = [Source::new("bench.yaml", text.as_bytes())];
    let (start, mut samples) = (Instant::now(), Vec::new());
    while samples.len() < 3 || start.elapsed() < budget {
        let (begun, taken) = (Cell::new(start), Cell::new(Duration::ZERO));
        let observe = |phase| match phase {
            Phase::Compile => begun.set(Instant::now()),
            Phase::Done => taken.set(begun.get().elapsed()),
            _ => {}
        };
        let options = LoadOptions {
            observer: Some(&observe),
            ..LoadOptions::default()
        };
        black_box(Policy::load_with(&sources, &options)?);
        samples.push(taken.get().as_secs_f64() * 1e9);
    }
    Ok(Time::of(samples))
}

/// How often `run` asks for memory.
pub fn allocations(run: impl FnMut()) -> u64 {
    allocation_counter::measure(run).count_total
}

/// Reads a text by the parser that policies are read by, and nothing more; returns how many events there were.
#[must_use]
pub fn parse(text: &str) -> usize {
    saphyr_parser::Parser::new_from_str(text)
        .map(black_box)
        .filter(Result::is_ok)
        .count()
}
