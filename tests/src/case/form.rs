//! A case file as it is written, and the checks that it says something.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Case, Text};

/// A file: either one case, or several that share what stands beside `cases`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    about: String,
    policy: Option<String>,
    policies: Option<BTreeMap<String, String>>,
    file: Option<String>,
    values: Option<Values>,
    clock: Option<i64>,
    errors: Option<Vec<ExpectedDiagnostic>>,
    warnings: Option<Vec<ExpectedDiagnostic>>,
    steps: Option<Vec<Step>>,
    cases: Option<Vec<CaseForm>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseForm {
    name: String,
    policy: Option<String>,
    policies: Option<BTreeMap<String, String>>,
    file: Option<String>,
    values: Option<Values>,
    clock: Option<i64>,
    errors: Option<Vec<ExpectedDiagnostic>>,
    warnings: Option<Vec<ExpectedDiagnostic>>,
    steps: Option<Vec<Step>>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Named(BTreeMap<String, String>),
}

/// One request and what comes of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The request's time, RFC 3339 or milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Value>,
    /// The request, in the JSON shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Value>,
    /// The request as JSON text, where it is not well-formed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// What the decision holds; what is not named is not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Value>,
    /// The JSON is refused, and the message holds this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What is known of a diagnostic; what is not named is not compared.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedDiagnostic {
    /// `GL` and three digits.
    pub code: String,
    /// The source's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// A part of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// A part of the help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// The fields of a decision that a case may speak of.
const FIELDS: &[&str] = &[
    "effect",
    "allowed",
    "reason",
    "detail",
    "status",
    "rule",
    "source",
    "grant",
    "principal",
    "action",
    "path",
    "limit",
    "limits",
    "retry_after_ms",
    "ticket",
    "obligations",
    "headers",
    "strip",
    "shadow",
    "challenge",
    "policy",
];

/// Reads one file.
pub(super) fn parse(file: &str, text: &str, beside: &Path) -> Result<Vec<Case>, String> {
    let form: FileForm = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let shared = CaseForm {
        name: String::new(),
        policy: form.policy,
        policies: form.policies,
        file: form.file,
        values: form.values,
        clock: form.clock,
        errors: form.errors,
        warnings: form.warnings,
        steps: form.steps,
    };
    let Some(list) = form.cases else {
        return Ok(vec![case(file, &form.about, shared, None, beside)?]);
    };
    if shared.steps.is_some() || shared.errors.is_some() || shared.warnings.is_some() {
        return Err("steps, errors and warnings belong to the cases of the list".to_owned());
    }
    let mut names = BTreeSet::new();
    let cases = list.into_iter().map(|form_of_case| {
        if form_of_case.name.is_empty() || !names.insert(form_of_case.name.clone()) {
            return Err(format!(
                "the name {:?} is empty or stands twice",
                form_of_case.name
            ));
        }
        let name = form_of_case.name.clone();
        case(file, &form.about, form_of_case, Some(&shared), beside)
            .map_err(|problem| format!("{name}: {problem}"))
    });
    cases.collect()
}

fn case(
    file: &str,
    about: &str,
    form: CaseForm,
    shared: Option<&CaseForm>,
    beside: &Path,
) -> Result<Case, String> {
    let own = sources(&form, beside)?;
    let sources = match (own, shared) {
        (Some(own), _) => own,
        (None, Some(shared)) => sources(shared, beside)?.ok_or("there is no policy")?,
        (None, None) => return Err("there is no policy".to_owned()),
    };
    let values = form
        .values
        .clone()
        .or_else(|| shared.and_then(|shared| shared.values.clone()));
    let case = Case {
        file: file.to_owned(),
        name: form.name,
        about: about.to_owned(),
        sources,
        values: match values {
            None => Vec::new(),
            Some(Values::One(text)) => vec![Text {
                name: "values.yaml".to_owned(),
                text,
            }],
            Some(Values::Named(map)) => texts(map),
        },
        clock: form
            .clock
            .or_else(|| shared.and_then(|shared| shared.clock)),
        errors: form.errors.unwrap_or_default(),
        warnings: form.warnings.unwrap_or_default(),
        steps: form.steps.unwrap_or_default(),
    };
    check(&case)?;
    Ok(case)
}

