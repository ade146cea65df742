//! Roles: inheritance without cycles, its closure, and what excludes what.

use super::names::Vocabulary;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::program::names::number;
use crate::program::roles::{Lists, RoleId};
use crate::rule::{Exclusion, ExclusionKind, Role, RuleSet};

/// The most roles that all closures may hold together, and pairs that exclusions may.
const MAX_CLOSURE: usize = 1 << 22;
const MAX_PAIRS: usize = 1 << 20;

/// By role: itself and all that it inherits, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Hierarchy {
    closures: Vec<Vec<u32>>,
    /// By role: the roles that exclude it, with the place of the exclusion in the rule set.
    held: Vec<Vec<(u32, u32)>>,
    active: Vec<Vec<(u32, u32)>>,
}

impl Hierarchy {
    pub(super) fn of(
        rules: &RuleSet,
        vocabulary: &Vocabulary<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let parents = parents(&rules.roles, vocabulary, diagnostics);
        let mut hierarchy = Self {
            closures: closures(&rules.roles, &parents, diagnostics),
            ..Self::default()
        };
        hierarchy.exclude(&rules.exclusions, vocabulary, diagnostics);
        for role in &rules.roles {
            hierarchy.check_own(role, rules, vocabulary, diagnostics);
        }
        hierarchy
    }

    pub(super) fn closure(&self, role: RoleId) -> &[u32] {
        self.closures
            .get(role.0 as usize)
            .map_or(&[], Vec::as_slice)
    }

    pub(super) fn closures(&self) -> Lists {
        Lists::build(self.closures.iter().map(|closure| closure.iter().copied()))
    }

    /// Empty where nothing is exclusive.
    pub(super) fn excluded(&self, kind: ExclusionKind) -> Lists {
        let pairs = self.pairs(kind);
        if pairs.iter().all(Vec::is_empty) {
            return Lists::default();
        }
        Lists::build(
            pairs
                .iter()
                .map(|of_role| of_role.iter().map(|(other, _)| *other)),
        )
    }

    fn pairs(&self, kind: ExclusionKind) -> &[Vec<(u32, u32)>] {
        match kind {
            ExclusionKind::Static => &self.held,
            ExclusionKind::Dynamic => &self.active,
        }
    }

    /// Whether two roles may not be held together: the two that exclude each other, and the exclusion.
    pub(super) fn static_conflict(&self, a: RoleId, b: RoleId) -> Option<(u32, u32, u32)> {
        let of_b = self.closure(b);
        self.closure(a).iter().find_map(|role| {
            let excluded = self.held.get(*role as usize)?;
            excluded
                .iter()
                .find(|(other, _)| of_b.binary_search(other).is_ok())
                .map(|(other, at)| (*role, *other, *at))
        })
    }

    /// Whether a role takes part in any static exclusion.
    pub(super) fn is_exclusive(&self, role: RoleId) -> bool {
        self.closure(role).iter().any(|role| {
            self.held
                .get(*role as usize)
                .is_some_and(|excluded| !excluded.is_empty())
        })
    }

    fn exclude(
        &mut self,
        exclusions: &[Exclusion],
        vocabulary: &Vocabulary<'_>,
        diagnostics: &mut Diagnostics,
    ) {
        self.held = vec![Vec::new(); self.closures.len()];
        self.active = vec![Vec::new(); self.closures.len()];
        let mut pairs = 0;
        for (at, exclusion) in exclusions.iter().enumerate() {
            let roles: Vec<RoleId> = exclusion
                .roles
                .iter()
                .filter_map(|name| vocabulary.role(name, diagnostics))
                .collect();
            pairs += roles.len() * roles.len();
            if pairs > MAX_PAIRS {
                diagnostics.push(Diagnostic::error(
                    Code::HIERARCHY_TOO_LARGE,
                    exclusion.span,
                    format!("exclusions name more than {MAX_PAIRS} pairs of roles"),
                ));
                return;
            }
            let of_kind = match exclusion.kind {
                ExclusionKind::Static => &mut self.held,
                ExclusionKind::Dynamic => &mut self.active,
            };
            for role in &roles {
                if let Some(excluded) = of_kind.get_mut(role.0 as usize) {
                    excluded.extend(
                        roles
                            .iter()
                            .filter(|other| *other != role)
                            .map(|other| (other.0, number(at))),
                    );
                }
            }
        }
    }

    /// A role that holds or inherits two roles of a static exclusion could never be held.
    ///
    /// One that does so of a dynamic exclusion can: a request may act in less than it holds.
    fn check_own(
        &self,
        role: &Role,
        rules: &RuleSet,
        vocabulary: &Vocabulary<'_>,
        diagnostics: &mut Diagnostics,
    ) {
        let Some(id) = vocabulary.roles.get(0, &role.name.text).map(RoleId) else {
            return;
        };
        let closure = self.closure(id);
        let own = closure.iter().find_map(|of| {
            let mut excluded = self.held.get(*of as usize)?.iter();
            excluded
                .find(|(other, _)| closure.binary_search(other).is_ok())
                .map(|(other, at)| (*of, *other, *at))
        });
        let Some((a, b, at)) = own else { return };
        let name = |role: u32| {
            vocabulary
                .roles
                .iter()
                .nth(role as usize)
                .unwrap_or_default()
        };
        let message = format!(
            "role \"{}\" brings both \"{}\" and \"{}\", which exclude each other",
            role.name.text,
            name(a),
            name(b)
        );
        let mut diagnostic = Diagnostic::error(Code::STATIC_CONFLICT, role.name.span, message);
        if let Some(exclusion) = rules.exclusions.get(at as usize) {
            diagnostic = diagnostic.related(exclusion.span, "excluded here");
        }
        diagnostics.push(diagnostic);
    }
}

