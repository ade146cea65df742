//! Worked examples: what each request of a day is told.

use super::window::calendar;
use super::*;

/// What is left after a request that passes, or the milliseconds until it would.
type Told = Result<u64, u64>;

fn told(outcome: &Outcome) -> Told {
    match outcome.verdict() {
        Verdict::Admitted => Ok(outcome.remaining()),
        _ => Err(outcome.retry_after_ms()),
    }
}

/// Each request by its time, its cost and what it is told.
fn check(kind: &Kind, limit: u64, requests: &[(&str, u64, Told)]) {
    let counters = counters(kind.clone(), limit);
    for (time, cost, expected) in requests {
        let at = wall(&format!("2024-02-{time}Z"));
        let ask = ask(Allowance::count(limit), *cost);
        let peeked = counters.peek(hash(1), &ask, at);
        let (outcome, _receipt) = counters.take(hash(1), &ask, at);
        assert_eq!(told(&outcome), *expected, "{kind:?}: {cost} at {time}");
        assert_eq!(
            peeked.verdict(),
            outcome.verdict(),
            "{kind:?}: {cost} at {time}"
        );
    }
}

/// The request numbered as the limit passes, and the next window begins where this one ends.
#[test]
fn calendar_windows() {
    let hours = calendar(Unit::Hour, 1, Some("2024-01-01T12:00:00Z"), "UTC");
    let requests = [
        ("18T12:15:42", 1, Ok(1)),
        ("18T12:59:59.999", 1, Ok(0)),
        ("18T12:59:59.999", 1, Err(1)),
        ("18T12:59:59.999", 0, Ok(0)),
        ("18T13:00:00", 1, Ok(1)),
    ];
    check(&hours, 2, &requests);
    let requests = [
        ("01T00:00:00", 999, Ok(1)),
        ("29T23:59:59.999", 1, Ok(0)),
        ("29T23:59:59.999", 1, Err(1)),
    ];
    check(&calendar(Unit::Month, 1, None, "UTC"), 1_000, &requests);
}

/// What does not fit costs nothing, what never fits says so.
#[test]
fn weights() {
    let requests = [
        ("18T12:00:00", 4, Ok(6)),
        ("18T12:20:00", 7, Err(40 * MIN)),
        ("18T12:20:00", 6, Ok(0)),
        ("18T12:20:00", 11, Err(0)),
        ("18T13:00:00", 10, Ok(0)),
    ];
    check(&Kind::Window(Span::Fixed { ms: H }), 10, &requests);
}

#[test]
fn windows_that_begin_with_a_request() {
    let requests = [
        ("18T12:00:27", 1, Ok(1)),
        ("18T12:01:26.999", 1, Ok(0)),
        ("18T12:01:26.999", 1, Err(1)),
        ("18T12:01:27", 1, Ok(1)),
        // The next one begins when it is asked for.
        ("18T12:05:00", 2, Ok(0)),
        ("18T12:05:59", 1, Err(S)),
    ];
    check(&Kind::Window(Span::FirstRequest { ms: MIN }), 2, &requests);
}

#[test]
fn looking_back() {
    // At 16:45, what has come since 14:45 counts.
    let requests = [
        ("18T14:00:00", 400, Ok(600)),
        ("18T14:45:00", 500, Ok(100)),
        ("18T15:00:00", 200, Err(H)),
        ("18T16:44:59.999", 500, Ok(0)),
        ("18T16:44:59.999", 1, Err(1)),
        ("18T16:45:00", 501, Err(2 * H - 1)),
        ("18T16:45:00", 500, Ok(0)),
    ];
    let exact = Kind::Sliding {
        ms: 2 * H,
        exact: true,
    };
    check(&exact, 1_000, &requests);
    // Half of the window before still counts half an hour into this one.
    let requests = [
        ("18T12:10:00", 80, Ok(20)),
        ("18T13:00:00", 21, Err(45 * S)),
        ("18T13:30:00", 60, Ok(0)),
        ("18T14:00:00", 40, Ok(0)),
    ];
    let two_counters = Kind::Sliding {
        ms: H,
        exact: false,
    };
    check(&two_counters, 100, &requests);
}

/// A clock that is set back neither opens an earlier window again nor makes one longer.
#[test]
fn clocks_that_are_set_back() {
    for (kind, remaining) in [
        (calendar(Unit::Hour, 1, None, "UTC"), 1),
        (Kind::Window(Span::Fixed { ms: H }), 1),
        (Kind::Window(Span::FirstRequest { ms: H }), 1),
        (Kind::Sliding { ms: H, exact: true }, 1),
        (
            Kind::Sliding {
                ms: H,
                exact: false,
            },
            0,
        ),
    ] {
        let counters = counters(kind.clone(), 3);
        let ask = ask(Allowance::count(3), 1);
        let take = |at| told(&counters.take(hash(1), &ask, wall(at)).0);
        assert_eq!(take("2024-02-18T12:59:00Z"), Ok(2), "{kind:?}");
        let _later = take("2024-02-18T13:59:00Z");
        let back = counters.take(hash(1), &ask, wall("2024-02-18T12:59:30Z")).0;
        assert!(back.admitted() && back.remaining() <= 1, "{kind:?}");
        let after = counters.peek(hash(1), &ask, wall("2024-02-18T13:59:10Z"));
        assert!(after.remaining() <= remaining, "{kind:?}: {after:?}");
    }
}

