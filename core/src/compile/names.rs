//! Interning: the names of a rule set become the numbers of a program.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, suggest};
use crate::limits::MAX_HEADER_NAME;
use crate::pattern::action::ActionPattern;
use crate::pattern::template::Method;
use crate::pattern::text::TextPattern;
use crate::program::hash::BuildFold;
use crate::program::methods::{MAX_CUSTOM, Methods};
use crate::program::names::{Names, number};
use crate::program::predicate::Slot;
use crate::program::roles::RoleId;
use crate::program::vocabulary::Attribute;
use crate::program::{Declared, Owner};
use crate::rule::{AttributeDeclaration, Condition, Matcher, Name, Predicate, RuleSet};
use crate::text::Span;
use std::collections::HashMap;
use std::rc::Rc;

/// Texts numbered in the order in which they are first met.
#[derive(Debug, Default)]
pub(super) struct Interner<'r> {
    ids: HashMap<(u32, &'r str), u32, BuildFold>,
    names: Vec<(u32, &'r str)>,
}

impl<'r> Interner<'r> {
    pub(super) fn intern(&mut self, space: u32, name: &'r str) -> u32 {
        let next = number(self.names.len());
        let id = *self.ids.entry((space, name)).or_insert(next);
        if id == next {
            self.names.push((space, name));
        }
        id
    }

    pub(super) fn get(&self, space: u32, name: &str) -> Option<u32> {
        self.ids.get(&(space, name)).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'r str> {
        self.names.iter().map(|(_, name)| *name)
    }

    pub(super) fn build(&self, seed: u64) -> Names {
        Names::build(
            self.names
                .iter()
                .map(|(space, name)| (*space, name.as_bytes())),
            seed,
        )
    }
}

/// Every name that rules refer to, with its number.
#[derive(Debug, Default)]
pub(super) struct Vocabulary<'r> {
    pub(super) roles: Interner<'r>,
    pub(super) actions: Interner<'r>,
    /// Whether the policy declares its actions; else any name may be used.
    pub(super) closed_actions: bool,
    pub(super) headers: Interner<'r>,
    pub(super) queries: Interner<'r>,
    pub(super) attributes: Interner<'r>,
    pub(super) declared: Vec<Declared>,
    pub(super) captures: Interner<'r>,
    pub(super) custom_methods: Interner<'r>,
    pub(super) remote_ip: bool,
    /// Whether the time of the request is read.
    pub(super) time: bool,
    /// Conditions in the order in which they are met, by where they stand in memory.
    conditions: HashMap<*const Condition, u32>,
    pub(super) condition_list: Vec<&'r Condition>,
}

impl<'r> Vocabulary<'r> {
    pub(super) fn of(rules: &'r RuleSet, diagnostics: &mut Diagnostics) -> Self {
        let mut vocabulary = Self {
            closed_actions: !rules.actions.is_empty(),
            ..Self::default()
        };
        for role in &rules.roles {
            vocabulary.roles.intern(0, &role.name.text);
        }
        for action in &rules.actions {
            vocabulary.actions.intern(0, &action.name.text);
            for (route, span) in &action.routes {
                for (capture, _) in route.template.captures() {
                    vocabulary.captures.intern(0, capture);
                }
                if let Method::Token(method) = &route.method {
                    vocabulary.method(method, *span, diagnostics);
                }
            }
        }
        for AttributeDeclaration {
            attribute,
            ty,
            optional,
        } in &rules.attributes
        {
            let (owner, name) = match attribute {
                Attribute::PrincipalAttribute(name) => (Owner::Principal, name),
                Attribute::ResourceAttribute(name) => (Owner::Resource, name),
                Attribute::RequestAttribute(name) => (Owner::Request, name),
                _ => continue,
            };
            let before = vocabulary.attributes.len();
            vocabulary.attributes.intern(owner as u32, name);
            if vocabulary.attributes.len() > before {
                vocabulary.declared.push(Declared {
                    owner,
                    ty: *ty,
                    optional: *optional,
                });
            }
        }
        for pattern in rules.roles.iter().flat_map(|role| &role.can) {
            vocabulary.action(&pattern.action);
        }
        for cost in &rules.costs {
            // Where no actions are declared, those that cost something are known by that.
            if !vocabulary.closed_actions {
                vocabulary.actions.intern(0, &cost.action.text);
            }
        }
        let of_rules = rules.rules.iter().map(|rule| &rule.predicate);
        let of_limits = rules.limits.iter().map(|limit| &limit.predicate);
        for predicate in of_rules.chain(of_limits) {
            vocabulary.predicate(predicate, diagnostics);
        }
        vocabulary
    }

