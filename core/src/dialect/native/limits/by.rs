//! `by`: the values that tell counters apart.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, suggest};
use crate::program::vocabulary::{Attribute, AttributeType};
use crate::rule::{KeyPart, KeyValue};
use crate::text::{Node, Span};

use super::super::condition::OwnCaptures;
use super::super::matching::Scope;
use super::super::names::header;
use super::super::reference;
use super::super::schema::{Owner, Schema};

/// Values with a name of their own; the others are references, see [`reference`].
const NAMES: &[(&str, KeyValue)] = &[
    ("principal", KeyValue::Principal),
    ("app", KeyValue::App),
    ("method", KeyValue::Attribute(Attribute::RequestMethod)),
    (
        "request.method",
        KeyValue::Attribute(Attribute::RequestMethod),
    ),
    ("host", KeyValue::Attribute(Attribute::Host)),
    ("path", KeyValue::Attribute(Attribute::Path)),
    ("request.id", KeyValue::Attribute(Attribute::RequestId)),
];
const ADDRESSES: &[(&str, Attribute)] = &[
    ("source.ip", Attribute::SourceIp),
    ("remote.ip", Attribute::RemoteIp),
];
/// Most values of one key.
const MAX_PARTS: usize = 8;

/// All values of a key, none for one counter; nothing if one of them has a fault.
pub(super) fn parts(
    node: &Node,
    own: &OwnCaptures,
    scope: &mut Scope<'_, '_>,
) -> Option<Vec<KeyPart>> {
    let items = scope
        .diagnostics
        .check(node.as_sequence().map_err(|error| {
            error.help("write a list, such as `by: [principal]`; `by: []` is one counter for all")
        }))?;
    if items.len() > MAX_PARTS {
        let message = format!("a key is made of at most {MAX_PARTS} values");
        let error = Diagnostic::error(Code::BAD_LIMIT_KEY, node.span, message);
        scope.diagnostics.push(error);
        return None;
    }
    let mut parts: Vec<KeyPart> = Vec::with_capacity(items.len());
    let mut intact = true;
    for item in items {
        let Some(part) = part(item, own, scope) else {
            intact = false;
            continue;
        };
        if let Some(first) = parts.iter().find(|known| known.value == part.value) {
            let message = format!("`{}` stands in the key twice", part.text);
            let error = Diagnostic::error(Code::DUPLICATE_NAME, item.span, message);
            scope
                .diagnostics
                .push(error.related(first.span, "it stands here first"));
        }
        parts.push(part);
    }
    intact.then_some(parts)
}

/// One value.
pub(super) fn part(node: &Node, own: &OwnCaptures, scope: &mut Scope<'_, '_>) -> Option<KeyPart> {
    let text = scope.diagnostics.check(node.as_str())?;
    let value = value(text, node, own, scope.schema, scope.diagnostics)?;
    Some(KeyPart {
        value,
        text: text.into(),
        span: node.span,
    })
}

