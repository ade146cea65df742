//! `include`: names of other sources of the same load, relative to the source that names them.

use std::collections::HashSet;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::text::{Kind, Node, Sources};

use super::document::{Sections, items};

/// Every include names a source of the load.
pub(super) fn check(sections: &[Sections<'_>], sources: &Sources, diagnostics: &mut Diagnostics) {
    let loaded: HashSet<_> = sources.names().collect();
    for section in sections {
        for item in items(section.include, diagnostics) {
            let Some(text) = diagnostics.check(item.as_str()) else {
                continue;
            };
            let bad = |message: &str| Diagnostic::error(Code::BAD_INCLUDE, item.span, message);
            match resolve(sources.name(section.source), text) {
                Err(reason) => {
                    let help =
                        "an included source stands beside the source that includes it, or below";
                    diagnostics.push(bad(reason).help(help));
                }
                Ok(name) if loaded.contains(&*name) => {}
                Ok(name) => {
                    let error = bad(&format!("\"{name}\" is not among the sources of this load"));
                    let help = format!("include it in the load: give the source \"{name}\" too");
                    diagnostics.push(
                        match crate::diagnostic::suggest(&name, loaded.iter().copied()) {
                            Some(close) => error.help(format!("did you mean \"{close}\"?")),
                            None => error.help(help),
                        },
                    );
                }
            }
        }
    }
}

/// The resolved names that a document includes; those that cannot be read are left out.
pub(super) fn names(source: &str, root: &Node) -> Vec<String> {
    let Kind::Mapping(entries) = &root.kind else {
        return Vec::new();
    };
    let include = entries.iter().find(|(key, _)| &*key.text == "include");
    let items = include
        .and_then(|(_, node)| node.as_sequence().ok())
        .unwrap_or_default();
    items
        .iter()
        .filter_map(|item| resolve(source, item.as_str().ok()?).ok())
        .collect()
}

/// The name that `included` means in a source called `source`.
fn resolve(source: &str, included: &str) -> Result<String, &'static str> {
    if included.is_empty() {
        return Err("a source's name is empty");
    }
    if included.contains('\\') {
        return Err("a source's name is written with `/`");
    }
    let has_scheme = included
        .split('/')
        .next()
        .is_some_and(|first| first.contains(':'));
    if included.starts_with('/') || has_scheme {
        return Err("an include is relative to its source");
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in included.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts
                    .pop()
                    .ok_or("an include may not leave the directory of its source")?;
            }
            _ => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Err("an include names a source, not a directory");
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
            ("shop.yaml", "", None),
            ("shop.yaml", ".", None),
        ];
        for (source, included, expected) in CASES {
            assert_eq!(
                resolve(source, included).ok().as_deref(),
                *expected,
                "{source} {included}"
            );
        }
    }
}
