//! Loading: from sources to a policy, on one screen.

use crate::compile;
use crate::crypto::{digest, hexadecimal};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, LoadError, Severity};
use crate::dialect::{self, Parsed};
use crate::keys::api_keys::ApiKeySet;
use crate::policy::{Counts, Policy};
use crate::rule::RuleSet;
use crate::text::{self, Sources};
use core::fmt;

/// Changes whenever the same text comes to mean something else.
const FORMAT_VERSION: &[u8] = b"gatelet-policy-1";

/// A piece of policy text with its name.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    name: &'a str,
    bytes: &'a [u8],
}

impl<'a> Source<'a> {
    /// `name` is what diagnostics and decisions call it, most often a path relative to the policy's directory.
    #[must_use]
    pub const fn new(name: &'a str, bytes: &'a [u8]) -> Self {
        Self { name, bytes }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// Names of the sources that it includes, relative to where its own name is; what cannot be read includes nothing.
    ///
    /// Whoever reads files adds these to the load; see [`Policy::load`].
    #[must_use]
    pub fn includes(&self) -> Vec<String> {
        dialect::includes(self.name, self.bytes)
    }
}

/// What a load takes beside its sources.
#[derive(Clone, Copy, Default)]
pub struct LoadOptions<'a> {
    /// Sources of values that replace the defaults under `values`, such as those of one environment.
    pub values: &'a [Source<'a>],
    /// Told when each phase of the load begins, in order. A load reads no clock; who wants to know how
    /// long its phases take reads one here.
    ///
    /// ```
    /// use gatelet::{LoadOptions, Phase, Policy, Source};
    /// use std::{cell::RefCell, time::Instant};
    /// let begun = RefCell::new(Vec::new());
    /// let observe = |phase: Phase| begun.borrow_mut().push((phase, Instant::now()));
    /// let options = LoadOptions { observer: Some(&observe), ..LoadOptions::default() };
    /// Policy::load_with(&[Source::new("shop.yaml", b"gatelet: 1\n")], &options)?;
    /// for pair in begun.borrow().windows(2) {
    ///     println!("{:?} took {:?}", pair[0].0, pair[1].1 - pair[0].1);
    /// }
    /// # Ok::<(), gatelet::LoadError>(())
    /// ```
    pub observer: Option<&'a dyn Fn(Phase)>,
}

impl LoadOptions<'_> {
    fn begin(&self, phase: Phase) {
        if let Some(observer) = self.observer {
            observer(phase);
        }
    }
}

impl fmt::Debug for LoadOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadOptions")
            .field("values", &self.values)
            .finish_non_exhaustive()
    }
}

/// A phase of a load, see [`LoadOptions::observer`]; each begins once, in this order, but those that a failed load does not reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// From text to documents.
    Parse,
    /// From documents of any dialect to rules, and the digest over all sources.
    Lower,
    /// From rules to what decisions read.
    Compile,
    /// There is a policy, or all that is wrong is known; what the phases held is given back after this.
    Done,
}

