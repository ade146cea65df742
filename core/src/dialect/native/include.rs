//! `include`: names of other sources of the same load, relative to the source that names them.

use std::collections::HashSet;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::text::{Kind, Node, Sources};

use super::document::{Sections, items};
use super::outside::resolve;

/// Every include names a source of the load.
pub(super) fn check(sections: &[Sections<'_>], sources: &Sources, diagnostics: &mut Diagnostics) {
    let loaded: HashSet<_> = sources.names().collect();
    for section in sections {
        for item in items(section.include, diagnostics) {
            let Some(text) = diagnostics.check(item.as_str()) else {
                continue;
            };
            let bad = |message: &str| Diagnostic::error(Code::BAD_INCLUDE, item.span, message);
            match resolve("an include", sources.name(section.source), text) {
                Err(reason) => {
                    let help =
                        "an included source stands beside the source that includes it, or below";
                    diagnostics.push(bad(&reason).help(help));
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
        .filter_map(|item| resolve("an include", source, item.as_str().ok()?).ok())
        .collect()
}
