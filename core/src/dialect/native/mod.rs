//! Gatelet's own YAML, lowered.
//!
//! | module | lowers |
//! |---|---|
//! | [`document`] | one source: its version and its sections |
//! | [`condition`] | `when`: conditions of rules and grants |
//! | [`include`] | names of other sources |
//! | [`values`] | declared values, and `${name}` replaced by them |
//! | [`layer`] | the layers that rules and roles belong to |
//! | [`settings`] | paths and network, on which all sources agree |
//! | [`identity`] | whom to believe about the caller |
//! | [`schema`] | attributes, sets and domains: what rules speak of |
//! | [`rbac`] | actions, roles, exclusions and grants |
//! | [`rules`] | rules, and [`matching`] what they match |
//! | [`requirement`] | what a rule requires |
//! | [`limits`] | limits, and what actions cost |
//! | [`output`] | headers to set and to strip |
//! | [`reference`] | `principal.attr.tenant`: attributes by name |
//! | [`outside`] | files, and references to what is no part of a source |
//! | [`names`], [`words`] | names, fixed words and patterns, wherever they stand |

mod condition;
mod document;
mod identity;
mod include;
mod layer;
mod limits;
mod matching;
mod names;
mod output;
mod outside;
mod rbac;
mod reference;
mod requirement;
mod rules;
mod schema;
mod settings;
mod values;
mod words;

#[cfg(test)]
mod tests;

use crate::diagnostic::Diagnostics;
use crate::rule::RuleSet;
use crate::text::{Node, Sources};

pub(super) use identity::key_file::read as key_file;

use super::Parsed;
use condition::Conditions;
use document::{Document, Sections};
use matching::Scope;
use names::Definitions;
use schema::Schema;
use values::Values;

/// The one document of a native source, its version and includes checked by [`lower`].
pub(super) fn document(
    parsed: Parsed,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Document> {
    Document::of(parsed, sources, diagnostics)
}

/// The resolved names under `include`; what is wrong with them is the load's to report.
pub(super) fn includes(name: &str, documents: &[Node]) -> Vec<String> {
    documents
        .first()
        .map_or(Vec::new(), |root| include::names(name, root))
}

/// Merges and lowers every native document of a load.
pub(super) fn lower(
    mut documents: Vec<Document>,
    given: Vec<Parsed>,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> RuleSet {
    let mut values = Values::collect(&documents, given, diagnostics);
    for document in &mut documents {
        values.replace_in(&mut document.root, diagnostics);
    }
    // Apart, so that what comes from a value can be told from what was written in place.
    let mut found = Diagnostics::new();
    let sections: Vec<_> = documents
        .iter()
        .filter_map(|document| Sections::read(document, &mut found))
        .collect();
    include::check(&sections, sources, &mut found);
    let rules = lower_sections(&sections, &values, sources, &mut found);
    diagnostics.append(found, |diagnostic| values.explain(diagnostic));
    rules
}

fn lower_sections(
    sections: &[Sections<'_>],
    values: &Values,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> RuleSet {
    let mut rules = RuleSet::default();
    let layers = layer::lower(sections, &mut rules, diagnostics);
    settings::lower(sections, &mut rules, diagnostics);
    let mut schema = Schema::collect(sections, diagnostics);
    identity::lower(sections, &schema, sources, &mut rules, diagnostics);
    rbac::lower_actions(sections, &mut rules, diagnostics);
    schema.add_captures(&rules.actions);
    schema.lower_domains(sections, &mut rules, diagnostics);
    rbac::lower_exclusions(sections, &mut rules, diagnostics);
    let profile = settings::profile(sections, diagnostics);
    let mut conditions = Conditions::new(&schema, values, profile, sources);
    rbac::lower_grants(sections, &mut conditions, &mut rules, diagnostics);
    output::lower(sections, &schema, &mut rules, diagnostics);

    let (mut roles, mut ids) = (Definitions::of("role"), Definitions::of("rule"));
    let mut scope = Scope::new(&schema, &rules.identity, diagnostics);
    for (section, layer) in sections.iter().zip(layers) {
        let Some(layer) = layer else { continue };
        rbac::lower_roles(section, layer, &mut roles, &mut rules, scope.diagnostics);
        rules::lower(
            section,
            layer,
            &mut ids,
            &mut rules,
            &mut scope,
            &mut conditions,
        );
    }
    limits::lower_costs(sections, &mut rules, scope.diagnostics);
    let mut ids = Definitions::of("limit");
    for section in sections {
        limits::lower(section, &mut ids, &mut rules, &mut scope, &mut conditions);
    }
    limits::check_all(&rules, scope.diagnostics);
    rules.condition_attributes = conditions.attributes();
    rules.attributes = schema.into_declarations();
    rules
}
