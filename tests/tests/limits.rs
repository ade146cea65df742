//! Limits of an engine over time: tickets, installs, processes, full tables, threads.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gatelet::{
    Charge, Clock, Engine, EngineConfig, InstallError, Policy, Reason, Request, Scratch, Source,
    Ticket,
};
use gatelet_tests::run::Standing;

/// Noon on 2026-10-05.
const NOON: i64 = 1_791_201_600_000;

fn policy(limits: &str) -> Policy {
    let text = format!(
        "gatelet: 1\nrules:\n  all: {{ effect: allow, match: {{ who: anyone }} }}\n  bad: {{ effect: deny, match: {{ path: /bad }} }}\nlimits:\n{limits}"
    );
    match Policy::load(&[Source::new("p.yaml", text.as_bytes())]) {
        Ok(policy) => policy,
        Err(error) => panic!("{error}\n{text}"),
    }
}

fn engine(limits: &str) -> Engine {
    let config = EngineConfig::default().with_clock(Arc::new(Standing(NOON)));
    Engine::new(policy(limits), config).unwrap()
}

/// What a decision says of limits.
#[derive(Debug, PartialEq)]
struct Said {
    reason: Reason,
    remaining: Vec<u64>,
    ticket: Option<Ticket>,
}

fn ask(engine: &Engine, scratch: &mut Scratch, path: &[u8], cost: u64, charge: Charge) -> Said {
    let request = Request {
        path: Some(path),
        cost: Some(cost),
        charge,
        ..Request::default()
    };
    let decision = engine.decide(scratch, &request);
    Said {
        reason: decision.reason(),
        remaining: decision.limits().map(|limit| limit.remaining).collect(),
        ticket: decision.ticket(),
    }
}

fn left(engine: &Engine) -> Vec<u64> {
    ask(engine, &mut engine.scratch(), b"/", 0, Charge::Peek).remaining
}

#[test]
fn a_reservation_is_settled_once() {
    const LIMITS: &str = "  units: { by: [], window: { fixed: 1h }, limit: 100 }\n  calls: { by: [], window: { fixed: 1h }, limit: 100, cost: 1 }\n";
    // Estimate and true cost; what is left of both limits then.
    for (estimate, actual, units) in [
        (10, 10, 90),
        (10, 3, 97),
        (10, 0, 100),
        (10, 40, 60),
        (1, 200, 0),
    ] {
        let engine = engine(LIMITS);
        let mut scratch = engine.scratch();
        let said = ask(&engine, &mut scratch, b"/", estimate, Charge::Reserve);
        assert_eq!(said.remaining, [100 - estimate, 99]);
        let ticket = said.ticket.unwrap();
        assert!(engine.report(ticket, actual), "{actual}");
        assert_eq!(left(&engine), [units, 99], "{actual}");
        assert!(
            !engine.report(ticket, 0) && !engine.release(ticket),
            "twice"
        );
        assert_eq!(left(&engine), [units, 99], "{actual}");
    }
}

#[test]
fn tickets_of_others_and_tickets_as_text() {
    let (one, other) = (
        engine("  a: { by: [], window: { fixed: 1h }, limit: 9 }\n"),
        engine("  a: { by: [], window: { fixed: 1h }, limit: 9 }\n"),
    );
    let of = |engine: &Engine| {
        let said = ask(engine, &mut engine.scratch(), b"/", 4, Charge::Reserve);
        said.ticket.unwrap()
    };
    let (ticket, foreign) = (of(&one), of(&other));
    assert_ne!(ticket, foreign);
    assert!(!one.report(foreign, 0));
    assert_eq!(left(&one), [5]);
    let text = ticket.to_string();
    assert_eq!(text.parse(), Ok(ticket));
    for bad in ["", "1", "-", "x-1", "1-x", "1-", "-1", "ffffffffff-1"] {
        assert!(bad.parse::<Ticket>().is_err(), "{bad}");
    }
    assert!(one.report(text.parse().unwrap(), 0));
    assert_eq!(left(&one), [9]);
    let none = engine_without_limits();
    assert!(!none.report(ticket, 0));
}

