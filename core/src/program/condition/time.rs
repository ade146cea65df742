//! Timestamps, durations and time zones of conditions.

use super::EvalError;
use std::fmt;

const NANOS_PER_SECOND: i128 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// 0001-01-01T00:00:00Z.
const FIRST_SECOND: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;

/// A moment between the years 1 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp {
    seconds: i64,
    nanos: u32,
}

/// A span of time in nanoseconds, as cel-go holds it: about 292 years at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Duration(i64);

impl Timestamp {
    /// A moment by the seconds since 1970 and the nanoseconds after them.
    pub(crate) fn new(seconds: i64, nanos: u32) -> Result<Self, EvalError> {
        let in_range = (FIRST_SECOND..=LAST_SECOND).contains(&seconds) && nanos < 1_000_000_000;
        in_range
            .then_some(Self { seconds, nanos })
            .ok_or(EvalError::OutOfRange)
    }

    /// A moment by the milliseconds since 1970.
    pub(crate) fn from_ms(ms: i64) -> Result<Self, EvalError> {
        let nanos = u32::try_from(ms.rem_euclid(1_000)).unwrap_or(0) * 1_000_000;
        Self::new(ms.div_euclid(1_000), nanos)
    }

    /// Milliseconds since 1970, rounded down.
    pub(crate) fn ms(self) -> i64 {
        self.seconds * 1_000 + i64::from(self.nanos / 1_000_000)
    }

    /// Seconds since 1970, rounded down.
    pub(crate) fn seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds after [`Self::seconds`].
    pub(crate) fn nanos(self) -> u32 {
        self.nanos
    }

    /// Reads RFC 3339.
    pub(crate) fn parse(text: &str) -> Result<Self, EvalError> {
        let (seconds, nanos) = parse_rfc3339(text).ok_or(EvalError::InvalidArgument)?;
        Self::new(seconds, nanos)
    }

    fn total_nanos(self) -> i128 {
        i128::from(self.seconds) * NANOS_PER_SECOND + i128::from(self.nanos)
    }

    pub(crate) fn add(self, duration: Duration) -> Result<Self, EvalError> {
        let total = self.total_nanos() + i128::from(duration.0);
        let seconds = i64::try_from(total.div_euclid(NANOS_PER_SECOND));
        let nanos = u32::try_from(total.rem_euclid(NANOS_PER_SECOND));
        match (seconds, nanos) {
            (Ok(seconds), Ok(nanos)) => Self::new(seconds, nanos),
            _ => Err(EvalError::OutOfRange),
        }
    }

    pub(crate) fn since(self, earlier: Self) -> Result<Duration, EvalError> {
        Duration::from_nanos(self.total_nanos() - earlier.total_nanos())
    }

    /// One part of the date or time in a zone.
    pub(crate) fn part(self, part: TimePart, zone: &Zone) -> i64 {
        let local = self.seconds + zone.offset_seconds(self.seconds);
        let of_day = local.rem_euclid(SECONDS_PER_DAY);
        let days = local.div_euclid(SECONDS_PER_DAY);
        let date = || Date::from_days(days);
        match part {
            TimePart::FullYear => date().year,
            TimePart::Month => date().month - 1,
            TimePart::Date => date().day,
            TimePart::DayOfMonth => date().day - 1,
            TimePart::DayOfWeek => (days + 4).rem_euclid(7),
            TimePart::DayOfYear => days - days_from_date(date().year, 1, 1),
            TimePart::Hours => of_day / 3600,
            TimePart::Minutes => of_day / 60 % 60,
            TimePart::Seconds => of_day % 60,
            TimePart::Milliseconds => i64::from(self.nanos / 1_000_000),
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = Date::from_days(self.seconds.div_euclid(SECONDS_PER_DAY));
        let of_day = self.seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        write!(out, "{:04}-{:02}-{:02}", date.year, date.month, date.day)?;
        write!(out, "T{hour:02}:{minute:02}:{second:02}")?;
        write_fraction(out, self.nanos)?;
        out.write_str("Z")
    }
}

impl Duration {
    pub(crate) const ZERO: Self = Self(0);

    pub(crate) fn from_nanos(nanos: i128) -> Result<Self, EvalError> {
        i64::try_from(nanos)
            .map(Self)
            .map_err(|_| EvalError::OutOfRange)
    }

    /// Reads a number with a unit, or several: `1h30m`, `-1.5s`, `0`.
    pub(crate) fn parse(text: &str) -> Result<Self, EvalError> {
        Self::from_nanos(parse_duration(text).ok_or(EvalError::InvalidArgument)?)
    }

    pub(crate) fn nanos(self) -> i64 {
        self.0
    }

    pub(crate) fn add(self, other: Self) -> Result<Self, EvalError> {
        self.0
            .checked_add(other.0)
            .map(Self)
            .ok_or(EvalError::OutOfRange)
    }

    pub(crate) fn sub(self, other: Self) -> Result<Self, EvalError> {
        self.0
            .checked_sub(other.0)
            .map(Self)
            .ok_or(EvalError::OutOfRange)
    }

