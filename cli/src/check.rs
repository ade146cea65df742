//! `gatelet check`: every problem of a policy at once.

use std::io::{self, Write};

use gatelet::{Diagnostic, Policy, Severity};
use serde::Serialize;

use crate::args::{Check, TextFormat};
use crate::failure::{Failure, Outcome};
use crate::json;
use crate::policy;
use crate::terminal::wants_color;

/// How much of a digest a person compares.
const DIGEST_SHOWN: usize = 12;

#[derive(Serialize)]
struct Report<'r> {
    ok: bool,
    files: usize,
    errors: usize,
    warnings: usize,
    diagnostics: &'r [Diagnostic],
    policy: Option<Summary<'r>>,
}

#[derive(Serialize)]
struct Summary<'r> {
    rules: usize,
    roles: usize,
    grants: usize,
    digest: &'r str,
}

pub(crate) fn run(arguments: &Check) -> Result<Outcome, Failure> {
    let text = policy::read(&arguments.files, &arguments.values)?;
    let loaded = text.load();
    let (diagnostics, policy) = match &loaded {
        Ok(policy) => (policy.warnings(), Some(summary(policy))),
        Err(error) => (error.diagnostics(), None),
    };
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity() == Severity::Error)
        .count();
    let report = Report {
        ok: policy.is_some(),
        files: text.paths().count(),
        errors,
        warnings: diagnostics.len() - errors,
        diagnostics,
        policy,
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

fn summary(policy: &Policy) -> Summary<'_> {
    let counts = policy.counts();
    Summary {
        rules: counts.rules,
        roles: counts.roles,
        grants: counts.grants,
        digest: policy.digest(),
    }
}

impl Report<'_> {
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let color = wants_color(&io::stdout());
        for diagnostic in self.diagnostics {
            writeln!(out, "{}\n", diagnostic.render(color).trim_end())?;
        }
        let files = count(self.files, "file");
        let found = [(self.errors, "error"), (self.warnings, "warning")];
        let found = found.into_iter().filter(|(number, _)| *number > 0);
        let found: Vec<_> = found.map(|(number, noun)| count(number, noun)).collect();
        if !found.is_empty() {
            writeln!(out, "{} in {files}", found.join(", "))?;
        }
        let Some(policy) = &self.policy else {
            return Ok(());
        };
        writeln!(
            out,
            "ok: {files}, {}, {}, {}, policy {}",
            count(policy.rules, "rule"),
            count(policy.roles, "role"),
            count(policy.grants, "grant"),
            policy.digest.get(..DIGEST_SHOWN).unwrap_or(policy.digest),
        )
    }
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
