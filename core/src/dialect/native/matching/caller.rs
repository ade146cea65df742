//! Keys that speak of the caller. Without a principal they are false, and under `not` unknown.

use crate::diagnostic::{Code, Diagnostic};
use crate::pattern::spiffe::SpiffePattern;
use crate::pattern::text::TextPattern;
use crate::program::vocabulary::{Attribute, Truth};
use crate::rule::identity::{HOST, WORKLOADS};
use crate::rule::{Matcher, Over, Predicate};
use crate::text::{Kind, MappingReader, Node, Span};

use super::super::words::{pattern, word};
use super::alternatives::{Alternative, alternatives, member, one_or_many, texts};
use super::subject::{self, BYPASSERS, PRINCIPALS, Who};
use super::{Scope, Stance, Subject, all_of, any_of, is_identified};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whoever {
    Anyone,
    Authenticated,
    Anonymous,
}

const WHO: &[(&str, Whoever)] = &[
    ("anyone", Whoever::Anyone),
    ("authenticated", Whoever::Authenticated),
    ("anonymous", Whoever::Anonymous),
];

pub(super) fn who<'a>(
    node: &'a Node,
    stance: Stance,
    scope: &mut Scope<'_, 'a>,
) -> Option<Predicate> {
    Some(match scope.check(word(node, WHO))? {
        Whoever::Anyone if stance.negated => {
            let message = "`not: { who: anyone }` never matches";
            scope
                .diagnostics
                .push(Diagnostic::error(Code::MATCHES_NOTHING, node.span, message));
            return None;
        }
        Whoever::Anyone => Predicate::TRUE,
        Whoever::Authenticated => is_identified(stance.without_principal(), node.span),
        Whoever::Anonymous => Predicate::Not(Box::new(is_identified(Truth::False, node.span))),
    })
}

/// A principal is its provider and its id. Where a match opens something, both have to fit.
pub(super) fn principal<'a>(
    node: &'a Node,
    stance: Stance,
    scope: &mut Scope<'_, 'a>,
) -> Predicate {
    let absent = stance.without_principal();
    let mut any = Vec::new();
    for item in one_or_many(node, scope.diagnostics) {
        let lowered = match &item.kind {
            Kind::Mapping(_) if super::names_set(item).is_none() => {
                match subject::read(item, PRINCIPALS, scope.diagnostics) {
                    Some(Who::User { provider, id }) => {
                        let provider = provider.map(|name| (name.text, name.span));
                        Some(user(id, provider, stance, scope))
                    }
                    Some(Who::Workload(node)) => workload(node, absent, scope),
                    _ => None,
                }
            }
            _ if item.as_str().is_ok_and(|text| text.starts_with("spiffe:")) => {
                workload(item, absent, scope)
            }
            _ => Some(user(item, None, stance, scope)),
        };
        any.extend(lowered);
    }
    any_of(any)
}

fn user<'a>(
    id: &'a Node,
    provider: Option<(Box<str>, Span)>,
    stance: Stance,
    scope: &mut Scope<'_, 'a>,
) -> Predicate {
    let absent = stance.without_principal();
    let id_test = texts(&Subject::new(Attribute::PrincipalId, absent), id, scope);
    let is_present =
        matches!(&id_test, Predicate::Test(test) if matches!(test.matcher, Matcher::Present));
    let provider = match provider {
        Some(named) => named,
        None if is_present || !stance.opens() => return id_test,
        None => (only_provider(id, scope), id.span),
    };
    all_of(vec![is_of(&provider.0, absent, provider.1), id_test])
}

/// The one provider that has users. Of several it has to be said; where there is none, nobody is
/// this user, and that is reported where providers are known.
fn only_provider(id: &Node, scope: &mut Scope<'_, '_>) -> Box<str> {
    if let [first, _, ..] = scope.users.as_slice() {
        let message = format!("this user could be of {}", scope.users.join(", "));
        let error = Diagnostic::error(Code::AMBIGUOUS_PROVIDER, id.span, message);
        let help = format!("say which: `{{ user: …, of: {first} }}`");
        scope.diagnostics.push(error.help(help));
    }
    scope.users.first().map_or(HOST.into(), Clone::clone)
}

fn is_of(provider: &str, absent: Truth, span: Span) -> Predicate {
    let exact = TextPattern::Exact(provider.as_bytes().into());
    Subject::new(Attribute::PrincipalProvider, absent).test(Matcher::Text(exact), span)
}

fn workload<'a>(node: &'a Node, absent: Truth, scope: &mut Scope<'_, 'a>) -> Option<Predicate> {
    let any = alternatives(node, scope);
    let ids = Subject::new(Attribute::PrincipalId, absent);
    let tests = any.iter().filter_map(|item| {
        scope.check(item.check())?;
        let pattern = scope.check(pattern(item.node, SpiffePattern::parse))?;
        Some(ids.test(Matcher::Spiffe(pattern), item.node.span))
    });
    let tests = any_of(tests.collect());
    Some(all_of(vec![is_of(WORKLOADS, absent, node.span), tests]))
}