fn engine_without_limits() -> Engine {
    engine("  {}\n")
}

#[test]
fn what_is_under_way_ends_by_release_report_and_guard() {
    let engine = engine(
        "  busy: { by: [], concurrency: 2 }\n  units: { by: [], window: { fixed: 1h }, limit: 100 }\n",
    );
    let mut scratch = engine.scratch();
    let mut begin = |charge| ask(&engine, &mut scratch, b"/", 5, charge);
    let (first, second) = (begin(Charge::Take), begin(Charge::Take));
    assert_eq!(second.remaining, [0, 90]);
    let refused = begin(Charge::Take);
    assert_eq!(
        (refused.reason, refused.ticket),
        (Reason::QuotaExceeded, None)
    );
    assert!(engine.release(first.ticket.unwrap()));
    assert_eq!(left(&engine), [1, 90]);
    // A reservation: what is under way ends, and the units are settled.
    let reserved = begin(Charge::Reserve);
    assert_eq!(reserved.remaining, [0, 85]);
    assert!(engine.report(reserved.ticket.unwrap(), 1));
    assert_eq!(left(&engine), [1, 89]);
    {
        let _guard = engine.guard(second.ticket.unwrap());
        assert_eq!(left(&engine), [1, 89]);
    }
    assert_eq!(left(&engine), [2, 89]);
    let third = begin(Charge::Reserve);
    assert!(engine.guard(third.ticket.unwrap()).report(0));
    assert_eq!(left(&engine), [2, 89]);
}

#[test]
fn a_ticket_of_many_limits_settles_them_all() {
    let limits: String = (0..11)
        .map(|at| format!("  l{at}: {{ by: [], window: {{ fixed: 1h }}, limit: 10 }}\n"))
        .collect();
    let engine = engine(&limits);
    let said = ask(&engine, &mut engine.scratch(), b"/", 4, Charge::Reserve);
    assert_eq!(said.remaining, [6; 11]);
    assert!(engine.report(said.ticket.unwrap(), 1));
    assert_eq!(left(&engine), [9; 11]);
}

#[test]
fn the_oldest_tickets_give_way() {
    let engine = engine("  units: { by: [], rate: 1000000/s, burst: 1000000 }\n");
    let mut scratch = engine.scratch();
    let mut reserve = || {
        ask(&engine, &mut scratch, b"/", 1, Charge::Reserve)
            .ticket
            .unwrap()
    };
    let first = reserve();
    let second = reserve();
    for _ in 0..8_191 {
        reserve();
    }
    assert!(!engine.report(first, 0), "forgotten");
    assert!(engine.report(second, 0), "not yet");
}

#[test]
fn an_install_keeps_counters_of_the_same_limit() {
    const BEFORE: &str = "  a: { by: [], window: { fixed: 1h }, limit: 10 }\n";
    for (after, remaining) in [
        (BEFORE, 7),
        ("  a: { by: [], window: { fixed: 1h }, limit: 20 }\n", 17),
        ("  a: { by: [], window: { fixed: 1h }, limit: 2 }\n", 0),
        (
            "  a: { by: [], window: { fixed: 1h }, limit: 10, match: { path: / }, cost: 2 }\n",
            7,
        ),
        ("  b: { by: [], window: { fixed: 1h }, limit: 10 }\n", 10),
        ("  a: { by: [], window: { fixed: 2h }, limit: 10 }\n", 10),
        (
            "  a: { by: [method], window: { fixed: 1h }, limit: 10 }\n",
            10,
        ),
        ("  a: { by: [], sliding: 1h, limit: 10 }\n", 10),
    ] {
        let engine = engine(BEFORE);
        let mut scratch = engine.scratch();
        ask(&engine, &mut scratch, b"/", 3, Charge::Take);
        engine.install(policy(after)).unwrap();
        assert_eq!(left(&engine), [remaining], "{after}");
        // A scratch from before goes by the policy in force.
        assert_eq!(
            ask(&engine, &mut scratch, b"/", 0, Charge::Peek).remaining,
            [remaining]
        );
    }
    // A rate keeps its deadline, however many a second there are now.
    let engine = engine("  r: { by: [], rate: 1/min }\n");
    ask(&engine, &mut engine.scratch(), b"/", 1, Charge::Take);
    engine
        .install(policy("  r: { by: [], rate: 2/min, burst: 1 }\n"))
        .unwrap();
    assert_eq!(
        ask(&engine, &mut engine.scratch(), b"/", 1, Charge::Take).reason,
        Reason::QuotaExceeded
    );
}

