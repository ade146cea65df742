//! The answer: what was decided, by which rule, and what the host has to do.

use super::scratch::{Binding, Sets};
use super::verdict::{OutputText, Verdict, binds, output_value};
use super::view::View;
use crate::decision::{Effect, Parameter, Reason};
use crate::policy::Policy;
use crate::program::identity::Credential;
use crate::program::{Output, Place, Program, Requirement};
use crate::request::Request;
use core::fmt;

/// The decision about one request.
///
/// It borrows from the request and from the scratch that it was decided with;
/// what is not asked for is never put together.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    policy: &'a Policy,
    request: &'a Request<'a>,
    /// `None` if the request could not be read.
    bound: Option<(View<'a>, &'a Sets)>,
    verdict: Verdict,
    shadow: Option<Verdict>,
}

impl<'a> Decision<'a> {
    /// About a request that could not be read.
    #[cold]
    pub(super) const fn refused(
        policy: &'a Policy,
        request: &'a Request<'a>,
        verdict: Verdict,
    ) -> Self {
        Self {
            policy,
            request,
            bound: None,
            verdict,
            shadow: None,
        }
    }

    #[inline]
    pub(super) const fn answered(
        policy: &'a Policy,
        view: View<'a>,
        sets: &'a Sets,
        verdict: Verdict,
        shadow: Option<Verdict>,
    ) -> Self {
        Self {
            policy,
            request: view.bound.request,
            bound: Some((view, sets)),
            verdict,
            shadow,
        }
    }

    /// What was decided about, if it could be read.
    pub(super) const fn parts(&self) -> Option<(View<'a>, &'a Sets)> {
        self.bound
    }

    pub(super) const fn verdict(&self) -> Verdict {
        self.verdict
    }