impl Policy {
    /// Loads a policy from all of its sources, in any order.
    ///
    /// # Errors
    /// Everything that is wrong, at once, each problem with its place.
    ///
    /// ```
    /// use gatelet::{Policy, Source};
    /// let error = Policy::load(&[Source::new("shop.yaml", b"gatelet: 1\nrolez: {}\n")]).unwrap_err();
    /// let problem = &error.diagnostics()[0];
    /// assert_eq!((problem.line(), problem.column()), (Some(2), Some(1)));
    /// assert_eq!(problem.help_text(), Some("did you mean \"roles\"?"));
    /// ```
    pub fn load(sources: &[Source<'_>]) -> Result<Self, LoadError> {
        Self::load_with(sources, &LoadOptions::default())
    }

    /// As [`Policy::load`], with options.
    ///
    /// # Errors
    /// Everything that is wrong, at once, each problem with its place.
    pub fn load_with(sources: &[Source<'_>], options: &LoadOptions<'_>) -> Result<Self, LoadError> {
        let mut diagnostics = Diagnostics::new();
        let mut texts = Sources::new();
        let (policies, values) = (sorted(sources), sorted(options.values));
        options.begin(Phase::Parse);
        let documents = parse(&policies, &mut texts, &mut diagnostics);
        let value_documents = parse(&values, &mut texts, &mut diagnostics);
        options.begin(Phase::Lower);
        let rules = dialect::lower(documents, value_documents, &texts, &mut diagnostics);
        if texts.is_empty() && !policies.is_empty() {
            // Nothing could be read; what refused it may be too long to digest as well.
            let found = diagnostics.finish(&texts);
            options.begin(Phase::Done);
            return Err(LoadError::new(found));
        }
        let digest = digest(pieces(&policies, &values));
        options.begin(Phase::Compile);
        let policy = Self::compiled(&rules, &texts, &digest, diagnostics);
        options.begin(Phase::Done);
        policy
    }

    /// A policy of rules that no text stands behind.
    #[cfg(test)]
    pub(crate) fn from_rules(rules: &RuleSet) -> Result<Self, LoadError> {
        let digest = digest([FORMAT_VERSION]);
        Self::compiled(rules, &Sources::new(), &digest, Diagnostics::new())
    }

    fn compiled(
        rules: &RuleSet,
        texts: &Sources,
        digest: &[u8; 32],
        mut diagnostics: Diagnostics,
    ) -> Result<Self, LoadError> {
        let program = compile::compile(rules, texts, seed(digest), &mut diagnostics);
        let counts = Counts {
            rules: rules.rules.len(),
            roles: rules.roles.len(),
            grants: rules.grants.len(),
            actions: rules.actions.len(),
        };
        let found = diagnostics.finish(texts);
        if found
            .iter()
            .any(|diagnostic| diagnostic.severity() == Severity::Error)
        {
            return Err(LoadError::new(found));
        }
        Ok(Self {
            program,
            digest: hexadecimal(digest).into(),
            warnings: found.into(),
            counts,
        })
    }
}

impl ApiKeySet {
    /// Loads a file of API keys, YAML or JSON; `name` is what its own file references are relative to.
    /// Beside the set comes what is suspicious, but no error.
    ///
    /// # Errors
    /// Everything that is wrong, at once, each problem with its place.
    ///
    /// ```
    /// use gatelet::{ApiKeySet, Origin};
    /// let text = br#"
    /// gatelet_keys: 1
    /// pepper: "${file:pepper}"
    /// apps:
    ///   shop-mobile:
    ///     roles: [clerk]
    ///     keys:
    ///       - { id: k1, hmac: 8f14e45fceea167a5a36dedd4bea2543f2c1a09b1d7e6c5b4a39281706f5e4d3, not_after: 2027-01-01T00:00:00Z }
    /// "#;
    /// let (keys, _) = ApiKeySet::load("keys/prod.yaml", text)?;
    /// assert_eq!((keys.app_count(), keys.key_count()), (1, 1));
    /// assert_eq!(*keys.pepper(), Origin::file("keys/pepper"));
    /// # Ok::<(), gatelet::LoadError>(())
    /// ```
    pub fn load(name: &str, bytes: &[u8]) -> Result<(Self, Vec<Diagnostic>), LoadError> {
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
        let documents = diagnostics
            .check(sources.add(name, bytes))
            .and_then(|id| text::parse(&sources, id, &mut diagnostics));
        let file = documents
            .and_then(|documents| dialect::api_keys(&documents, &sources, &mut diagnostics));
        let found = diagnostics.finish(&sources);
        let is_error = |found: &Diagnostic| found.severity() == Severity::Error;
        match file.filter(|_| !found.iter().any(is_error)) {
            Some(file) => {
                let seed = seed(&digest([name.as_bytes(), bytes]));
                Ok((Self::new(file.pepper, file.apps, file.keys, seed), found))
            }
            None => Err(LoadError::new(found)),
        }
    }
}

/// By name: the order in which sources are given means nothing.
fn sorted<'s>(sources: &[Source<'s>]) -> Vec<Source<'s>> {
    let mut sorted = sources.to_vec();
    sorted.sort_by_key(|source| source.name);
    sorted
}

fn parse(given: &[Source<'_>], texts: &mut Sources, diagnostics: &mut Diagnostics) -> Vec<Parsed> {
    let mut parsed = Vec::new();
    for source in given {
        if texts.names().any(|name| name == source.name) {
            diagnostics.push(Diagnostic::error_in_file(
                Code::DUPLICATE_SOURCE,
                source.name,
                "this source is given twice in one load",
            ));
            continue;
        }
        let Some(id) = diagnostics.check(texts.add(source.name, source.bytes)) else {
            continue;
        };
        if let Some(documents) = text::parse(texts, id, diagnostics) {
            parsed.push(Parsed {
                source: id,
                documents,
            });
        }
    }
    parsed
}

fn pieces<'s>(
    policies: &'s [Source<'s>],
    values: &'s [Source<'s>],
) -> impl Iterator<Item = &'s [u8]> {
    let both = |sources: &'s [Source<'s>]| {
        sources
            .iter()
            .flat_map(|source| [source.name.as_bytes(), source.bytes])
    };
    [FORMAT_VERSION]
        .into_iter()
        .chain(both(policies))
        .chain([&b"values"[..]])
        .chain(both(values))
}

/// Keys the tables: the same everywhere, and not to be known without the policy.
fn seed(digest: &[u8; 32]) -> u64 {
    digest
        .first_chunk()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn an_observer_hears_of_every_phase_that_a_load_reaches() {
        use Phase::{Compile, Done, Lower, Parse};
        let rows: [(&[u8], bool, &[Phase]); 4] = [
            (b"gatelet: 1\n", true, &[Parse, Lower, Compile, Done]),
            (
                b"gatelet: 1\nrolez: {}\n",
                false,
                &[Parse, Lower, Compile, Done],
            ),
            (b"gatelet: [\n", false, &[Parse, Lower, Compile, Done]),
            (b"\xff", false, &[Parse, Lower, Done]),
        ];
        for (text, loads, expected) in rows {
            let begun = RefCell::new(Vec::new());
            let observe = |phase| begun.borrow_mut().push(phase);
            let options = LoadOptions {
                observer: Some(&observe),
                ..LoadOptions::default()
            };
            let sources = [Source::new("p.yaml", text)];
            let loaded = Policy::load_with(&sources, &options);
            assert_eq!(loaded.is_ok(), loads, "{text:?}");
            assert_eq!(*begun.borrow(), expected, "{text:?}");
        }
    }
}