fn sources(form: &CaseForm, beside: &Path) -> Result<Option<Vec<Text>>, String> {
    match (&form.policy, &form.policies, &form.file) {
        (None, None, None) => Ok(None),
        (Some(text), None, None) => Ok(Some(vec![Text {
            name: "policy.yaml".to_owned(),
            text: text.clone(),
        }])),
        (None, Some(map), None) => Ok(Some(texts(map.clone()))),
        (None, None, Some(file)) => {
            let text = fs::read_to_string(beside.join(file))
                .map_err(|error| format!("{file}: {error}"))?;
            let name = file.rsplit('/').next().unwrap_or(file).to_owned();
            Ok(Some(vec![Text { name, text }]))
        }
        _ => Err("one of policy, policies, file".to_owned()),
    }
}

fn texts(map: BTreeMap<String, String>) -> Vec<Text> {
    map.into_iter()
        .map(|(name, text)| Text { name, text })
        .collect()
}

/// That the case expects something, and in words that exist.
fn check(case: &Case) -> Result<(), String> {
    if case.errors.is_empty() && case.warnings.is_empty() && case.steps.is_empty() {
        return Err("it expects nothing".to_owned());
    }
    let goes_on = !case.steps.is_empty() || !case.warnings.is_empty();
    if goes_on && !case.errors.is_empty() {
        return Err("a policy that does not load has neither steps nor warnings".to_owned());
    }
    for (number, step) in case.steps.iter().enumerate() {
        let problem = |text: &str| Err(format!("step {}: {text}", number + 1));
        if step.request.is_some() == step.raw.is_some() {
            return problem("one of request, raw");
        }
        match (&step.expect, &step.error) {
            (Some(Value::Object(fields)), None) => {
                if let Some(field) = fields
                    .keys()
                    .find(|field| !FIELDS.contains(&field.as_str()))
                {
                    return problem(&format!("a decision has no field {field:?}"));
                }
                if !fields.contains_key("effect") && !fields.contains_key("reason") {
                    return problem("expect names neither effect nor reason");
                }
            }
            (None, Some(_)) => {}
            _ => return problem("one of expect (a mapping), error"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::parse;

    #[test]
    fn what_says_nothing_is_refused() {
        let table = [
            ("about: x\npolicy: p\n", "expects nothing"),
            (
                "about: x\nsteps: [{ request: {}, expect: { effect: deny } }]\n",
                "no policy",
            ),
            (
                "about: x\npolicy: p\nsteps: [{ request: {} }]\n",
                "one of expect",
            ),
            (
                "about: x\npolicy: p\nsteps: [{ request: {}, expect: {} }]\n",
                "neither effect nor reason",
            ),
            (
                "about: x\npolicy: p\nsteps: [{ expect: { effect: deny } }]\n",
                "one of request, raw",
            ),
            (
                "about: x\npolicy: p\nsteps: [{ request: {}, expect: { efect: deny } }]\n",
                "no field",
            ),
            ("about: x\npolicy: p\nstep: []\n", "unknown field"),
            (
                "about: x\npolicy: p\nfile: q\nerrors: [{ code: GL001 }]\n",
                "one of policy",
            ),
            (
                "about: x\npolicy: p\nerrors: [{ code: GL001, lines: 1 }]\n",
                "unknown field",
            ),
            (
                "about: x\npolicy: p\ncases: [{ name: a, errors: [{ code: GL001 }] }, { name: a, errors: [{ code: GL001 }] }]\n",
                "twice",
            ),
        ];
        for (text, problem) in table {
            let found = parse("x.yaml", text, Path::new("."))
                .err()
                .unwrap_or_default();
            assert!(
                found.contains(problem),
                "{text}: {found:?} does not hold {problem:?}"
            );
        }
    }
}
