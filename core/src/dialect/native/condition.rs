//! `when`: conditions compiled against what the policy declares, and taken apart for the index.

use std::rc::Rc;

use crate::condition::facts::{self, Lowered};
use crate::condition::vocabulary::{self, Owner as ConditionOwner};
use crate::condition::{
    ConditionError, ConditionErrorKind, Declared, Mode, Profile, Schema as Names, Slot, Type,
    compile,
};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::pattern::action::ActionPattern;
use crate::pattern::host::HostPattern;
use crate::pattern::text::TextPattern;
use crate::program::condition::{AttributeId, Program};
use crate::program::vocabulary::{Attribute, AttributeType, Truth};
use crate::rule::{Condition, Matcher, Over, Predicate, Test};
use crate::text::{Node, Sources, Span};

use super::schema::{Owner, Schema};
use super::values::Values;
use super::words::not_supported;

/// What conditions of one policy are compiled against, and the attributes that they read.
pub(super) struct Conditions<'s> {
    names: Names,
    profile: Profile,
    sources: &'s Sources,
}

/// Captures of a rule's own routes: name and position; `None` where its routes disagree.
pub(super) type OwnCaptures = Vec<(Box<str>, Option<usize>)>;

impl<'s> Conditions<'s> {
    pub(super) fn new(
        schema: &Schema<'_>,
        values: &Values,
        profile: Profile,
        sources: &'s Sources,
    ) -> Self {
        let mut names = vocabulary::schema();
        for (name, (declared, _)) in &schema.attributes {
            let owner = match declared.owner {
                Owner::Principal => ConditionOwner::Principal,
                Owner::Request => ConditionOwner::Request,
                Owner::Resource => ConditionOwner::Resource,
            };
            let ty = condition_type(declared.ty);
            vocabulary::declare_attribute(&mut names, owner, name, ty, declared.optional);
        }
        for capture in &schema.captures {
            vocabulary::declare_capture(&mut names, capture, true);
        }
        for (name, constant) in values.constants() {
            vocabulary::declare_value(&mut names, name, constant);
        }
        Self {
            names,
            profile,
            sources,
        }
    }

    /// The condition of a rule.
    pub(super) fn of_rule(
        &mut self,
        node: &Node,
        own: &OwnCaptures,
        diagnostics: &mut Diagnostics,
    ) -> Option<Rc<Condition>> {
        let condition = self.compile(node, own, Mode::Policy(self.profile), diagnostics)?;
        let apart = facts::lower(&condition.program, &self.names, has_match_key);
        if apart.could_be_match() && !self.is_never(&condition.program) {
            let message = "this condition only tests attributes one by one";
            let lint = Diagnostic::warning(Code::COULD_BE_MATCH, node.span, message);
            diagnostics.push(lint.help("write it as `match`, where it is read at a glance"));
        }
        Some(condition)
    }

    /// The expression of a cost.
    pub(super) fn of_cost(
        &mut self,
        node: &Node,
        own: &OwnCaptures,
        diagnostics: &mut Diagnostics,
    ) -> Option<Rc<Condition>> {
        self.compile(node, own, Mode::Number(self.profile), diagnostics)
    }

    /// Whether an expression reads anything that belongs to the caller.
    pub(super) fn reads_identity(&self, condition: &Condition) -> bool {
        let mut read = condition.program.attributes();
        read.any(|id| self.attribute(id).is_identity())
    }

    /// The expression that stands in a scalar.
    fn compile(
        &mut self,
        node: &Node,
        own: &OwnCaptures,
        mode: Mode,
        diagnostics: &mut Diagnostics,
    ) -> Option<Rc<Condition>> {
        let text = diagnostics.check(node.as_str())?;
        let hidden = self.declare_own(own);
        self.names.set_aliases(own.iter().map(|(name, at)| {
            let place = at.map_or("!".to_owned(), |at| at.to_string());
            (format!("route.{name}"), format!("route.{name}@{place}"))
        }));
        let known = self.names.slots().len();
        let compiled = compile(text, &mut self.names, mode);
        for (name, declared) in hidden {
            match declared {
                Some(declared) => self.names.declare(&name, declared),
                None => self.names.forget(&name),
            }
        }
        let compiled = match compiled {
            Ok(compiled) => compiled,
            Err(errors) => {
                for error in errors {
                    diagnostics.push(self.diagnostic(node, error));
                }
                return None;
            }
        };
        self.check_read(node.span, known, diagnostics)?;
        self.lint(node, &compiled, diagnostics);
        if let Some(number) = compiled.constant_int().filter(|number| *number < 0) {
            let message = format!("a cost is not negative, and this is {number}");
            diagnostics.push(Diagnostic::error(Code::BAD_NUMBER, node.span, message));
            return None;
        }
        Some(Rc::new(Condition {
            program: compiled.program,
            text: text.into(),
            span: node.span,
        }))
    }

