//! One native source: its version and its sections.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::text::{Key, Kind, MappingReader, Node, SourceId, Sources, Span};

use super::super::Parsed;
use super::words::not_supported;

/// The document of a native source.
pub(in crate::dialect) struct Document {
    pub(super) source: SourceId,
    pub(super) root: Node,
}

impl Document {
    /// The document, if the source holds one mapping.
    pub(super) fn of(
        parsed: Parsed,
        sources: &Sources,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let source = parsed.source;
        let mut documents = parsed.documents.into_iter();
        let Some(root) = documents.next() else {
            let error = Diagnostic::error_in_file(
                Code::BAD_VERSION,
                sources.name(source),
                "this source is empty",
            );
            diagnostics.push(error.help("a policy begins with `gatelet: 1`"));
            return None;
        };
        for extra in documents {
            let message = "a second document in one source";
            let error = Diagnostic::error(Code::SECOND_DOCUMENT, start_of(&extra), message);
            diagnostics.push(error.help("put it into a source of its own"));
        }
        diagnostics.check(root.as_mapping())?;
        Some(Self { source, root })
    }

    /// The value of a top-level key.
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        let entries = self.root.as_mapping().ok()?;
        entries
            .iter()
            .find(|(key, _)| &*key.text == name)
            .map(|(_, value)| value)
    }
}

/// Where a node begins for a reader: a mapping at its first key.
pub(super) fn start_of(node: &Node) -> Span {
    match &node.kind {
        Kind::Mapping(entries) => entries.first().map_or(node.span, |(key, _)| key.span),
        Kind::Scalar { .. } | Kind::Sequence(_) => node.span,
    }
}

/// A key and its value.
pub(super) type Entry<'a> = (&'a Key, &'a Node);

/// What a document says, by section; values stand in the place of their names.
pub(super) struct Sections<'a> {
    pub(super) source: SourceId,
    /// Where the document begins.
    pub(super) start: Span,
    pub(super) profile: Option<&'a Node>,
    pub(super) include: Option<&'a Node>,
    pub(super) sets: Option<&'a Node>,
    pub(super) paths: Option<&'a Node>,
    pub(super) network: Option<&'a Node>,
    pub(super) identity: Option<&'a Node>,
    pub(super) approvals: Option<Entry<'a>>,
    pub(super) attributes: Option<&'a Node>,
    pub(super) domains: Option<&'a Node>,
    pub(super) actions: Option<&'a Node>,
    pub(super) roles: Option<&'a Node>,
    pub(super) exclusive: Option<&'a Node>,
    pub(super) grants: Option<&'a Node>,
    pub(super) rules: Option<&'a Node>,
    pub(super) on_allow: Option<&'a Node>,
    pub(super) on_deny: Option<&'a Node>,
    pub(super) strip: Option<&'a Node>,
    pub(super) layer: Option<&'a Node>,
    pub(super) default: Option<Entry<'a>>,
    pub(super) mode: Option<Entry<'a>>,
    pub(super) limits: Option<&'a Node>,
    pub(super) cost: Option<&'a Node>,
    pub(super) preflight: Option<Entry<'a>>,
}

/// Top-level keys that belong to the format and are not read yet.
const NOT_YET: &[&str] = &["sources"];

impl<'a> Sections<'a> {
    /// Nothing if the document is of another version of the format.
    pub(super) fn read(document: &'a Document, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = diagnostics.check(MappingReader::new(&document.root))?;
        if !check_version(reader.take("gatelet"), &document.root, diagnostics) {
            return None;
        }
        for key in NOT_YET {
            if let Some((key, _)) = reader.take_entry(key) {
                diagnostics.push(not_supported(key.span, &format!("`{}`", key.text)));
            }
        }
        // Read before, when the values were collected.
        let _ = reader.take("values");
        let sections = Self {
            source: document.source,
            start: start_of(&document.root),
            profile: reader.take("profile"),
            include: reader.take("include"),
            sets: reader.take("sets"),
            paths: reader.take("paths"),
            network: reader.take("network"),
            identity: reader.take("identity"),
            approvals: reader.take_entry("approvals"),
            attributes: reader.take("attributes"),
            domains: reader.take("domains"),
            actions: reader.take("actions"),
            roles: reader.take("roles"),
            exclusive: reader.take("exclusive"),
            grants: reader.take("grants"),
            rules: reader.take("rules"),
            on_allow: reader.take("on_allow"),
            on_deny: reader.take("on_deny"),
            strip: reader.take("strip"),
            layer: reader.take("layer"),
            default: reader.take_entry("default"),
            mode: reader.take_entry("mode"),
            limits: reader.take("limits"),
            cost: reader.take("cost"),
            preflight: reader.take_entry("preflight"),
        };
        reader.finish(diagnostics);
        Some(sections)
    }
}

/// A missing version leaves the rest readable; a wrong one does not.
fn check_version(version: Option<&Node>, root: &Node, diagnostics: &mut Diagnostics) -> bool {
    const HELP: &str = "write `gatelet: 1`, the version of the format";
    let Some(version) = version else {
        let message = "the key \"gatelet\" is missing";
        let error = Diagnostic::error(Code::BAD_VERSION, start_of(root), message);
        diagnostics.push(error.help(HELP));
        return true;
    };
    if version.as_u64().is_ok_and(|number| number == 1) {
        return true;
    }
    let message = match &version.kind {
        Kind::Scalar { text, .. } if !text.is_empty() => {
            format!("\"{text}\" is no version of the format that is read here")
        }
        _ => format!("{} is no version of the format", version.describe()),
    };
    diagnostics.push(Diagnostic::error(Code::BAD_VERSION, version.span, message).help(HELP));
    false
}

/// The entries of a mapping whose keys are names of the policy's own; none if it is no mapping.
pub(super) fn entries<'a>(
    node: Option<&'a Node>,
    diagnostics: &mut Diagnostics,
) -> &'a [(Key, Node)] {
    node.and_then(|node| diagnostics.check(node.as_mapping()))
        .unwrap_or_default()
}

/// The items of a list; none if it is no list.
pub(super) fn items<'a>(node: Option<&'a Node>, diagnostics: &mut Diagnostics) -> &'a [Node] {
    node.and_then(|node| diagnostics.check(node.as_sequence()))
        .unwrap_or_default()
}
