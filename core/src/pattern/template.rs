//! Path templates of rules (`/t/{tenant}/orders/{**}`) and routes (`GET /healthz`).
//!
//! A template is compared with a normalised path, so its literals are put
//! into the same canonical form when it is built.

use std::cmp::Ordering;

use super::PatternError;
use super::error::check_length;
use super::path::{Normalize, PathBuffer, PathError, Segments, TrailingSlash, normalize};
use crate::limits::MAX_SEGMENTS;

/// One segment of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TemplateSegment {
    /// These bytes, in canonical form.
    Literal(Box<[u8]>),
    /// One segment that is not empty; `{*}` has no name.
    Capture(Option<Box<str>>),
    /// `{**}`: one or more segments, to the end.
    Tail,
}

/// A path with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathTemplate {
    segments: Vec<TemplateSegment>,
    trailing_slash: bool,
}

impl PathTemplate {
    /// Reads `/t/{tenant}/orders/{**}`.
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        check_length(text)?;
        let Some(body) = text.strip_prefix('/') else {
            let error = PatternError::new(0, "a path begins with `/`");
            return Err(if text.is_empty() {
                error
            } else {
                error.help(format!("write `/{text}`"))
            });
        };
        if body.is_empty() {
            return Ok(Self {
                segments: Vec::new(),
                trailing_slash: false,
            });
        }
        let (body, trailing_slash) = match body.strip_suffix('/') {
            Some(body) => (body, true),
            None => (body, false),
        };
        let mut segments = Vec::new();
        let mut buffer = PathBuffer::for_target(text.len());
        let mut at = 1;
        for part in body.split('/') {
            if segments.last() == Some(&TemplateSegment::Tail) {
                return Err(PatternError::new(at, "nothing may follow `{**}`")
                    .help("`{**}` stands for the rest of the path; use `{name}` for one segment"));
            }
            if segments.len() == MAX_SEGMENTS {
                return Err(PatternError::new(
                    at,
                    format!("a path has at most {MAX_SEGMENTS} segments"),
                ));
            }
            segments.push(parse_segment(part, at, &segments, &mut buffer)?);
            at += part.len() + 1;
        }
        if trailing_slash && segments.last() == Some(&TemplateSegment::Tail) {
            return Err(PatternError::new(at - 1, "nothing may follow `{**}`")
                .help("leave the last `/` out: `{**}` takes paths with and without one"));
        }
        Ok(Self {
            segments,
            trailing_slash,
        })
    }

    /// What the template is made of, for an index over many.
    pub(crate) fn segments(&self) -> &[TemplateSegment] {
        &self.segments
    }

    /// Whether the template ends with a slash; it matters only where a final slash is distinct.
    pub(crate) fn trailing_slash(&self) -> bool {
        self.trailing_slash
    }

    /// Whether a normalised path has this shape; its final slash is not looked at.
    pub(crate) fn matches(&self, segments: &Segments, path: &[u8]) -> bool {
        let (fixed, tail) = match self.segments.split_last() {
            Some((TemplateSegment::Tail, fixed)) => (fixed, true),
            _ => (self.segments.as_slice(), false),
        };
        let fits = if tail {
            segments.count() > fixed.len()
        } else {
            segments.count() == fixed.len()
        };
        fits && fixed
            .iter()
            .zip(segments.iter(path))
            .all(|(part, segment)| match part {
                TemplateSegment::Literal(literal) => **literal == *segment,
                TemplateSegment::Capture(_) | TemplateSegment::Tail => !segment.is_empty(),
            })
    }

    /// The names of the captures, each with the index of its segment.
    pub(crate) fn captures(&self) -> impl Iterator<Item = (&str, usize)> {
        self.segments
            .iter()
            .enumerate()
            .filter_map(|(index, segment)| match segment {
                TemplateSegment::Capture(Some(name)) => Some((&**name, index)),
                _ => None,
            })
    }

    /// What `name` stands for in a path that matches.
    pub(crate) fn capture<'p>(
        &self,
        name: &str,
        segments: &Segments,
        path: &'p [u8],
    ) -> Option<&'p [u8]> {
        let (_, index) = self.captures().find(|(known, _)| *known == name)?;
        (index < segments.count()).then(|| segments.get(index, path))
    }

    /// Orders shapes, the more specific first: from the left, a literal before a capture before `{**}`,
    /// and the longer of two that begin alike. Equal exactly for the same shape.
    pub(crate) fn cmp_specificity(&self, other: &Self) -> Ordering {
        let mut theirs = other.segments.iter();
        for mine in &self.segments {
            let Some(their) = theirs.next() else {
                return Ordering::Less;
            };
            let order = rank(mine)
                .cmp(&rank(their))
                .then_with(|| match (mine, their) {
                    (TemplateSegment::Literal(mine), TemplateSegment::Literal(their)) => {
                        mine.cmp(their)
                    }
                    _ => Ordering::Equal,
                });
            if order != Ordering::Equal {
                return order;
            }
        }
        if theirs.next().is_some() {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    }

    /// Whether both match the same paths; names and a final slash make no difference.
    pub(crate) fn same_shape(&self, other: &Self) -> bool {
        self.cmp_specificity(other) == Ordering::Equal
    }
}

