//! `gatelet check`: every problem of a policy at once.

use std::io::{self, Write};

use gatelet::{Diagnostic, Engine, EngineConfig, Keys, Policy, Severity};
use gatelet_io::PolicyText;
use serde::Serialize;

use crate::args::{Check, TextFormat};
use crate::failure::{Failure, Outcome};
use crate::terminal::{self, wants_color};
use crate::{json, policy};

/// How much of a digest a person compares.
const DIGEST_SHOWN: usize = 12;

#[derive(Serialize)]
struct Report {
    ok: bool,
    files: usize,
    errors: usize,
    warnings: usize,
    diagnostics: Vec<Diagnostic>,
    /// What is wrong with keys and secrets.
    keys: Outside,
    policy: Option<Summary>,
}

#[derive(Serialize)]
struct Summary {
    rules: usize,
    roles: usize,
    grants: usize,
    digest: String,
}

/// What a policy needs from outside, held against what is there.
#[derive(Default, Serialize)]
struct Outside {
    /// For want of which no engine takes the policy.
    errors: Vec<String>,
    /// Keys that are left out or suspicious.
    warnings: Vec<String>,
}

pub(crate) fn run(arguments: &Check) -> Result<Outcome, Failure> {
    let text = policy::read(&arguments.files, &arguments.values)?;
    let (diagnostics, summary, keys) = match text.load() {
        Err(error) => (error.diagnostics().to_vec(), None, Outside::default()),
        Ok(policy) => {
            let (warnings, summary) = (policy.warnings().to_vec(), summary(&policy));
            let keys = if arguments.without_keys {
                Outside::default()
            } else {
                outside(&text, policy)
            };
            (warnings, Some(summary), keys)
        }
    };
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity() == Severity::Error)
        .count();
    let report = Report {
        ok: summary.is_some() && keys.errors.is_empty(),
        files: text.paths().count(),
        errors: errors + keys.errors.len(),
        warnings: diagnostics.len() - errors + keys.warnings.len(),
        diagnostics,
        keys,
        policy: summary,
    };
    let mut out = io::stdout().lock();
    match arguments.format {
        TextFormat::Json => json::write_line(&mut out, &report)?,
        TextFormat::Human => report.print(&mut out)?,
    }
    out.flush()?;
    Ok(if report.ok {
        Outcome::Clean
    } else {
        Outcome::Problems
    })
}

fn summary(policy: &Policy) -> Summary {
    let counts = policy.counts();
    Summary {
        rules: counts.rules,
        roles: counts.roles,
        grants: counts.grants,
        digest: policy.digest().to_owned(),
    }
}

/// Reads what the policy needs, and sees whether an engine takes it.
fn outside(text: &PolicyText, policy: Policy) -> Outside {
    let refused = |errors: Vec<String>| Outside {
        errors,
        ..Outside::default()
    };
    let keys = match text.keys(&policy) {
        Ok(keys) => keys,
        Err(unavailable) => {
            return refused(unavailable.iter().map(ToString::to_string).collect());
        }
    };
    let engine = Engine::new(policy, EngineConfig::replay().with_keys(keys));
    let report = engine.and_then(|engine| engine.install_keys(Keys::new()));
    match report {
        Err(error) => refused(vec![error.to_string()]),
        Ok(report) => Outside {
            warnings: report.skipped().iter().map(ToString::to_string).collect(),
            ..Outside::default()
        },
    }
}

impl Report {
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let color = wants_color(&io::stdout());
        for diagnostic in &self.diagnostics {
            writeln!(out, "{}\n", diagnostic.render(color).trim_end())?;
        }
        for (what, problems) in [
            ("error", &self.keys.errors),
            ("warning", &self.keys.warnings),
        ] {
            for problem in problems {
                writeln!(out, "{what}: {}\n", terminal::lines(problem))?;
            }
        }
        let files = count(self.files, "file");
        let found = [(self.errors, "error"), (self.warnings, "warning")];
        let found = found.into_iter().filter(|(number, _)| *number > 0);
        let found: Vec<_> = found.map(|(number, noun)| count(number, noun)).collect();
        if !found.is_empty() {
            writeln!(out, "{} in {files}", found.join(", "))?;
        }
        let Some(policy) = self.policy.as_ref().filter(|_| self.ok) else {
            return Ok(());
        };
        writeln!(
            out,
            "ok: {files}, {}, {}, {}, policy {}",
            count(policy.rules, "rule"),
            count(policy.roles, "role"),
            count(policy.grants, "grant"),
            policy.digest.get(..DIGEST_SHOWN).unwrap_or(&policy.digest),
        )
    }
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
