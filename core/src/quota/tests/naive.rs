//! Limits as one would write them down: lists of what was charged, big integers, and a calendar of another make.

use super::*;
use std::collections::BTreeMap;

/// Everything that was ever charged under one limit.
pub(super) struct Naive {
    kind: Kind,
    /// By key and number, in the kind's unit of time.
    charges: BTreeMap<(u64, u64), Charged>,
    /// Nanoseconds of work that a rate's key still holds, and as of when.
    levels: BTreeMap<u64, (i128, i128)>,
    numbers: u64,
}

#[derive(Clone, Copy)]
struct Charged {
    at: i128,
    cost: i128,
    member: u64,
    /// The window that it counts in.
    window: i128,
}

/// Nanoseconds of the monotonic clock for rates and permits, milliseconds since the year 1 for the others.
pub(super) fn time_of(kind: &Kind, now: Now) -> i128 {
    match kind {
        Kind::Rate { .. } | Kind::Concurrency { .. } => i128::from(now.mono_ns),
        _ => i128::from(now.wall_ms) + 62_135_596_800_000,
    }
}

/// Start and end of a calendar's window, by another library's calendar.
fn civil_window(calendar: &Calendar, zone: &jiff::tz::TimeZone, at: i128) -> (i128, i128) {
    use jiff::{Timestamp, ToSpan as _, civil};
    let year_one = 62_135_596_800_000;
    let every = i64::from(calendar.every);
    let length = match calendar.unit {
        Unit::Second => Some(1_000),
        Unit::Minute => Some(60_000),
        Unit::Hour => Some(3_600_000),
        _ => None,
    };
    if let Some(length) = length {
        let fixed = Timestamp::from_millisecond(crate::quota::calendar::OFFSET_AT_MS).unwrap();
        let length = i128::from(length * every);
        let origin = calendar.anchor_ms.map_or_else(
            || -i128::from(zone.to_offset(fixed).seconds()) * 1_000,
            i128::from,
        );
        let ms = at - year_one;
        let start = (ms - origin).div_euclid(length) * length + origin;
        return (start + year_one, start + length + year_one);
    }
    let origin = match (calendar.anchor_ms, calendar.unit) {
        (Some(anchor), _) => Timestamp::from_millisecond(anchor)
            .unwrap()
            .to_zoned(zone.clone()),
        (None, Unit::Week) => civil::date(1970, 1, 4).to_zoned(zone.clone()).unwrap(),
        (None, _) => civil::date(1970, 1, 1).to_zoned(zone.clone()).unwrap(),
    };
    let boundary = |number: i64| {
        let span = match calendar.unit {
            Unit::Day => (number * every).days(),
            Unit::Week => (number * every).weeks(),
            Unit::Month => (number * every).months(),
            _ => (number * every).years(),
        };
        i128::from(
            origin
                .checked_add(span)
                .unwrap()
                .timestamp()
                .as_millisecond(),
        ) + year_one
    };
    let days = match calendar.unit {
        Unit::Day => 1,
        Unit::Week => 7,
        Unit::Month => 31,
        _ => 366,
    };
    let origin_at = i128::from(origin.timestamp().as_millisecond()) + year_one;
    let mut number = i64::try_from((at - origin_at).div_euclid(days * 86_400_000)).unwrap() / every;
    while boundary(number) > at {
        number -= 1;
    }
    while boundary(number + 1) <= at {
        number += 1;
    }
    (boundary(number), boundary(number + 1))
}

/// A calendar with the zone as the other library knows it.
pub(super) type Civil = Option<jiff::tz::TimeZone>;

