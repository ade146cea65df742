//! Rates by the generic cell rate algorithm: one word, the theoretical arrival time (`tat`).
//!
//! Virtual scheduling as in ITU-T I.371: a cost passes if the time that it
//! and what came before takes, `tat - now + cost × interval`, is within the
//! tolerance, `burst × interval`.

use super::kind::{Excess, MAX_BURST_NS};
use super::meter::{Act, Cell, Meter};
use super::outcome::{Ask, Counted, Mark, NS_PER_MS, Now, Outcome, Verdict};

#[derive(Debug)]
pub(super) struct Rate {
    pub(super) excess: Excess,
}

/// What a cost needs, in nanoseconds.
struct Need {
    /// Of the burst, so that it passes.
    room: u64,
    /// What it then takes.
    charge: u64,
}

impl Rate {
    /// Nothing if the cost can never pass.
    #[inline]
    fn need(&self, ask: &Ask) -> Option<Need> {
        let charge = ask.cost.checked_mul(ask.interval_ns)?;
        let room = match self.excess {
            Excess::Refuse => charge,
            Excess::Delay => ask.interval_ns.min(charge),
        };
        (room <= burst(ask) && charge <= MAX_BURST_NS).then_some(Need { room, charge })
    }
}

/// The tolerance, which cannot wrap in a limit that was checked.
#[inline]
fn burst(ask: &Ask) -> u64 {
    ask.limit.saturating_mul(ask.interval_ns)
}

/// The answer for a cell at `tat`, with `retry` nanoseconds to wait.
#[inline]
fn outcome(verdict: Verdict, tat: u64, ask: &Ask, now: u64, retry: u64) -> Outcome {
    let used = tat.saturating_sub(now);
    Outcome {
        verdict,
        counted: Counted::Apart,
        limit: ask.limit,
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
    fn refuses(&self, tat: u64, ask: &Ask, now: u64) -> Option<Outcome> {
        let Some(need) = self.need(ask) else {
            return Some(outcome(Verdict::Never, tat, ask, now, 0));
        };
        let wanted = tat.saturating_sub(now).saturating_add(need.room);
        let late = wanted.saturating_sub(burst(ask));
        (late > 0).then(|| outcome(Verdict::Denied, tat, ask, now, late))
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
        let free = ask.cost == 0;
        let mut refusal = self.refuses(*tat, ask, now).filter(|_| !free);
        let charged = match act {
            Act::Peek => false,
            Act::Take => refusal.is_none(),
            Act::Charge => !free,
        };
        let old = *tat;
        if charged {
            let charge = ask.cost.saturating_mul(ask.interval_ns).min(MAX_BURST_NS);
            *tat = old.max(now).saturating_add(charge);
            refusal = refusal.and_then(|_| self.refuses(*tat, ask, now));
        }
        let passed = || outcome(Verdict::Admitted, *tat, ask, now, 0);
        let outcome = refusal.unwrap_or_else(passed);
        let mark = Mark {
            new: *tat,
            old,
            with: ask.interval_ns,
        };
        (outcome, charged.then_some(mark))
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
}
