//! Full tables, bad plans, division among processes, and memory.

use super::*;
use allocation_counter::measure;

const FIXED: Kind = Kind::Window(Span::Fixed { ms: H });
const RATE: Kind = Kind::Rate {
    excess: Excess::Refuse,
};

/// Four cells, and one request of each of many keys: (on_full, of the rest are admitted, say full, count together)
#[test]
fn a_full_table() {
    for (on_full, admitted, full, counted) in [
        (OnFull::Overflow, 2, 0, Counted::Together),
        (OnFull::Deny, 0, 10, Counted::Apart),
        (OnFull::Allow, 10, 0, Counted::Nowhere),
    ] {
        let plan = Plan {
            kind: FIXED,
            most: 2,
            capacity: 2,
            on_full,
        };
        let counters = Counters::new(plan).unwrap();
        let ask = ask(Allowance::count(2), 1);
        let take = |key| counters.take(hash(key), &ask, Now::default()).0;
        assert!((0..4).all(|key| take(key).admitted()));
        let rest: Vec<_> = (4..14).map(take).collect();
        let count = |verdict| rest.iter().filter(|o| o.verdict() == verdict).count();
        assert_eq!(
            (count(Verdict::Admitted), count(Verdict::Full)),
            (admitted, full),
            "{on_full:?}"
        );
        assert!(
            rest.iter().all(|outcome| outcome.counted() == counted),
            "{on_full:?}"
        );
        assert_eq!(counters.crowded(), 10);
        // An hour later all cells are over, and go to other keys.
        let later = Now {
            wall_ms: H as i64,
            mono_ns: 0,
        };
        let again = (20..24).filter(|key| {
            let (outcome, _receipt) = counters.take(hash(*key), &ask, later);
            outcome.admitted() && outcome.remaining() == 1
        });
        assert_eq!(again.count(), 4);
    }
}

/// A table holds as many keys as it is asked to, and takes the bytes that are stated.
#[test]
fn capacity_and_bytes() {
    for (kind, most, bytes_per_key) in [
        (RATE, 5, 32),
        (FIXED, 5, 64),
        (
            Kind::Sliding {
                ms: H,
                exact: false,
            },
            5,
            64,
        ),
        (Kind::Sliding { ms: H, exact: true }, 5, 64 + 5 * 32),
        (Kind::Distinct { within_ms: H }, 5, 64 + 5 * 32),
        (Kind::Concurrency { lease_ms: H }, 8, 64 + 14 * 32),
    ] {
        let capacity = 20_000;
        let plan = Plan {
            kind: kind.clone(),
            most,
            capacity,
            on_full: OnFull::Deny,
        };
        let stated = plan.bytes().unwrap() as u64;
        let counters = Counters::new(plan).unwrap();
        let ask = Ask {
            cost: 1,
            limit: most,
            interval_ns: 1_000,
            member: 1,
        };
        for key in 0..capacity as u64 {
            let (outcome, _receipt) = counters.take(hash(key), &ask, Now::default());
            assert!(outcome.admitted(), "{kind:?} key {key}");
        }
        let exact = bytes_per_key * capacity as u64;
        assert!(
            (exact..exact + 10_000).contains(&stated),
            "{kind:?}: {stated}, not {exact}"
        );
    }
}

#[test]
fn plans_that_cannot_be_built() {
    let sliding = |exact| Kind::Sliding { ms: H, exact };
    for (kind, most, capacity, expected) in [
        (FIXED, 1, 0, KindError::ZeroCapacity),
        (
            FIXED,
            1,
            1 << 40,
            KindError::TableTooLarge {
                bytes: ((1 << 39) + 1) * 128,
            },
        ),
        (
            FIXED,
            1,
            usize::MAX,
            KindError::TableTooLarge { bytes: u64::MAX },
        ),
        (
            sliding(true),
            1 << 15,
            1 << 20,
            KindError::TableTooLarge {
                bytes: ((1 << 19) + 1) * ((1 << 21) + 128),
            },
        ),
        (
            sliding(true),
            (1 << 15) + 1,
            1,
            KindError::LimitTooLarge { most: 1 << 15 },
        ),
        (
            Kind::Concurrency { lease_ms: 1 },
            u64::MAX,
            1,
            KindError::LimitTooLarge { most: 1 << 15 },
        ),
        (
            Kind::Distinct { within_ms: 1 },
            1_025,
            1,
            KindError::LimitTooLarge { most: 1_024 },
        ),
    ] {
        let plan = Plan {
            kind: kind.clone(),
            most,
            capacity,
            on_full: OnFull::Deny,
        };
        assert_eq!(
            Counters::new(plan).err(),
            Some(expected),
            "{kind:?} {most} {capacity}"
        );
    }
}

