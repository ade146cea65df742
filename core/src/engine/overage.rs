//! What a claim that the token was too small for might change: asked only where there is one.

use super::authorize::{Listen, bind};
use super::scratch::Sets;
use super::verdict::Tallies;
use super::view::{Held, View};
use crate::pattern::host::Host;
use crate::program::condition::Arena;
use crate::program::leaf::{Entry, EntryKind};
use crate::program::predicate::{ComparedPath, ConditionPart, Facts, Slot, Unwatched, Values};
use crate::program::roles::{Lists, RoleId};
use crate::program::vocabulary::Truth;
use core::cell::Cell;

/// Asks the entries once more that a role in overage guards, and the allows that a claim in overage left undecided.
#[cold]
#[inline(never)]
pub(super) fn ask<L: Listen>(
    view: &View<'_>,
    sets: &mut Sets,
    arena: &Arena,
    tallies: &mut Tallies,
    listen: &mut L,
) {
    let program = view.bound.program;
    let open_roles = view
        .caller
        .is_some_and(|caller| caller.roles_are_open(program));
    tallies.enforced.exclusions_open = open_roles && may_exclude(view, sets);
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
    for entry in leaves.iter().flat_map(|leaf| program.leaves.all(*leaf)) {
        if entry.methods & view.bound.methods == 0 {
            continue;
        }
        let guard = match entry.guard() {
            Some(role) if !roles.has(role) => Truth::Undecided,
            _ => Truth::True,
        };
        if guard == Truth::Undecided && !open_roles {
            continue;
        }
        let tally = if entry.is_shadow() {
            &mut tallies.shadow
        } else {
            &mut tallies.enforced
        };
        if entry.kind() == EntryKind::Allow && might_allow(entry, guard, &facts) {
            tally.doubt(program.rule_layer(entry.rule()));
        }
        let binds = matches!(entry.kind(), EntryKind::Deny | EntryKind::Require);
        if !binds || guard == Truth::True {
            // Those without an open role were asked already.
            continue;
        }
        let predicates = &program.predicates;
        let truth = guard.and(predicates.evaluate(entry.predicate, &facts, &mut Unwatched));
        listen.candidate(entry, truth);
        if entry.kind() == EntryKind::Deny {
            tally.deny(entry.rule(), truth);
        } else {
            let bindings = (&mut *bound, &mut *bound_at, *decision);
            bind(program, entry, truth, &facts, bindings, listen);
        }
    }
}

/// Whether a role that cannot be told might exclude one that is held.
fn may_exclude(view: &View<'_>, sets: &Sets) -> bool {
    let roles = &view.bound.program.roles;
    let excludes = |lists: &Lists, role: RoleId| !lists.get(role.0).is_empty();
    let mut held = sets.held.iter();
    held.any(|role| excludes(&roles.excluded_held, role))
        || sets
            .roles()
            .iter()
            .any(|role| excludes(&roles.excluded_active, role))
}

/// Whether it would allow, were a claim in overage as it would have to be.
fn might_allow(entry: &Entry, guard: Truth, held: &Held<'_, '_>) -> bool {
    let noting = Noting {
        held,
        met: Cell::new(false),
    };
    let predicates = &held.view.bound.program.predicates;
    match predicates.evaluate(entry.predicate, &noting, &mut Unwatched) {
        Truth::True => guard == Truth::Undecided,
        Truth::Undecided => noting.met.get(),
        Truth::False | Truth::NeedsPrincipal => false,
    }
}

/// Notes whether a claim in overage was met.
struct Noting<'f, 'v, 'a> {
    held: &'f Held<'v, 'a>,
    met: Cell<bool>,
}

impl Facts for Noting<'_, '_, '_> {
    fn read(&self, slot: Slot) -> Values<'_> {
        if self.held.view.in_overage(slot) {
            self.met.set(true);
        }
        self.held.read(slot)
    }

    fn holds(&self, role: RoleId) -> bool {
        self.held.holds(role)
    }

    fn has_caller(&self) -> bool {
        self.held.has_caller()
    }

    fn condition(&self, part: ConditionPart) -> Truth {
        let truth = self.held.condition(part);
        // What a condition read is not known here: that it may have been the claim is enough.
        self.met.set(self.met.get() || truth == Truth::Undecided);
        truth
    }

    fn host(&self) -> Option<Host<'_>> {
        self.held.host()
    }

    fn path(&self) -> ComparedPath<'_> {
        self.held.path()
    }
}