    /// The whole duration in hours, minutes or seconds, or its milliseconds part.
    pub(crate) fn part(self, part: TimePart) -> Option<i64> {
        Some(match part {
            TimePart::Hours => self.0 / 3_600_000_000_000,
            TimePart::Minutes => self.0 / 60_000_000_000,
            TimePart::Seconds => self.0 / 1_000_000_000,
            TimePart::Milliseconds => self.0 / 1_000_000 % 1_000,
            _ => return None,
        })
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            out.write_str("-")?;
        }
        let nanos = self.0.unsigned_abs();
        write!(out, "{}", nanos / 1_000_000_000)?;
        write_fraction(out, u32::try_from(nanos % 1_000_000_000).unwrap_or(0))?;
        out.write_str("s")
    }
}

/// `.` and the fraction without final zeros, or nothing.
fn write_fraction(out: &mut fmt::Formatter<'_>, nanos: u32) -> fmt::Result {
    if nanos == 0 {
        return Ok(());
    }
    let (mut digits, mut width) = (nanos, 9_usize);
    while digits % 10 == 0 {
        digits /= 10;
        width -= 1;
    }
    write!(out, ".{digits:0width$}")
}

/// What `getFullYear()` and its like ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimePart {
    FullYear,
    /// From 0.
    Month,
    /// Day of the month from 1.
    Date,
    /// Day of the month from 0.
    DayOfMonth,
    /// From 0, Sunday.
    DayOfWeek,
    /// From 0.
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

/// A time zone: found by name at load, asked for its offset without allocation.
#[derive(Clone, Debug)]
pub(crate) enum Zone {
    Fixed(i64),
    Named(jiff::tz::TimeZone),
}

impl Zone {
    pub(crate) const UTC: Self = Self::Fixed(0);

    /// A name of the tz database, `UTC`, or an offset such as `+02:00` or `02:00`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "UTC" {
            return Some(Self::UTC);
        }
        if let Some(seconds) = parse_offset(text) {
            return Some(Self::Fixed(seconds));
        }
        let named = text.starts_with(|first: char| first.is_ascii_alphabetic());
        let zone = jiff::tz::TimeZoneDatabase::bundled().get(text);
        zone.ok().filter(|_| named).map(Self::Named)
    }

    /// Seconds that local time is ahead of UTC at some second since 1970.
    pub(crate) fn offset_seconds(&self, at: i64) -> i64 {
        match self {
            Self::Fixed(seconds) => *seconds,
            Self::Named(zone) => jiff::Timestamp::from_second(at)
                .map_or(0, |at| i64::from(zone.to_offset(at).seconds())),
        }
    }
}

/// `[+-]hh:mm` in seconds.
fn parse_offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// A number of exactly `count` digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    let all_digits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| text.parse().ok())?
}

fn parse_rfc3339(text: &str) -> Option<(i64, u32)> {
    let (date, time) = text.split_once('T')?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (
        digits(date.next()?, 4)?,
        digits(date.next()?, 2)?,
        digits(date.next()?, 2)?,
    );
    let clock = time.get(..8)?;
    let mut clock = clock.splitn(3, ':');
    let (hour, minute, second) = (
        digits(clock.next()?, 2)?,
        digits(clock.next()?, 2)?,
        digits(clock.next()?, 2)?,
    );
    let (nanos, zone) = parse_fraction(time.get(8..)?)?;
    let offset = if zone == "Z" {
        0
    } else {
        zone.starts_with(['+', '-']).then(|| parse_offset(zone))??
    };
    let valid = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && (hour < 24 && minute < 60 && second < 60);
    let days = days_from_date(year, month, day);
    let local = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    valid.then_some((local - offset, nanos))
}

/// The nanoseconds of `.123…` and what follows it.
fn parse_fraction(text: &str) -> Option<(u32, &str)> {
    let Some(rest) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, zone) = rest.split_at_checked(length)?;
    if fraction.is_empty() {
        return None;
    }
    let nanos = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    Some((
        nanos.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0')),
        zone,
    ))
}

fn parse_duration(text: &str) -> Option<i128> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let length = rest
            .bytes()
            .take_while(|b| b.is_ascii_digit() || *b == b'.')
            .count();
        let (number, after) = rest.split_at_checked(length)?;
        let length = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at_checked(length)?;
        let unit = match unit {
            "ns" => 1,
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => NANOS_PER_SECOND,
            "m" => 60 * NANOS_PER_SECOND,
            "h" => 3600 * NANOS_PER_SECOND,
            _ => return None,
        };
        total = total.checked_add(parse_decimal(number, unit)?)?;
        rest = after;
    }
    Some(sign * total)
}

/// `number` times `unit`, rounded down.
fn parse_decimal(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || whole.len() > 20 {
        return None;
    }
    let whole: i128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut total = whole.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        if !digit.is_ascii_digit() {
            return None;
        }
        place /= 10;
        total = total.checked_add(place * i128::from(digit - b'0'))?;
    }
    Some(total)
}

/// A day of the proleptic Gregorian calendar.
pub(crate) struct Date {
    pub(crate) year: i64,
    /// From 1.
    pub(crate) month: i64,
    /// From 1.
    pub(crate) day: i64,
}

impl Date {
    /// The date `days` after 1970-01-01. Years begin in March here, so that a
    /// leap day is the last of its year; 146,097 days are 400 years.
    pub(crate) fn from_days(days: i64) -> Self {
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self {
            year,
            month,
            day: of_year - (153 * from_march + 2) / 5 + 1,
        }
    }
}

/// The inverse of [`Date::from_days`].
pub(crate) fn days_from_date(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

pub(crate) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