    /// Where no actions are declared, every exact name that is used is one.
    fn action(&mut self, pattern: &'r ActionPattern) {
        if !self.closed_actions && pattern.is_exact() {
            self.actions.intern(0, pattern.as_str());
        }
    }

    /// Methods and actions that only rules name.
    fn predicate(&mut self, predicate: &'r Predicate, diagnostics: &mut Diagnostics) {
        match predicate {
            Predicate::All(parts) | Predicate::Any(parts) => parts
                .iter()
                .for_each(|part| self.predicate(part, diagnostics)),
            Predicate::Not(part) => self.predicate(part, diagnostics),
            Predicate::When { apart, .. } => self.predicate(apart, diagnostics),
            Predicate::Part { .. } => {}
            Predicate::Test(test) => match &test.matcher {
                Matcher::Text(TextPattern::Exact(method))
                    if matches!(test.attribute, Attribute::Method | Attribute::RequestMethod) =>
                {
                    if let Ok(method) = core::str::from_utf8(method) {
                        self.method(method, test.span, diagnostics);
                    }
                }
                Matcher::Action(pattern) => self.action(pattern),
                _ => {}
            },
        }
    }

    fn method(&mut self, method: &'r str, span: Span, diagnostics: &mut Diagnostics) {
        if Methods::is_standard(method.as_bytes()) || self.custom_methods.get(0, method).is_some() {
            return;
        }
        if self.custom_methods.len() < MAX_CUSTOM {
            self.custom_methods.intern(0, method);
        } else {
            let message = format!(
                "a policy can name {MAX_CUSTOM} methods beside those of RFC 9110 and PATCH, and this is one more"
            );
            diagnostics.push(Diagnostic::error(Code::TOO_MANY_METHODS, span, message));
        }
    }

    /// A declared role, or a diagnostic.
    pub(super) fn role(&self, name: &Name, diagnostics: &mut Diagnostics) -> Option<RoleId> {
        let found = self.roles.get(0, &name.text).map(RoleId);
        if found.is_none() {
            diagnostics.push(unknown(
                Code::UNKNOWN_ROLE,
                "role",
                &name.text,
                name.span,
                self.roles.iter(),
                "declare it under `roles`",
            ));
        }
        found
    }

    /// The number of a condition.
    pub(super) fn condition(&mut self, condition: &'r Rc<Condition>) -> u32 {
        let next = number(self.condition_list.len());
        let id = *self.conditions.entry(Rc::as_ptr(condition)).or_insert(next);
        if id == next {
            self.condition_list.push(condition);
        }
        id
    }

    /// Slots number what they read with 16 bits, of which the last stands for nothing.
    pub(super) fn check_counts(&self, diagnostics: &mut Diagnostics) {
        let most = usize::from(u16::MAX);
        let kinds = [
            ("headers", self.headers.len()),
            ("query parameters", self.queries.len()),
            ("attributes", self.attributes.len()),
            ("captures", self.captures.len()),
        ];
        for (what, _) in kinds.iter().filter(|(_, count)| *count > most) {
            let message = format!("a policy reads at most {most} different {what}");
            diagnostics.push(Diagnostic::error_of_load(Code::TOO_MANY_RULES, message));
        }
    }

