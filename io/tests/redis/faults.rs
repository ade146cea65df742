//! Faults of a real server and of the way to it: nothing is charged twice for one admission, nothing hangs,
//! and everything recovers by itself.

use crate::proxy::{Fate, Proxy};
use crate::server::{Server, options};
use gatelet::store::{
    Answer, Charge, Charged, CounterKey, Kind, Mode, Now, OnDown, Outcome, Part, QuotaStore,
    Shared, SharedLimit, Unavailable, Window,
};
use gatelet_io::{RedisOptions, RedisStore};
use std::sync::Arc;
use std::time::Duration;

/// Of questions that are to be answered: so long that only a hang is longer.
const PATIENT: Duration = Duration::from_secs(20);
/// Of questions that will not be.
const SHORT: Duration = Duration::from_millis(5);

fn plan(limit: u64) -> Kind {
    Kind::Window {
        limit,
        window: Window::FirstRequest {
            length_ms: 3_600_000,
        },
    }
}

fn take(store: &RedisStore, cost: u64, budget: Duration) -> Result<Answer, Unavailable> {
    let limit: Arc<str> = "plan".into();
    let charge = Charge {
        limit: &limit,
        key: CounterKey([1; 16]),
        kind: plan(1_000),
        cost,
        owed: 0,
    };
    let mut answers = [Answer::default()];
    store.take(&[charge], budget, &mut answers)?;
    Ok(answers[0])
}

/// What is charged, by the server itself.
fn used(server: &Server) -> u64 {
    1_000 - take(&server.store(), 0, PATIENT).unwrap().remaining
}

#[test]
fn a_stopped_server_costs_the_budget_and_then_nothing() {
    let Some(server) = Server::start("a_stopped_server_costs_the_budget_and_then_nothing") else {
        return;
    };
    let store = server.store();
    take(&store, 1, PATIENT).unwrap();
    server.signal("STOP");
    for _ in 0..3 {
        assert!(take(&store, 1, SHORT).unwrap_err().is_down());
    }
    let status = store.status();
    assert!(!status.healthy && status.failed == 3, "{status:?}");
    server.signal("CONT");
    // What timed out may have been applied, once each.
    let after = take(&store, 1, PATIENT).unwrap();
    let used = 1_000 - after.remaining;
    assert!((2..=5).contains(&used), "{used}");
    assert!(store.status().healthy);
}

#[test]
fn a_killed_server_keeps_what_it_answered() {
    let Some(mut server) = Server::start("a_killed_server_keeps_what_it_answered") else {
        return;
    };
    let store = server.store();
    for round in 1..=5 {
        assert_eq!(
            take(&store, 10, PATIENT).unwrap().remaining,
            1_000 - 10 * round
        );
        server.crash();
        let why = take(&store, 10, PATIENT).unwrap_err();
        assert!(
            matches!(why, Unavailable::Lost | Unavailable::Unreachable),
            "{why:?}"
        );
        assert_eq!(take(&store, 10, PATIENT), Err(Unavailable::Unreachable));
        server.restart();
    }
    assert_eq!(used(&server), 50);
}

#[test]
fn forgotten_scripts_are_sent_again() {
    let Some(server) = Server::start("forgotten_scripts_are_sent_again") else {
        return;
    };
    let store = server.store();
    for round in 1..=5 {
        assert_eq!(take(&store, 1, PATIENT).unwrap().remaining, 1_000 - round);
        server.command(&["SCRIPT", "FLUSH"]);
    }
    assert_eq!(store.status().failed, 0);
}

#[test]
fn a_demoted_server_is_left_until_it_takes_writes() {
    let Some(server) = Server::start("a_demoted_server_is_left_until_it_takes_writes") else {
        return;
    };
    let store = server.store();
    take(&store, 1, PATIENT).unwrap();
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    for _ in 0..3 {
        assert_eq!(take(&store, 1, PATIENT), Err(Unavailable::ReadOnly));
    }
    let connected = store.status().connected;
    server.command(&["REPLICAOF", "NO", "ONE"]);
    assert_eq!(take(&store, 1, PATIENT).unwrap().remaining, 998);
    assert!(
        store.status().connected > connected,
        "the old connection was kept"
    );
}

