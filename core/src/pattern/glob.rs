//! Globs: `*` is any run of characters, `?` one character, anywhere in a text.
//!
//! One loop with one place to go back to: no recursion, and never more steps
//! than the lengths of text and pattern multiplied.

use super::PatternError;
use super::error::check_length;

/// How a glob reads its text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct GlobOptions {
    /// ASCII letters of either case are alike.
    pub(crate) ignore_case: bool,
    /// A byte (ASCII) that neither `*` nor `?` stands for.
    pub(crate) separator: Option<u8>,
}

/// A part of a glob, for a dialect that spells wildcards its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GlobPart<'a> {
    Literal(&'a str),
    /// `*`
    Run,
    /// `?`
    One,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Byte(u8),
    Run,
    One,
}

/// A compiled glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob {
    tokens: Box<[Token]>,
    options: GlobOptions,
}

impl Glob {
    /// Reads `*` and `?` as wildcards and everything else as itself.
    pub(crate) fn parse(text: &str, options: GlobOptions) -> Result<Self, PatternError> {
        check_length(text)?;
        let parts = text.split_inclusive(['*', '?']).flat_map(|piece| {
            let (literal, wildcard) = match piece.as_bytes().last() {
                Some(b'*') => (piece.strip_suffix('*'), Some(GlobPart::Run)),
                Some(b'?') => (piece.strip_suffix('?'), Some(GlobPart::One)),
                _ => (Some(piece), None),
            };
            literal.map(GlobPart::Literal).into_iter().chain(wildcard)
        });
        Ok(Self::from_parts(parts, options))
    }

    /// Builds a glob whose literals may hold stars and question marks; the caller bounds their length.
    pub(crate) fn from_parts<'a>(
        parts: impl IntoIterator<Item = GlobPart<'a>>,
        options: GlobOptions,
    ) -> Self {
        let mut tokens = Vec::new();
        for part in parts {
            match part {
                GlobPart::Literal(text) => {
                    tokens.extend(text.bytes().map(|byte| Token::Byte(fold(byte, options))))
                }
                GlobPart::One => tokens.push(Token::One),
                GlobPart::Run if tokens.last() == Some(&Token::Run) => {}
                GlobPart::Run => tokens.push(Token::Run),
            }
        }
        Self {
            tokens: tokens.into(),
            options,
        }
    }

    /// Whether the whole text is meant.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        let mut tokens = self.tokens.as_ref();
        let mut rest = text;
        // Behind the last run seen: the tokens after it, and the text that it has not taken yet.
        // An earlier run need not be tried again: it could only leave less for this one.
        let mut retry: Option<(&[Token], &[u8])> = None;
        loop {
            if let Some((token, after)) = tokens.split_first() {
                if *token == Token::Run {
                    if after.is_empty() && self.options.separator.is_none() {
                        return true;
                    }
                    tokens = after;
                    retry = Some((after, rest));
                    continue;
                }
                if let Some(left) = self.step(*token, rest) {
                    tokens = after;
                    rest = left;
                    continue;
                }
            } else if rest.is_empty() {
                return true;
            }
            let Some((after, from)) = retry else {
                return false;
            };
            let Some(left) = self.step(Token::One, from) else {
                return false;
            };
            tokens = after;
            rest = left;
            retry = Some((after, left));
        }
    }

    /// What is left of the text behind one token that is no run.
    fn step<'t>(&self, token: Token, text: &'t [u8]) -> Option<&'t [u8]> {
        let (&first, rest) = text.split_first()?;
        match token {
            Token::Byte(byte) => (fold(first, self.options) == byte).then_some(rest),
            Token::One | Token::Run if Some(first) == self.options.separator => None,
            Token::One | Token::Run => text.get(character_len(text)..),
        }
    }
}

fn fold(byte: u8, options: GlobOptions) -> u8 {
    if options.ignore_case {
        byte.to_ascii_lowercase()
    } else {
        byte
    }
}

