//! Settings of the engine: each source may repeat one, none may contradict another.

use crate::condition::Profile;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::pattern::cidr::Cidr;
use crate::pattern::path::{Normalize, TrailingSlash};
use crate::rule::{Name, PathOptions, RuleSet};
use crate::text::{Key, MappingReader, Node, Span};

use super::document::{Sections, items};
use super::words::{pattern, word};

const NORMALIZE: &[(&str, Normalize)] = &[
    ("strict", Normalize::Strict),
    ("base", Normalize::Base),
    ("merge_slashes", Normalize::MergeSlashes),
    ("decode_slashes", Normalize::DecodeSlashes),
    ("none", Normalize::None),
];
const TRAILING_SLASH: &[(&str, TrailingSlash)] = &[
    ("same", TrailingSlash::Same),
    ("distinct", TrailingSlash::Distinct),
    ("reject", TrailingSlash::Reject),
];
/// Most proxies that may stand in a row.
const MAX_HOPS: u64 = 64;

/// Reads the settings of all sources.
pub(super) fn lower(sections: &[Sections<'_>], rules: &mut RuleSet, diagnostics: &mut Diagnostics) {
    let mut settings = Settings::default();
    for section in sections {
        if let Some(paths) = section.paths {
            settings.read_paths(paths, diagnostics);
        }
        if let Some(network) = section.network {
            settings.read_network(network, diagnostics);
        }
        if let Some((key, node)) = section.preflight {
            let value = diagnostics.check(word(node, &[("allow", true)]));
            settings.preflight.set(key, value, diagnostics);
        }
    }
    settings.write(rules, diagnostics);
}

/// A setting that has been read, and where.
pub(super) struct Agreed<T>(Option<(T, Span)>);

impl<T> Default for Agreed<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: PartialEq> Agreed<T> {
    pub(super) fn set(&mut self, key: &Key, value: Option<T>, diagnostics: &mut Diagnostics) {
        match (&self.0, value) {
            (_, None) => {}
            (None, Some(value)) => self.0 = Some((value, key.span)),
            (Some((known, first)), Some(value)) if *known != value => {
                let message = format!("two sources differ in `{}`", key.text);
                let error = Diagnostic::error(Code::CONTRADICTION, key.span, message);
                let error = error.related(*first, "the other source");
                diagnostics.push(error.help("say it once, or the same in both"));
            }
            (Some(_), Some(_)) => {}
        }
    }

    pub(super) fn get(self) -> Option<T> {
        self.0.map(|(value, _)| value)
    }

    /// The setting and where it stands.
    pub(super) fn get_entry(self) -> Option<(T, Span)> {
        self.0
    }
}

#[derive(Default)]
struct Settings {
    normalize: Agreed<Normalize>,
    trailing_slash: Agreed<TrailingSlash>,
    head_as_get: Agreed<bool>,
    trusted_proxies: Agreed<Vec<Cidr>>,
    xff_hops: Agreed<u32>,
    preflight: Agreed<bool>,
}

/// Equal where the names are, wherever they stand.
pub(super) struct SameText(pub(super) Vec<Name>);

impl PartialEq for SameText {
    fn eq(&self, other: &Self) -> bool {
        let texts = |list: &Self| {
            let texts = list.0.iter().map(|name| name.text.clone());
            texts.collect::<Vec<_>>()
        };
        texts(self) == texts(other)
    }
}

impl Settings {
    fn read_paths(&mut self, node: &Node, diagnostics: &mut Diagnostics) {
        let Some(mut reader) = diagnostics.check(MappingReader::new(node)) else {
            return;
        };
        if let Some((key, node)) = reader.take_entry("normalize") {
            let value = diagnostics.check(word(node, NORMALIZE));
            self.normalize.set(key, value, diagnostics);
        }
        if let Some((key, node)) = reader.take_entry("trailing_slash") {
            let value = diagnostics.check(word(node, TRAILING_SLASH));
            self.trailing_slash.set(key, value, diagnostics);
        }
        if let Some((key, node)) = reader.take_entry("head_as_get") {
            let value = diagnostics.check(node.as_bool());
            self.head_as_get.set(key, value, diagnostics);
        }
        reader.finish(diagnostics);
    }

    fn read_network(&mut self, node: &Node, diagnostics: &mut Diagnostics) {
        let Some(mut reader) = diagnostics.check(MappingReader::new(node)) else {
            return;
        };
        if let Some((key, node)) = reader.take_entry("trusted_proxies") {
            let read =
                |item, diagnostics: &mut Diagnostics| diagnostics.check(pattern(item, Cidr::parse));
            let list = items(Some(node), diagnostics).iter();
            let value = list.filter_map(|item| read(item, diagnostics)).collect();
            self.trusted_proxies.set(key, Some(value), diagnostics);
        }
        if let Some((key, node)) = reader.take_entry("xff_hops") {
            let value = diagnostics.check(hops(node));
            self.xff_hops.set(key, value, diagnostics);
        }
        reader.finish(diagnostics);
    }

    fn write(self, rules: &mut RuleSet, diagnostics: &mut Diagnostics) {
        let default = PathOptions::default();
        rules.paths = PathOptions {
            normalize: self.normalize.get().unwrap_or(default.normalize),
            trailing_slash: self.trailing_slash.get().unwrap_or(default.trailing_slash),
            head_as_get: self.head_as_get.get().unwrap_or(default.head_as_get),
        };
        if let (Agreed(Some((hops, span))), Agreed(None)) = (&self.xff_hops, &self.trusted_proxies)
            && *hops > 0
        {
            let message = "`xff_hops` counts trusted proxies, and there are none";
            let error = Diagnostic::error(Code::MISSING_KEY, *span, message);
            diagnostics.push(error.help("write `trusted_proxies` beside it"));
        }
        rules.preflight = self.preflight.get().unwrap_or(false);
        let network = &mut rules.network;
        network.trusted_proxies = self.trusted_proxies.get().unwrap_or_default();
        // Proxies that are trusted stand in a row of one, unless it is said otherwise.
        let one = u32::from(!network.trusted_proxies.is_empty());
        network.xff_hops = self.xff_hops.get().unwrap_or(one);
    }
}

pub(super) fn hops(node: &Node) -> Result<u32, Diagnostic> {
    let hops = node.as_u64()?;
    u32::try_from(hops)
        .ok()
        .filter(|_| hops <= MAX_HOPS)
        .ok_or_else(|| {
            let message = format!("this number is out of range: 0 to {MAX_HOPS}");
            Diagnostic::error(Code::BAD_NUMBER, node.span, message)
        })
}

/// What conditions may do; the sources that say so agree.
pub(super) fn profile(sections: &[Sections<'_>], diagnostics: &mut Diagnostics) -> Profile {
    let mut chosen: Option<(Profile, Span)> = None;
    for node in sections.iter().filter_map(|section| section.profile) {
        let Some(profile) = diagnostics.check(word(node, PROFILES)) else {
            continue;
        };
        match chosen {
            Some((other, first)) if other != profile => {
                let message = "another source chooses another profile";
                let error = Diagnostic::error(Code::CONTRADICTION, node.span, message);
                diagnostics.push(error.related(first, "it is chosen here first"));
            }
            Some(_) => {}
            None => chosen = Some((profile, node.span)),
        }
    }
    chosen.map_or(Profile::Strict, |(profile, _)| profile)
}

const PROFILES: &[(&str, Profile)] =
    &[("strict", Profile::Strict), ("extended", Profile::Extended)];