/// Names of roles only; whether they are declared is checked where all roles are known.
pub(super) fn roles<'a>(node: &'a Node, stance: Stance, scope: &mut Scope<'_, 'a>) -> Predicate {
    quantified(Attribute::Roles, node, stance, scope, role_names)
}

pub(super) fn groups<'a>(node: &'a Node, stance: Stance, scope: &mut Scope<'_, 'a>) -> Predicate {
    quantified(Attribute::Groups, node, stance, scope, texts)
}

pub(super) fn scopes<'a>(node: &'a Node, stance: Stance, scope: &mut Scope<'_, 'a>) -> Predicate {
    quantified(Attribute::Scopes, node, stance, scope, texts)
}

/// A list (any of them), `{ any: […] }` or `{ all: […] }`.
fn quantified<'a>(
    attribute: Attribute,
    node: &'a Node,
    stance: Stance,
    scope: &mut Scope<'_, 'a>,
    names: impl Fn(&Subject, &'a Node, &mut Scope<'_, 'a>) -> Predicate,
) -> Predicate {
    let subject = Subject {
        attribute,
        over: Over::Any,
        absent: stance.without_principal(),
    };
    if !matches!(node.kind, Kind::Mapping(_)) || super::names_set(node).is_some() {
        return names(&subject, node, scope);
    }
    let Some(mut reader) = scope.check(MappingReader::new(node)) else {
        return Predicate::FALSE;
    };
    let (any, every) = (reader.take("any"), reader.take("all"));
    let is_empty = node.as_mapping().is_ok_and(<[_]>::is_empty);
    reader.finish(scope.diagnostics);
    if is_empty {
        let error = Diagnostic::error(Code::EMPTY_LIST, node.span, "an empty mapping");
        scope
            .diagnostics
            .push(error.help("write a list, `{ any: […] }` or `{ all: […] }`"));
    }
    let any = any.map(|node| names(&subject, node, scope));
    let mut all: Vec<_> = any.into_iter().collect();
    for node in every.map_or(&[][..], |node| one_or_many(node, scope.diagnostics)) {
        all.extend(every_name(&subject, node, scope, &names));
    }
    all_of(all)
}

/// Under `all`, the members of a set or of a nested list are all needed as well.
fn every_name<'a>(
    subject: &Subject,
    node: &'a Node,
    scope: &mut Scope<'_, 'a>,
    names: impl Fn(&Subject, &'a Node, &mut Scope<'_, 'a>) -> Predicate,
) -> Vec<Predicate> {
    if super::names_set(node).is_none() && matches!(node.kind, Kind::Scalar { .. }) {
        return vec![names(subject, node, scope)];
    }
    let all = alternatives(node, scope);
    all.iter()
        .map(|item| names(subject, item.node, scope))
        .collect()
}

fn role_names<'a>(subject: &Subject, node: &'a Node, scope: &mut Scope<'_, 'a>) -> Predicate {
    let all = alternatives(node, scope);
    let tests = all.iter().filter_map(|Alternative { node, used }| {
        let text = match used {
            Some(used) => scope.check(member(node, *used))?.into(),
            None => scope.check(subject::exact(node))?.text,
        };
        let matcher = Matcher::Text(TextPattern::Exact(text.as_bytes().into()));
        Some(subject.test(matcher, used.unwrap_or(node.span)))
    });
    any_of(tests.collect())
}

/// Whom an approval is not asked of: who is meant by any of the list, where a text names a group.
pub(in super::super) fn bypass<'a>(node: &'a Node, scope: &mut Scope<'_, 'a>) -> Predicate {
    let stance = Stance::ALLOW;
    let groups = Subject::new(Attribute::Groups, Truth::False);
    let in_group = |node: &Node, scope: &mut Scope<'_, '_>| {
        let name = scope.check(subject::exact(node))?;
        let exact = TextPattern::Exact(name.text.as_bytes().into());
        Some(groups.test(Matcher::Text(exact), name.span))
    };
    let mut any = Vec::new();
    for item in one_or_many(node, scope.diagnostics) {
        if !matches!(item.kind, Kind::Mapping(_)) {
            any.extend(in_group(item, scope));
            continue;
        }
        any.extend(match subject::read(item, BYPASSERS, scope.diagnostics) {
            Some(Who::User { provider, id }) => {
                let provider = provider.map(|name| (name.text, name.span));
                let exact = scope.check(subject::exact(id)).is_some();
                exact.then(|| user(id, provider, stance, scope))
            }
            Some(Who::Group { provider, name }) => {
                in_group(name, scope).map(|test| match provider {
                    Some(provider) => all_of(vec![
                        is_of(&provider.text, Truth::False, provider.span),
                        test,
                    ]),
                    None => test,
                })
            }
            Some(Who::Workload(node)) => workload(node, Truth::False, scope),
            Some(Who::Role(node)) => Some(roles(node, stance, scope)),
            None => None,
        });
    }
    any_of(any)
}