/// Permits: taken, denied, released once whatever is said twice, and ended by their lease.
#[test]
fn permits() {
    let counters = counters(Kind::Concurrency { lease_ms: 30 * S }, 2);
    let ask = ask(Allowance::count(2), 1);
    let take = |at| counters.take(hash(1), &ask, mono_ms(at));
    let (first, receipt) = take(0);
    let (second, other) = take(10 * S);
    assert_eq!((told(&first), told(&second)), (Ok(1), Ok(0)));
    assert_eq!(told(&take(10 * S).0), Err(20 * S));
    counters.restore(receipt, mono_ms(11 * S));
    let (third, _kept) = take(12 * S);
    assert_eq!(told(&third), Ok(0));
    // Released after its lease: it has ended already, and nothing else ends with it.
    assert_eq!(told(&take(41 * S).0), Ok(0));
    counters.settle(other, 7, &ask, mono_ms(41 * S));
    assert_eq!(told(&take(41 * S).0), Err(S));
    assert_eq!(told(&take(42 * S).0), Ok(0));
}

#[test]
fn distinct_values() {
    let counters = counters(Kind::Distinct { within_ms: H }, 2);
    let take = |value, at| {
        let ask = Ask {
            cost: 1,
            limit: 2,
            interval_ns: 0,
            member: value,
        };
        told(&counters.take(hash(1), &ask, wall(at)).0)
    };
    for (value, at, expected) in [
        (10, "2024-02-18T12:00:00Z", Ok(1)),
        (11, "2024-02-18T12:30:00Z", Ok(0)),
        (10, "2024-02-18T12:40:00Z", Ok(0)),
        (12, "2024-02-18T12:50:00Z", Err(40 * MIN)),
        (12, "2024-02-18T13:30:00Z", Ok(0)),
        (11, "2024-02-18T13:30:00Z", Err(10 * MIN)),
    ] {
        assert_eq!(take(value, at), expected, "{value} at {at}");
    }
}

/// What is reserved is settled: less is given back, more is charged; a window that is over is left alone.
#[test]
fn reserve_and_report() {
    let limit = ask(Allowance::count(100), 0);
    for (actual, at, remaining) in [
        (30, "2024-02-18T12:30:00Z", 70),
        (0, "2024-02-18T12:30:00Z", 100),
        (50, "2024-02-18T12:30:00Z", 50),
        (90, "2024-02-18T12:30:00Z", 10),
        (150, "2024-02-18T12:30:00Z", 0),
        (30, "2024-02-18T13:30:00Z", 100),
        (90, "2024-02-18T13:30:00Z", 60),
    ] {
        let counters = counters(Kind::Window(Span::Fixed { ms: H }), 100);
        let reserved = Ask { cost: 50, ..limit };
        let (_, receipt) = counters.take(hash(1), &reserved, wall("2024-02-18T12:00:00Z"));
        counters.settle(receipt, actual, &limit, wall(at));
        let left = counters.peek(hash(1), &limit, wall(at)).remaining();
        assert_eq!(left, remaining, "{actual} at {at}");
    }
}

/// A refund of a rate never lets more pass than if the charge had not been.
#[test]
fn a_late_refund_of_a_rate_is_never_too_much() {
    let mut rng = Rng(5);
    for trial in 0..20_000 {
        let limit = Ask {
            cost: 1,
            limit: 8,
            interval_ns: 100,
            member: 0,
        };
        let kind = Kind::Rate {
            excess: Excess::Refuse,
        };
        let (with, without) = (counters(kind.clone(), 8), counters(kind, 8));
        let at = |ns| Now {
            wall_ms: 0,
            mono_ns: ns,
        };
        let mut now = 1_000;
        let refunded = Ask {
            cost: 1 + rng.next() % 8,
            ..limit
        };
        let (_, receipt) = with.take(hash(1), &refunded, at(now));
        for _ in 0..rng.below(5) {
            now += rng.next() % 300;
            // What came between has passed in truth, so both count it.
            let _kept = with.charge(hash(1), &limit, at(now));
            let _kept = without.charge(hash(1), &limit, at(now));
        }
        now += rng.next() % 300;
        with.restore(receipt, at(now));
        let most = without.peek(hash(1), &limit, at(now));
        let left = with.peek(hash(1), &limit, at(now));
        assert!(
            left.remaining() <= most.remaining(),
            "trial {trial}: {left:?} {most:?}"
        );
    }
}
