//! A credential that is remembered is decided as one that is seen for the first time.

use gatelet::RequestBuf;
use gatelet_tests::case::{Case, Step, folder, read_all, request_json};
use gatelet_tests::run::{decide, ready};

/// Whether its requests are answered alike whenever and however often they are asked.
fn is_repeatable(case: &Case) -> bool {
    let counts_once = |text: &str| text.contains("single_use");
    case.errors.is_empty()
        && case.refused.is_none()
        && case.file.starts_with("identity/")
        && case.steps.iter().all(Step::asks)
        && !case.sources.iter().any(|source| counts_once(&source.text))
}

#[test]
fn cold_and_warm_are_alike() {
    let cases = match read_all(&folder()) {
        Ok(cases) => cases,
        Err(problems) => panic!("{}", problems.join("\n")),
    };
    let (mut compared, mut different) = (0, Vec::new());
    for case in cases.iter().filter(|case| is_repeatable(case)) {
        let engine = ready(case).unwrap_or_else(|problem| panic!("{}: {problem}", case.title()));
        let (mut one, mut other) = (engine.scratch(), engine.scratch());
        for (index, step) in case.steps.iter().enumerate() {
            let Ok(request) = RequestBuf::from_json(request_json(case, step).as_bytes()) else {
                continue;
            };
            // The other scratch has never met it, its engine has; then nobody has.
            let first = decide(&engine, &mut one, &request);
            let fresh = ready(case).unwrap_or_else(|problem| panic!("{problem}"));
            let again = [
                decide(&engine, &mut one, &request),
                decide(&engine, &mut other, &request),
                decide(&fresh, &mut fresh.scratch(), &request),
            ];
            compared += 1;
            if again.iter().any(|answer| *answer != first) {
                different.push(format!("{} step {}: {again:#?}", case.title(), index + 1));
            }
        }
    }
    assert!(compared > 500, "{compared}");
    assert!(different.is_empty(), "{}", different.join("\n"));
}
