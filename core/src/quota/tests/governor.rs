//! Rates against governor: where it can say the same, it says the same.

use super::*;
use ::governor::clock::FakeRelativeClock;
use ::governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

#[test]
fn the_same_answers_as_governor() {
    let mut rng = Rng(11);
    let (mut passed, mut waited) = (0, 0);
    for _ in 0..400 {
        let interval_ns = [1, 7, 1_000, 333_333_334][rng.below(4)];
        let burst = 1 + u32::try_from(rng.below(20)).unwrap();
        let quota = Quota::with_period(Duration::from_nanos(interval_ns)).unwrap();
        let clock = FakeRelativeClock::default();
        let quota = quota.allow_burst(NonZeroU32::new(burst).unwrap());
        let theirs = RateLimiter::direct_with_clock(quota, clock.clone());
        let ours = counters(
            Kind::Rate {
                excess: Excess::Refuse,
            },
            u64::from(burst),
        );
        let mut now = Now::default();
        for _ in 0..250 {
            let step = rng.next() % (interval_ns * 3);
            now.mono_ns += step;
            clock.advance(Duration::from_nanos(step));
            let weight = NonZeroU32::new(1 + u32::try_from(rng.below(5)).unwrap()).unwrap();
            let ask = Ask {
                cost: u64::from(weight.get()),
                limit: u64::from(burst),
                interval_ns,
                member: 0,
            };
            let (outcome, _receipt) = ours.take(hash(1), &ask, now);
            let expected = match theirs.check_n(weight) {
                Ok(Ok(())) => (Verdict::Admitted, 0),
                Ok(Err(until)) => {
                    let wait = until.wait_time_from(Duration::from_nanos(now.mono_ns).into());
                    (Verdict::Denied, wait.as_nanos().div_ceil(1_000_000))
                }
                Err(_) => (Verdict::Never, 0),
            };
            passed += usize::from(outcome.admitted());
            waited += usize::from(outcome.retry_after_ms() > 0);
            let said = (outcome.verdict(), u128::from(outcome.retry_after_ms()));
            assert_eq!(said, expected, "{ask:?} at {now:?}");
        }
    }
    assert!(passed > 1_000 && waited > 1_000, "{passed} {waited}");
}
