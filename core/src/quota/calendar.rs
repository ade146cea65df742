//! Where a window of the civil calendar begins and ends.
//!
//! Seconds, minutes and hours keep their length, whatever the zone's clocks do.
//! Days, weeks, months and years begin at a local time of day. A month that
//! lacks the anchor's day begins on its last, and the next one is counted from
//! the anchor again.

use super::kind::{Calendar, Unit};
use crate::program::condition::{Date, Zone, days_from_date, days_in_month};

const DAY_MS: i64 = 86_400_000;
/// 1970-01-04, the first Sunday.
const FIRST_SUNDAY: i64 = 3;
/// 2024-01-01T00:00:00Z: windows of one length keep the offset that their zone had then. With the offset
/// of the moment, the one in which clocks change would be cut short, and overlap the next.
pub(super) const OFFSET_AT_MS: i64 = 1_704_067_200_000;

impl Calendar {
    /// Where the windows before, of and after a time begin and end, in milliseconds since 1970.
    pub(crate) fn edges(&self, now_ms: i64) -> [i64; 4] {
        let (start, end) = window(self, now_ms);
        let (before, _) = window(self, start.saturating_sub(1));
        let (_, after) = window(self, end);
        [before, start, end, after]
    }
}

/// Start and end in milliseconds since 1970 of the window that a time is in.
pub(super) fn window(calendar: &Calendar, now_ms: i64) -> (i64, i64) {
    let every = i64::from(calendar.every.max(1));
    let (unit_ms, months) = match calendar.unit {
        Unit::Second => return steps(calendar, every * 1_000, now_ms),
        Unit::Minute => return steps(calendar, every * 60_000, now_ms),
        Unit::Hour => return steps(calendar, every * 3_600_000, now_ms),
        Unit::Day => (DAY_MS, 0),
        Unit::Week => (7 * DAY_MS, 0),
        Unit::Month => (0, 1),
        Unit::Year => (0, 12),
    };
    let anchor = anchor(calendar);
    let boundary = |number: i64| {
        let local = if months == 0 {
            anchor.saturating_add(number.saturating_mul(every * unit_ms))
        } else {
            add_months(anchor, number.saturating_mul(every * months))
        };
        instant(&calendar.zone, local)
    };
    let local_now = local(&calendar.zone, now_ms);
    let guess = if months == 0 {
        (local_now.saturating_sub(anchor)).div_euclid(every * unit_ms)
    } else {
        (month_of(local_now) - month_of(anchor)).div_euclid(every * months)
    };
    // The guess is at most one off: by the day in the month, or by a change of the clocks.
    let number = (guess - 1..=guess + 1)
        .rev()
        .find(|number| boundary(*number) <= now_ms)
        .unwrap_or(guess - 1);
    (boundary(number), boundary(number + 1))
}

/// Windows of one length: from the anchor, or from the beginning of 1970 by the zone's fixed offset.
fn steps(calendar: &Calendar, length: i64, now_ms: i64) -> (i64, i64) {
    let offset = match calendar.anchor_ms {
        Some(anchor) => anchor.saturating_neg(),
        None => offset_ms(&calendar.zone, OFFSET_AT_MS),
    };
    let shifted = now_ms.saturating_add(offset);
    let start = now_ms.saturating_sub(shifted.rem_euclid(length));
    (start, start.saturating_add(length))
}

/// The local time, in milliseconds as if the zone were UTC, that windows are counted from.
fn anchor(calendar: &Calendar) -> i64 {
    match (calendar.anchor_ms, calendar.unit) {
        (Some(anchor), _) => local(&calendar.zone, anchor),
        (None, Unit::Week) => FIRST_SUNDAY * DAY_MS,
        (None, _) => 0,
    }
}

fn offset_ms(zone: &Zone, at_ms: i64) -> i64 {
    zone.offset_seconds(at_ms.div_euclid(1_000)) * 1_000
}

fn local(zone: &Zone, at_ms: i64) -> i64 {
    at_ms.saturating_add(offset_ms(zone, at_ms))
}

/// When a local time is: the first time where clocks are set back over it; where they are set forward
/// over it, as much later as they are.
fn instant(zone: &Zone, local_ms: i64) -> i64 {
    let before = offset_ms(zone, local_ms.saturating_sub(DAY_MS));
    let after = offset_ms(zone, local_ms.saturating_add(DAY_MS));
    let fits = |offset: &i64| offset_ms(zone, local_ms.saturating_sub(*offset)) == *offset;
    let offset = [before, after].into_iter().find(fits).unwrap_or(before);
    local_ms.saturating_sub(offset)
}

/// Months since the year 0.
fn month_of(local_ms: i64) -> i64 {
    let date = Date::from_days(local_ms.div_euclid(DAY_MS));
    date.year * 12 + date.month - 1
}

/// So many months later at the same time of day, or on the last day of a month that is too short.
fn add_months(local_ms: i64, months: i64) -> i64 {
    let date = Date::from_days(local_ms.div_euclid(DAY_MS));
    let month = month_of(local_ms).saturating_add(months);
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    let day = date.day.min(days_in_month(year, month));
    days_from_date(year, month, day)
        .saturating_mul(DAY_MS)
        .saturating_add(local_ms.rem_euclid(DAY_MS))
}
