//! What `token::inspect` says of a token is what a decision says.

use gatelet::RequestBuf;
use gatelet::token::{Rules, inspect};
use gatelet_tests::case::{Case, Step, folder, read_all, request_json};
use gatelet_tests::run::{decide, ready};

/// What is known of a request and not of its token.
const OF_REQUESTS: &[&str] = &["unbound_certificate"];

/// Whether a case is about tokens in the field for them, and nothing happens between its requests.
fn is_about_tokens(case: &Case) -> bool {
    let alone = |step: &Step| {
        let field = |name: &str| step.request.as_ref().and_then(|request| request.get(name));
        let others = ["api_key", "peer", "approvals", "headers", "xfcc"];
        step.asks()
            && field("bearer").is_some_and(serde_json::Value::is_string)
            && others.iter().all(|other| field(other).is_none())
    };
    case.errors.is_empty()
        && case.refused.is_none()
        && case.clock.is_none()
        && case.file.starts_with("identity/")
        && !case.steps.is_empty()
        && case.steps.iter().all(alone)
        && !case
            .sources
            .iter()
            .any(|source| source.text.contains("try_next"))
}

#[test]
fn inspections_and_decisions_agree() {
    let cases = match read_all(&folder()) {
        Ok(cases) => cases,
        Err(problems) => panic!("{}", problems.join("\n")),
    };
    let (mut compared, mut different) = (0, Vec::new());
    for case in cases.iter().filter(|case| is_about_tokens(case)) {
        let engine = ready(case).unwrap_or_else(|problem| panic!("{}: {problem}", case.title()));
        let policy = engine.policy();
        let issuers: Vec<_> = Rules::of_policy(&policy).collect();
        let sets = engine.key_sets();
        for (index, step) in case.steps.iter().enumerate() {
            let request = RequestBuf::from_json(request_json(case, step).as_bytes());
            let request = request.unwrap_or_else(|error| panic!("{}: {error}", case.title()));
            let answer = decide(&engine, &mut engine.scratch(), &request);
            let view = request.view();
            let request = view.request();
            let (token, at) = (request.bearer.unwrap_or_default(), request.at.unwrap_or(0));
            let spoken_of = issuers.iter().position(|(_, rules)| rules.speak_of(token));
            let rules = issuers.get(spoken_of.unwrap_or(0)).map(|(_, rules)| rules);
            let Some(keys) = sets.get(spoken_of.unwrap_or(0)).cloned().flatten() else {
                continue;
            };
            let found = inspect(token, rules.unwrap_or(&Rules::new("")), &keys, at);
            let said = match (answer["reason"].as_str(), answer["detail"].as_str()) {
                (Some("credential_invalid"), detail) => detail,
                _ => None,
            };
            compared += 1;
            // One that speaks of no issuer is held against the first, of which the issuer is asked late.
            if spoken_of.is_none() && said == Some("wrong_issuer") {
                assert!(!found.accepted(), "{}", case.title());
                continue;
            }
            // An inspection is about one issuer: it does not know that the token is for another, too.
            let speak = issuers.iter().filter(|(_, rules)| rules.speak_of(token));
            if speak.count() > 1 && said == Some("wrong_audience") {
                continue;
            }
            let detail = found.detail();
            if detail != said && !said.is_some_and(|said| OF_REQUESTS.contains(&said)) {
                different.push(format!(
                    "{} step {}: {detail:?}, and {said:?}",
                    case.title(),
                    index + 1
                ));
            }
        }
    }
    assert!(compared > 400, "{compared}");
    assert!(different.is_empty(), "{}", different.join("\n"));
}
