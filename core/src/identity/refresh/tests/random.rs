//! What holds whatever happens, in whatever order.

use super::{Outcome, Rig, ok, status};
use crate::identity::refresh::{Fetch, FetchProgress, KeyAvailability, KeyRefresh, UnknownKey};

/// xorshift64* (Vigna, 2016).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

fn outcome(random: &mut Random) -> Outcome<'static> {
    match random.below(5) {
        0 => Err("refused"),
        1 => status(503),
        2 => ok("<html>"),
        _ => ok("good"),
    }
}

/// What is known of the attempts of one run.
#[derive(Default)]
struct Seen {
    began: Option<u64>,
    succeeded: Option<u64>,
    attempts: u64,
}

#[test]
fn invariants_of_one_source() {
    let refresh = KeyRefresh::default();
    let (mut attempts, mut expired, mut told_to_wait) = (0, 0, 0);
    for seed in 1..=200 {
        let (mut random, mut rig) = (Random(seed), Rig::url());
        let (mut seen, mut taken): (Seen, Option<Fetch>) = Default::default();
        for _ in 0..400 {
            let longest = match random.below(4) {
                0 => 50,
                1 => 3_000,
                2 => 700_000,
                _ => 40_000_000,
            };
            rig.now += random.below(longest);
            if random.below(3) == 0 {
                let answer = rig.unknown(&random.below(40).to_string());
                told_to_wait += u64::from(answer == UnknownKey::UnderWay);
            }
            if let Some(fetch) = rig.fetch() {
                let since = seen.began.map_or(u64::MAX, |began| rig.now - began);
                assert!(since >= refresh.cooldown_ms, "{seed}: again after {since}");
                (seen.began, seen.attempts) = (Some(rig.now), seen.attempts + 1);
                taken = Some(fetch);
            }
            assert!(
                rig.states.next_wake().unwrap() > rig.now,
                "{seed}: nothing is left to do now"
            );
            if random.below(3) > 0
                && let Some(fetch) = taken.take()
                && rig.give(fetch, outcome(&mut random)) == Ok(FetchProgress::Installed)
            {
                seen.succeeded = Some(rig.now);
            }
            // Its time to live, here 10 minutes, and the grace beyond it.
            let life = refresh.default_ttl_ms + refresh.max_stale_ms;
            let is_alive = seen.succeeded.is_some_and(|at| rig.now < at + life);
            assert!(
                is_alive || !rig.source.is_usable(rig.now),
                "{seed}: too old to be used"
            );
            expired += u64::from(rig.report().availability == KeyAvailability::Expired);
        }
        attempts += seen.attempts;
    }
    assert!(
        attempts > 5_000 && expired > 100 && told_to_wait > 1_000,
        "{attempts} {expired} {told_to_wait}"
    );
}
