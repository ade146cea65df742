//! Who is meant: `{ user, of }`, `{ group, of }`, `{ workload }`, `{ role }`.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::rule::Name;
use crate::text::{MappingReader, Node};

use super::super::names::referred;

/// One mapping that says who is meant.
pub(in super::super) enum Who<'n> {
    User {
        provider: Option<Name>,
        id: &'n Node,
    },
    Group {
        provider: Option<Name>,
        name: &'n Node,
    },
    Workload(&'n Node),
    Role(&'n Node),
}

/// Who may be given a role.
pub(in super::super) const GRANTEES: &[&str] = &["user", "group", "workload"];
/// Who may be matched as the principal.
pub(super) const PRINCIPALS: &[&str] = &["user", "workload"];
/// Who may pass without an approval.
pub(super) const BYPASSERS: &[&str] = &["user", "group", "workload", "role"];

/// Reads exactly one of the `kinds`.
pub(in super::super) fn read<'n>(
    node: &'n Node,
    kinds: &'static [&'static str],
    diagnostics: &mut Diagnostics,
) -> Option<Who<'n>> {
    let mut reader = diagnostics.check(MappingReader::new(node))?;
    let named: Vec<_> = kinds
        .iter()
        .filter_map(|kind| reader.take_entry(kind))
        .collect();
    let of = reader.take_entry("of");
    let known_keys = node.as_mapping().is_ok_and(|entries| {
        entries
            .iter()
            .all(|(key, _)| kinds.contains(&&*key.text) || &*key.text == "of")
    });
    reader.finish(diagnostics);
    let provider = of.and_then(|(_, node)| diagnostics.check(referred(node)));
    let [(key, value)] = named.as_slice() else {
        // A misspelled kind has been reported as an unknown key.
        if known_keys || named.len() > 1 {
            let at = named.get(1).map_or(node.span, |(key, _)| key.span);
            let message = format!("this names {} of {}", count(named.len()), kinds.join(", "));
            let error = Diagnostic::error(Code::BAD_SUBJECT, at, message);
            diagnostics.push(error.help("name exactly one"));
        }
        return None;
    };
    if let (Some((of, _)), "workload" | "role") = (of, &*key.text) {
        let message = format!("a {} has no `of`", key.text);
        let error = Diagnostic::error(Code::BAD_SUBJECT, of.span, message);
        diagnostics.push(error.help("leave it out"));
    }
    Some(match &*key.text {
        "user" => Who::User {
            provider,
            id: value,
        },
        "group" => Who::Group {
            provider,
            name: value,
        },
        "workload" => Who::Workload(value),
        _ => Who::Role(value),
    })
}

fn count(number: usize) -> &'static str {
    if number == 0 { "none" } else { "more than one" }
}

/// A name that is no pattern.
pub(in super::super) fn exact(node: &Node) -> Result<Name, Diagnostic> {
    let name = referred(node)?;
    if name.text.starts_with('*') || name.text.ends_with('*') {
        let message = format!("\"{}\" is a pattern, and a name is needed", name.text);
        let error = Diagnostic::error(Code::PATTERN_NOT_ALLOWED, node.span, message);
        return Err(error.help("name one; to give something to many, use a group"));
    }
    Ok(name)
}
