//! Times and durations as text.

use crate::program::condition::{Timestamp, Zone};

/// Units of a duration with their milliseconds.
pub(crate) const DURATION_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Units of the period of a rate with their milliseconds: a month has 30 days, a year 365.
pub(crate) const PERIOD_UNITS: [(&str, u64); 7] = [
    ("s", 1_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("day", 86_400_000),
    ("week", 604_800_000),
    ("month", 2_592_000_000),
    ("year", 31_536_000_000),
];

/// Whether a text is a time zone: a name of the tz database, `UTC`, or an offset such as `+02:00`.
pub(crate) fn is_zone(text: &str) -> bool {
    Zone::parse(text).is_some()
}

/// The name of a time zone that is close to a text that is none.
pub(crate) fn zone_like(text: &str) -> Option<String> {
    let names: Vec<String> = jiff::tz::TimeZoneDatabase::bundled()
        .available()
        .map(|name| name.as_str().to_owned())
        .collect();
    let close = crate::diagnostic::suggest(text, names.iter().map(String::as_str));
    close.map(str::to_owned)
}

/// Milliseconds since 1970-01-01T00:00:00Z of an RFC 3339 date and time with its offset.
pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    Some(Timestamp::parse(text).ok()?.ms())
}

/// The RFC 3339 date and time in UTC, between the years 1 and 9999.
pub(crate) fn format_timestamp(ms: i64) -> Option<String> {
    Some(Timestamp::from_ms(ms).ok()?.to_string())
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
        for (text, expected) in [
            ("1970-01-01T00:00:01.5Z", Some(1_500)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("1970-01-01T00:00:00-00:30", Some(1_800_000)),
            ("1969-12-31T23:59:59.999Z", Some(-1)),
            ("1969-12-31T23:59:59.9999Z", Some(-1)),
            ("0001-01-01T00:00:00Z", Some(-62_135_596_800_000)),
            ("9999-12-31T23:59:59.999Z", Some(253_402_300_799_999)),
            ("2024-02-29T00:00:00Z", Some(1_709_164_800_000)),
            ("2023-02-29T00:00:00Z", None),
            ("0000-12-31T23:59:59Z", None),
            ("9999-12-31T23:59:59-00:01", None),
            ("10000-01-01T00:00:00Z", None),
            ("1970-01-01T00:00:00", None),
            ("1970-01-01T00:00Z", None),
            ("1970-01-01 00:00:00Z", None),
            ("1970-01-01T24:00:00Z", None),
            ("1970-01-01T00:60:00Z", None),
            ("1970-01-01T00:00:60Z", None),
            ("1970-13-01T00:00:00Z", None),
            ("1970-01-00T00:00:00Z", None),
            ("1970-1-01T00:00:00Z", None),
            ("1970-01-01T00:00:00.Z", None),
            ("1970-01-01T00:00:00+1:00", None),
            ("1970-01-01T00:00:00+24:00", None),
            ("1970-01-01T00:00:00+0100", None),
            ("1970-01-01T00:00:00Z ", None),
            ("+970-01-01T00:00:00Z", None),
            ("1970-01-01T00:00:00\u{661}Z", None),
            ("", None),
        ] {
            assert_eq!(parse_timestamp(text), expected, "{text}");
        }
    }

    #[test]
    fn a_timestamp_is_written_as_it_is_read() {
        for (ms, expected) in [
            (0, Some("1970-01-01T00:00:00Z")),
            (-1, Some("1969-12-31T23:59:59.999Z")),
            (1_500, Some("1970-01-01T00:00:01.5Z")),
            (253_402_300_800_000, None),
            (i64::MIN, None),
            (i64::MAX, None),
        ] {
            let text = format_timestamp(ms);
            assert_eq!(text.as_deref(), expected, "{ms}");
            assert!(text.is_none_or(|text| parse_timestamp(&text) == Some(ms)));
        }
    }
}
