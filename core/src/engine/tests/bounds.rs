//! Whatever comes, the memory of credentials stays within its bounds, and threads agree.

use super::mint::{Standing, bearing, engine, issuer, jwks, keys, load, token, told};
use crate::{
    Clock, Engine, EngineConfig, FetchProgress, Fetched, Keys, Origin, Revocation, TokenCache,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn policy(principal: &str) -> String {
    format!(
        "gatelet: 1\nidentity:\n  issuers:\n{}rules:\n  any: {{ effect: allow, match: {{ path: /any }} }}\n",
        issuer("login", principal)
    )
}

fn with_cache(cache: TokenCache) -> Engine {
    let config = EngineConfig::default()
        .with_keys(keys("login.json", &[0]))
        .with_clock(Standing::new() as Arc<dyn Clock>)
        .with_token_cache(cache);
    Engine::new(load(&policy("{ id: [sub], groups: [[groups]] }")), config).unwrap()
}

#[test]
fn a_flood_of_tokens_stays_within_its_bounds() {
    let rows = [
        (TokenCache::default().with_entries(256), 256, usize::MAX),
        (
            TokenCache::default().with_bytes(64 << 10),
            1 << 16,
            64 << 10,
        ),
        (TokenCache::default().with_entries(0), 0, 0),
        (
            TokenCache::default().with_entries(512).digest_only(),
            512,
            usize::MAX,
        ),
    ];
    for (cache, entries, bytes) in rows {
        let engine = with_cache(cache);
        let mut scratch = engine.scratch();
        for number in 0..1_500 {
            let claims = format!("\"sub\":\"s{number}\",\"groups\":[\"g{number}\"]");
            let token = token("login.example", &claims, 0);
            for _ in 0..2 {
                let request = bearing("/any", &token);
                let decision = engine.decide(&mut scratch, &request);
                let expected = format!("s{number}");
                let who = Some((&b"login"[..], expected.as_bytes()));
                assert_eq!(decision.principal(), who);
                assert!(decision.allowed());
            }
            let counts = engine.token_counts();
            assert!(
                counts.entries <= entries && counts.bytes <= bytes,
                "{counts:?}"
            );
        }
        let counts = engine.token_counts();
        assert_eq!(counts.entries == 0, entries == 0, "{counts:?}");
    }
}

#[test]
fn a_flood_of_forgeries_stays_within_its_bounds() {
    let engine = with_cache(TokenCache::default());
    let mut scratch = engine.scratch();
    for number in 0..6_000 {
        let mut forged = token("login.example", &format!("\"sub\":\"s{number}\""), 0);
        let end = forged.pop();
        forged.push(if end == Some('A') { 'E' } else { 'A' });
        let request = bearing("/any", &forged);
        assert_eq!(
            told(&engine.decide(&mut scratch, &request)).0,
            "credential_invalid"
        );
    }
    let counts = engine.token_counts();
    assert_eq!((counts.entries, counts.bytes), (0, 0));
    assert!((1..=4_096).contains(&counts.refused), "{counts:?}");
}

#[test]
fn a_digest_serves_as_well_as_the_text() {
    let engine = with_cache(TokenCache::default().digest_only());
    let mut scratch = engine.scratch();
    let good = token("login.example", "\"sub\":\"dana\"", 0);
    // Another text with the same end.
    let other = format!("A{good}");
    for _ in 0..3 {
        let request = bearing("/any", &good);
        assert!(engine.decide(&mut scratch, &request).allowed());
        let request = bearing("/any", &other);
        assert!(!engine.decide(&mut scratch, &request).allowed());
    }
    assert_eq!(engine.token_counts().entries, 1);
}

/// Keys come and go, and a token is good exactly where its key is.
#[test]
fn threads_decide_while_keys_rotate() {
    let engine = engine(
        &policy("{ id: [sub] }"),
        keys("login.json", &[0]),
        &Standing::new(),
    );
    let tokens =
        [0, 1].map(|secret| token("login.example", "\"sub\":\"dana\",\"jti\":\"t\"", secret));
    let finished = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut scratch = engine.scratch();
                while !finished.load(Ordering::Acquire) {
                    for token in &tokens {
                        let request = bearing("/any", token);
                        let decision = engine.decide(&mut scratch, &request);
                        let told = told(&decision);
                        let known = [
                            ("allowed", None),
                            ("credential_invalid", Some("unknown_key")),
                            ("credential_invalid", Some("revoked")),
                        ];
                        assert!(known.contains(&told), "{told:?}");
                    }
                }
            });
        }
        let mut scratch = engine.scratch();
        let revocation = Revocation::Token {
            provider: "login".into(),
            jti: "t".into(),
        };
        for round in 0..300 {
            let (kept, gone) = (round % 2, (round + 1) % 2);
            engine.install_keys(keys("login.json", &[kept])).unwrap();
            let mut decide = |token: &str| {
                let request = bearing("/any", token);
                told(&engine.decide(&mut scratch, &request))
            };
            // What begins after an install knows nothing of what was before.
            assert_eq!(decide(&tokens[kept]), ("allowed", None));
            assert_eq!(decide(&tokens[gone]).1, Some("unknown_key"));
            engine.revoke(revocation.clone());
            assert_eq!(decide(&tokens[kept]).1, Some("revoked"));
            assert!(engine.restore(&revocation));
        }
        finished.store(true, Ordering::Release);
    });
}