/// Every kind, some of it used: what is left of each.
const KINDS: &str = "  rate: { by: [method], rate: 1/h, burst: 10, capacity: 8 }\n  fixed: { by: [method], window: { fixed: 1h }, limit: 10, capacity: 8 }\n  month: { by: [method], window: { calendar: month }, limit: 10, capacity: 8 }\n  flexi: { by: [method], window: { first_request: 1h }, limit: 10, capacity: 8 }\n  look: { by: [method], sliding: 1h, limit: 10, capacity: 8 }\n  large: { by: [method], sliding: 1h, limit: 5000, capacity: 8 }\n  busy: { by: [method], concurrency: 10, capacity: 8 }\n  spread: { by: [method], distinct: path, within: 1h, limit: 10, capacity: 8 }\n";
const USED: [u64; 8] = [7, 7, 7, 7, 7, 4997, 9, 9];

#[test]
fn another_size_of_a_table_keeps_what_is_counted() {
    let engine = engine(KINDS);
    ask(&engine, &mut engine.scratch(), b"/", 3, Charge::Take);
    assert_eq!(left(&engine), USED);
    // What is under way is not known to another table; it ends by its tickets and leases.
    let mut kept = USED;
    kept[6] = 10;
    for change in ["capacity: 77", "capacity: 9, on_full: deny"] {
        engine
            .install(policy(&KINDS.replace("capacity: 8", change)))
            .unwrap();
        assert_eq!(left(&engine), kept, "{change}");
    }
}

#[test]
fn counters_are_saved_and_restored() {
    let first = engine(KINDS);
    ask(&first, &mut first.scratch(), b"/", 3, Charge::Take);
    let saved = first.save_counters();
    // Another engine has other secrets, and finds its keys all the same.
    let second = engine(KINDS);
    let mut scratch = second.scratch();
    ask(&second, &mut scratch, b"/", 0, Charge::Peek);
    let told = second.restore_counters(&saved).unwrap();
    let told = [told.limits, told.counters, told.without_room, told.unknown];
    assert_eq!(told, [8, 7, 0, 0]);
    // A restart ends what is under way.
    let mut kept = USED;
    kept[6] = 10;
    assert_eq!(
        ask(&second, &mut scratch, b"/", 0, Charge::Peek).remaining,
        kept
    );
    // Twice changes nothing.
    second.restore_counters(&saved).unwrap();
    assert_eq!(left(&second), kept);
    let other = engine(
        "  fixed: { by: [method], window: { fixed: 1h }, limit: 20 }\n  rate: { by: [path], rate: 1/h }\n",
    );
    let told = other.restore_counters(&saved).unwrap();
    assert_eq!((told.limits, told.unknown), (1, 7));
    assert_eq!(left(&other), [17, 1]);
    for end in [0, 1, 18, 19, 20, 60, 80, saved.len() - 1] {
        let fresh = engine(KINDS);
        let restored = fresh.restore_counters(&saved[..end]);
        assert_eq!(restored.is_err(), end != 19, "{end}");
        assert_eq!(left(&fresh)[1], 10, "{end}");
    }
    for at in (19..saved.len()).step_by(5) {
        let mut damaged = saved.clone();
        damaged[at] ^= 1;
        let fresh = engine(KINDS);
        let _ = fresh.restore_counters(&damaged);
        assert!(left(&fresh)[1] >= 7, "{at}");
    }
}

