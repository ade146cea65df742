//! One source of keys driven through time, results and floods.

mod random;

use super::*;
use crate::limits::{MAX_KEY_SET_BYTES, MAX_UNKNOWN_KEY_IDS};

const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;
const KEYS: &str = "https://keys.example/k";
const ISSUER: &str = "https://login.example/";
const DISCOVERY: &str = "https://login.example/.well-known/openid-configuration";

/// One source, its time, and the documents that were put in force.
struct Rig {
    states: KeyStates,
    source: Arc<RemoteKeys>,
    now: u64,
    installed: Vec<String>,
}

type Outcome<'a> = Result<Fetched<'a>, &'a str>;

fn ok(body: &str) -> Outcome<'_> {
    Ok(Fetched {
        status: 200,
        body: body.as_bytes(),
        ..Fetched::default()
    })
}

fn cached<'a>(body: &'a str, cache_control: &'a str) -> Outcome<'a> {
    Ok(Fetched {
        cache_control: Some(cache_control),
        ..ok(body)?
    })
}

fn status(status: u16) -> Outcome<'static> {
    Ok(Fetched {
        status,
        body: b"good, but of no use",
        ..Fetched::default()
    })
}

fn moved(location: Option<&str>) -> Outcome<'_> {
    Ok(Fetched {
        status: 302,
        location,
        ..Fetched::default()
    })
}

impl Rig {
    fn of(remote: Remote) -> Self {
        let states = KeyStates::new(KeyRefresh::default(), 7);
        let [source] = states.follow([remote]).try_into().unwrap();
        Self {
            states,
            source,
            now: 0,
            installed: Vec::new(),
        }
    }

    fn url() -> Self {
        Self::of(Remote::Url(KEYS.into()))
    }

    fn discovery() -> Self {
        Self::of(Remote::Discovery(ISSUER.into()))
    }

    fn fetch(&self) -> Option<Fetch> {
        let mut wanted = self.states.wanted(self.now);
        assert!(wanted.len() <= 1);
        wanted.pop()
    }

    /// Documents that begin with `good` are key sets.
    fn give(&mut self, fetch: Fetch, outcome: Outcome<'_>) -> Result<FetchProgress, FetchProblem> {
        let install = |_: &Remote, document: &[u8]| {
            if !document.starts_with(b"good") {
                return Err("not good");
            }
            self.installed
                .push(String::from_utf8_lossy(document).into_owned());
            Ok(())
        };
        self.states.finished(fetch, outcome, self.now, install)
    }

    /// Waits until a fetch is wanted, and answers it.
    fn answer(&mut self, outcome: Outcome<'_>) -> Result<FetchProgress, FetchProblem> {
        self.now = self.now.max(self.states.next_wake().unwrap());
        let fetch = self.fetch().expect("wanted at the time that was named");
        self.give(fetch, outcome)
    }

    fn unknown(&self, key_id: &str) -> UnknownKey {
        self.states
            .unknown_key(&self.source, key_id.as_bytes(), self.now)
    }

    fn report(&self) -> KeyStatus {
        self.states.status(self.now).pop().unwrap()
    }
}

#[test]
fn one_request_is_under_way() {
    let mut rig = Rig::url();
    assert_eq!(rig.report().availability, KeyAvailability::Missing);
    let fetch = rig.fetch().unwrap();
    assert_eq!((fetch.url(), fetch.kind()), (KEYS, FetchKind::KeySet));
    assert_eq!(
        (fetch.max_bytes(), fetch.timeout_ms()),
        (512 << 10, 10 * SECOND)
    );
    for now in [0, 1, 10 * SECOND, 12_499] {
        rig.now = now;
        assert!(rig.fetch().is_none(), "{now}");
        assert!(rig.report().is_under_way);
        assert_eq!(rig.unknown("a"), UnknownKey::UnderWay);
    }
    assert!(!rig.source.is_usable(rig.now));
    assert_eq!(rig.give(fetch, ok("good")), Ok(FetchProgress::Installed));
    assert_eq!(rig.installed, ["good"]);
    assert!(rig.source.is_usable(rig.now));
    assert_eq!(rig.report().availability, KeyAvailability::Fresh);
    assert!(!rig.report().is_under_way);
}

