//! What the scripts count: each kind, several at once, leases, listing and resetting.

use crate::server::Server;
use gatelet::store::{
    Answer, Ask, Charge, Counter, CounterKey, Grant, Kind, Note, QuotaStore, Unavailable, Window,
};
use gatelet::{Clock as _, SystemClock};
use gatelet_io::RedisStore;
use std::sync::Arc;
use std::time::Duration;

/// So long that only a hang is longer.
const PATIENT: Duration = Duration::from_secs(20);
const HOUR: u64 = 3_600_000;

fn key(number: u8) -> CounterKey {
    CounterKey([number; 16])
}

fn take(store: &RedisStore, limit: &str, kind: Kind, cost: u64) -> Answer {
    ask(store, &[(limit, kind, cost)]).remove(0)
}

fn ask(store: &RedisStore, charges: &[(&str, Kind, u64)]) -> Vec<Answer> {
    let limits: Vec<Arc<str>> = charges.iter().map(|(limit, ..)| (*limit).into()).collect();
    let charges: Vec<_> = charges
        .iter()
        .zip(&limits)
        .map(|((_, kind, cost), limit)| Charge {
            limit,
            key: key(1),
            kind: *kind,
            cost: *cost,
            owed: 0,
        })
        .collect();
    let mut answers = vec![Answer::default(); charges.len()];
    store.take(&charges, PATIENT, &mut answers).unwrap();
    answers
}

fn lease(store: &RedisStore, kind: Kind, need: u64, units: u64) -> Grant {
    let limit: Arc<str> = "leased".into();
    let ask = Ask {
        charge: Charge {
            limit: &limit,
            key: key(1),
            kind,
            cost: need,
            owed: 0,
        },
        units,
        hold_ms: 30_000,
        tag: 1,
        sent_ns: 0,
    };
    store.lease(&ask, PATIENT).unwrap()
}

fn first_request(limit: u64) -> Kind {
    Kind::Window {
        limit,
        window: Window::FirstRequest { length_ms: HOUR },
    }
}

/// Slow enough that no time passes in a test.
fn rate(burst: u64) -> Kind {
    Kind::Rate {
        units: 1,
        period_us: HOUR * 1_000,
        burst,
    }
}

/// A window that has just begun, by the clock of the same machine.
fn just_begun(limit: u64) -> Kind {
    Kind::Window {
        limit,
        window: Window::Fixed {
            anchor_ms: SystemClock.wall_ms() - 60_000,
            length_ms: HOUR,
        },
    }
}

fn calendar(limit: u64, offset_ms: i64) -> Kind {
    let now = SystemClock.wall_ms() + offset_ms;
    let hour = 3_600_000;
    let window = Window::Edges([now - hour, now - 60_000, now + hour, now + 2 * hour]);
    Kind::Window { limit, window }
}

#[test]
fn every_kind_admits_up_to_its_limit() {
    let Some(server) = Server::start("every_kind_admits_up_to_its_limit") else {
        return;
    };
    let store = server.store();
    let exact = |exact| Kind::Sliding {
        limit: 5,
        span_ms: HOUR,
        exact,
    };
    let flight = Kind::Concurrency {
        limit: 5,
        lease_ms: HOUR,
    };
    // Costs, and what is left after each; nothing where it does not fit.
    let five: &[(u64, Option<u64>)] = &[
        (1, Some(4)),
        (0, Some(4)),
        (3, Some(1)),
        (2, None),
        (1, Some(0)),
        (1, None),
        (0, Some(0)),
        (9, None),
    ];
    let kinds = [
        ("rate", rate(5)),
        ("first_request", first_request(5)),
        ("fixed", just_begun(5)),
        ("calendar", calendar(5, 0)),
        ("sliding", exact(true)),
        ("two counters", exact(false)),
        ("concurrency", flight),
    ];
    for (name, kind) in kinds {
        for (step, (cost, left)) in five.iter().enumerate() {
            let answer = take(&store, name, kind, *cost);
            assert_eq!(
                answer.fits,
                left.is_some(),
                "{name}, step {step}: {answer:?}"
            );
            if let Some(left) = left {
                assert_eq!(answer.remaining, *left, "{name}, step {step}: {answer:?}");
            } else {
                assert!(answer.retry_ms > 0, "{name}, step {step}: {answer:?}");
            }
        }
    }
}

