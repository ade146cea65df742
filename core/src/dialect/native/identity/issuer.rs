//! One issuer: who signs tokens, what they have to say, and whom they make.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::{MAX_LEEWAY_MS, MAX_LIFETIME_MS};
use crate::rule::Name;
use crate::rule::identity::{API_KEYS, Authority, ClaimPath, Expectation, HOST, Issuer, WORKLOADS};
use crate::text::{Key, MappingReader, Node, Sources, Span};

use super::super::matching::one_or_many;
use super::super::names::{check_id, name, referred};
use super::super::schema::Schema;
use super::super::words::word;
use super::claims;
use super::keys::{KeyReader, algorithms};
use super::places;
use super::presets::{PLAIN, PRESETS, Preset};

/// How far clocks may differ, unless it is said otherwise.
pub(super) const LEEWAY_MS: i64 = 60_000;

/// What reading an issuer needs at hand.
pub(super) struct Context<'c, 'a> {
    pub(super) sources: &'c Sources,
    pub(super) schema: &'c Schema<'a>,
}

/// The issuer under a provider's name.
pub(super) fn issuer(
    key: &Key,
    node: &Node,
    context: &Context<'_, '_>,
    diagnostics: &mut Diagnostics,
) -> Option<Issuer> {
    let provider = diagnostics.check(provider(key));
    let mut reader = diagnostics.check(MappingReader::new(node))?;
    let preset = reader.read("preset", |node| word(node, PRESETS), diagnostics);
    let preset = preset.unwrap_or(&PLAIN);
    let authority = match (reader.take("issuer"), preset.issuer) {
        (Some(node), _) => diagnostics.check(referred(node)),
        (None, Some(known)) => Some(name(known, key.span)),
        (None, None) => {
            let message = "the key \"issuer\" is missing";
            let error = Diagnostic::error(Code::MISSING_KEY, key.span, message);
            diagnostics.push(error.help("write the `iss` claim of its tokens"));
            None
        }
    };
    let audience = audience(reader.take("audience"), diagnostics);
    let audience_claim = reader.take("audience_claim");
    let audience_claim = audience_claim.and_then(|node| claims::path(node, diagnostics));
    let key_reader = KeyReader {
        sources: context.sources,
        issuer: authority.as_ref().map(|name| (&*name.text, name.span)),
    };
    let keys = match reader.take_entry("keys") {
        Some((key, node)) => key_reader.read(key, node, diagnostics),
        // An issuer that is missing has been reported.
        None if preset.discovery => authority
            .is_some()
            .then(|| key_reader.discovered(key, diagnostics))
            .flatten(),
        None => {
            diagnostics.push(missing_keys(key.span));
            None
        }
    };
    let listed = reader.take("algorithms");
    let at = listed.map_or(key.span, |node| node.span);
    let algorithms = algorithms(listed, preset.algorithms, keys.as_ref(), at, diagnostics);
    let checks = Checks::read(&mut reader, preset, diagnostics);
    let from = reader.take("from");
    let from = from.map_or_else(
        || vec![places::bearer()],
        |node| places::places(node, diagnostics),
    );
    let strip = places::strip(reader.take("strip"), &from, diagnostics);
    let principal = reader.take("principal");
    let principal = claims::principal(principal, preset, context.schema, diagnostics);
    reader.finish(diagnostics);
    Some(Issuer {
        name: provider?,
        authority: Authority::Issuer(authority?),
        audience,
        audience_claim: audience_claim.unwrap_or_else(|| claims::path_of(preset.audience_claim)),
        algorithms,
        typ: checks.typ,
        leeway_ms: checks.leeway_ms,
        require_exp: checks.require_exp,
        required: checks.required,
        expect: checks.expect,
        max_lifetime_ms: checks.max_lifetime_ms,
        from,
        strip,
        keys: keys?,
        principal,
    })
}

