//! Layers: native sources without a name share one, and those of one name are one.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::MAX_LAYERS;
use crate::rule::{Layer, LayerId, Mode, RuleSet};
use crate::text::{Node, Span};

use super::document::Sections;
use super::names::check_id;
use super::words::word;

pub(super) const MODES: &[(&str, Mode)] = &[("enforce", Mode::Enforce), ("shadow", Mode::Shadow)];
const DEFAULTS: &[(&str, bool)] = &[("allow", true), ("deny", false)];

/// The layer of each source. A source that only configures has none: it must not deny on its own.
pub(super) fn lower(
    sections: &[Sections<'_>],
    rules: &mut RuleSet,
    diagnostics: &mut Diagnostics,
) -> Vec<Option<LayerId>> {
    let mut known = HashMap::new();
    let lowered = sections.iter().map(|section| {
        let (layer, places) = read(section, diagnostics);
        let speaks = layer.name.is_some() || section.rules.is_some() || section.roles.is_some();
        if !speaks && section.mode.is_none() {
            return None;
        }
        let name = layer.name.as_ref().map(|name| name.text.clone());
        if let Some((id, first)) = known.get(&name) {
            agree(rules, *id, first, &layer, &places, diagnostics);
            return Some(*id);
        }
        let number = u8::try_from(rules.layers.len()).ok();
        let number = number.filter(|number| usize::from(*number) < MAX_LAYERS);
        let Some(id) = number.map(LayerId) else {
            let message = format!("more than {MAX_LAYERS} layers");
            diagnostics.push(Diagnostic::error(
                Code::TOO_MANY_LAYERS,
                places.layer,
                message,
            ));
            return Some(LayerId(0));
        };
        rules.layers.push(layer);
        known.insert(name, (id, places));
        Some(id)
    });
    lowered.collect()
}

/// Where a source says what its layer is; where it does not say, its beginning.
struct Places {
    layer: Span,
    default: Span,
    mode: Span,
}

fn read(section: &Sections<'_>, diagnostics: &mut Diagnostics) -> (Layer, Places) {
    let at = |node: Option<&Node>| node.map_or(section.start, |node| node.span);
    let places = Places {
        layer: at(section.layer),
        default: at(section.default.map(|(_, node)| node)),
        mode: at(section.mode.map(|(_, node)| node)),
    };
    let mode = section
        .mode
        .and_then(|(_, node)| diagnostics.check(word(node, MODES)));
    let default = section
        .default
        .and_then(|(_, node)| diagnostics.check(word(node, DEFAULTS)));
    let name = section.layer.and_then(|node| {
        let text = diagnostics.check(node.as_str())?;
        diagnostics.check(check_id(text, node.span));
        // One with a fault is a layer all the same: its roles are referred to.
        Some(super::names::name(text, node.span))
    });
    if let (None, Some((key, _))) = (section.layer, section.default) {
        let message = "only a layer with a name has a default of its own";
        let error = Diagnostic::error(Code::DEFAULT_WITHOUT_LAYER, key.span, message);
        diagnostics.push(error.help("name it: `layer: NAME`; without a name the default is deny"));
    }
    let default_allow = name.is_some() && default.unwrap_or(false);
    let mode = mode.unwrap_or_default();
    (
        Layer {
            name,
            default_allow,
            mode,
        },
        places,
    )
}

fn agree(
    rules: &RuleSet,
    id: LayerId,
    first: &Places,
    layer: &Layer,
    places: &Places,
    diagnostics: &mut Diagnostics,
) {
    let Some(known) = rules.layers.get(usize::from(id.0)) else {
        return;
    };
    let mut disagree = |what: &str, here: Span, there: Span| {
        let message = format!("two sources of one layer differ in its {what}");
        let error = Diagnostic::error(Code::CONTRADICTION, here, message);
        let help = format!("repeat the {what} in each source of the layer");
        diagnostics.push(error.related(there, "the other source").help(help));
    };
    if known.default_allow != layer.default_allow {
        disagree("default", places.default, first.default);
    }
    if known.mode != layer.mode {
        disagree("mode", places.mode, first.mode);
    }
}
