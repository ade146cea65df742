//! `inline`: a JWK set (RFC 7517 §5) written into the policy, as the JSON that it stands for.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::text::{Key, Kind, Node, Span, Style};
use std::fmt::Write as _;

/// Members of a JWK that let somebody sign (RFC 7518 §6.2.2, §6.3.2, §6.4.1; RFC 8037 §2).
const SECRET_MEMBERS: &[&str] = &["k", "d", "p", "q", "dp", "dq", "qi", "oth"];

/// The bytes of the set: a mapping with `keys`, a list of keys, or JSON text.
pub(super) fn inline(key: &Key, node: &Node, diagnostics: &mut Diagnostics) -> Option<Box<[u8]>> {
    let bad = |at: Span, message: &str| {
        let error = Diagnostic::error(Code::BAD_KEYS, at, message);
        error.help("a set is `{ keys: [{ kty: EC, … }] }` (RFC 7517)")
    };
    let keys = match &node.kind {
        Kind::Scalar { text, .. } if text.trim_start().starts_with('{') => {
            // Only what reads keys can tell whether they are secret.
            diagnostics.redact(node.span);
            return Some(text.as_bytes().into());
        }
        Kind::Sequence(_) => node,
        Kind::Mapping(entries) => match entries.iter().find(|(key, _)| &*key.text == "keys") {
            Some((_, keys)) => keys,
            None => {
                diagnostics.redact(node.span);
                diagnostics.push(bad(node.span, "a set of keys has the member `keys`"));
                return None;
            }
        },
        Kind::Scalar { .. } => {
            diagnostics.redact(node.span);
            diagnostics.push(bad(key.span, "this is no set of keys"));
            return None;
        }
    };
    let Kind::Sequence(listed) = &keys.kind else {
        diagnostics.redact(keys.span);
        diagnostics.push(bad(keys.span, "keys are a list"));
        return None;
    };
    if listed.is_empty() {
        diagnostics.push(bad(keys.span, "no key is listed"));
        return None;
    }
    let mut intact = true;
    for key in listed {
        intact &= check_key(key, diagnostics);
    }
    let mut text = String::from("{\"keys\":");
    write_json(keys, &mut text);
    text.push('}');
    intact.then(|| text.into_bytes().into())
}

/// A key names its type. One that lets its holder sign is better kept elsewhere.
fn check_key(key: &Node, diagnostics: &mut Diagnostics) -> bool {
    let Kind::Mapping(members) = &key.kind else {
        diagnostics.redact(key.span);
        let message = "a key is a mapping";
        diagnostics.push(Diagnostic::error(Code::BAD_KEYS, key.span, message));
        return false;
    };
    let secret = members
        .iter()
        .filter(|(name, _)| SECRET_MEMBERS.contains(&&*name.text));
    for (at, (name, value)) in secret.enumerate() {
        diagnostics.redact(value.span);
        if at == 0 {
            let message = "whoever reads this policy can sign with this key";
            let warning = Diagnostic::warning(Code::SECRET_INLINE, name.span, message);
            diagnostics.push(warning.help(
                "keep the set in a file of its own, or write public keys only; \
                 a shared secret is referred to: `secret: \"${env:NAME}\"`",
            ));
        }
    }
    let typed = members.iter().any(|(name, _)| &*name.text == "kty");
    if !typed {
        let at = members.first().map_or(key.span, |(name, _)| name.span);
        let message = "a key without its type, `kty`";
        diagnostics.push(Diagnostic::error(Code::BAD_KEYS, at, message));
    }
    typed
}

/// Scalars of YAML are text in a key, but for booleans.
fn write_json(node: &Node, out: &mut String) {
    match &node.kind {
        Kind::Scalar { text, style } => match style {
            Style::JsonBare => out.push_str(text),
            Style::Plain if matches!(&**text, "true" | "false") => out.push_str(text),
            _ => write_text(text, out),
        },
        Kind::Sequence(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_json(item, out);
            }
            out.push(']');
        }
        Kind::Mapping(entries) => {
            out.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_text(&key.text, out);
                out.push(':');
                write_json(value, out);
            }
            out.push('}');
        }
    }
}

/// A string of JSON (RFC 8259 §7).
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                // Writing to a string cannot fail; control characters are below U+FFFF.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