    /// Where a predicate finds an attribute. `own` are the captures of the rule's own routes.
    pub(super) fn slot(
        &mut self,
        attribute: &'r Attribute,
        own: &OwnCaptures<'_>,
        span: Span,
        diagnostics: &mut Diagnostics,
    ) -> Slot {
        let short = |id: u32| u16::try_from(id).unwrap_or(u16::MAX);
        match attribute {
            Attribute::Method => Slot::Method,
            Attribute::RequestMethod => Slot::RequestMethod,
            Attribute::Target => Slot::Target,
            Attribute::QueryText => Slot::QueryText,
            Attribute::RequestId => Slot::RequestId,
            Attribute::Cost => Slot::Cost,
            Attribute::Time => {
                self.time = true;
                Slot::Time
            }
            Attribute::SourceAddress => Slot::SourceAddress,
            Attribute::PeerCertificate => Slot::PeerCertificate,
            Attribute::Segment(at) => Slot::Segment(*at),
            Attribute::Path => Slot::Path,
            Attribute::Host => Slot::Host,
            Attribute::Authority => Slot::Authority,
            Attribute::Header(name) => {
                if name.len() > MAX_HEADER_NAME {
                    let message =
                        format!("the name of a header has at most {MAX_HEADER_NAME} bytes");
                    diagnostics.push(Diagnostic::error(Code::BAD_HEADER_NAME, span, message));
                }
                Slot::Header(short(self.headers.intern(0, name)))
            }
            Attribute::Query(name) => Slot::Query(short(self.queries.intern(0, name))),
            Attribute::SourceIp => Slot::SourceIp,
            Attribute::RemoteIp => {
                self.remote_ip = true;
                Slot::RemoteIp
            }
            Attribute::Peer => Slot::Peer,
            Attribute::PrincipalId => Slot::PrincipalId,
            Attribute::PrincipalProvider => Slot::PrincipalProvider,
            Attribute::Roles => Slot::Roles,
            Attribute::Groups => Slot::Groups,
            Attribute::Scopes => Slot::Scopes,
            Attribute::Action => Slot::Action,
            Attribute::ResourceType => Slot::ResourceType,
            Attribute::ResourceId => Slot::ResourceId,
            Attribute::PrincipalAttribute(name) => {
                Slot::Attribute(short(self.attribute(Owner::Principal, name)))
            }
            Attribute::RequestAttribute(name) => {
                Slot::Attribute(short(self.attribute(Owner::Request, name)))
            }
            Attribute::ResourceAttribute(name) => {
                Slot::Attribute(short(self.attribute(Owner::Resource, name)))
            }
            Attribute::Capture(name) => self.capture(name, own, span, diagnostics),
        }
    }

    /// Dialects declare what they use, so an undeclared attribute reads as one that is never there.
    fn attribute(&self, owner: Owner, name: &str) -> u32 {
        self.attributes.get(owner as u32, name).unwrap_or(u32::MAX)
    }

    fn capture(
        &self,
        name: &str,
        own: &OwnCaptures<'_>,
        span: Span,
        diagnostics: &mut Diagnostics,
    ) -> Slot {
        if let Some((_, at, agreed)) = own.0.iter().find(|(own, ..)| *own == name) {
            if !agreed {
                let message =
                    format!("the routes of this rule capture \"{name}\" at different places");
                diagnostics.push(
                    Diagnostic::error(Code::AMBIGUOUS_CAPTURE, span, message)
                        .help("write one rule for each"),
                );
            }
            return Slot::Segment(u8::try_from(*at).unwrap_or(u8::MAX));
        }
        match self.captures.get(0, name) {
            Some(id) => Slot::Capture(u16::try_from(id).unwrap_or(u16::MAX)),
            None => {
                diagnostics.push(unknown(
                    Code::UNKNOWN_CAPTURE,
                    "capture",
                    name,
                    span,
                    self.captures.iter(),
                    "a route captures it as {name}",
                ));
                Slot::Capture(u16::MAX)
            }
        }
    }
}

/// Captures of a rule's own routes: name, position, and whether all routes agree on it.
#[derive(Debug, Default)]
pub(super) struct OwnCaptures<'r>(Vec<(&'r str, usize, bool)>);

impl<'r> OwnCaptures<'r> {
    pub(super) fn of(predicate: &'r Predicate) -> Self {
        let mut own = Self::default();
        own.collect(predicate);
        own
    }

    fn collect(&mut self, predicate: &'r Predicate) {
        match predicate {
            Predicate::All(parts) | Predicate::Any(parts) => {
                parts.iter().for_each(|part| self.collect(part))
            }
            // What a rule is not for, it captures nothing of.
            Predicate::Not(_) | Predicate::When { .. } | Predicate::Part { .. } => {}
            Predicate::Test(test) => {
                let Matcher::Path(template) = &test.matcher else {
                    return;
                };
                for (name, at) in template.captures() {
                    match self.0.iter_mut().find(|(own, ..)| *own == name) {
                        Some((_, before, agreed)) => *agreed &= *before == at,
                        None => self.0.push((name, at, true)),
                    }
                }
            }
        }
    }
}

/// A name that is not declared, with the one that was perhaps meant.
pub(super) fn unknown<'n>(
    code: Code,
    what: &str,
    name: &str,
    span: Span,
    known: impl Iterator<Item = &'n str>,
    otherwise: &str,
) -> Diagnostic {
    let diagnostic = Diagnostic::error(code, span, format!("unknown {what} \"{name}\""));
    match suggest(name, known) {
        Some(near) => diagnostic.help(format!("did you mean \"{near}\"?")),
        None => diagnostic.help(otherwise),
    }
}
