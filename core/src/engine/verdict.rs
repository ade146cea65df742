//! From what matched to the verdict: one order for every decision.

use super::approvals::Approvals;
use super::scratch::{Binding, Sets};
use super::view::View;
use crate::decision::{Effect, Reason};
use crate::program::identity::Credential;
use crate::program::predicate::Values;
use crate::program::roles::RoleId;
use crate::program::vocabulary::Truth;
use crate::program::{Output, OutputValue, Program};
use crate::request::Value;

const NONE: u32 = u32::MAX;
/// The detail where a claim that the token was too small for might have changed the verdict.
const CLAIM_OVERAGE: &str = "claim_overage";

/// The rules that matched, the first of each kind in source order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    denied: u32,
    /// A deny that could not be decided; one that only wants a principal.
    undecided: u32,
    needs_principal: u32,
    allowed: u32,
    /// The role whose permission the allow was.
    guard: Option<RoleId>,
    /// Layers that allow, one bit each.
    layers: u64,
    /// Layers that might allow, were a claim in overage known.
    doubted: u64,
    /// Whether a role that cannot be told might exclude one that is held.
    pub(super) exclusions_open: bool,
}

impl Tally {
    pub(super) const fn new(default_allow: u64) -> Self {
        Self {
            denied: NONE,
            undecided: NONE,
            needs_principal: NONE,
            allowed: NONE,
            guard: None,
            layers: default_allow,
            doubted: 0,
            exclusions_open: false,
        }
    }

    /// Whether a deny rule could still change the verdict.
    #[inline]
    pub(super) const fn wants_deny(&self, rule: u32) -> bool {
        rule < self.denied
    }

    #[inline]
    pub(super) const fn wants_allow(&self, rule: u32, layer: u8) -> bool {
        rule < self.allowed || self.layers & (1 << layer) == 0
    }

    #[inline]
    pub(super) fn deny(&mut self, rule: u32, truth: Truth) {
        let first = match truth {
            Truth::False => return,
            Truth::True => &mut self.denied,
            Truth::Undecided => &mut self.undecided,
            Truth::NeedsPrincipal => &mut self.needs_principal,
        };
        *first = rule.min(*first);
    }

    #[inline]
    pub(super) fn allow(&mut self, rule: u32, layer: u8, guard: Option<RoleId>, truth: Truth) {
        if truth != Truth::True {
            return;
        }
        self.layers |= 1 << layer;
        if rule < self.allowed {
            (self.allowed, self.guard) = (rule, guard);
        }
    }

    pub(super) fn doubt(&mut self, layer: u8) {
        self.doubted |= 1 << layer;
    }

    /// What would have matched, were the shadow rules in force.
    fn with(self, shadow: Self) -> Self {
        let guard = if shadow.allowed < self.allowed {
            shadow.guard
        } else {
            self.guard
        };
        Self {
            denied: self.denied.min(shadow.denied),
            undecided: self.undecided.min(shadow.undecided),
            needs_principal: self.needs_principal.min(shadow.needs_principal),
            allowed: self.allowed.min(shadow.allowed),
            guard,
            layers: self.layers | shadow.layers,
            doubted: self.doubted | shadow.doubted,
            exclusions_open: self.exclusions_open,
        }
    }
}

/// What matched in force, and what only in shadow.
#[derive(Debug)]
pub(super) struct Tallies {
    pub(super) enforced: Tally,
    pub(super) shadow: Tally,
}

/// What was decided, and by which rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) reason: Reason,
    pub(super) detail: Option<&'static str>,
    rule: u32,
    /// The role whose permission it was.
    pub(super) guard: Option<RoleId>,
    /// The credential that is not good.
    pub(super) refused: Option<Credential>,
    /// Where nothing allowed it: the layers that do not, one bit each.
    lacking: u64,
    /// The limit that refused.
    limit: u32,
}

impl Verdict {
    /// Whether a layer would have had to allow and does not.
    pub(super) const fn lacks(&self, layer: u8) -> bool {
        self.lacking >> layer & 1 == 1
    }

    pub(super) const fn plain(reason: Reason, detail: Option<&'static str>) -> Self {
        Self {
            reason,
            detail,
            rule: NONE,
            guard: None,
            refused: None,
            lacking: 0,
            limit: NONE,
        }
    }

    /// Of an allow whose approval another request has used up meanwhile.
    #[cold]
    pub(super) fn used_up(sets: &mut Sets) -> Self {
        // The first in source order that asks for one.
        let binding = sets.bound.iter_mut().find(|binding| binding.approved);
        let rule = binding.map_or(NONE, |binding| {
            binding.unmet = true;
            binding.rule
        });
        Self {
            detail: Some("approval_used"),
            ..Self::by(Reason::ApprovalRequired, rule)
        }
    }

    /// Of a credential that is not good.
    pub(super) const fn refused(detail: &'static str, credential: Credential) -> Self {
        Self {
            refused: Some(credential),
            ..Self::plain(Reason::CredentialInvalid, Some(detail))
        }
    }

    /// A limit refuses.
    pub(super) const fn by_limit(reason: Reason, limit: u32) -> Self {
        let plain = Self::plain(reason, None);
        Self { limit, ..plain }
    }

    const fn by(reason: Reason, rule: u32) -> Self {
        Self {
            reason,
            detail: None,
            rule,
            guard: None,
            refused: None,
            lacking: 0,
            limit: NONE,
        }
    }