#[test]
fn a_report_beyond_all_bounds_is_saved_too() {
    const LIMITS: &str = "  w: { by: [], window: { fixed: 1h }, limit: 9 }\n  s: { by: [], sliding: 1h, limit: 9, exact: false }\n  e: { by: [], sliding: 1h, limit: 9 }\n  r: { by: [], rate: 9/h, burst: 9 }\n";
    let engine = engine(LIMITS);
    let reserve = || ask(&engine, &mut engine.scratch(), b"/", 1, Charge::Reserve).ticket;
    for ticket in [(); 4].map(|()| reserve().unwrap()) {
        assert!(engine.report(ticket, u64::MAX / 5));
    }
    // Tables that hold more are made of what is saved of those before.
    engine
        .install(policy(&LIMITS.replace("limit: 9", "limit: 99")))
        .unwrap();
    let fresh = self::engine(LIMITS);
    let told = fresh.restore_counters(&engine.save_counters()).unwrap();
    assert_eq!((told.limits, told.counters), (4, 4));
    assert_eq!(left(&fresh), [0; 4]);
}

#[test]
fn a_ticket_outlives_an_install() {
    let engine = engine("  a: { by: [], window: { fixed: 1h }, limit: 10 }\n");
    let said = ask(&engine, &mut engine.scratch(), b"/", 6, Charge::Reserve);
    engine
        .install(policy(
            "  z: { by: [], rate: 1/s }\n  a: { by: [], window: { fixed: 1h }, limit: 20 }\n",
        ))
        .unwrap();
    assert_eq!(left(&engine), [1, 14]);
    assert!(engine.report(said.ticket.unwrap(), 1));
    assert_eq!(left(&engine), [1, 19]);
}

#[test]
fn processes_divide_limits() {
    let with = |processes, limits: &str| {
        let config = EngineConfig::default()
            .with_clock(Arc::new(Standing(NOON)))
            .with_processes(processes);
        Engine::new(policy(limits), config)
    };
    const LIMITS: &str =
        "  a: { by: [], window: { fixed: 1h }, limit: 10 }\n  r: { by: [], rate: 8/s, burst: 8 }\n";
    for (processes, remaining) in [(0, [10, 8]), (1, [10, 8]), (3, [3, 2]), (8, [1, 1])] {
        let engine = with(processes, LIMITS).unwrap();
        assert_eq!(left(&engine), remaining, "{processes}");
    }
    // A third of the burst at a third of the rate takes as long as the whole.
    let engine = with(3, "  r: { by: [], rate: 2/s, burst: 9 }\n").unwrap();
    let (mut scratch, request) = (
        engine.scratch(),
        Request {
            path: Some(b"/"),
            cost: Some(3),
            ..Request::default()
        },
    );
    let headers = engine.decide(&mut scratch, &request).rate_limit_headers();
    let headers =
        headers.map(|headers| (headers.policy().to_string(), headers.limit().to_string()));
    assert_eq!(
        headers,
        Some(("\"r\";q=3;w=5".into(), "\"r\";r=0;t=5".into()))
    );
    let error = with(9, LIMITS).unwrap_err();
    assert!(
        matches!(&error, InstallError::Limit { limit, .. } if limit == "r"),
        "{error}"
    );
}

#[test]
fn a_limit_in_a_store_is_never_counted_in_the_process() {
    let text = "  a: { by: [], rate: 9/s, store: { redis: leased } }\n";
    let error = Engine::new(policy(text), EngineConfig::default()).unwrap_err();
    assert!(
        matches!(&error, InstallError::StoreMissing { limit } if limit == "a"),
        "{error}"
    );
    let engine = engine("  a: { by: [], window: { fixed: 1h }, limit: 9 }\n");
    ask(&engine, &mut engine.scratch(), b"/", 4, Charge::Take);
    assert!(engine.install(policy(text)).is_err());
    assert_eq!(left(&engine), [5], "the policy in force stays");
}

