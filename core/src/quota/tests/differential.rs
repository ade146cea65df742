//! Random limits, costs and clocks: the same answers as the naive model's, in full.
//!
//! `GATELET_LONG=1` makes ten million decisions, `GATELET_SEED=…` replays one seed.

use super::naive::{Civil, Naive, time_of};
use super::*;
use crate::pattern::rng::Rng;
use crate::program::condition::Zone;

const DECISIONS_OF_A_SEED: usize = 2_000;

#[test]
fn the_same_answers_as_the_model() {
    if let Some(seed) = std::env::var("GATELET_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
    {
        Trial::new(seed).run();
        return;
    }
    let long = std::env::var_os("GATELET_LONG").is_some();
    let decisions: usize = if long { 10_500_000 } else { 200_000 };
    let mut kinds = [0; 7];
    for seed in 0..(decisions / DECISIONS_OF_A_SEED) as u64 {
        let mut trial = Trial::new(seed);
        kinds[trial.sort] += 1;
        trial.run();
        assert!(trial.admitted > 0, "seed {seed} admits nothing");
    }
    assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
}

/// One limit, some keys, and both ways of counting.
struct Trial {
    seed: u64,
    sort: usize,
    rng: Rng,
    kind: Kind,
    civil: Civil,
    most: u64,
    interval_ns: u64,
    /// Milliseconds in which much happens.
    pace_ms: u64,
    counters: Counters,
    naive: Naive,
    now: Now,
    kept: Vec<Kept>,
    admitted: usize,
}

struct Kept {
    receipt: Receipt,
    key: u64,
    number: u64,
    ask: Ask,
}

const ZONES: [&str; 5] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Pacific/Apia",
];

fn random_calendar(rng: &mut Rng) -> (Calendar, Civil, u64) {
    let zone = ZONES[rng.below(ZONES.len())];
    let (unit, unit_ms) = [
        (Unit::Second, S),
        (Unit::Minute, MIN),
        (Unit::Hour, H),
        (Unit::Day, 24 * H),
        (Unit::Week, 7 * 24 * H),
        (Unit::Month, 30 * 24 * H),
        (Unit::Year, 365 * 24 * H),
    ][rng.below(7)];
    // Any moment of 40 years, to the millisecond; not where clocks were set back over it.
    let anchor =
        (rng.below(3) > 0).then(|| (rng.next() % (40 * 365 * 24 * H)) as i64 / DAY * DAY + DAY / 2);
    let every = if anchor.is_none() && zone != "UTC" {
        1
    } else {
        1 + u32::try_from(rng.below(4)).unwrap()
    };
    let calendar = Calendar {
        unit,
        every,
        anchor_ms: anchor,
        zone: Zone::parse(zone).unwrap(),
    };
    let zone = jiff::tz::TimeZoneDatabase::bundled().get(zone).unwrap();
    (calendar, Some(zone), unit_ms * u64::from(every))
}

const DAY: i64 = 24 * H as i64;

impl Trial {
    fn new(seed: u64) -> Self {
        let mut rng = Rng(seed);
        let sort = rng.below(7);
        let mut civil = None;
        let mut interval_ns = 0;
        let ms = [1, 7, 1_000, MIN, 2 * H][rng.below(5)];
        let (kind, most, pace_ms) = match sort {
            0 => {
                let excess = [Excess::Refuse, Excess::Delay][rng.below(2)];
                interval_ns = [1, 999, 333_333_334, 100_000_000, 12_000_000_000][rng.below(5)];
                let burst = 1 + rng.next() % [1, 5, 1_000][rng.below(3)];
                let pace = (interval_ns * burst / 1_000_000).max(1);
                (Kind::Rate { excess }, burst, pace)
            }
            1 => {
                let (calendar, zone, pace) = random_calendar(&mut rng);
                civil = zone;
                (
                    Kind::Window(Span::Calendar(calendar)),
                    1 + rng.next() % 50,
                    pace,
                )
            }
            2 => (Kind::Window(Span::Fixed { ms }), 1 + rng.next() % 50, ms),
            3 => (
                Kind::Window(Span::FirstRequest { ms }),
                1 + rng.next() % 50,
                ms,
            ),
            4 => {
                let exact = rng.below(2) == 0;
                (Kind::Sliding { ms, exact }, 1 + rng.next() % 50, ms)
            }
            5 => (Kind::Concurrency { lease_ms: ms }, 1 + rng.next() % 20, ms),
            _ => (Kind::Distinct { within_ms: ms }, 1 + rng.next() % 10, ms),
        };
        // Leap days, both ways over a change of the clocks, and the years before 1970.
        let starts = [
            "2024-02-28T12:00:00Z",
            "2024-03-30T20:00:00Z",
            "2023-10-28T20:00:00Z",
            "1960-12-31T23:59:59Z",
        ];
        let now = Now {
            wall_ms: wall(starts[rng.below(4)]).wall_ms,
            mono_ns: rng.next() % (1 << 40),
        };
        Self {
            seed,
            sort,
            rng,
            counters: counters(kind.clone(), most),
            naive: Naive::new(kind.clone()),
            kind,
            civil,
            most,
            interval_ns,
            pace_ms,
            now,
            kept: Vec::new(),
            admitted: 0,
        }
    }

    fn run(&mut self) {
        for step in 0..DECISIONS_OF_A_SEED {
            self.wait();
            if step % 64 == 0 {
                let periods = 3 * i128::from(self.pace_ms) * self.ms_unit();
                self.naive.tidy(time_of(&self.kind, self.now) - periods);
            }
            match self.rng.below(8) {
                0 => self.settle_one(),
                _ => self.decide(step),
            }
        }
    }