    /// The condition of a grant; which roles are held is what it helps to decide.
    pub(super) fn of_grant(
        &mut self,
        node: &Node,
        diagnostics: &mut Diagnostics,
    ) -> Option<Rc<Condition>> {
        let own = OwnCaptures::new();
        let condition = self.compile(node, &own, Mode::Policy(self.profile), diagnostics)?;
        let reads_roles = condition.program.attributes().any(|id| {
            let slot = self.names.read(id);
            slot.is_some_and(|slot| &*slot.name == "principal.roles")
        });
        if reads_roles {
            let message = "the condition of a grant cannot ask for roles, because grants give them";
            diagnostics.push(Diagnostic::error(
                Code::CONDITION_UNKNOWN_NAME,
                node.span,
                message,
            ));
            return None;
        }
        Some(condition)
    }

    /// Declares a rule's own captures, which are always there; what they hide for the time being comes back.
    fn declare_own(&mut self, own: &OwnCaptures) -> Vec<(String, Option<Declared>)> {
        let hide = |(name, _): &(Box<str>, Option<usize>)| {
            let full = format!("route.{name}");
            let hidden = self.names.get(&full).cloned();
            vocabulary::declare_capture(&mut self.names, name, false);
            (full, hidden)
        };
        own.iter().map(hide).collect()
    }

    /// Attributes that cannot be read yet, or whose place is not one.
    fn check_read(&self, span: Span, known: usize, diagnostics: &mut Diagnostics) -> Option<()> {
        let mut fine = Some(());
        for slot in self.names.slots().iter().skip(known) {
            if let Some(name) = slot.name.strip_suffix("@!") {
                let message =
                    format!("the routes of this rule capture `{name}` at different places");
                let error = Diagnostic::error(Code::AMBIGUOUS_CAPTURE, span, message);
                diagnostics.push(error.help("write one rule for each"));
                fine = None;
            } else if !vocabulary::is_supported(&slot.name) {
                diagnostics.push(not_supported(
                    span,
                    &format!("`{}` in a condition", slot.name),
                ));
                fine = None;
            }
        }
        fine
    }

    fn lint(
        &self,
        node: &Node,
        compiled: &crate::condition::Compiled,
        diagnostics: &mut Diagnostics,
    ) {
        match compiled.constant() {
            Some(true) => diagnostics.push(
                Diagnostic::warning(
                    Code::ALWAYS_TRUE,
                    node.span,
                    "this condition is always true",
                )
                .help("leave it out"),
            ),
            Some(false) => diagnostics.push(never(node.span)),
            None if self.is_never(&compiled.program) => diagnostics.push(never(node.span)),
            None => {}
        }
        for (place, attribute) in &compiled.unguarded {
            let Some(slot) = self
                .names
                .read(*attribute)
                .filter(|slot| may_be_forgotten(slot))
            else {
                continue;
            };
            let name = written(slot);
            let message = format!("`{name}` may be absent, and then this cannot be decided");
            let range = place.start as usize..place.end as usize;
            let lint = Diagnostic::warning(
                Code::UNGUARDED_ATTRIBUTE,
                self.sources.span_in_scalar(node, range),
                message,
            );
            diagnostics.push(lint.help(format!("ask `has({name})` first")));
        }
    }

    /// Whether no request can make it true.
    fn is_never(&self, program: &Program) -> bool {
        facts::contradict(&facts::facts(program, &self.names))
    }

