//! A case file as it is written, and the checks that it says something.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::keys::{self, KeyForms};
use super::step::{self, StepForm};
use super::{Case, Text};
use crate::mint::Bases;

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
    refused: Option<String>,
    rereads: Option<bool>,
    keys: Option<KeyForms>,
    /// Mints by name, for `base`.
    tokens: Option<Bases>,
    /// What every request holds that does not say otherwise.
    request: Option<Value>,
    steps: Option<Vec<StepForm>>,
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
    refused: Option<String>,
    rereads: Option<bool>,
    keys: Option<KeyForms>,
    steps: Option<Vec<StepForm>>,
}

/// What the cases of one file have in common.
struct Shared {
    about: String,
    case: CaseForm,
    tokens: Bases,
    request: Option<Value>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Named(BTreeMap<String, String>),
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

/// Reads one file.
pub(super) fn parse(file: &str, text: &str, beside: &Path) -> Result<Vec<Case>, String> {
    let form: FileForm = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let shared = Shared {
        about: form.about,
        tokens: form.tokens.unwrap_or_default(),
        request: form.request,
        case: CaseForm {
            name: String::new(),
            policy: form.policy,
            policies: form.policies,
            file: form.file,
            values: form.values,
            clock: form.clock,
            errors: form.errors,
            warnings: form.warnings,
            refused: form.refused,
            rereads: form.rereads,
            keys: form.keys,
            steps: form.steps,
        },
    };
    let place = Place { file, beside };
    let Some(list) = form.cases else {
        return Ok(vec![place.case(&shared, &shared.case)?]);
    };
    let common = &shared.case;
    let expects = [
        common.errors.is_some(),
        common.warnings.is_some(),
        common.refused.is_some(),
    ];
    if common.steps.is_some() || expects.contains(&true) {
        return Err("steps, errors, warnings, refused belong to the cases of the list".to_owned());
    }
    let mut names = BTreeSet::new();
    let cases = list.iter().map(|form| {
        if form.name.is_empty() || !names.insert(form.name.as_str()) {
            return Err(format!("the name {:?} is empty or stands twice", form.name));
        }
        place
            .case(&shared, form)
            .map_err(|problem| format!("{}: {problem}", form.name))
    });
    cases.collect()
}

/// Where a case stands.
struct Place<'a> {
    file: &'a str,
    beside: &'a Path,
}

impl Place<'_> {
    fn case(&self, shared: &Shared, form: &CaseForm) -> Result<Case, String> {
        let common = &shared.case;
        let sources = match sources(form, self.beside)? {
            Some(own) => own,
            None => sources(common, self.beside)?.ok_or("there is no policy")?,
        };
        let mut secrets = Vec::new();
        let keys = keys::resolve(common.keys.as_ref(), form.keys.as_ref(), &mut secrets)?;
        let steps = form
            .steps
            .iter()
            .flatten()
            .enumerate()
            .map(|(index, step)| {
                let every = shared.request.as_ref();
                step::ready(step.clone(), every, &shared.tokens, &mut secrets)
                    .map_err(|problem| format!("step {}: {problem}", index + 1))
            });
        let case = Case {
            file: self.file.to_owned(),
            name: form.name.clone(),
            about: shared.about.clone(),
            sources,
            values: match form.values.clone().or_else(|| common.values.clone()) {
                None => Vec::new(),
                Some(Values::One(text)) => vec![Text {
                    name: "values.yaml".to_owned(),
                    text,
                }],
                Some(Values::Named(map)) => texts(map),
            },
            keys,
            clock: form.clock.or(common.clock),
            errors: form.errors.clone().unwrap_or_default(),
            warnings: form.warnings.clone().unwrap_or_default(),
            refused: form.refused.clone(),
            rereads: form.rereads.or(common.rereads).unwrap_or_default(),
            steps: steps.collect::<Result<_, _>>()?,
            secrets,
        };
        check(&case)?;
        Ok(case)
    }
}

fn sources(form: &CaseForm, beside: &Path) -> Result<Option<Vec<Text>>, String> {
    let Some(file) = &form.file else {
        return named(form.policy.clone(), form.policies.clone());
    };
    if form.policy.is_some() || form.policies.is_some() {
        return Err("one of policy, policies, file".to_owned());
    }
    let text = fs::read_to_string(beside.join(file)).map_err(|error| format!("{file}: {error}"))?;
    let name = file.rsplit('/').next().unwrap_or(file).to_owned();
    Ok(Some(vec![Text { name, text }]))
}

/// The source `policy.yaml`, or several under their names.
pub(super) fn named(
    one: Option<String>,
    several: Option<BTreeMap<String, String>>,
) -> Result<Option<Vec<Text>>, String> {
    match (one, several) {
        (Some(text), None) => Ok(Some(vec![Text {
            name: "policy.yaml".to_owned(),
            text,
        }])),
        (None, several) => Ok(several.map(texts)),
        _ => Err("one of policy, policies, file".to_owned()),
    }
}

fn texts(map: BTreeMap<String, String>) -> Vec<Text> {
    map.into_iter()
        .map(|(name, text)| Text { name, text })
        .collect()
}

/// That the case expects something.
fn check(case: &Case) -> Result<(), String> {
    let loads = !case.steps.is_empty() || !case.warnings.is_empty() || case.refused.is_some();
    if case.errors.is_empty() && !loads {
        return Err("it expects nothing".to_owned());
    }
    if loads && !case.errors.is_empty() {
        return Err("a policy that does not load has no more to expect".to_owned());
    }
    if case.refused.is_some() && !case.steps.is_empty() {
        return Err("an engine that is refused decides no steps".to_owned());
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
                "one of request, raw, install, revoke",
            ),
            (
                "about: x\npolicy: p\nsteps: [{ request: {}, expect: { efect: deny } }]\n",
                "no field",
            ),
            ("about: x\npolicy: p\nstep: []\n", "unknown field"),
            (
                "about: x\npolicy: p\nsteps: [{ install: {} }]\n",
                "without policy and keys",
            ),
            (
                "about: x\npolicy: p\nsteps: [{ revoke: { of: a, jti: b }, expect: { effect: deny } }]\n",
                "expects no decision",
            ),
            (
                "about: x\npolicy: p\nkeys: { a: { jwks: [nobody] } }\nsteps: [{ revoke: { of: a, jti: b } }]\n",
                "keys: a: key nobody",
            ),
            (
                "about: x\npolicy: p\nsteps: [{ request: { bearer: { mint: { base: a } } }, expect: { effect: deny } }]\n",
                "step 1: mint: there is no token",
            ),
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
