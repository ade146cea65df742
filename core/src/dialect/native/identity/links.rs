//! `links`: identities of several providers that are one principal.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::pattern::spiffe::SpiffeId;
use crate::rule::Name;
use crate::rule::identity::{Identified, Link, WORKLOADS};
use crate::text::Node;

use super::super::document::items;
use super::super::matching::subject::{self, Who};
use super::super::names::name;

/// Whom a link can name.
const LINKED: &[&str] = &["user", "workload"];

/// `[[{ user, of }, { workload }], …]`; the first of each link stands for all.
pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Vec<Link> {
    let mut links = Vec::new();
    for item in items(Some(node), diagnostics) {
        let Some(listed) = diagnostics.check(item.as_sequence()) else {
            continue;
        };
        if listed.len() < 2 {
            let message = "a link names two identities or more";
            let error = Diagnostic::error(Code::BAD_LINK, item.span, message);
            diagnostics.push(error.help(
                "write [[{ user: a, of: login }, { user: b, of: partner }]]: a list of lists",
            ));
        }
        links.push(Link {
            identities: listed
                .iter()
                .filter_map(|node| identified(node, diagnostics))
                .collect(),
        });
    }
    links
}

fn identified(node: &Node, diagnostics: &mut Diagnostics) -> Option<Identified> {
    match subject::read(node, LINKED, diagnostics)? {
        Who::User { provider, id } => Some(Identified {
            provider,
            id: diagnostics.check(subject::exact(id))?,
        }),
        Who::Workload(node) => Some(Identified {
            provider: Some(name(WORKLOADS, node.span)),
            id: diagnostics.check(workload(node))?,
        }),
        Who::Group { .. } | Who::Role(_) => None,
    }
}

/// One workload, no pattern.
fn workload(node: &Node) -> Result<Name, Diagnostic> {
    let id = subject::exact(node)?;
    if SpiffeId::parse(id.text.as_bytes()).is_ok() {
        return Ok(id);
    }
    let message = format!("\"{}\" is no SPIFFE ID", id.text);
    let error = Diagnostic::error(Code::BAD_PATTERN, node.span, message);
    Err(error.help("such as spiffe://prod.shop.example/ns/pos/sa/till"))
}