    fn diagnostic(&self, node: &Node, error: ConditionError) -> Diagnostic {
        let code = match error.kind {
            ConditionErrorKind::Syntax => Code::CONDITION_SYNTAX,
            ConditionErrorKind::TooLarge => Code::CONDITION_TOO_LARGE,
            ConditionErrorKind::UnknownName => Code::CONDITION_UNKNOWN_NAME,
            ConditionErrorKind::UnknownFunction => Code::CONDITION_UNKNOWN_FUNCTION,
            ConditionErrorKind::TypeMismatch => Code::CONDITION_TYPE,
            ConditionErrorKind::NotBoolean => Code::CONDITION_NOT_BOOLEAN,
            ConditionErrorKind::InvalidConstant => Code::CONDITION_CONSTANT,
            ConditionErrorKind::AlwaysFails => Code::CONDITION_ALWAYS_FAILS,
            ConditionErrorKind::NeedsExtendedProfile => Code::CONDITION_NEEDS_EXTENDED,
            ConditionErrorKind::TooCostly => Code::CONDITION_TOO_COSTLY,
            ConditionErrorKind::Unsupported => Code::CONDITION_UNSUPPORTED,
        };
        let span = self.sources.span_in_scalar(node, error.range);
        let diagnostic = Diagnostic::error(code, span, error.message);
        match error.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }

    /// The condition as a predicate: whole, and taken apart into what the index can use.
    pub(super) fn predicate(&self, condition: &Rc<Condition>) -> Predicate {
        let lowered = facts::lower(&condition.program, &self.names, is_indexed);
        Predicate::When {
            condition: Rc::clone(condition),
            apart: Box::new(self.apart(lowered, condition)),
        }
    }

    fn apart(&self, lowered: Lowered, condition: &Rc<Condition>) -> Predicate {
        let each = |parts: Vec<Lowered>| {
            parts
                .into_iter()
                .map(|part| self.apart(part, condition))
                .collect()
        };
        match lowered {
            Lowered::Always(true) => Predicate::TRUE,
            Lowered::Always(false) => Predicate::FALSE,
            Lowered::All(parts) => Predicate::All(each(parts)),
            Lowered::Any(parts) => Predicate::Any(each(parts)),
            Lowered::Not(part) => Predicate::Not(Box::new(self.apart(*part, condition))),
            Lowered::Single(node) | Lowered::Opaque(node) => Predicate::Part {
                condition: Rc::clone(condition),
                node,
            },
            Lowered::Test(test) => self.test(test.attribute, test.matcher, condition.span),
        }
    }

    /// A test that means what the condition means: what is absent cannot be decided.
    fn test(&self, id: AttributeId, matcher: facts::Matcher, span: Span) -> Predicate {
        let attribute = self.attribute(id);
        let test = |matcher| {
            let absent = match attribute {
                // Nobody has no roles.
                Attribute::Roles => Truth::False,
                _ => Truth::Undecided,
            };
            Predicate::Test(Test {
                attribute: attribute.clone(),
                matcher,
                over: Over::Any,
                absent,
                span,
            })
        };
        match matcher {
            facts::Matcher::OneOf(texts) | facts::Matcher::HasAny(texts) => Predicate::Any(
                texts
                    .into_iter()
                    .map(|text| test(one(&attribute, text)))
                    .collect(),
            ),
            facts::Matcher::StartsWith(prefix) => {
                test(Matcher::Text(TextPattern::Prefix(prefix.as_bytes().into())))
            }
            facts::Matcher::EndsWith(suffix) => {
                test(Matcher::Text(TextPattern::Suffix(suffix.as_bytes().into())))
            }
        }
    }

    fn attribute(&self, id: AttributeId) -> Attribute {
        self.names.read(id).map_or(Attribute::RequestId, attribute)
    }

    /// The attributes that the conditions read, by their numbers.
    pub(super) fn attributes(&self) -> Vec<Attribute> {
        self.names.slots().iter().map(attribute).collect()
    }
}

/// One text that the attribute may be, as the index knows it.
fn one(attribute: &Attribute, text: Box<str>) -> Matcher {
    let exact = Matcher::Text(TextPattern::Exact(text.as_bytes().into()));
    match attribute {
        Attribute::Action if !text.contains('*') => {
            ActionPattern::parse(&text).map_or(exact, Matcher::Action)
        }
        // A condition sees the host without its port.
        Attribute::Host if is_plain_host(&text) => {
            HostPattern::parse(&text).map_or(exact, |pattern| Matcher::Host {
                pattern,
                ignore_port: true,
            })
        }
        _ => exact,
    }
}

