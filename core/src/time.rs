//! Times and durations as text.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Units of a duration with their milliseconds.
pub(crate) const DURATION_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Milliseconds since 1970-01-01T00:00:00Z of an RFC 3339 date and time with its offset.
pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    time.unix_timestamp()
        .checked_mul(1_000)?
        .checked_add(i64::from(time.millisecond()))
}

/// The RFC 3339 date and time in UTC, if the year has four digits.
pub(crate) fn format_timestamp(ms: i64) -> Option<String> {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok()?;
    time.format(&Rfc3339).ok()
}

/// Milliseconds of a whole number with a unit, such as `250ms`, `30s`, `5min`, `4h` or `7d`.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, unit_ms) = DURATION_UNITS.iter().find(|(name, _)| *name == unit)?;
    let milliseconds = number.parse::<u64>().ok()?.checked_mul(*unit_ms)?;
    i64::try_from(milliseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("250ms", Some(250)),
            ("7d", Some(604_800_000)),
            ("5m", None),
            ("", None),
            ("5", None),
            ("s", None),
            ("99999999999999999999s", None),
            ("-1s", None),
        ] {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn timestamps() {
        assert_eq!(parse_timestamp("1970-01-01T00:00:01.5Z"), Some(1_500));
        assert_eq!(parse_timestamp("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(parse_timestamp("1970-01-01T00:00:00"), None);
        assert_eq!(parse_timestamp("1969-12-31T23:59:59.999Z"), Some(-1));
    }
}