#[test]
fn a_full_table_does_what_the_limit_says() {
    for (on_full, expected) in [
        ("deny", Reason::QuotaUnavailable),
        ("allow", Reason::Allowed),
        ("overflow", Reason::QuotaExceeded),
    ] {
        let engine = engine(&format!(
            "  a: {{ by: [query.n], window: {{ fixed: 1h }}, limit: 1, capacity: 1, on_full: {on_full} }}\n"
        ));
        let mut scratch = engine.scratch();
        let mut last = Vec::new();
        for n in 0..200 {
            let said = ask(
                &engine,
                &mut scratch,
                format!("/?n={n}").as_bytes(),
                1,
                Charge::Take,
            );
            last.push(said.reason);
        }
        assert_eq!(last[0], Reason::Allowed);
        assert_eq!(last[199], expected, "{on_full}");
        let crowded = engine.crowded_limits();
        assert!(
            crowded.len() == 1 && crowded[0].0 == "a" && crowded[0].1 > 0,
            "{crowded:?}"
        );
    }
}

/// Threads on one key and on many, with two limits of which the second refuses: never more than the
/// second lets through, and the first has paid for no more than that.
#[test]
fn threads_take_from_all_limits_or_from_none() {
    const EACH: u64 = 2_000;
    for keys in [1, 50] {
        for threads in [2, 4] {
            let limits = "  wide:   { by: [query.k], window: { fixed: 1h }, limit: 1000 }\n  narrow: { by: [query.k], window: { fixed: 1h }, limit: 30 }\n";
            let engine = engine(limits);
            let admitted = AtomicU64::new(0);
            std::thread::scope(|scope| {
                for thread in 0..threads {
                    let (engine, admitted) = (&engine, &admitted);
                    scope.spawn(move || {
                        let mut scratch = engine.scratch();
                        for turn in 0..EACH {
                            let path = format!("/?k={}", (turn + thread) % keys);
                            let said = ask(engine, &mut scratch, path.as_bytes(), 1, Charge::Take);
                            if said.reason == Reason::Allowed {
                                admitted.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                    });
                }
            });
            let admitted = admitted.into_inner();
            assert_eq!(admitted, 30 * keys, "{threads} threads, {keys} keys");
            for key in 0..keys {
                let path = format!("/?k={key}");
                let said = ask(
                    &engine,
                    &mut engine.scratch(),
                    path.as_bytes(),
                    0,
                    Charge::Peek,
                );
                assert_eq!(said.remaining, [970, 0], "{threads} threads, {keys} keys");
            }
        }
    }
}

#[test]
fn ready_made_header_values() {
    let engine = engine(
        "  burst: { by: [], rate: 50/s, burst: 100 }\n  daily: { by: [], window: { calendar: day }, limit: 3 }\n  month: { by: [], window: { calendar: month }, limit: 1000 }\n  busy: { by: [], concurrency: 5 }\n  trial: { by: [], rate: 1/s, mode: shadow }\n",
    );
    let mut scratch = engine.scratch();
    let request = Request {
        path: Some(b"/"),
        cost: Some(2),
        ..Request::default()
    };
    let headers = |scratch: &mut Scratch| {
        let decision = engine.decide(scratch, &request);
        let headers = decision.rate_limit_headers().unwrap();
        (
            headers.policy().to_string(),
            headers.limit().to_string(),
            headers.retry_after(),
        )
    };
    let policy = "\"burst\";q=100;w=2, \"daily\";q=3;w=86400, \"month\";q=1000, \"busy\";q=5";
    let (said, limit, retry) = headers(&mut scratch);
    assert_eq!(said, policy);
    assert_eq!(
        limit,
        "\"burst\";r=98;t=1, \"daily\";r=1;t=43200, \"month\";r=998;t=2289600, \"busy\";r=4;t=60"
    );
    assert_eq!(retry, None);
    let (said, limit, retry) = headers(&mut scratch);
    assert_eq!(
        (said.as_str(), limit.as_str(), retry),
        (policy, "\"daily\";r=1;t=43200", Some(43_200))
    );
    // Integers of structured fields end below 10¹⁵.
    let large =
        self::engine("  large: { by: [], window: { calendar: month }, limit: 9007199254740992 }\n");
    let mut scratch = large.scratch();
    let decision = large.decide(&mut scratch, &request);
    let headers = decision.rate_limit_headers().unwrap();
    assert_eq!(headers.policy().to_string(), "\"large\";q=999999999999999");
    assert_eq!(
        headers.limit().to_string(),
        "\"large\";r=999999999999999;t=2289600"
    );
    let other = engine_without_limits();
    let mut scratch = other.scratch();
    assert!(
        other
            .decide(&mut scratch, &request)
            .rate_limit_headers()
            .is_none()
    );
}

/// A clock of two hands.
struct Hands(AtomicU64, AtomicU64);

impl Clock for Hands {
    fn wall_ms(&self) -> i64 {
        i64::try_from(self.0.load(Ordering::Relaxed)).unwrap()
    }

    fn monotonic_ns(&self) -> u64 {
        self.1.load(Ordering::Relaxed)
    }
}

#[test]
fn rates_go_by_one_clock_and_windows_by_the_other() {
    let start = u64::try_from(NOON).unwrap();
    let clock = Arc::new(Hands(AtomicU64::new(start), AtomicU64::new(7_000_000_000)));
    let config = EngineConfig::default().with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
    let limits = policy(
        "  rate: { by: [], rate: 1/s }\n  hour: { by: [], window: { calendar: hour }, limit: 1, cost: 0 }\n  used: { by: [], window: { calendar: hour }, limit: 2 }\n",
    );
    let engine = Engine::new(limits, config).unwrap();
    let mut scratch = engine.scratch();
    let mut turn = |wall, mono| {
        clock.0.store(wall, Ordering::Relaxed);
        clock.1.store(mono, Ordering::Relaxed);
        ask(&engine, &mut scratch, b"/", 1, Charge::Take)
    };
    assert_eq!(turn(start, 7_000_000_000).remaining, [0, 1, 1]);
    // The wall clock leaps, and no rate believes it; the window does.
    let said = turn(start + 7_200_000, 7_500_000_000);
    assert_eq!(
        (said.reason, said.remaining),
        (Reason::QuotaExceeded, vec![0, 1, 2])
    );
    assert_eq!(engine.clock_leaps(), 1);
    // Set back: the window does not come back.
    let said = turn(start, 8_000_000_000);
    assert_eq!(
        (said.reason, said.remaining),
        (Reason::Allowed, vec![0, 1, 1])
    );
    let said = turn(start, 9_000_000_000);
    assert_eq!(
        (said.reason, said.remaining),
        (Reason::Allowed, vec![0, 1, 0])
    );
}

#[test]
fn explaining_charges_nothing_and_shows_no_secret() {
    let engine = engine("  key: { by: [header.x-key, path], window: { fixed: 1h }, limit: 2 }\n");
    let headers: &[(&[u8], &[u8])] = &[(b"x-key", b"s3cret")];
    let request = Request {
        path: Some(b"/a"),
        headers,
        ..Request::default()
    };
    let mut scratch = engine.scratch();
    for _ in 0..5 {
        let explanation = engine.explain(&mut scratch, &request);
        let limit = &explanation.limits[0];
        assert_eq!(
            (limit.limit.as_str(), limit.outcome, limit.remaining),
            ("key", "passes", Some(2))
        );
        let text = explanation.to_string();
        assert!(
            text.contains("header.x-key = given") && text.contains("path = /a"),
            "{text}"
        );
        assert!(!text.contains("s3cret"), "{text}");
    }
    for expected in ["passes", "passes", "exceeded"] {
        assert_eq!(
            engine.explain(&mut scratch, &request).limits[0].outcome,
            expected
        );
        let _ = engine.decide(&mut scratch, &request).allowed();
    }
    let explanation = engine.explain(&mut scratch, &request);
    assert_eq!(
        (explanation.limit.as_deref(), explanation.reason),
        (Some("key"), "quota_exceeded")
    );
    assert!(
        explanation
            .to_string()
            .starts_with("deny: quota_exceeded (window) by key at p.yaml:"),
        "{explanation}"
    );
}
