//! Patterns of values: exact, `prefix*`, `*suffix`, and `*` for whatever is present.

use super::PatternError;
use super::error::check_length;

/// What a header, an attribute or another value is compared with.
///
/// A dialect that reads stars otherwise builds the variants itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TextPattern {
    Exact(Box<[u8]>),
    Prefix(Box<[u8]>),
    Suffix(Box<[u8]>),
    /// Any value, the empty one too.
    Present,
}

impl TextPattern {
    /// Reads `exact`, `prefix*`, `*suffix` or `*`. There is no escape: a value with a star in it is not expressible.
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        check_length(text)?;
        let bytes = |text: &str| text.as_bytes().into();
        if text == "*" {
            return Ok(Self::Present);
        }
        let (pattern, literal, offset) = if let Some(prefix) = text.strip_suffix('*') {
            (Self::Prefix(bytes(prefix)), prefix, 0)
        } else if let Some(suffix) = text.strip_prefix('*') {
            (Self::Suffix(bytes(suffix)), suffix, 1)
        } else {
            (Self::Exact(bytes(text)), text, 0)
        };
        match literal.find('*') {
            None => Ok(pattern),
            Some(star) => Err(PatternError::new(
                offset + star,
                "one `*` may stand, at the beginning or at the end",
            )
            .help("write `prefix*`, `*suffix` or `*`; list several patterns to match any of them")),
        }
    }

    /// Whether a value is meant, byte for byte.
    pub(crate) fn matches(&self, value: &[u8]) -> bool {
        match self {
            Self::Exact(text) => **text == *value,
            Self::Prefix(text) => value.starts_with(text),
            Self::Suffix(text) => value.ends_with(text),
            Self::Present => true,
        }
    }

    /// As [`Self::matches`], where ASCII letters of either case are alike.
    pub(crate) fn matches_ignore_case(&self, value: &[u8]) -> bool {
        let (text, part) = match self {
            Self::Exact(text) => (text, Some(value)),
            Self::Prefix(text) => (text, value.get(..text.len())),
            Self::Suffix(text) => (
                text,
                value
                    .len()
                    .checked_sub(text.len())
                    .and_then(|from| value.get(from..)),
            ),
            Self::Present => return true,
        };
        part.is_some_and(|part| part.eq_ignore_ascii_case(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching() {
        for (pattern, value, exact, folded) in [
            ("", &b""[..], true, true),
            ("", b"a", false, false),
            ("a", b"a", true, true),
            ("a", b"A", false, true),
            ("a", b"ab", false, false),
            ("a", b"", false, false),
            ("a*", b"a", true, true),
            ("a*", b"abc", true, true),
            ("a*", b"ABC", false, true),
            ("a*", b"ba", false, false),
            ("ab*", b"a", false, false),
            ("*a", b"a", true, true),
            ("*a", b"bba", true, true),
            ("*A", b"bba", false, true),
            ("*a", b"ab", false, false),
            ("*ab", b"b", false, false),
            ("*", b"", true, true),
            ("*", b"\0\xff", true, true),
            ("a*", b"a\0\xff", true, true),
            ("*\u{e9}", b"caf\xc3\xa9", true, true),
            ("*\u{e9}", b"caf\xc3\x89", false, false),
        ] {
            let pattern = TextPattern::parse(pattern).unwrap();
            assert_eq!(pattern.matches(value), exact, "{pattern:?} {value:?}");
            assert_eq!(
                pattern.matches_ignore_case(value),
                folded,
                "{pattern:?} {value:?}"
            );
        }
        let megabyte = vec![b'a'; 1 << 20];
        assert!(TextPattern::parse("*aa").unwrap().matches(&megabyte));
        assert!(
            !TextPattern::parse("b*")
                .unwrap()
                .matches_ignore_case(&megabyte)
        );
    }

    #[test]
    fn a_star_in_the_middle_is_an_error() {
        for (text, at) in [
            ("a*b", 1),
            ("**", 0),
            ("*a*", 0),
            ("***", 0),
            ("a**", 1),
            ("**a", 1),
            ("a*b*", 1),
            ("*a*b", 2),
        ] {
            let error = TextPattern::parse(text).unwrap_err();
            assert_eq!(error.at, at, "{text}");
            assert!(
                error.help.is_some_and(|help| help.contains("prefix*")),
                "{text}"
            );
        }
        assert!(TextPattern::parse(&"a".repeat(1 << 20)).is_err());
    }
}
