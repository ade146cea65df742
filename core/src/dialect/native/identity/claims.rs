//! Claims: paths of literal names, and how they become a principal.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::{MAX_CLAIM_DEPTH, MAX_CLAIM_NAME_BYTES};
use crate::rule::Name;
use crate::rule::identity::{ClaimPath, Expectation, PrincipalMap, RoleClaims};
use crate::text::{Key, Kind, MappingReader, Node, Span};

use super::super::document::entries;
use super::super::matching::one_or_many;
use super::super::names::referred;
use super::super::schema::{Owner, Schema};
use super::presets::Preset;

/// A claim's path from names that are known to be good.
pub(super) fn path_of(names: &[&str]) -> ClaimPath {
    ClaimPath(names.iter().map(|name| Box::from(*name)).collect())
}

fn paths_of(paths: &[&[&str]]) -> Vec<ClaimPath> {
    paths.iter().map(|names| path_of(names)).collect()
}

/// `[realm_access, roles]`: the names of members, from the outside in.
pub(super) fn path(node: &Node, diagnostics: &mut Diagnostics) -> Option<ClaimPath> {
    let bad = |span: Span, message: String| Diagnostic::error(Code::BAD_CLAIM_PATH, span, message);
    let items = match &node.kind {
        Kind::Sequence(items) if !items.is_empty() => items,
        Kind::Scalar { text, .. } if !node.is_null() => {
            let error = bad(node.span, "a claim is named by a list".into());
            let help = format!("write [{text}]; each name of the list is one member, dots and all");
            diagnostics.push(error.help(help));
            return None;
        }
        _ => {
            let message = format!("{} names no claim", node.describe());
            let help = "a claim is named by a list, such as [sub] or [realm_access, roles]";
            diagnostics.push(bad(node.span, message).help(help));
            return None;
        }
    };
    if items.len() > MAX_CLAIM_DEPTH {
        let message = format!("a claim is named by at most {MAX_CLAIM_DEPTH} names");
        diagnostics.push(bad(node.span, message));
        return None;
    }
    let names: Vec<_> = items
        .iter()
        .filter_map(|item| diagnostics.check(claim_name(item)))
        .collect();
    (names.len() == items.len()).then(|| ClaimPath(names.into()))
}

/// The name of one member: any text but nothing.
fn claim_name(node: &Node) -> Result<Box<str>, Diagnostic> {
    if let Kind::Sequence(_) | Kind::Mapping(_) = node.kind {
        let message = format!("a name of a member is needed, found {}", node.describe());
        let error = Diagnostic::error(Code::BAD_CLAIM_PATH, node.span, message);
        return Err(error.help("one claim is a flat list of names: [realm_access, roles]"));
    }
    let name = referred(node)?.text;
    if name.len() > MAX_CLAIM_NAME_BYTES {
        let message = format!("the name of a claim has at most {MAX_CLAIM_NAME_BYTES} bytes");
        return Err(Diagnostic::error(Code::BAD_CLAIM_PATH, node.span, message));
    }
    Ok(name)
}

