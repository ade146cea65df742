//! SPIFFE IDs (`spiffe://prod.shop.example/ns/pos/sa/till`) and patterns of workloads.

use super::PatternError;
use super::error::check_length;
use crate::limits::{MAX_SPIFFE_ID_BYTES, MAX_TRUST_DOMAIN_BYTES};

const SCHEME: &str = "spiffe://";

/// Why a SPIFFE ID was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpiffeError {
    TooLong,
    WrongScheme,
    /// Empty, too long, or with a byte outside `a-z 0-9 . _ -`: a port, user info or an upper-case letter too.
    BadTrustDomain,
    /// An empty segment, a final slash too.
    EmptySegment,
    DotSegment,
    /// A byte outside `A-Z a-z 0-9 . _ -`: an encoded one, a query or a fragment too.
    BadPath,
}

impl SpiffeError {
    /// The `detail` of the decision.
    pub(crate) const fn slug(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::WrongScheme => "wrong_scheme",
            Self::BadTrustDomain => "bad_trust_domain",
            Self::EmptySegment => "empty_segment",
            Self::DotSegment => "dot_segment",
            Self::BadPath => "bad_path",
        }
    }
}

/// A valid SPIFFE ID, in the two parts that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpiffeId<'a> {
    pub(crate) trust_domain: &'a [u8],
    /// With its leading slash; empty for the trust domain itself.
    pub(crate) path: &'a [u8],
}

impl<'a> SpiffeId<'a> {
    /// Checks an ID by the SPIFFE-ID standard §2.
    pub(crate) fn parse(text: &'a [u8]) -> Result<Self, SpiffeError> {
        if text.len() > MAX_SPIFFE_ID_BYTES {
            return Err(SpiffeError::TooLong);
        }
        let rest = text
            .strip_prefix(SCHEME.as_bytes())
            .ok_or(SpiffeError::WrongScheme)?;
        let end = rest
            .iter()
            .position(|&byte| byte == b'/')
            .unwrap_or(rest.len());
        let (trust_domain, path) = rest.split_at(end);
        if !is_trust_domain(trust_domain) {
            return Err(SpiffeError::BadTrustDomain);
        }
        for segment in segments(path) {
            check_segment(segment)?;
        }
        Ok(Self { trust_domain, path })
    }
}

/// Whether a text is a trust domain's name.
pub(crate) fn is_trust_domain(text: &[u8]) -> bool {
    let allowed = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    (1..=MAX_TRUST_DOMAIN_BYTES).contains(&text.len()) && text.iter().all(allowed)
}

/// The segments of a path that is empty or begins with a slash.
fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').skip(1)
}

fn check_segment(segment: &[u8]) -> Result<(), SpiffeError> {
    match segment {
        b"" => Err(SpiffeError::EmptySegment),
        b"." | b".." => Err(SpiffeError::DotSegment),
        _ if segment.iter().copied().all(is_path_byte) => Ok(()),
        _ => Err(SpiffeError::BadPath),
    }
}

fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Segment {
    Literal(Box<[u8]>),
    /// `*`
    One,
}

/// A complete trust domain, then segments: themselves, `*` for one, `**` at the end for one or more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SpiffePattern {
    trust_domain: Box<[u8]>,
    segments: Box<[Segment]>,
    tail: bool,
}

impl SpiffePattern {
    /// Reads `spiffe://prod.shop.example/ns/pos/**`.
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        check_length(text)?;
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return Err(PatternError::new(0, "a SPIFFE ID begins with `spiffe://`")
                .help("write it like `spiffe://prod.shop.example/ns/pos/**`"));
        };
        let (trust_domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        check_trust_domain(trust_domain)?;
        let mut parsed = Vec::new();
        let mut tail = false;
        let mut at = SCHEME.len() + trust_domain.len() + 1;
        for segment in path.split('/').skip(1) {
            if tail {
                return Err(PatternError::new(at, "nothing may follow `**`")
                    .help("use `*` for one segment"));
            }
            match segment {
                "**" => tail = true,
                "*" => parsed.push(Segment::One),
                _ => parsed.push(parse_literal(segment, at)?),
            }
            at += segment.len() + 1;
        }
        Ok(Self {
            trust_domain: trust_domain.as_bytes().into(),
            segments: parsed.into(),
            tail,
        })
    }

    /// The one trust domain whose workloads may match.
    pub(crate) fn trust_domain(&self) -> &[u8] {
        &self.trust_domain
    }

    /// The segments of the path for an index; `None` is any one segment.
    pub(crate) fn segments(&self) -> impl Iterator<Item = Option<&[u8]>> {
        self.segments.iter().map(|segment| match segment {
            Segment::Literal(literal) => Some(&**literal),
            Segment::One => None,
        })
    }

    /// Whether one segment or more have to follow.
    pub(crate) fn tail(&self) -> bool {
        self.tail
    }

    /// Whether a workload is meant.
    pub(crate) fn matches(&self, id: &SpiffeId<'_>) -> bool {
        if *self.trust_domain != *id.trust_domain {
            return false;
        }
        let mut theirs = segments(id.path);
        let all = self
            .segments
            .iter()
            .all(|mine| match (mine, theirs.next()) {
                (Segment::Literal(literal), Some(segment)) => **literal == *segment,
                (Segment::One, Some(_)) => true,
                (_, None) => false,
            });
        all && theirs.next().is_some() == self.tail
    }
}