#[test]
fn time_to_live_is_clamped_and_refreshed_ahead() {
    let table = [
        (None, 600 * SECOND),
        (Some("max-age=1"), 60 * SECOND),
        (Some("no-store"), 60 * SECOND),
        (Some("max-age=60"), 60 * SECOND),
        (Some("max-age=3600"), HOUR),
        (Some("max-age=31536000"), 24 * HOUR),
        (Some("max-age=99999999999999999999"), 24 * HOUR),
    ];
    for (cache_control, ttl) in table {
        let mut rig = Rig::url();
        rig.now = 5 * SECOND;
        let fetch = rig.fetch().unwrap();
        let outcome = Ok(Fetched {
            cache_control,
            ..ok("good").unwrap()
        });
        rig.give(fetch, outcome).unwrap();
        let due = rig.states.next_wake().unwrap() - rig.now;
        assert!(
            due > ttl * 7 / 10 && due <= ttl * 8 / 10,
            "{cache_control:?}: {due}"
        );
        rig.now += due - 1;
        assert!(rig.fetch().is_none(), "{cache_control:?}");
        rig.now += 1;
        assert!(rig.fetch().is_some(), "{cache_control:?}");
        rig.now = 5 * SECOND + ttl - 1;
        assert_eq!(rig.report().availability, KeyAvailability::Fresh);
        rig.now += 1;
        assert_eq!(rig.report().availability, KeyAvailability::Stale);
    }
}

#[test]
fn failures_back_off_up_to_a_bound() {
    let mut rig = Rig::url();
    let bounds = [10, 20, 40, 80, 160, 300, 300, 300].map(|seconds| seconds * SECOND);
    for (number, least) in bounds.into_iter().enumerate() {
        let began = rig.now;
        assert!(rig.answer(Err("refused")).is_err());
        let report = rig.report();
        assert_eq!(report.failures as usize, number + 1);
        assert_eq!(
            report.problem,
            Some(FetchProblem::Unreachable("refused".into()))
        );
        let wait = report.next_in_ms;
        assert!(
            (least..=least * 5 / 4).contains(&wait),
            "{number}: {wait} of {least}"
        );
        assert!(rig.now >= began);
        rig.now += wait - 1;
        assert!(rig.fetch().is_none());
        assert_eq!(rig.unknown("a"), UnknownKey::Unknown, "nobody may hurry it");
    }
    assert_eq!(rig.report().failing_for_ms, rig.now);
    rig.answer(ok("good")).unwrap();
    let report = rig.report();
    assert_eq!((report.failures, report.problem), (0, None));
    assert!(rig.answer(Err("refused")).is_err());
    assert!(rig.report().next_in_ms <= 13 * SECOND, "begins anew");
}

#[test]
fn a_host_that_never_answers_has_failed() {
    let mut rig = Rig::url();
    let fetch = rig.fetch().unwrap();
    rig.now = 12_500;
    assert!(rig.fetch().is_none(), "failed, and cooling down");
    assert_eq!(rig.report().problem, Some(FetchProblem::TimedOut));
    assert_eq!(rig.give(fetch, ok("good late")), Ok(FetchProgress::Late));
    assert!(rig.installed.is_empty() && !rig.source.is_usable(rig.now));
    rig.answer(ok("good")).unwrap();
    assert_eq!(rig.installed, ["good"]);
}