fn rank(segment: &TemplateSegment) -> u8 {
    match segment {
        TemplateSegment::Literal(_) => 0,
        TemplateSegment::Capture(_) => 1,
        TemplateSegment::Tail => 2,
    }
}

fn parse_segment(
    part: &str,
    at: usize,
    before: &[TemplateSegment],
    buffer: &mut PathBuffer,
) -> Result<TemplateSegment, PatternError> {
    match part {
        "{**}" => return Ok(TemplateSegment::Tail),
        "{*}" => return Ok(TemplateSegment::Capture(None)),
        "*" | "**" => {
            return Err(
                PatternError::new(at, format!("`{part}` is no segment of a path"))
                    .help(format!("write `{{{part}}}`")),
            );
        }
        _ => {}
    }
    let Some(brace) = part.find(['{', '}']) else {
        return parse_literal(part, at, buffer);
    };
    let inner = part
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    let Some(name) = inner.filter(|name| !name.contains(['{', '}'])) else {
        return Err(
            PatternError::new(at + brace, "a placeholder fills a whole segment")
                .help("write `/{name}/`; braces of the path itself are written `%7B` and `%7D`"),
        );
    };
    check_name(name, at + 1)?;
    let taken = |segment: &TemplateSegment| matches!(segment, TemplateSegment::Capture(Some(known)) if **known == *name);
    if before.iter().any(taken) {
        return Err(
            PatternError::new(at + 1, format!("`{name}` stands twice in this path"))
                .help("give each placeholder its own name"),
        );
    }
    Ok(TemplateSegment::Capture(Some(name.into())))
}

fn check_name(name: &str, at: usize) -> Result<(), PatternError> {
    let starts = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
    let fault = name.find(|other: char| {
        !(other.is_ascii_lowercase() || other.is_ascii_digit() || other == '_')
    });
    if starts && fault.is_none() {
        return Ok(());
    }
    let message = format!("`{name}` is no name of a placeholder");
    Err(PatternError::new(at + fault.unwrap_or(0), message)
        .help("a name is made of a-z, 0-9 and `_`, and does not begin with a digit; `{*}` needs none, `{**}` takes the rest"))
}

/// A literal is what strict normalisation makes of it; what strict refuses could never match.
fn parse_literal(
    part: &str,
    at: usize,
    buffer: &mut PathBuffer,
) -> Result<TemplateSegment, PatternError> {
    if let Some(question) = part.find('?') {
        return Err(PatternError::new(at + question, "a `?` never matches: the query is not part of the path")
            .help("leave the query out, or match it with `query`; a `?` of the path itself is written `%3F`"));
    }
    let target = format!("/{part}");
    let mut segments = Segments::new();
    let normal = normalize(
        target.as_bytes(),
        Normalize::Strict,
        TrailingSlash::Same,
        buffer,
        &mut segments,
    );
    match normal {
        // A path `/` is what an empty segment looks like on its own.
        Ok(normal) if segments.count() == 1 => Ok(TemplateSegment::Literal(
            segments.get(0, normal.path).into(),
        )),
        Ok(_) => Err(literal_error(part, at, PathError::EmptySegment)),
        Err(error) => Err(literal_error(part, at, error)),
    }
}

