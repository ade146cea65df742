//! What rules may speak of: declared attributes, sets, captures of routes, domains.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::program::vocabulary::{Attribute, AttributeType};
use crate::rule::{Action, AttributeDeclaration, Domain, RuleSet};
use crate::text::{Kind, MappingReader, Node, Span};

use super::document::{Sections, entries};
use super::names::{Definitions, check_id, check_identifier};
use super::reference::{self, Side};
use super::words::word;

/// Who an attribute belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    Principal,
    Request,
    Resource,
}

impl Owner {
    pub(super) const NAMES: &'static [(&'static str, Self)] = &[
        ("principal", Self::Principal),
        ("request", Self::Request),
        ("resource", Self::Resource),
    ];

    pub(super) fn attribute(self, name: &str) -> Attribute {
        match self {
            Self::Principal => Attribute::PrincipalAttribute(name.into()),
            Self::Request => Attribute::RequestAttribute(name.into()),
            Self::Resource => Attribute::ResourceAttribute(name.into()),
        }
    }

    pub(super) fn word(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, owner)| *owner == self);
        found.map_or("", |(word, _)| word)
    }
}

/// A declared attribute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Declared {
    pub(super) owner: Owner,
    pub(super) ty: AttributeType,
    pub(super) optional: bool,
}

/// A named list: scalars, each where it was written.
pub(super) struct Set<'a> {
    pub(super) members: Vec<&'a Node>,
}

/// Everything that has a name and that a rule may use.
#[derive(Default)]
pub(super) struct Schema<'a> {
    pub(super) attributes: HashMap<&'a str, (Declared, Span)>,
    /// `None` for a set that is broken; that has been reported.
    pub(super) sets: HashMap<&'a str, Option<Set<'a>>>,
    pub(super) captures: HashSet<Box<str>>,
    order: Vec<&'a str>,
    /// Declared, and broken; that has been reported.
    broken: HashSet<&'a str>,
}

/// Names with a meaning of their own in conditions (the CEL specification, "Syntax"), or
/// so close to one that `principal.attr.id` would be read as `principal.id`.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
    "attr",
    "groups",
    "id",
    "provider",
    "roles",
    "scopes",
    "type",
];