#[test]
fn times_are_those_of_the_kind() {
    let Some(server) = Server::start("times_are_those_of_the_kind") else {
        return;
    };
    let store = server.store();
    take(&store, "rate", rate(2), 2);
    let answer = take(&store, "rate", rate(2), 1);
    // One unit an hour; two were taken.
    assert!(
        (HOUR - 60_000..=HOUR).contains(&answer.retry_ms),
        "{answer:?}"
    );
    assert!(
        (2 * HOUR - 60_000..=2 * HOUR).contains(&answer.reset_ms),
        "{answer:?}"
    );
    let answer = take(&store, "first", first_request(1), 1);
    assert!(
        (HOUR - 60_000..=HOUR).contains(&answer.reset_ms),
        "{answer:?}"
    );
    let answer = take(&store, "fixed", just_begun(1), 1);
    let left = HOUR - 60_000;
    assert!(
        (left - 60_000..=left).contains(&answer.reset_ms),
        "{answer:?}"
    );
}

#[test]
fn several_limits_are_taken_together_or_not() {
    let Some(server) = Server::start("several_limits_are_taken_together_or_not") else {
        return;
    };
    let store = server.store();
    let (one, two) = (("wide", first_request(10), 1), ("narrow", rate(2), 1));
    for (first, second) in [(9, 1), (8, 0)] {
        let answers = ask(&store, &[one, two]);
        assert!(answers.iter().all(|answer| answer.fits));
        assert_eq!(
            [answers[0].remaining, answers[1].remaining],
            [first, second]
        );
    }
    let answers = ask(&store, &[one, two]);
    assert!(answers[0].fits && !answers[1].fits);
    // The one that would have fitted was not touched.
    assert_eq!(take(&store, "wide", first_request(10), 0).remaining, 8);
}

#[test]
fn what_is_owed_is_charged_though_nothing_fits() {
    let Some(server) = Server::start("what_is_owed_is_charged_though_nothing_fits") else {
        return;
    };
    let store = server.store();
    for (name, kind) in [("window", first_request(5)), ("rate", rate(5))] {
        let limit: Arc<str> = name.into();
        let mut answers = [Answer::default()];
        let charge = Charge {
            limit: &limit,
            key: key(1),
            kind,
            cost: 3,
            owed: 4,
        };
        store.take(&[charge], PATIENT, &mut answers).unwrap();
        assert!(!answers[0].fits, "{name}: {answers:?}");
        let answer = take(&store, name, kind, 0);
        assert_eq!(answer.remaining, 1, "{name}: {answer:?}");
    }
}

#[test]
fn peeking_takes_nothing() {
    let Some(server) = Server::start("peeking_takes_nothing") else {
        return;
    };
    let store = server.store();
    let limit: Arc<str> = "plan".into();
    let charge = Charge {
        limit: &limit,
        key: key(1),
        kind: first_request(5),
        cost: 2,
        owed: 9,
    };
    for _ in 0..3 {
        let mut answers = [Answer::default()];
        let clean = Charge { owed: 0, ..charge };
        store.peek(&[clean], PATIENT, &mut answers).unwrap();
        assert!(answers[0].fits && answers[0].remaining == 5, "{answers:?}");
        store.peek(&[charge], PATIENT, &mut answers).unwrap();
        assert!(!answers[0].fits, "{answers:?}");
    }
    let mut found = 0;
    store.list(None, &mut |_| found += 1).unwrap();
    assert_eq!(found, 0);
}

#[test]
fn clocks_that_are_windows_apart() {
    let Some(server) = Server::start("clocks_that_are_windows_apart") else {
        return;
    };
    let store = server.store();
    let hour = 3_600_000;
    // Half an hour apart: the neighbouring windows are known.
    for offset in [0, hour / 2, -hour / 2] {
        assert!(take(&store, "near", calendar(5, offset), 1).fits);
    }
    let limit: Arc<str> = "far".into();
    for offset in [5 * hour, -5 * hour] {
        let charge = Charge {
            limit: &limit,
            key: key(1),
            kind: calendar(5, offset),
            cost: 1,
            owed: 0,
        };
        let answer = store.take(&[charge], PATIENT, &mut [Answer::default()]);
        assert_eq!(answer, Err(Unavailable::Clock), "{offset}");
    }
    assert!(store.status().healthy);
}

#[test]
fn distinct_members_are_counted_once() {
    let Some(server) = Server::start("distinct_members_are_counted_once") else {
        return;
    };
    let store = server.store();
    let member = |number| Kind::Distinct {
        limit: 2,
        window: Window::FirstRequest { length_ms: HOUR },
        member: key(number),
    };
    for (number, fits) in [
        (1, true),
        (1, true),
        (2, true),
        (3, false),
        (1, true),
        (2, true),
    ] {
        assert_eq!(
            take(&store, "spread", member(number), 1).fits,
            fits,
            "{number}"
        );
    }
}