#[test]
fn kinds_that_cannot_count() {
    let rate = |limit, interval_ns| Allowance { limit, interval_ns };
    let fixed = |ms| Kind::Window(Span::Fixed { ms });
    let day = 86_400_000_000_000;
    for (kind, allowance, expected) in [
        (RATE, rate(1, 1), Ok(())),
        (RATE, rate(0, 1), Err(KindError::ZeroLimit)),
        (RATE, rate(1, 0), Err(KindError::ZeroPeriod)),
        (RATE, rate(26_687, day), Ok(())),
        (RATE, rate(26_688, day), Err(KindError::BurstTooLong)),
        (RATE, rate(1_000_000, day), Err(KindError::BurstTooLong)),
        (RATE, rate(u64::MAX, u64::MAX), Err(KindError::BurstTooLong)),
        (FIXED, Allowance::count(0), Err(KindError::ZeroLimit)),
        (FIXED, Allowance::count(1 << 53), Ok(())),
        (
            FIXED,
            Allowance::count((1 << 53) + 1),
            Err(KindError::LimitTooLarge { most: 1 << 53 }),
        ),
        (fixed(0), Allowance::count(1), Err(KindError::ZeroPeriod)),
        (
            fixed(u64::MAX),
            Allowance::count(1),
            Err(KindError::PeriodTooLong),
        ),
        (
            Kind::Concurrency { lease_ms: 0 },
            Allowance::count(1),
            Err(KindError::ZeroPeriod),
        ),
        (
            Kind::Distinct { within_ms: 0 },
            Allowance::count(1),
            Err(KindError::ZeroPeriod),
        ),
    ] {
        assert_eq!(kind.check(allowance), expected, "{kind:?} {allowance:?}");
    }
}

#[test]
fn parts_of_a_limit() {
    let rate = |limit, interval_ns| Allowance { limit, interval_ns };
    for (kind, whole, processes, expected) in [
        (FIXED, Allowance::count(1_000), 8, Ok(Allowance::count(125))),
        (FIXED, Allowance::count(1_000), 7, Ok(Allowance::count(142))),
        (FIXED, Allowance::count(8), 8, Ok(Allowance::count(1))),
        (
            FIXED,
            Allowance::count(7),
            8,
            Err(KindError::Indivisible {
                limit: 7,
                processes: 8,
            }),
        ),
        (FIXED, Allowance::count(7), 0, Ok(Allowance::count(7))),
        (RATE, rate(100, 1_000), 4, Ok(rate(25, 4_000))),
        (
            RATE,
            rate(1, 1_000),
            4,
            Err(KindError::Indivisible {
                limit: 1,
                processes: 4,
            }),
        ),
        (
            RATE,
            rate(u64::MAX, 2),
            u64::MAX,
            Err(KindError::BurstTooLong),
        ),
    ] {
        assert_eq!(
            kind.divide(whole, processes),
            expected,
            "{whole:?} of {processes}"
        );
    }
}

#[test]
fn nothing_is_allocated() {
    for kind in [
        RATE,
        FIXED,
        Kind::Window(Span::FirstRequest { ms: H }),
        Kind::Sliding { ms: H, exact: true },
        Kind::Sliding {
            ms: H,
            exact: false,
        },
        Kind::Concurrency { lease_ms: H },
        Kind::Distinct { within_ms: H },
        window::calendar(Unit::Month, 1, None, "Europe/Berlin"),
    ] {
        let plan = Plan {
            kind: kind.clone(),
            most: 3,
            capacity: 2,
            on_full: OnFull::Overflow,
        };
        let counters = Counters::new(plan).unwrap();
        let mut verdicts = [0; 2];
        let info = measure(|| {
            for n in 0..500_u64 {
                let ask = Ask {
                    cost: 1 + n % 2,
                    limit: 3,
                    interval_ns: 1_000,
                    member: n,
                };
                let now = Now {
                    wall_ms: (n * MIN) as i64,
                    mono_ns: n * 100,
                };
                let _peeked = counters.peek(hash(n % 9), &ask, now);
                let (outcome, receipt) = counters.take(hash(n % 9), &ask, now);
                verdicts[usize::from(outcome.admitted())] += 1;
                match n % 5 {
                    0 => counters.restore(receipt, now),
                    1 => counters.settle(receipt, 3, &ask, now),
                    _ => {}
                }
            }
        });
        assert_eq!(info.count_total, 0, "{kind:?}");
        assert!(
            verdicts.iter().all(|count| *count > 0),
            "{kind:?}: {verdicts:?}"
        );
        assert!(counters.crowded() > 0, "{kind:?}");
    }
}
