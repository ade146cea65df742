//! What stands outside of a source: files relative to it, `${file:…}` and `${env:…}`.

use crate::diagnostic::{Code, Diagnostic};
use crate::rule::identity::Origin;
use crate::text::{Kind, Node, Sources};

/// The keys under which a reference may stand, wherever secrets and key material do.
pub(super) const REFERRING: &[&str] = &["keys", "inline", "secret"];

/// What a scalar refers to.
pub(super) enum Reference<'a> {
    File(&'a str),
    Environment(&'a str),
}

/// The reference that a scalar is, all of it: a value of the policy has no `:` in its name.
pub(super) fn reference(node: &Node) -> Option<Reference<'_>> {
    let Kind::Scalar { text, .. } = &node.kind else {
        return None;
    };
    let inner = text.strip_prefix("${")?.strip_suffix('}')?;
    let (kind, name) = inner.split_once(':')?;
    match kind {
        "file" => Some(Reference::File(name)),
        "env" => Some(Reference::Environment(name)),
        _ => None,
    }
}

impl Reference<'_> {
    /// What is referred to, from where the node stands.
    pub(super) fn origin(&self, node: &Node, sources: &Sources) -> Result<Origin, Diagnostic> {
        match self {
            Self::File(path) => file(path, node, sources),
            Self::Environment(name) => environment(name, node),
        }
    }
}

/// A file, relative to the source in which the node stands.
pub(super) fn file(path: &str, node: &Node, sources: &Sources) -> Result<Origin, Diagnostic> {
    let source = sources.name(node.span.source);
    let resolved = resolve("a file", source, path).map_err(|reason| {
        let error = Diagnostic::error(Code::BAD_FILE, node.span, reason);
        error.help("a file stands beside the source that names it, or below")
    })?;
    Ok(Origin::File(resolved.into()))
}

/// A variable of the environment.
pub(super) fn environment(name: &str, node: &Node) -> Result<Origin, Diagnostic> {
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| !c.is_ascii_digit());
    if is_name {
        return Ok(Origin::Environment(name.into()));
    }
    let message = format!("\"{name}\" is no name of a variable of the environment");
    let error = Diagnostic::error(Code::BAD_NAME, node.span, message);
    Err(error.help("a name is made of letters, digits and `_`, and begins with no digit"))
}

/// The name that `given` means in a source called `source`; `what` is its name in messages.
pub(super) fn resolve(what: &str, source: &str, given: &str) -> Result<String, String> {
    if given.is_empty() {
        return Err(format!("{what} has no name"));
    }
    if given.contains('\\') {
        return Err("names are separated by `/`".to_owned());
    }
    if given.chars().any(char::is_control) {
        return Err(format!("the name of {what} has a control character"));
    }
    let first = given.split('/').next();
    let has_scheme = first.is_some_and(|first| first.contains(':'));
    if given.starts_with('/') || has_scheme {
        return Err(format!("{what} is relative to its source"));
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in given.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts
                    .pop()
                    .ok_or_else(|| format!("{what} may not leave the directory of its source"))?;
            }
            _ => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Err(format!("{what} is no directory"));
    }
    let directory = source
        .rfind('/')
        .and_then(|slash| source.get(..=slash))
        .unwrap_or_default();
    Ok(format!("{directory}{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn names_are_relative_and_never_escape() {
        const CASES: &[(&str, &str, Option<&str>)] = &[
            ("shop.yaml", "roles.yaml", Some("roles.yaml")),
            ("prod/shop.yaml", "roles.yaml", Some("prod/roles.yaml")),
            (
                "prod/shop.yaml",
                "./a/../roles.yaml",
                Some("prod/roles.yaml"),
            ),
            (
                "/etc/shop.yaml",
                "more//roles.yaml",
                Some("/etc/more/roles.yaml"),
            ),
            ("prod/shop.yaml", "../roles.yaml", None),
            ("prod/shop.yaml", "a/../../roles.yaml", None),
            ("shop.yaml", "/etc/passwd", None),
            ("shop.yaml", "C:/roles.yaml", None),
            ("shop.yaml", "https://x.example/roles.yaml", None),
            ("shop.yaml", "..\\roles.yaml", None),
            ("shop.yaml", "a\nb", None),
            ("shop.yaml", "", None),
            ("shop.yaml", ".", None),
        ];
        for (source, given, expected) in CASES {
            assert_eq!(
                resolve("a file", source, given).ok().as_deref(),
                *expected,
                "{source} {given}"
            );
        }
    }
}
