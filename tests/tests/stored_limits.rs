//! Limits that are counted in a store, through whole policies: shared, all or none, and what holds while it is away.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatelet::store::{
    Answer, Ask, Charge, Counter, CounterKey, Grant, Grants, Kind, Note, QuotaStore, Unavailable,
    Window,
};
use gatelet::{Engine, EngineConfig, Policy, Reason, Request, Source};
use gatelet_tests::alloc::{Counting, allocations};
use gatelet_tests::run::Standing;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Noon on 2026-10-05.
const NOON: i64 = 1_791_201_600_000;

/// Counters in memory, whose time stands.
#[derive(Default)]
struct Store {
    used: Mutex<HashMap<(String, CounterKey), u64>>,
    kinds: Mutex<Vec<Kind>>,
    down: AtomicBool,
    questions: AtomicU64,
}

impl Store {
    fn asked(&self) -> Result<(), Unavailable> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        match self.down.load(Ordering::Relaxed) {
            true => Err(Unavailable::Unreachable),
            false => Ok(()),
        }
    }

    fn questions(&self) -> u64 {
        self.questions.swap(0, Ordering::Relaxed)
    }

    fn used(&self, limit: &str) -> u64 {
        let used = self.used.lock().unwrap();
        let of_limit = used.iter().filter(|((known, _), _)| known == limit);
        of_limit.map(|(_, used)| used).sum()
    }

    fn ask(&self, charges: &[Charge<'_>], answers: &mut [Answer], take: bool) {
        let mut used = self.used.lock().unwrap();
        let place = |charge: &Charge<'_>| (charge.limit.to_string(), charge.key);
        for (charge, answer) in charges.iter().zip(answers.iter_mut()) {
            self.kinds.lock().unwrap().push(charge.kind);
            let now = *used.entry(place(charge)).or_default();
            let most = charge.kind.most_at_once();
            answer.fits = now + charge.cost <= most;
            answer.remaining = most.saturating_sub(now);
            answer.reset_ms = 60_000;
            answer.retry_ms = if answer.fits { 0 } else { 30_000 };
            answer.hold = 1;
        }
        if take && answers.iter().all(|answer| answer.fits) {
            for (charge, answer) in charges.iter().zip(answers) {
                *used.entry(place(charge)).or_default() += charge.cost;
                answer.remaining -= charge.cost;
            }
        }
    }
}

impl QuotaStore for Store {
    fn secret(&self) -> &[u8] {
        b"a secret"
    }

