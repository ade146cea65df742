//! What a node is asked to be: text, a number, a list. A mismatch names both kinds.

use crate::time::{DURATION_UNITS, parse_timestamp};

use super::json::is_number;
use super::{Key, Kind, Node, Style};
use crate::diagnostic::{Code, Diagnostic};

impl Node {
    /// The decoded text of a string; a bare word or number of YAML is one too, `null` is not.
    pub(crate) fn as_str(&self) -> Result<&str, Diagnostic> {
        match &self.kind {
            Kind::Scalar { text, style } if *style != Style::JsonBare && !self.is_null() => {
                Ok(text)
            }
            _ => Err(self.mismatch("a string")),
        }
    }

    /// `true` or `false`, without quotes.
    pub(crate) fn as_bool(&self) -> Result<bool, Diagnostic> {
        match self.bare() {
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            other => {
                let error = self.mismatch("true or false");
                let word = other.unwrap_or_default().to_ascii_lowercase();
                Err(match &*word {
                    "yes" | "on" | "y" | "true" => error.help("write `true`"),
                    "no" | "off" | "n" | "false" => error.help("write `false`"),
                    _ => self.help_unquote(error),
                })
            }
        }
    }

    /// A whole number in decimal digits.
    pub(crate) fn as_i64(&self) -> Result<i64, Diagnostic> {
        let digits = self.whole_number()?;
        digits
            .parse()
            .map_err(|_| self.out_of_range(i64::MIN, i64::MAX))
    }

    /// A whole number in decimal digits that is not negative.
    pub(crate) fn as_u64(&self) -> Result<u64, Diagnostic> {
        let digits = self.whole_number()?;
        digits.parse().map_err(|_| self.out_of_range(0, u64::MAX))
    }

