//! Which roles the caller holds in this request, and in which of them it acts.

use super::bind::{Malformed, check_names};
use super::identify::WORKLOADS;
use super::scratch::Sets;
use super::view::{Caller, Held, Known, View};
use crate::pattern::path::{Normalize, PathBuffer, Segments, TrailingSlash, normalize};
use crate::pattern::spiffe::SpiffeId;
use crate::program::Program;
use crate::program::condition::Arena;
use crate::program::grants::Grants;
use crate::program::paths::{Pending, RootId};
use crate::program::roles::{RoleId, RoleSet, Roles};

/// Fills the role sets by what the caller brings and is granted here and now.
#[inline(always)]
pub(super) fn resolve(view: &View<'_>, sets: &mut Sets, arena: &Arena) -> Result<(), Malformed> {
    sets.held.clear();
    sets.narrowed = false;
    sets.granted.clear();
    let Some(caller) = &view.caller else {
        return Ok(());
    };
    let program = view.bound.program;
    match caller.known {
        Known::Peer(_) => {}
        Known::Given(given) => {
            for name in given.roles {
                match program.roles.names.get(0, name) {
                    Some(role) => add(program, RoleId(role), &mut sets.held),
                    // What the policy declares needs no check; the rest is ignored, if it is a name.
                    None => check_names(&[name])?,
                }
            }
        }
        Known::Verified(verified) => verified
            .roles
            .iter()
            .for_each(|role| add(program, *role, &mut sets.held)),
    }
    if !program.grants.is_empty() {
        add_granted(view, caller, sets, arena);
    }
    if let Some(names) = view.bound.request.active_roles {
        narrow(program, names, sets);
    }
    Ok(())
}

/// Adds what the policy itself grants to the caller.
#[inline(never)]
fn add_granted(view: &View<'_>, caller: &Caller<'_>, sets: &mut Sets, arena: &Arena) {
    let program = view.bound.program;
    let now = view.now;
    let Sets {
        held,
        granted,
        pending,
        workload_path,
        workload_segments,
        ..
    } = sets;
    let no_roles = RoleSet::default();
    let facts = Held {
        view,
        roles: &no_roles,
        arena,
    };
    each_grant(
        program,
        caller,
        (pending, workload_path, workload_segments),
        |id| {
            let Some(grant) = program
                .grants
                .holding(id, &program.inputs.domains, now, &facts)
            else {
                return;
            };
            add(program, grant.role, held);
            if granted.len() < granted.capacity() {
                granted.push((grant.role, id));
            }
        },
    );
}

#[inline(always)]
fn add(program: &Program, role: RoleId, set: &mut RoleSet) {
    if program.roles.closure.total() == program.roles.names.len() {
        // No role inherits another.
        return set.insert(role);
    }
    // What a role inherits came with it: a name that is given a thousand times costs one look.
    if set.has(role) {
        return;
    }
    for inherited in program.roles.closure.get(role.0) {
        set.insert(RoleId(*inherited));
    }
}

#[inline(never)]
fn narrow(program: &Program, names: &[&[u8]], sets: &mut Sets) {
    let Sets {
        held,
        active,
        narrowed,
        ..
    } = sets;
    *narrowed = true;
    active.clear();
    for name in names {
        if let Some(role) = program
            .roles
            .names
            .get(0, name)
            .map(RoleId)
            .filter(|role| held.has(*role))
        {
            add(program, role, active);
        }
    }
}

/// Two roles that the caller holds or acts in and may not.
#[inline(always)]
pub(super) fn conflict(program: &Program, sets: &Sets) -> Option<(RoleId, RoleId)> {
    Roles::conflict(&program.roles.excluded_held, &sets.held)
        .or_else(|| Roles::conflict(&program.roles.excluded_active, sets.roles()))
}

/// Room for walking the path of a SPIFFE ID.
pub(super) type Walk<'s> = (&'s mut Pending, &'s mut PathBuffer, &'s mut Segments);

/// Calls `take` with every grant to the caller, whether it holds here and now or not:
/// to any of its linked identities, and to the groups of the one that was shown.
pub(super) fn each_grant(
    program: &Program,
    caller: &Caller<'_>,
    walk: Walk<'_>,
    mut take: impl FnMut(u32),
) {
    let (grants, links) = (&program.grants, &program.identity.links);
    let (pending, buffer, segments) = walk;
    let own = caller.known.identity();
    let mut to_identity = |provider: &[u8], id: &[u8]| {
        if let Some(provider) = grants.providers.get(0, provider) {
            let of_user = grants.of_user(provider, id);
            of_user.iter().for_each(|id| take(*id));
        }
        if provider == WORKLOADS && !grants.trust_domains.is_empty() {
            workload_grants(grants, id, (pending, buffer, segments), &mut take);
        }
    };
    match links.linked(own.0, own.1) {
        Some(linked) => linked.for_each(|(provider, id)| to_identity(provider, id)),
        None => to_identity(own.0, own.1),
    }
    if let Some(provider) = grants.providers.get(0, own.0) {
        caller.groups().each(|group| {
            let of_group = grants.of_group(provider, group);
            of_group.iter().for_each(|id| take(*id));
        });
    }
}

fn workload_grants(
    grants: &Grants,
    id: &[u8],
    (pending, buffer, segments): Walk<'_>,
    take: &mut impl FnMut(u32),
) {
    let Ok(id) = SpiffeId::parse(id) else { return };
    let Some(root) = grants.trust_domains.get(0, id.trust_domain) else {
        return;
    };
    let path = if id.path.is_empty() { b"/" } else { id.path };
    // The path of a SPIFFE ID is a strict path already: its shape was checked when it was parsed.
    if let Ok(path) = normalize(
        path,
        Normalize::Strict,
        TrailingSlash::Distinct,
        buffer,
        segments,
    ) {
        grants
            .workloads
            .walk(RootId(root), path.path, segments, false, pending, |leaf| {
                grants
                    .workload_grants
                    .get(leaf.at)
                    .iter()
                    .for_each(|id| take(*id));
            });
    }
}
