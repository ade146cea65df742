//! Snapshots: what a restart keeps, and what is refused.

use super::*;

const IDENTITY: u64 = 17;

fn ask_of(limit: u64, cost: u64) -> Ask {
    Ask {
        cost,
        limit,
        interval_ns: 1_000_000_000,
        member: hash(cost),
    }
}

/// A minute of the wall clock, and of a monotonic clock that began anew.
fn restarted(seconds: u64) -> Now {
    Now {
        wall_ms: wall("2024-02-29T12:00:00Z").wall_ms + (seconds * S) as i64,
        mono_ns: 5,
    }
}

fn before() -> Now {
    Now {
        mono_ns: 1 << 50,
        ..restarted(0)
    }
}

/// (kind, what remains of 10 after 4 were taken and so many seconds have passed)
#[test]
fn a_restart_keeps_what_was_counted() {
    let rows: &[(Kind, &[(u64, u64)])] = &[
        (
            Kind::Rate {
                excess: Excess::Refuse,
            },
            &[(0, 6), (1, 7), (3, 9), (60, 10)],
        ),
        (
            Kind::Window(Span::Fixed { ms: H }),
            &[(0, 6), (3_599, 6), (3_600, 10)],
        ),
        (
            Kind::Window(Span::FirstRequest { ms: MIN }),
            &[(0, 6), (59, 6), (60, 10)],
        ),
        (
            Kind::Sliding {
                ms: MIN,
                exact: true,
            },
            &[(0, 6), (59, 6), (60, 10)],
        ),
        (
            Kind::Sliding {
                ms: MIN,
                exact: false,
            },
            &[(0, 6), (60, 6), (90, 8), (120, 10)],
        ),
        (Kind::Concurrency { lease_ms: MIN }, &[(0, 10)]),
        (
            Kind::Distinct { within_ms: MIN },
            &[(0, 9), (59, 9), (60, 10)],
        ),
    ];
    for (kind, expected) in rows {
        let old = counters(kind.clone(), 10);
        let _kept = old.take(hash(1), &ask_of(10, 4), before());
        let bytes = old.save(IDENTITY, before());
        for (seconds, remaining) in *expected {
            let new = counters(kind.clone(), 10);
            let now = restarted(*seconds);
            // Twice is the same as once.
            new.load(&bytes, IDENTITY, now).unwrap();
            new.load(&bytes, IDENTITY, now).unwrap();
            let left = new.peek(hash(1), &ask_of(10, 1), now).remaining();
            assert_eq!(left, *remaining, "{kind:?} after {seconds} s");
        }
    }
}

#[test]
fn what_was_counted_together_stays_together() {
    let plan = Plan {
        kind: Kind::Window(Span::Fixed { ms: H }),
        most: 10,
        capacity: 1,
        on_full: OnFull::Overflow,
    };
    let old = Counters::new(plan.clone()).unwrap();
    for key in 0..8 {
        let _kept = old.take(hash(key), &ask_of(10, 1), before());
    }
    assert_eq!(old.crowded(), 4);
    let new = Counters::new(plan).unwrap();
    let restored = new.load(&old.save(IDENTITY, before()), IDENTITY, before());
    assert_eq!(
        restored,
        Ok(Restored {
            cells: 5,
            without_room: 0
        })
    );
    assert_eq!(
        new.take(hash(99), &ask_of(10, 1), before()).0.remaining(),
        5
    );
}

#[test]
fn what_is_no_snapshot_of_this_limit() {
    let kind = Kind::Window(Span::Fixed { ms: H });
    let old = counters(kind.clone(), 10);
    let _kept = old.take(hash(1), &ask_of(10, 4), before());
    let bytes = old.save(IDENTITY, before());
    let load = |bytes: &[u8], identity| counters(kind.clone(), 10).load(bytes, identity, before());
    assert_eq!(
        load(&bytes, IDENTITY),
        Ok(Restored {
            cells: 1,
            without_room: 0
        })
    );
    assert_eq!(load(&bytes, IDENTITY + 1), Err(SnapshotError::OtherLimit));
    assert_eq!(load(b"GIF89a", IDENTITY), Err(SnapshotError::Foreign));
    assert_eq!(load(b"", IDENTITY), Err(SnapshotError::Foreign));
    let rate = counters(
        Kind::Rate {
            excess: Excess::Refuse,
        },
        10,
    );
    assert_eq!(
        rate.load(&bytes, IDENTITY, before()),
        Err(SnapshotError::OtherLimit)
    );
    for length in 4..bytes.len() {
        assert_eq!(
            load(&bytes[..length], IDENTITY),
            Err(SnapshotError::Damaged),
            "{length} bytes"
        );
    }
    for n in 8..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[n] ^= 0x10;
        assert_eq!(
            load(&damaged, IDENTITY),
            Err(SnapshotError::Damaged),
            "byte {n}"
        );
    }
    let mut newer = bytes.clone();
    newer[4] = 9;
    assert_eq!(load(&newer, IDENTITY), Err(SnapshotError::Version(9)));
}

/// The checksum is right, the values are not: an error or what they say, never a panic.
#[test]
fn hostile_values() {
    let words = [0, 1, 4, u64::MAX / 2, u64::MAX - 1, u64::MAX];
    for kind in [
        Kind::Rate {
            excess: Excess::Refuse,
        },
        Kind::Window(Span::Fixed { ms: H }),
        Kind::Sliding {
            ms: MIN,
            exact: true,
        },
        Kind::Sliding {
            ms: MIN,
            exact: false,
        },
        Kind::Concurrency { lease_ms: MIN },
        Kind::Distinct { within_ms: MIN },
    ] {
        let header = counters(kind.clone(), 10).save(IDENTITY, before());
        let header = &header[..header.len() - 4];
        let mut rng = Rng(3);
        for round in 0..2_000 {
            let mut bytes = header.to_vec();
            let length = rng.next() % 5;
            let claimed = if round % 9 == 0 { rng.next() } else { length };
            bytes.extend(words[rng.below(6)].to_le_bytes());
            bytes.extend(claimed.to_le_bytes());
            for _ in 0..length {
                bytes.extend(words[rng.below(6)].to_le_bytes());
            }
            bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
            let new = counters(kind.clone(), 10);
            let _loaded = new.load(&bytes, IDENTITY, before());
            for key in [0, u64::MAX] {
                let (outcome, receipt) = new.take(key, &ask_of(10, 1), restarted(7));
                let _told = (
                    outcome.remaining(),
                    outcome.reset_ms(),
                    outcome.retry_after_ms(),
                );
                new.restore(receipt, restarted(7));
            }
        }
    }
}
