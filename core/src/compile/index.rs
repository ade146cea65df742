//! The index: every alternative of every rule put into its place.

use super::alternatives::{ActionKey, Alternative, Facts, alternatives, template_steps};
use super::names::{OwnCaptures, Vocabulary, unknown};
use super::predicates::Emit;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::{MAX_ENTRIES, MAX_HOST_BYTES, MAX_WALK};
use crate::pattern::action::ActionPattern;
use crate::pattern::host::HostKey;
use crate::pattern::template::Method;
use crate::program::hash::BuildFold;
use crate::program::leaf::{Entry, EntryKind, Leaf, Leaves, LeavesBuilder};
use crate::program::methods::{self, Methods};
use crate::program::names::{Names, number};
use crate::program::paths::{PathIndex, PathIndexBuilder, RootId};
use crate::program::predicate::{PredicateId, Predicates};
use crate::program::{Actions, Hosts, Route};
use crate::rule::{Action, Matcher, Predicate};
use crate::text::Span;
use std::collections::HashMap;

/// A pattern that names more declared actions than this is asked instead of being spread over them.
const SPREAD_ACTIONS: usize = 256;

/// The index while it is built.
pub(super) struct IndexBuilder<'b, 'r> {
    pub(super) vocabulary: &'b mut Vocabulary<'r>,
    pub(super) methods: &'b Methods,
    pub(super) distinct_slash: bool,
    pub(super) seed: u64,
    pub(super) diagnostics: &'b mut Diagnostics,
    pub(super) paths: PathIndexBuilder<'r>,
    pub(super) leaves: LeavesBuilder,
    pub(super) predicates: Predicates,
    pub(super) routes: Vec<Route>,
    pub(super) exact_hosts: HashMap<&'r [u8], RootId, BuildFold>,
    pub(super) suffix_hosts: HashMap<&'r [u8], RootId, BuildFold>,
    /// The leaf of each action, by number.
    pub(super) action_leaves: Vec<u32>,
    pub(super) undeclared: u32,
    pub(super) everywhere: u32,
    /// For requests without a path: rules that bind them in doubt.
    pub(super) without_path: u32,
    /// What is left to ask, by where it is written: alternatives of one rule share it.
    shared: HashMap<Vec<usize>, PredicateId, BuildFold>,
}

/// What an entry says beside its place.
#[derive(Clone, Copy)]
pub(super) struct Says {
    pub(super) kind: EntryKind,
    pub(super) shadow: bool,
    pub(super) rule: u32,
}

impl<'b, 'r> IndexBuilder<'b, 'r> {
    pub(super) fn new(
        vocabulary: &'b mut Vocabulary<'r>,
        methods: &'b Methods,
        distinct_slash: bool,
        seed: u64,
        diagnostics: &'b mut Diagnostics,
    ) -> Self {
        let (mut paths, mut leaves) = (PathIndexBuilder::default(), LeavesBuilder::default());
        paths.root();
        let (undeclared, everywhere, without_path) = (leaves.leaf(), leaves.leaf(), leaves.leaf());
        let action_leaves = (0..vocabulary.actions.len())
            .map(|_| leaves.leaf())
            .collect();
        Self {
            vocabulary,
            methods,
            distinct_slash,
            seed,
            diagnostics,
            paths,
            leaves,
            predicates: Predicates::default(),
            routes: Vec::new(),
            exact_hosts: HashMap::default(),
            suffix_hosts: HashMap::default(),
            action_leaves,
            undeclared,
            everywhere,
            without_path,
            shared: HashMap::default(),
        }
    }