#[test]
fn what_does_not_replace_a_good_set() {
    let long = format!("good{}", "x".repeat(MAX_KEY_SET_BYTES));
    let table: [(Outcome<'_>, FetchProblem); 12] = [
        (ok("<html>"), FetchProblem::BadKeySet("not good".into())),
        (ok(""), FetchProblem::BadKeySet("not good".into())),
        (ok(&long), FetchProblem::TooLong),
        (Err("reset"), FetchProblem::Unreachable("reset".into())),
        (status(500), FetchProblem::Status(500)),
        (status(404), FetchProblem::Status(404)),
        (status(204), FetchProblem::Status(204)),
        (status(304), FetchProblem::Status(304)),
        (moved(None), FetchProblem::Redirect),
        (
            moved(Some("https://evil.example/k")),
            FetchProblem::Redirect,
        ),
        (moved(Some("http://localhost/k")), FetchProblem::Redirect),
        (
            moved(Some("https://keys.example:0/k")),
            FetchProblem::BadUrl("the URL's port is no number from 1 to 65535".into()),
        ),
    ];
    for (outcome, problem) in table {
        let mut rig = Rig::url();
        rig.answer(ok("good one")).unwrap();
        assert_eq!(rig.answer(outcome), Err(problem.clone()), "{outcome:?}");
        assert_eq!(rig.installed, ["good one"]);
        assert!(rig.source.is_usable(rig.now));
        assert_eq!(rig.report().problem, Some(problem));
        rig.answer(ok("good two")).unwrap();
        assert_eq!(rig.installed, ["good one", "good two"]);
    }
}

#[test]
fn stale_keys_serve_up_to_a_ceiling() {
    let mut rig = Rig::url();
    rig.answer(cached("good", "max-age=3600")).unwrap();
    let ceiling = 25 * HOUR;
    while rig.now < ceiling + HOUR {
        let expected = match rig.now {
            now if now < HOUR => KeyAvailability::Fresh,
            now if now < ceiling => KeyAvailability::Stale,
            _ => KeyAvailability::Expired,
        };
        assert_eq!(rig.report().availability, expected, "{}", rig.now);
        assert_eq!(rig.source.is_usable(rig.now), rig.now < ceiling);
        assert!(rig.answer(status(503)).is_err());
    }
    assert!(!rig.source.is_usable(ceiling) && rig.source.is_usable(ceiling - 1));
    rig.answer(ok("good")).unwrap();
    assert_eq!(rig.report().availability, KeyAvailability::Fresh);
    assert!(rig.source.is_usable(rig.now));
}

#[test]
fn discovery_leads_to_the_keys() {
    let document = |issuer: &str| format!(r#"{{"issuer":"{issuer}","jwks_uri":"{KEYS}"}}"#);
    let mut rig = Rig::discovery();
    let fetch = rig.fetch().unwrap();
    assert_eq!(
        (fetch.url(), fetch.kind()),
        (DISCOVERY, FetchKind::Discovery)
    );
    assert_eq!(
        rig.give(fetch, ok(&document(ISSUER))),
        Ok(FetchProgress::GoesOn)
    );
    assert_eq!(rig.states.next_wake(), Some(0));
    assert!(!rig.source.is_usable(rig.now));
    let fetch = rig.fetch().unwrap();
    assert_eq!((fetch.url(), fetch.kind()), (KEYS, FetchKind::KeySet));
    assert_eq!(
        rig.give(fetch, cached("good", "max-age=60")),
        Ok(FetchProgress::Installed)
    );

    rig.now = rig.states.next_wake().unwrap();
    let fetch = rig.fetch().unwrap();
    assert_eq!(
        fetch.url(),
        KEYS,
        "what discovery said holds for its time to live"
    );
    assert!(rig.give(fetch, status(404)).is_err());
    rig.now = rig.states.next_wake().unwrap();
    let fetch = rig.fetch().unwrap();
    assert_eq!(fetch.url(), DISCOVERY, "the keys may have moved");
    let wrong = rig.give(fetch, ok(&document("https://login.example")));
    assert_eq!(wrong, Err(FetchProblem::WrongIssuer));
    assert_eq!(rig.installed, ["good"]);
    assert!(rig.source.is_usable(rig.now));

    rig.answer(ok(&document(ISSUER))).unwrap();
    rig.answer(cached("good", "max-age=86400")).unwrap();
    rig.now = rig.states.next_wake().unwrap();
    assert_eq!(rig.fetch().unwrap().url(), DISCOVERY, "10 minutes are over");
}

#[test]
fn redirects_stay_within_their_origin() {
    let mut rig = Rig::url();
    for hop in 0..3 {
        assert_eq!(
            rig.answer(moved(Some("/next"))),
            Ok(FetchProgress::GoesOn),
            "{hop}"
        );
        assert_eq!(rig.states.next_wake(), Some(0));
    }
    let fetch = rig.fetch().unwrap();
    assert_eq!(fetch.url(), "https://keys.example/next");
    let absolute = moved(Some("https://keys.example/again"));
    assert_eq!(
        rig.give(fetch, absolute),
        Err(FetchProblem::TooManyRedirects)
    );

    rig.answer(moved(Some("https://KEYS.example:443/next")))
        .unwrap();
    rig.answer(ok("good")).unwrap();
    assert_eq!(rig.installed, ["good"]);
}

#[test]
fn a_new_key_is_fetched_at_once_and_a_made_up_one_only_once() {
    let mut rig = Rig::url();
    rig.answer(ok("good")).unwrap();
    // The cooldown counts from the attempt that brought the first set.
    rig.now = 10 * SECOND - 1;
    assert_eq!(rig.unknown("new"), UnknownKey::Unknown);
    assert!(rig.fetch().is_none());
    rig.now = 10 * SECOND;
    assert_eq!(rig.unknown("new"), UnknownKey::UnderWay);
    assert_eq!(rig.states.next_wake(), Some(10 * SECOND));
    assert_eq!(rig.unknown("made up"), UnknownKey::UnderWay);
    let fetch = rig.fetch().unwrap();
    assert_eq!(rig.unknown("new"), UnknownKey::UnderWay);
    rig.give(fetch, ok("good, with the new one")).unwrap();

    rig.now = 40 * SECOND;
    assert_eq!(
        rig.unknown("made up"),
        UnknownKey::Unknown,
        "asked for, and not there"
    );
    assert!(rig.fetch().is_none());
    assert_eq!(rig.unknown("another"), UnknownKey::UnderWay);
    rig.answer(ok("good")).unwrap();
    rig.now = 69 * SECOND;
    assert_eq!(rig.unknown("made up"), UnknownKey::Unknown);
    rig.now = 70 * SECOND;
    assert_eq!(
        rig.unknown("made up"),
        UnknownKey::UnderWay,
        "forgotten after a minute"
    );
}

#[test]
fn nobody_waits_where_nobody_fetches() {
    let rig = Rig::url();
    assert_eq!(
        rig.unknown("a"),
        UnknownKey::Unknown,
        "never asked what to fetch"
    );

    let mut rig = Rig::url();
    rig.answer(ok("good")).unwrap();
    rig.now = 100 * SECOND;
    assert_eq!(rig.unknown("a"), UnknownKey::UnderWay);
    rig.now = 110 * SECOND - 1;
    assert_eq!(rig.unknown("a"), UnknownKey::UnderWay);
    rig.now = 110 * SECOND;
    assert_eq!(rig.unknown("a"), UnknownKey::Unknown, "the host has gone");
    assert!(rig.fetch().is_some(), "and comes back");

    let mut rig = Rig::discovery();
    let document = format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{KEYS}"}}"#);
    rig.answer(ok(&document)).unwrap();
    rig.now = 10 * SECOND;
    assert!(rig.fetch().is_none(), "the second step was never taken");
    assert_eq!(rig.report().problem, Some(FetchProblem::TimedOut));
}

#[test]
fn a_flood_of_forgeries_costs_one_fetch_per_cooldown() {
    for (answer, most) in [(ok("good"), 101), (status(500), 12)] {
        let mut rig = Rig::url();
        rig.answer(ok("good")).unwrap();
        rig.now = 10 * SECOND;
        let (begun, mut fetches, mut waiting) = (rig.now, 0, 0);
        for forgery in 0..100_000_u64 {
            // 100 a second, for 1,000 seconds.
            rig.now = begun + forgery * 10;
            let told = rig.unknown(&format!("forged {forgery}"));
            waiting += u64::from(told == UnknownKey::UnderWay);
            if let Some(fetch) = rig.fetch() {
                fetches += 1;
                let _ = rig.give(fetch, answer);
            }
            assert!(rig.source.lock().remembered() <= MAX_UNKNOWN_KEY_IDS);
        }
        assert!(fetches > 5 && fetches <= most, "{fetches}");
        assert!(
            waiting <= fetches,
            "{waiting} of {fetches} were told to wait"
        );
    }
}

#[test]
fn a_flood_while_the_host_stalls_waits_for_one_request() {
    let mut rig = Rig::url();
    rig.answer(ok("good")).unwrap();
    rig.now = 10 * SECOND;
    assert_eq!(rig.unknown("0"), UnknownKey::UnderWay);
    let fetch = rig.fetch().unwrap();
    for forgery in 0..100_000_u64 {
        rig.now = 10 * SECOND + forgery / 20;
        assert_eq!(rig.unknown(&forgery.to_string()), UnknownKey::UnderWay);
        assert!(rig.fetch().is_none());
    }
    assert_eq!(rig.source.lock().remembered(), MAX_UNKNOWN_KEY_IDS);
    rig.give(fetch, ok("good")).unwrap();
    assert_eq!(rig.unknown("99999"), UnknownKey::Unknown);
}

#[test]
fn the_host_is_woken_once() {
    let mut rig = Rig::url();
    rig.answer(ok("good")).unwrap();
    let woken = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&woken);
    rig.states.set_waker(Some(Arc::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
    })));
    rig.now = 10 * SECOND;
    for key_id in ["a", "b", "a"] {
        assert_eq!(rig.unknown(key_id), UnknownKey::UnderWay);
    }
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    rig.states
        .follow([Remote::Url("https://other.example/".into())]);
    assert_eq!(
        woken.load(Ordering::Relaxed),
        2,
        "there is something new to fetch"
    );
    rig.states.set_waker(None);
}

