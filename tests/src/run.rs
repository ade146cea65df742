//! Runs a case through the engine, in every way that has to give the same answer.

use std::sync::Arc;

use gatelet::{
    Clock, Diagnostic, Engine, EngineConfig, Keys, LoadOptions, Origin, Policy, Reason, RequestBuf,
    Revocation, Scratch, Severity, Source,
};
use serde_json::Value;

use crate::alloc::allocations;
use crate::case::{Case, ExpectedDiagnostic, Install, Step, Text, mismatches, request_json};

/// A clock that stands.
#[derive(Debug)]
pub struct Standing(pub i64);

impl Clock for Standing {
    fn wall_ms(&self) -> i64 {
        self.0
    }
}

/// What came of a case.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Each line one difference; empty where all is as expected.
    pub failures: Vec<String>,
    /// Reasons that the decisions gave.
    pub reasons: Vec<String>,
    /// Codes of the diagnostics that the load gave.
    pub codes: Vec<String>,
}

/// Runs the case.
#[must_use]
pub fn run(case: &Case) -> Outcome {
    let mut outcome = Outcome::default();
    let policy = match load(case, false) {
        Ok(policy) => policy,
        Err(diagnostics) => {
            outcome
                .codes
                .extend(diagnostics.iter().map(|found| found.code().to_string()));
            compare_diagnostics(
                "error",
                &case.errors,
                &of_severity(&diagnostics, Severity::Error),
                &mut outcome,
            );
            return outcome;
        }
    };
    if !case.errors.is_empty() {
        outcome
            .failures
            .push(format!("it loads, expected {:?}", case.errors));
        return outcome;
    }
    let warnings: Vec<_> = policy.warnings().iter().collect();
    outcome
        .codes
        .extend(warnings.iter().map(|found| found.code().to_string()));
    compare_diagnostics("warning", &case.warnings, &warnings, &mut outcome);
    let (expected, engine) = match (engine(case, policy), &case.refused) {
        (Ok(engine), None) => (decide_all(case, &engine, &mut outcome), engine),
        (Err(problem), Some(part)) if problem.contains(part.as_str()) => return outcome,
        (made, part) => {
            let made = made.err();
            let problem = format!("the engine is refused: {made:?}, expected {part:?}");
            outcome.failures.push(problem);
            return outcome;
        }
    };
    for (what, reversed) in [("loaded again", false), ("sources reversed", true)] {
        let again = load(case, reversed).map_err(|_| "does not load".to_owned());
        match again.and_then(|policy| self::engine(case, policy)) {
            Ok(engine) => {
                let got = decide_all(case, &engine, &mut Outcome::default());
                if got != expected {
                    outcome
                        .failures
                        .push(format!("{what}: {got:?}\n  instead of {expected:?}"));
                }
            }
            Err(problem) => outcome.failures.push(format!("{what}: {problem}")),
        }
    }
    count_allocations(case, &engine, &mut outcome);
    outcome
}

fn load(case: &Case, reversed: bool) -> Result<Policy, Vec<Diagnostic>> {
    load_sources(case, &case.sources, reversed)
}

fn load_sources(case: &Case, sources: &[Text], reversed: bool) -> Result<Policy, Vec<Diagnostic>> {
    let mut sources: Vec<_> = sources.iter().map(source).collect();
    let mut values: Vec<_> = case.values.iter().map(source).collect();
    if reversed {
        sources.reverse();
        values.reverse();
    }
    let options = LoadOptions {
        values: &values,
        ..LoadOptions::default()
    };
    Policy::load_with(&sources, &options).map_err(|error| error.diagnostics().to_vec())
}

fn source(text: &Text) -> Source<'_> {
    Source::new(&text.name, text.text.as_bytes())
}

/// An engine with the policy and the keys of a case.
///
/// # Errors
/// The policy does not load, or is not installed.
pub fn ready(case: &Case) -> Result<Engine, String> {
    let policy = load(case, false).map_err(|problems| format!("{problems:?}"))?;
    engine(case, policy)
}