#[test]
fn refusals_of_the_server_are_told_apart() {
    let Some(server) = Server::start("refusals_of_the_server_are_told_apart") else {
        return;
    };
    let store = server.store();
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(take(&store, 1, PATIENT), Err(Unavailable::Refused));
    assert!(store.status().last_error.unwrap().contains("OOM"));
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    take(&store, 1, PATIENT).unwrap();
    server.command(&["CONFIG", "SET", "requirepass", "secret"]);
    let without = RedisStore::open(&server.url(), options()).unwrap();
    assert_eq!(take(&without, 1, PATIENT), Err(Unavailable::Refused));
    let wrong = format!("redis://:wrong@127.0.0.1:{}/2", server.port);
    let wrong = RedisStore::open(&wrong, options()).unwrap();
    assert_eq!(take(&wrong, 1, PATIENT), Err(Unavailable::Refused));
    assert!(!format!("{wrong:?}").contains("wrong@"), "{wrong:?}");
    let right = format!("redis://:secret@127.0.0.1:{}/2", server.port);
    let right = RedisStore::open(&right, options()).unwrap();
    // Another database, another counter.
    assert_eq!(take(&right, 1, PATIENT).unwrap().remaining, 999);
}

#[test]
fn nobody_there() {
    let Some(mut server) = Server::start("nobody_there") else {
        return;
    };
    server.crash();
    let store = server.store();
    assert_eq!(take(&store, 1, SHORT), Err(Unavailable::Unreachable));
    assert_eq!(store.ping(), Err(Unavailable::Unreachable));
    server.restart();
    assert_eq!(store.ping(), Ok(()));
    assert_eq!(take(&store, 1, PATIENT).unwrap().remaining, 999);
    // A name that leads nowhere is no hang, and no error of opening.
    let nowhere = RedisStore::open("redis://nowhere.invalid", options()).unwrap();
    assert_eq!(take(&nowhere, 1, SHORT), Err(Unavailable::Unreachable));
}

#[test]
fn more_threads_than_connections() {
    let Some(server) = Server::start("more_threads_than_connections") else {
        return;
    };
    let mut few = options();
    few.connections = 2;
    let store = RedisStore::open(&server.url(), few).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..25 {
                    assert!(take(&store, 1, PATIENT).unwrap().fits);
                }
            });
        }
    });
    assert_eq!(used(&server), 200);
    assert!(store.status().connected <= 2);
    server.signal("STOP");
    // Both connections are held by questions that wait; the third gets none.
    let budgets = [
        Duration::from_millis(500),
        Duration::from_millis(500),
        SHORT,
    ];
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads = budgets.map(|budget| {
            let store = &store;
            scope.spawn(move || take(store, 1, budget))
        });
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    server.signal("CONT");
    assert!(
        answers
            .iter()
            .all(|answer| answer.is_err_and(Unavailable::is_down)),
        "{answers:?}"
    );
}

#[test]
fn answers_that_are_lost_late_or_doubled() {
    let Some(server) = Server::start("answers_that_are_lost_late_or_doubled") else {
        return;
    };
    let proxy = Proxy::to(server.port);
    let store = RedisStore::open(&proxy.url(), options()).unwrap();
    let mut charged = 0;
    for (fate, expected) in [
        (Fate::Lost, Unavailable::TimedOut),
        (Fate::Late, Unavailable::TimedOut),
        (Fate::Cut, Unavailable::Lost),
    ] {
        charged += 1;
        assert_eq!(
            take(&store, 1, PATIENT).unwrap().remaining,
            1_000 - charged,
            "{fate:?}"
        );
        proxy.set(fate);
        // Long enough for the question to be applied, so that it is charged and counted below.
        let budget = Duration::from_millis(200);
        let answer = take(&store, 1, budget);
        assert_eq!(answer, Err(expected), "{fate:?}: {:?}", store.status());
        charged += 1;
        proxy.set(Fate::Passes);
        // The next question gets its own answer, not the late one.
        charged += 3;
        assert_eq!(
            take(&store, 3, PATIENT).unwrap().remaining,
            1_000 - charged,
            "{fate:?}"
        );
    }
    assert_eq!(used(&server), charged);
    proxy.set(Fate::Twice);
    let before = charged;
    for asked in 1..=20 {
        match take(&store, 1, PATIENT) {
            // The answer is that of this question, or none: never that of the one before.
            Ok(answer) => {
                let now = 1_000 - answer.remaining;
                assert!(
                    now > charged && now <= before + asked,
                    "{now} after {charged}"
                );
                charged = now;
            }
            Err(why) => assert_eq!(why, Unavailable::Lost),
        }
    }
    // Each was applied at most once, whether its answer came or not.
    proxy.set(Fate::Passes);
    assert!((charged..=before + 20).contains(&used(&server)));
}