impl Naive {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            charges: BTreeMap::new(),
            levels: BTreeMap::new(),
            numbers: 0,
        }
    }

    fn of(&self, key: u64) -> impl Iterator<Item = &Charged> {
        let charges = self.charges.range((key, 0)..=(key, u64::MAX));
        charges.map(|(_, charge)| charge).filter(|c| c.cost > 0)
    }

    fn level(&self, key: u64, at: i128) -> i128 {
        let (level, since) = self.levels.get(&key).copied().unwrap_or((0, at));
        (level - (at - since)).max(0)
    }

    /// Start and end of the key's window.
    fn window(&self, key: u64, civil: &Civil, at: i128) -> (i128, i128) {
        match &self.kind {
            Kind::Window(Span::Fixed { ms }) => {
                let ms = i128::from(*ms);
                let wall = at - 62_135_596_800_000;
                let start = wall.div_euclid(ms) * ms + 62_135_596_800_000;
                (start, start + ms)
            }
            Kind::Window(Span::FirstRequest { ms }) => {
                let ms = i128::from(*ms);
                let open = self.of(key).map(|c| c.window).filter(|w| w + ms > at).max();
                open.map_or((at, at + ms), |start| (start, start + ms))
            }
            Kind::Window(Span::Calendar(calendar)) => {
                civil_window(calendar, civil.as_ref().unwrap(), at)
            }
            Kind::Sliding { ms, .. } => {
                let ms = i128::from(*ms);
                let start = at.div_euclid(ms) * ms;
                (start, start + ms)
            }
            _ => (0, 0),
        }
    }

    /// Units that count against the limit.
    fn used(&self, key: u64, civil: &Civil, at: i128) -> i128 {
        let (start, end) = self.window(key, civil, at);
        let within = |length: i128| {
            let alive = self.of(key).filter(move |c| c.at + length > at);
            alive.map(|c| c.cost).sum()
        };
        match &self.kind {
            Kind::Rate { .. } => self.level(key, at),
            Kind::Window(_) => {
                let same = self.of(key).filter(|c| c.window == start);
                same.map(|c| c.cost).sum()
            }
            Kind::Sliding { ms, exact: true } => within(i128::from(*ms)),
            Kind::Sliding { ms, exact: false } => {
                let in_window = |start: i128| -> i128 {
                    let same = self.of(key).filter(|c| c.window == start);
                    same.map(|c| c.cost).sum()
                };
                let ms = i128::from(*ms);
                let scaled = in_window(start) * ms + in_window(start - ms) * (end - at);
                (scaled + ms - 1).div_euclid(ms)
            }
            Kind::Concurrency { lease_ms } => within(i128::from(*lease_ms) * 1_000_000),
            Kind::Distinct { .. } => self.values(key, at).len() as i128,
        }
    }

    /// The values that count, with when they were seen last.
    fn values(&self, key: u64, at: i128) -> BTreeMap<u64, i128> {
        let Kind::Distinct { within_ms } = self.kind else {
            return BTreeMap::new();
        };
        let mut values = BTreeMap::new();
        for charge in self.of(key).filter(|c| c.at + i128::from(within_ms) > at) {
            values.insert(charge.member, charge.at);
        }
        values
    }

    pub(super) fn passes(&self, key: u64, ask: &Ask, civil: &Civil, at: i128) -> bool {
        let (cost, limit) = (i128::from(ask.cost), i128::from(ask.limit));
        let used = self.used(key, civil, at);
        match self.kind {
            _ if cost == 0 => true,
            Kind::Rate { excess } => {
                let interval = i128::from(ask.interval_ns);
                let wanted = match excess {
                    Excess::Refuse => cost,
                    Excess::Delay => 1,
                };
                used + wanted * interval <= limit * interval
            }
            Kind::Distinct { .. } => used < limit || self.values(key, at).contains_key(&ask.member),
            _ => used + cost <= limit,
        }
    }

    pub(super) fn never(&self, ask: &Ask) -> bool {
        match self.kind {
            Kind::Distinct { .. } => false,
            Kind::Rate {
                excess: Excess::Delay,
            } => false,
            _ => ask.cost > ask.limit,
        }
    }

    pub(super) fn remaining(&self, key: u64, ask: &Ask, civil: &Civil, at: i128) -> i128 {
        let used = self.used(key, civil, at);
        let limit = i128::from(ask.limit);
        match self.kind {
            Kind::Rate { .. } => {
                let interval = i128::from(ask.interval_ns);
                (limit * interval - used).max(0) / interval
            }
            _ => (limit - used).max(0),
        }
    }

    /// In the kind's unit of time.
    pub(super) fn reset(&self, key: u64, civil: &Civil, at: i128) -> i128 {
        let (start, end) = self.window(key, civil, at);
        let last = |length: i128| {
            let over = self.of(key).map(|c| c.at + length).max().unwrap_or(at);
            (over - at).max(0)
        };
        match &self.kind {
            Kind::Rate { .. } => self.level(key, at),
            Kind::Window(Span::FirstRequest { .. }) if self.used(key, civil, at) == 0 => 0,
            Kind::Window(_) => end - at,
            Kind::Sliding { ms, exact: true } => last(i128::from(*ms)),
            Kind::Sliding { ms, exact: false } => {
                let ms = i128::from(*ms);
                let over = self.of(key).map(|c| c.window + 2 * ms).max();
                (over.filter(|_| start <= at).unwrap_or(at) - at).max(0)
            }
            Kind::Concurrency { lease_ms } => last(i128::from(*lease_ms) * 1_000_000),
            Kind::Distinct { within_ms } => last(i128::from(*within_ms)),
        }
    }

    pub(super) fn charge(&mut self, key: u64, ask: &Ask, civil: &Civil, at: i128) -> u64 {
        let (window, _) = self.window(key, civil, at);
        let level = self.level(key, at) + i128::from(ask.cost) * i128::from(ask.interval_ns);
        self.levels.insert(key, (level, at));
        self.numbers += 1;
        let charge = Charged {
            at,
            cost: i128::from(ask.cost),
            member: ask.member,
            window,
        };
        if !matches!(self.kind, Kind::Rate { .. }) {
            self.charges.insert((key, self.numbers), charge);
        }
        self.numbers
    }

    pub(super) fn give_back(&mut self, key: u64, number: u64, units: u64, interval: u64) {
        if let Some(charge) = self.charges.get_mut(&(key, number)) {
            charge.cost = (charge.cost - i128::from(units)).max(0);
        }
        if let Some((level, _)) = self.levels.get_mut(&key) {
            *level = (*level - i128::from(units) * i128::from(interval)).max(0);
        }
    }

    /// Forgets what is too old to count, which keeps the model quick.
    pub(super) fn tidy(&mut self, oldest: i128) {
        self.charges
            .retain(|_, charge| charge.at >= oldest && charge.cost > 0);
    }
}
