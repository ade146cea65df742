//! Roles given by the policy, found by who they are given to.

use super::Place;
use super::names::Names;
use super::paths::PathIndex;
use super::predicate::{ConditionPart, Facts, Slot, Values};
use super::roles::{Lists, RoleId};
use super::vocabulary::Truth;
use crate::request::Value;

const NONE: u32 = u32::MAX;

/// One role given to one subject: 24 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant {
    pub(crate) role: RoleId,
    /// In `Grants::withins`.
    pub(crate) within: u32,
    /// In `Grants::windows`.
    pub(crate) window: u32,
    /// The condition that it asks for.
    condition: u32,
    pub(crate) at: Place,
}

impl Grant {
    pub(crate) const fn new(
        role: RoleId,
        within: Option<u32>,
        window: Option<u32>,
        condition: Option<u32>,
        at: Place,
    ) -> Self {
        Self {
            role,
            within: match within {
                Some(within) => within,
                None => NONE,
            },
            window: match window {
                Some(window) => window,
                None => NONE,
            },
            condition: match condition {
                Some(condition) => condition,
                None => NONE,
            },
            at,
        }
    }
}

/// Values that the request's domains must have, by domain.
pub(crate) type Within = Box<[(u16, Box<[u8]>)]>;
/// From (inclusive) and until (exclusive), milliseconds since 1970-01-01T00:00:00Z.
pub(crate) type Window = (i64, i64);

/// All grants of a policy.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    pub(crate) grants: Box<[Grant]>,
    /// Names of providers.
    pub(crate) providers: Names,
    /// By provider and id; the list of a user's grants has the user's number.
    pub(crate) users: Names,
    pub(crate) user_grants: Lists,
    pub(crate) groups: Names,
    pub(crate) group_grants: Lists,
    /// Trust domains whose workloads are granted roles by pattern; the root of each has its number.
    pub(crate) trust_domains: Names,
    pub(crate) workloads: PathIndex,
    /// By entry of a leaf of `workloads`.
    pub(crate) workload_grants: Lists,
    pub(crate) withins: Box<[Within]>,
    pub(crate) windows: Box<[Window]>,
}

impl Grants {
    pub(crate) fn is_empty(&self) -> bool {
        self.grants.is_empty()
    }

    /// Grants to the user itself.
    pub(crate) fn of_user(&self, provider: u32, id: &[u8]) -> &[u32] {
        self.users
            .get(provider, id)
            .map_or(&[], |user| self.user_grants.get(user))
    }

    /// Grants to a group.
    pub(crate) fn of_group(&self, provider: u32, group: &[u8]) -> &[u32] {
        self.groups
            .get(provider, group)
            .map_or(&[], |group| self.group_grants.get(group))
    }

    /// The grant, if it holds at `now` in the domains of the request.
    #[inline]
    pub(crate) fn holding<F: Facts>(
        &self,
        id: u32,
        domains: &[(Box<str>, Slot)],
        now: i64,
        facts: &F,
    ) -> Option<&Grant> {
        let grant = self.grants.get(id as usize)?;
        let in_time = self
            .window(grant)
            .is_none_or(|(from, until)| now >= *from && now < *until);
        let here = self
            .within(grant)
            .iter()
            .all(|(domain, value)| domain_is(domains, *domain, value, facts));
        let asked = in_time && here;
        let granted = asked
            && self
                .condition(grant)
                .is_none_or(|part| facts.condition(part) == Truth::True);
        granted.then_some(grant)
    }

    /// When it holds; `None` for always.
    #[inline]
    pub(crate) fn window(&self, grant: &Grant) -> Option<&Window> {
        if grant.window == NONE {
            None
        } else {
            self.windows.get(grant.window as usize)
        }
    }

    /// What else has to be so.
    #[inline]
    pub(crate) fn condition(&self, grant: &Grant) -> Option<ConditionPart> {
        let part = ConditionPart {
            condition: grant.condition,
            node: None,
        };
        (grant.condition != NONE).then_some(part)
    }

    /// Where it holds; empty for everywhere.
    #[inline]
    pub(crate) fn within(&self, grant: &Grant) -> &[(u16, Box<[u8]>)] {
        if grant.within == NONE {
            &[]
        } else {
            self.withins
                .get(grant.within as usize)
                .map_or(&[], |within| within)
        }
    }

    pub(crate) fn bytes_held(&self) -> usize {
        size_of_val(&*self.grants)
            + self.users.bytes_held()
            + self.user_grants.bytes_held()
            + self.groups.bytes_held()
            + self.group_grants.bytes_held()
            + self.workloads.bytes_held()
            + self.workload_grants.bytes_held()
            + size_of_val(&*self.windows)
            + self
                .withins
                .iter()
                .map(|within| {
                    size_of::<Within>()
                        + within
                            .iter()
                            .map(|(_, value)| value.len() + 24)
                            .sum::<usize>()
                })
                .sum::<usize>()
    }
}

/// Whether the request is in this domain; one that it does not name is none.
pub(crate) fn domain_is<F: Facts>(
    domains: &[(Box<str>, Slot)],
    domain: u16,
    value: &[u8],
    facts: &F,
) -> bool {
    let slot = domains.get(usize::from(domain)).map(|(_, slot)| *slot);
    slot.is_some_and(
        |slot| matches!(facts.read(slot), Values::One(Value::String(text)) if *text == *value),
    )
}