impl std::fmt::Display for SpiffePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{SCHEME}{}", String::from_utf8_lossy(&self.trust_domain))?;
        for segment in self.segments() {
            write!(
                f,
                "/{}",
                segment.map_or("*".into(), String::from_utf8_lossy)
            )?;
        }
        f.write_str(if self.tail { "/**" } else { "" })
    }
}

fn check_trust_domain(text: &str) -> Result<(), PatternError> {
    let at = SCHEME.len();
    if let Some(star) = text.find('*') {
        return Err(
            PatternError::new(at + star, "a wildcard never stands in the trust domain")
                .help("name the trust domain completely; list one pattern for each"),
        );
    }
    if is_trust_domain(text.as_bytes()) {
        return Ok(());
    }
    let fault = text.find(|other: char| {
        !is_path_byte(u8::try_from(other).unwrap_or(0)) || other.is_ascii_uppercase()
    });
    Err(
        PatternError::new(at + fault.unwrap_or(0), "this is no trust domain")
            .help("a trust domain is 1 to 255 of a-z, 0-9, `.`, `_` and `-`, without port or user"),
    )
}

fn parse_literal(segment: &str, at: usize) -> Result<Segment, PatternError> {
    let fault = |offset: usize, message: &str, help: &str| {
        Err(PatternError::new(at + offset, message).help(help))
    };
    match check_segment(segment.as_bytes()) {
        Ok(()) => Ok(Segment::Literal(segment.as_bytes().into())),
        Err(SpiffeError::EmptySegment) => fault(
            0,
            "an empty segment never matches",
            "write no `/` at the end and none twice",
        ),
        Err(SpiffeError::DotSegment) => fault(
            0,
            "a `.` or `..` segment never matches",
            "write the path that it leads to",
        ),
        Err(_) => match segment.find('*') {
            Some(star) => fault(
                star,
                "a `*` stands for a whole segment",
                "write `/*` for one segment, `/**` for the rest",
            ),
            None => {
                let offset = segment
                    .bytes()
                    .position(|byte| !is_path_byte(byte))
                    .unwrap_or(0);
                fault(
                    offset,
                    "this character stands in no SPIFFE ID",
                    "a segment is made of A-Z, a-z, 0-9, `.`, `_` and `-`",
                )
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        let domain_255 = format!("spiffe://{}", "a".repeat(255));
        let domain_256 = format!("spiffe://{}", "a".repeat(256));
        let id_2048 = format!("spiffe://td/{}", "a".repeat(2_048 - 12));
        let id_2049 = format!("{id_2048}a");
        let megabyte = vec![b'a'; 1 << 20];
        for (text, expected) in [
            (&b"spiffe://td"[..], Ok(("td", ""))),
            (
                b"spiffe://prod.shop_1-x.example/ns/pos",
                Ok(("prod.shop_1-x.example", "/ns/pos")),
            ),
            (b"spiffe://td/A-Z.a_z.0...", Ok(("td", "/A-Z.a_z.0..."))),
            (b"spiffe://10.0.0.1/x", Ok(("10.0.0.1", "/x"))),
            (domain_255.as_bytes(), Ok((&domain_255[9..], ""))),
            (id_2048.as_bytes(), Ok(("td", &id_2048[11..]))),
            (b"", Err("wrong_scheme")),
            (b"SPIFFE://td", Err("wrong_scheme")),
            (b"https://td/x", Err("wrong_scheme")),
            (b"spiffe:/td", Err("wrong_scheme")),
            (b"spiffe://", Err("bad_trust_domain")),
            (b"spiffe:///x", Err("bad_trust_domain")),
            (b"spiffe://TD/x", Err("bad_trust_domain")),
            (b"spiffe://td:443/x", Err("bad_trust_domain")),
            (b"spiffe://user@td/x", Err("bad_trust_domain")),
            (b"spiffe://t%64/x", Err("bad_trust_domain")),
            (b"spiffe://td?x", Err("bad_trust_domain")),
            ("spiffe://té".as_bytes(), Err("bad_trust_domain")),
            (b"spiffe://*/x", Err("bad_trust_domain")),
            (domain_256.as_bytes(), Err("bad_trust_domain")),
            (b"spiffe://td/", Err("empty_segment")),
            (b"spiffe://td//x", Err("empty_segment")),
            (b"spiffe://td/x/", Err("empty_segment")),
            (b"spiffe://td/./x", Err("dot_segment")),
            (b"spiffe://td/x/..", Err("dot_segment")),
            (b"spiffe://td/%41", Err("bad_path")),
            (b"spiffe://td/a?b", Err("bad_path")),
            (b"spiffe://td/a#b", Err("bad_path")),
            (b"spiffe://td/a b", Err("bad_path")),
            (b"spiffe://td/a\0", Err("bad_path")),
            (b"spiffe://td/\xff", Err("bad_path")),
            (b"spiffe://td/**", Err("bad_path")),
            (id_2049.as_bytes(), Err("too_long")),
            (&megabyte, Err("too_long")),
        ] {
            let got = SpiffeId::parse(text).map_err(SpiffeError::slug);
            let expected = expected.map(|(domain, path)| SpiffeId {
                trust_domain: domain.as_bytes(),
                path: path.as_bytes(),
            });
            assert_eq!(got, expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn matching() {
        for (pattern, id, expected) in [
            ("spiffe://td", "spiffe://td", true),
            ("spiffe://td", "spiffe://td/a", false),
            ("spiffe://td/a", "spiffe://td/a", true),
            ("spiffe://td/a", "spiffe://td", false),
            ("spiffe://td/a", "spiffe://td/A", false),
            ("spiffe://td/a", "spiffe://tda/a", false),
            ("spiffe://td/a", "spiffe://td/a/b", false),
            ("spiffe://td/*", "spiffe://td/a", true),
            ("spiffe://td/*", "spiffe://td", false),
            ("spiffe://td/*", "spiffe://td/a/b", false),
            ("spiffe://td/*/b", "spiffe://td/a/b", true),
            ("spiffe://td/*/b", "spiffe://td/a/c", false),
            ("spiffe://td/**", "spiffe://td", false),
            ("spiffe://td/**", "spiffe://td/a/b/c", true),
            ("spiffe://td/**", "spiffe://td.evil/a", false),
            ("spiffe://td/ns/pos/**", "spiffe://td/ns/pos", false),
            ("spiffe://td/ns/pos/**", "spiffe://td/ns/pos/sa/till", true),
            (
                "spiffe://td/ns/pos/**",
                "spiffe://td/ns/posh/sa/till",
                false,
            ),
            ("spiffe://td/*/**", "spiffe://td/a", false),
            ("spiffe://td/*/**", "spiffe://td/a/b", true),
        ] {
            let parsed = SpiffePattern::parse(pattern).unwrap();
            assert_eq!(
                parsed.matches(&SpiffeId::parse(id.as_bytes()).unwrap()),
                expected,
                "{pattern} {id}"
            );
            assert_eq!(parsed.trust_domain(), b"td");
        }
        let deep = format!("spiffe://td{}", "/a".repeat(1_000));
        assert!(
            SpiffePattern::parse("spiffe://td/a/**")
                .unwrap()
                .matches(&SpiffeId::parse(deep.as_bytes()).unwrap())
        );
    }

    #[test]
    fn faults() {
        let megabyte = "a".repeat(1 << 20);
        for (text, at, words) in [
            ("", 0, "begins with"),
            ("td/a", 0, "begins with"),
            ("*", 0, "begins with"),
            ("spiffe://*/a", 9, "wildcard never"),
            ("spiffe://*.example/a", 9, "wildcard never"),
            ("spiffe://td*/a", 11, "wildcard never"),
            ("spiffe://**", 9, "wildcard never"),
            ("spiffe://", 9, "no trust domain"),
            ("spiffe://tD/a", 10, "no trust domain"),
            ("spiffe://td:1/a", 11, "no trust domain"),
            ("spiffe://td/", 12, "empty segment"),
            ("spiffe://td/a//b", 14, "empty segment"),
            ("spiffe://td/../b", 12, "`..`"),
            ("spiffe://td/a*", 13, "whole segment"),
            ("spiffe://td/a/***", 14, "whole segment"),
            ("spiffe://td/**/a", 15, "nothing may follow"),
            ("spiffe://td/a%41", 13, "no SPIFFE ID"),
            ("spiffe://td/é", 12, "no SPIFFE ID"),
            (megabyte.as_str(), 8192, "longer than"),
        ] {
            let error = SpiffePattern::parse(text).unwrap_err();
            assert!(
                error.at == at && error.message.contains(words),
                "{text:.40} {error:?}"
            );
        }
    }
}