/// Whether a text is a host as it is compared: then a pattern of it means the same as the text.
fn is_plain_host(text: &str) -> bool {
    let plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.'
    };
    text.bytes().all(plain) && !text.ends_with('.')
}

fn never(span: Span) -> Diagnostic {
    Diagnostic::warning(Code::NEVER_TRUE, span, "this condition is never true")
        .help("the rule is dead; correct the condition or remove the rule")
}

/// Attributes by which the index finds rules; tests of others stay in the condition.
fn is_indexed(slot: &Slot) -> bool {
    matches!(
        &*slot.name,
        "request.method" | "request.url_path" | "request.host" | "action" | "principal.roles"
    )
}

/// Attributes that `match` has a key for.
fn has_match_key(slot: &Slot) -> bool {
    is_indexed(slot)
        || slot.name.contains(".attr.")
        || matches!(
            &*slot.name,
            "request.headers"
                | "request.query_params"
                | "source.ip"
                | "source.principal"
                | "remote.ip"
                | "principal.id"
                | "principal.groups"
                | "principal.scopes"
                | "resource.type"
                | "resource.id"
        )
}

/// Attributes whose absence is a choice of the policy or of the caller; the others are there for every request of a kind.
fn may_be_forgotten(slot: &Slot) -> bool {
    slot.key.is_some() || slot.name.contains(".attr.")
}

/// How a condition writes an attribute.
fn written(slot: &Slot) -> String {
    let name = slot.name.split('@').next().unwrap_or_default();
    match &slot.key {
        Some(key) => format!("{name}['{key}']"),
        None => name.to_owned(),
    }
}

fn condition_type(ty: AttributeType) -> Type {
    match ty {
        AttributeType::String => Type::Str,
        AttributeType::Int => Type::Int,
        AttributeType::Double => Type::Double,
        AttributeType::Bool => Type::Bool,
        AttributeType::Timestamp => Type::Timestamp,
        AttributeType::Duration => Type::Duration,
        AttributeType::Ip => Type::Ip,
        AttributeType::StringList => Type::list(Type::Str),
    }
}

/// Where the engine finds what a condition calls by name.
fn attribute(slot: &Slot) -> Attribute {
    let key = || slot.key.clone().unwrap_or_default();
    match &*slot.name {
        "request.time" => Attribute::Time,
        "request.cost" => Attribute::Cost,
        "request.id" => Attribute::RequestId,
        "request.method" => Attribute::RequestMethod,
        "request.path" => Attribute::Target,
        "request.url_path" => Attribute::Path,
        "request.query" => Attribute::QueryText,
        "request.host" => Attribute::Host,
        "request.headers" => Attribute::Header(key()),
        "request.query_params" => Attribute::Query(key()),
        "source.address" => Attribute::SourceAddress,
        "source.ip" => Attribute::SourceIp,
        "source.principal" => Attribute::Peer,
        "remote.ip" => Attribute::RemoteIp,
        "connection.sha256_peer_certificate_digest" => Attribute::PeerCertificate,
        "principal.id" => Attribute::PrincipalId,
        "principal.provider" => Attribute::PrincipalProvider,
        "principal.roles" => Attribute::Roles,
        "principal.groups" => Attribute::Groups,
        "principal.scopes" => Attribute::Scopes,
        "resource.type" => Attribute::ResourceType,
        "resource.id" => Attribute::ResourceId,
        "action" => Attribute::Action,
        name => declared(name),
    }
}

/// `principal.attr.x` and its kin, and captures.
fn declared(name: &str) -> Attribute {
    if let Some(name) = name.strip_prefix("principal.attr.") {
        return Attribute::PrincipalAttribute(name.into());
    }
    if let Some(name) = name.strip_prefix("request.attr.") {
        return Attribute::RequestAttribute(name.into());
    }
    if let Some(name) = name.strip_prefix("resource.attr.") {
        return Attribute::ResourceAttribute(name.into());
    }
    let capture = name.strip_prefix("route.").unwrap_or(name);
    match capture.split_once('@') {
        Some((_, at)) => Attribute::Segment(at.parse().unwrap_or(u8::MAX)),
        None => Attribute::Capture(capture.into()),
    }
}
