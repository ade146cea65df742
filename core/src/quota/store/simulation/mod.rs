//! Nodes that share a limit by leases, with every fault that a seed can draw.
//!
//! What is asserted: a window never admits more than its limit, whatever is lost,
//! delayed, doubled, or dies; and a rate never more than its burst, what flowed in
//! meanwhile, and one batch for each node.

mod world;

use super::charged::{Mode, OnDown, Outcome, SharedLimit};
use super::lease::Now;
use super::question::{CounterKey, Kind, Window};
use super::shared::Shared;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use world::{Faults, Link, World, bounds, happen};

const NODES: usize = 5;
const BATCH: u64 = 20;
const LIMIT: u64 = 50;
const LENGTH_MS: u64 = 400;

struct Node {
    shared: Shared,
    alive: Arc<AtomicBool>,
    /// The monotonic clock: where it began, and how it runs, in parts of ten thousand.
    began_us: u64,
    drift: i64,
    /// The wall clock is off by this.
    skew_ms: i64,
}

impl Node {
    fn new(world: &Arc<Mutex<World>>, number: usize) -> Self {
        let alive = Arc::new(AtomicBool::new(true));
        let link = Link {
            world: Arc::clone(world),
            node: number,
            alive: Arc::clone(&alive),
        };
        let mut guard = world.lock().unwrap();
        let signed = |number: u64, half: i64| i64::try_from(number).unwrap() - half;
        Self {
            shared: Shared::new(Arc::new(link), 8),
            alive,
            began_us: guard.now_us - guard.rng.below(1_000_000),
            // Five parts of ten thousand are more than the thousandth that leases allow for, less.
            drift: signed(guard.rng.below(11), 5),
            skew_ms: signed(guard.rng.below(LENGTH_MS), LENGTH_MS as i64 / 2),
        }
    }

