//! Decisions by a policy whose limits are counted in a store.

use crate::server::Server;
use gatelet::{
    Charge, Engine, EngineConfig, InstallError, Policy, Principal, Reason, Request, Source,
};
use gatelet_io::{Deciders, RedisStore};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

/// So long that only a hang is longer.
const PATIENT: Duration = Duration::from_secs(20);

fn policy(limits: &str) -> Policy {
    let text = format!(
        "gatelet: 1
identity: {{ trust_host: [principal] }}
rules: {{ all: {{ effect: allow, match: {{ who: anyone }} }} }}
limits:
{limits}"
    );
    Policy::load(&[Source::new("limits.yaml", text.as_bytes())]).unwrap()
}

fn engine(server: &Server, limits: &str) -> Engine {
    let store = Arc::new(server.store());
    Engine::new(policy(limits), EngineConfig::default().with_store(store)).unwrap()
}

struct Told {
    reason: Reason,
    detail: Option<String>,
    limits: Vec<(String, u64, u64)>,
    retry_after_ms: Option<u64>,
}

fn decide(engine: &Engine, who: &str, cost: u64, charge: Charge) -> Told {
    let principal = Principal {
        id: who.as_bytes(),
        ..Principal::default()
    };
    let request = Request {
        method: Some(b"GET"),
        path: Some(b"/"),
        principal: Some(principal),
        cost: Some(cost),
        charge,
        ..Request::default()
    };
    let mut scratch = engine.scratch();
    let decision = engine.decide(&mut scratch, &request);
    let limits = decision.limits();
    Told {
        reason: decision.reason(),
        detail: decision.detail().map(str::to_owned),
        limits: limits
            .map(|state| (state.id.to_owned(), state.limit, state.remaining))
            .collect(),
        retry_after_ms: decision.retry_after_ms(),
    }
}

fn take(engine: &Engine, who: &str) -> Told {
    decide(engine, who, 1, Charge::Take)
}

/// Every mode and kind that a store counts, each with a limit of 5; and how long a decision waits is no part of it.
const FIVE: &[&str] = &[
    "  five: { by: [principal], sliding: 1h, limit: 5, store: { redis: strict, budget: 10s } }",
    "  five: { by: [principal], window: { first_request: 1h }, limit: 5, store: { redis: strict, budget: 10s } }",
    "  five: { by: [principal], window: { first_request: 1h }, limit: 5, store: { redis: leased, budget: 10s } }",
    "  five: { by: [principal], window: { fixed: 300d }, limit: 5, store: { redis: strict, budget: 10s } }",
    "  five: { by: [principal], window: { calendar: year, zone: Europe/Berlin }, limit: 5, store: { redis: strict, budget: 10s } }",
    "  five: { by: [principal], window: { calendar: year, zone: Europe/Berlin }, limit: 5, store: { redis: leased, budget: 10s } }",
    "  five: { by: [principal], rate: 1/day, burst: 5, store: { redis: strict, budget: 10s } }",
    "  five: { by: [principal], rate: 1/day, burst: 5, store: { redis: leased, budget: 10s } }",
];

#[test]
fn two_engines_share_a_limit() {
    let Some(server) = Server::start("two_engines_share_a_limit") else {
        return;
    };
    for limits in FIVE {
        server.command(&["FLUSHALL"]);
        let engines = [engine(&server, limits), engine(&server, limits)];
        // One who asks here and there, by turns; of what one engine holds the other has nothing.
        let mut admitted = 0;
        for turn in 0..20 {
            let told = take(&engines[turn % 2], "dana");
            match told.reason {
                Reason::Allowed => admitted += 1,
                reason => {
                    assert_eq!(reason, Reason::QuotaExceeded, "{limits}");
                    assert!(told.retry_after_ms.is_some_and(|ms| ms > 0), "{limits}");
                    assert_eq!(told.limits[0].0, "five");
                    assert_eq!(told.limits[0].1, 5);
                }
            }
        }
        assert_eq!(admitted, 5, "{limits}");
        // Another counter; and what can never fit.
        assert_eq!(take(&engines[0], "kim").reason, Reason::Allowed, "{limits}");
        let told = decide(&engines[0], "kim", 6, Charge::Take);
        assert_eq!(told.reason, Reason::CostExceedsLimit, "{limits}");
        assert_eq!(
            decide(&engines[1], "dana", 0, Charge::Take).reason,
            Reason::Allowed
        );
    }
}

#[test]
fn peeking_charges_nothing() {
    let Some(server) = Server::start("peeking_charges_nothing") else {
        return;
    };
    for limits in FIVE {
        server.command(&["FLUSHALL"]);
        let engine = engine(&server, limits);
        for _ in 0..10 {
            let told = decide(&engine, "dana", 5, Charge::Peek);
            assert_eq!(told.reason, Reason::Allowed, "{limits}");
            assert_eq!(
                decide(&engine, "dana", 5, Charge::None).reason,
                Reason::Allowed
            );
        }
        assert_eq!(
            decide(&engine, "dana", 5, Charge::Take).reason,
            Reason::Allowed
        );
        assert_eq!(
            decide(&engine, "dana", 1, Charge::Peek).reason,
            Reason::QuotaExceeded
        );
    }
}

