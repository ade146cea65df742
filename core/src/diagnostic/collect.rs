//! All the diagnostics of one load, bounded and in order.

use std::fmt;

use super::{Code, Diagnostic, Severity};
use crate::limits::MAX_DIAGNOSTICS;
use crate::text::{Sources, Span};

/// The diagnostics found so far.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    kept: Vec<Diagnostic>,
    dropped: usize,
    has_errors: bool,
    /// What no excerpt shows.
    secrets: Vec<Span>,
}

impl Diagnostics {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Keeps the diagnostic, or counts it if there are too many; an error displaces a warning.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        let is_error = diagnostic.severity() == Severity::Error;
        self.has_errors |= is_error;
        if self.kept.len() < MAX_DIAGNOSTICS {
            self.kept.push(diagnostic);
            return;
        }
        self.dropped = self.dropped.saturating_add(1);
        let is_warning = |kept: &&mut Diagnostic| kept.severity() == Severity::Warning;
        if is_error && let Some(warning) = self.kept.iter_mut().rev().find(is_warning) {
            *warning = diagnostic;
        }
    }

    /// Keeps a piece of a source out of every excerpt.
    pub(crate) fn redact(&mut self, span: Span) {
        self.secrets.push(span);
    }

    /// The value, or nothing after noting why there is none.
    pub(crate) fn check<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|diagnostic| self.push(diagnostic)).ok()
    }

    /// Takes over what was found apart, each diagnostic as `explain` leaves it.
    pub(crate) fn append(
        &mut self,
        found: Self,
        mut explain: impl FnMut(Diagnostic) -> Option<Diagnostic>,
    ) {
        self.dropped = self.dropped.saturating_add(found.dropped);
        self.secrets.extend(found.secrets);
        for diagnostic in found.kept.into_iter().filter_map(&mut explain) {
            self.push(diagnostic);
        }
    }

    /// Resolves the places and sorts by source name, line, column, code.
    pub(crate) fn finish(self, sources: &Sources) -> Vec<Diagnostic> {
        let secrets = self.secrets;
        let resolved = self.kept.into_iter();
        let resolved = resolved.map(|kept| kept.resolved(sources, &secrets));
        let mut list: Vec<_> = resolved.collect();
        list.sort_by(|a, b| {
            let key = |d: &Diagnostic| (d.line(), d.column(), d.code());
            a.file().cmp(&b.file()).then_with(|| key(a).cmp(&key(b)))
        });
        if self.dropped > 0 {
            let (noun, code) = (plural(self.dropped), Code::TOO_MANY_PROBLEMS);
            let message = format!("and {} more {noun}", self.dropped);
            let mut closing = Diagnostic::error_of_load(code, message);
            if !self.has_errors {
                closing.inner.severity = Severity::Warning;
            }
            list.push(closing);
        }
        list
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "problem" } else { "problems" }
}

/// Why a policy was refused: every problem that was found in it, in source order.
#[derive(Clone, Debug)]
pub struct LoadError {
    diagnostics: Vec<Diagnostic>,
}

impl LoadError {
    pub(crate) fn new(diagnostics: Vec<Diagnostic>) -> Self {
        Self { diagnostics }
    }

    /// The problems, sorted by source, line, column.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, diagnostic) in self.diagnostics.iter().enumerate() {
            if at > 0 {
                out.write_str("\n")?;
            }
            diagnostic.fmt(out)?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}