#[test]
fn another_policy_keeps_what_it_shares() {
    let [one, two, three] = [
        "https://1.example/",
        "https://2.example/",
        "https://3.example/",
    ]
    .map(|url| Remote::Url(url.into()));
    let states = KeyStates::new(KeyRefresh::default(), 7);
    let before = states.follow([one.clone(), two.clone(), one.clone()]);
    assert!(
        Arc::ptr_eq(&before[0], &before[2]),
        "two issuers, one source"
    );
    let mut wanted = states.wanted(0);
    assert_eq!(wanted.len(), 2);
    let install = |_: &Remote, _: &[u8]| Ok::<(), &str>(());
    let first = wanted.remove(0);
    states.finished(first, ok("good"), 0, install).unwrap();

    let after = states.follow([three, one]);
    assert!(Arc::ptr_eq(&after[1], &before[0]));
    assert!(after[1].is_usable(0) && !after[0].is_usable(0));
    let second = wanted.remove(0);
    let late = states.finished(second, ok("good"), 0, install);
    assert_eq!(late, Ok(FetchProgress::Late), "its source is gone");
    let wanted: Vec<_> = states
        .wanted(0)
        .iter()
        .map(|fetch| fetch.url().to_owned())
        .collect();
    assert_eq!(wanted, ["https://3.example/"]);
    assert!(states.follow([]).is_empty());
    assert_eq!((states.next_wake(), states.wanted(HOUR).len()), (None, 0));
}