#[test]
fn units_in_flight_come_back() {
    let Some(server) = Server::start("units_in_flight_come_back") else {
        return;
    };
    let kind = Kind::Concurrency {
        limit: 3,
        lease_ms: HOUR,
    };
    let limit: Arc<str> = "busy".into();
    let hold = {
        let store = server.store();
        let answer = take(&store, "busy", kind, 2);
        take(&store, "busy", kind, 1);
        assert!(!take(&store, "busy", kind, 1).fits);
        let release = Note::Release {
            limit: &limit,
            key: key(1),
            hold: answer.hold,
        };
        // Told twice it counts once.
        assert!(store.post(&release) && store.post(&release));
        answer.hold
        // The store is dropped when its notes are told.
    };
    assert_ne!(hold, 0);
    let store = server.store();
    assert_eq!(take(&store, "busy", kind, 0).remaining, 2);
}

#[test]
fn leases_add_up_to_the_limit_and_shrink() {
    let Some(server) = Server::start("leases_add_up_to_the_limit_and_shrink") else {
        return;
    };
    let store = server.store();
    let mut units = Vec::new();
    loop {
        let grant = lease(&store, first_request(1_000), 1, 100);
        if grant.units == 0 {
            assert!(grant.retry_ms > 0);
            break;
        }
        assert!(grant.valid_ms <= 30_000 && grant.lease != 0 || units.len() >= 64);
        units.push(grant.units);
    }
    assert_eq!(units.iter().sum::<u64>(), 1_000);
    assert_eq!((units[0], *units.last().unwrap()), (100, 1));
    assert!(units.is_sorted_by(|one, next| one >= next), "{units:?}");
}

#[test]
fn a_lease_of_less_than_is_needed_is_none() {
    let Some(server) = Server::start("a_lease_of_less_than_is_needed_is_none") else {
        return;
    };
    let store = server.store();
    let kind = first_request(10);
    assert_eq!(lease(&store, kind, 7, 7).units, 7);
    assert_eq!(lease(&store, kind, 4, 4).units, 0);
    assert_eq!(lease(&store, kind, 3, 100).units, 3);
}

#[test]
fn what_is_given_back_is_free_again() {
    let Some(server) = Server::start("what_is_given_back_is_free_again") else {
        return;
    };
    let limit: Arc<str> = "leased".into();
    let kind = first_request(100);
    {
        let store = server.store();
        let grant = lease(&store, kind, 10, 10);
        let back = |units| Note::GiveBack {
            limit: &limit,
            key: key(1),
            lease: grant.lease,
            window: grant.window,
            units,
        };
        assert!(store.post(&back(4)) && store.drain(PATIENT));
        assert_eq!(lease(&store, kind, 30, 30).remaining, 64);
        // What comes late is of a window that is over: the next one has its own.
        let late = Note::GiveBack {
            limit: &limit,
            key: key(1),
            lease: grant.lease,
            window: grant.window - 1,
            units: 5,
        };
        assert!(store.post(&late) && store.drain(PATIENT));
        assert_eq!(lease(&store, kind, 1, 1).remaining, 63);
        // Never more than was granted, and nothing under a name that nobody has.
        let other = Note::GiveBack {
            limit: &limit,
            key: key(1),
            lease: grant.lease + 1,
            window: grant.window,
            units: 5,
        };
        assert!(store.post(&other) && store.post(&back(50)));
    }
    let store = server.store();
    assert_eq!(lease(&store, kind, 1, 1).remaining, 99);
}

#[test]
fn a_settled_cost_is_the_true_one() {
    let Some(server) = Server::start("a_settled_cost_is_the_true_one") else {
        return;
    };
    let sliding = |exact| Kind::Sliding {
        limit: 100,
        span_ms: HOUR,
        exact,
    };
    for (name, kind) in [
        ("window", first_request(100)),
        ("rate", rate(100)),
        ("sliding", sliding(true)),
        ("two counters", sliding(false)),
    ] {
        let limit: Arc<str> = name.into();
        let charge = |cost, owed| Charge {
            limit: &limit,
            key: key(1),
            kind,
            cost,
            owed,
        };
        {
            let store = server.store();
            let answer = take(&store, name, kind, 50);
            let window = answer.window;
            let settled = charge(20, 5);
            assert!(store.post(&Note::Settle {
                charge: settled,
                window
            }));
            if name == "window" {
                let (charge, window) = (charge(20, 0), window - 1);
                assert!(store.post(&Note::Settle { charge, window }));
            }
        }
        let store = server.store();
        assert_eq!(take(&store, name, kind, 0).remaining, 65, "{name}");
    }
}

