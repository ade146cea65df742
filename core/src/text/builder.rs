//! Puts nodes together, for YAML and JSON alike: depth, size and the keys of mappings.

use std::collections::HashMap;
use std::mem;

use super::{Key, Kind, Node, SourceId, Span, Style};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::{MAX_DIAGNOSTICS, MAX_DOCUMENT_DEPTH, MAX_DOCUMENT_NODES};

/// A mapping with fewer keys is searched, a larger one hashed.
const FEW_KEYS: usize = 12;

/// What a source came to: its documents, and problems that did not hide their structure.
#[derive(Debug, Default)]
pub(super) struct Documents {
    nodes: Vec<Node>,
    problems: Vec<Diagnostic>,
}

impl Documents {
    pub(super) fn into_nodes(self, diagnostics: &mut Diagnostics) -> Vec<Node> {
        for problem in self.problems {
            diagnostics.push(problem);
        }
        self.nodes
    }
}

pub(super) struct Builder {
    source: SourceId,
    open: Vec<Open>,
    nodes: usize,
    documents: Documents,
}

/// A collection whose end has not been seen.
struct Open {
    start: u32,
    /// Where the last node in it ends.
    end: u32,
    kind: OpenKind,
}

enum OpenKind {
    Sequence(Vec<Node>),
    Mapping(Vec<(Key, Node)>, Slot),
}

/// What the next node of a mapping will be.
enum Slot {
    Key,
    Value(Key),
    /// The value of a key that was refused.
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collection {
    Sequence,
    Mapping,
}

impl Builder {
    pub(super) fn new(source: SourceId) -> Self {
        Self {
            source,
            open: Vec::new(),
            nodes: 0,
            documents: Documents::default(),
        }
    }

    pub(super) fn finish(self) -> Documents {
        self.documents
    }

    /// The nodes so far, keys among them.
    pub(super) fn nodes(&self) -> usize {
        self.nodes
    }

    pub(super) fn span(&self, start: u32, end: u32) -> Span {
        Span {
            source: self.source,
            start,
            end,
        }
    }

    pub(super) fn report(&mut self, problem: Diagnostic) {
        // One more than will be listed, so that the rest is known to exist.
        if self.documents.problems.len() <= MAX_DIAGNOSTICS {
            self.documents.problems.push(problem);
        }
    }

    /// Begins a sequence or mapping, unless that would nest too deeply.
    pub(super) fn open(&mut self, collection: Collection, start: u32) -> Result<(), Diagnostic> {
        self.check_depth(1, self.span(start, start.saturating_add(1)))?;
        self.count(1, start)?;
        let kind = match collection {
            Collection::Sequence => OpenKind::Sequence(Vec::new()),
            Collection::Mapping => OpenKind::Mapping(Vec::new(), Slot::Key),
        };
        self.open.push(Open {
            start,
            end: start,
            kind,
        });
        Ok(())
    }

    /// Ends the innermost collection, after its last node if no end is given; does not attach it.
    pub(super) fn close(&mut self, end: Option<u32>) -> Option<Node> {
        let open = self.open.pop()?;
        let end = end.unwrap_or(open.end);
        let kind = match open.kind {
            OpenKind::Sequence(mut items) => {
                items.shrink_to_fit();
                Kind::Sequence(items)
            }
            OpenKind::Mapping(entries, _) => Kind::Mapping(self.without_duplicates(entries)),
        };
        let span = self.span(open.start, end);
        Some(Node { span, kind })
    }

    pub(super) fn scalar(&self, span: Span, text: Box<str>, style: Style) -> Node {
        let kind = Kind::Scalar { text, style };
        // A value that is not there is shown at its key.
        let span = match self.open.last() {
            Some(Open {
                kind: OpenKind::Mapping(_, Slot::Value(key)),
                ..
            }) if span.start == span.end => key.span,
            _ => span,
        };
        Node { span, kind }
    }