    const fn program(&self) -> &'a Program {
        &self.policy.program
    }

    /// Whether the request may go on.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.verdict.effect()
    }

    /// Whether the effect is [`Effect::Allow`].
    #[must_use]
    pub fn allowed(&self) -> bool {
        self.effect() == Effect::Allow
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.verdict.reason
    }

    /// Why, more closely: a stable name such as `encoded_slash`.
    #[must_use]
    pub fn detail(&self) -> Option<&'static str> {
        self.verdict.detail
    }

    /// The HTTP status that suits the reason.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.reason().status()
    }

    /// The rule that decided: the first in source order among those that did. `roles.<name>` is a role's permission.
    #[must_use]
    pub fn rule(&self) -> Option<&'a str> {
        rule_id(self.program(), &self.verdict)
    }

    /// Where that rule stands.
    #[must_use]
    pub fn source(&self) -> Option<SourceLine<'a>> {
        rule_source(self.program(), &self.verdict)
    }

    /// Where the grant stands that gave the role whose permission decided; `None` if the role came with the principal.
    #[must_use]
    pub fn grant(&self) -> Option<SourceLine<'a>> {
        let (program, guard) = (self.program(), self.verdict.guard?);
        let (_, sets) = self.bound?;
        let gives = |role: u32| program.roles.closure.get(role).contains(&guard.0);
        // A role that the principal brings needs no grant.
        let mut brought = false;
        if let Some(caller) = self.bound?.0.caller {
            caller.each_role(&program.roles.names, |role| brought |= gives(role.0));
        }
        let granted = sets
            .granted
            .iter()
            .find(|(role, _)| !brought && gives(role.0))?;
        program
            .grants
            .grants
            .get(granted.1 as usize)
            .map(|grant| SourceLine::new(program, grant.at))
    }

    /// Who is calling: provider and id.
    #[must_use]
    pub fn principal(&self) -> Option<(&'a [u8], &'a [u8])> {
        let caller = self.bound?.0.caller?;
        Some((caller.provider, caller.id))
    }

    /// What the request means: the action of its route, or the one that the host named.
    #[must_use]
    pub fn action(&self) -> Option<&'a [u8]> {
        Some(self.bound?.0.action?.name)
    }

    /// The normalised path, without the query: what the host must forward.
    #[must_use]
    pub fn path(&self) -> Option<&'a [u8]> {
        Some(self.bound?.0.bound.path?.path)
    }

    /// The request's own id, as the host gave it.
    #[must_use]
    pub fn request_id(&self) -> Option<&'a [u8]> {
        self.request.id
    }

    /// What the host has to do: on an allow all that matching rules require, on `approval_required` the approvals.
    #[must_use]
    pub fn obligations(&self) -> Obligations<'a> {
        let bindings: &[Binding] = match (self.bound, self.reason()) {
            (Some((_, sets)), Reason::Allowed | Reason::ApprovalRequired) => &sets.bound,
            // Undecided because of an approval; no approval helps where a deny rule was undecided.
            (Some((_, sets)), Reason::Indeterminate)
                if sets
                    .bound
                    .iter()
                    .any(|binding| Some(binding.rule) == self.verdict.rule()) =>
            {
                &sets.bound
            }
            _ => &[],
        };
        Obligations {
            program: self.program(),
            allowed: self.allowed(),
            bindings: bindings.iter(),
            current: None,
        }
    }

    /// Headers to set: for the upstream on an allow, in the answer otherwise. Set them after removing those of [`Self::strip`].
    #[must_use]
    pub fn headers(&self) -> Headers<'a> {
        let outputs = &self.program().outputs;
        Headers {
            view: self.bound.map(|(view, _)| view),
            outputs: if self.allowed() {
                &outputs.on_allow
            } else {
                &outputs.on_deny
            }
            .iter(),
        }
    }

    /// Names of headers to remove from the request, whatever the effect, in lower case.
    #[must_use]
    pub fn strip(&self) -> &'a [Box<str>] {
        &self.program().outputs.strip
    }

    /// What would have been decided, were the rules and layers in shadow enforced; `None` if the policy has none.
    #[must_use]
    pub fn shadow(&self) -> Option<Shadow<'a>> {
        let verdict = self.shadow?;
        Some(Shadow {
            program: self.program(),
            verdict,
        })
    }

    /// The value of WWW-Authenticate where the status is 401 (RFC 9110 §11.6.1, RFC 6750 §3):
    /// a challenge for each way in which the policy takes credentials that a client can bring.
    #[must_use]
    pub fn challenge(&self) -> Option<&'static str> {
        let bad_token = match self.reason() {
            Reason::Unauthenticated => false,
            Reason::CredentialInvalid => {
                !matches!(self.verdict.refused, Some(refused) if refused != Credential::Bearer)
            }
            _ => return None,
        };
        let identity = &self.program().identity;
        let keys = identity.api_keys.is_some();
        // What only a host vouches for is challenged as a token would be.
        let tokens = !identity.issuers.is_empty() || !keys;
        Some(match (tokens, keys, bad_token) {
            (true, false, false) => "Bearer realm=\"gatelet\"",
            (true, false, true) => "Bearer realm=\"gatelet\", error=\"invalid_token\"",
            (true, true, false) => "Bearer realm=\"gatelet\", ApiKey realm=\"gatelet\"",
            (true, true, true) => {
                "Bearer realm=\"gatelet\", error=\"invalid_token\", ApiKey realm=\"gatelet\""
            }
            (false, ..) => "ApiKey realm=\"gatelet\"",
        })
    }

    /// The digest of the policy that decided, in hexadecimal.
    #[must_use]
    pub fn policy(&self) -> &'a str {
        self.policy.digest()
    }
}

fn rule_id<'a>(program: &'a Program, verdict: &Verdict) -> Option<&'a str> {
    program
        .rules
        .get(verdict.rule()? as usize)
        .map(|rule| &*rule.id)
}

fn rule_source<'a>(program: &'a Program, verdict: &Verdict) -> Option<SourceLine<'a>> {
    program
        .rules
        .get(verdict.rule()? as usize)
        .map(|rule| SourceLine::new(program, rule.at))
}

