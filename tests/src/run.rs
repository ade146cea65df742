//! Runs a case through the engine, in every way that has to give the same answer.

use std::sync::Arc;

use gatelet::{
    Clock, Diagnostic, Engine, EngineConfig, LoadOptions, Policy, RequestBuf, Scratch, Severity,
    Source,
};
use serde_json::Value;

use crate::alloc::allocations;
use crate::case::{Case, ExpectedDiagnostic, Text, mismatches, request_json};

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
    if case.steps.is_empty() {
        return outcome;
    }
    let (expected, engine) = match engine(case, policy) {
        Ok(engine) => (decide_all(case, &engine, &mut outcome), engine),
        Err(problem) => {
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
    let mut sources: Vec<_> = case.sources.iter().map(source).collect();
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

fn engine(case: &Case, policy: Policy) -> Result<Engine, String> {
    let config = match &case.clock {
        None => EngineConfig::replay(),
        Some(at) => EngineConfig::default().with_clock(Arc::new(Standing(*at))),
    };
    Engine::new(policy, config).map_err(|error| error.to_string())
}

/// Decides every step with one engine; the answers as JSON, differences into the outcome.
fn decide_all(case: &Case, engine: &Engine, outcome: &mut Outcome) -> Vec<Value> {
    let mut scratch = engine.scratch();
    let mut answers = Vec::new();
    for (index, step) in case.steps.iter().enumerate() {
        let number = index + 1;
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
        // Before the decision: it charges, and explaining does not.
        let (explained, text_of_it) = explain(engine, &mut scratch, &request);
        let answer = decide(engine, &mut scratch, &request);
        let different = mismatches(expected, &answer);
        if !different.is_empty() {
            outcome.failures.push(format!(
                "step {number}: {}\n{text_of_it}",
                different.join("\n  ")
            ));
        }
        let text = |field: &str| answer.get(field).cloned().unwrap_or_default();
        outcome
            .reasons
            .extend(text("reason").as_str().map(str::to_owned));
        for field in [
            "effect", "reason", "detail", "rule", "source", "action", "path", "limit",
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

fn decide(engine: &Engine, scratch: &mut Scratch, request: &RequestBuf) -> Value {
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

/// After one decision of each request, no decision asks for memory.
fn count_allocations(case: &Case, engine: &Engine, outcome: &mut Outcome) {
    let requests = case
        .steps
        .iter()
        .map(|step| RequestBuf::from_json(request_json(case, step).as_bytes()));
    let requests: Vec<_> = requests.flatten().collect();
    let mut scratch = engine.scratch();
    for request in &requests {
        let view = request.view();
        let _ = engine.decide(&mut scratch, &view.request()).allowed();
    }
    for (index, request) in requests.iter().enumerate() {
        let view = request.view();
        let borrowed = view.request();
        let (_, count) = allocations(|| engine.decide(&mut scratch, &borrowed).allowed());
        if count > 0 {
            outcome.failures.push(format!(
                "request {}: decide allocates {count} times",
                index + 1
            ));
        }
    }
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
