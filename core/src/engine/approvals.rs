//! Requirements that approvals meet: signed tokens that the request brings.

use super::authorize::is_exempt;
use super::moment::Moment;
use super::scratch::{Binding, Sets};
use super::verdict::Verdict;
use super::view::{Held, View};
use crate::decision::Effect;
use crate::identity::approval::UsedApprovals;
use crate::identity::check::{Denied, Desk};
use crate::identity::table::Credential;
use crate::identity::verified::{Approval, Approver, Kind, Verified};
use crate::limits::MAX_APPROVALS;
use crate::program::ApprovalTerms;
use crate::program::condition::Arena;
use crate::program::predicate::Unwatched;
use crate::request::Charge;
use std::sync::Arc;

/// The approvals of one request.
#[derive(Default)]
pub(super) struct Approvals {
    verified: [Option<Arc<Verified>>; MAX_APPROVALS],
    /// Those that count once and are needed, one bit each.
    once: u32,
    /// Why the first of them that does not count does not.
    pub(super) refused: Option<&'static str>,
}

/// Notes which requirements the approvals of the request meet. `None` if there are none of either.
#[inline]
pub(super) fn meet(
    desk: &Desk<'_>,
    used: &UsedApprovals,
    view: &mut View<'_>,
    moment: &Moment<'_>,
    sets: &mut Sets,
    arena: &Arena,
) -> Option<Approvals> {
    if view.bound.request.approvals.is_empty() || !sets.bound.iter().any(|binding| binding.unmet) {
        return None;
    }
    view.now = moment.wall_ms();
    Some(hold(desk, used, view, sets, arena))
}

#[inline(never)]
fn hold(
    desk: &Desk<'_>,
    used: &UsedApprovals,
    view: &View<'_>,
    sets: &mut Sets,
    arena: &Arena,
) -> Approvals {
    let mut approvals = Approvals::default();
    for (slot, text) in approvals
        .verified
        .iter_mut()
        .zip(view.bound.request.approvals)
    {
        let credential = Credential::new(Kind::Approval, text, desk.cache.seed);
        match desk.first_sight(&credential, None, view.now) {
            Ok(verified) => *slot = Some(verified),
            Err(Denied::Invalid(detail) | Denied::Unavailable(detail)) => {
                approvals.refused = approvals.refused.or(Some(detail));
            }
        }
    }
    let mut bound = core::mem::take(&mut sets.bound);
    for binding in bound.iter_mut().filter(|binding| binding.unmet) {
        let facts = Held {
            view,
            roles: sets.roles(),
            arena,
        };
        binding.approved = approvals.meet(binding, used, &facts);
        binding.unmet = !binding.approved;
    }
    sets.bound = bound;
    approvals
}

impl Approvals {
    /// Whether all that a rule requires is approved.
    fn meet(&mut self, binding: &Binding, used: &UsedApprovals, facts: &Held<'_, '_>) -> bool {
        let program = facts.view.bound.program;
        let rule = program.rules.get(binding.rule as usize);
        let require = rule.and_then(|rule| program.requires.get(rule.require as usize));
        let items = require.into_iter().flat_map(|require| &require.items);
        let mut all = items.filter_map(|item| item.approval.as_ref());
        all.all(|terms| {
            is_exempt(program, terms, facts, &mut Unwatched)
                || self.are_enough(terms, used, facts.view)
        })
    }

    /// Whether enough persons have approved; each counts once, and the caller does not.
    fn are_enough(&mut self, terms: &ApprovalTerms, used: &UsedApprovals, view: &View<'_>) -> bool {
        let links = &view.bound.program.identity.links;
        let counting = self.counting(terms, used, view);
        let (mut persons, mut needed) = (0, 0_u32);
        for (at, approvers) in self.approvers(counting) {
            for (place, approver) in approvers.iter().enumerate() {
                let before = self
                    .approvers(counting)
                    .take_while(|(other, _)| *other < at);
                let before = before.flat_map(|(_, approvers)| approvers);
                let mut before = before.chain(approvers.iter().take(place));
                let is_known = |other: &Approver| {
                    may_approve(other, terms, view) && links.are_one(&other.id, &approver.id)
                };
                if may_approve(approver, terms, view) && !before.any(is_known) {
                    persons += 1;
                    needed |= 1 << at;
                }
            }
            if persons >= terms.min {
                break;
            }
        }
        let enough = persons >= terms.min;
        if enough && terms.single_use {
            self.once |= needed;
        }
        enough
    }