#[test]
fn counters_are_listed_and_reset() {
    let Some(server) = Server::start("counters_are_listed_and_reset") else {
        return;
    };
    let store = server.store();
    take(&store, "plan", first_request(100), 30);
    take(&store, "pl*n", first_request(100), 1);
    take(&store, "spike", rate(10), 4);
    take(
        &store,
        "look",
        Kind::Sliding {
            limit: 9,
            span_ms: HOUR,
            exact: true,
        },
        2,
    );
    take(
        &store,
        "busy",
        Kind::Concurrency {
            limit: 7,
            lease_ms: HOUR,
        },
        2,
    );
    lease(&store, first_request(100), 1, 10);
    server.command(&["SET", "gatelet:other", "x"]);
    let list = |limit| {
        let mut found = Vec::<Counter>::new();
        store
            .list(limit, &mut |counter| found.push(counter))
            .unwrap();
        found.sort_by(|one, other| one.limit.cmp(&other.limit));
        found
            .iter()
            .map(|one| (one.limit.clone(), one.kind, one.used, one.leased, one.of))
            .collect::<Vec<_>>()
    };
    let row = |limit: &str, kind, used, leased, of| (limit.to_owned(), kind, used, leased, of);
    assert_eq!(
        list(None),
        [
            row("busy", "concurrency", 2, 0, 7),
            row("leased", "window", 10, 10, 100),
            row("look", "sliding", 2, 0, 9),
            row("pl*n", "window", 1, 0, 100),
            row("plan", "window", 30, 0, 100),
            row("spike", "rate", 4, 0, 10),
        ]
    );
    assert_eq!(list(Some("plan")), [row("plan", "window", 30, 0, 100)]);
    assert_eq!(store.reset("plan", Some(key(9))), Ok(0));
    assert_eq!(store.reset("plan", Some(key(1))), Ok(1));
    assert_eq!(store.reset("pl*n", None), Ok(1));
    assert_eq!(store.reset("spike", None), Ok(1));
    assert_eq!(list(None).len(), 3);
    assert_eq!(take(&store, "plan", first_request(100), 1).remaining, 99);
}

#[test]
fn what_slides_and_what_is_distinct_is_listed() {
    let Some(server) = Server::start("what_slides_and_what_is_distinct_is_listed") else {
        return;
    };
    let store = server.store();
    let about = Kind::Sliding {
        limit: 9,
        span_ms: HOUR,
        exact: false,
    };
    take(&store, "about", about, 3);
    for number in [1, 2, 2] {
        let member = Kind::Distinct {
            limit: 7,
            window: Window::FirstRequest { length_ms: HOUR },
            member: key(number),
        };
        take(&store, "spread", member, 1);
    }
    let mut found = Vec::new();
    let listed = store.list(None, &mut |one| found.push((one.kind, one.used, one.of)));
    assert_eq!(listed, Ok(()));
    found.sort_unstable();
    assert_eq!(found, [("distinct", 2, 7), ("sliding", 3, 9)]);
}

#[test]
fn nothing_stays_for_ever_and_no_value_is_written() {
    let Some(server) = Server::start("nothing_stays_for_ever_and_no_value_is_written") else {
        return;
    };
    let store = server.store();
    let limit: Arc<str> = "plan".into();
    let key = CounterKey::new(store.secret(), &limit, b"dana@shop.example");
    for kind in [
        first_request(5),
        rate(5),
        Kind::Sliding {
            limit: 9,
            span_ms: HOUR,
            exact: true,
        },
        Kind::Sliding {
            limit: 9,
            span_ms: HOUR,
            exact: false,
        },
        Kind::Concurrency {
            limit: 7,
            lease_ms: HOUR,
        },
        Kind::Distinct {
            limit: 2,
            window: Window::FirstRequest { length_ms: HOUR },
            member: key,
        },
    ] {
        let charge = Charge {
            limit: &limit,
            key,
            kind,
            cost: 1,
            owed: 0,
        };
        store
            .take(&[charge], PATIENT, &mut [Answer::default()])
            .unwrap();
    }
    let redis::Value::Array(keys) = server.command(&["KEYS", "*"]) else {
        panic!("no keys");
    };
    assert_eq!(keys.len(), 6);
    for key in keys {
        let key: String = redis::from_redis_value(key).unwrap();
        assert!(
            key.starts_with("gatelet:") && !key.contains("dana"),
            "{key}"
        );
        let ttl: i64 = redis::from_redis_value(server.command(&["PTTL", &key])).unwrap();
        assert!((1..=3 * 3_600_000).contains(&ttl), "{key}: {ttl}");
    }
}
