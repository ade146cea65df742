//! Nothing that is printed holds a token's signature, an API key, a secret or a private key.
//!
//! Every case is decided and explained; answers, errors, and what `Debug` shows of engine, policy,
//! keys, requests and answers are searched for what the case holds in confidence.

use std::fmt::Debug;

use gatelet::{Engine, EngineConfig, LoadOptions, Policy, RequestBuf, Scratch, Source};
use gatelet_tests::case::{Case, folder, read_all, request_json};
use gatelet_tests::run::{between, keys};

/// Shorter texts are found everywhere.
const LEAST: usize = 9;

/// What must not be seen, and where it was.
struct Search<'c> {
    case: &'c Case,
    secrets: Vec<&'c str>,
    found: Vec<String>,
}

impl<'c> Search<'c> {
    fn new(case: &'c Case) -> Self {
        let mut secrets: Vec<&str> = case.secrets.iter().flat_map(|text| pieces(text)).collect();
        secrets.retain(|text| text.len() >= LEAST);
        secrets.sort_unstable();
        secrets.dedup();
        Self {
            case,
            secrets,
            found: Vec::new(),
        }
    }

    fn look(&mut self, place: &str, text: &str) {
        for secret in &self.secrets {
            if text.contains(secret) {
                let title = self.case.title();
                self.found
                    .push(format!("{title}: {place} holds {secret:?}"));
            }
        }
    }

    fn look_at(&mut self, place: &str, value: &impl Debug) {
        self.look(place, &format!("{value:?}"));
        self.look(place, &format!("{value:#?}"));
    }
}

/// Of a token the whole and the signature: header and claims are no secrets. Of an API key the whole
/// and what stands behind its id.
fn pieces(text: &str) -> Vec<&str> {
    let last = match text.split('.').collect::<Vec<_>>().as_slice() {
        [_, _, signature] => Some(*signature),
        _ => None,
    };
    let secret = text
        .strip_prefix("gtl_")
        .and_then(|rest| rest.rsplit('_').next());
    [Some(text), last, secret].into_iter().flatten().collect()
}

fn identity_cases() -> Vec<Case> {
    let cases = match read_all(&folder()) {
        Ok(cases) => cases,
        Err(problems) => panic!("{}", problems.join("\n")),
    };
    let of_identity = |case: &Case| case.file.starts_with("identity/");
    cases.into_iter().filter(of_identity).collect()
}

/// Decides and explains every request of a case, and searches whatever is said.
fn search(case: &Case, search: &mut Search<'_>) {
    let sources: Vec<_> = case
        .sources
        .iter()
        .map(|text| Source::new(&text.name, text.text.as_bytes()))
        .collect();
    let policy = match Policy::load_with(&sources, &LoadOptions::default()) {
        Ok(policy) => policy,
        Err(error) => return search.look("an error of the load", &error.to_string()),
    };
    search.look_at("a policy", &policy);
    search.look_at("needs", &policy.needs());
    let handed = keys(&case.keys);
    search.look_at("keys", &handed);
    let config = EngineConfig::replay().with_keys(handed);
    search.look_at("a configuration", &config);
    let engine = match Engine::new(policy, config) {
        Ok(engine) => engine,
        Err(error) => {
            search.look_at("an error of the install", &error);
            return search.look("an error of the install", &error.to_string());
        }
    };
    search.look_at("an engine", &engine);
    let mut scratch = engine.scratch();
    for step in &case.steps {
        if !step.asks() {
            let said = between(case, step, &engine).err().unwrap_or_default();
            search.look("an install", &said);
            search.look_at("revocations", &engine.revocations());
            continue;
        }
        let request = match RequestBuf::from_json(request_json(case, step).as_bytes()) {
            Ok(request) => request,
            Err(error) => {
                search.look("an error of a request", &error.to_string());
                continue;
            }
        };
        ask(&engine, &mut scratch, &request, search);
        search.look_at("a scratch", &scratch);
        search.look_at("an engine", &engine);
    }
    search.look_at("the keys in force", &engine.key_sets());
}

fn ask(engine: &Engine, scratch: &mut Scratch, request: &RequestBuf, search: &mut Search<'_>) {
    let view = request.view();
    let request = view.request();
    let explanation = engine.explain(scratch, &request);
    search.look_at("an explanation", &explanation);
    search.look("an explanation", &explanation.to_string());
    let written = serde_json::to_string(&explanation).unwrap_or_default();
    search.look("an explanation in JSON", &written);
    let decision = engine.decide(scratch, &request);
    let written = serde_json::to_string(&decision).unwrap_or_default();
    assert!(written.contains("\"reason\""), "{written}");
    search.look("a decision in JSON", &written);
    search.look_at("a decision", &decision);
}

#[test]
fn nothing_says_what_is_secret() {
    let cases = identity_cases();
    let (mut searched, mut found) = (0, Vec::new());
    for case in &cases {
        let mut of_case = Search::new(case);
        searched += of_case.secrets.len();
        search(case, &mut of_case);
        found.append(&mut of_case.found);
    }
    found.sort_unstable();
    found.dedup();
    println!("{} cases, {searched} secrets", cases.len());
    assert!(cases.len() >= 250 && searched >= 1_000, "{searched}");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_search_finds() {
    let cases = identity_cases();
    let holding = cases
        .iter()
        .find(|case| !Search::new(case).secrets.is_empty());
    let case = holding.unwrap_or_else(|| panic!("a case holds secrets"));
    let mut search = Search::new(case);
    let secret = search.secrets.first().copied().unwrap_or_default();
    search.look("here", &format!("x{secret}x"));
    assert_eq!(search.found.len(), 1);
}
