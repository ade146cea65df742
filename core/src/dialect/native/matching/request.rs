//! Keys that speak of the request and the resource.

use crate::diagnostic::{Code, Diagnostic};
use crate::pattern::PatternError;
use crate::pattern::action::ActionPattern;
use crate::pattern::cidr::Cidr;
use crate::pattern::host::HostPattern;
use crate::pattern::path::canonical_piece;
use crate::pattern::spiffe::SpiffePattern;
use crate::pattern::template::{Method, PathTemplate, Route};
use crate::pattern::text::TextPattern;
use crate::program::vocabulary::{Attribute, AttributeType, Truth};
use crate::rule::{Comparison, Matcher, Over, Predicate};
use crate::text::{Kind, MappingReader, Node, Span};

use super::super::document::entries;
use super::super::names;
use super::super::schema::Declared;
use super::super::words::pattern;
use super::alternatives::{Alternative, alternatives, one_or_many, texts, texts_by};
use super::{Scope, Stance, Subject, all_of, any_of, is_identified};

/// What is absent does not match.
fn subject(attribute: Attribute) -> Subject {
    Subject::new(attribute, Truth::False)
}

/// One test for each value, read by `read`.
fn each<'a>(
    node: &'a Node,
    scope: &mut Scope<'_, 'a>,
    mut read: impl FnMut(&'a Node) -> Result<Predicate, Diagnostic>,
) -> Predicate {
    let values = alternatives(node, scope);
    let tests = values.iter().filter_map(|value| {
        scope.check(value.check())?;
        scope.check(read(value.node))
    });
    any_of(tests.collect())
}

pub(super) fn route<'a>(node: &'a Node, scope: &mut Scope<'_, 'a>) -> Predicate {
    each(node, scope, |node| {
        let Route { method, template } = pattern(node, Route::parse)?;
        let path = subject(Attribute::Path).test(Matcher::Path(template), node.span);
        Ok(match method {
            Method::Any => path,
            Method::Token(token) => {
                let exact = Matcher::Text(TextPattern::Exact(token.as_bytes().into()));
                all_of(vec![
                    subject(Attribute::Method).test(exact, node.span),
                    path,
                ])
            }
        })
    })
}

pub(super) fn action<'a>(node: &'a Node, scope: &mut Scope<'_, 'a>) -> Predicate {
    each(node, scope, |node| {
        let action = pattern(node, ActionPattern::parse)?;
        Ok(subject(Attribute::Action).test(Matcher::Action(action), node.span))
    })
}

/// Types, or `{ type, id }`.
pub(super) fn resource<'a>(node: &'a Node, scope: &mut Scope<'_, 'a>) -> Predicate {
    let mut any = Vec::new();
    for item in one_or_many(node, scope.diagnostics) {
        if !matches!(item.kind, Kind::Mapping(_)) || super::names_set(item).is_some() {
            any.push(texts(&subject(Attribute::ResourceType), item, scope));
            continue;
        }
        let Some(mut reader) = scope.check(MappingReader::new(item)) else {
            continue;
        };
        let (kind, id) = (reader.take("type"), reader.take("id"));
        let is_empty = item.as_mapping().is_ok_and(<[_]>::is_empty);
        reader.finish(scope.diagnostics);
        if is_empty {
            let error = Diagnostic::error(Code::EMPTY_LIST, item.span, "an empty mapping");
            scope
                .diagnostics
                .push(error.help("write `{ type: order }` or `{ type: order, id: \"7\" }`"));
        }
        let kind = kind.map(|node| texts(&subject(Attribute::ResourceType), node, scope));
        let id = id.map(|node| texts(&subject(Attribute::ResourceId), node, scope));
        any.push(all_of(kind.into_iter().chain(id).collect()));
    }
    any_of(any)
}

pub(super) fn method<'a>(node: &'a Node, scope: &mut Scope<'_, 'a>) -> Predicate {
    // A `*` may stand in a method's name; in a policy it is a pattern.
    let parse = |text: &str| match text.contains('*') {
        true => TextPattern::parse(text),
        false => Method::parse(text).and_then(|_| TextPattern::parse(text)),
    };
    texts_by(&subject(Attribute::Method), node, parse, scope)
}

