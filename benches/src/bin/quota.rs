//! One rate check at a million keys, beside governor's keyed limiter: the same clock, and first the same answers.
//!
//! The counters are not public: the files that hold them are built into this program as they are.

#[allow(dead_code)]
#[path = "../../../core/src/quota/kind.rs"]
mod kind;
#[allow(dead_code)]
#[path = "../../../core/src/quota/meter.rs"]
mod meter;
#[allow(dead_code)]
#[path = "../../../core/src/quota/outcome.rs"]
mod outcome;
#[allow(dead_code)]
#[path = "../../../core/src/quota/rate.rs"]
mod rate;
#[allow(dead_code)]
#[path = "../../../core/src/quota/snapshot.rs"]
mod snapshot;
#[path = "../../../core/src/quota/sync.rs"]
mod sync;
#[allow(dead_code)]
#[path = "../../../core/src/quota/table.rs"]
mod table;

/// What the files above name of the rest of the core: rates need no zone.
mod program {
    pub(crate) mod condition {
        #[derive(Clone, Debug)]
        pub(crate) struct Zone;
    }
}

use allocation_counter::measure;
use gatelet_benches::Rng;
use governor::clock::FakeRelativeClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use kind::{Excess, OnFull};
use meter::{Act, Keyed};
use outcome::{Ask, Now};
use rate::Rate;
use std::error::Error;
use std::hash::{BuildHasherDefault, Hasher, RandomState};
use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use table::Shape;

const KEYS: usize = 1 << 20;
const CHECKS: usize = 1 << 16;
const ROUNDS: usize = 101;
const BURST: u32 = 4;
const INTERVAL: Duration = Duration::from_micros(10);

/// Keys are hashes already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

type Governor<H> =
    RateLimiter<u64, DefaultKeyedStateStore<u64, H>, FakeRelativeClock, NoOpMiddleware<Nanos>>;

/// A limiter, as the measurements see it.
trait Limiter: Sync {
    fn passes(&self, key: u64) -> bool;
    fn advance(&self, by: Duration);
}

impl<H: std::hash::BuildHasher + Clone + Sync> Limiter for Governor<H> {
    #[inline]
    fn passes(&self, key: u64) -> bool {
        self.check_key(&key).is_ok()
    }

    fn advance(&self, by: Duration) {
        self.clock().advance(by);
    }
}

struct Ours {
    counters: Keyed<Rate, 1>,
    now: AtomicU64,
    ask: Ask,
}

impl Ours {
    fn new() -> Result<Self, Box<dyn Error>> {
        let rate = Rate {
            excess: Excess::Refuse,
        };
        let shape = Shape {
            capacity: KEYS,
            slots: 0,
        };
        Ok(Self {
            counters: Keyed::new(rate, shape, OnFull::Deny),
            now: AtomicU64::new(0),
            ask: Ask {
                cost: 1,
                limit: u64::from(BURST),
                interval_ns: u64::try_from(INTERVAL.as_nanos())?,
                member: 0,
            },
        })
    }
}

impl Limiter for Ours {
    #[inline]
    fn passes(&self, key: u64) -> bool {
        let now = Now {
            wall_ms: 0,
            mono_ns: self.now.load(Ordering::Acquire),
        };
        let (outcome, _receipt) = self.counters.take(key, &self.ask, now, Act::Take);
        outcome.verdict() == outcome::Verdict::Admitted
    }

    fn advance(&self, by: Duration) {
        let ns = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.now.fetch_add(ns, Ordering::AcqRel);
    }
}

fn governor<H: std::hash::BuildHasher + Clone + Default>() -> Result<Governor<H>, Box<dyn Error>> {
    let burst = NonZeroU32::new(BURST).ok_or("a burst of 0")?;
    let quota = Quota::with_period(INTERVAL).ok_or("a period of 0")?;
    let state = DefaultKeyedStateStore::default();
    let clock = FakeRelativeClock::default();
    Ok(RateLimiter::new(quota.allow_burst(burst), state, clock))
}

/// Random keys, random waits: every answer the same.
fn compare(ours: &impl Limiter, other: &impl Limiter) -> Result<(usize, usize), Box<dyn Error>> {
    let mut rng = Rng::new(1);
    let (mut passed, mut refused) = (0, 0);
    for number in 0..2_000_000 {
        let key = Rng::new(rng.next() % 512).next();
        if rng.next().is_multiple_of(512) {
            let by = Duration::from_nanos(rng.next() % 30_000);
            ours.advance(by);
            other.advance(by);
        }
        let answer = ours.passes(key);
        if answer != other.passes(key) {
            return Err(format!("check {number} differs").into());
        }
        *(if answer { &mut passed } else { &mut refused }) += 1;
    }
    Ok((passed, refused))
}