fn engine(case: &Case, policy: Policy) -> Result<Engine, String> {
    let config = match &case.clock {
        None => EngineConfig::replay(),
        Some(at) => EngineConfig::default().with_clock(Arc::new(Standing(*at))),
    };
    Engine::new(policy, config.with_keys(keys(&case.keys))).map_err(|error| error.to_string())
}

/// Documents by origin: a file, `env:NAME`, a URL, `discovery:ISSUER`.
#[must_use]
pub fn keys(documents: &[Text]) -> Keys {
    documents.iter().fold(Keys::new(), |keys, document| {
        let name = document.name.as_str();
        let origin = match name.split_once(':') {
            Some(("env", name)) => Origin::environment(name),
            Some(("discovery", issuer)) => Origin::discovery(issuer),
            Some(("http" | "https", _)) => Origin::url(name),
            _ => Origin::file(name),
        };
        keys.with(origin, document.text.as_bytes())
    })
}

/// What happens between requests.
///
/// # Errors
/// What came of it is not what the step expects.
pub fn between(case: &Case, step: &Step, engine: &Engine) -> Result<(), String> {
    if let Some(revoke) = &step.revoke {
        let provider = revoke.of.as_str().into();
        engine.revoke(match (&revoke.jti, &revoke.sub, revoke.issued_before) {
            (Some(jti), ..) => Revocation::Token {
                provider,
                jti: jti.as_str().into(),
            },
            (_, Some(id), _) => Revocation::Subject {
                provider,
                id: id.as_str().into(),
            },
            (.., before) => Revocation::Issuer {
                provider,
                issued_before: before.unwrap_or(0),
            },
        });
    }
    let installed = step
        .install
        .as_ref()
        .map_or(Ok(()), |install| put(case, install, engine));
    match (installed, &step.error) {
        (Ok(()), None) => Ok(()),
        (Err(problem), Some(part)) if problem.contains(part.as_str()) => Ok(()),
        (installed, part) => Err(format!("the install: {installed:?}, expected {part:?}")),
    }
}

/// The keys first, so that the policy finds them.
fn put(case: &Case, install: &Install, engine: &Engine) -> Result<(), String> {
    if !install.keys.is_empty() {
        let report = engine.install_keys(keys(&install.keys));
        report.map_err(|error| error.to_string())?;
    }
    if install.sources.is_empty() {
        return Ok(());
    }
    let policy = load_sources(case, &install.sources, false);
    let policy = policy.map_err(|problems| format!("{problems:?}"))?;
    engine.install(policy).map_err(|error| error.to_string())
}

/// Decides every step with one engine; the answers as JSON, differences into the outcome.
fn decide_all(case: &Case, engine: &Engine, outcome: &mut Outcome) -> Vec<Value> {
    let mut scratch = engine.scratch();
    let mut answers = Vec::new();
    for (index, step) in case.steps.iter().enumerate() {
        let number = index + 1;
        if !step.asks() {
            let problem = between(case, step, engine).err();
            outcome
                .failures
                .extend(problem.map(|problem| format!("step {number}: {problem}")));
            continue;
        }
        let request = RequestBuf::from_json(request_json(case, step).as_bytes());
        let (request, expected) = match (request, &step.expect, &step.error) {
            (Ok(request), Some(expected), _) => (request, expected),
            (Err(error), _, Some(part)) if error.to_string().contains(part.as_str()) => continue,
            (Ok(_), None, part) => {
                outcome.failures.push(format!(
                    "step {number}: the request is read, expected the error {part:?}"
                ));
                continue;
            }
            (Err(error), _, part) => {
                outcome
                    .failures
                    .push(format!("step {number}: {error}, expected {part:?}"));
                continue;
            }
        };
        // First, because it uses up nothing.
        let (explained, text) = explain(engine, &mut scratch, &request);
        let answer = decide(engine, &mut scratch, &request);
        let different = mismatches(expected, &answer);
        if !different.is_empty() {
            outcome
                .failures
                .push(format!("step {number}: {}\n{text}", different.join("\n  ")));
        }
        let text = |field: &str| answer.get(field).cloned().unwrap_or_default();
        outcome
            .reasons
            .extend(text("reason").as_str().map(str::to_owned));
        for field in [
            "effect", "reason", "detail", "rule", "source", "action", "path",
        ] {
            if explained.get(field) != answer.get(field) {
                let said = explained.get(field);
                outcome.failures.push(format!(
                    "step {number}: explain says {field} {said:?}, decide {}",
                    text(field)
                ));
            }
        }
        answers.push(answer);
    }
    answers
}