fn limit(mode: Mode, on_down: OnDown) -> SharedLimit {
    SharedLimit {
        id: "plan".into(),
        mode,
        on_down,
        budget: PATIENT,
    }
}

fn spend(shared: &Shared, limit: &SharedLimit, cost: u64, now_ms: u64) -> Charged {
    let now = Now {
        mono_ns: now_ms * 1_000_000,
        wall_ms: 0,
    };
    shared.spend(limit, 1, cost, now, || (CounterKey([1; 16]), plan(1_000)))
}

#[test]
fn while_the_store_is_away_the_limit_says_what_counts() {
    let Some(mut server) = Server::start("while_the_store_is_away_the_limit_says_what_counts")
    else {
        return;
    };
    let part = OnDown::Share(Part {
        percent: 50,
        nodes: 4,
    });
    for (on_down, admitted, owed) in [
        (OnDown::Deny, 0, 0),
        (part, 125, 125),
        (OnDown::Open, 500, 0),
    ] {
        let store = Arc::new(server.store());
        store.reset("plan", None).unwrap();
        let shared = Shared::new(Arc::<RedisStore>::clone(&store), 64);
        let limit = limit(Mode::Leased { batch: 10 }, on_down);
        server.crash();
        let count = (0..500)
            .map(|_| spend(&shared, &limit, 1, 1_000))
            .filter(|charged| charged.outcome == Outcome::Admitted)
            .count();
        assert_eq!(count, admitted, "{on_down:?}");
        // Three questions opened the breaker: the other 497 decisions did not wait.
        assert_eq!(store.status().failed, 3, "{on_down:?}");
        server.restart();
        // After the pause one question goes out, the store is there, and hears what is owed.
        assert_eq!(spend(&shared, &limit, 1, 1_300).outcome, Outcome::Admitted);
        drop(shared);
        assert!(store.drain(PATIENT));
        assert_eq!(used(&server), owed + 1, "{on_down:?}");
    }
}

#[test]
fn leases_are_spent_given_back_and_asked_for_ahead() {
    let Some(server) = Server::start("leases_are_spent_given_back_and_asked_for_ahead") else {
        return;
    };
    let store = Arc::new(server.store());
    let shared = Shared::new(Arc::<RedisStore>::clone(&store), 64);
    let limit = limit(Mode::Leased { batch: 50 }, OnDown::Deny);
    for _ in 0..400 {
        assert_eq!(spend(&shared, &limit, 1, 0).outcome, Outcome::Admitted);
    }
    let asked = store.status().answered;
    assert!(asked < 100, "{asked} questions for 400 decisions");
    drop(shared);
    assert!(store.drain(PATIENT));
    // What was held went back.
    assert_eq!(used(&server), 400);
    let counters = counters(&server.store());
    assert_eq!(counters, [400]);
}

fn counters(store: &RedisStore) -> Vec<u64> {
    let mut found = Vec::new();
    store
        .list(None, &mut |counter| found.push(counter.used))
        .unwrap();
    found
}

#[test]
fn stores_with_other_prefixes_are_apart() {
    let Some(server) = Server::start("stores_with_other_prefixes_are_apart") else {
        return;
    };
    let other = RedisOptions::default().with_prefix("other[1]*");
    let other = RedisStore::open(&server.url(), other).unwrap();
    take(&server.store(), 5, PATIENT).unwrap();
    take(&other, 7, PATIENT).unwrap();
    assert_eq!(counters(&server.store()), [5]);
    assert_eq!(counters(&other), [7]);
    assert_eq!(other.reset("plan", None), Ok(1));
    assert_eq!(used(&server), 5);
}
