//! `principal.attr.tenant`, `route.order`: an attribute of the request, by its name in conditions.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::program::vocabulary::{Attribute, AttributeType};
use crate::text::Node;

use super::schema::{Declared, Owner, Schema};

/// What a reference is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// A header to set: whatever has one value.
    Output,
    /// A domain: what is asked for, never who asks.
    Resource,
}

const FIXED: &[(&str, Attribute)] = &[
    ("principal.id", Attribute::PrincipalId),
    ("principal.provider", Attribute::PrincipalProvider),
    ("request.method", Attribute::Method),
    ("request.host", Attribute::Host),
    ("request.url_path", Attribute::Path),
    ("source.ip", Attribute::SourceIp),
    ("remote.ip", Attribute::RemoteIp),
    ("peer", Attribute::Peer),
    ("action", Attribute::Action),
    ("resource.type", Attribute::ResourceType),
    ("resource.id", Attribute::ResourceId),
];
const LISTS: &[&str] = &["principal.roles", "principal.groups", "principal.scopes"];

/// The attribute that a reference names, if it may stand there.
pub(super) fn read(
    node: &Node,
    side: Side,
    schema: &Schema<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Attribute> {
    let text = diagnostics.check(node.as_str())?;
    let found = diagnostics.check(find(text, node, schema))??;
    let refusal = match (side, &found) {
        (Side::Resource, attribute)
            if attribute.is_identity() || matches!(attribute, Attribute::Peer) =>
        {
            Some("a domain is read from what is asked for, not from who asks")
        }
        (
            Side::Resource,
            Attribute::Method
            | Attribute::Path
            | Attribute::SourceIp
            | Attribute::RemoteIp
            | Attribute::Action,
        ) => Some("a domain is not read from this"),
        _ => None,
    };
    if let Some(message) = refusal {
        let error = Diagnostic::error(Code::BAD_REFERENCE, node.span, message);
        let help = "name a capture (`route.tenant`) or an attribute (`resource.attr.tenant`)";
        diagnostics.push(error.help(help));
        return None;
    }
    Some(found).filter(|attribute| {
        diagnostics
            .check(check_type(node, side, attribute, schema))
            .is_some()
    })
}

/// The references that have a fixed name.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FIXED.iter().map(|(name, _)| *name)
}

/// The attribute of a name. A broken declaration names nothing, and that has been reported.
pub(super) fn find(
    text: &str,
    node: &Node,
    schema: &Schema<'_>,
) -> Result<Option<Attribute>, Diagnostic> {
    let bad = |message: String| Diagnostic::error(Code::BAD_REFERENCE, node.span, message);
    if let Some((_, attribute)) = FIXED.iter().find(|(name, _)| *name == text) {
        return Ok(Some(attribute.clone()));
    }
    if LISTS.contains(&text) {
        let error = bad(format!("`{text}` holds several values, and one is needed"));
        return Err(error.help("declare an attribute with the one value"));
    }
    if let Some(name) = text.strip_prefix("route.") {
        return capture(name, node, schema).map(Some);
    }
    for (word, owner) in Owner::NAMES {
        let rest = text
            .strip_prefix(word)
            .and_then(|rest| rest.strip_prefix(".attr."));
        if let Some(name) = rest {
            let Some(declared) = schema.attribute(name, node.span)? else {
                return Ok(None);
            };
            return owned(name, *owner, declared, node).map(Some);
        }
    }
    let candidates = FIXED.iter().map(|(name, _)| *name);
    let error = bad(format!("`{text}` names nothing in a request"));
    Err(match crate::diagnostic::suggest(text, candidates) {
        Some(close) => error.help(format!("did you mean \"{close}\"?")),
        None => error.help("such as `principal.id`, `route.NAME` or `request.attr.NAME`"),
    })
}

fn capture(name: &str, node: &Node, schema: &Schema<'_>) -> Result<Attribute, Diagnostic> {
    if schema.captures.contains(name) {
        return Ok(Attribute::Capture(name.into()));
    }
    let message = format!("no route of an action captures \"{name}\"");
    let error = Diagnostic::error(Code::UNKNOWN_CAPTURE, node.span, message);
    let known = schema.captures.iter().map(|known| &**known);
    Err(match crate::diagnostic::suggest(name, known) {
        Some(close) => error.help(format!("did you mean \"{close}\"?")),
        None => error.help(format!("capture it in a route: `GET /{{{name}}}/orders`")),
    })
}

fn owned(
    name: &str,
    owner: Owner,
    declared: Declared,
    node: &Node,
) -> Result<Attribute, Diagnostic> {
    if declared.owner == owner {
        return Ok(owner.attribute(name));
    }
    let theirs = declared.owner.word();
    let message = format!("\"{name}\" is declared as an attribute of the {theirs}");
    let error = Diagnostic::error(Code::UNKNOWN_ATTRIBUTE, node.span, message);
    Err(error.help(format!("write `{theirs}.attr.{name}`")))
}

/// A header takes one value, a domain takes text.
fn check_type(
    node: &Node,
    side: Side,
    attribute: &Attribute,
    schema: &Schema<'_>,
) -> Result<(), Diagnostic> {
    let (Attribute::PrincipalAttribute(name)
    | Attribute::RequestAttribute(name)
    | Attribute::ResourceAttribute(name)) = attribute
    else {
        return Ok(());
    };
    let ty = schema
        .attributes
        .get(&**name)
        .map(|(declared, _)| declared.ty);
    let message = match (side, ty) {
        (Side::Output, Some(AttributeType::StringList)) => {
            format!("\"{name}\" holds several values, and a header takes one")
        }
        (Side::Resource, Some(ty)) if ty != AttributeType::String => {
            format!("\"{name}\" is not of type string, and a domain is")
        }
        _ => return Ok(()),
    };
    Err(Diagnostic::error(Code::BAD_REFERENCE, node.span, message))
}
