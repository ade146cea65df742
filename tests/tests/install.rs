//! Installs under load: every decision is explained by exactly one of the policies.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use gatelet::{Effect, Engine, EngineConfig, Policy, Request, Source};

const INSTALLS: usize = 10_000;

/// Opposite answers for everything, so that a mixture of both would show.
const POLICIES: [(&str, [Effect; 2]); 2] = [
    (
        "gatelet: 1\nrules:\n  left: { effect: allow, match: { path: \"/left/{x}\", who: anyone } }\n  \
         right: { effect: deny, match: { path: \"/right/{**}\" } }\non_allow: { headers: { x-by: { value: first } } }\n",
        [Effect::Allow, Effect::Deny],
    ),
    (
        "gatelet: 1\nrules:\n  no: { effect: deny, match: { path: \"/{side}/{x}\", not: { path: \"/right/{**}\" } } }\n  \
         yes: { effect: allow, match: { path: \"/{**}\", who: anyone } }\non_allow: { headers: { x-by: { value: second } } }\n",
        [Effect::Deny, Effect::Allow],
    ),
];

/// The rule and the header that each policy gives, by policy and path.
const RULES: [[&str; 2]; 2] = [["left", "right"], ["no", "yes"]];
const HEADERS: [&[u8]; 2] = [b"first", b"second"];

fn load(number: usize) -> Policy {
    let text = POLICIES[number].0;
    Policy::load(&[Source::new("policy.yaml", text.as_bytes())])
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_decision_is_explained_by_one_policy() {
    let digests = [load(0).digest().to_owned(), load(1).digest().to_owned()];
    assert_ne!(digests[0], digests[1]);
    let engine = Engine::new(load(0), EngineConfig::default()).unwrap();
    let finished = AtomicBool::new(false);
    let counts = [AtomicU64::new(0), AtomicU64::new(0)];
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| decide_until(&engine, &finished, &digests, &counts));
        }
        for install in 0..INSTALLS {
            engine.install(load((install + 1) % 2)).unwrap();
        }
        finished.store(true, Ordering::Release);
    });
    let [first, second] = counts.map(AtomicU64::into_inner);
    println!("{INSTALLS} installs; {first} and {second} decisions by the one and the other policy");
    assert!(first > 0 && second > 0, "{first} {second}");
}

fn decide_until(
    engine: &Engine,
    finished: &AtomicBool,
    digests: &[String; 2],
    counts: &[AtomicU64; 2],
) {
    let mut scratch = engine.scratch();
    // At least once after the last install.
    let mut is_last = false;
    while !is_last {
        is_last = finished.load(Ordering::Acquire);
        for (side, path) in [&b"/left/a"[..], b"/right/a"].into_iter().enumerate() {
            let request = Request {
                path: Some(path),
                ..Request::default()
            };
            let decision = engine.decide(&mut scratch, &request);
            let policy = digests
                .iter()
                .position(|digest| digest == decision.policy())
                .expect("a policy of the two");
            assert_eq!(decision.effect(), POLICIES[policy].1[side]);
            assert_eq!(decision.rule(), Some(RULES[policy][side]));
            if decision.allowed() {
                let values: Vec<_> = decision
                    .headers()
                    .map(|(_, value)| value.to_vec())
                    .collect();
                assert_eq!(values, [HEADERS[policy]]);
            }
            counts[policy].fetch_add(1, Ordering::Relaxed);
        }
    }
    let request = Request::default();
    let last = engine.decide(&mut scratch, &request);
    assert_eq!(
        last.policy(),
        digests[INSTALLS % 2],
        "the last install is what decides in the end"
    );
}

#[test]
fn a_scratch_of_another_engine_is_safe() {
    let engines = [0, 1].map(|number| Engine::new(load(number), EngineConfig::default()).unwrap());
    let mut scratch = engines[0].scratch();
    let request = Request {
        path: Some(b"/left/a"),
        ..Request::default()
    };
    for round in 0..10 {
        let which = round % 2;
        let decision = engines[which].decide(&mut scratch, &request);
        assert_eq!(decision.effect(), POLICIES[which].1[0]);
    }
}
