//! Providers: who can make a principal of a name, and who is meant where a policy does not say.

use crate::compile::names::unknown;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::rule::identity::{HOST, WORKLOADS};
use crate::rule::{Name, RuleSet};
use crate::text::Span;

/// The providers that a policy knows; a host that is trusted may name others.
pub(in super::super) struct Providers<'r> {
    /// Those whose principals are users.
    users: Vec<&'r str>,
    /// Those that tell which groups their principals are in.
    groups: Vec<&'r str>,
    workloads: bool,
    open: bool,
}

impl<'r> Providers<'r> {
    pub(in super::super) fn of(rules: &'r RuleSet) -> Self {
        let identity = &rules.identity;
        Self {
            users: identity.user_providers().collect(),
            groups: identity.group_providers().collect(),
            workloads: !identity.trust_domains.is_empty(),
            open: identity.trust_host_principal,
        }
    }

    /// Every name that is known.
    fn known(&self) -> impl Iterator<Item = &'r str> {
        let workloads = self.workloads.then_some(WORKLOADS);
        self.users.iter().copied().chain(workloads)
    }

    /// A provider that is named.
    pub(in super::super) fn check(
        &self,
        name: &str,
        span: Span,
        diagnostics: &mut Diagnostics,
    ) -> bool {
        if self.open || self.known().any(|known| known == name) {
            return true;
        }
        let help = match name {
            HOST => {
                "write `identity: { trust_host: [principal] }` if the host vouches for its callers"
            }
            _ => "name one that the policy's `identity` makes principals with",
        };
        let known = self.known();
        diagnostics.push(unknown(
            Code::UNKNOWN_PROVIDER,
            "provider",
            name,
            span,
            known,
            help,
        ));
        false
    }

    /// The provider of a user, which may be left out where there is one.
    pub(in super::super) fn user(
        &self,
        given: Option<&'r Name>,
        span: Span,
        diagnostics: &mut Diagnostics,
    ) -> Option<&'r str> {
        self.one_of(&self.users, given, "user", span, diagnostics)
    }

    /// The provider of a group, which may be left out where there is one.
    pub(in super::super) fn group(
        &self,
        given: Option<&'r Name>,
        span: Span,
        diagnostics: &mut Diagnostics,
    ) -> Option<&'r str> {
        self.one_of(&self.groups, given, "group", span, diagnostics)
    }

    fn one_of(
        &self,
        candidates: &[&'r str],
        given: Option<&'r Name>,
        what: &str,
        span: Span,
        diagnostics: &mut Diagnostics,
    ) -> Option<&'r str> {
        if let Some(name) = given {
            return self
                .check(&name.text, name.span, diagnostics)
                .then_some(&*name.text);
        }
        match candidates {
            [one] => Some(one),
            [] => {
                let message =
                    format!("nothing in `identity` can tell that somebody is this {what}");
                let error = Diagnostic::error(Code::NO_PROVIDER, span, message);
                let other = match what {
                    "group" => "map a claim of an issuer, `groups: [[groups]]`",
                    _ => "configure an issuer under `identity`",
                };
                diagnostics.push(error.help(format!(
                    "add `identity: {{ trust_host: [principal] }}` if the host vouches for its callers, or {other}"
                )));
                None
            }
            several => {
                diagnostics.push(ambiguous(several, what, span));
                None
            }
        }
    }
}

fn ambiguous(providers: &[&str], what: &str, span: Span) -> Diagnostic {
    let message = format!("this {what} could be of {}", providers.join(", "));
    let error = Diagnostic::error(Code::AMBIGUOUS_PROVIDER, span, message);
    error.help(format!(
        "say which: `{{ {what}: …, of: {} }}`",
        providers.first().unwrap_or(&HOST)
    ))
}