/// A provider's name, which is none of those that mean something already.
fn provider(key: &Key) -> Result<Name, Diagnostic> {
    let name = check_id(&key.text, key.span)?;
    if [HOST, API_KEYS, WORKLOADS].contains(&&*name.text) {
        let message = format!("\"{}\" is a provider of its own", name.text);
        let error = Diagnostic::error(Code::RESERVED_PROVIDER, key.span, message);
        return Err(error.help("choose another name for this issuer"));
    }
    Ok(name)
}

/// One audience or several.
pub(super) fn audience(node: Option<&Node>, diagnostics: &mut Diagnostics) -> Vec<Name> {
    let Some(node) = node else { return Vec::new() };
    let items = one_or_many(node, diagnostics).iter();
    items
        .filter_map(|item| diagnostics.check(referred(item)))
        .collect()
}

/// What a token has to say beside who it is for.
pub(super) struct Checks {
    pub(super) typ: Vec<Box<str>>,
    pub(super) leeway_ms: i64,
    pub(super) require_exp: bool,
    pub(super) required: Vec<ClaimPath>,
    pub(super) expect: Vec<Expectation>,
    pub(super) max_lifetime_ms: Option<i64>,
}

impl Checks {
    fn read(
        reader: &mut MappingReader<'_>,
        preset: &Preset,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let expect = match reader.take("expect") {
            Some(node) => claims::expectations(node, diagnostics),
            None => {
                let known = preset.expect.iter();
                known
                    .map(|(claim, text)| Expectation {
                        claim: claims::path_of(&[claim]),
                        one_of: [Box::from(*text)].into(),
                    })
                    .collect()
            }
        };
        let require_exp = reader.read("require_exp", Node::as_bool, diagnostics);
        let required = reader.take("require");
        Self {
            typ: typ(reader.take("typ"), diagnostics),
            leeway_ms: leeway(reader.take("leeway"), diagnostics),
            require_exp: require_exp.unwrap_or(true),
            required: required.map_or(Vec::new(), |node| claims::required(node, diagnostics)),
            expect,
            max_lifetime_ms: max_lifetime(reader.take("max_lifetime"), diagnostics),
        }
    }
}

/// Media types without `application/` in lower case (RFC 7515 §4.1.9); nothing is a token without one.
fn typ(node: Option<&Node>, diagnostics: &mut Diagnostics) -> Vec<Box<str>> {
    let Some(node) = node else {
        return ["jwt", "at+jwt", ""].map(Box::from).into();
    };
    let mut types = Vec::new();
    for item in one_or_many(node, diagnostics) {
        if item.is_null() {
            types.push("".into());
        } else if let Some(name) = diagnostics.check(referred(item)) {
            let lower = name.text.to_ascii_lowercase();
            let short = lower.strip_prefix("application/");
            let short = short.filter(|short| !short.contains('/'));
            types.push(short.unwrap_or(&lower).into());
        }
    }
    types
}

/// How far clocks may differ.
pub(super) fn leeway(node: Option<&Node>, diagnostics: &mut Diagnostics) -> i64 {
    let given = node.and_then(|node| diagnostics.check(duration(node, 0, MAX_LEEWAY_MS)));
    given.unwrap_or(LEEWAY_MS)
}

/// The longest life of a token.
pub(super) fn max_lifetime(node: Option<&Node>, diagnostics: &mut Diagnostics) -> Option<i64> {
    diagnostics.check(duration(node?, 1_000, MAX_LIFETIME_MS))
}

fn duration(node: &Node, least: u64, most: u64) -> Result<i64, Diagnostic> {
    let ms = node.as_duration_ms()?;
    let found = i64::try_from(ms).ok();
    found
        .filter(|_| (least..=most).contains(&ms))
        .ok_or_else(|| {
            let (least, most) = (least / 1_000, most / 1_000);
            let message = format!("this duration is out of range: {least}s to {most}s");
            Diagnostic::error(Code::BAD_DURATION, node.span, message)
        })
}

/// Nothing says where the keys are.
pub(super) fn missing_keys(at: Span) -> Diagnostic {
    let error = Diagnostic::error(Code::MISSING_KEY, at, "the key \"keys\" is missing");
    error.help("such as `keys: { file: login.jwks.json }` or `keys: { discovery: true }`")
}