    /// Routes name actions; of two that match one path the more specific one does.
    pub(super) fn add_routes(&mut self, actions: &'r [Action]) {
        let mut all: Vec<_> = actions
            .iter()
            .enumerate()
            .flat_map(|(at, action)| {
                action
                    .routes
                    .iter()
                    .map(move |(route, span)| (at, route, *span))
            })
            .collect();
        all.sort_by(|(_, a, _), (_, b, _)| b.template.cmp_specificity(&a.template));
        let groups = all.chunk_by(|(_, a, _), (_, b, _)| a.template.same_shape(&b.template));
        for (rank, group) in (1..).zip(groups) {
            self.check_ties(group.iter().map(|(at, route, span)| {
                (
                    actions.get(*at).map_or("", |action| &*action.name.text),
                    *route,
                    *span,
                )
            }));
            for (action, route, _) in group {
                let (steps, tail) = template_steps(
                    route.template.segments(),
                    self.distinct_slash && route.template.trailing_slash(),
                );
                let leaf = self
                    .paths
                    .leaf(RootId(0), steps.into_iter(), tail, &mut self.leaves);
                let methods = match &route.method {
                    Method::Any => methods::ANY,
                    Method::Token(method) => self.methods.bits(method.as_bytes()),
                };
                let short = |at: usize| u8::try_from(at).unwrap_or(u8::MAX);
                let capture = |name: &str| {
                    self.vocabulary
                        .captures
                        .get(0, name)
                        .and_then(|id| u16::try_from(id).ok())
                };
                let captures = route
                    .template
                    .captures()
                    .filter_map(|(name, at)| Some((capture(name)?, short(at))))
                    .collect();
                let entry = Entry::new(
                    EntryKind::Route,
                    false,
                    number(self.routes.len()),
                    None,
                    methods,
                    PredicateId::TRUE,
                );
                self.routes.push(Route {
                    action: number(*action),
                    rank,
                    captures,
                });
                self.leaves.push(leaf, entry);
            }
        }
    }