#[test]
fn a_request_that_one_limit_refuses_takes_nothing_from_another() {
    let Some(server) = Server::start("a_request_that_one_limit_refuses_takes_nothing") else {
        return;
    };
    let narrow = [
        "  narrow: { by: [principal], window: { first_request: 1h }, limit: 2 }\n",
        "  narrow: { by: [principal], window: { first_request: 1h }, limit: 2, store: { redis: strict, budget: 10s } }\n",
        "  narrow: { by: [principal], window: { first_request: 1h }, limit: 2, store: { redis: leased, budget: 10s } }\n",
    ];
    for narrow in narrow {
        for wide in &FIVE[1..3] {
            server.command(&["FLUSHALL"]);
            let store = Arc::new(server.store());
            let policy = policy(&format!("{narrow}{wide}"));
            let config = EngineConfig::default().with_store(Arc::<RedisStore>::clone(&store));
            let engine = Engine::new(policy, config).unwrap();
            for _ in 0..10 {
                take(&engine, "dana");
            }
            // The engine gives back what it holds.
            drop(engine);
            assert!(store.drain(PATIENT));
            let rest = self::engine(&server, wide);
            let left = (0..10)
                .filter(|_| take(&rest, "dana").reason == Reason::Allowed)
                .count();
            assert_eq!(left, 3, "{narrow}{wide}");
        }
    }
}

#[test]
fn what_was_reserved_is_settled() {
    let Some(server) = Server::start("what_was_reserved_is_settled") else {
        return;
    };
    for limits in FIVE {
        server.command(&["FLUSHALL"]);
        let store = Arc::new(server.store());
        {
            let config = EngineConfig::default().with_store(Arc::<RedisStore>::clone(&store));
            let engine = Engine::new(policy(limits), config).unwrap();
            let mut scratch = engine.scratch();
            let principal = Principal {
                id: b"dana",
                ..Principal::default()
            };
            let request = Request {
                path: Some(b"/"),
                principal: Some(principal),
                cost: Some(4),
                charge: Charge::Reserve,
                ..Request::default()
            };
            let ticket = engine.decide(&mut scratch, &request).ticket().unwrap();
            assert!(engine.report(ticket, 1), "{limits}");
            assert!(!engine.report(ticket, 1), "{limits}");
        }
        assert!(store.drain(PATIENT));
        // Rates burn what is held at the end; windows give it back.
        if limits.contains("rate") && limits.contains("leased") {
            continue;
        }
        let told = decide(&engine(&server, limits), "dana", 1, Charge::Take);
        assert_eq!(told.limits[0].2, 3, "{limits}");
    }
}

#[test]
fn while_the_store_is_away_decisions_say_so() {
    let Some(mut server) = Server::start("while_the_store_is_away_decisions_say_so") else {
        return;
    };
    let limits = |mode: &str, on_down: &str| {
        format!(
            "  plan: {{ by: [principal], window: {{ first_request: 1h }}, limit: 100, store: {{ redis: {mode}, {on_down} }} }}"
        )
    };
    for mode in ["strict", "leased"] {
        for (on_down, admitted) in [
            ("on_down: deny", 0),
            ("on_down: share, share: 0.25", 25),
            ("on_down: share", 50),
            ("on_down: open", 50),
        ] {
            let engine = engine(&server, &limits(mode, on_down));
            server.crash();
            let told: Vec<_> = (0..50).map(|_| take(&engine, "dana")).collect();
            let (passed, refused): (Vec<_>, Vec<_>) =
                told.iter().partition(|told| told.reason == Reason::Allowed);
            assert_eq!(passed.len(), admitted, "{mode} {on_down}");
            for told in refused {
                assert_eq!(told.reason, Reason::QuotaUnavailable, "{mode} {on_down}");
                assert_eq!(told.detail.as_deref(), Some("store_down"));
            }
            server.restart();
        }
    }
}

#[test]
fn a_policy_that_needs_a_store_is_not_installed_without() {
    let missing = Engine::new(policy(FIVE[0]), EngineConfig::default()).unwrap_err();
    assert!(
        matches!(missing, InstallError::StoreMissing { .. }),
        "{missing}"
    );
}

#[test]
fn numbers_beyond_a_store_are_not_installed() {
    let Some(server) = Server::start("numbers_beyond_a_store_are_not_installed") else {
        return;
    };
    for limits in [
        "  a: { by: [], rate: 100000000/s, burst: 5, store: { redis: leased } }",
        "  a: { by: [], rate: 1/s, burst: 100000000, store: { redis: leased } }",
        "  a: { by: [], window: { fixed: 10000d }, limit: 5, store: { redis: leased } }",
        "  a: { by: [], window: { fixed: 1d }, limit: 1000000000000000, store: { redis: leased } }",
    ] {
        let store = Arc::new(server.store());
        let config = EngineConfig::default().with_store(store);
        let error = Engine::new(policy(limits), config).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("larger than a store counts with"),
            "{limits}: {error}"
        );
    }
}

#[test]
fn strict_limits_off_an_event_loop() {
    let Some(server) = Server::start("strict_limits_off_an_event_loop") else {
        return;
    };
    let engine = Arc::new(engine(
        &server,
        "  plan: { by: [], window: { first_request: 1h }, limit: 30, store: { redis: strict, budget: 10s } }",
    ));
    let deciders = Deciders::start(&engine, 4, 100).unwrap();
    let (sender, receiver) = channel();
    for _ in 0..50 {
        let request = gatelet::RequestBuf::from_json(br#"{ "path": "/" }"#).unwrap();
        let sender = sender.clone();
        let sent = deciders.decide(request, move |decision| {
            sender.send(decision.allowed()).unwrap();
        });
        sent.unwrap();
    }
    drop(sender);
    assert_eq!(receiver.into_iter().filter(|allowed| *allowed).count(), 30);
}