    /// Who gave the approvals of a set, one bit each.
    fn approvers(&self, set: u32) -> impl Iterator<Item = (usize, &[Approver])> {
        let all = self.verified.iter().enumerate();
        all.filter(move |(at, _)| set >> at & 1 == 1)
            .filter_map(|(at, verified)| {
                let approval = verified.as_ref()?.approval.as_ref()?;
                Some((at, &*approval.approvers))
            })
    }

    /// The approvals of this act, young enough, and not used up where they count once: one bit each.
    fn counting(&self, terms: &ApprovalTerms, used: &UsedApprovals, view: &View<'_>) -> u32 {
        let counts = |verified: &Verified| {
            let is_young = terms.max_age_ms.is_none_or(|most| {
                let issued = verified.issued_ms;
                issued.is_some_and(|issued| view.now.saturating_sub(issued) <= most)
            });
            let approval = verified.approval.as_deref();
            is_young
                && approval.is_some_and(|approval| is_of(verified, approval, view))
                && !(terms.single_use && used.contains(verified))
        };
        let all = self.verified.iter().enumerate();
        all.filter(|(_, verified)| verified.as_deref().is_some_and(counts))
            .fold(0, |set, (at, _)| set | 1 << at)
    }

    /// Those that count once and are needed.
    fn once(&self) -> impl Iterator<Item = &Verified> + Clone {
        let all = self.verified.iter().enumerate();
        let needed = all.filter(|(at, _)| self.once >> at & 1 == 1);
        needed.filter_map(|(_, verified)| verified.as_deref())
    }
}

/// Uses up the approvals that count once, if the request goes on; where another was faster, it does not.
#[inline]
pub(super) fn use_up(
    approvals: Option<&Approvals>,
    used: &UsedApprovals,
    (verdict, virtually): (Verdict, Option<Verdict>),
    view: &View<'_>,
    sets: &mut Sets,
) -> (Verdict, Option<Verdict>) {
    let once = approvals.filter(|approvals| approvals.once != 0);
    let Some(approvals) = once.filter(|_| verdict.effect() == Effect::Allow) else {
        return (verdict, virtually);
    };
    let counts = takes(view.bound.request.charge);
    if counts && !used.take(approvals.once(), view.now) {
        return (Verdict::used_up(sets), virtually);
    }
    (verdict, virtually)
}

/// A limit has refused what approvals were used up for: they count again.
#[cold]
pub(super) fn give_back(approvals: Option<&Approvals>, used: &UsedApprovals, charge: Charge) {
    if let Some(approvals) = approvals.filter(|_| takes(charge)) {
        used.give_back(approvals.once());
    }
}

fn takes(charge: Charge) -> bool {
    matches!(charge, Charge::Take | Charge::Reserve)
}

/// Whether it approves this act of this caller.
fn is_of(verified: &Verified, approval: &Approval, view: &View<'_>) -> bool {
    let request = view.bound.request;
    let Some((caller, action)) = view.caller.zip(view.action) else {
        return false;
    };
    // A request that names no resource is about its path.
    let resource = request.resource.and_then(|resource| resource.id);
    let resource = resource.or_else(|| view.bound.compared_path());
    let (_, own) = caller.known.identity();
    (*verified.id == *own || *verified.id == *caller.id)
        && *approval.action == *action.name
        && approval.resource.as_deref() == resource
}

/// Whether a person's approval counts: of one of the groups, and not the caller in any identity.
fn may_approve(approver: &Approver, terms: &ApprovalTerms, view: &View<'_>) -> bool {
    let links = &view.bound.program.identity.links;
    let is_caller = view.caller.is_some_and(|caller| {
        let (_, own) = caller.known.identity();
        links.are_one(own, &approver.id) || links.are_one(caller.id, &approver.id)
    });
    let mut groups = terms.groups.iter();
    !is_caller && groups.any(|group| approver.groups.contains(group.as_bytes()))
}
