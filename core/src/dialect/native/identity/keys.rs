//! `keys`: where the keys of an issuer are, and `algorithms`: what may be signed with them.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::rule::identity::{Algorithm, AlgorithmSet, KeySource, Keys, Origin};
use crate::text::{Key, Kind, MappingReader, Node, Sources, Span};

use super::super::matching::one_or_many;
use super::super::outside::{environment, file, reference};
use super::jwks;
use super::url;

/// Whose keys are read.
pub(super) struct KeyReader<'a> {
    pub(super) sources: &'a Sources,
    /// The issuer whose metadata may name its keys.
    pub(super) issuer: Option<(&'a str, Span)>,
}

/// Every key that says where keys are; exactly one of them stands.
const PLACES: &[&str] = &["file", "env", "url", "discovery", "inline", "secret"];

impl KeyReader<'_> {
    /// A mapping, or a reference alone.
    pub(super) fn read(
        &self,
        key: &Key,
        node: &Node,
        diagnostics: &mut Diagnostics,
    ) -> Option<Keys> {
        let span = key.span;
        if let Some(reference) = reference(node) {
            let origin = diagnostics.check(reference.origin(node, self.sources))?;
            let source = KeySource::Outside(origin);
            return Some(Keys { source, span });
        }
        if is_broken(node) {
            return None;
        }
        if !matches!(node.kind, Kind::Mapping(_)) {
            diagnostics.redact(node.span);
            let message = format!("keys are a mapping, found {}", node.describe());
            // At the key: what stands there may be a secret, and a value's note would show it.
            let error = Diagnostic::error(Code::BAD_KEYS, span, message);
            diagnostics
                .push(error.help("such as { file: login.jwks.json } or { discovery: true }"));
            return None;
        }
        let mut reader = diagnostics.check(MappingReader::new(node))?;
        let mut places: Vec<_> = PLACES
            .iter()
            .filter_map(|place| Some((*place, reader.take_entry(place)?)))
            .collect();
        reader.finish(diagnostics);
        // `discovery: false` says nothing.
        places.retain(|(place, (_, node))| {
            *place != "discovery" || !matches!(node.as_bool(), Ok(false))
        });
        let [(place, (key, node))] = *places.as_slice() else {
            // A misspelled place has been reported as an unknown key.
            let is_place = |(key, _): &(Key, Node)| PLACES.contains(&&*key.text);
            if places.is_empty() && node.as_mapping().is_ok_and(|all| !all.iter().all(is_place)) {
                return None;
            }
            let message = match places.len() {
                0 => "nothing says where the keys are",
                _ => "keys come from one place",
            };
            let at = places.get(1).map_or(span, |(_, (key, _))| key.span);
            let error = Diagnostic::error(Code::BAD_KEYS, at, message);
            diagnostics.push(error.help("name one of file, env, url, discovery, inline, secret"));
            return None;
        };
        if reference(node).is_none() && is_broken(node) {
            return None;
        }
        let source = self.place(place, key, node, diagnostics)?;
        Some(Keys { source, span })
    }

    fn place(
        &self,
        place: &str,
        key: &Key,
        node: &Node,
        diagnostics: &mut Diagnostics,
    ) -> Option<KeySource> {
        if place == "inline" {
            return match reference(node) {
                Some(reference) => {
                    let origin = diagnostics.check(reference.origin(node, self.sources))?;
                    Some(KeySource::Outside(origin))
                }
                None => Some(KeySource::Inline(jwks::inline(key, node, diagnostics)?)),
            };
        }
        if place == "secret" {
            return secret(key, node, self.sources, diagnostics).map(KeySource::Secret);
        }
        let origin = match place {
            "file" => {
                let path = diagnostics.check(node.as_str())?;
                diagnostics.check(file(path, node, self.sources))?
            }
            "env" => {
                let name = diagnostics.check(node.as_str())?;
                diagnostics.check(environment(name, node))?
            }
            "url" => Origin::Url(url::check(node, diagnostics)?),
            _ => {
                diagnostics.check(node.as_bool())?;
                self.discovery(key, diagnostics)?
            }
        };
        Some(KeySource::Outside(origin))
    }

    /// The keys that the issuer's metadata name.
    pub(super) fn discovered(&self, key: &Key, diagnostics: &mut Diagnostics) -> Option<Keys> {
        let source = KeySource::Outside(self.discovery(key, diagnostics)?);
        let span = key.span;
        Some(Keys { source, span })
    }

    fn discovery(&self, key: &Key, diagnostics: &mut Diagnostics) -> Option<Origin> {
        let Some((issuer, span)) = self.issuer else {
            let message = "nothing here has metadata that name its keys";
            let error = Diagnostic::error(Code::BAD_KEYS, key.span, message);
            diagnostics.push(error.help("name a file or a url"));
            return None;
        };
        url::check_text(issuer, span, diagnostics).then(|| Origin::Discovery(issuer.into()))
    }
}

