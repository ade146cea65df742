//! `require`: what the host must do, or what must have been done.

use crate::decision::Parameter;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::rule::Requirement;
use crate::text::{Key, Kind, MappingReader, Node, Style};

use super::document::entries;
use super::matching::{Scope, bypass, one_or_many};
use super::names::name;

/// The names under which an obligation itself is handed out.
const TAKEN: &[&str] = &["id", "type"];

type Parameters = Vec<(Box<str>, Parameter)>;

/// One requirement for each type.
pub(super) fn lower<'a>(node: &'a Node, scope: &mut Scope<'_, 'a>) -> Vec<Requirement> {
    let types = entries(Some(node), scope.diagnostics);
    if types.is_empty() && matches!(node.kind, Kind::Mapping(_)) {
        let message = "`require` names no requirement";
        let error = Diagnostic::error(Code::EMPTY_LIST, node.span, message);
        scope
            .diagnostics
            .push(error.help("such as `require: { approval: { groups: [finance] } }`"));
    }
    types
        .iter()
        .filter_map(|(key, value)| requirement(key, value, scope))
        .collect()
}

fn requirement<'a>(key: &'a Key, node: &'a Node, scope: &mut Scope<'_, 'a>) -> Option<Requirement> {
    let kind = name(&key.text, key.span);
    let is_slug = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if key.text.is_empty() || !is_slug(&key.text) {
        let message = format!("\"{}\" is no type of a requirement", key.text);
        let error = Diagnostic::error(Code::BAD_NAME, key.span, message);
        scope
            .diagnostics
            .push(error.help("a type is made of letters, digits and `_`"));
    }
    let plain = |parameters| Requirement {
        kind: kind.clone(),
        parameters,
        bypass: None,
    };
    match &*key.text {
        "approval" => {
            let (parameters, bypass) = approval(node, scope)?;
            Some(Requirement {
                kind: kind.clone(),
                parameters,
                bypass,
            })
        }
        "assume_role" => assume_role(node, scope.diagnostics).map(plain),
        _ => others(node, scope.diagnostics).map(plain),
    }
}

fn approval<'a>(
    node: &'a Node,
    scope: &mut Scope<'_, 'a>,
) -> Option<(Parameters, Option<crate::rule::Predicate>)> {
    let mut reader = scope.diagnostics.check(MappingReader::new(node))?;
    let groups = reader.require("groups", scope.diagnostics);
    let groups = groups.map(|node| approvers(node, scope.diagnostics));
    let min = reader.read("min", at_least_one, scope.diagnostics);
    let max_age = reader.read("max_age", longer_than_nothing, scope.diagnostics);
    let single_use = reader.read("single_use", Node::as_bool, scope.diagnostics);
    let bypassers = reader.take("bypass");
    reader.finish(scope.diagnostics);
    let bypass = bypassers.map(|node| bypass(node, scope));
    let mut parameters = vec![
        ("groups".into(), Parameter::List(groups?)),
        ("min".into(), Parameter::Int(min.unwrap_or(1))),
    ];
    parameters.extend(max_age.map(|ms| ("max_age_ms".into(), Parameter::Int(ms))));
    parameters.extend(single_use.map(|once| ("single_use".into(), Parameter::Bool(once))));
    Some((parameters, bypass))
}

fn approvers(node: &Node, diagnostics: &mut Diagnostics) -> Vec<Parameter> {
    let groups = one_or_many(node, diagnostics).iter();
    let read = |node: &Node| {
        let name = diagnostics.check(super::matching::subject::exact(node))?;
        Some(Parameter::String(name.text))
    };
    groups.filter_map(read).collect()
}

