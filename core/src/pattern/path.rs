//! The request path: refused or normalised before any decision reads it.
//!
//! A gate and the server behind it must see the same path. Strict mode gets
//! there by refusing whatever has two readings; the other modes rewrite it the
//! way Envoy does, and the host forwards the result.

mod rewrite;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

use super::scan;
pub(crate) use super::segments::Segments;
use crate::limits::MAX_TARGET_BYTES;

/// What normalisation does to a path that is not canonical.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Normalize {
    /// Refuses everything with two readings; encodings become canonical.
    Strict,
    /// Removes dot segments, decodes unreserved triplets, turns `\` into `/`.
    Base,
    /// As `Base`, then merges repeated slashes.
    MergeSlashes,
    /// Decodes `%2f` and `%5c` first, then as `MergeSlashes`.
    DecodeSlashes,
    /// Changes nothing.
    None,
}

/// What a final slash means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrailingSlash {
    /// `/a/` is `/a`.
    Same,
    /// `/a/` is another path than `/a`; see [`Normalized::trailing_slash`].
    Distinct,
    /// `/a/` is refused.
    Reject,
}

/// Why a path was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathError {
    Empty,
    TooLong,
    TooManySegments,
    NotAbsolute,
    InvalidUtf8,
    ControlCharacter,
    BadTriplet,
    EncodedSlash,
    EncodedBackslash,
    EncodedUnreserved,
    EmptySegment,
    DotSegment,
    Backslash,
    Semicolon,
    Fragment,
    TrailingSlash,
    /// A `%` in a path that was handed over as decoded.
    Percent,
    /// A `?` in a path that was handed over as decoded.
    Query,
}

impl PathError {
    /// The `detail` of the decision.
    pub(crate) const fn slug(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::TooManySegments => "too_many_segments",
            Self::NotAbsolute => "not_absolute",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::ControlCharacter => "control_character",
            Self::BadTriplet => "bad_triplet",
            Self::EncodedSlash => "encoded_slash",
            Self::EncodedBackslash => "encoded_backslash",
            Self::EncodedUnreserved => "encoded_unreserved",
            Self::EmptySegment => "empty_segment",
            Self::DotSegment => "dot_segment",
            Self::Backslash => "backslash",
            Self::Semicolon => "semicolon",
            Self::Fragment => "fragment",
            Self::TrailingSlash => "trailing_slash",
            Self::Percent => "percent",
            Self::Query => "query",
        }
    }
}

/// Room for the longest rewritten path, allocated once per scratch.
#[derive(Debug)]
pub(crate) struct PathBuffer {
    bytes: Vec<u8>,
    /// Whether triplets keep the case of their digits where a path is rewritten.
    keeps_case: bool,
}

impl PathBuffer {
    /// For any target that is not too long.
    pub(crate) fn new() -> Self {
        Self::for_target(MAX_TARGET_BYTES)
    }

    /// Leaves `%2f` apart from `%2F`, as Envoy does when it rewrites.
    #[cfg(test)]
    pub(crate) fn keeping_case(self) -> Self {
        Self {
            keeps_case: true,
            ..self
        }
    }

    /// For targets of a length: every byte may become a triplet.
    pub(crate) fn for_target(len: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(3 * len),
            keeps_case: false,
        }
    }
}

/// A request target after normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Normalized<'a> {
    /// What the host must forward; a final slash is kept as it came.
    pub(crate) path: &'a [u8],
    /// What stands after the first `?`, untouched.
    pub(crate) query: Option<&'a [u8]>,
    /// Whether the path ends with a slash; `/` itself does not count.
    pub(crate) trailing_slash: bool,
}

/// Normalises a request target as received, and splits its path into `segments`.
///
/// The path is borrowed from `target` unless normalisation changes it.
#[inline(always)]
pub(crate) fn normalize<'a>(
    target: &'a [u8],
    mode: Normalize,
    slash: TrailingSlash,
    buffer: &'a mut PathBuffer,
    segments: &mut Segments,
) -> Result<Normalized<'a>, PathError> {
    check_shape(target)?;
    if let Some(end) = scan::split_clean(target, segments) {
        let (path, query) = split_query(target, end);
        if query.is_none_or(is_plain_query) && target.first() == Some(&b'/') {
            return finish(path, query, slash, segments);
        }
    }
    normalize_slow(target, mode, slash, buffer, segments)
}