fn value(
    text: &str,
    node: &Node,
    own: &OwnCaptures,
    schema: &Schema<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<KeyValue> {
    if let Some((_, value)) = NAMES.iter().find(|(name, _)| *name == text) {
        return Some(value.clone());
    }
    if let Some((address, prefix)) = text.split_once('/')
        && let Some((_, attribute)) = ADDRESSES.iter().find(|(name, _)| *name == address)
    {
        let (v4, v6) = diagnostics.check(prefixes(address, prefix, node.span))?;
        return Some(KeyValue::Network(attribute.clone(), v4, v6));
    }
    attribute(text, node, own, schema, diagnostics).map(KeyValue::Attribute)
}

/// An attribute of one value, by its name.
pub(super) fn attribute(
    text: &str,
    node: &Node,
    own: &OwnCaptures,
    schema: &Schema<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Attribute> {
    if let Some(name) = text.strip_prefix("header.") {
        let name = diagnostics.check(header(name, node.span))?;
        return Some(Attribute::Header(name.text));
    }
    if let Some(name) = text.strip_prefix("query.") {
        if name.is_empty() {
            let error = Diagnostic::error(Code::BAD_LIMIT_KEY, node.span, "an empty name");
            diagnostics.push(error.help("name the query parameter, such as `query.page`"));
            return None;
        }
        return Some(Attribute::Query(name.into()));
    }
    if let Some(name) = text.strip_prefix("route.")
        && own.iter().any(|(known, _)| &**known == name)
    {
        return Some(Attribute::Capture(name.into()));
    }
    let attribute = diagnostics.check(
        reference::find(text, node, schema).map_err(|error| named(error, text, node.span)),
    )??;
    diagnostics.check(one_value(&attribute, node.span, schema))?;
    Some(attribute)
}

/// What names nothing, with the names that a key knows.
fn named(error: Diagnostic, text: &str, span: Span) -> Diagnostic {
    if error.code() != Code::BAD_REFERENCE {
        return error;
    }
    let own = NAMES.iter().map(|(name, _)| *name);
    let addresses = ADDRESSES.iter().map(|(name, _)| *name);
    let known: Vec<_> = own.chain(addresses).chain(reference::names()).collect();
    let message = format!("`{text}` is nothing that counters can be told apart by");
    let error = Diagnostic::error(Code::BAD_LIMIT_KEY, span, message);
    let address = text.split('/').next().unwrap_or(text);
    match suggest(address, known) {
        Some(close) => error.help(format!("did you mean \"{close}\"?")),
        None => error.help("such as `principal`, `source.ip/64`, `route.NAME` or `header.NAME`"),
    }
}

fn one_value(attribute: &Attribute, span: Span, schema: &Schema<'_>) -> Result<(), Diagnostic> {
    let (owner, name) = match attribute {
        Attribute::PrincipalAttribute(name) => (Owner::Principal, name),
        Attribute::RequestAttribute(name) => (Owner::Request, name),
        Attribute::ResourceAttribute(name) => (Owner::Resource, name),
        _ => return Ok(()),
    };
    let declared = schema.attributes.get(&**name).map(|(declared, _)| declared);
    if declared.is_some_and(|declared| declared.ty == AttributeType::StringList) {
        let message = format!(
            "`{}.attr.{name}` holds several values, and a key takes one",
            owner.word()
        );
        let error = Diagnostic::error(Code::BAD_LIMIT_KEY, span, message);
        return Err(error.help("declare an attribute with the one value"));
    }
    Ok(())
}

/// `64` is of IPv6 and leaves IPv4 whole; `24/64` is of IPv4 and of IPv6.
fn prefixes(address: &str, text: &str, span: Span) -> Result<(u8, u8), Diagnostic> {
    let bits = |text: &str, most: u8| {
        let plain = !text.starts_with(['0', '+']);
        text.parse::<u8>()
            .ok()
            .filter(|bits| plain && (1..=most).contains(bits))
    };
    let refuse = |message: String, help: String| {
        Diagnostic::error(Code::BAD_LIMIT_KEY, span, message).help(help)
    };
    let both = format!("write `{address}/24/64`: the bits that count in IPv4, then in IPv6");
    match text.split_once('/') {
        Some((v4, v6)) => bits(v4, 32)
            .zip(bits(v6, 128))
            .ok_or_else(|| refuse(format!("`/{text}` are no prefixes of addresses"), both)),
        None => match bits(text, 128) {
            Some(v6) if v6 > 32 => Ok((32, v6)),
            Some(bits) => Err(refuse(
                format!("`/{bits}` may be meant for IPv4 or for IPv6"),
                both,
            )),
            None => Err(refuse(
                format!("`/{text}` is no prefix of an address"),
                format!(
                    "write `{address}/64`, which leaves an IPv4 address whole, or `{address}/24/64`"
                ),
            )),
        },
    }
}