/// A decision as JSON.
pub fn decide(engine: &Engine, scratch: &mut Scratch, request: &RequestBuf) -> Value {
    let view = request.view();
    let request = view.request();
    let decision = engine.decide(scratch, &request);
    serde_json::to_value(decision).unwrap_or_default()
}

/// What `explain` says, as JSON and as text.
fn explain(engine: &Engine, scratch: &mut Scratch, request: &RequestBuf) -> (Value, String) {
    let view = request.view();
    let explanation = engine.explain(scratch, &view.request());
    (
        serde_json::to_value(&explanation).unwrap_or_default(),
        explanation.to_string(),
    )
}

/// After one decision of each request, no decision asks for memory; but a credential that was refused is read
/// again each time.
fn count_allocations(case: &Case, engine: &Engine, outcome: &mut Outcome) {
    let asking = case.steps.iter().filter(|step| step.asks());
    let requests = asking.map(|step| RequestBuf::from_json(request_json(case, step).as_bytes()));
    let requests: Vec<_> = requests.flatten().collect();
    let mut scratch = engine.scratch();
    for request in &requests {
        let view = request.view();
        let _ = engine.decide(&mut scratch, &view.request()).allowed();
    }
    for (index, request) in requests.iter().enumerate() {
        let view = request.view();
        let borrowed = view.request();
        let (reason, count) = allocations(|| engine.decide(&mut scratch, &borrowed).reason());
        if count > 0 && !is_read_again(case, reason) {
            outcome.failures.push(format!(
                "request {}: decide allocates {count} times",
                index + 1
            ));
        }
    }
}

fn is_read_again(case: &Case, reason: Reason) -> bool {
    let refused = [
        Reason::CredentialInvalid,
        Reason::IdentityUnavailable,
        Reason::ApprovalRequired,
    ];
    case.rereads || refused.contains(&reason)
}

fn of_severity(diagnostics: &[Diagnostic], severity: Severity) -> Vec<&Diagnostic> {
    diagnostics
        .iter()
        .filter(|found| found.severity() == severity)
        .collect()
}

fn compare_diagnostics(
    what: &str,
    expected: &[ExpectedDiagnostic],
    found: &[&Diagnostic],
    outcome: &mut Outcome,
) {
    for (index, expected) in expected.iter().enumerate() {
        match found.get(index) {
            Some(found) if matches(expected, found) => {}
            Some(found) => outcome.failures.push(format!(
                "{what} {}: expected {}, got\n{}",
                index + 1,
                serde_json::to_string(expected).unwrap_or_default(),
                found.render(false)
            )),
            None => outcome.failures.push(format!(
                "{what} {} is missing: {}",
                index + 1,
                serde_json::to_string(expected).unwrap_or_default()
            )),
        }
    }
    for unexpected in found.iter().skip(expected.len()) {
        let (line, column) = (
            unexpected.line().unwrap_or(0),
            unexpected.column().unwrap_or(0),
        );
        let rendered = unexpected.render(false);
        outcome.failures.push(format!(
            "unexpected {what} {} at {line}:{column}\n{rendered}",
            unexpected.code()
        ));
    }
}

fn matches(expected: &ExpectedDiagnostic, found: &Diagnostic) -> bool {
    let holds = |part: &Option<String>, whole: &str| {
        part.as_ref()
            .is_none_or(|part| whole.contains(part.as_str()))
    };
    expected.code == found.code().to_string()
        && expected
            .file
            .as_deref()
            .is_none_or(|file| found.file() == Some(file))
        && expected.line.is_none_or(|line| found.line() == Some(line))
        && expected
            .column
            .is_none_or(|column| found.column() == Some(column))
        && holds(&expected.message, found.message())
        && holds(&expected.help, found.help_text().unwrap_or_default())
}