    fn take(
        &self,
        charges: &[Charge<'_>],
        _: Duration,
        answers: &mut [Answer],
    ) -> Result<(), Unavailable> {
        self.asked()?;
        self.ask(charges, answers, true);
        Ok(())
    }

    fn peek(
        &self,
        charges: &[Charge<'_>],
        _: Duration,
        answers: &mut [Answer],
    ) -> Result<(), Unavailable> {
        self.asked()?;
        self.ask(charges, answers, false);
        Ok(())
    }

    fn lease(&self, ask: &Ask<'_>, _: Duration) -> Result<Grant, Unavailable> {
        self.asked()?;
        let mut used = self.used.lock().unwrap();
        let place = (ask.charge.limit.to_string(), ask.charge.key);
        let now = used.entry(place).or_default();
        let room = ask.charge.kind.most_at_once().saturating_sub(*now);
        let units = if room < ask.charge.cost {
            0
        } else {
            room.min(ask.units)
        };
        *now += units;
        Ok(Grant {
            units,
            window: 1,
            valid_ms: 60_000,
            lease: 1,
            remaining: room - units,
            reset_ms: 60_000,
            retry_ms: 30_000,
        })
    }

    fn lease_ahead(&self, _: &Ask<'_>, _: &Arc<dyn Grants>) -> bool {
        false
    }

    fn post(&self, note: &Note<'_>) -> bool {
        let (limit, key, back, more) = match note {
            Note::GiveBack {
                limit, key, units, ..
            } => (limit, key, *units, 0),
            Note::Settle { charge, .. } => (&charge.limit, &charge.key, charge.cost, charge.owed),
            Note::Release { limit, key, .. } => (limit, key, 1, 0),
            _ => return false,
        };
        let mut used = self.used.lock().unwrap();
        let now = used.entry((limit.to_string(), *key)).or_default();
        *now = now.saturating_sub(back) + more;
        true
    }

    fn list(&self, _: Option<&str>, _: &mut dyn FnMut(Counter)) -> Result<(), Unavailable> {
        Ok(())
    }

    fn reset(&self, _: &str, _: Option<CounterKey>) -> Result<u64, Unavailable> {
        Ok(0)
    }
}

fn policy(limits: &str) -> Policy {
    let text = format!(
        "gatelet: 1\nidentity: {{ trust_host: [principal] }}\nrules: {{ all: {{ effect: allow, match: {{ who: anyone }} }} }}\nlimits:\n{limits}"
    );
    match Policy::load(&[Source::new("p.yaml", text.as_bytes())]) {
        Ok(policy) => policy,
        Err(error) => panic!("{error}\n{text}"),
    }
}

fn engine(store: &Arc<Store>, limits: &str) -> Engine {
    let config = EngineConfig::default()
        .with_clock(Arc::new(Standing(NOON)))
        .with_store(Arc::clone(store) as Arc<dyn QuotaStore>);
    Engine::new(policy(limits), config).unwrap()
}

/// Reason, detail, and what is left of each limit that answered.
fn ask(
    engine: &Engine,
    cost: u64,
    charge: gatelet::Charge,
) -> (Reason, Option<&'static str>, Vec<u64>) {
    let mut scratch = engine.scratch();
    let request = Request {
        path: Some(b"/"),
        cost: Some(cost),
        charge,
        ..Request::default()
    };
    let decision = engine.decide(&mut scratch, &request);
    let left = decision.limits().map(|limit| limit.remaining).collect();
    (decision.reason(), decision.detail(), left)
}

const TAKE: gatelet::Charge = gatelet::Charge::Take;

#[test]
fn two_engines_share_what_is_strict() {
    let store = Arc::new(Store::default());
    let limits = "  s: { by: [method, path], window: { calendar: month }, limit: 5, store: { redis: strict } }\n";
    let (one, other) = (engine(&store, limits), engine(&store, limits));
    assert_eq!(ask(&one, 2, TAKE), (Reason::Allowed, None, vec![3]));
    assert_eq!(ask(&other, 2, TAKE), (Reason::Allowed, None, vec![1]));
    assert_eq!(
        ask(&one, 2, TAKE),
        (Reason::QuotaExceeded, Some("window"), vec![1])
    );
    assert_eq!(ask(&one, 6, TAKE).0, Reason::CostExceedsLimit);
    assert_eq!(
        ask(&one, 1, gatelet::Charge::Peek),
        (Reason::Allowed, None, vec![1])
    );
    assert_eq!(ask(&other, 1, TAKE).2, [0]);
    // The window of the month of October, and those around it.
    let kinds = store.kinds.lock().unwrap();
    let edges = [
        1_788_220_800_000,
        1_790_812_800_000,
        1_793_491_200_000,
        1_796_083_200_000,
    ];
    assert_eq!(
        kinds[0],
        Kind::Window {
            limit: 5,
            window: Window::Edges(edges)
        }
    );
}

/// A limit of an hour, in a store if a mode is given.
fn hourly(id: &str, limit: u64, mode: &str) -> String {
    let store = match mode {
        "" => String::new(),
        mode => format!(", store: {{ redis: {mode} }}"),
    };
    format!("  {id}: {{ by: [], window: {{ fixed: 1h }}, limit: {limit}{store} }}\n")
}

#[test]
fn limits_take_all_or_nothing_wherever_they_are_counted() {
    for (first, second) in [
        ("strict", "strict"),
        ("strict", ""),
        ("", "strict"),
        ("leased, batch: 3", "strict"),
        ("leased, batch: 3", "leased, batch: 1"),
        ("", "leased, batch: 1"),
        ("leased, batch: 3", ""),
    ] {
        let store = Arc::new(Store::default());
        let both = hourly("a", 9, first) + &hourly("b", 2, second);
        let engine = engine(&store, &both);
        for _ in 0..2 {
            assert_eq!(ask(&engine, 1, TAKE).0, Reason::Allowed, "{both}");
        }
        for _ in 0..3 {
            let mut scratch = engine.scratch();
            let request = Request {
                path: Some(b"/"),
                ..Request::default()
            };
            let decision = engine.decide(&mut scratch, &request);
            assert_eq!(
                (decision.reason(), decision.limit()),
                (Reason::QuotaExceeded, Some("b")),
                "{both}"
            );
            assert!(decision.retry_after_ms() > Some(0), "{both}");
        }
        // Seven are left of the first, however often the second refused.
        engine.install(policy(&hourly("a", 9, first))).unwrap();
        let allowed = (0..20).filter(|_| ask(&engine, 1, TAKE).0 == Reason::Allowed);
        assert_eq!(allowed.count(), 7, "{both}");
    }
}

#[test]
fn what_is_charged_always_is_charged_wherever_another_limit_refuses() {
    for always in ["", "strict", "leased, batch: 1"] {
        for other in ["", "strict", "leased, batch: 1"] {
            let store = Arc::new(Store::default());
            let first = hourly("a", 9, always).replace(" }\n", ", charge: always }\n");
            let both = first.clone() + &hourly("b", 2, other);
            let engine = engine(&store, &both);
            let allowed = (0..5).filter(|_| ask(&engine, 1, TAKE).0 == Reason::Allowed);
            assert_eq!(allowed.count(), 2, "{both}");
            engine.install(policy(&first)).unwrap();
            let allowed = (0..20).filter(|_| ask(&engine, 1, TAKE).0 == Reason::Allowed);
            assert_eq!(allowed.count(), 4, "{both}");
        }
    }
}

#[test]
fn a_report_beyond_all_bounds_is_charged() {
    for mode in ["strict", "leased, batch: 1"] {
        let store = Arc::new(Store::default());
        let engine = engine(&store, &hourly("a", 9, mode));
        let mut scratch = engine.scratch();
        let request = Request {
            path: Some(b"/"),
            charge: gatelet::Charge::Reserve,
            ..Request::default()
        };
        let ticket = engine.decide(&mut scratch, &request).ticket().unwrap();
        assert!(engine.report(ticket, u64::MAX));
        if mode == "strict" {
            assert_eq!(store.used("a"), gatelet::store::MAX_UNITS);
            assert_eq!(ask(&engine, 1, TAKE).0, Reason::QuotaExceeded);
        }
    }
}

#[test]
fn leased_units_are_spent_without_asking() {
    let store = Arc::new(Store::default());
    let engine = engine(
        &store,
        "  l: { by: [], window: { fixed: 1h }, limit: 100, store: { redis: leased, batch: 50 } }\n",
    );
    for _ in 0..100 {
        assert_eq!(ask(&engine, 1, TAKE).0, Reason::Allowed);
    }
    assert_eq!(
        ask(&engine, 1, TAKE),
        (Reason::QuotaExceeded, Some("window"), vec![0])
    );
    let questions = store.questions();
    assert!(questions <= 10, "{questions}");
    assert_eq!(store.used("l"), 100);
}

#[test]
fn while_the_store_is_away() {
    for (on_down, first, second) in [
        (
            "deny",
            (Reason::QuotaUnavailable, Some("store_down")),
            Reason::QuotaUnavailable,
        ),
        ("open", (Reason::Allowed, None), Reason::Allowed),
        (
            "share, share: 0.5",
            (Reason::Allowed, None),
            Reason::QuotaUnavailable,
        ),
    ] {
        for mode in ["strict", "leased"] {
            let store = Arc::new(Store::default());
            let engine = engine(
                &store,
                &format!(
                    "  s: {{ by: [], window: {{ fixed: 1h }}, limit: 6, store: {{ redis: {mode}, on_down: {on_down} }} }}\n"
                ),
            );
            store.down.store(true, Ordering::Relaxed);
            let (reason, detail, _) = ask(&engine, 3, TAKE);
            assert_eq!((reason, detail), first, "{mode} {on_down}");
            assert_eq!(ask(&engine, 3, TAKE).0, second, "{mode} {on_down}");
        }
    }
}

#[test]
fn reservations_and_what_is_under_way_are_settled_in_the_store() {
    let store = Arc::new(Store::default());
    let engine = engine(
        &store,
        "  units: { by: [], window: { fixed: 1h }, limit: 100, store: { redis: strict } }\n  busy: { by: [], concurrency: 2, store: { redis: strict } }\n",
    );
    let mut scratch = engine.scratch();
    let mut reserve = |charge| {
        let request = Request {
            path: Some(b"/"),
            cost: Some(10),
            charge,
            ..Request::default()
        };
        engine.decide(&mut scratch, &request).ticket().unwrap()
    };
    let first = reserve(gatelet::Charge::Reserve);
    assert_eq!((store.used("units"), store.used("busy")), (10, 1));
    assert!(engine.report(first, 3) && !engine.report(first, 0));
    assert_eq!((store.used("units"), store.used("busy")), (3, 0));
    let second = reserve(TAKE);
    assert_eq!((store.used("units"), store.used("busy")), (13, 1));
    assert!(engine.release(second));
    assert_eq!((store.used("units"), store.used("busy")), (13, 0));
}

#[test]
fn a_leased_decision_allocates_nothing() {
    let store = Arc::new(Store::default());
    let engine = engine(
        &store,
        "  l: { by: [principal, header.x-key], rate: 1000/s, burst: 1000, store: { redis: leased, batch: 500 } }\n",
    );
    let mut scratch = engine.scratch();
    let request = Request {
        path: Some(b"/"),
        ..Request::default()
    };
    assert!(engine.decide(&mut scratch, &request).allowed());
    let (allowed, count) = allocations(|| engine.decide(&mut scratch, &request).allowed());
    assert!(allowed);
    assert_eq!(count, 0);
}