#[test]
fn what_the_host_brings_does_not_age() {
    let mut rig = Rig::url();
    rig.source.supplied();
    assert!(rig.source.is_usable(u64::MAX - 1));
    rig.answer(cached("good", "max-age=60")).unwrap();
    assert!(!rig.source.is_usable(u64::MAX - 1), "what was fetched does");
}

#[test]
fn attempts_of_many_engines_are_spread() {
    let due = |seed| {
        let states = KeyStates::new(KeyRefresh::default(), seed);
        states.follow([Remote::Url(KEYS.into())]);
        let fetch = states.wanted(0).pop().unwrap();
        let install = |_: &Remote, _: &[u8]| Ok::<(), &str>(());
        states
            .finished(fetch, cached("good", "max-age=3600"), 0, install)
            .unwrap();
        states.next_wake().unwrap()
    };
    assert_eq!(due(1), due(1));
    let all: std::collections::BTreeSet<_> = (0..100).map(due).collect();
    let (first, last) = (all.first().unwrap(), all.last().unwrap());
    assert!(
        all.len() > 95 && last - first > HOUR / 20,
        "{} from {first} to {last}",
        all.len()
    );
}

#[test]
fn a_query_is_not_shown() {
    let states = KeyStates::new(KeyRefresh::default(), 7);
    states.follow([Remote::Url("https://keys.example/k?code=secret".into())]);
    assert_eq!(states.status(0)[0].source, "https://keys.example/k");
}
