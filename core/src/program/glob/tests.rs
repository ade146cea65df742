//! Globs row by row, and against a slow matcher that is plainly right.

use super::super::predicate::GlobPiece::{self, One, Run};
use super::super::predicate::Slot::{self, Attribute, PrincipalId};
use super::super::predicate::tests::{Fixed, NOBODY};
use super::super::vocabulary::Truth;
use super::*;
use crate::pattern::rng::Rng;

const WITHIN: GlobPiece = Run { across: false };
const ACROSS: GlobPiece = Run { across: true };

fn literal(text: &str) -> GlobPiece {
    GlobPiece::Literal(text.as_bytes().into())
}

fn glob(parts: Vec<GlobPiece>, fold_case: bool, separator: Option<u8>) -> GlobMatcher {
    GlobMatcher {
        parts: parts.into(),
        fold_case,
        separator,
    }
}

/// `*` and `?`, and `~` for a run that goes across.
fn read(text: &str, separator: Option<u8>) -> GlobMatcher {
    let piece = |c: char| match c {
        '*' => WITHIN,
        '?' => One,
        '~' => ACROSS,
        c => literal(c.encode_utf8(&mut [0; 4])),
    };
    glob(text.chars().map(piece).collect(), false, separator)
}

#[test]
fn wildcards() {
    let (plain, colon) = (None, Some(b':'));
    for (pattern, separator, text, expected) in [
        ("", plain, &b""[..], true),
        ("", plain, b"a", false),
        ("*", plain, b"", true),
        ("*", plain, b"a/b:c", true),
        ("?", plain, b"", false),
        ("?", plain, "é".as_bytes(), true),
        ("??", plain, "é".as_bytes(), false),
        ("*??", plain, "€".as_bytes(), false),
        ("?", plain, b"\xff", true),
        ("??", plain, b"\xe2\x82", true),
        ("s3:Get*", plain, b"s3:GetObject", true),
        ("s3:get*", plain, b"s3:GetObject", false),
        ("*/b", plain, b"a/b/b", true),
        ("a*b*c", plain, b"abbbc", true),
        ("a*b*c", plain, b"abbb", false),
        ("*a*", plain, b"bbabb", true),
        ("arn:*:x", colon, b"arn:aws:x", true),
        ("arn:*:x", colon, b"arn:aws:b:x", false),
        ("arn:*", colon, b"arn:aws:s3", false),
        ("arn:*", colon, b"arn:", true),
        ("arn?aws", colon, b"arn:aws", false),
        ("*:*b", colon, b"a:ab", true),
        ("*:~", colon, b"a:b:c", true),
        ("*:~", colon, b"a", false),
        ("~:*", colon, b"a:b:c", true),
        ("~:*:x", colon, b"a:b:c:x", true),
        ("~b*c", colon, b"bx:bc", true),
        ("~b*c", colon, b"bx:b:c", false),
        ("~*", colon, b"a:b", true),
        ("*~", colon, b"a:b", true),
    ] {
        let got = read(pattern, separator).matches(text, &NOBODY);
        assert_eq!(
            got,
            Truth::of(expected),
            "{pattern} {}",
            text.escape_ascii()
        );
    }
}

#[test]
fn letters_of_either_case() {
    for (pattern, text, expected) in [
        ("s3:get", &b"S3:GET"[..], true),
        ("s3:GET", b"s3:get", true),
        ("s3:get", b"s3:put", false),
        ("É", "é".as_bytes(), false),
    ] {
        let got = glob(vec![literal(pattern)], true, None).matches(text, &NOBODY);
        assert_eq!(got, Truth::of(expected), "{pattern}");
    }
}

#[test]
fn values() {
    let folder = |slot: Slot, default: Option<&str>| {
        let value = GlobPiece::Slot(slot, default.map(Into::into));
        let parts = vec![literal("home/"), value, literal("/"), ACROSS];
        glob(parts, false, None)
    };
    let caller = Fixed(&[(PrincipalId, Values::One(Value::String(b"a*c")))]);
    let list = Fixed(&[(Attribute(0), Values::Many(&[Value::String(b"7")]))]);
    let number = Fixed(&[(Attribute(0), Values::One(Value::Int(7)))]);
    let open = Fixed(&[(Attribute(0), Values::Open(Truth::Undecided))]);
    let id = || folder(PrincipalId, None);
    let or_all = || folder(PrincipalId, Some("all"));
    let attribute = || folder(Attribute(0), None);
    for (glob, facts, text, expected) in [
        (id(), &caller, "home/a*c/x", Truth::True),
        // A star in a value is a star, and no wildcard.
        (id(), &caller, "home/abc/x", Truth::False),
        (id(), &caller, "home/a*c", Truth::False),
        (id(), &NOBODY, "home//x", Truth::False),
        (or_all(), &NOBODY, "home/all/x", Truth::True),
        (or_all(), &NOBODY, "home/a*c/x", Truth::False),
        (or_all(), &caller, "home/a*c/x", Truth::True),
        (or_all(), &caller, "home/all/x", Truth::False),
        // A list and a number are no text.
        (attribute(), &list, "home/7/x", Truth::False),
        (attribute(), &number, "home/7/x", Truth::False),
        (attribute(), &open, "home/7/x", Truth::Undecided),
    ] {
        assert_eq!(glob.matches(text.as_bytes(), facts), expected, "{text}");
    }
}

#[test]
fn hostile_patterns_end() {
    let text = vec![b'a'; 1 << 20];
    let with = |end: &str| [&text[..], end.as_bytes()].concat();
    for (pattern, text) in [
        ("*a".repeat(200) + "c", with("b")),
        ("*aaaaaaaab".into(), with("")),
        // Every beginning of the run across leads to a run within that finds nothing.
        ("~a*b".into(), with("/")),
        ("~a*a*b".into(), with("/")),
        ("~a*b~".into(), [&with("/")[..], &text].concat()),
    ] {
        let got = read(&pattern, Some(b'/')).matches(&text, &NOBODY);
        assert_eq!(got, Truth::False, "{pattern}");
    }
}

fn naive(pattern: &[char], text: &[char], separator: Option<char>) -> bool {
    let free = |c: &char| Some(*c) != separator;
    match pattern.split_first() {
        None => text.is_empty(),
        Some((star @ ('*' | '~'), after)) => {
            let more = |(c, rest): (&char, &[char])| {
                (*star == '~' || free(c)) && naive(pattern, rest, separator)
            };
            naive(after, text, separator) || text.split_first().is_some_and(more)
        }
        Some((p, after)) => text.split_first().is_some_and(|(c, rest)| {
            (if *p == '?' { free(c) } else { c == p }) && naive(after, rest, separator)
        }),
    }
}

#[test]
fn agrees_with_the_naive_reading() {
    let mut rng = Rng(7);
    let mut matched = 0;
    for _ in 0..100_000 {
        let pattern = rng.text(&["*", "*", "~", "?", "a", "b", ":", "é"], 8);
        let text = rng.text(&["a", "a", "b", ":", "é"], 9);
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        for separator in [None, Some(':')] {
            let byte = separator.map(|_| b':');
            let got = read(&pattern, byte).matches(text.as_bytes(), &NOBODY);
            let expected = naive(&chars(&pattern), &chars(&text), separator);
            assert_eq!(got, Truth::of(expected), "{pattern} {text} {separator:?}");
            matched += usize::from(expected);
        }
    }
    assert!(matched > 2_000, "{matched}");
}
