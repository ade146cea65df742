//! Rules: effect, match, mode and requirements.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Code, Diagnostic};
use crate::program::vocabulary::Truth;
use crate::rule::{LayerId, Matcher, Name, Predicate, Rule, RuleEffect, RuleSet, Test};
use crate::text::{Key, MappingReader, Node, Span};

use super::condition::{Conditions, OwnCaptures};
use super::document::{Sections, entries};
use super::layer::MODES;
use super::matching::{self, Scope, all_of, is_identified};
use super::names::{Definitions, check_id, whole};
use super::requirement;
use super::words::word;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
    Require,
}

const EFFECTS: &[(&str, Effect)] = &[
    ("allow", Effect::Allow),
    ("deny", Effect::Deny),
    ("require", Effect::Require),
];

/// What a decision by a role is reported under.
const ROLES_PREFIX: &str = "roles.";

/// Lowers the rules of one source.
pub(super) fn lower<'a>(
    section: &Sections<'a>,
    layer: LayerId,
    ids: &mut Definitions,
    rules: &mut RuleSet,
    scope: &mut Scope<'_, 'a>,
    conditions: &mut Conditions<'_>,
) {
    for (key, node) in entries(section.rules, scope.diagnostics) {
        let id = scope.diagnostics.check(rule_id(key));
        let id = id.filter(|id| ids.define(id, scope.diagnostics));
        let rule = rule(key, node, layer, scope, conditions);
        if let (Some(id), Some(rule)) = (id, rule) {
            rules.rules.push(Rule { id, ..rule });
        }
    }
}

fn rule_id(key: &Key) -> Result<Name, Diagnostic> {
    let id = check_id(&key.text, key.span)?;
    if !id.text.starts_with(ROLES_PREFIX) {
        return Ok(id);
    }
    let message =
        format!("an id that begins with \"{ROLES_PREFIX}\" stands for a role in decisions");
    let error = Diagnostic::error(Code::BAD_NAME, key.span, message);
    Err(error.help("choose another id"))
}

fn rule<'a>(
    key: &'a Key,
    node: &'a Node,
    layer: LayerId,
    scope: &mut Scope<'_, 'a>,
    conditions: &mut Conditions<'_>,
) -> Option<Rule> {
    let mut reader = scope.diagnostics.check(MappingReader::new(node))?;
    let effect = reader.read_required("effect", |node| word(node, EFFECTS), scope.diagnostics);
    let when = reader.take_entry("when");
    // For people only; that it is text is all that is asked of it.
    reader.read("about", Node::as_str, scope.diagnostics);
    let mode = reader.read("mode", |node| word(node, MODES), scope.diagnostics);
    let (matched, require) = (reader.take_entry("match"), reader.take_entry("require"));
    reader.finish(scope.diagnostics);

    // A rule without an effect is read on, as the one that is read most strictly.
    let allow = effect.is_none_or(|effect| effect == Effect::Allow);
    let said = matched.and_then(|(_, node)| matching::lower(node, allow, scope));
    let requirements = require.map_or(Vec::new(), |(_, node)| requirement::lower(node, scope));
    let effect = match (effect?, require) {
        (Effect::Allow, None) => RuleEffect::Allow,
        (Effect::Deny, None) => RuleEffect::Deny,
        (Effect::Require, Some(_)) => RuleEffect::Require(requirements),
        (_, require) => {
            let require = require.map(|(key, _)| key.span);
            scope.diagnostics.push(require_mismatch(require, key.span));
            return None;
        }
    };
    let is_missing = matched.is_none() || said.as_ref().is_some_and(|said| said.is_empty);
    if allow && is_missing && when.is_none() {
        let at = matched.map_or(key.span, |(key, _)| key.span);
        let message = "this allow does not say what it matches";
        let error = Diagnostic::error(Code::MATCH_MISSING, at, message);
        let help = "to allow everything, say to whom: `match: { who: authenticated }`";
        scope.diagnostics.push(error.help(help));
    }
    let names_who = said.as_ref().is_some_and(|said| said.names_who);
    let mut predicate = said.map_or(Predicate::TRUE, |said| said.predicate);
    if allow && !names_who {
        let identified = is_identified(Truth::False, key.span);
        predicate = all_of(vec![identified, predicate]);
    }
    if let Some((_, when)) = when {
        let own = own_captures(&predicate);
        let condition = conditions.of_rule(when, &own, scope.diagnostics)?;
        predicate = all_of(vec![predicate, conditions.predicate(&condition)]);
    }
    Some(Rule {
        id: super::names::name(&key.text, key.span),
        span: whole(key, node),
        layer,
        mode: mode.unwrap_or_default(),
        effect,
        predicate,
    })
}

/// A rule that requires nothing, or that says what it requires and does something else.
fn require_mismatch(require: Option<Span>, rule: Span) -> Diagnostic {
    let error = |span, message: &str| Diagnostic::error(Code::REQUIRE_MISMATCH, span, message);
    match require {
        None => error(rule, "this rule requires nothing")
            .help("such as `require: { approval: { groups: [finance] } }`"),
        Some(require) => error(require, "`require` stands on a rule of another effect")
            .help("write `effect: require`, as a rule of its own"),
    }
}

/// The captures of a rule's own routes, with their places; no place where one of its routes has the name elsewhere or not at all.
pub(super) fn own_captures(predicate: &Predicate) -> OwnCaptures {
    captures(predicate).into_iter().collect()
}

fn captures(predicate: &Predicate) -> BTreeMap<Box<str>, Option<usize>> {
    match predicate {
        Predicate::All(parts) => {
            let mut all: BTreeMap<Box<str>, Option<usize>> = BTreeMap::new();
            for (name, at) in parts.iter().flat_map(captures) {
                all.entry(name)
                    .and_modify(|place| *place = (*place).filter(|place| Some(*place) == at))
                    .or_insert(at);
            }
            all
        }
        Predicate::Any(parts) => {
            let branches: Vec<_> = parts.iter().map(captures).collect();
            let names: BTreeSet<_> = branches.iter().flat_map(BTreeMap::keys).cloned().collect();
            let place = |name: &str| {
                let first = branches.first()?.get(name).copied()??;
                let agreed = |branch: &BTreeMap<Box<str>, Option<usize>>| {
                    branch.get(name) == Some(&Some(first))
                };
                branches.iter().all(agreed).then_some(first)
            };
            names
                .into_iter()
                .map(|name| (name.clone(), place(&name)))
                .collect()
        }
        Predicate::Test(Test {
            matcher: Matcher::Path(template),
            ..
        }) => template
            .captures()
            .map(|(name, at)| (name.into(), Some(at)))
            .collect(),
        // What a rule is not for, it captures nothing of.
        _ => BTreeMap::new(),
    }
}