fn literal_error(part: &str, at: usize, error: PathError) -> PatternError {
    let (needle, message, help): (&[char], _, _) = match error {
        PathError::EmptySegment => (&[], "an empty segment never matches", "write one `/`"),
        PathError::DotSegment => (
            &[],
            "a `.` or `..` segment never matches",
            "write the path that it leads to",
        ),
        PathError::EncodedUnreserved => (
            &['%'],
            "this byte is never encoded in a normalised path",
            "write the character itself",
        ),
        PathError::EncodedSlash | PathError::EncodedBackslash => (
            &['%'],
            "an encoded slash never matches: strict paths refuse it",
            "write `/` between segments",
        ),
        PathError::BadTriplet => (
            &['%'],
            "`%` is not followed by two hex digits",
            "write `%25` for a percent sign",
        ),
        PathError::Backslash => (
            &['\\'],
            "a `\\` never matches",
            "write `/` between segments",
        ),
        PathError::Semicolon => (
            &[';', '%'],
            "a `;` never matches: path parameters are refused",
            "leave it out",
        ),
        PathError::Fragment => (
            &['#'],
            "a `#` never matches: a fragment is not part of the path",
            "write `%23` for the character",
        ),
        _ => (
            &[],
            "this segment can never match a path",
            "leave out control characters and keep it short",
        ),
    };
    let offset = part
        .find(needle)
        .filter(|_| !needle.is_empty())
        .unwrap_or(0);
    PatternError::new(at + offset, message).help(help)
}

/// The methods that a route takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Method {
    /// `*`
    Any,
    /// This one; methods are case-sensitive.
    Token(Box<str>),
}

impl Method {
    /// Reads a method token (RFC 9110 §5.6.2) or `*`.
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        const KNOWN: [&str; 9] = [
            "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
        ];
        check_length(text)?;
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some(fault) = text.find(|other: char| !is_token(other)) {
            return Err(PatternError::new(fault, format!("`{text}` is no method"))
                .help("a method is one word, such as GET; `*` stands for every method"));
        }
        if text.is_empty() {
            return Err(PatternError::new(0, "a method is missing")
                .help("write GET, or `*` for every method"));
        }
        if let Some(known) = KNOWN
            .iter()
            .find(|known| **known != text && known.eq_ignore_ascii_case(text))
        {
            return Err(PatternError::new(0, format!("`{text}` never matches"))
                .help(format!("methods are case-sensitive: {known}")));
        }
        Ok(Self::Token(text.into()))
    }

    /// Whether a request's method is meant.
    pub(crate) fn matches(&self, method: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Token(token) => token.as_bytes() == method,
        }
    }
}

/// `tchar` of RFC 9110; `*` is one, but not alone.
fn is_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}

/// A method and a path template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) template: PathTemplate,
}

impl Route {
    /// Reads `GET /healthz` or `* /healthz`.
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        check_length(text)?;
        if text.starts_with('/') {
            return Err(
                PatternError::new(0, "a route begins with a method").help(format!(
                    "write `GET {text}`, or `* {text}` for every method"
                )),
            );
        }
        let Some((method, path)) = text.split_once(' ') else {
            return Err(
                PatternError::new(text.len(), "a route is a method and a path")
                    .help("write it like `GET /orders/{order}`"),
            );
        };
        let path = path.trim_start_matches(' ');
        let method = Method::parse(method)?;
        let template =
            PathTemplate::parse(path).map_err(|error| error.shifted(text.len() - path.len()))?;
        Ok(Self { method, template })
    }
}

#[cfg(test)]
mod tests;
