//! Actions, roles, exclusions and grants.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::pattern::action::ActionPattern;
use crate::pattern::spiffe::SpiffePattern;
use crate::pattern::template::Route;
use crate::rule::{
    Action, Exclusion, ExclusionKind, Grant, LayerId, Name, Permission, Role, RuleSet, Subject,
};
use crate::text::{Key, Kind, MappingReader, Node, Span};

use super::condition::Conditions;
use super::document::{Sections, entries, items};
use super::matching::one_or_many;
use super::matching::subject::{self, Who};
use super::names::{Definitions, check_action, check_id, name, referred, whole};
use super::words::pattern;

pub(super) fn lower_actions(
    sections: &[Sections<'_>],
    rules: &mut RuleSet,
    diagnostics: &mut Diagnostics,
) {
    let mut definitions = Definitions::of("action");
    for section in sections {
        for (key, node) in entries(section.actions, diagnostics) {
            // What has a fault is defined all the same: those who refer to it have none.
            diagnostics.check(check_action(&key.text, key.span));
            let name = name(&key.text, key.span);
            let (about, routes) = action(node, diagnostics);
            if definitions.define(&name, diagnostics) {
                rules.actions.push(Action {
                    name,
                    about,
                    routes,
                });
            }
        }
    }
}

type Routes = Vec<(Route, Span)>;

/// `{ about, routes }`, or the list of routes alone.
fn action(node: &Node, diagnostics: &mut Diagnostics) -> (Option<Box<str>>, Routes) {
    let routes = |node: &Node, diagnostics: &mut Diagnostics| -> Routes {
        let nodes = one_or_many(node, diagnostics).iter();
        let read = |node: &Node| Some((diagnostics.check(pattern(node, Route::parse))?, node.span));
        nodes.filter_map(read).collect()
    };
    if matches!(node.kind, Kind::Sequence(_)) {
        return (None, routes(node, diagnostics));
    }
    let Some(mut reader) = diagnostics.check(MappingReader::new(node)) else {
        return (None, Vec::new());
    };
    let about = reader.read("about", Node::as_str, diagnostics);
    let list = reader.take("routes");
    reader.finish(diagnostics);
    (
        about.map(Box::from),
        list.map_or(Vec::new(), |list| routes(list, diagnostics)),
    )
}

pub(super) fn lower_roles(
    section: &Sections<'_>,
    layer: LayerId,
    definitions: &mut Definitions,
    rules: &mut RuleSet,
    diagnostics: &mut Diagnostics,
) {
    for (key, node) in entries(section.roles, diagnostics) {
        diagnostics.check(check_id(&key.text, key.span));
        let role = role(key, node, layer, diagnostics);
        if definitions.define(&role.name, diagnostics) {
            rules.roles.push(role);
        }
    }
}

fn role(key: &Key, node: &Node, layer: LayerId, diagnostics: &mut Diagnostics) -> Role {
    let mut role = Role {
        name: name(&key.text, key.span),
        span: whole(key, node),
        layer,
        inherits: Vec::new(),
        can: Vec::new(),
    };
    let Some(mut reader) = diagnostics.check(MappingReader::new(node)) else {
        return role;
    };
    role.inherits = role_names(reader.take("inherits"), diagnostics);
    for node in items(reader.take("can"), diagnostics) {
        let action = diagnostics.check(pattern(node, ActionPattern::parse));
        let span = node.span;
        role.can
            .extend(action.map(|action| Permission { action, span }));
    }
    reader.finish(diagnostics);
    role
}

/// Names of roles; that they are declared is checked where all roles are known.
fn role_names(node: Option<&Node>, diagnostics: &mut Diagnostics) -> Vec<Name> {
    let names = items(node, diagnostics).iter();
    names
        .filter_map(|node| diagnostics.check(referred(node)))
        .collect()
}

pub(super) fn lower_exclusions(
    sections: &[Sections<'_>],
    rules: &mut RuleSet,
    diagnostics: &mut Diagnostics,
) {
    const KINDS: &[(&str, ExclusionKind)] = &[
        ("static", ExclusionKind::Static),
        ("dynamic", ExclusionKind::Dynamic),
    ];
    for node in sections.iter().filter_map(|section| section.exclusive) {
        let Some(mut reader) = diagnostics.check(MappingReader::new(node)) else {
            continue;
        };
        for (key, kind) in KINDS {
            for list in items(reader.take(key), diagnostics) {
                rules.exclusions.extend(exclusion(list, *kind, diagnostics));
            }
        }
        reader.finish(diagnostics);
    }
}

fn exclusion(node: &Node, kind: ExclusionKind, diagnostics: &mut Diagnostics) -> Option<Exclusion> {
    let count = diagnostics.check(node.as_sequence())?.len();
    let names = role_names(Some(node), diagnostics);
    let (mut roles, mut seen) = (Vec::new(), HashMap::new());
    for name in names {
        match seen.get(&name.text) {
            None => {
                seen.insert(name.text.clone(), name.span);
                roles.push(name);
            }
            Some(first) => {
                let message = format!("the role \"{}\" cannot exclude itself", name.text);
                let error = Diagnostic::error(Code::BAD_EXCLUSION, name.span, message);
                diagnostics.push(error.related(*first, "it is named here first"));
            }
        }
    }
    if count < 2 {
        let message = "an exclusion names two roles or more";
        let error = Diagnostic::error(Code::BAD_EXCLUSION, node.span, message);
        diagnostics.push(error.help("write `[[manager, auditor]]`: a list of lists"));
    }
    (roles.len() > 1).then_some(Exclusion {
        roles,
        kind,
        span: node.span,
    })
}

pub(super) fn lower_grants(
    sections: &[Sections<'_>],
    conditions: &mut Conditions<'_>,
    rules: &mut RuleSet,
    diagnostics: &mut Diagnostics,
) {
    for section in sections {
        for node in items(section.grants, diagnostics) {
            rules.grants.extend(grant(node, conditions, diagnostics));
        }
    }
}

fn grant(
    node: &Node,
    conditions: &mut Conditions<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Grant> {
    let mut reader = diagnostics.check(MappingReader::new(node))?;
    let when = reader.take("when");
    let when = when.map(|node| conditions.of_grant(node, diagnostics));
    let role = reader.read_required("role", referred, diagnostics);
    let to = reader
        .require("to", diagnostics)
        .and_then(|node| grantee(node, diagnostics));
    let within = reader
        .take("within")
        .map_or(Vec::new(), |node| within(node, diagnostics));
    let from = reader.read("from", Node::as_timestamp_ms, diagnostics);
    let end = reader.take("until");
    let until = end.and_then(|node| diagnostics.check(node.as_timestamp_ms()));
    reader.finish(diagnostics);
    if let (Some(from), Some(until), Some(end)) = (from, until, end)
        && from >= until
    {
        let message = "this grant ends before it begins";
        let error = Diagnostic::error(Code::EMPTY_WINDOW, end.span, message);
        diagnostics
            .push(error.help("`from` is the first moment, `until` the first one without it"));
    }
    Some(Grant {
        when: match when {
            Some(condition) => Some(condition?),
            None => None,
        },
        role: role?,
        to: to?,
        within,
        from,
        until,
        span: node.span,
    })
}

fn grantee(node: &Node, diagnostics: &mut Diagnostics) -> Option<Subject> {
    match subject::read(node, subject::GRANTEES, diagnostics)? {
        Who::User { provider, id } => {
            let id = diagnostics.check(subject::exact(id))?;
            Some(Subject::User { provider, id })
        }
        Who::Group { provider, name } => {
            let name = diagnostics.check(subject::exact(name))?;
            Some(Subject::Group { provider, name })
        }
        Who::Workload(node) => {
            let pattern = diagnostics.check(pattern(node, SpiffePattern::parse))?;
            Some(Subject::Workload {
                pattern,
                span: node.span,
            })
        }
        Who::Role(_) => None,
    }
}

fn within(node: &Node, diagnostics: &mut Diagnostics) -> Vec<(Name, Box<str>)> {
    let entries = entries(Some(node), diagnostics);
    if entries.is_empty() && matches!(node.kind, Kind::Mapping(_)) {
        let message = "`within` names no domain";
        let error = Diagnostic::error(Code::EMPTY_LIST, node.span, message);
        diagnostics.push(error.help("leave it out if the role holds in every domain"));
    }
    let read = |(key, node): &(Key, Node)| {
        let value = diagnostics.check(subject::exact(node))?;
        Some((name(&key.text, key.span), value.text))
    };
    entries.iter().filter_map(read).collect()
}