/// A line of a policy source; displayed as `shop.yaml:31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLine<'a> {
    /// The source's name.
    pub source: &'a str,
    /// The line, from 1.
    pub line: u32,
}

impl<'a> SourceLine<'a> {
    pub(super) fn new(program: &'a Program, at: Place) -> Self {
        Self {
            source: program
                .sources
                .get(at.source as usize)
                .map_or("", |name| name),
            line: at.line,
        }
    }
}

impl fmt::Display for SourceLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.line)
    }
}

/// What would have been decided, were the rules and layers in shadow enforced.
#[derive(Clone, Copy, Debug)]
pub struct Shadow<'a> {
    program: &'a Program,
    verdict: Verdict,
}

impl<'a> Shadow<'a> {
    /// Whether the request would have gone on.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.verdict.effect()
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.verdict.reason
    }

    /// The rule that would have decided.
    #[must_use]
    pub fn rule(&self) -> Option<&'a str> {
        rule_id(self.program, &self.verdict)
    }

    /// Where that rule stands.
    #[must_use]
    pub fn source(&self) -> Option<SourceLine<'a>> {
        rule_source(self.program, &self.verdict)
    }
}

/// One thing that the host has to do.
#[derive(Clone, Copy, Debug)]
pub struct Obligation<'a> {
    rule: &'a str,
    requirement: &'a Requirement,
}

impl<'a> Obligation<'a> {
    /// The rule that requires it.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.rule
    }

    /// Its type: `approval`, `assume_role`, `mask`, `audit`, or one of the host's own.
    #[must_use]
    pub fn kind(&self) -> &'a str {
        &self.requirement.kind
    }

    /// Its parameters; durations are milliseconds, in names that end in `_ms`.
    #[must_use]
    pub fn parameters(&self) -> &'a [(Box<str>, Parameter)] {
        &self.requirement.parameters
    }
}

/// Iterates over what the host has to do, in source order.
#[derive(Clone, Debug)]
pub struct Obligations<'a> {
    program: &'a Program,
    allowed: bool,
    bindings: core::slice::Iter<'a, Binding>,
    current: Option<(&'a Binding, &'a str, core::slice::Iter<'a, Requirement>)>,
}

impl<'a> Iterator for Obligations<'a> {
    type Item = Obligation<'a>;

    fn next(&mut self) -> Option<Obligation<'a>> {
        loop {
            if let Some((binding, rule, items)) = &mut self.current {
                // An allow asks for no approval any more, a refusal for nothing else.
                let due = |item: &&Requirement| {
                    if item.approval.is_some() {
                        !self.allowed && binding.unmet
                    } else {
                        self.allowed
                    }
                };
                if let Some(requirement) = items.find(due) {
                    return Some(Obligation { rule, requirement });
                }
            }
            let binding = self.bindings.next()?;
            let require = binds(self.program, binding)
                .and_then(|number| self.program.requires.get(number as usize));
            let rule = self.program.rules.get(binding.rule as usize);
            self.current = require
                .zip(rule)
                .map(|(require, rule)| (binding, &*rule.id, require.items.iter()));
        }
    }
}

/// Iterates over headers to set, name and value.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    view: Option<View<'a>>,
    outputs: core::slice::Iter<'a, Output>,
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let output = self.outputs.next()?;
            let value = match (&self.view, &output.value) {
                (_, crate::program::OutputValue::Text(text)) => OutputText::Text(text.as_bytes()),
                (Some(view), _) => output_value(view, output),
                (None, _) => OutputText::Absent,
            };
            if let OutputText::Text(value) = value {
                return Some((&output.name, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, Scratch};

    /// A decision may be held across an await, an engine shared by all threads.
    #[test]
    fn what_threads_may_share() {
        fn shared<T: Send + Sync>() {}
        fn sent<T: Send>() {}
        shared::<Engine>();
        shared::<Policy>();
        shared::<Decision<'static>>();
        sent::<Scratch>();
    }
}