    /// A number in decimal digits, with a fraction and an exponent or without.
    pub(crate) fn as_f64(&self) -> Result<f64, Diagnostic> {
        let word = self.bare().filter(|word| is_number(word));
        let word = word.ok_or_else(|| self.not_a_number("a number"))?;
        let number = word.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| self.out_of_range(f64::MIN, f64::MAX))
    }

    /// A duration such as `250ms`, `30s`, `5min`, `4h` or `7d`, in milliseconds.
    pub(crate) fn as_duration_ms(&self) -> Result<u64, Diagnostic> {
        const EXAMPLES: &str = "write 250ms, 30s, 5min, 4h or 7d";
        let text = self
            .scalar_for("a duration")
            .map_err(|error| error.help(EXAMPLES))?;
        let refuse = |message: &str, help: &str| {
            Diagnostic::error(Code::BAD_DURATION, self.span, message).help(help)
        };
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(digits).unwrap_or_default();
        if number.is_empty() {
            return Err(refuse("a duration is a whole number and a unit", EXAMPLES));
        }
        let Some((_, unit_ms)) = DURATION_UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(match unit {
                "m" => refuse(
                    "`m` may mean minutes or months",
                    &format!("write {number}min or {number}month"),
                ),
                "" => refuse(
                    "a duration needs a unit",
                    &format!("write {number}s or {number}ms"),
                ),
                _ => refuse(&format!("`{unit}` is no unit of a duration"), EXAMPLES),
            });
        };
        let milliseconds = number
            .parse()
            .ok()
            .and_then(|n: u64| n.checked_mul(*unit_ms));
        milliseconds.ok_or_else(|| refuse("this duration is too long", "write a shorter one"))
    }

    /// A point in time by RFC 3339 with its offset, in milliseconds since 1970.
    pub(crate) fn as_timestamp_ms(&self) -> Result<i64, Diagnostic> {
        const EXAMPLE: &str = "write it as 2027-01-31T09:30:00Z or 2027-01-31T10:30:00+01:00";
        let text = self
            .scalar_for("a point in time")
            .map_err(|error| error.help(EXAMPLE))?;
        parse_timestamp(text).ok_or_else(|| {
            let message = "this is no point in time with an offset from UTC (RFC 3339)";
            Diagnostic::error(Code::BAD_TIMESTAMP, self.span, message).help(EXAMPLE)
        })
    }

    pub(crate) fn as_sequence(&self) -> Result<&[Node], Diagnostic> {
        match &self.kind {
            Kind::Sequence(items) => Ok(items),
            _ => Err(self.mismatch("a list")),
        }
    }

    pub(crate) fn as_mapping(&self) -> Result<&[(Key, Node)], Diagnostic> {
        match &self.kind {
            Kind::Mapping(entries) => Ok(entries),
            _ => Err(self.mismatch("a mapping")),
        }
    }

    /// Nothing at all, `~` or `null`, without quotes.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.bare(), Some("" | "~" | "null" | "Null" | "NULL"))
    }

    /// The kind of the node for a message, such as `a list`.
    pub(crate) fn describe(&self) -> &'static str {
        let word = match &self.kind {
            Kind::Sequence(_) => return "a list",
            Kind::Mapping(_) => return "a mapping",
            Kind::Scalar { text, .. } => text,
        };
        match self.bare() {
            None => "a string",
            Some("") => "nothing",
            Some(_) if self.is_null() => "null",
            Some("true" | "false") => "a boolean",
            Some(_) if is_number(word) => "a number",
            Some(_) => "a string",
        }
    }

    /// "expected …, found …", at this node.
    pub(crate) fn mismatch(&self, expected: &str) -> Diagnostic {
        let message = match &self.kind {
            Kind::Scalar { text, .. } if !text.is_empty() && !self.is_null() => {
                format!("expected {expected}, found {} \"{text}\"", self.describe())
            }
            _ => format!("expected {expected}, found {}", self.describe()),
        };
        let error = Diagnostic::error(Code::WRONG_KIND, self.span, message);
        let json_bare = matches!(
            &self.kind,
            Kind::Scalar {
                style: Style::JsonBare,
                ..
            }
        );
        if json_bare && expected == "a string" && !self.is_null() {
            return error.help("put double quotes around it");
        }
        error
    }

    /// The text of a scalar without quotes.
    fn bare(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar {
                text,
                style: Style::Plain | Style::JsonBare,
            } => Some(text),
            _ => None,
        }
    }

    fn scalar_for(&self, expected: &str) -> Result<&str, Diagnostic> {
        match &self.kind {
            Kind::Scalar { text, .. } if !self.is_null() => Ok(text),
            _ => Err(self.mismatch(expected)),
        }
    }

    fn whole_number(&self) -> Result<&str, Diagnostic> {
        let is_whole = |word: &&str| is_number(word) && !word.contains(['.', 'e', 'E']);
        let word = self.bare().filter(is_whole);
        word.ok_or_else(|| self.not_a_number("a whole number"))
    }

    fn not_a_number(&self, expected: &str) -> Diagnostic {
        let word = self.bare().unwrap_or_default();
        let digits: String = word.chars().filter(|c| !matches!(c, '_' | '+')).collect();
        let digits = digits.trim_start_matches('0');
        if self
            .bare()
            .is_some_and(|word| word.starts_with(['0', '+']) || word.contains('_'))
            && is_number(digits)
        {
            let message = format!("`{word}` can be read in more than one way");
            let error = Diagnostic::error(Code::BAD_NUMBER, self.span, message);
            return error.help(format!("write {digits}"));
        }
        self.help_unquote(self.mismatch(expected))
    }

    fn out_of_range(&self, min: impl std::fmt::Display, max: impl std::fmt::Display) -> Diagnostic {
        let message = format!("this number is out of range: {min} to {max}");
        Diagnostic::error(Code::BAD_NUMBER, self.span, message)
    }

    fn help_unquote(&self, error: Diagnostic) -> Diagnostic {
        match &self.kind {
            Kind::Scalar { text, .. }
                if self.bare().is_none()
                    && (is_number(text) || matches!(&**text, "true" | "false")) =>
            {
                error.help("leave out the quotes")
            }
            _ => error,
        }
    }
}