    pub(super) fn effect(&self) -> Effect {
        if self.reason == Reason::Allowed {
            Effect::Allow
        } else {
            Effect::Deny
        }
    }

    pub(super) fn rule(&self) -> Option<u32> {
        (self.rule != NONE).then_some(self.rule)
    }

    pub(super) fn limit(&self) -> Option<u32> {
        (self.limit != NONE).then_some(self.limit)
    }
}

/// The verdict, and the virtual one where the policy has anything in shadow.
#[inline(always)]
pub(super) fn conclude(
    view: &View<'_>,
    sets: &mut Sets,
    conflict: bool,
    Tallies { enforced, shadow }: &Tallies,
    approvals: Option<&Approvals>,
) -> (Verdict, Option<Verdict>) {
    let refused = approvals.and_then(|approvals| approvals.refused);
    let layers = &view.bound.program.layers;
    if sets.bound.len() > 1 {
        sets.bound.sort_unstable_by_key(|binding| binding.rule);
    }
    let verdict = decide(
        view,
        &sets.bound,
        conflict,
        enforced,
        layers.enforced,
        refused,
        false,
    );
    let virtually = layers.any_shadow.then(|| {
        decide(
            view,
            &sets.bound,
            conflict,
            &enforced.with(*shadow),
            layers.virtually,
            refused,
            true,
        )
    });
    (verdict, virtually)
}

#[inline(always)]
fn decide(
    view: &View<'_>,
    bindings: &[Binding],
    conflict: bool,
    tally: &Tally,
    layers: u64,
    refused: Option<&'static str>,
    shadow: bool,
) -> Verdict {
    if tally.denied != NONE {
        return Verdict::by(Reason::DeniedByRule, tally.denied);
    }
    if tally.undecided != NONE {
        return Verdict::by(Reason::Indeterminate, tally.undecided);
    }
    if tally.needs_principal != NONE {
        return Verdict::by(Reason::Unauthenticated, tally.needs_principal);
    }
    if conflict {
        return Verdict::plain(Reason::RoleConflict, None);
    }
    // A policy without layers allows nothing.
    if layers == 0 || tally.layers & layers != layers {
        let (reason, detail) = if view.caller.is_none() {
            (Reason::Unauthenticated, None)
        } else if layers != 0 && (tally.layers | tally.doubted) & layers == layers {
            (Reason::Indeterminate, Some(CLAIM_OVERAGE))
        } else {
            (Reason::NotPermitted, None)
        };
        return Verdict {
            lacking: layers & !tally.layers,
            ..Verdict::plain(reason, detail)
        };
    }
    if tally.exclusions_open {
        return Verdict::plain(Reason::Indeterminate, Some(CLAIM_OVERAGE));
    }
    if !bindings.is_empty()
        && let Some(refusal) = unmet(bindings, shadow)
    {
        return Verdict {
            detail: refused,
            ..refusal
        };
    }
    if !view.bound.program.outputs.on_allow.is_empty() && any_unsafe(view) {
        return Verdict::plain(Reason::Indeterminate, Some("unsafe_output"));
    }
    Verdict {
        reason: Reason::Allowed,
        detail: None,
        rule: tally.allowed,
        guard: tally.guard,
        refused: None,
        lacking: 0,
        limit: NONE,
    }
}

/// What an approval that is wanted makes of an allow.
#[inline(never)]
fn unmet(bindings: &[Binding], shadow: bool) -> Option<Verdict> {
    let binding = bindings
        .iter()
        .filter(|binding| binding.unmet && (shadow || !binding.shadow))
        .min_by_key(|binding| (binding.undecided, binding.rule))?;
    let reason = if binding.undecided {
        Reason::Indeterminate
    } else {
        Reason::ApprovalRequired
    };
    Some(Verdict::by(reason, binding.rule))
}

/// Whether a header that an allow sets has no safe value.
#[inline(never)]
fn any_unsafe(view: &View<'_>) -> bool {
    let mut outputs = view.bound.program.outputs.on_allow.iter();
    outputs.any(|output| matches!(output_value(view, output), OutputText::Unsafe))
}

/// The value of a header to set.
#[derive(Clone, Copy, Debug)]
pub(super) enum OutputText<'a> {
    Absent,
    /// It would break the message that it is put into (RFC 9110 §5.5).
    Unsafe,
    Text(&'a [u8]),
}

/// The value that a header is to be set to.
pub(super) fn output_value<'a>(view: &View<'a>, output: &'a Output) -> OutputText<'a> {
    let text = match &output.value {
        OutputValue::Text(text) => text.as_bytes(),
        OutputValue::From(slot) => match view.value(*slot) {
            Values::One(Value::String(text)) => text,
            Values::Absent => return OutputText::Absent,
            _ => return OutputText::Unsafe,
        },
    };
    let control = |byte: &u8| *byte < 0x20 && *byte != b'\t' || *byte == 0x7f;
    if text.iter().any(control) {
        OutputText::Unsafe
    } else {
        OutputText::Text(text)
    }
}

/// Whether what a rule requires is handed out: what matched, without what is only in shadow.
pub(super) fn binds(program: &Program, binding: &Binding) -> Option<u32> {
    (!binding.shadow).then(|| {
        program
            .rules
            .get(binding.rule as usize)
            .map_or(NONE, |rule| rule.require)
    })
}
