//! Every shared case, and that together they speak of every reason and every code.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::LazyLock;
use std::thread;

use gatelet::{Code, Reason};
use gatelet_tests::alloc::Counting;
use gatelet_tests::case::{Case, folder, read_all};
use gatelet_tests::run::{Outcome, run};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Reasons that no policy can bring about yet, each with what it waits for.
const REASONS_TO_COME: &[(Reason, &str)] = &[
    (Reason::QuotaExceeded, "limits"),
    (Reason::CostExceedsLimit, "limits"),
    (Reason::QuotaUnavailable, "limits"),
];

/// Codes that no case of text can bring about, each with the test that does.
const CODES_ELSEWHERE: &[(Code, &str)] = &[
    (Code::SOURCE_TOO_LONG, "hostile: one_hundred_megabytes"),
    (Code::NOT_UTF8, "hostile: text_that_is_none"),
    (
        Code::TOO_MANY_PROBLEMS,
        "hostile: more_problems_than_anybody_reads",
    ),
    (
        Code::DOCUMENT_TOO_LARGE,
        "hostile: more_than_the_engine_holds",
    ),
    (
        Code::HIERARCHY_TOO_LARGE,
        "hostile: more_than_the_engine_holds",
    ),
    (
        Code::TOO_MANY_BRANCHES,
        "hostile: more_than_the_engine_holds",
    ),
    (
        Code::TOO_MANY_METHODS,
        "hostile: more_than_the_engine_holds",
    ),
    (Code::TOO_MUCH_COPIED, "hostile: more_than_the_engine_holds"),
    (Code::TOO_MANY_LAYERS, "hostile: more_layers_than_bits"),
    (Code::DUPLICATE_SOURCE, "hostile: two_sources_of_one_name"),
    (
        Code::TOO_MANY_ISSUERS,
        "core: more_issuers_than_there_may_be",
    ),
    (Code::BAD_DIGEST, "core: key_file, no part of a policy"),
    (Code::TOO_MANY_KEYS, "core: key_file, no part of a policy"),
];

/// Codes that no policy of today can bring about, each with what it waits for.
const CODES_TO_COME: &[(Code, &str)] = &[
    (
        Code::PREDICATE_TOO_DEEP,
        "dialects that nest; `not` does not stand in `not`",
    ),
    (
        Code::TOO_MANY_RULES,
        "sources longer than 64 MiB in all; one load of them would take gigabytes",
    ),
];

/// Read once: signing the tokens of all takes its time.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| match read_all(&folder()) {
    Ok(cases) => cases,
    Err(problems) => panic!("{}", problems.join("\n")),
});

/// What came of each, in order, on as many threads as there are.
static OUTCOMES: LazyLock<Vec<Outcome>> = LazyLock::new(|| {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let run_all = |cases: &'static [Case]| cases.iter().map(run).collect::<Vec<_>>();
    thread::scope(|scope| {
        let parts = CASES.chunks(CASES.len().div_ceil(threads).max(1));
        let parts: Vec<_> = parts
            .map(|part| scope.spawn(move || run_all(part)))
            .collect();
        let join = |part: thread::ScopedJoinHandle<'_, Vec<Outcome>>| match part.join() {
            Ok(outcomes) => outcomes,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        parts.into_iter().flat_map(join).collect()
    })
});

fn cases() -> &'static [Case] {
    &CASES
}

#[test]
fn every_case() {
    let cases = cases();
    let mut failed = 0;
    for (case, outcome) in cases.iter().zip(&*OUTCOMES) {
        if !outcome.failures.is_empty() {
            failed += 1;
            println!(
                "FAILED {}\n  {}\n",
                case.title(),
                outcome.failures.join("\n  ")
            );
        }
    }
    let steps: usize = cases.iter().map(|case| case.steps.len()).sum();
    println!(
        "{} cases with {steps} requests, {failed} failed",
        cases.len()
    );
    assert_eq!(failed, 0, "of {} cases", cases.len());
}

#[test]
fn every_reason_and_every_code_has_a_case() {
    let (mut reasons, mut codes) = (BTreeSet::new(), BTreeSet::new());
    for outcome in &*OUTCOMES {
        reasons.extend(outcome.reasons.iter().cloned());
        codes.extend(outcome.codes.iter().cloned());
    }
    let mut problems = Vec::new();
    for reason in Reason::ALL {
        let excused = REASONS_TO_COME.iter().any(|(excused, _)| excused == reason);
        let found = reasons.contains(reason.as_str());
        if excused == found {
            problems.push(format!(
                "reason {reason}: excused {excused}, in a case {found}"
            ));
        }
    }
    for code in Code::all() {
        let excused = CODES_ELSEWHERE
            .iter()
            .chain(CODES_TO_COME)
            .any(|(excused, _)| *excused == code);
        let found = codes.contains(&code.to_string());
        if excused == found {
            problems.push(format!(
                "code {code} ({}): excused {excused}, in a case {found}",
                code.meaning()
            ));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Beside its controls, every case of an attack has a request that is refused, and says why.
#[test]
fn attacks_are_refused() {
    let cases = cases();
    let attacks = cases.iter().filter(|case| {
        case.file.starts_with("identity/attacks/") && !case.name.starts_with("control")
    });
    let (mut count, mut accepted) = (0, Vec::new());
    for case in attacks {
        count += 1;
        let refused = case.steps.iter().any(|step| {
            let expect = step.expect.as_ref().unwrap_or_default();
            expect["effect"] == "deny"
                || expect["reason"]
                    .as_str()
                    .is_some_and(|reason| reason != "allowed")
        });
        // What is harmless says so in a control, or changes between two requests.
        if !refused && case.steps.iter().all(|step| step.install.is_none()) {
            accepted.push(case.title());
        }
    }
    assert!(count >= 500, "{count} attacks");
    assert!(accepted.is_empty(), "{}", accepted.join("\n"));
}

#[test]
fn there_are_enough_of_them() {
    let count = cases().len();
    assert!(count >= 200, "{count} cases");
}
