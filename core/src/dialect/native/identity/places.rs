//! `from`: where a credential stands in a request.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::MAX_PLACES;
use crate::rule::identity::TokenSource;
use crate::text::{MappingReader, Node, Span};

use super::super::matching::one_or_many;
use super::super::names::{header, referred};

const AUTHORIZATION: &str = "authorization";
const BEARER: &str = "bearer";

/// The `Authorization` header's bearer token (RFC 6750 §2.1).
pub(super) fn bearer() -> TokenSource {
    TokenSource::Header {
        name: AUTHORIZATION.into(),
        scheme: Some(BEARER.into()),
    }
}

/// `[{ header, scheme? }, { query }, { cookie }]`, in the order of preference.
pub(super) fn places(node: &Node, diagnostics: &mut Diagnostics) -> Vec<TokenSource> {
    let mut found: Vec<(TokenSource, Span)> = Vec::new();
    let items = one_or_many(node, diagnostics);
    if items.len() > MAX_PLACES {
        let message = format!("a credential stands at {MAX_PLACES} places at most");
        diagnostics.push(Diagnostic::error(Code::BAD_PLACE, node.span, message));
        return Vec::new();
    }
    for item in items {
        let Some(place) = place(item, diagnostics) else {
            continue;
        };
        if let Some((_, first)) = found.iter().find(|(known, _)| *known == place) {
            let message = "this place is listed twice";
            let error = Diagnostic::error(Code::DUPLICATE_NAME, item.span, message);
            diagnostics.push(error.related(*first, "it is listed here first"));
            continue;
        }
        found.push((place, item.span));
    }
    found.into_iter().map(|(place, _)| place).collect()
}

fn place(node: &Node, diagnostics: &mut Diagnostics) -> Option<TokenSource> {
    let mut reader = diagnostics.check(MappingReader::new(node))?;
    let listed = ["header", "query", "cookie"];
    let named: Vec<_> = listed
        .iter()
        .filter_map(|kind| reader.take_entry(kind))
        .collect();
    let scheme = reader.take_entry("scheme");
    reader.finish(diagnostics);
    let [(kind, value)] = *named.as_slice() else {
        let at = named.get(1).map_or(node.span, |(key, _)| key.span);
        let message = "a place is one of header, query, cookie";
        let error = Diagnostic::error(Code::BAD_PLACE, at, message);
        diagnostics.push(error.help("such as { header: authorization, scheme: bearer }"));
        return None;
    };
    if let (Some((key, _)), "query" | "cookie") = (scheme, &*kind.text) {
        let message = "only a header has a scheme";
        diagnostics.push(Diagnostic::error(Code::BAD_PLACE, key.span, message));
    }
    match &*kind.text {
        "header" => {
            let name = diagnostics.check(header_name(value))?;
            let given = scheme.and_then(|(_, node)| diagnostics.check(scheme_name(node)));
            // Credentials stand behind a scheme there (RFC 9110 §11.6.2).
            let implied = || (&*name == AUTHORIZATION).then(|| BEARER.into());
            let scheme = given.or_else(implied);
            Some(TokenSource::Header { name, scheme })
        }
        "query" => {
            let name = diagnostics.check(referred(value))?;
            Some(TokenSource::Query(name.text))
        }
        _ => diagnostics.check(cookie(value)).map(TokenSource::Cookie),
    }
}

/// A header's name, in lower case.
pub(super) fn header_name(node: &Node) -> Result<Box<str>, Diagnostic> {
    let name = header(node.as_str()?, node.span)?;
    if &*name.text == "cookie" {
        let message = "a cookie is a place of its own";
        let error = Diagnostic::error(Code::BAD_PLACE, node.span, message);
        return Err(error.help("write { cookie: NAME }"));
    }
    Ok(name.text)
}

/// A token of RFC 9110 §5.6.2, in lower case.
fn scheme_name(node: &Node) -> Result<Box<str>, Diagnostic> {
    let text = node.as_str()?;
    if is_token(text) {
        return Ok(text.to_ascii_lowercase().into());
    }
    let message = format!("\"{text}\" is no scheme of credentials");
    let error = Diagnostic::error(Code::BAD_PLACE, node.span, message);
    Err(error.help("one word, such as bearer"))
}

/// A cookie's name is a token (RFC 6265 §4.1.1), and case matters.
fn cookie(node: &Node) -> Result<Box<str>, Diagnostic> {
    let text = node.as_str()?;
    if is_token(text) {
        return Ok(text.into());
    }
    let message = format!("\"{text}\" is no name of a cookie");
    Err(Diagnostic::error(Code::BAD_PLACE, node.span, message))
}

fn is_token(text: &str) -> bool {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(is_token)
}

/// Whether the headers of these places are taken away. A query and a cookie cannot be.
pub(super) fn strip(
    node: Option<&Node>,
    from: &[TokenSource],
    diagnostics: &mut Diagnostics,
) -> bool {
    let Some(node) = node else { return false };
    let strip = diagnostics.check(node.as_bool()).unwrap_or(false);
    let in_header = |place: &TokenSource| matches!(place, TokenSource::Header { .. });
    if strip && !from.is_empty() && !from.iter().any(in_header) {
        let message = "what is stripped are headers, and this credential comes in none";
        diagnostics.push(Diagnostic::error(Code::BAD_PLACE, node.span, message));
    }
    strip
}