    fn now(&self, world: &World) -> Now {
        let passed = (world.now_us - self.began_us) * 1_000;
        let drift = i64::try_from(passed / 10_000).unwrap() * self.drift;
        Now {
            mono_ns: passed.saturating_add_signed(drift),
            wall_ms: i64::try_from(world.now_us / 1_000).unwrap() + self.skew_ms,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Fixed,
    Edges,
    FirstRequest,
    Rate { units: u64, burst: u64 },
}

impl Form {
    fn kind(self, now: Now) -> Kind {
        let length = i64::try_from(LENGTH_MS).unwrap();
        let window = match self {
            Self::Rate { units, burst } => {
                return Kind::Rate {
                    units,
                    period_us: 1_000_000,
                    burst,
                };
            }
            Self::FirstRequest => Window::FirstRequest {
                length_ms: LENGTH_MS,
            },
            Self::Fixed => Window::Fixed {
                anchor_ms: 17,
                length_ms: LENGTH_MS,
            },
            Self::Edges => {
                let from = now.wall_ms - now.wall_ms.rem_euclid(length);
                Window::Edges([from - length, from, from + length, from + 2 * length])
            }
        };
        Kind::Window {
            limit: LIMIT,
            window,
        }
    }
}

/// What was seen in all runs, so that none is empty.
#[derive(Debug, Default)]
struct Seen {
    admitted: u64,
    held: u64,
    refused: u64,
    unavailable: u64,
    undone: u64,
    crashes: u64,
    full: u64,
}

struct Run {
    form: Form,
    faulty: bool,
    steps: bool,
    world: Arc<Mutex<World>>,
    nodes: Vec<Node>,
    limit: SharedLimit,
    /// Net admissions of each key and window.
    windows: HashMap<(u64, i64), u64>,
    /// Times and costs of admissions of each key.
    times: HashMap<u64, Vec<(u64, u64)>>,
}

impl Run {
    fn new(seed: u64, form: Form, faults: Faults) -> Self {
        let world = Arc::new(Mutex::new(World::new(seed, faults)));
        Self {
            form,
            faulty: faults.lost > 0,
            steps: faults.step_us > 0,
            nodes: (0..NODES).map(|number| Node::new(&world, number)).collect(),
            world,
            limit: SharedLimit {
                id: "shared".into(),
                mode: Mode::Leased { batch: BATCH },
                on_down: OnDown::Deny,
                budget: Duration::from_millis(5),
            },
            windows: HashMap::new(),
            times: HashMap::new(),
        }
    }

    /// Something happens: mostly a request somewhere.
    fn step(&mut self, seen: &mut Seen) {
        let mut world = self.world.lock().unwrap();
        // Now and then nobody comes for most of a window.
        let gap = if world.rng.below(1_000) < 4 {
            300_000
        } else {
            300
        };
        world.now_us += world.rng.below(gap);
        world.step_clock();
        let number = usize::try_from(world.rng.below(NODES as u64)).unwrap();
        let what = world.rng.below(1_000);
        match what {
            0..1 if self.faulty => world.cut |= 1 << number,
            1..5 => world.cut &= !(1 << number),
            5..8 if self.faulty => {
                drop(world);
                self.crash(number);
                seen.crashes += 1;
                return;
            }
            8..15 => {
                let now = self.nodes[number].now(&world);
                drop(world);
                self.nodes[number].shared.sweep(now);
                return;
            }
            _ => {}
        }
        drop(world);
        happen(&self.world);
        self.request(number, seen);
    }

    fn crash(&mut self, number: usize) {
        self.nodes[number].alive.store(false, Ordering::Relaxed);
        self.nodes[number] = Node::new(&self.world, number);
    }

    fn request(&mut self, number: usize, seen: &mut Seen) {
        let mut world = self.world.lock().unwrap();
        let node = &self.nodes[number];
        let now = node.now(&world);
        let tag = 1 + world.rng.below(3);
        let cost = if world.rng.percent(80) {
            1
        } else {
            1 + world.rng.below(7)
        };
        let is_undone = world.rng.percent(10);
        let (before_ms, waited) = (world.server_ms(), world.waited);
        drop(world);
        let key = CounterKey([u8::try_from(tag).unwrap(); 16]);
        let question = || (key, self.form.kind(now));
        let charged = node.shared.spend(&self.limit, tag, cost, now, question);
        let world = self.world.lock().unwrap();
        let (is_held, at_us) = (world.waited == waited, world.now_us);
        drop(world);
        match charged.outcome {
            Outcome::Refused => seen.refused += 1,
            Outcome::Unavailable(_) => seen.unavailable += 1,
            Outcome::Admitted => {
                seen.admitted += cost;
                seen.held += u64::from(is_held);
                let window = charged.receipt.window;
                let used = self.windows.entry((tag, window)).or_default();
                *used += cost;
                assert!(
                    matches!(self.form, Form::Rate { .. }) || *used <= LIMIT,
                    "{used} of {LIMIT}"
                );
                seen.full += u64::from(*used > LIMIT - 10);
                if is_undone {
                    *used -= cost;
                }
                if is_held && !self.steps {
                    self.is_in_its_window(window, before_ms);
                }
                if is_undone {
                    let now = node.now(&self.world.lock().unwrap());
                    node.shared
                        .settle(&self.limit, tag, charged.receipt, 0, now, question);
                    seen.undone += 1;
                } else {
                    self.times.entry(tag).or_default().push((at_us, cost));
                }
            }
        }
    }

    /// What was held was of the window that it is by the server's clock.
    fn is_in_its_window(&self, window: i64, at_ms: i64) {
        let length = i64::try_from(LENGTH_MS).unwrap();
        if let Form::Rate { .. } = self.form {
            return;
        }
        assert!(
            (window..window + length).contains(&at_ms),
            "{at_ms} is not in the window of {window}"
        );
        if self.form == Form::Fixed {
            let fixed = Window::Fixed {
                anchor_ms: 17,
                length_ms: LENGTH_MS,
            };
            assert_eq!(bounds(fixed, at_ms).map(|(from, _)| from), Some(window));
        }
    }

    /// In any span: burst + span / T + nodes × batch, from the running minimum over where spans begin.
    fn is_within_the_rate(&self, units: u64, burst: u64) {
        let most = burst + NODES as u64 * BATCH;
        for admissions in self.times.values() {
            let (mut least, mut sum) = (i128::MAX, 0_i128);
            for (at_us, cost) in admissions {
                // In millionths of a unit.
                let flowed = i128::from(*at_us) * i128::from(units);
                least = least.min(sum * 1_000_000 - flowed);
                sum += i128::from(*cost);
                let excess = sum * 1_000_000 - flowed - least;
                assert!(
                    excess <= i128::from(most) * 1_000_000,
                    "{excess} millionths over {most}"
                );
            }
        }
    }
}

fn seeds() -> core::ops::Range<u64> {
    // The long run is set by the same variable everywhere; the core reads no environment, so tests do.
    let long = std::env::var_os("GATELET_LONG").is_some();
    0..if long { 400 } else { 20 }
}

const FAULTS: Faults = Faults {
    lost: 8,
    answer_lost: 8,
    twice: 8,
    delay_us: 25_000,
    step_us: 0,
};

#[test]
fn a_window_never_admits_more_than_its_limit() {
    let calm = Faults {
        lost: 0,
        answer_lost: 0,
        twice: 0,
        delay_us: 100,
        step_us: 0,
    };
    let stepping = Faults {
        step_us: 300_000,
        ..FAULTS
    };
    for form in [Form::Fixed, Form::Edges, Form::FirstRequest] {
        for faults in [calm, FAULTS, stepping] {
            let mut seen = Seen::default();
            for seed in seeds() {
                let mut run = Run::new(seed, form, faults);
                for _ in 0..3_000 {
                    run.step(&mut seen);
                }
            }
            let least = seen.admitted.min(seen.held).min(seen.undone);
            assert!(least.min(seen.full) > 100, "{form:?}: {seen:?}");
            assert_eq!(seen.crashes > 10, faults.lost > 0, "{form:?}: {seen:?}");
        }
    }
}

#[test]
fn a_rate_admits_its_burst_what_flows_and_a_batch_for_each_node() {
    for (units, burst) in [(100, 1), (100, 50), (200, 20), (3, 200)] {
        let mut seen = Seen::default();
        for seed in seeds() {
            let mut run = Run::new(seed, Form::Rate { units, burst }, FAULTS);
            for _ in 0..3_000 {
                run.step(&mut seen);
            }
            run.is_within_the_rate(units, burst);
        }
        assert!(seen.admitted > 1_000 && seen.refused > 100, "{seen:?}");
    }
}