/// The length of the code point that a text begins with; a byte that is no UTF-8 counts as one.
fn character_len(text: &[u8]) -> usize {
    let len = match text.first() {
        Some(0xC2..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..=0xF4) => 4,
        _ => 1,
    };
    let valid = text
        .get(..len)
        .is_some_and(|bytes| std::str::from_utf8(bytes).is_ok());
    if valid { len } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::super::rng::Rng;
    use super::*;

    const PLAIN: GlobOptions = GlobOptions {
        ignore_case: false,
        separator: None,
    };
    const FOLDED: GlobOptions = GlobOptions {
        ignore_case: true,
        separator: None,
    };
    const COLON: GlobOptions = GlobOptions {
        ignore_case: false,
        separator: Some(b':'),
    };

    #[test]
    fn matching() {
        for (pattern, options, text, expected) in [
            ("", PLAIN, &b""[..], true),
            ("", PLAIN, b"a", false),
            ("*", PLAIN, b"", true),
            ("*", PLAIN, b"a/b:c", true),
            ("?", PLAIN, b"", false),
            ("?", PLAIN, b"a", true),
            ("?", PLAIN, "é".as_bytes(), true),
            ("??", PLAIN, "é".as_bytes(), false),
            ("*??", PLAIN, "€".as_bytes(), false),
            ("a?", PLAIN, "a😀".as_bytes(), true),
            ("?", PLAIN, b"\xff", true),
            ("??", PLAIN, b"\xe2\x82", true),
            ("?", PLAIN, b"\0", true),
            ("s3:Get*", PLAIN, b"s3:GetObject", true),
            ("s3:get*", PLAIN, b"s3:GetObject", false),
            ("s3:get*", FOLDED, b"S3:GETObject", true),
            ("É", FOLDED, "é".as_bytes(), false),
            ("*/b", PLAIN, b"a/b/b", true),
            ("a*b*c", PLAIN, b"abbbc", true),
            ("a*b*c", PLAIN, b"abbb", false),
            ("*a*", PLAIN, b"bbabb", true),
            ("arn:*:x", COLON, b"arn:aws:x", true),
            ("arn:*:x", COLON, b"arn:aws:b:x", false),
            ("arn:*", COLON, b"arn:aws:s3", false),
            ("arn:*", COLON, b"arn:", true),
            ("arn?aws", COLON, b"arn:aws", false),
            ("*:*b", COLON, b"a:ab", true),
        ] {
            let got = Glob::parse(pattern, options).unwrap().matches(text);
            assert_eq!(got, expected, "{pattern} {}", text.escape_ascii());
        }
        let parts = [
            GlobPart::Literal("a*"),
            GlobPart::Run,
            GlobPart::Literal("?"),
        ];
        let glob = Glob::from_parts(parts, PLAIN);
        assert_eq!(
            [&b"a*x?"[..], b"a*?", b"ab?", b"a*x"].map(|text| glob.matches(text)),
            [true, true, false, false]
        );
    }

    #[test]
    fn hostile_patterns_end() {
        let text = vec![b'a'; 1 << 20];
        assert!(
            !Glob::parse(&"*a".repeat(200), PLAIN)
                .unwrap()
                .matches(&[&text[..], b"b"].concat())
        );
        assert!(
            Glob::parse(&"*".repeat(8_192), PLAIN)
                .unwrap()
                .matches(&text)
        );
        assert!(!Glob::parse("*aaaaaaaab", PLAIN).unwrap().matches(&text));
        assert!(Glob::parse(&"*".repeat(1 << 20), PLAIN).is_err());
    }

    /// The definition by recursion.
    fn naive(pattern: &[char], text: &[char], separator: Option<char>) -> bool {
        let free = |c: &char| Some(*c) != separator;
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', after)) => {
                naive(after, text, separator)
                    || text
                        .split_first()
                        .is_some_and(|(c, rest)| free(c) && naive(pattern, rest, separator))
            }
            Some(('?', after)) => text
                .split_first()
                .is_some_and(|(c, rest)| free(c) && naive(after, rest, separator)),
            Some((p, after)) => text
                .split_first()
                .is_some_and(|(c, rest)| c == p && naive(after, rest, separator)),
        }
    }

    #[test]
    fn agrees_with_the_naive_reading() {
        let mut rng = Rng(7);
        let mut matched = 0;
        for _ in 0..60_000 {
            let pattern = rng.text(&["*", "*", "?", "a", "b", ":", "é"], 7);
            let text = rng.text(&["a", "a", "b", ":", "é"], 9);
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            for (options, separator) in [(PLAIN, None), (COLON, Some(':'))] {
                let got = Glob::parse(&pattern, options)
                    .unwrap()
                    .matches(text.as_bytes());
                assert_eq!(
                    got,
                    naive(&chars(&pattern), &chars(&text), separator),
                    "{pattern} {text} {separator:?}"
                );
                matched += usize::from(got);
            }
        }
        assert!(matched > 1_000, "{matched}");
    }
}