/// Canonicalises a path that a framework has decoded already; it is never decoded again.
///
/// As strict, and a `%` or a `?` is refused too: it may be either half of a double encoding.
#[cold]
#[inline(never)]
pub(crate) fn canonical_decoded<'a>(
    path: &'a [u8],
    slash: TrailingSlash,
    buffer: &'a mut PathBuffer,
    segments: &mut Segments,
) -> Result<Normalized<'a>, PathError> {
    match path.iter().find(|byte| matches!(byte, b'%' | b'?')) {
        Some(b'%') => Err(PathError::Percent),
        Some(_) => Err(PathError::Query),
        None => normalize(path, Normalize::Strict, slash, buffer, segments),
    }
}

/// What a piece of a path, written in a policy, looks like in a canonical path; `None` if it never stands in one.
pub(crate) fn canonical_piece(text: &[u8]) -> Option<Vec<u8>> {
    rewrite::piece(text)
}

#[inline(always)]
fn check_shape(target: &[u8]) -> Result<(), PathError> {
    if target.is_empty() {
        return Err(PathError::Empty);
    }
    if target.len() > MAX_TARGET_BYTES {
        return Err(PathError::TooLong);
    }
    Ok(())
}

#[inline(always)]
fn split_query(target: &[u8], end: usize) -> (&[u8], Option<&[u8]>) {
    match target.split_at_checked(end) {
        Some((path, rest)) => (path, rest.get(1..)),
        None => (target, None),
    }
}

/// Whether a query needs no closer look. Without an early exit, so that it is vectorised.
#[inline(always)]
fn is_plain_query(query: &[u8]) -> bool {
    query.iter().fold(true, |plain, &byte| {
        plain & (byte.wrapping_sub(0x20) < 0x5f) & (byte != b'#')
    })
}

#[inline(always)]
fn finish<'a>(
    path: &'a [u8],
    query: Option<&'a [u8]>,
    slash: TrailingSlash,
    segments: &mut Segments,
) -> Result<Normalized<'a>, PathError> {
    let ends_with_slash = path.last() == Some(&b'/');
    if !segments.close(path.len(), ends_with_slash) {
        return Err(PathError::TooManySegments);
    }
    let trailing_slash = ends_with_slash && path.len() > 1;
    if trailing_slash && slash == TrailingSlash::Reject {
        return Err(PathError::TrailingSlash);
    }
    Ok(Normalized {
        path,
        query,
        trailing_slash,
    })
}

/// Everything that is not clean as it stands.
#[cold]
fn normalize_slow<'a>(
    target: &'a [u8],
    mode: Normalize,
    slash: TrailingSlash,
    buffer: &'a mut PathBuffer,
    segments: &mut Segments,
) -> Result<Normalized<'a>, PathError> {
    segments.clear();
    if target == b"*" {
        return Ok(Normalized {
            path: target,
            query: None,
            trailing_slash: false,
        });
    }
    if target.first() != Some(&b'/') {
        return Err(PathError::NotAbsolute);
    }
    check_bytes(target)?;
    let target = match target.iter().position(|&byte| byte == b'#') {
        Some(_) if mode == Normalize::Strict => return Err(PathError::Fragment),
        Some(at) => target.split_at(at).0,
        None => target,
    };
    let end = target
        .iter()
        .position(|&byte| byte == b'?')
        .unwrap_or(target.len());
    let (path, query) = split_query(target, end);
    let out = &mut buffer.bytes;
    out.clear();
    match mode {
        Normalize::Strict => rewrite::strict(path, out)?,
        Normalize::None => rewrite::check_encoded_controls(path)?,
        Normalize::Base => rewrite::base(path, false, out)?,
        Normalize::MergeSlashes => {
            rewrite::base(path, false, out)?;
            rewrite::merge_slashes(out);
        }
        Normalize::DecodeSlashes => {
            rewrite::base(path, true, out)?;
            rewrite::merge_slashes(out);
        }
    }
    if !buffer.keeps_case {
        rewrite::upper_triplets(out);
    }
    let unchanged = mode == Normalize::None || out.as_slice() == path;
    let path = if unchanged { path } else { out.as_slice() };
    scan::split(path, segments);
    finish(path, query, slash, segments)
}

/// Raw bytes that no mode lets through, in the path or in the query.
fn check_bytes(target: &[u8]) -> Result<(), PathError> {
    if target.iter().any(u8::is_ascii_control) {
        return Err(PathError::ControlCharacter);
    }
    std::str::from_utf8(target)
        .map(drop)
        .map_err(|_| PathError::InvalidUtf8)
}
