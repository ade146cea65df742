//! From the rule representation to a program: names become numbers, rules become an index.
//!
//! | module | makes |
//! |---|---|
//! | [`names`] | numbers of names |
//! | [`hierarchy`] | closures of roles, exclusions |
//! | [`identity`] | whom to believe about the caller |
//! | [`grants`] | grants by subject |
//! | [`separation`] | whether grants break a separation of duty |
//! | [`alternatives`] | facts of a rule that the index can establish |
//! | [`index`] | the path index and its leaves |
//! | [`predicates`] | what is left to ask |
//! | [`limits`] | limits and what actions cost |
//! | [`answers`] | what decisions say and hand out |

mod alternatives;
mod answers;
mod grants;
mod hierarchy;
mod identity;
mod index;
mod limits;
mod names;
mod predicates;
mod separation;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::MAX_LAYERS;
use crate::pattern::cidr::CidrSet;
use crate::pattern::path::TrailingSlash;
use crate::pattern::text::TextPattern;
use crate::program::grants::Grants;
use crate::program::leaf::MAX_RULES;
use crate::program::methods::Methods;
use crate::program::predicate::Slot;
use crate::program::roles::Roles;
use crate::program::vocabulary::Attribute;
use crate::program::{Inputs, Layers, Network, Program};
use crate::rule::{self, ExclusionKind, Mode, Permission, Predicate, Role, RuleSet};
use crate::text::{Sources, Span};
use answers::Answers;
use grants::GrantCompiler;
use hierarchy::Hierarchy;
use index::{IndexBuilder, check_action};
use names::Vocabulary;

/// A rule or a role, in source order.
enum Speaker<'r> {
    Rule(&'r rule::Rule),
    Role(&'r Role, &'r Predicate),
}

impl Speaker<'_> {
    const fn span(&self) -> Span {
        match self {
            Self::Rule(rule) => rule.span,
            Self::Role(role, _) => role.span,
        }
    }
}

/// Compiles a rule set. What comes back is not to be used if there are errors.
pub(crate) fn compile(
    rules: &RuleSet,
    sources: &Sources,
    seed: u64,
    diagnostics: &mut Diagnostics,
) -> Program {
    let mut vocabulary = Vocabulary::of(rules, diagnostics);
    let hierarchy = Hierarchy::of(rules, &vocabulary, diagnostics);
    let identity = identity::compile(rules, &mut vocabulary, seed, diagnostics);
    let grants = GrantCompiler {
        rules,
        vocabulary: &mut vocabulary,
        hierarchy: &hierarchy,
        sources,
        seed,
        diagnostics,
    }
    .compile();
    let methods = Methods::new(
        vocabulary.custom_methods.build(seed),
        rules.paths.head_as_get,
    );
    let permissions: Vec<Predicate> = rules.roles.iter().map(answers::permission).collect();
    let speakers = speakers(rules, &permissions, diagnostics);
    check_permissions(rules, &vocabulary, diagnostics);

    let distinct_slash = rules.paths.trailing_slash == TrailingSlash::Distinct;
    let mut index = IndexBuilder::new(&mut vocabulary, &methods, distinct_slash, seed, diagnostics);
    index.add_routes(&rules.actions);
    let mut answers = Answers::default();
    for speaker in &speakers {
        answers.add(speaker, rules, sources, &mut index);
    }
    let outputs = answers.outputs(rules, &mut index);
    let domains = answers.domains(rules, &mut index);
    let limits = limits::compile(rules, sources, &mut index);
    let condition_slots = answers.condition_slots(rules, &mut index);
    let index = index.finish(speakers.first().map(Speaker::span));
    vocabulary.check_counts(diagnostics);
    Program {
        paths: index.paths,
        hosts: index.hosts,
        leaves: index.leaves,
        everywhere: index.everywhere,
        without_path: index.without_path,
        actions: index.actions,
        routes: index.routes,
        predicates: index.predicates,
        conditions: answers::conditions(&vocabulary),
        condition_slots,
        most_leaves: index.most_leaves,
        layers: layers(rules, diagnostics),
        roles: roles(&vocabulary, &hierarchy, seed),
        inputs: inputs(&vocabulary, &grants, domains, seed),
        grants,
        limits,
        methods,
        identity,
        needs: identity::needs(rules, sources),
        network: network(&rules.network),
        normalize: rules.paths.normalize,
        trailing_slash: rules.paths.trailing_slash,
        action_about: answers::action_about(rules),
        rules: answers.rules.into(),
        requires: answers.requires.into(),
        outputs,
        statements: answers.statements,
        sources: sources.names().map(Into::into).collect(),
    }
}

/// Rules and roles in source order: what is reported first does not depend on the order of files or sections.
fn speakers<'r>(
    rules: &'r RuleSet,
    permissions: &'r [Predicate],
    diagnostics: &mut Diagnostics,
) -> Vec<Speaker<'r>> {
    let of_rules = rules.rules.iter().map(Speaker::Rule);
    let of_roles = rules
        .roles
        .iter()
        .zip(permissions)
        .map(|(role, permission)| Speaker::Role(role, permission));
    let mut speakers: Vec<_> = of_rules.chain(of_roles).collect();
    speakers.sort_by_key(Speaker::span);
    let routes: usize = rules.actions.iter().map(|action| action.routes.len()).sum();
    if speakers.len().max(routes) >= MAX_RULES {
        diagnostics.push(Diagnostic::error_of_load(
            Code::TOO_MANY_RULES,
            format!("a policy holds fewer than {MAX_RULES} rules and routes"),
        ));
    }
    speakers
}