/// A template where there is a placeholder, else text.
pub(super) fn path<'a>(node: &'a Node, scope: &mut Scope<'_, 'a>) -> Predicate {
    let path = subject(Attribute::Path);
    let read = |text: &str| -> Result<Matcher, PatternError> {
        if text.contains('{') || !text.contains('*') {
            return PathTemplate::parse(text).map(Matcher::Path);
        }
        if text.starts_with(['/', '*']) {
            return Ok(match TextPattern::parse(text)? {
                TextPattern::Present => Matcher::Present,
                pattern => Matcher::Text(pattern),
            });
        }
        // For its message: a path begins with a slash.
        PathTemplate::parse(text).map(Matcher::Path)
    };
    each(node, scope, |node| {
        let written = pattern(node, read)?;
        let canonical = canonical(&written);
        let tests = [Some(written), canonical].into_iter().flatten();
        Ok(any_of(
            tests.map(|matcher| path.test(matcher, node.span)).collect(),
        ))
    })
}

/// The pattern as a normalised path has it, if it is written otherwise. Where nothing is normalised, both may come.
fn canonical(written: &Matcher) -> Option<Matcher> {
    let otherwise = |text: &[u8]| canonical_piece(text).filter(|canonical| **canonical != *text);
    Some(Matcher::Text(match written {
        Matcher::Text(TextPattern::Prefix(text)) => TextPattern::Prefix(otherwise(text)?.into()),
        Matcher::Text(TextPattern::Suffix(text)) => TextPattern::Suffix(otherwise(text)?.into()),
        _ => return None,
    }))
}

/// A deny without a port means every port, so that a port in the request is no way around it.
pub(super) fn host<'a>(node: &'a Node, stance: Stance, scope: &mut Scope<'_, 'a>) -> Predicate {
    let host = subject(Attribute::Host);
    each(node, scope, |node| {
        let matcher = match node.as_str()? {
            "*" => Matcher::Present,
            _ => {
                let pattern = pattern(node, HostPattern::parse)?;
                Matcher::Host {
                    pattern,
                    ignore_port: !stance.allow,
                }
            }
        };
        Ok(host.test(matcher, node.span))
    })
}

pub(super) fn header<'a>(node: &'a Node, stance: Stance, scope: &mut Scope<'_, 'a>) -> Predicate {
    let mut all = Vec::new();
    for (key, value) in named(node, scope) {
        let name = scope.check(names::header(&key.text, key.span));
        let attribute = Attribute::Header(name.map_or_else(|| key.text.clone(), |name| name.text));
        all.push(texts(&field(attribute, stance), value, scope));
    }
    all_of(all)
}

pub(super) fn query<'a>(node: &'a Node, stance: Stance, scope: &mut Scope<'_, 'a>) -> Predicate {
    let mut all = Vec::new();
    for (key, value) in named(node, scope) {
        if key.text.is_empty() {
            let message = "a query parameter without a name";
            scope
                .diagnostics
                .push(Diagnostic::error(Code::BAD_NAME, key.span, message));
        }
        all.push(texts(
            &field(Attribute::Query(key.text.clone()), stance),
            value,
            scope,
        ));
    }
    all_of(all)
}

/// The entries of a mapping from names to values; an empty one is reported.
fn named<'a>(node: &'a Node, scope: &mut Scope<'_, 'a>) -> &'a [(crate::text::Key, Node)] {
    let entries = entries(Some(node), scope.diagnostics);
    if entries.is_empty() && matches!(node.kind, Kind::Mapping(_)) {
        let error = Diagnostic::error(Code::EMPTY_LIST, node.span, "an empty mapping");
        scope
            .diagnostics
            .push(error.help("write `{ NAME: VALUE }`, or leave the key out"));
    }
    entries
}

fn field(attribute: Attribute, stance: Stance) -> Subject {
    Subject {
        attribute,
        over: stance.over_fields(),
        absent: Truth::False,
    }
}

/// Without an address nothing can be said about it: an allow does not match, a deny does.
pub(super) fn address<'a>(
    attribute: Attribute,
    node: &'a Node,
    scope: &mut Scope<'_, 'a>,
) -> Predicate {
    let subject = Subject::new(attribute, Truth::Undecided);
    addresses(&subject, node, scope)
}

