//! Tables of policies: what is reported, and what they are lowered to.

mod hostile;
mod identity;
mod key_file;
mod reports;
mod sample;
mod shapes;
mod show;
mod sources;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::dialect::{Parsed, lower};
use crate::rule::RuleSet;
use crate::text::{Sources, parse};

/// Loads sources as a load does; names and texts, policies and values.
fn load(policies: &[(&str, &str)], values: &[(&str, &str)]) -> (RuleSet, Vec<Diagnostic>) {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    let mut read = |list: &[(&str, &str)]| -> Vec<_> {
        let add = |(name, text): &(&str, &str)| sources.add(name, text.as_bytes()).expect("text");
        list.iter().map(add).collect()
    };
    let (policies, values) = (read(policies), read(values));
    let mut parsed = |ids: Vec<_>| -> Vec<_> {
        let parsed = |source| {
            let documents = parse(&sources, source, &mut diagnostics)?;
            Some(Parsed { source, documents })
        };
        ids.into_iter().filter_map(parsed).collect()
    };
    let (policies, values) = (parsed(policies), parsed(values));
    let rules = lower(policies, values, &sources, &mut diagnostics);
    (rules, diagnostics.finish(&sources))
}

/// One native source, `gatelet: 1` in front of it.
fn load_one(text: &str) -> (RuleSet, Vec<Diagnostic>) {
    load(&[("p.yaml", &format!("gatelet: 1\n{text}"))], &[])
}

/// `GL101 2:3`, lines of the text without the version's.
fn brief(diagnostics: &[Diagnostic], lines_before: u32) -> Vec<String> {
    let place = |diagnostic: &Diagnostic| {
        let line = diagnostic
            .line()
            .map_or(0, |line| line.saturating_sub(lines_before));
        format!(
            "{} {line}:{}",
            diagnostic.code(),
            diagnostic.column().unwrap_or(0)
        )
    };
    diagnostics.iter().map(place).collect()
}

/// Lowers a policy in which nothing is wrong.
fn lowered(text: &str) -> RuleSet {
    let (rules, diagnostics) = load_one(text);
    let shown: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    assert!(shown.is_empty(), "{text}\n{shown:#?}");
    rules
}
