//! Headers to set on an allow or a deny, and headers that no caller may bring.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::rule::{HeaderOutput, OutputValue, RuleSet};
use crate::text::{MappingReader, Node, Span};

use super::document::{Sections, entries, items};
use super::names;
use super::reference::{self, Side};
use super::schema::Schema;

pub(super) fn lower(
    sections: &[Sections<'_>],
    schema: &Schema<'_>,
    rules: &mut RuleSet,
    diagnostics: &mut Diagnostics,
) {
    let (mut allow, mut deny) = (HashMap::new(), HashMap::new());
    let mut stripped = HashSet::new();
    for section in sections {
        if let Some(node) = section.on_allow {
            lower_headers(node, schema, &mut allow, &mut rules.on_allow, diagnostics);
        }
        if let Some(node) = section.on_deny {
            lower_headers(node, schema, &mut deny, &mut rules.on_deny, diagnostics);
        }
        for item in items(section.strip, diagnostics) {
            let text = diagnostics.check(item.as_str());
            let name = text.and_then(|text| diagnostics.check(names::header(text, item.span)));
            rules
                .strip
                .extend(name.filter(|name| stripped.insert(name.text.clone())));
        }
    }
}

fn lower_headers(
    node: &Node,
    schema: &Schema<'_>,
    seen: &mut HashMap<Box<str>, Span>,
    list: &mut Vec<HeaderOutput>,
    diagnostics: &mut Diagnostics,
) {
    let Some(mut reader) = diagnostics.check(MappingReader::new(node)) else {
        return;
    };
    let headers = reader.require("headers", diagnostics);
    reader.finish(diagnostics);
    for (key, value) in entries(headers, diagnostics) {
        let name = diagnostics.check(names::header(&key.text, key.span));
        let value = output(value, schema, diagnostics);
        let (Some(name), Some(value)) = (name, value) else {
            continue;
        };
        match seen.get(&name.text) {
            None => {
                seen.insert(name.text.clone(), name.span);
                list.push(HeaderOutput { name, value });
            }
            Some(first) => {
                let message = format!("the header \"{}\" is set twice", name.text);
                let error = Diagnostic::error(Code::DUPLICATE_NAME, name.span, message);
                diagnostics.push(error.related(*first, "it is set here first"));
            }
        }
    }
}

fn output(node: &Node, schema: &Schema<'_>, diagnostics: &mut Diagnostics) -> Option<OutputValue> {
    const HELP: &str = "write `{ from: principal.id }` or `{ value: \"1\" }`";
    let mut reader =
        diagnostics.check(MappingReader::new(node).map_err(|error| error.help(HELP)))?;
    let (from, value) = (reader.take("from"), reader.take("value"));
    reader.finish(diagnostics);
    match (from, value) {
        (Some(from), None) => {
            let attribute = reference::read(from, Side::Output, schema, diagnostics)?;
            Some(OutputValue::From(attribute))
        }
        (None, Some(value)) => {
            let text = diagnostics.check(header_value(value))?;
            Some(OutputValue::Text(text.into()))
        }
        (None, None) | (Some(_), Some(_)) => {
            let message = "a header is set `from` an attribute or to a `value`, one of the two";
            let error = Diagnostic::error(Code::BAD_OUTPUT, node.span, message);
            diagnostics.push(error.help(HELP));
            None
        }
    }
}

/// A field value that every server reads alike (RFC 9110 §5.5).
fn header_value(node: &Node) -> Result<&str, Diagnostic> {
    let text = node.as_str()?;
    let refuse = |message: &str| Err(Diagnostic::error(Code::BAD_OUTPUT, node.span, message));
    if text.chars().any(char::is_control) {
        return refuse("a header cannot hold a control character");
    }
    if text != text.trim() {
        return refuse("a header's value neither begins nor ends with a space");
    }
    Ok(text)
}
