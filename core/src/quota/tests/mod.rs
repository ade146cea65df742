//! Counters against worked examples, and against a naive model.

mod bounds;
mod differential;
mod governor;
mod naive;
mod rate;
mod snapshot;
mod threads;
mod window;
mod worked;

use super::*;
use crate::pattern::rng::Rng;
use crate::time::parse_timestamp;

/// Counters that can hold a few keys.
fn counters(kind: Kind, most: u64) -> Counters {
    let plan = Plan {
        kind,
        most,
        capacity: 16,
        on_full: OnFull::Overflow,
    };
    Counters::new(plan).unwrap()
}

/// A request of one unit.
fn ask(allowance: Allowance, cost: u64) -> Ask {
    Ask {
        cost,
        limit: allowance.limit,
        interval_ns: allowance.interval_ns,
        member: 0,
    }
}

/// As a caller would hash keys.
fn hash(key: u64) -> u64 {
    Rng(key).next()
}

fn mono_ms(ms: u64) -> Now {
    Now {
        wall_ms: 0,
        mono_ns: ms * 1_000_000,
    }
}

fn wall(text: &str) -> Now {
    Now {
        wall_ms: parse_timestamp(text).unwrap(),
        mono_ns: 0,
    }
}

const S: u64 = 1_000;
const MIN: u64 = 60 * S;
const H: u64 = 60 * MIN;