#[test]
fn what_is_missing_is_named_with_its_place() {
    let policy = || load(&policy("{ id: [sub] }"));
    let error = Engine::new(policy(), EngineConfig::default())
        .unwrap_err()
        .to_string();
    for part in [
        "p.yaml:4",
        "the key set of login",
        "file login.json",
        "with_keys",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let broken = Keys::new().with(Origin::file("login.json"), "{\"keys\": 1}");
    let config = EngineConfig::default().with_keys(broken);
    let error = Engine::new(policy(), config).unwrap_err().to_string();
    assert!(error.contains("file login.json"), "{error}");
    let config = EngineConfig::default().with_keys(keys("login.json", &[0]));
    let engine = Engine::new(policy(), config).unwrap();
    let weak = "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"w\",\"k\":\"AA\"}]}";
    let report = engine
        .install_keys(Keys::new().with(Origin::file("login.json"), weak))
        .unwrap();
    assert_eq!(report.skipped().len(), 1);
    assert!(report.skipped()[0].to_string().contains("login.json"));
}

/// A key set is fetched: before it is there, after it came, and when a token names a key that it lacks.
#[test]
fn keys_are_fetched_when_tokens_need_them() {
    let text = policy("{ id: [sub] }")
        .replace("{ file: login.json }", "{ url: https://keys.example/set }");
    let clock = Standing::new();
    let engine = engine(&text, Keys::new(), &clock);
    let mut scratch = engine.scratch();
    let tokens = [0, 1].map(|secret| token("login.example", "\"sub\":\"dana\"", secret));
    let mut decide = |token: &str| {
        let request = bearing("/any", token);
        let decision = engine.decide(&mut scratch, &request);
        (told(&decision), decision.status())
    };
    assert_eq!(
        decide(&tokens[0]),
        (("identity_unavailable", Some("keys_unavailable")), 503)
    );
    let answer = |secrets: &[usize]| {
        let mut wanted = engine.fetches();
        assert_eq!(wanted.len(), 1);
        let set = jwks(secrets);
        let fetched = Fetched {
            status: 200,
            location: None,
            cache_control: None,
            age: None,
            body: set.as_bytes(),
        };
        engine.fetched(wanted.remove(0), Ok(fetched))
    };
    assert_eq!(answer(&[0]), Ok(FetchProgress::Installed));
    assert_eq!(decide(&tokens[0]).0, ("allowed", None));
    clock.forward(20_000);
    assert_eq!(
        decide(&tokens[1]),
        (("identity_unavailable", Some("key_under_way")), 503)
    );
    // A set without a key does not take the place of one with keys.
    assert!(answer(&[]).is_err());
    assert_eq!(decide(&tokens[0]).0, ("allowed", None));
    clock.forward(60_000);
    assert_eq!(answer(&[0, 1]), Ok(FetchProgress::Installed));
    assert_eq!(decide(&tokens[1]).0, ("allowed", None));
    // Nobody brings others for days: then nobody can tell whether they still count.
    clock.forward(3_000_000);
    assert_eq!(decide(&tokens[0]).0, ("allowed", None));
}

#[test]
fn an_explanation_tells_of_credentials_and_never_them() {
    let engine = engine(
        &policy("{ id: [sub] }"),
        keys("login.json", &[0]),
        &Standing::new(),
    );
    let mut scratch = engine.scratch();
    for (secret, outcome) in [(0, "good"), (1, "unknown_key")] {
        let token = token("login.example", "\"sub\":\"dana\"", secret);
        let explained = engine.explain(&mut scratch, &bearing("/any", &token));
        let shown = &explained.credentials[0];
        assert_eq!((shown.kind, shown.outcome), ("bearer", outcome));
        assert_eq!(shown.key.as_deref(), Some(format!("k{secret}").as_str()));
        let text = explained.to_string();
        assert!(
            text.contains(&format!("key k{secret}: {outcome}")),
            "{text}"
        );
        for part in token.split('.') {
            assert!(!text.contains(part), "{text}");
        }
    }
}
