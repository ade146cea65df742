//! Rates: worked examples.

use super::*;

const SECOND_NS: u64 = 1_000_000_000;

/// SpikeArrest: (at in ms, weight, passes or milliseconds until it would).
#[test]
fn spike_arrest() {
    let trace: &[(u64, u64, Result<(), u64>)] = &[
        (0, 1, Ok(())),
        (50, 1, Err(50)),
        (100, 1, Ok(())),
        (200, 3, Ok(())),
        (499, 1, Err(1)),
        (500, 1, Ok(())),
        (500, 0, Ok(())),
        (501, 1, Err(99)),
    ];
    let counters = counters(
        Kind::Rate {
            excess: Excess::Delay,
        },
        1,
    );
    let allowance = Allowance::rate(10, SECOND_NS, 1).unwrap();
    for &(at, weight, expected) in trace {
        let (outcome, _receipt) = counters.take(7, &ask(allowance, weight), mono_ms(at));
        let passed = match outcome.verdict() {
            Verdict::Admitted => Ok(()),
            _ => Err(outcome.retry_after_ms()),
        };
        assert_eq!(passed, expected, "{weight} at {at} ms");
    }
}

#[test]
fn intervals() {
    for (count, period_s, expected) in [
        (5, 60, Ok(12_000_000_000)),
        (30, 60, Ok(2_000_000_000)),
        (10, 1, Ok(100_000_000)),
        (3, 1, Ok(333_333_334)),
        (0, 1, Err(KindError::ZeroLimit)),
        (1, 0, Err(KindError::ZeroPeriod)),
        (SECOND_NS + 1, 1, Err(KindError::TooFast)),
    ] {
        let interval = Allowance::rate(count, period_s * SECOND_NS, 1);
        let interval = interval.map(|allowance| allowance.interval_ns);
        assert_eq!(interval, expected, "{count} in {period_s} s");
    }
}