    /// Moves the clock: mostly not at all or a little, now and then far.
    fn wait(&mut self) {
        let unit = u64::try_from(self.ms_unit()).unwrap();
        let pace = self.pace_ms * unit;
        let step = match self.rng.below(12) {
            0..=5 => 0,
            6..=8 => self.rng.next() % (pace / 4 + 2),
            9 => self.rng.next() % (3 * pace + 2),
            10 => pace,
            _ => self.rng.next() % (5 * unit),
        };
        if unit == 1 {
            // The other calendar is not asked for what comes after.
            let last = wall("2190-01-01T00:00:00Z").wall_ms;
            self.now.wall_ms = (self.now.wall_ms + step as i64).min(last);
        } else {
            self.now.mono_ns += step;
        }
    }

    fn decide(&mut self, step: usize) {
        let key = 1 + self.rng.next() % 3;
        let ask = Ask {
            cost: match self.rng.below(10) {
                0 => 0,
                1 => self.rng.next() % (self.most + 2),
                _ => 1 + self.rng.next() % self.most.min(3),
            },
            // A tier of its own for each key, and now and then an edit.
            limit: match self.rng.below(20) {
                0 => 1 + self.rng.next() % self.most,
                _ => (self.most / key).max(1),
            },
            interval_ns: self.interval_ns,
            member: self.rng.next() % 12,
        };
        let at = time_of(&self.kind, self.now);
        let passes = self.naive.passes(key, &ask, &self.civil, at);
        let never = ask.cost > 0 && self.naive.never(&ask);
        let (outcome, receipt) = match self.rng.below(6) {
            0 => (
                self.counters.peek(hash(key), &ask, self.now),
                Receipt::default(),
            ),
            1 if self.sort < 4 => self.counters.charge(hash(key), &ask, self.now),
            _ => self.counters.take(hash(key), &ask, self.now),
        };
        let expected = match (never, passes) {
            (true, _) => Verdict::Never,
            (false, true) => Verdict::Admitted,
            (false, false) => Verdict::Denied,
        };
        let place = format!(
            "seed {} step {step}: {:?} {ask:?} {outcome:?}",
            self.seed, self.kind
        );
        assert_eq!(outcome.verdict(), expected, "{place}");
        let number = receipt
            .is_charged()
            .then(|| self.naive.charge(key, &ask, &self.civil, at));
        if expected == Verdict::Denied {
            self.check_retry(key, &ask, outcome.retry_after_ms(), &place);
        } else {
            assert_eq!(outcome.retry_after_ms(), 0, "{place}");
        }
        self.admitted += usize::from(outcome.admitted());
        let remaining = self.naive.remaining(key, &ask, &self.civil, at);
        assert_eq!(i128::from(outcome.remaining()), remaining, "{place}");
        let unit = self.ms_unit();
        let reset = self.naive.reset(key, &self.civil, at);
        let reset_ms = (reset + unit - 1).div_euclid(unit);
        assert_eq!(i128::from(outcome.reset_ms()), reset_ms, "{place}");
        if let Some(number) = number {
            self.keep(receipt, key, number, ask);
        }
    }

    fn ms_unit(&self) -> i128 {
        match self.kind {
            Kind::Rate { .. } | Kind::Concurrency { .. } => 1_000_000,
            _ => 1,
        }
    }

    /// A retry passes when it is told to come, and not a millisecond before.
    fn check_retry(&self, key: u64, ask: &Ask, retry_ms: u64, place: &str) {
        let at = time_of(&self.kind, self.now);
        let passes = |ms: i128| {
            let then = at + ms * self.ms_unit();
            self.naive.passes(key, ask, &self.civil, then)
        };
        assert!(
            retry_ms > 0 && passes(i128::from(retry_ms)),
            "too early: {place}"
        );
        assert!(!passes(i128::from(retry_ms) - 1), "too late: {place}");
    }

    /// Keeps a receipt for later. What the model can only undo at once is undone at once, or never.
    fn keep(&mut self, receipt: Receipt, key: u64, number: u64, ask: Ask) {
        let kept = Kept {
            receipt,
            key,
            number,
            ask,
        };
        let at_once = matches!(self.kind, Kind::Rate { .. } | Kind::Distinct { .. });
        match (at_once, self.rng.below(4)) {
            (true, 0) => self.undo(kept),
            (false, 0 | 1) => self.kept.push(kept),
            _ => {}
        }
        if self.kept.len() > 20 {
            self.kept.remove(0);
        }
    }

    fn settle_one(&mut self) {
        if !self.kept.is_empty() {
            let n = self.rng.below(self.kept.len());
            let kept = self.kept.swap_remove(n);
            self.undo(kept);
        }
    }

    /// Restores a charge, or settles it for less or for more.
    fn undo(&mut self, kept: Kept) {
        let Kept {
            receipt,
            key,
            number,
            ask,
        } = kept;
        let whole = matches!(self.kind, Kind::Concurrency { .. } | Kind::Distinct { .. });
        let most = if self.sort < 4 {
            ask.cost + 3
        } else {
            ask.cost
        };
        let actual = self.rng.next() % (most + 1);
        if whole || self.rng.below(2) == 0 {
            self.counters.restore(receipt, self.now);
            self.naive.give_back(key, number, ask.cost, ask.interval_ns);
            return;
        }
        self.counters.settle(receipt, actual, &ask, self.now);
        if let Some(cost) = actual.checked_sub(ask.cost).filter(|more| *more > 0) {
            let more = Ask { cost, ..ask };
            let at = time_of(&self.kind, self.now);
            let _number = self.naive.charge(key, &more, &self.civil, at);
        } else {
            self.naive
                .give_back(key, number, ask.cost - actual, ask.interval_ns);
        }
    }
}