/// Networks go into one test.
fn addresses<'a>(subject: &Subject, node: &'a Node, scope: &mut Scope<'_, 'a>) -> Predicate {
    let mut networks = Vec::new();
    let mut any = Vec::new();
    for Alternative { node, used } in alternatives(node, scope) {
        match node.as_str() {
            Ok("*") if used.is_none() => any.push(subject.test(Matcher::Present, node.span)),
            _ => networks.extend(scope.check(network(node, used))),
        }
    }
    if !networks.is_empty() {
        any.push(subject.test(Matcher::Cidr(networks), node.span));
    }
    any_of(any)
}

fn network(node: &Node, used: Option<Span>) -> Result<Cidr, Diagnostic> {
    let Some(used) = used else {
        return pattern(node, Cidr::parse);
    };
    let text = node.as_str()?;
    Cidr::parse(text).map_err(|_| {
        let message = format!("this set is used for addresses, and \"{text}\" is none");
        let error = Diagnostic::error(Code::NOT_AN_ADDRESS, used, message);
        error.related(node.span, "the member of the set")
    })
}

pub(super) fn peer<'a>(node: &'a Node, scope: &mut Scope<'_, 'a>) -> Predicate {
    let peer = subject(Attribute::Peer);
    each(node, scope, |node| {
        let matcher = match node.as_str()? {
            "*" => Matcher::Present,
            _ => Matcher::Spiffe(pattern(node, SpiffePattern::parse)?),
        };
        Ok(peer.test(matcher, node.span))
    })
}

/// Declared attributes by name.
pub(super) fn attr<'a>(node: &'a Node, stance: Stance, scope: &mut Scope<'_, 'a>) -> Predicate {
    let mut all = Vec::new();
    for (key, value) in named(node, scope) {
        let Some(Some(declared)) = scope.check(scope.schema.attribute(&key.text, key.span)) else {
            continue;
        };
        let attribute = declared.owner.attribute(&key.text);
        let is_identity = attribute.is_identity();
        let absent = if declared.optional {
            Truth::False
        } else {
            Truth::Undecided
        };
        let test = typed(&Subject::new(attribute, absent), declared, value, scope);
        all.push(if is_identity {
            of_principal(test, stance, key.span)
        } else {
            test
        });
    }
    all_of(all)
}

/// Without a principal the test is not merely absent: it is false, and under `not` wants a principal.
fn of_principal(test: Predicate, stance: Stance, span: Span) -> Predicate {
    let identified = all_of(vec![is_identified(Truth::False, span), test]);
    if !stance.negated {
        return identified;
    }
    let nobody = Predicate::Not(Box::new(is_identified(Truth::NeedsPrincipal, span)));
    any_of(vec![identified, nobody])
}

fn typed<'a>(
    subject: &Subject,
    declared: Declared,
    node: &'a Node,
    scope: &mut Scope<'_, 'a>,
) -> Predicate {
    let equal = Comparison::Equal;
    let read = |node: &Node| -> Result<Matcher, Diagnostic> {
        Ok(match declared.ty {
            AttributeType::Int => Matcher::Int(equal, node.as_i64()?),
            AttributeType::Double => Matcher::Double(equal, node.as_f64()?),
            AttributeType::Bool => Matcher::Bool(node.as_bool()?),
            AttributeType::Timestamp => Matcher::Time(equal, node.as_timestamp_ms()?),
            _ => Matcher::Duration(equal, duration(node)?),
        })
    };
    match declared.ty {
        AttributeType::String => texts(subject, node, scope),
        AttributeType::StringList => texts(
            &Subject {
                over: Over::Any,
                ..subject.clone()
            },
            node,
            scope,
        ),
        AttributeType::Ip => addresses(subject, node, scope),
        _ => each(node, scope, |node| {
            let matcher = match node.as_str() {
                Ok("*") => Matcher::Present,
                _ => read(node)?,
            };
            Ok(subject.test(matcher, node.span))
        }),
    }
}

fn duration(node: &Node) -> Result<i64, Diagnostic> {
    let milliseconds = node.as_duration_ms()?;
    i64::try_from(milliseconds).map_err(|_| {
        let message = "this duration is too long";
        Diagnostic::error(Code::BAD_DURATION, node.span, message)
    })
}