impl<'a> Schema<'a> {
    pub(super) fn collect(sections: &[Sections<'a>], diagnostics: &mut Diagnostics) -> Self {
        let mut schema = Self::default();
        let mut sets = Definitions::of("set");
        for section in sections {
            for (key, node) in entries(section.attributes, diagnostics) {
                schema.declare(&key.text, key.span, node, diagnostics);
            }
            for (key, node) in entries(section.sets, diagnostics) {
                let Some(name) = diagnostics.check(check_id(&key.text, key.span)) else {
                    continue;
                };
                if sets.define(&name, diagnostics) {
                    schema.sets.insert(&key.text, set(node, diagnostics));
                }
            }
        }
        schema
    }

    fn declare(&mut self, name: &'a str, span: Span, node: &Node, diagnostics: &mut Diagnostics) {
        if diagnostics
            .check(check_attribute_name(name, span))
            .is_none()
        {
            return;
        }
        let Some(declared) = declared(node, diagnostics) else {
            self.broken.insert(name);
            return;
        };
        match self.attributes.get(name) {
            None => {
                self.attributes.insert(name, (declared, span));
                self.order.push(name);
            }
            Some((known, _)) if *known == declared => {}
            Some((_, first)) => {
                let message =
                    format!("the attribute \"{name}\" is declared twice, and differently");
                let error = Diagnostic::error(Code::CONTRADICTION, span, message);
                diagnostics.push(error.related(*first, "it is declared here first"));
            }
        }
    }

    pub(super) fn add_captures(&mut self, actions: &[Action]) {
        let routes = actions.iter().flat_map(|action| &action.routes);
        for (route, _) in routes {
            self.captures
                .extend(route.template.captures().map(|(name, _)| Box::from(name)));
        }
    }

    /// The attribute that a rule names; `None` for one whose declaration is broken.
    pub(super) fn attribute(&self, name: &str, span: Span) -> Result<Option<Declared>, Diagnostic> {
        if let Some((declared, _)) = self.attributes.get(name) {
            return Ok(Some(*declared));
        }
        if self.broken.contains(name) {
            return Ok(None);
        }
        let message = format!("the attribute \"{name}\" is not declared");
        let error = Diagnostic::error(Code::UNKNOWN_ATTRIBUTE, span, message);
        let known = self.attributes.keys().copied();
        Err(match crate::diagnostic::suggest(name, known) {
            Some(close) => error.help(format!("did you mean \"{close}\"?")),
            None => error.help(format!(
                "declare it: `attributes: {{ {name}: {{ of: principal, type: string }} }}`"
            )),
        })
    }

    /// Whether an attribute of this name and owner is declared.
    pub(super) fn declares(&self, name: &str, owner: Owner) -> bool {
        let declared = self.attributes.get(name);
        declared.is_some_and(|(declared, _)| declared.owner == owner)
    }

    pub(super) fn lower_domains(
        &self,
        sections: &[Sections<'_>],
        rules: &mut RuleSet,
        diagnostics: &mut Diagnostics,
    ) {
        let mut known: HashMap<Box<str>, (Attribute, Span)> = HashMap::new();
        for section in sections {
            for (key, node) in entries(section.domains, diagnostics) {
                diagnostics.check(check_id(&key.text, key.span));
                let name = super::names::name(&key.text, key.span);
                let attribute = reference::read(node, Side::Resource, self, diagnostics);
                // What has a fault is defined all the same: those who refer to it have none.
                let attribute = attribute.unwrap_or(Attribute::ResourceId);
                match known.get(&name.text) {
                    None => {
                        known.insert(name.text.clone(), (attribute.clone(), node.span));
                        rules.domains.push(Domain {
                            name,
                            attribute,
                            span: node.span,
                        });
                    }
                    Some((first, _)) if *first == attribute => {}
                    Some((_, first)) => {
                        let message =
                            format!("two sources read the domain \"{}\" differently", name.text);
                        let error = Diagnostic::error(Code::CONTRADICTION, node.span, message);
                        diagnostics.push(error.related(*first, "the other source"));
                    }
                }
            }
        }
    }

    /// The declarations, in the order written.
    pub(super) fn into_declarations(self) -> Vec<AttributeDeclaration> {
        let declaration = |name: &&'a str| {
            let (declared, _) = self.attributes.get(name)?;
            Some(AttributeDeclaration {
                attribute: declared.owner.attribute(name),
                ty: declared.ty,
                optional: declared.optional,
            })
        };
        self.order.iter().filter_map(declaration).collect()
    }
}

fn check_attribute_name(name: &str, span: Span) -> Result<(), Diagnostic> {
    check_identifier(name, span)?;
    if !RESERVED.contains(&name) {
        return Ok(());
    }
    let message = format!("\"{name}\" is a word of conditions and names no attribute");
    let help = format!("choose another name, such as `{name}_name`");
    Err(Diagnostic::error(Code::BAD_NAME, span, message).help(help))
}

fn declared(node: &Node, diagnostics: &mut Diagnostics) -> Option<Declared> {
    let mut reader = diagnostics.check(MappingReader::new(node))?;
    let owner = reader.read_required("of", |node| word(node, Owner::NAMES), diagnostics);
    let ty = reader.read_required("type", |node| word(node, AttributeType::NAMES), diagnostics);
    let optional = reader.read("optional", Node::as_bool, diagnostics);
    reader.finish(diagnostics);
    Some(Declared {
        owner: owner?,
        ty: ty?,
        optional: optional.unwrap_or(false),
    })
}

/// A list of scalars; a list within it, as a value may be, counts as its items.
fn set<'a>(node: &'a Node, diagnostics: &mut Diagnostics) -> Option<Set<'a>> {
    let mut members = Vec::new();
    for item in diagnostics.check(node.as_sequence())? {
        let inner = match &item.kind {
            Kind::Sequence(inner) => inner.as_slice(),
            Kind::Scalar { .. } | Kind::Mapping(_) => std::slice::from_ref(item),
        };
        for member in inner {
            match &member.kind {
                Kind::Scalar { .. } if !member.is_null() => members.push(member),
                _ => diagnostics.push(member.mismatch("a string or a number")),
            }
        }
    }
    Some(Set { members })
}
