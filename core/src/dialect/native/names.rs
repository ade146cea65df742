//! Names that a policy defines: which characters they have, and that each is defined once.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::rule::Name;
use crate::text::{Key, Node, Span};

/// Longest name that a policy defines, in bytes.
const MAX_DEFINED_NAME_BYTES: usize = 256;

pub(super) fn name(text: &str, span: Span) -> Name {
    Name {
        text: text.into(),
        span,
    }
}

/// A rule, a role, a layer or a domain: letters, digits and `_ . : / -` of ASCII.
pub(super) fn check_id(text: &str, span: Span) -> Result<Name, Diagnostic> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.:/-".contains(c);
    check(
        text,
        span,
        allowed,
        "letters, digits and `_`, `.`, `:`, `/`, `-`",
    )
}

/// An action: an id whose dotted parts are not empty.
pub(super) fn check_action(text: &str, span: Span) -> Result<Name, Diagnostic> {
    let name = check_id(text, span)?;
    if text.split('.').any(str::is_empty) {
        let message = format!("\"{text}\" has an empty part");
        let error = Diagnostic::error(Code::BAD_NAME, span, message);
        return Err(error.help("an action is named by dotted parts, such as `orders.read`"));
    }
    Ok(name)
}

/// A value or an attribute: a name that a condition can use.
pub(super) fn check_identifier(text: &str, span: Span) -> Result<Name, Diagnostic> {
    let name = check(
        text,
        span,
        |c| c.is_ascii_alphanumeric() || c == '_',
        "letters, digits and `_`",
    )?;
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        let message = format!("the name \"{text}\" begins with a digit");
        let error = Diagnostic::error(Code::BAD_NAME, span, message);
        return Err(error.help("begin it with a letter or `_`"));
    }
    Ok(name)
}

fn check(
    text: &str,
    span: Span,
    allowed: impl Fn(char) -> bool,
    characters: &str,
) -> Result<Name, Diagnostic> {
    let refuse = |message: String| {
        let error = Diagnostic::error(Code::BAD_NAME, span, message);
        Err(error.help(format!("a name is made of {characters}")))
    };
    match text.chars().find(|c| !allowed(*c)) {
        _ if text.is_empty() => refuse("a name is empty".into()),
        Some(c) => refuse(format!("the name \"{text}\" has the character {c:?}")),
        None if text.len() > MAX_DEFINED_NAME_BYTES => refuse(format!(
            "a name of more than {MAX_DEFINED_NAME_BYTES} bytes"
        )),
        None => Ok(name(text, span)),
    }
}

/// A name that refers to something which is checked elsewhere: any text but nothing.
pub(super) fn referred(node: &Node) -> Result<Name, Diagnostic> {
    match node.as_str()? {
        "" => Err(Diagnostic::error(
            Code::BAD_NAME,
            node.span,
            "a name is empty",
        )),
        text => Ok(name(text, node.span)),
    }
}

/// A header's name in lower case (RFC 9110 §5.6.2), without `_`, which gateways confuse with `-`.
pub(super) fn header(text: &str, span: Span) -> Result<Name, Diagnostic> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^`|~".contains(c);
    let refuse = |message: String| Diagnostic::error(Code::BAD_HEADER_NAME, span, message);
    if text.contains('_') {
        let error = refuse(format!("the header name \"{text}\" has a `_`"));
        let help = format!(
            "many servers drop such headers or read them as `{}`",
            text.replace('_', "-")
        );
        return Err(error.help(help));
    }
    if text.is_empty() || !text.chars().all(is_token) {
        let error = refuse(format!("\"{text}\" is no name of a header"));
        return Err(error.help("letters, digits and `-`, such as `x-request-id`"));
    }
    Ok(name(&text.to_ascii_lowercase(), span))
}

/// The names of one kind that have been defined so far.
pub(super) struct Definitions {
    what: &'static str,
    seen: HashMap<Box<str>, Span>,
}

impl Definitions {
    pub(super) fn of(what: &'static str) -> Self {
        Self {
            what,
            seen: HashMap::new(),
        }
    }

    /// Notes a definition; a second one of the same name points to both.
    pub(super) fn define(&mut self, name: &Name, diagnostics: &mut Diagnostics) -> bool {
        if let Some(first) = self.seen.get(&name.text) {
            let message = format!("the {} \"{}\" is defined twice", self.what, name.text);
            let error = Diagnostic::error(Code::DUPLICATE_NAME, name.span, message);
            diagnostics.push(error.related(*first, "it is defined here first"));
            return false;
        }
        self.seen.insert(name.text.clone(), name.span);
        true
    }
}

/// A key and all that it holds, where a decision points to.
pub(super) fn whole(key: &Key, value: &Node) -> Span {
    if key.span.source == value.span.source && value.span.end >= key.span.start {
        Span {
            end: value.span.end,
            ..key.span
        }
    } else {
        key.span
    }
}