    /// Two routes of one shape must differ in their method.
    fn check_ties<'g>(
        &mut self,
        group: impl Iterator<Item = (&'g str, &'g crate::pattern::template::Route, Span)>,
    ) {
        let mut seen: HashMap<(&Method, bool), (&str, Span)> = HashMap::new();
        for (action, route, span) in group {
            let slash = self.distinct_slash && route.template.trailing_slash();
            match seen.get(&(&route.method, slash)) {
                None => {
                    seen.insert((&route.method, slash), (action, span));
                }
                Some((other, first)) => {
                    let message = if *other == action {
                        format!("action \"{action}\" has this route twice")
                    } else {
                        format!("this route names both \"{other}\" and \"{action}\"")
                    };
                    let diagnostic = Diagnostic::error(Code::ROUTE_TIE, span, message)
                        .related(*first, "the same route");
                    self.diagnostics.push(diagnostic.help("names of captures make no difference; keep one of the two, or tell them apart by method or path"));
                }
            }
        }
    }

    /// Puts a rule into the index.
    pub(super) fn add_rule(&mut self, predicate: &'r Predicate, own: &OwnCaptures<'r>, says: Says) {
        self.shared.clear();
        let facts = Facts {
            vocabulary: self.vocabulary,
            methods: self.methods,
            distinct_slash: self.distinct_slash,
            binds_in_doubt: says.kind != EntryKind::Allow,
        };
        for alternative in alternatives(predicate, &facts) {
            if self.leaves.is_full() {
                break;
            }
            self.add_alternative(&alternative, own, says);
        }
    }

    fn add_alternative(
        &mut self,
        alternative: &Alternative<'r>,
        own: &OwnCaptures<'r>,
        says: Says,
    ) {
        let literals = alternative
            .path
            .as_ref()
            .is_some_and(|path| !path.steps.is_empty());
        let by_path = alternative.host.is_some()
            || literals
            || (alternative.path.is_some() && alternative.action.is_none());
        let left = alternative.left_to_ask(by_path);
        if by_path {
            let root = alternative
                .host
                .as_ref()
                .map_or(RootId(0), |host| self.host_root(host.key));
            let predicate = self.emit(&left, own);
            let entry = self.entry(alternative, predicate, says);
            if alternative.path.as_ref().is_some_and(|path| path.or_none) {
                // That place establishes neither path nor host.
                let mut left = alternative.left_to_ask(false);
                left.extend(alternative.action.map(|action| action.whole));
                let predicate = self.emit(&left, own);
                let entry = self.entry(alternative, predicate, says);
                self.leaves.push(self.without_path, entry);
            }
            match &alternative.path {
                Some(path) => self.put(root, path.steps.iter().copied(), path.tail, entry),
                None => {
                    self.put(root, std::iter::empty(), false, entry);
                    self.put(root, std::iter::empty(), true, entry);
                }
            }
        } else if let Some(action) = alternative.action {
            self.add_by_action(alternative, action, left, own, says);
        } else {
            let predicate = self.emit(&left, own);
            let entry = self.entry(alternative, predicate, says);
            self.leaves.push(self.everywhere, entry);
        }
    }

    fn put(
        &mut self,
        root: RootId,
        steps: impl Iterator<Item = crate::program::paths::Step<'r>>,
        tail: bool,
        entry: Entry,
    ) {
        let leaf = self.paths.leaf(root, steps, tail, &mut self.leaves);
        self.leaves.push(leaf, entry);
    }

    fn entry(&self, alternative: &Alternative<'r>, predicate: PredicateId, says: Says) -> Entry {
        Entry::new(
            says.kind,
            says.shadow,
            says.rule,
            alternative.role.map(|(role, _)| role),
            alternative.methods,
            predicate,
        )
    }

    fn add_by_action(
        &mut self,
        alternative: &Alternative<'r>,
        action: ActionKey<'r>,
        mut left: Vec<&'r Predicate>,
        own: &OwnCaptures<'r>,
        says: Says,
    ) {
        let Matcher::Action(pattern) = &action.test.matcher else {
            return;
        };
        let matching = self.matching_actions(pattern);
        let spread = matching.len() <= SPREAD_ACTIONS;
        if spread {
            let predicate = self.emit(&left, own);
            let entry = self.entry(alternative, predicate, says);
            for action in &matching {
                if let Some(leaf) = self.action_leaves.get(*action as usize) {
                    self.leaves.push(*leaf, entry);
                }
            }
        }
        if !pattern.is_exact() || matching.is_empty() {
            left.push(action.whole);
            let predicate = self.emit(&left, own);
            let entry = self.entry(alternative, predicate, says);
            self.leaves.push(
                if spread {
                    self.undeclared
                } else {
                    self.everywhere
                },
                entry,
            );
        }
    }

    /// The declared actions that a pattern names.
    pub(super) fn matching_actions(&self, pattern: &ActionPattern) -> Vec<u32> {
        if pattern.is_exact() {
            return self
                .vocabulary
                .actions
                .get(0, pattern.as_str())
                .into_iter()
                .collect();
        }
        let names = self.vocabulary.actions.iter().enumerate();
        names
            .filter(|(_, name)| pattern.matches(name.as_bytes()))
            .map(|(id, _)| number(id))
            .collect()
    }

    fn host_root(&mut self, key: HostKey<'r>) -> RootId {
        let (hosts, name) = match key {
            HostKey::Exact(name) => (&mut self.exact_hosts, name),
            HostKey::Suffix(name) => (&mut self.suffix_hosts, name),
        };
        *hosts.entry(name).or_insert_with(|| self.paths.root())
    }

    fn emit(&mut self, left: &[&'r Predicate], own: &OwnCaptures<'r>) -> PredicateId {
        let key: Vec<usize> = left
            .iter()
            .map(|predicate| std::ptr::from_ref(*predicate).addr())
            .collect();
        if let Some(shared) = self.shared.get(&key) {
            return *shared;
        }
        let id = self.emitter(own, &mut Diagnostics::new(), |emit| emit.all(left));
        self.shared.insert(key, id);
        id
    }

    fn emitter<T>(
        &mut self,
        own: &OwnCaptures<'r>,
        diagnostics: &mut Diagnostics,
        run: impl FnOnce(&mut Emit<'_, 'r>) -> T,
    ) -> T {
        // What is wrong with a predicate is reported once, where the whole rule is emitted.
        run(&mut Emit {
            vocabulary: self.vocabulary,
            own,
            store: &mut self.predicates,
            seed: self.seed,
            whole_conditions: false,
            diagnostics,
        })
    }

    /// Whether a walk stays within bounds on every path.
    fn check_walk(&mut self, span: Option<Span>) -> u64 {
        let worst = self.paths.worst_walk();
        if worst > MAX_WALK {
            let message = format!(
                "the wildcards of paths overlap so much that one path could visit {worst} places, more than {MAX_WALK}"
            );
            let diagnostic = match span {
                Some(span) => Diagnostic::error(Code::TOO_MANY_BRANCHES, span, message),
                None => Diagnostic::error_of_load(Code::TOO_MANY_BRANCHES, message),
            };
            self.diagnostics
                .push(diagnostic.help("use fewer `{name}` segments before literal ones"));
        }
        worst
    }

    /// Lays everything out. `span` is where to complain if the whole is too much.
    pub(super) fn finish(mut self, span: Option<Span>) -> Index {
        let worst = self.check_walk(span);
        if self.leaves.is_full() {
            let message = format!(
                "lists of roles, paths and actions multiply to more than {MAX_ENTRIES} entries of the index"
            );
            let diagnostic = Diagnostic::error_of_load(Code::TOO_MANY_RULES, message);
            self.diagnostics.push(diagnostic.help(
                "name fewer combinations in one rule, or gather roles under one that they inherit",
            ));
        }
        let (leaves, places) = self.leaves.finish(self.seed);
        let leaf = |id: u32| places.get(id as usize).copied().unwrap_or_default();
        let (exact, exact_roots) = hosts(&self.exact_hosts, self.seed);
        let (suffixes, suffix_roots) = hosts(&self.suffix_hosts, self.seed);
        // One host meets the root for any, its own, and one for each label that some suffix begins with.
        let roots = 2 + suffix_roots.len().min(MAX_HOST_BYTES / 2);
        Index {
            paths: self.paths.finish(&places, self.seed),
            hosts: Hosts {
                exact,
                exact_roots,
                suffixes,
                suffix_roots,
            },
            everywhere: leaf(self.everywhere),
            without_path: leaf(self.without_path),
            actions: Actions {
                names: self.vocabulary.actions.build(self.seed),
                leaves: self.action_leaves.iter().map(|id| leaf(*id)).collect(),
                undeclared: leaf(self.undeclared),
            },
            leaves,
            routes: self.routes.into(),
            predicates: self.predicates,
            // A visited node has two leaves at most; those of everything, of no path and of the action come on top.
            most_leaves: usize::try_from(worst.min(MAX_WALK)).unwrap_or(usize::MAX) * 2 * roots + 3,
        }
    }
}