fn assume_role(node: &Node, diagnostics: &mut Diagnostics) -> Option<Parameters> {
    let mut reader = diagnostics.check(MappingReader::new(node))?;
    let named = ["role", "role_arn"]
        .into_iter()
        .filter_map(|key| reader.take_entry(key));
    let named: Vec<_> = named.collect();
    let max_duration = reader.read("max_duration", longer_than_nothing, diagnostics);
    let rest: Vec<_> = ["session_policy", "tags"]
        .into_iter()
        .filter_map(|key| reader.take_entry(key))
        .map(|(key, node)| (key.text.clone(), parameter(node)))
        .collect();
    reader.finish(diagnostics);
    let [(key, role)] = named.as_slice() else {
        let at = named.get(1).map_or(node.span, |(key, _)| key.span);
        let message = "`assume_role` names one role, by `role` or by `role_arn`";
        diagnostics.push(Diagnostic::error(Code::BAD_REQUIREMENT, at, message));
        return None;
    };
    let role = diagnostics.check(super::names::referred(role))?;
    let mut parameters = vec![(key.text.clone(), Parameter::String(role.text))];
    parameters.extend(max_duration.map(|ms| ("max_duration_ms".into(), Parameter::Int(ms))));
    parameters.extend(rest);
    Some(parameters)
}

/// A type of the host's own: its parameters are handed out as they are written.
fn others(node: &Node, diagnostics: &mut Diagnostics) -> Option<Parameters> {
    if node.is_null() || node.as_bool().is_ok_and(|yes| yes) {
        return Some(Vec::new());
    }
    if !matches!(node.kind, Kind::Mapping(_)) {
        let error = node.mismatch("a mapping of parameters");
        diagnostics.push(error.help("write `true` where there are none"));
        return None;
    }
    let entries = entries(Some(node), diagnostics);
    for (key, _) in entries
        .iter()
        .filter(|(key, _)| TAKEN.contains(&&*key.text))
    {
        let message = format!(
            "the name \"{}\" is taken by the obligation itself",
            key.text
        );
        let error = Diagnostic::error(Code::BAD_REQUIREMENT, key.span, message);
        diagnostics.push(error.help("give the parameter another name"));
    }
    Some(
        entries
            .iter()
            .map(|(key, node)| (key.text.clone(), parameter(node)))
            .collect(),
    )
}

/// Any tree; scalars without quotes are what they look like.
fn parameter(node: &Node) -> Parameter {
    match &node.kind {
        Kind::Sequence(items) => Parameter::List(items.iter().map(parameter).collect()),
        Kind::Mapping(entries) => {
            let pair = |(key, node): &(Key, Node)| (key.text.clone(), parameter(node));
            Parameter::Map(entries.iter().map(pair).collect())
        }
        Kind::Scalar {
            text,
            style: Style::Plain | Style::JsonBare,
        } => {
            if node.is_null() {
                return Parameter::Null;
            }
            let bool = node.as_bool().map(Parameter::Bool);
            let int = || node.as_i64().map(Parameter::Int);
            let double = || node.as_f64().map(Parameter::Double);
            let typed = bool.or_else(|_| int()).or_else(|_| double());
            typed.unwrap_or_else(|_| Parameter::String(text.clone()))
        }
        Kind::Scalar { text, .. } => Parameter::String(text.clone()),
    }
}

fn at_least_one(node: &Node) -> Result<i64, Diagnostic> {
    let number = node.as_i64()?;
    if (1..=1_000).contains(&number) {
        return Ok(number);
    }
    let message = "this number is out of range: 1 to 1000";
    Err(Diagnostic::error(Code::BAD_NUMBER, node.span, message))
}

fn longer_than_nothing(node: &Node) -> Result<i64, Diagnostic> {
    let milliseconds = node.as_duration_ms()?;
    let number = i64::try_from(milliseconds)
        .ok()
        .filter(|number| *number > 0);
    number.ok_or_else(|| {
        let message = if milliseconds == 0 {
            "a duration of nothing"
        } else {
            "this duration is too long"
        };
        Diagnostic::error(Code::BAD_DURATION, node.span, message)
    })
}