/// Checks so many keys, after enough time that all pass.
fn run(limiter: &impl Limiter, keys: &[u64]) -> usize {
    keys.iter()
        .filter(|key| limiter.passes(black_box(**key)))
        .count()
}

/// Nanoseconds a check, with each thread on its own part of the keys.
fn time(limiter: &impl Limiter, parts: &[&[u64]]) -> Result<f64, Box<dyn Error>> {
    limiter.advance(INTERVAL * (BURST + 1));
    let started = Instant::now();
    let passed: usize = match parts {
        [part] => run(limiter, part),
        _ => std::thread::scope(|scope| {
            let running: Vec<_> = parts
                .iter()
                .map(|part| scope.spawn(|| run(limiter, part)))
                .collect();
            running.into_iter().filter_map(|one| one.join().ok()).sum()
        }),
    };
    let elapsed = started.elapsed();
    let checks: usize = parts.iter().map(|part| part.len()).sum();
    if passed != checks {
        return Err(format!("{passed} of {checks} passed").into());
    }
    Ok(elapsed.as_secs_f64() * 1e9 / checks as f64)
}

/// Every key once, in random order.
fn order(seed: u64) -> Vec<u64> {
    let mut rng = Rng::new(seed);
    let keys = (0..KEYS as u64).map(|n| Rng::new(n).next());
    let mut order: Vec<_> = keys.map(|key| (rng.next(), key)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, key)| key).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Rounds of each limiter in turn, so that whatever else the machine does meets all of them.
fn rows(
    limiters: (&impl Limiter, &impl Limiter, &impl Limiter),
    orders: &[Vec<u64>],
) -> Result<[f64; 5], Box<dyn Error>> {
    let mut columns: [Vec<f64>; 5] = Default::default();
    for round in 0..ROUNDS {
        let from = round * CHECKS % KEYS;
        let parts: Vec<_> = orders
            .iter()
            .filter_map(|order| order.get(from..from + CHECKS))
            .collect();
        let hashed = time(limiters.2, &parts)?;
        let default = time(limiters.1, &parts)?;
        let ours = time(limiters.0, &parts)?;
        let figures = [ours, default, hashed, default / ours, hashed / ours];
        for (column, figure) in columns.iter_mut().zip(figures) {
            column.push(figure);
        }
    }
    Ok(columns.map(median))
}

fn main() -> Result<(), Box<dyn Error>> {
    let (passed, refused) = compare(&Ours::new()?, &governor::<RandomState>()?)?;
    println!("the same answers: {passed} pass, {refused} do not");
    let orders = [order(1), order(2)];
    let all = orders.first().map_or(&[][..], Vec::as_slice);
    let mut ours = None;
    let ours_bytes = measure(|| ours = Ours::new().ok()).bytes_current;
    let ours = ours.ok_or("not built")?;
    let default = governor::<RandomState>()?;
    let other_bytes = measure(|| _ = black_box(run(&default, all))).bytes_current;
    let hashed = governor::<BuildHasherDefault<Hashed>>()?;
    let known = (run(&ours, all), run(&hashed, all));
    println!("{KEYS} keys, {known:?} brought in; median of {ROUNDS} rounds of {CHECKS} checks");
    let names = ["gatelet", "governor", "governor, its keys hashed before"];
    println!(
        "bytes a key: {:.1} and {:.1}",
        per_key(ours_bytes),
        per_key(other_bytes)
    );
    for threads in [1, 2] {
        let orders = orders.get(..threads).unwrap_or_default();
        let figures = rows((&ours, &default, &hashed), orders)?;
        let (ns, ratios) = figures.split_at(3);
        println!("{threads} threads:");
        for (name, ns) in names.iter().zip(ns) {
            println!("  {name}: {ns:.1} ns");
        }
        let [first, second] = ratios else { continue };
        println!("  median of the ratios: {first:.2}, hashed before {second:.2}");
    }
    Ok(())
}

fn per_key(bytes: i64) -> f64 {
    bytes as f64 / KEYS as f64
}