fn check_permissions(rules: &RuleSet, vocabulary: &Vocabulary<'_>, diagnostics: &mut Diagnostics) {
    for Permission { action, span } in rules.roles.iter().flat_map(|role| &role.can) {
        check_action(action, *span, vocabulary, diagnostics);
    }
    let of_rules = rules.rules.iter().map(|rule| &rule.predicate);
    let of_limits = rules.limits.iter().map(|limit| &limit.predicate);
    of_rules
        .chain(of_limits)
        .for_each(|predicate| check_actions_of(predicate, vocabulary, diagnostics));
}

fn check_actions_of(
    predicate: &Predicate,
    vocabulary: &Vocabulary<'_>,
    diagnostics: &mut Diagnostics,
) {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => parts
            .iter()
            .for_each(|part| check_actions_of(part, vocabulary, diagnostics)),
        Predicate::Not(part) => check_actions_of(part, vocabulary, diagnostics),
        Predicate::When { apart, .. } => {
            check_actions_of(apart, vocabulary, diagnostics);
            check_roles_of(apart, vocabulary, diagnostics);
        }
        Predicate::Part { .. } => {}
        Predicate::Test(test) => {
            if let rule::Matcher::Action(pattern) = &test.matcher {
                check_action(pattern, test.span, vocabulary, diagnostics);
            }
        }
    }
}

/// Roles that a condition asks for by name; those of `match` are checked where they are compiled.
fn check_roles_of(
    predicate: &Predicate,
    vocabulary: &Vocabulary<'_>,
    diagnostics: &mut Diagnostics,
) {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => {
            for part in parts {
                check_roles_of(part, vocabulary, diagnostics);
            }
        }
        Predicate::Not(part) => check_roles_of(part, vocabulary, diagnostics),
        Predicate::Test(test) => {
            if let (Attribute::Roles, rule::Matcher::Text(TextPattern::Exact(name))) =
                (&test.attribute, &test.matcher)
            {
                let text = String::from_utf8_lossy(name).into();
                vocabulary.role(
                    &rule::Name {
                        text,
                        span: test.span,
                    },
                    diagnostics,
                );
            }
        }
        Predicate::When { .. } | Predicate::Part { .. } => {}
    }
}

fn is_shadow(layer: rule::LayerId, rules: &RuleSet) -> bool {
    rules
        .layers
        .get(usize::from(layer.0))
        .is_some_and(|layer| layer.mode == Mode::Shadow)
}

fn layers(rules: &RuleSet, diagnostics: &mut Diagnostics) -> Layers {
    if rules.layers.len() > MAX_LAYERS {
        diagnostics.push(Diagnostic::error_of_load(
            Code::TOO_MANY_LAYERS,
            format!("a policy has at most {MAX_LAYERS} layers"),
        ));
    }
    let bits = |wanted: &dyn Fn(&rule::Layer) -> bool| {
        rules
            .layers
            .iter()
            .take(MAX_LAYERS)
            .enumerate()
            .filter(|(_, layer)| wanted(layer))
            .fold(0u64, |bits, (at, _)| bits | 1 << at)
    };
    let rule_in_shadow = rules.rules.iter().any(|rule| rule.mode == Mode::Shadow);
    Layers {
        enforced: bits(&|layer| layer.mode == Mode::Enforce),
        virtually: bits(&|_| true),
        default_allow: bits(&|layer| layer.default_allow),
        any_shadow: rule_in_shadow || rules.layers.iter().any(|layer| layer.mode == Mode::Shadow),
        names: rules
            .layers
            .iter()
            .map(|layer| layer.name.as_ref().map(|name| name.text.clone()))
            .collect(),
    }
}

fn roles(vocabulary: &Vocabulary<'_>, hierarchy: &Hierarchy, seed: u64) -> Roles {
    Roles {
        names: vocabulary.roles.build(seed),
        closure: hierarchy.closures(),
        excluded_held: hierarchy.excluded(ExclusionKind::Static),
        excluded_active: hierarchy.excluded(ExclusionKind::Dynamic),
    }
}

fn network(given: &rule::Network) -> Network {
    Network {
        trusted_proxies: CidrSet::new(given.trusted_proxies.iter().copied()),
        xff_hops: given.xff_hops,
    }
}

fn inputs(
    vocabulary: &Vocabulary<'_>,
    grants: &Grants,
    domains: Box<[(Box<str>, Slot)]>,
    seed: u64,
) -> Inputs {
    Inputs {
        headers: vocabulary.headers.build(seed),
        queries: vocabulary.queries.build(seed),
        attribute_names: vocabulary.attributes.build(seed),
        attributes: vocabulary.declared.clone().into(),
        captures: vocabulary.captures.build(seed),
        domains,
        time: vocabulary.time || !grants.windows.is_empty(),
        remote_ip: vocabulary.remote_ip,
    }
}
