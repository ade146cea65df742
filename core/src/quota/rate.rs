//! Rates by the generic cell rate algorithm: one word, the theoretical arrival time (`tat`).
//!
//! Virtual scheduling as in ITU-T I.371: a cost passes if the time that it
//! and what came before takes, `tat - now + cost × interval`, is within the
//! tolerance, `burst × interval`.

use super::kind::{Excess, MAX_BURST_NS};
use super::meter::{Act, Cell, Meter, Quick};
use super::outcome::{Ask, Counted, Mark, NS_PER_MS, Now, Outcome, Verdict};
use super::snapshot::Resumed;

/// The longest that a snapshot says a cell is not over, however much was reported.
const LONGEST_REST: u64 = u64::MAX / 2;

#[derive(Debug)]
pub(super) struct Rate {
    pub(super) excess: Excess,
}

impl Rate {
    /// The answer for a cell at `tat`, and how many nanoseconds are missing.
    #[inline]
    fn judge(&self, tat: u64, ask: &Ask, now: u64) -> (Verdict, u64) {
        let units = match self.excess {
            Excess::Refuse => ask.cost,
            Excess::Delay => ask.cost.min(1),
        };
        let charge = ask.cost.saturating_mul(ask.interval_ns);
        let never = units > ask.limit || charge > MAX_BURST_NS;
        let wanted = tat
            .saturating_sub(now)
            .saturating_add(units.saturating_mul(ask.interval_ns));
        match wanted.saturating_sub(burst(ask)) {
            _ if units == 0 => (Verdict::Admitted, 0),
            _ if never => (Verdict::Never, 0),
            0 => (Verdict::Admitted, 0),
            late => (Verdict::Denied, late),
        }
    }
}

/// The tolerance, which cannot wrap in a limit that was checked.
#[inline]
fn burst(ask: &Ask) -> u64 {
    ask.limit.saturating_mul(ask.interval_ns)
}

/// Where a charge moves a cell that was at `tat`.
#[inline]
fn charged_at(tat: u64, ask: &Ask, now: u64) -> u64 {
    let charge = ask.cost.saturating_mul(ask.interval_ns).min(MAX_BURST_NS);
    tat.max(now).saturating_add(charge)
}

/// What is said for a cell at `tat`.
#[inline]
fn outcome((verdict, retry): (Verdict, u64), tat: u64, ask: &Ask, now: u64) -> Outcome {
    let used = tat.saturating_sub(now);
    Outcome {
        verdict,
        counted: Counted::Apart,
        left: burst(ask).saturating_sub(used),
        unit: ask.interval_ns,
        reset: used,
        retry,
        per_ms: NS_PER_MS,
    }
}

impl Meter<1> for Rate {
    #[inline]
    fn clock(&self, now: Now) -> u64 {
        now.mono_ns
    }

    #[inline]
    fn quick(&self, tat: u64, ask: &Ask, now: u64) -> Quick {
        let judged = self.judge(tat, ask, now);
        if judged.0 != Verdict::Admitted {
            return Quick::Refused(outcome(judged, tat, ask, now));
        }
        let new = charged_at(tat, ask, now);
        let mark = Mark {
            new,
            old: tat,
            with: ask.interval_ns,
        };
        Quick::Charged(new, outcome(judged, new, ask, now), mark)
    }

    #[inline]
    fn step(
        &self,
        cell: &mut Cell<'_, 1>,
        ask: &Ask,
        now: u64,
        act: Act,
    ) -> (Outcome, Option<Mark>) {
        let [tat] = &mut cell.words;
        let old = *tat;
        let mut judged = self.judge(old, ask, now);
        let charged = match act {
            Act::Peek => false,
            Act::Take => judged.0 == Verdict::Admitted && ask.cost > 0,
            Act::Charge => ask.cost > 0,
        };
        if charged {
            *tat = charged_at(old, ask, now);
        }
        if charged && judged.0 == Verdict::Denied {
            judged = self.judge(*tat, ask, now);
        }
        let mark = Mark {
            new: *tat,
            old,
            with: ask.interval_ns,
        };
        (outcome(judged, *tat, ask, now), charged.then_some(mark))
    }

    /// As if the charge had been less. Where others were charged after it, as if they had all come
    /// now: when they came is not known, and no other assumption lets nothing pass too early.
    fn give_back(&self, cell: &mut Cell<'_, 1>, mark: Mark, units: u64, now: u64) {
        let [tat] = &mut cell.words;
        let back = units.saturating_mul(mark.with);
        let without = mark.new.saturating_sub(back).max(mark.old);
        *tat = match tat.checked_sub(mark.new) {
            Some(0) => without,
            Some(others) => without.max(now).saturating_add(others).min(*tat),
            // Others were given back: at most down to what this charge began with.
            None => tat.saturating_sub(back).max(now.min(*tat)),
        };
    }

    /// How long it is until nothing is left of the charges.
    fn dump(&self, cell: &Cell<'_, 1>, now: u64) -> Vec<u64> {
        let [tat] = cell.words;
        let rest = tat.checked_sub(now).filter(|rest| *rest > 0);
        rest.map(|rest| rest.min(LONGEST_REST))
            .into_iter()
            .collect()
    }

    fn load(&self, cell: &mut Cell<'_, 1>, kept: &[u64], resumed: Resumed) -> bool {
        let [tat] = &mut cell.words;
        let [rest] = kept else { return false };
        if let Some(rest) = rest.checked_sub(resumed.elapsed_ns) {
            *tat = (*tat).max(resumed.now.saturating_add(rest));
        }
        *rest <= LONGEST_REST
    }
}
