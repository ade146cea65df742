//! The policy languages: each lowers its documents into the one representation of `rule`.
//!
//! | module | reads |
//! |---|---|
//! | [`native`] | Gatelet's own YAML |
//!
//! `fits` shows that the representation holds the others, too.
//!
//! A dialect is found by what stands in a document, not by the name of its file.

#[cfg(test)]
mod fits;
pub(crate) mod native;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::rule::RuleSet;
use crate::rule::identity::ApiKeyFile;
use crate::text::{Kind, Node, SourceId, Sources};

/// The documents of one source.
pub(crate) struct Parsed {
    pub(crate) source: SourceId,
    pub(crate) documents: Vec<Node>,
}

/// Lowers all sources of one load, which come sorted by name, into one set of rules.
///
/// `values` are the sources that give values; `sources` knows the names of both.
pub(crate) fn lower(
    policies: Vec<Parsed>,
    values: Vec<Parsed>,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> RuleSet {
    let mut documents = Vec::new();
    for parsed in policies {
        match detect(&parsed.documents) {
            Dialect::Native => documents.extend(native::document(parsed, sources, diagnostics)),
            Dialect::Foreign { at, name } => diagnostics.push(foreign(&parsed, at, name)),
        }
    }
    native::lower(documents, values, sources, diagnostics)
}

/// The resolved names of the sources that a source includes; none if it cannot be read.
pub(crate) fn includes(name: &str, bytes: &[u8]) -> Vec<String> {
    // Most sources include nothing; a large one is not to be parsed for that.
    if !bytes
        .windows(b"include".len())
        .any(|window| window == b"include")
    {
        return Vec::new();
    }
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    let Ok(id) = sources.add(name, bytes) else {
        return Vec::new();
    };
    let documents = crate::text::parse(&sources, id, &mut diagnostics).unwrap_or_default();
    match detect(&documents) {
        Dialect::Native => native::includes(name, &documents),
        Dialect::Foreign { .. } => Vec::new(),
    }
}

/// What a file of API keys says; it is Gatelet's own in every policy.
pub(crate) fn api_keys(
    documents: &[Node],
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<ApiKeyFile> {
    native::key_file(documents, sources, diagnostics)
}

enum Dialect {
    Native,
    /// A language that is recognised and not read yet, by the key that gives it away.
    Foreign {
        at: usize,
        name: &'static str,
    },
}

/// What is no known other language is native, so that its faults are reported in native terms.
fn detect(documents: &[Node]) -> Dialect {
    let foreign = documents.iter().enumerate().find_map(|(at, document)| {
        let Kind::Mapping(entries) = &document.kind else {
            return None;
        };
        let has = |name: &str| entries.iter().any(|(key, _)| &*key.text == name);
        let name = match () {
            () if has("gatelet") => return None,
            () if has("apiVersion") && has("kind") => "Istio",
            () if has("Statement") => "AWS IAM",
            () if has("permissions") || has("assignableScopes") => "Azure",
            () => return None,
        };
        Some(Dialect::Foreign { at, name })
    });
    foreign.unwrap_or(Dialect::Native)
}

fn foreign(parsed: &Parsed, at: usize, name: &str) -> Diagnostic {
    let message = format!("this is a document of {name}, which is not supported yet");
    match parsed.documents.get(at).map(|document| &document.kind) {
        Some(Kind::Mapping(entries)) if let Some((key, _)) = entries.first() => {
            Diagnostic::error(Code::NOT_SUPPORTED, key.span, message)
        }
        _ => Diagnostic::error_of_load(Code::NOT_SUPPORTED, message),
    }
}