/// The index of a program.
pub(super) struct Index {
    pub(super) paths: PathIndex,
    pub(super) hosts: Hosts,
    pub(super) leaves: Leaves,
    pub(super) everywhere: Leaf,
    pub(super) without_path: Leaf,
    pub(super) actions: Actions,
    pub(super) routes: Box<[Route]>,
    pub(super) predicates: Predicates,
    pub(super) most_leaves: usize,
}

fn hosts(roots: &HashMap<&[u8], RootId, BuildFold>, seed: u64) -> (Names, Box<[RootId]>) {
    let mut sorted: Vec<_> = roots.iter().collect();
    sorted.sort_unstable_by_key(|(_, root)| root.0);
    (
        Names::build(sorted.iter().map(|(name, _)| (0, **name)), seed),
        sorted.iter().map(|(_, root)| **root).collect(),
    )
}

/// Exact actions of rules and roles that are not declared although others are.
pub(super) fn check_action(
    pattern: &ActionPattern,
    span: Span,
    vocabulary: &Vocabulary<'_>,
    diagnostics: &mut Diagnostics,
) {
    if !vocabulary.closed_actions {
        return;
    }
    if pattern.is_exact() {
        if vocabulary.actions.get(0, pattern.as_str()).is_none() {
            diagnostics.push(unknown(
                Code::UNKNOWN_ACTION,
                "action",
                pattern.as_str(),
                span,
                vocabulary.actions.iter(),
                "declare it under `actions`",
            ));
        }
    } else if !vocabulary
        .actions
        .iter()
        .any(|name| pattern.matches(name.as_bytes()))
    {
        let message = format!("no declared action matches \"{}\"", pattern.as_str());
        diagnostics.push(Diagnostic::warning(Code::UNUSED_PATTERN, span, message));
    }
}
