//! The state of one source of keys: when to fetch, what came of it, what of it still counts.
//!
//! Pure: every method is told the time, in monotonic milliseconds.

use super::fetch::{Fetch, FetchProblem, Goal, Step};
use super::unknown::UnknownKeyIds;
use super::{KeyRefresh, Remote, UnknownKey, discovery};
use crate::program::hash::fold;

/// What is the same for all sources of one engine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) refresh: KeyRefresh,
    /// Spreads the attempts of many engines; different for each source.
    pub(super) seed: u64,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// The attempt that is under way: never more than one.
    attempt: Option<Attempt>,
    /// How many attempts have begun.
    attempts: u64,
    /// No attempt begins earlier, whoever asks for it.
    not_before: u64,
    /// When an attempt begins although nobody asks for it.
    due: u64,
    /// Since when an unknown key id waits for the host to begin an attempt.
    asked: Option<u64>,
    /// Where the discovery document says that the keys are, and until when it is believed.
    located: Option<(Box<str>, u64)>,
    /// Until when the key set is fresh, once there is one.
    fresh_until: Option<u64>,
    unknown: UnknownKeyIds,
    trouble: Option<Trouble>,
}

/// Attempts that failed, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) since: u64,
    pub(super) failures: u32,
    /// Of the latest.
    pub(super) problem: FetchProblem,
}

#[derive(Debug)]
struct Attempt {
    step: Step,
    /// The number of the request, once the host has taken it.
    taken: Option<u64>,
    /// When the step counts as failed.
    deadline: u64,
}

impl State {
    /// The next request, if it is time for one; it counts as taken.
    pub(super) fn take(
        &mut self,
        now: u64,
        remote: &Remote,
        rules: &Rules,
        number: impl FnOnce() -> u64,
    ) -> Option<Fetch> {
        self.expire(now, rules);
        if self.attempt.is_none() {
            let is_wanted = self.asked.is_some() || self.due <= now;
            if !is_wanted || now < self.not_before {
                return None;
            }
            self.begin(now, remote, rules);
        }
        let attempt = self
            .attempt
            .as_mut()
            .filter(|attempt| attempt.taken.is_none())?;
        let id = number();
        attempt.taken = Some(id);
        // The host keeps the time itself; who does not hand it back is late by a quarter.
        let timeout = rules.refresh.timeout_ms;
        attempt.deadline = now.saturating_add(timeout.saturating_add(timeout / 4));
        Some(Fetch {
            id,
            step: attempt.step.clone(),
            timeout_ms: rules.refresh.timeout_ms,
        })
    }

    fn begin(&mut self, now: u64, remote: &Remote, rules: &Rules) {
        self.attempts += 1;
        self.asked = None;
        self.not_before = now.saturating_add(rules.refresh.cooldown_ms);
        let located = self.located.as_ref().filter(|(_, until)| now < *until);
        let (goal, url) = match (remote, located) {
            (Remote::Url(url), _) | (Remote::Discovery(_), Some((url, _))) => {
                (Goal::KeySet, url.clone())
            }
            (Remote::Discovery(issuer), None) => {
                (Goal::Discovery(issuer.clone()), discovery::location(issuer))
            }
        };
        let step = Step {
            goal,
            url,
            redirects: 0,
        };
        self.attempt = Some(Attempt::at(now, step, rules));
    }

    /// Whether this request is the one that is waited for.
    pub(super) fn waits_for(&self, id: u64) -> bool {
        self.attempt
            .as_ref()
            .is_some_and(|attempt| attempt.taken == Some(id))
    }

    /// The request led to another one; a discovery document is believed for its time to live.
    pub(super) fn go_on(&mut self, now: u64, step: Step, ttl: Option<u64>, rules: &Rules) {
        let Some(before) = self.attempt.take() else {
            return;
        };
        if before.step.goal != step.goal {
            let until = now.saturating_add(rules.refresh.time_to_live(ttl));
            self.located = Some((step.url.clone(), until));
        }
        self.attempt = Some(Attempt::at(now, step, rules));
    }

