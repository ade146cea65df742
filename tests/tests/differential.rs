//! The engine against the reference interpreter, on policies and requests at random.
//!
//! `GATELET_LONG=1` decides a million times, `GATELET_SEED=…` replays one seed.

use std::collections::BTreeMap;

use gatelet::{Engine, EngineConfig, Policy, RequestBuf, Source};
use gatelet_tests::model::render::{self, Lines, Rendered};
use gatelet_tests::model::{Answer, Model, Request, generate, reference};
use gatelet_tests::prng::Prng;
use serde_json::Value;

const SEEDS: &[u64] = &[1, 2, 3];
const REQUESTS_PER_POLICY: usize = 40;
/// One in so many decisions is explained too.
const EXPLAINED: usize = 16;
/// Every reason that the model can bring about comes up at least once in so many decisions.
const RAREST: usize = 1_000;
const REASONS: &[&str] = &[
    "allowed",
    "denied_by_rule",
    "not_permitted",
    "unauthenticated",
    "approval_required",
    "role_conflict",
    "indeterminate",
    "malformed_request",
];

#[test]
fn the_engine_agrees_with_the_reference() {
    let total: usize = if std::env::var_os("GATELET_LONG").is_some() {
        1_000_000
    } else {
        100_000
    };
    let seeds = Prng::seeds(SEEDS);
    let mut decided = 0;
    let mut reasons = BTreeMap::new();
    for seed in &seeds {
        let mut random = Prng::new(*seed);
        for _ in 0..total.div_ceil(seeds.len() * REQUESTS_PER_POLICY) {
            let model = generate::model(&mut random);
            let mut requests: Vec<_> = (0..REQUESTS_PER_POLICY)
                .map(|_| generate::request(&mut random, &model))
                .collect();
            // One engine sees time only go forward.
            requests.sort_by_key(Request::at);
            if let Some(request) = first_difference(&model, &requests, &mut reasons) {
                let (model, request) = shrink(model, request.clone());
                panic!("GATELET_SEED={seed}\n{}", report(&model, &request));
            }
            decided += requests.len();
        }
    }
    println!("{decided} decisions, no difference; {reasons:?}");
    assert!(decided >= total);
    for reason in REASONS {
        let count = reasons.get(*reason).copied().unwrap_or(0);
        assert!(count >= decided / RAREST, "{reason} came up {count} times");
    }
}

/// The first request on which the two differ.
fn first_difference<'r>(
    model: &Model,
    requests: &'r [Request],
    reasons: &mut BTreeMap<String, usize>,
) -> Option<&'r Request> {
    let (sources, lines) = render::policy(model);
    let engine = match engine(&sources) {
        Ok(engine) => engine,
        Err(problem) => panic!("{problem}\n{}", text(&sources)),
    };
    let mut scratch = engine.scratch();
    let mut differs = |(number, request): (usize, &Request)| {
        let json = render::request(request).to_string();
        let read = RequestBuf::from_json(json.as_bytes())
            .unwrap_or_else(|error| panic!("{error}: {json}"));
        let view = read.view();
        let borrowed = view.request();
        let decision = engine.decide(&mut scratch, &borrowed);
        let got = answer(&serde_json::to_value(decision).unwrap());
        *reasons.entry(got.reason.clone()).or_default() += 1;
        let explained = (number % EXPLAINED == 0).then(|| engine.explain(&mut scratch, &borrowed));
        let explains = explained.is_none_or(|told| {
            told.effect == got.effect && told.reason == got.reason && told.rule == got.rule
        });
        !explains || got != reference::decide(model, request, &lines)
    };
    requests
        .iter()
        .enumerate()
        .find(|&(number, request)| differs((number, request)))
        .map(|(_, request)| request)
}

fn engine(sources: &[Rendered]) -> Result<Engine, String> {
    let sources: Vec<_> = sources
        .iter()
        .map(|source| Source::new(&source.name, source.text.as_bytes()))
        .collect();
    let policy = Policy::load(&sources).map_err(|error| error.to_string())?;
    Engine::new(policy, EngineConfig::replay()).map_err(|error| error.to_string())
}

fn text(sources: &[Rendered]) -> String {
    sources
        .iter()
        .map(|source| format!("--- {}\n{}", source.name, source.text))
        .collect()
}

/// What of a decision is compared.
fn answer(decision: &Value) -> Answer {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let shadow = &decision["shadow"];
    let ids = decision["obligations"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|each| text(&each["id"]));
    Answer {
        effect: text(&decision["effect"]).unwrap_or_default(),
        reason: text(&decision["reason"]).unwrap_or_default(),
        rule: text(&decision["rule"]),
        source: text(&decision["source"]),
        action: text(&decision["action"]),
        obligations: ids.collect(),
        shadow: shadow.is_object().then(|| {
            let (effect, reason) = (text(&shadow["effect"]), text(&shadow["reason"]));
            (
                effect.unwrap_or_default(),
                reason.unwrap_or_default(),
                text(&shadow["rule"]),
            )
        }),
    }
}

/// Drops what the difference does not need, piece by piece.
fn shrink(mut model: Model, request: Request) -> (Model, Request) {
    let differs = |model: &Model| {
        let (sources, _) = render::policy(model);
        engine(&sources).is_ok()
            && first_difference(model, std::slice::from_ref(&request), &mut BTreeMap::new())
                .is_some()
    };
    if !differs(&model) {
        // It takes the requests before it.
        return (model, request);
    }
    while let Some(smaller) = model.smaller().into_iter().find(|smaller| differs(smaller)) {
        model = smaller;
    }
    (model, request)
}

fn report(model: &Model, request: &Request) -> String {
    let (sources, lines): (_, Lines) = render::policy(model);
    let json = render::request(request);
    let expected = reference::decide(model, request, &lines);
    let explained = engine(&sources).map(|engine| {
        let read = RequestBuf::from_json(json.to_string().as_bytes()).unwrap();
        let (view, mut scratch) = (read.view(), engine.scratch());
        let borrowed = view.request();
        let got = answer(&serde_json::to_value(engine.decide(&mut scratch, &borrowed)).unwrap());
        format!(
            "engine:    {got:?}\n{}",
            engine.explain(&mut scratch, &borrowed)
        )
    });
    format!(
        "{}\nrequest: {json}\nreference: {expected:?}\n{}",
        text(&sources),
        explained.unwrap_or_else(|error| error)
    )
}
