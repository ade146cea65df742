//! Many threads with a clock that stands still: exactly what is allowed passes.

use super::*;
use std::sync::Barrier;
use std::thread;

/// What each of some threads counts, all starting together.
fn together(threads: u64, work: impl Fn(u64) -> u64 + Sync) -> u64 {
    let barrier = Barrier::new(usize::try_from(threads).unwrap());
    thread::scope(|scope| {
        let start = |number| {
            let (barrier, work) = (&barrier, &work);
            scope.spawn(move || {
                barrier.wait();
                work(number)
            })
        };
        let running: Vec<_> = (0..threads).map(start).collect();
        running.into_iter().map(|one| one.join().unwrap()).sum()
    })
}

fn kinds() -> [Kind; 7] {
    [
        Kind::Rate {
            excess: Excess::Refuse,
        },
        Kind::Rate {
            excess: Excess::Delay,
        },
        Kind::Window(Span::Fixed { ms: H }),
        Kind::Window(Span::FirstRequest { ms: H }),
        Kind::Sliding { ms: H, exact: true },
        Kind::Sliding {
            ms: H,
            exact: false,
        },
        Kind::Concurrency { lease_ms: H },
    ]
}

#[test]
fn one_key() {
    const LIMIT: u64 = 500;
    for threads in [2, 4, 8] {
        for kind in kinds() {
            let counters = counters(kind.clone(), LIMIT);
            let ask = Ask {
                cost: 1,
                limit: LIMIT,
                interval_ns: 1_000,
                member: 0,
            };
            let now = wall("2024-02-29T12:00:00Z");
            let admitted = together(threads, |_| {
                let taken = (0..LIMIT).map(|_| counters.take(hash(1), &ask, now).0);
                taken.filter(Outcome::admitted).count() as u64
            });
            assert_eq!(admitted, LIMIT, "{kind:?} on {threads} threads");
        }
    }
}

#[test]
fn distinct_values_of_one_key() {
    let counters = counters(Kind::Distinct { within_ms: H }, 100);
    let admitted = together(4, |thread| {
        let values = (0..200).map(|n| Ask {
            cost: 1,
            limit: 100,
            interval_ns: 0,
            member: hash(thread * 1_000 + n),
        });
        let taken = values.map(|ask| counters.take(hash(1), &ask, Now::default()).0);
        taken.filter(Outcome::admitted).count() as u64
    });
    assert_eq!(admitted, 100);
}

#[test]
fn a_hundred_thousand_keys() {
    const KEYS: u64 = 100_000;
    for kind in [
        Kind::Rate {
            excess: Excess::Refuse,
        },
        Kind::Window(Span::Fixed { ms: H }),
    ] {
        let plan = Plan {
            kind: kind.clone(),
            most: 3,
            capacity: usize::try_from(KEYS).unwrap(),
            on_full: OnFull::Deny,
        };
        let counters = Counters::new(plan).unwrap();
        let ask = Ask {
            cost: 1,
            limit: 3,
            interval_ns: 1_000,
            member: 0,
        };
        // Each thread meets the keys in an order of its own.
        let admitted = together(4, |thread| {
            let keys = (0..2 * KEYS).map(|n| hash((n * (2 * thread + 3) + thread) % KEYS));
            let taken = keys.map(|key| counters.take(key, &ask, Now::default()).0);
            taken.filter(Outcome::admitted).count() as u64
        });
        assert_eq!(counters.crowded(), 0, "{kind:?}");
        assert_eq!(admitted, 3 * KEYS, "{kind:?}");
    }
}

/// Keys come and go while cells are reclaimed: no key ever has more than it may, and none is lost.
#[test]
fn cells_change_hands() {
    const LIMIT: u64 = 3;
    let plan = Plan {
        kind: Kind::Window(Span::Fixed { ms: H }),
        most: LIMIT,
        capacity: 8,
        on_full: OnFull::Deny,
    };
    let counters = Counters::new(plan).unwrap();
    let ask = Ask {
        cost: 1,
        limit: LIMIT,
        interval_ns: 0,
        member: 0,
    };
    for hour in 0..500 {
        let now = Now {
            wall_ms: (hour * H) as i64,
            mono_ns: 0,
        };
        let admitted = together(4, |_| {
            let keys = (0..8)
                .flat_map(|key| [key, key])
                .map(|key| hash(hour * 8 + key));
            let taken = keys.map(|key| counters.take(key, &ask, now).0);
            taken.filter(Outcome::admitted).count() as u64
        });
        assert_eq!(admitted, 8 * LIMIT, "hour {hour}");
    }
}

#[test]
fn two_limits_of_which_the_second_denies() {
    for kind in kinds() {
        let first = counters(kind.clone(), 20_000);
        let second = counters(Kind::Window(Span::Fixed { ms: H }), 300);
        let now = wall("2024-02-29T12:00:00Z");
        let of = |limit| Ask {
            cost: 1,
            limit,
            interval_ns: 1_000,
            member: 0,
        };
        let admitted = together(4, |_| {
            let both = (0..500).filter(|_| {
                let (passed, receipt) = first.take(hash(1), &of(20_000), now);
                assert!(passed.admitted());
                let (passed, _kept) = second.take(hash(1), &of(300), now);
                if !passed.admitted() {
                    first.restore(receipt, now);
                }
                passed.admitted()
            });
            both.count() as u64
        });
        assert_eq!(admitted, 300, "{kind:?}");
        let left = first.peek(hash(1), &of(20_000), now).remaining();
        assert_eq!(left, 20_000 - 300, "{kind:?}");
    }
}