fn parents(
    roles: &[Role],
    vocabulary: &Vocabulary<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Vec<u32>> {
    let mut parents = vec![Vec::new(); vocabulary.roles.len()];
    for role in roles {
        let mut inherited: Vec<u32> = role
            .inherits
            .iter()
            .filter_map(|name| vocabulary.role(name, diagnostics))
            .map(|id| id.0)
            .collect();
        inherited.sort_unstable();
        inherited.dedup();
        if let Some(of_role) = vocabulary
            .roles
            .get(0, &role.name.text)
            .and_then(|id| parents.get_mut(id as usize))
        {
            of_role.extend(inherited);
        }
    }
    parents
}

/// Closures in an order in which what is inherited comes first; what is left over stands in a cycle.
fn closures(roles: &[Role], parents: &[Vec<u32>], diagnostics: &mut Diagnostics) -> Vec<Vec<u32>> {
    let mut heirs = vec![Vec::new(); parents.len()];
    let mut waiting: Vec<usize> = parents.iter().map(Vec::len).collect();
    for (role, inherited) in parents.iter().enumerate() {
        for parent in inherited {
            if let Some(heirs) = heirs.get_mut(*parent as usize) {
                heirs.push(number(role));
            }
        }
    }
    let mut closures = vec![Vec::new(); parents.len()];
    let mut ready: Vec<u32> = waiting
        .iter()
        .enumerate()
        .filter(|(_, count)| **count == 0)
        .map(|(role, _)| number(role))
        .collect();
    let (mut done, mut total) = (0, 0usize);
    while let Some(role) = ready.pop() {
        done += 1;
        let mut closure = vec![role];
        for parent in parents.get(role as usize).into_iter().flatten() {
            closure.extend(closures.get(*parent as usize).into_iter().flatten());
        }
        closure.sort_unstable();
        closure.dedup();
        total += closure.len();
        if total > MAX_CLOSURE {
            let span = roles.get(role as usize).map(|role| role.name.span);
            let message = "roles inherit so much from each other that the hierarchy is too large";
            diagnostics.push(span.map_or_else(
                || Diagnostic::error_of_load(Code::HIERARCHY_TOO_LARGE, message),
                |span| Diagnostic::error(Code::HIERARCHY_TOO_LARGE, span, message),
            ));
            return closures;
        }
        if let Some(slot) = closures.get_mut(role as usize) {
            *slot = closure;
        }
        for heir in heirs.get(role as usize).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(*heir as usize) {
                *count -= 1;
                if *count == 0 {
                    ready.push(*heir);
                }
            }
        }
    }
    if done < parents.len() {
        report_cycles(roles, parents, &waiting, diagnostics);
    }
    closures
}

/// Follows what is left over until a role comes round again, once for each cycle.
fn report_cycles(
    roles: &[Role],
    parents: &[Vec<u32>],
    waiting: &[usize],
    diagnostics: &mut Diagnostics,
) {
    let is_left = |role: u32| waiting.get(role as usize).is_some_and(|count| *count > 0);
    let mut seen = vec![0usize; parents.len()];
    for start in 0..number(parents.len()) {
        let round = start as usize + 1;
        let (mut at, mut path) = (start, Vec::new());
        while is_left(at) && seen.get(at as usize) == Some(&0) {
            if let Some(seen) = seen.get_mut(at as usize) {
                *seen = round;
            }
            path.push(at);
            match parents
                .get(at as usize)
                .into_iter()
                .flatten()
                .find(|parent| is_left(**parent))
            {
                Some(parent) => at = *parent,
                None => break,
            }
        }
        let Some(from) = path
            .iter()
            .position(|role| *role == at)
            .filter(|_| seen.get(at as usize) == Some(&round))
        else {
            continue;
        };
        let cycle = path.get(from..).unwrap_or_default();
        let name = |role: &u32| {
            roles
                .get(*role as usize)
                .map_or("", |role| &*role.name.text)
        };
        let names: Vec<&str> = cycle
            .iter()
            .chain(cycle.first())
            .map(name)
            .take(12)
            .collect();
        let Some(first) = cycle.first().and_then(|role| roles.get(*role as usize)) else {
            continue;
        };
        let message = format!(
            "roles inherit from each other in a cycle: {}{}",
            names.join(" → "),
            if cycle.len() > 11 { " → …" } else { "" }
        );
        diagnostics.push(
            Diagnostic::error(Code::ROLE_CYCLE, first.name.span, message)
                .help("remove one of these `inherits`"),
        );
    }
}
