//! Patterns of dotted action names: `orders.read`, `orders.*`, `*.read`, `a.**`.

use super::PatternError;
use super::error::check_length;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Box<[u8]>),
    /// `*`: exactly one part.
    One,
    /// `**`: any number of parts, none too.
    Any,
}

/// What an action's name is compared with, part by part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ActionPattern {
    text: Box<str>,
    parts: Box<[Part]>,
}

impl ActionPattern {
    /// Reads dotted parts; `*` stands for one part, `**` for any number of them.
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        check_length(text)?;
        let mut parts = Vec::new();
        let mut at = 0;
        for part in text.split('.') {
            let parsed = parse_part(part, at)?;
            if !(parsed == Part::Any && parts.last() == Some(&Part::Any)) {
                parts.push(parsed);
            }
            at += part.len() + 1;
        }
        Ok(Self {
            text: text.into(),
            parts: parts.into(),
        })
    }

    /// The pattern as it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it names one action, without a wildcard.
    pub(crate) fn is_exact(&self) -> bool {
        self.parts
            .iter()
            .all(|part| matches!(part, Part::Literal(_)))
    }

    /// Whether an action is meant. At most as many steps as parts of both multiplied.
    pub(crate) fn matches(&self, action: &[u8]) -> bool {
        let mut parts = self.parts.as_ref();
        let mut rest = Some(action);
        // Behind the last `**`: the parts after it, and the names that it has not taken yet.
        let mut retry: Option<(&[Part], Option<&[u8]>)> = None;
        loop {
            match (parts.split_first(), rest) {
                (None, None) => return true,
                (Some((Part::Any, after)), _) => {
                    parts = after;
                    retry = Some((after, rest));
                    continue;
                }
                (Some((part, after)), Some(names)) => {
                    let (name, left) = split_name(names);
                    if part_matches(part, name) {
                        parts = after;
                        rest = left;
                        continue;
                    }
                }
                _ => {}
            }
            let Some((after, Some(names))) = retry else {
                return false;
            };
            let (name, left) = split_name(names);
            if name.is_empty() {
                return false;
            }
            parts = after;
            rest = left;
            retry = Some((after, left));
        }
    }
}

fn parse_part(part: &str, at: usize) -> Result<Part, PatternError> {
    match part {
        "" => Err(PatternError::new(at, "an action has no empty part")
            .help("write it like `orders.read`")),
        "*" => Ok(Part::One),
        "**" => Ok(Part::Any),
        _ => match part
            .find(|other: char| other == '*' || other.is_whitespace() || other.is_control())
        {
            None => Ok(Part::Literal(part.as_bytes().into())),
            Some(fault) if part.get(fault..).is_some_and(|rest| rest.starts_with('*')) => Err(
                PatternError::new(at + fault, "a `*` stands for a whole part of an action")
                    .help("write `orders.*` for one part, `orders.**` for any number"),
            ),
            Some(fault) => Err(PatternError::new(
                at + fault,
                "an action holds no space or control character",
            )),
        },
    }
}

/// The first name of a dotted text, and what follows its dot.
fn split_name(names: &[u8]) -> (&[u8], Option<&[u8]>) {
    match names.iter().position(|&byte| byte == b'.') {
        Some(dot) => (names.split_at(dot).0, names.get(dot + 1..)),
        None => (names, None),
    }
}

fn part_matches(part: &Part, name: &[u8]) -> bool {
    match part {
        Part::Literal(literal) => **literal == *name,
        Part::One | Part::Any => !name.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::rng::Rng;
    use super::*;

    #[test]
    fn matching() {
        for (pattern, action, expected) in [
            ("orders.read", &b"orders.read"[..], true),
            ("orders.read", b"orders.Read", false),
            ("orders.read", b"orders.read.x", false),
            ("orders", b"", false),
            ("*", b"orders", true),
            ("*", b"", false),
            ("*", b"orders.read", false),
            ("**", b"orders.read", true),
            ("**", b"", false),
            ("orders.*", b"orders.read", true),
            ("orders.*", b"orders", false),
            ("orders.*", b"orders.", false),
            ("orders.*", b"orders.a.b", false),
            ("*.read", b"orders.read", true),
            ("*.read", b"read", false),
            ("*.read", b"shop.orders.read", false),
            ("a.**", b"a", true),
            ("a.**", b"a.b.c", true),
            ("a.**", b"a..c", false),
            ("a.**", b"ab", false),
            ("**.read", b"read", true),
            ("**.read", b"a.b.read", true),
            ("a.**.z", b"a.z", true),
            ("a.**.z", b"a.b.z.c.z", true),
            ("a.**.z", b"a.b.z.c", false),
            ("a.**.*.z", b"a.z", false),
            ("*", b"\0\xff", true),
        ] {
            let got = ActionPattern::parse(pattern).unwrap().matches(action);
            assert_eq!(got, expected, "{pattern} {}", action.escape_ascii());
        }
        let deep = "a.".repeat(1 << 19) + "b";
        assert!(
            ActionPattern::parse("**.b")
                .unwrap()
                .matches(deep.as_bytes())
        );
        assert!(
            !ActionPattern::parse(&("**.a.".repeat(40) + "c"))
                .unwrap()
                .matches(deep.as_bytes())
        );
        assert!(ActionPattern::parse("a.b").unwrap().is_exact());
        assert!(!ActionPattern::parse("a.*").unwrap().is_exact());
    }

    #[test]
    fn faults() {
        for (text, at, words) in [
            ("", 0, "empty part"),
            ("a.", 2, "empty part"),
            (".a", 0, "empty part"),
            ("a..b", 2, "empty part"),
            ("or*", 2, "whole part"),
            ("a.*b", 2, "whole part"),
            ("a.***", 2, "whole part"),
            ("a.b c", 3, "no space"),
            ("a\0", 1, "no space or control"),
        ] {
            let error = ActionPattern::parse(text).unwrap_err();
            assert!(
                error.at == at && error.message.contains(words),
                "{text} {error:?}"
            );
        }
        assert!(ActionPattern::parse(&"a".repeat(1 << 20)).is_err());
    }

    /// The definition by recursion.
    fn naive(pattern: &[&str], names: &[&str]) -> bool {
        match (pattern, names) {
            ([], []) => true,
            (["**", after @ ..], _) => {
                naive(after, names)
                    || names
                        .split_first()
                        .is_some_and(|(_, rest)| naive(pattern, rest))
            }
            ([part, after @ ..], [name, rest @ ..]) => {
                (*part == "*" || part == name) && naive(after, rest)
            }
            _ => false,
        }
    }

    #[test]
    fn agrees_with_the_naive_reading() {
        let mut rng = Rng(8);
        let mut matched = 0;
        for _ in 0..30_000 {
            let pattern = rng.text(&["a.", "b.", "*.", "**."], 5) + ["a", "*", "**"][rng.below(3)];
            let action = rng.text(&["a.", "b."], 6) + "a";
            let expected = naive(
                &pattern.split('.').collect::<Vec<_>>(),
                &action.split('.').collect::<Vec<_>>(),
            );
            let got = ActionPattern::parse(&pattern)
                .unwrap()
                .matches(action.as_bytes());
            assert_eq!(got, expected, "{pattern} {action}");
            matched += usize::from(got);
        }
        assert!(matched > 1_000, "{matched}");
    }
}
