//! Authorization: from the index to the rules that match, tallied.

use super::overage;
use super::scratch::{Binding, Sets};
use super::verdict::{Tallies, Tally};
use super::view::{Action, Held, View};
use crate::pattern::path::Segments;
use crate::program::condition::Arena;
use crate::program::leaf::{Entry, EntryKind, Leaf};
use crate::program::paths::RootId;
use crate::program::predicate::{Unwatched, Watch};
use crate::program::vocabulary::Truth;
use crate::program::{ApprovalTerms, Program, Route};

/// Hears of every rule that is looked at.
pub(super) trait Listen: Watch {
    /// Whether every candidate has to be evaluated, also those that cannot change the verdict.
    const EVERY_CANDIDATE: bool;
    /// Whether the decision uses anything up.
    const CHARGES: bool;
    fn candidate(&mut self, entry: &Entry, truth: Truth);
}

static NO_SEGMENTS: Segments = Segments::new();

/// Finds the leaves that the request leads to by its path and host, and the most specific route among them.
#[inline(always)]
pub(super) fn locate<'a>(view: &View<'a>, sets: &mut Sets) -> Option<&'a Route> {
    let (bound, program) = (&view.bound, view.bound.program);
    sets.leaves.clear();
    // Without a path only what is under a host can match: the root of the host itself.
    let (path, segments) = bound
        .path
        .map_or((&[][..], &NO_SEGMENTS), |path| (path.path, bound.segments));
    let Sets {
        leaves, pending, ..
    } = sets;
    let mut best: Option<(&Route, u32)> = None;
    let any_routes = !program.routes.is_empty() && !bound.is_about_server();
    let mut visit = |leaf: Leaf| {
        note(leaves, leaf);
        if !any_routes {
            return;
        }
        for entry in program.leaves.routes(leaf) {
            if entry.methods & bound.methods == 0 {
                continue;
            }
            let Some(route) = program.routes.get(entry.rule() as usize) else {
                continue;
            };
            // The same rank is the same path: the fewer methods a route takes the better, so HEAD itself beats a GET that takes it in.
            let key = |route: &Route, methods: u32| (route.rank, methods.count_zeros());
            let better =
                |(other, methods): (&Route, u32)| key(route, entry.methods) > key(other, methods);
            if best.is_none_or(better) {
                best = Some((route, entry.methods));
            }
        }
    };
    let slash = bound.final_slash();
    if bound.path.is_some() {
        program
            .paths
            .walk(RootId(0), path, segments, slash, pending, &mut visit);
    }
    if let Some(host) = bound.host {
        for root in program.hosts.roots(host.name) {
            program
                .paths
                .walk(root, path, segments, slash, pending, &mut visit);
        }
    }
    best.map(|(route, _)| route)
}

/// There is room: the compiler counted the most leaves that one decision can meet.
#[inline]
fn note(leaves: &mut Vec<Leaf>, leaf: Leaf) {
    if leaf.len != 0 && leaves.len() < leaves.capacity() {
        leaves.push(leaf);
    }
}

/// What the request means: the route's action, or the host's. They must not differ.
#[inline(always)]
pub(super) fn action<'a>(
    program: &'a Program,
    given: Option<&'a [u8]>,
    route: Option<&'a Route>,
) -> Option<Result<Action<'a>, ()>> {
    match (given, route) {
        (None, None) => None,
        (Some(name), None) => Some(Ok(Action {
            name,
            id: program.actions.names.get(0, name),
            route: None,
        })),
        (given, Some(route)) => {
            let name = program.actions.names.name(route.action);
            let differs = given.is_some_and(|given| given != name);
            Some(if differs {
                Err(())
            } else {
                Ok(Action {
                    name,
                    id: Some(route.action),
                    route: Some(route),
                })
            })
        }
    }
}

/// Evaluates every candidate and tallies what matched.
#[inline(always)]
pub(super) fn authorize<L: Listen>(
    view: &View<'_>,
    sets: &mut Sets,
    arena: &Arena,
    listen: &mut L,
) -> Tallies {
    let program = view.bound.program;
    let mut tallies = Tallies {
        enforced: Tally::new(program.layers.default_allow),
        shadow: Tally::new(0),
    };
    let mut count = Count {
        tallies: &mut tallies,
        listen,
    };
    sets.decision += 1;
    sets.bound.clear();
    note(&mut sets.leaves, program.everywhere);
    if view.bound.path.is_none() {
        note(&mut sets.leaves, program.without_path);
    }
    if let Some(action) = &view.action {
        note(&mut sets.leaves, program.actions.leaf(action.id));
    }
    let Sets {
        held,
        active,
        narrowed,
        leaves,
        bound,
        bound_at,
        decision,
        ..
    } = sets;
    let roles = if *narrowed { &*active } else { &*held };
    let facts = Held { view, roles, arena };
    for leaf in leaves.iter() {
        program.leaves.visit(*leaf, roles, |entry| {
            if entry.methods & view.bound.methods != 0 {
                count.entry(program, entry, &facts, (bound, bound_at, *decision));
            }
        });
    }
    if view.caller.is_some_and(|caller| caller.overage().any()) {
        overage::ask(view, sets, arena, &mut tallies, listen);
    }
    tallies
}

