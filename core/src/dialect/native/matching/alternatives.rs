//! The values of a key: a scalar, a list of them, or the members of a set. Any of them may match.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::MAX_SET_COPIES;
use crate::pattern::text::TextPattern;
use crate::rule::{Matcher, Predicate};
use crate::text::{Kind, MappingReader, Node, Span};

use super::super::words::pattern;
use super::{Scope, Subject, names_set};

/// A list's items, or the one node that stands for a list of one; an empty list is reported.
pub(in super::super) fn one_or_many<'a>(
    node: &'a Node,
    diagnostics: &mut Diagnostics,
) -> &'a [Node] {
    match &node.kind {
        Kind::Sequence(items) => {
            if items.is_empty() {
                let error = Diagnostic::error(Code::EMPTY_LIST, node.span, "an empty list");
                diagnostics.push(error.help("list at least one, or leave the key out"));
            }
            items
        }
        Kind::Scalar { .. } | Kind::Mapping(_) => std::slice::from_ref(node),
    }
}

/// One value that may match.
#[derive(Clone, Copy)]
pub(super) struct Alternative<'a> {
    pub(super) node: &'a Node,
    /// Where the set of which it is a member is used: a member stands for itself and is no pattern.
    pub(super) used: Option<Span>,
}

/// All values of a key, sets resolved; a list within a list counts as its items.
pub(super) fn alternatives<'a>(node: &'a Node, scope: &mut Scope<'_, 'a>) -> Vec<Alternative<'a>> {
    let mut all = Vec::new();
    for item in one_or_many(node, scope.diagnostics) {
        let inner = match &item.kind {
            Kind::Sequence(_) => one_or_many(item, scope.diagnostics),
            Kind::Scalar { .. } | Kind::Mapping(_) => std::slice::from_ref(item),
        };
        for node in inner {
            match names_set(node) {
                Some(_) => members(node, &mut all, scope),
                None => all.push(Alternative { node, used: None }),
            }
        }
    }
    all
}

fn members<'a>(node: &'a Node, all: &mut Vec<Alternative<'a>>, scope: &mut Scope<'_, 'a>) {
    let Some(mut reader) = scope.check(MappingReader::new(node)) else {
        return;
    };
    let named = reader.take("in");
    reader.finish(scope.diagnostics);
    let Some((named, name)) = named.and_then(|node| Some((node, scope.check(node.as_str())?)))
    else {
        return;
    };
    let schema = scope.schema;
    let Some(set) = schema.sets.get(name) else {
        let message = format!("the set \"{name}\" is not declared");
        let error = Diagnostic::error(Code::UNKNOWN_SET, named.span, message);
        let known = schema.sets.keys().copied();
        scope
            .diagnostics
            .push(match crate::diagnostic::suggest(name, known) {
                Some(close) => error.help(format!("did you mean \"{close}\"?")),
                None => error.help(format!("declare it: `sets: {{ {name}: [a, b] }}`")),
            });
        return;
    };
    let Some(set) = set else { return };
    let Some(left) = scope.set_copies_left else {
        return;
    };
    scope.set_copies_left = left.checked_sub(set.members.len());
    if scope.set_copies_left.is_none() {
        let message = format!("the uses of sets copy more than {MAX_SET_COPIES} members");
        scope.diagnostics.push(Diagnostic::error(
            Code::TOO_MUCH_COPIED,
            named.span,
            message,
        ));
        return;
    }
    let used = Some(named.span);
    all.extend(
        set.members
            .iter()
            .map(|member| Alternative { node: member, used }),
    );
}

/// Texts and patterns of text: those that are exact go into one test.
pub(super) fn texts<'a>(subject: &Subject, node: &'a Node, scope: &mut Scope<'_, 'a>) -> Predicate {
    texts_by(subject, node, TextPattern::parse, scope)
}

/// As [`texts`], where a value that is no pattern has a syntax of its own.
pub(super) fn texts_by<'a>(
    subject: &Subject,
    node: &'a Node,
    parse: impl Fn(&str) -> Result<TextPattern, crate::pattern::PatternError>,
    scope: &mut Scope<'_, 'a>,
) -> Predicate {
    let mut exact: Vec<(Box<str>, Span)> = Vec::new();
    let mut tests = Vec::new();
    for Alternative { node, used } in alternatives(node, scope) {
        if let Some(used) = used {
            exact.extend(
                scope
                    .check(member(node, used))
                    .map(|text| (text.into(), used)),
            );
            continue;
        }
        match scope.check(pattern(node, &parse)) {
            Some(TextPattern::Exact(_)) => {
                exact.extend(node.as_str().ok().map(|text| (text.into(), node.span)));
            }
            Some(TextPattern::Present) => tests.push(subject.test(Matcher::Present, node.span)),
            Some(pattern) => tests.push(subject.test(Matcher::Text(pattern), node.span)),
            None => {}
        }
    }
    let one = match exact.as_slice() {
        [] => None,
        [(text, span)] => {
            let pattern = TextPattern::Exact(text.as_bytes().into());
            Some(subject.test(Matcher::Text(pattern), *span))
        }
        _ => {
            let texts = exact.into_iter().map(|(text, _)| text).collect();
            Some(subject.test(Matcher::OneOf(texts), node.span))
        }
    };
    tests.extend(one);
    subject.any_of(tests, node.span)
}

impl Alternative<'_> {
    /// A member of a set stands for itself: what looks like a pattern is refused.
    pub(super) fn check(&self) -> Result<(), Diagnostic> {
        match self.used {
            Some(used) if self.node.as_str().is_ok() => member(self.node, used).map(drop),
            _ => Ok(()),
        }
    }
}

/// The text of a set's member, which is compared as it stands.
pub(super) fn member(node: &Node, used: Span) -> Result<&str, Diagnostic> {
    let text = node.as_str()?;
    if text.starts_with('*') || text.ends_with('*') {
        let message = format!("\"{text}\" looks like a pattern, and the members of a set are none");
        let error = Diagnostic::error(Code::PATTERN_NOT_ALLOWED, node.span, message);
        let help = "list the pattern beside the set: `[\"admin-*\", { in: NAME }]`";
        return Err(error.related(used, "the set is used here").help(help));
    }
    Ok(text)
}