    /// A key set came and is in use; until when it may be.
    pub(super) fn succeed(&mut self, now: u64, ttl: Option<u64>, rules: &Rules) -> u64 {
        let refresh = &rules.refresh;
        let ttl = refresh.time_to_live(ttl);
        let ahead = (ttl - ttl / 5).saturating_sub(self.jitter(ttl / 10, rules));
        self.due = now.saturating_add(ahead);
        self.attempt = None;
        self.asked = None;
        self.trouble = None;
        let fresh_until = now.saturating_add(ttl);
        self.fresh_until = Some(fresh_until);
        self.unknown
            .settle(now.saturating_add(refresh.unknown_ttl_ms));
        fresh_until.saturating_add(refresh.max_stale_ms)
    }

    /// The attempt failed: the next one waits longer than this one did, up to a bound.
    pub(super) fn fail(&mut self, now: u64, problem: FetchProblem, rules: &Rules) {
        if self.attempt.take().is_none() {
            return;
        }
        let failures = self.trouble.as_ref().map_or(0, |trouble| trouble.failures);
        let doubled = rules
            .refresh
            .cooldown_ms
            .saturating_mul(1 << failures.min(32));
        let wait = doubled.min(rules.refresh.max_backoff_ms.max(rules.refresh.cooldown_ms));
        let wait = wait.saturating_add(self.jitter(wait / 4, rules));
        self.not_before = now.saturating_add(wait);
        self.due = self.not_before;
        // The keys may have moved.
        self.located = None;
        self.trouble = Some(Trouble {
            since: self.trouble.as_ref().map_or(now, |trouble| trouble.since),
            failures: failures.saturating_add(1),
            problem,
        });
    }

    /// The step took too long, or nobody took it.
    fn expire(&mut self, now: u64, rules: &Rules) {
        if self
            .attempt
            .as_ref()
            .is_some_and(|attempt| attempt.deadline <= now)
        {
            self.fail(now, FetchProblem::TimedOut, rules);
        }
    }

    /// The answer has arrived and is being read: it cannot time out any more, unless reading never ends.
    pub(super) fn arrive(&mut self, now: u64, rules: &Rules) {
        if let Some(attempt) = &mut self.attempt {
            attempt.deadline = now.saturating_add(rules.refresh.timeout_ms);
        }
    }

    /// A token names a key that is not in the set; and whether the host is to be woken for it.
    pub(super) fn unknown_key(
        &mut self,
        now: u64,
        id: [u8; 32],
        rules: &Rules,
    ) -> (UnknownKey, bool) {
        self.expire(now, rules);
        if self.unknown.is_unknown(&id, now) {
            return (UnknownKey::Unknown, false);
        }
        if self.attempt.is_none() {
            match self.asked {
                // Nobody fetches: waiting would be for nothing.
                Some(since) if now.saturating_sub(since) >= rules.refresh.timeout_ms => {
                    return (UnknownKey::Unknown, false);
                }
                Some(_) => {}
                None if now < self.not_before => return (UnknownKey::Unknown, false),
                None => {
                    self.asked = Some(now);
                    self.unknown.wait(id);
                    return (UnknownKey::UnderWay, true);
                }
            }
        }
        self.unknown.wait(id);
        (UnknownKey::UnderWay, false)
    }

    /// When [`State::take`] has to be asked next.
    pub(super) fn next_wake(&self) -> u64 {
        match &self.attempt {
            Some(attempt) if attempt.taken.is_none() => 0,
            Some(attempt) => attempt.deadline,
            None if self.asked.is_some() => self.not_before,
            None => self.due.max(self.not_before),
        }
    }

    pub(super) fn fresh_until(&self) -> Option<u64> {
        self.fresh_until
    }

    pub(super) fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.attempt.is_some()
    }

    /// Below `span`, different for each attempt and each seed.
    fn jitter(&self, span: u64, rules: &Rules) -> u64 {
        let hash = fold(
            rules.seed ^ 0x9E37_79B9_7F4A_7C15,
            self.attempts ^ 0xA076_1D64_78BD_642F,
        );
        hash.checked_rem(span).unwrap_or(0)
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.unknown.len()
    }
}

impl Attempt {
    fn at(now: u64, step: Step, rules: &Rules) -> Self {
        Self {
            step,
            taken: None,
            deadline: now.saturating_add(rules.refresh.timeout_ms),
        }
    }
}
