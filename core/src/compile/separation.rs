//! Static separation of duty among the policy's own grants: two that exclude each other must never hold at once.

use super::hierarchy::Hierarchy;
use super::names::Vocabulary;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::program::roles::RoleId;
use crate::rule::{Grant, RuleSet};
use std::collections::{BTreeMap, HashMap};

/// The most pairs of roles and of grants that one load compares.
const MAX_COMPARISONS: u64 = 1 << 24;

/// Compares the grants of one subject after the other.
pub(super) struct Separation<'s, 'r> {
    rules: &'r RuleSet,
    vocabulary: &'s Vocabulary<'r>,
    hierarchy: &'s Hierarchy,
    comparisons: u64,
}

impl<'s, 'r> Separation<'s, 'r> {
    pub(super) fn new(
        rules: &'r RuleSet,
        vocabulary: &'s Vocabulary<'r>,
        hierarchy: &'s Hierarchy,
    ) -> Self {
        Self {
            rules,
            vocabulary,
            hierarchy,
            comparisons: 0,
        }
    }

    /// Reports one pair of grants for each pair of roles that the subject must not hold together.
    pub(super) fn check(&mut self, of_one: &[u32], diagnostics: &mut Diagnostics) {
        let mut by_role: BTreeMap<RoleId, Vec<&'r Grant>> = BTreeMap::new();
        for id in of_one {
            let grant = self.rules.grants.get(*id as usize);
            let role = grant.and_then(|grant| self.vocabulary.roles.get(0, &grant.role.text));
            let (Some(grant), Some(role)) = (grant, role.map(RoleId)) else {
                continue;
            };
            if self.hierarchy.is_exclusive(role) {
                by_role.entry(role).or_default().push(grant);
            }
        }
        let roles: Vec<_> = by_role.iter().collect();
        for (at, (role, grants)) in roles.iter().enumerate() {
            for (other, others) in roles.get(at + 1..).unwrap_or_default() {
                self.comparisons += 1;
                let Some((.., exclusion)) = self.hierarchy.static_conflict(**role, **other) else {
                    continue;
                };
                if let Some((first, second)) = self.meeting(grants, others) {
                    diagnostics.push(self.conflict(first, second, exclusion));
                }
            }
            if self.comparisons > MAX_COMPARISONS {
                return;
            }
        }
    }

    /// Whether everything was compared.
    pub(super) fn finish(self, diagnostics: &mut Diagnostics) {
        if self.comparisons > MAX_COMPARISONS {
            let message =
                "so many grants of exclusive roles could meet that they cannot be compared";
            let error = Diagnostic::error_of_load(Code::HIERARCHY_TOO_LARGE, message);
            diagnostics
                .push(error.help("grant exclusive roles to fewer subjects, or in fewer domains"));
        }
    }

    /// Two grants, one of each list, that can hold in the same request.
    fn meeting(
        &mut self,
        grants: &[&'r Grant],
        others: &[&'r Grant],
    ) -> Option<(&'r Grant, &'r Grant)> {
        let dimension = grants
            .iter()
            .chain(others)
            .find_map(|grant| grant.within.first())
            .map(|(name, _)| &*name.text);
        let value = |grant: &'r Grant| {
            let of = |(name, _): &&'r (crate::rule::Name, Box<str>)| Some(&*name.text) == dimension;
            grant.within.iter().find(of).map(|(_, value)| &**value)
        };
        let mut by_value: HashMap<Option<&str>, Vec<&'r Grant>> = HashMap::new();
        for other in others {
            by_value.entry(value(other)).or_default().push(other);
        }
        for grant in grants {
            let found = match value(grant) {
                Some(name) => {
                    let here = by_value.get(&Some(name)).into_iter().flatten();
                    let anywhere = by_value.get(&None).into_iter().flatten();
                    self.find(grant, here.chain(anywhere))
                }
                None => self.find(grant, others.iter()),
            };
            if let Some(other) = found {
                return Some((*grant, other));
            }
        }
        None
    }

    fn find<'g>(
        &mut self,
        grant: &Grant,
        mut others: impl Iterator<Item = &'g &'r Grant>,
    ) -> Option<&'r Grant>
    where
        'r: 'g,
    {
        others
            .find(|other| {
                self.comparisons += 1;
                self.comparisons > MAX_COMPARISONS || coincide(grant, other)
            })
            .filter(|_| self.comparisons <= MAX_COMPARISONS)
            .copied()
    }

    fn conflict(&self, a: &Grant, b: &Grant, exclusion: u32) -> Diagnostic {
        let (first, second) = if a.span <= b.span { (a, b) } else { (b, a) };
        let message = format!(
            "this grant and another give the same subject \"{}\" and \"{}\", which exclude each other",
            second.role.text, first.role.text
        );
        let diagnostic = Diagnostic::error(Code::STATIC_CONFLICT, second.role.span, message)
            .related(first.span, "the other grant")
            .help("take one of the grants away, or give them domains or times that do not meet");
        match self.rules.exclusions.get(exclusion as usize) {
            Some(exclusion) => diagnostic.related(exclusion.span, "excluded here"),
            None => diagnostic,
        }
    }
}

/// Whether two grants can hold in the same request. What their conditions say is not foreseen.
fn coincide(a: &Grant, b: &Grant) -> bool {
    let apart = a.within.iter().any(|(name, value)| {
        let other = b.within.iter().find(|(other, _)| name.text == other.text);
        other.is_some_and(|(_, other)| value != other)
    });
    let starts = |grant: &Grant| grant.from.unwrap_or(i64::MIN);
    let ends = |grant: &Grant| grant.until.unwrap_or(i64::MAX);
    !apart && starts(a) < ends(b) && starts(b) < ends(a)
}