/// A name of a value that could not be replaced, which has been reported.
fn is_broken(node: &Node) -> bool {
    matches!(&node.kind, Kind::Scalar { text, .. } if text.contains("${"))
}

/// A secret is referred to, so that it stands in no policy, no repository and no message.
pub(in super::super) fn secret(
    key: &Key,
    node: &Node,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Origin> {
    if let Some(reference) = reference(node) {
        return diagnostics.check(reference.origin(node, sources));
    }
    diagnostics.redact(node.span);
    let message = format!("`{}` is written out", key.text);
    let error = Diagnostic::error(Code::SECRET_WRITTEN, key.span, message);
    diagnostics.push(error.help("refer to it: \"${file:path}\" or \"${env:NAME}\""));
    None
}

/// What may be signed with the keys: as written, else as the preset says, else all that is asymmetric.
pub(super) fn algorithms(
    given: Option<&Node>,
    preset: &[Algorithm],
    keys: Option<&Keys>,
    span: Span,
    diagnostics: &mut Diagnostics,
) -> AlgorithmSet {
    let is_secret = keys.is_some_and(|keys| matches!(keys.source, KeySource::Secret(_)));
    let Some(node) = given else {
        return match preset {
            _ if is_secret => AlgorithmSet::default().with(Algorithm::Hs256),
            [] => AlgorithmSet::ASYMMETRIC,
            listed => listed.iter().copied().collect(),
        };
    };
    let mut set = AlgorithmSet::default();
    for item in one_or_many(node, diagnostics) {
        if let Some(algorithm) = diagnostics.check(algorithm(item)) {
            set = set.with(algorithm);
        }
    }
    let symmetric = set.iter().any(Algorithm::is_symmetric);
    let asymmetric = set.iter().any(|algorithm| !algorithm.is_symmetric());
    if asymmetric && (symmetric || is_secret) {
        let message = if symmetric {
            "a token signed with a public key as if it were a secret would pass"
        } else {
            "a secret verifies no signature of a private key"
        };
        let error = Diagnostic::error(Code::MIXED_ALGORITHMS, span, message);
        diagnostics.push(error.help("HS algorithms and the others belong to issuers of their own"));
    }
    set
}

fn algorithm(node: &Node) -> Result<Algorithm, Diagnostic> {
    let name = node.as_str()?;
    if let Some(algorithm) = Algorithm::of_name(name.as_bytes()) {
        return Ok(algorithm);
    }
    if name.eq_ignore_ascii_case("none") {
        let message = "tokens without a signature prove nothing";
        let error = Diagnostic::error(Code::UNSIGNED, node.span, message);
        return Err(error.help("leave it out"));
    }
    let message = format!("\"{name}\" is no algorithm of signatures");
    let error = Diagnostic::error(Code::UNKNOWN_WORD, node.span, message);
    Err(match crate::diagnostic::suggest(name, Algorithm::names()) {
        Some(close) => error.help(format!("did you mean \"{close}\"?")),
        None => error.help("such as ES256, RS256, PS256, EdDSA or HS256"),
    })
}
