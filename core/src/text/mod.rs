//! Source text to a tree with spans: the one place where YAML and JSON are parsed.

mod builder;
mod json;
mod locate;
mod mapping;
mod scalar;
mod sources;
mod yaml;

#[cfg(test)]
mod tests;

pub(crate) use mapping::MappingReader;
pub(crate) use sources::{Position, Sources};

use crate::diagnostic::Diagnostics;

/// One policy source while it is being loaded, by its position in the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SourceId(pub(crate) u32);

/// A piece of source text, in bytes: `start..end` of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) source: SourceId,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// How a scalar was written; a plain one may still become a number or a boolean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
    Folded,
    /// A JSON number, `true`, `false` or `null`: plain, but never a string.
    JsonBare,
}

/// A node of a document. Scalars keep their text until their type is known.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Scalar {
        text: Box<str>,
        style: Style,
    },
    Sequence(Vec<Node>),
    /// Keys are scalars, in the order written, and differ from each other.
    Mapping(Vec<(Key, Node)>),
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) span: Span,
    pub(crate) text: Box<str>,
}

/// The documents of a source, empty ones left out; none if it is not well-formed.
///
/// A problem that leaves the structure clear, such as a duplicate key, is reported and read over.
pub(crate) fn parse(
    sources: &Sources,
    id: SourceId,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Node>> {
    let text = sources.text(id);
    let is_json = has_json_name(sources.name(id));
    if is_json || text.trim_start().starts_with(['{', '[']) {
        match json::parse(id, text) {
            Ok(documents) => return Some(documents.into_nodes(diagnostics)),
            Err(error) if is_json => {
                diagnostics.push(error);
                return None;
            }
            // A YAML flow collection, or JSON that only YAML forgives: YAML has the last word.
            Err(_) => {}
        }
    }
    let documents = diagnostics.check(yaml::parse(sources, id))?;
    Some(documents.into_nodes(diagnostics))
}

fn has_json_name(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}
