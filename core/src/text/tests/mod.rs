//! Text to nodes and back to places, as tables.

mod limits;
mod locate;
mod scalar;
mod sources;
mod syntax;

use super::{Kind, Node, Sources, Style, parse};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// A source, what was read of it, and the diagnostics.
struct Loaded {
    sources: Sources,
    documents: Option<Vec<Node>>,
    diagnostics: Vec<Diagnostic>,
}

fn load(name: &str, text: &str) -> Loaded {
    let mut sources = Sources::new();
    let id = sources.add(name, text.as_bytes()).unwrap();
    let mut diagnostics = Diagnostics::new();
    let documents = parse(&sources, id, &mut diagnostics);
    let diagnostics = diagnostics.finish(&sources);
    Loaded {
        sources,
        documents,
        diagnostics,
    }
}

/// The only document of a text without problems.
fn document(name: &str, text: &str) -> (Sources, Node) {
    let loaded = load(name, text);
    assert!(
        loaded.diagnostics.is_empty(),
        "{text}: {:?}",
        loaded.diagnostics
    );
    let mut documents = loaded.documents.unwrap();
    assert_eq!(documents.len(), 1, "{text}");
    (loaded.sources, documents.remove(0))
}

/// A node in one line; styles other than plain are marked by a letter.
fn show(node: &Node) -> String {
    match &node.kind {
        Kind::Scalar { text, style } => {
            let mark = match style {
                Style::Plain => "",
                Style::SingleQuoted => "s",
                Style::DoubleQuoted => "d",
                Style::Literal => "l",
                Style::Folded => "f",
                Style::JsonBare => "j",
            };
            format!("{mark}{text:?}")
        }
        Kind::Sequence(items) => {
            let items: Vec<_> = items.iter().map(show).collect();
            format!("[{}]", items.join(" "))
        }
        Kind::Mapping(entries) => {
            let show = |entry: &(super::Key, Node)| format!("{}={}", entry.0.text, show(&entry.1));
            let entries: Vec<_> = entries.iter().map(show).collect();
            format!("{{{}}}", entries.join(" "))
        }
    }
}

/// Every scalar, in source order.
fn scalars(node: &Node) -> Vec<&Node> {
    match &node.kind {
        Kind::Scalar { .. } => vec![node],
        Kind::Sequence(items) => items.iter().flat_map(scalars).collect(),
        Kind::Mapping(entries) => entries
            .iter()
            .flat_map(|(_, value)| scalars(value))
            .collect(),
    }
}

#[test]
fn a_node_is_small() {
    assert!(size_of::<Node>() <= 48);
}