    /// Counts nodes towards the limit of the source.
    pub(super) fn count(&mut self, nodes: usize, at: u32) -> Result<(), Diagnostic> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MAX_DOCUMENT_NODES {
            return Ok(());
        }
        let span = self.span(at, at.saturating_add(1));
        let message = format!("this source has more than {MAX_DOCUMENT_NODES} values");
        Err(Diagnostic::error(Code::DOCUMENT_TOO_LARGE, span, message)
            .help("split it and name the parts under `include`"))
    }

    pub(super) fn check_depth(&self, more: usize, span: Span) -> Result<(), Diagnostic> {
        if self.open.len().saturating_add(more) <= MAX_DOCUMENT_DEPTH {
            return Ok(());
        }
        Err(too_deep(span))
    }

    /// Puts a finished node where it belongs: a document, an item, a key or a value.
    pub(super) fn attach(&mut self, node: Node) {
        let Some(open) = self.open.last_mut() else {
            if !node.is_null() {
                self.documents.nodes.push(node);
            }
            return;
        };
        open.end = open.end.max(node.span.end);
        match &mut open.kind {
            OpenKind::Sequence(items) => items.push(node),
            OpenKind::Mapping(entries, slot) => match mem::replace(slot, Slot::Key) {
                Slot::Value(key) => entries.push((key, node)),
                Slot::Refused => {}
                Slot::Key => match key(node) {
                    Ok(key) => *slot = Slot::Value(key),
                    Err(problem) => {
                        *slot = Slot::Refused;
                        self.report(problem);
                    }
                },
            },
        }
    }

    fn without_duplicates(&mut self, mut entries: Vec<(Key, Node)>) -> Vec<(Key, Node)> {
        let mut problems = Vec::new();
        if entries.len() < FEW_KEYS {
            for (at, (later, _)) in entries.iter().enumerate() {
                let mut earlier = entries.iter().take(at);
                if let Some((first, _)) = earlier.find(|(earlier, _)| earlier.text == later.text) {
                    problems.push((first.span, later.span));
                }
            }
        } else {
            let mut seen: HashMap<&str, Span> = HashMap::with_capacity(entries.len());
            for (key, _) in &entries {
                if let Some(first) = seen.get(&*key.text) {
                    problems.push((*first, key.span));
                } else {
                    seen.insert(&key.text, key.span);
                }
            }
        }
        entries.shrink_to_fit();
        if problems.is_empty() {
            return entries;
        }
        let mut repeated = problems.iter().map(|(_, later)| *later).peekable();
        entries.retain(|(key, _)| repeated.next_if_eq(&key.span).is_none());
        for (first, later) in problems {
            let message = "this key stands in the mapping twice";
            let problem = Diagnostic::error(Code::DUPLICATE_KEY, later, message);
            self.report(problem.related(first, "first here"));
        }
        entries
    }
}

pub(super) fn too_deep(span: Span) -> Diagnostic {
    let message = format!("nested more than {MAX_DOCUMENT_DEPTH} levels deep");
    Diagnostic::error(Code::DOCUMENT_TOO_DEEP, span, message)
}

fn key(node: Node) -> Result<Key, Diagnostic> {
    let span = node.span;
    let (text, style) = match node.kind {
        Kind::Scalar { text, style } => (text, style),
        Kind::Sequence(_) | Kind::Mapping(_) => {
            let message = format!("a key must be text, found {}", node.describe());
            return Err(Diagnostic::error(Code::KEY_NOT_TEXT, span, message)
                .help("a value that holds braces or brackets needs quotes: \"{name}\""));
        }
    };
    match (&*text, style) {
        ("", Style::Plain) => Err(Diagnostic::error(
            Code::KEY_NOT_TEXT,
            span,
            "there is no key before this `:`",
        )),
        ("<<", Style::Plain) => Err(Diagnostic::error(
            Code::MERGE_KEY,
            span,
            "the merge key `<<` is not part of YAML 1.2",
        )
        .help("write the keys out, or alias the whole value")),
        _ => Ok(Key { span, text }),
    }
}