struct Count<'l, L> {
    tallies: &'l mut Tallies,
    listen: &'l mut L,
}

impl<L: Listen> Count<'_, L> {
    #[inline(always)]
    fn entry(
        &mut self,
        program: &Program,
        entry: &Entry,
        facts: &Held<'_, '_>,
        bindings: (&mut Vec<Binding>, &mut Vec<(u64, u32)>, u64),
    ) {
        let (kind, rule) = (entry.kind(), entry.rule());
        let tally = if entry.is_shadow() {
            &mut self.tallies.shadow
        } else {
            &mut self.tallies.enforced
        };
        let layer = program.rule_layer(rule);
        let needed = match kind {
            EntryKind::Route => return,
            EntryKind::Deny => tally.wants_deny(rule),
            EntryKind::Allow => tally.wants_allow(rule, layer),
            EntryKind::Require => true,
        };
        if !needed && !L::EVERY_CANDIDATE {
            return;
        }
        let truth = program
            .predicates
            .evaluate(entry.predicate, facts, self.listen);
        let truth = match (kind, truth) {
            (EntryKind::Deny, Truth::Undecided) if facts.view.caller.is_none() => {
                undecided(program, rule, facts)
            }
            _ => truth,
        };
        self.listen.candidate(entry, truth);
        match kind {
            EntryKind::Route => {}
            EntryKind::Deny => tally.deny(rule, truth),
            EntryKind::Allow => tally.allow(rule, layer, entry.guard(), truth),
            EntryKind::Require => bind(program, entry, truth, facts, bindings, self.listen),
        }
    }
}

/// What a deny that could not be decided wants. One alternative of several does not tell:
/// another may need no more than a principal, so the whole rule is asked.
#[cold]
fn undecided(program: &Program, rule: u32, facts: &Held<'_, '_>) -> Truth {
    let Some(rule) = program.rules.get(rule as usize) else {
        return Truth::Undecided;
    };
    match program
        .statements
        .evaluate(rule.statement, facts, &mut Unwatched)
    {
        Truth::NeedsPrincipal => Truth::NeedsPrincipal,
        _ => Truth::Undecided,
    }
}

/// Whether an approval is not asked of the caller.
pub(super) fn is_exempt<W: Watch>(
    program: &Program,
    terms: &ApprovalTerms,
    facts: &Held<'_, '_>,
    watch: &mut W,
) -> bool {
    terms
        .bypass
        .is_some_and(|id| program.predicates.evaluate(id, facts, watch) == Truth::True)
}

/// Notes that the requirements of a rule bind, unless the rule does not match.
#[inline(never)]
pub(super) fn bind<L: Listen>(
    program: &Program,
    entry: &Entry,
    truth: Truth,
    facts: &Held<'_, '_>,
    (bound, at, decision): (&mut Vec<Binding>, &mut Vec<(u64, u32)>, u64),
    listen: &mut L,
) {
    if truth == Truth::False {
        return;
    }
    let undecided = truth != Truth::True;
    let number = program
        .rules
        .get(entry.rule() as usize)
        .map_or(u32::MAX, |rule| rule.require);
    let Some(place) = at.get_mut(number as usize) else {
        return;
    };
    if place.0 == decision {
        // Another alternative of the same rule: one that is decided settles it.
        if let Some(binding) = bound.get_mut(place.1 as usize) {
            binding.undecided &= undecided;
        }
        return;
    }
    let approvals = program
        .requires
        .get(number as usize)
        .into_iter()
        .flat_map(|require| &require.items)
        .filter_map(|item| item.approval.as_ref());
    let mut unmet = false;
    for terms in approvals {
        unmet |= !is_exempt(program, terms, facts, listen);
    }
    if bound.len() < bound.capacity() {
        *place = (decision, crate::program::names::number(bound.len()));
        bound.push(Binding {
            rule: entry.rule(),
            shadow: entry.is_shadow(),
            undecided,
            unmet,
            approved: false,
        });
    }
}