/// `[[scope], [scp]]`: several claims.
pub(super) fn paths(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<ClaimPath>> {
    let items = diagnostics.check(node.as_sequence())?;
    if items.is_empty() {
        let error = Diagnostic::error(Code::EMPTY_LIST, node.span, "an empty list");
        diagnostics.push(error.help("list at least one claim, or leave the key out"));
        return None;
    }
    if items
        .iter()
        .any(|item| matches!(item.kind, Kind::Scalar { .. }))
    {
        let message = "this is a list of claims, and each claim is a list of names";
        let error = Diagnostic::error(Code::BAD_CLAIM_PATH, node.span, message);
        diagnostics.push(error.help("write [[scope], [scp]] for two claims, [[a, b]] for one"));
        return None;
    }
    let found: Vec<_> = items
        .iter()
        .filter_map(|item| path(item, diagnostics))
        .collect();
    (found.len() == items.len()).then_some(found)
}

/// Claims that have to be there: a name stands for the member of that name.
pub(super) fn required(node: &Node, diagnostics: &mut Diagnostics) -> Vec<ClaimPath> {
    let mut found = Vec::new();
    for item in one_or_many(node, diagnostics) {
        found.extend(match &item.kind {
            Kind::Sequence(_) => path(item, diagnostics),
            _ => diagnostics
                .check(claim_name(item))
                .map(|name| ClaimPath([name].into())),
        });
    }
    found
}

/// `{ token_use: access }`: a claim at the top, and the texts of which it has to be one.
pub(super) fn expectations(node: &Node, diagnostics: &mut Diagnostics) -> Vec<Expectation> {
    let mut found = Vec::new();
    for (key, value) in entries(Some(node), diagnostics) {
        let texts: Vec<_> = one_or_many(value, diagnostics)
            .iter()
            .filter_map(|item| diagnostics.check(expected(item)))
            .collect();
        found.push(Expectation {
            claim: ClaimPath([key.text.clone()].into()),
            one_of: texts.into(),
        });
    }
    found
}

/// Text; `true` and `false` stand for what a boolean is.
fn expected(node: &Node) -> Result<Box<str>, Diagnostic> {
    match node.as_bool() {
        Ok(value) => Ok(value.to_string().into()),
        Err(_) => node.as_str().map(Box::from),
    }
}

/// `principal`, with the preset's claims where it says nothing.
pub(super) fn principal(
    node: Option<&Node>,
    preset: &Preset,
    schema: &Schema<'_>,
    diagnostics: &mut Diagnostics,
) -> PrincipalMap {
    let mut map = PrincipalMap {
        id: path_of(preset.id),
        roles: None,
        scopes: paths_of(preset.scopes),
        groups: paths_of(preset.groups),
        attributes: Vec::new(),
    };
    let mut reader = node.and_then(|node| diagnostics.check(MappingReader::new(node)));
    if let Some(reader) = &mut reader {
        if let Some(node) = reader.take("id") {
            map.id = path(node, diagnostics).unwrap_or(map.id);
        }
        if let Some((key, node)) = reader.take_entry("roles") {
            map.roles = roles(key, node, preset, diagnostics);
        }
        if let Some(node) = reader.take("scopes") {
            map.scopes = paths(node, diagnostics).unwrap_or_default();
        }
        if let Some(node) = reader.take("groups") {
            map.groups = paths(node, diagnostics).unwrap_or_default();
        }
        let given = reader.take("attributes");
        map.attributes = attributes(given, schema, diagnostics);
    }
    if let Some(reader) = reader {
        reader.finish(diagnostics);
    }
    // What a preset knows is taken where the policy declares an attribute of that name.
    for (name, names) in preset.attributes {
        let is_free = !map.attributes.iter().any(|(known, _)| **known == **name);
        if is_free && schema.declares(name, Owner::Principal) {
            map.attributes.push(((*name).into(), path_of(names)));
        }
    }
    map
}

/// `{ from, only }` or `{ from, map }`: what a token says is never taken as it is.
fn roles(
    key: &Key,
    node: &Node,
    preset: &Preset,
    diagnostics: &mut Diagnostics,
) -> Option<RoleClaims> {
    let mut reader = diagnostics.check(MappingReader::new(node))?;
    let from = match reader.take("from") {
        Some(node) => paths(node, diagnostics),
        None if preset.roles.is_empty() => {
            let error = Diagnostic::error(Code::MISSING_KEY, key.span, "no claim holds the roles");
            diagnostics.push(error.help("write `from: [[roles]]`, a list of claims"));
            None
        }
        None => Some(paths_of(preset.roles)),
    };
    let (only, map) = (reader.take_entry("only"), reader.take_entry("map"));
    reader.finish(diagnostics);
    let mut values: Vec<(Box<str>, Vec<Name>)> = Vec::new();
    match (only, map) {
        (None, None) => {
            let message = "any role that a token names would be held";
            let error = Diagnostic::error(Code::ROLES_UNBOUNDED, key.span, message);
            diagnostics.push(error.help(
                "list the roles that may come from tokens, `only: [clerk]`, \
                 or say what its values stand for, `map: { shop-clerk: clerk }`",
            ));
        }
        (Some(_), Some((second, _))) => {
            let message = "`only` and `map` stand beside each other";
            let error = Diagnostic::error(Code::ROLES_UNBOUNDED, second.span, message);
            diagnostics.push(error.help("a `map` names every role that may come from tokens"));
        }
        (Some((_, node)), None) => {
            for item in one_or_many(node, diagnostics) {
                if let Some(name) = diagnostics.check(referred(item)) {
                    values.push((name.text.clone(), vec![name]));
                }
            }
        }
        (None, Some((_, node))) => {
            let listed = entries(Some(node), diagnostics);
            if listed.is_empty() && matches!(node.kind, Kind::Mapping(_)) {
                let error = Diagnostic::error(Code::EMPTY_LIST, node.span, "an empty mapping");
                diagnostics.push(error.help("map one value at least, or leave `roles` out"));
            }
            for (value, roles) in listed {
                let names = one_or_many(roles, diagnostics).iter();
                let names = names.filter_map(|name| diagnostics.check(referred(name)));
                values.push((value.text.clone(), names.collect()));
            }
        }
    }
    Some(RoleClaims {
        from: from?,
        values,
    })
}

fn attributes(
    node: Option<&Node>,
    schema: &Schema<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<(Box<str>, ClaimPath)> {
    let mut found = Vec::new();
    for (key, node) in entries(node, diagnostics) {
        let path = path(node, diagnostics);
        let Some(Some(declared)) = diagnostics.check(schema.attribute(&key.text, key.span)) else {
            continue;
        };
        if declared.owner != Owner::Principal {
            let theirs = declared.owner.word();
            let message = format!(
                "\"{}\" is declared as an attribute of the {theirs}, and a token tells those of the principal",
                key.text
            );
            let error = Diagnostic::error(Code::UNKNOWN_ATTRIBUTE, key.span, message);
            diagnostics.push(error.help("declare one with `of: principal`"));
            continue;
        }
        found.extend(path.map(|path| (key.text.clone(), path)));
    }
    found
}
