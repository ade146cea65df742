//! Key sets over HTTP: rotated, delayed, falsified, lost and found again, without a restart.

use crate::server::{PATIENCE, Reply, Server};
use crate::signer::{Signer, jwks};
use crate::stage::{QUICK, Stage};
use gatelet::{KeyAvailability, KeyRefresh};
use std::sync::mpsc::channel;
use std::time::Duration;

const DISCOVERY: &str = "/.well-known/openid-configuration";

fn policy(issuer: &str, keys: &str) -> String {
    format!(
        "gatelet: 1
identity:
  issuers:
    login:
      issuer: {issuer}
      audience: [shop-api]
      algorithms: [EdDSA]
      keys: {keys}
      principal: {{ id: [sub] }}
rules:
  any: {{ effect: allow, match: {{ path: / }} }}
"
    )
}

/// A policy whose keys are at `/keys` of the server.
fn by_url(server: &Server) -> String {
    policy(
        "https://login.shop.example",
        &format!("{{ url: \"{}\" }}", server.url("/keys")),
    )
}

const ISSUER: &str = "https://login.shop.example";

#[test]
fn keys_rotate_without_a_restart() {
    let (server, old, new) = (Server::start(), Signer::new("old"), Signer::new("new"));
    let issuer = server.url("");
    let document = format!(
        r#"{{"issuer":"{issuer}","jwks_uri":"{}"}}"#,
        server.url("/keys")
    );
    server.set(DISCOVERY, Reply::ok(&document));
    server.set("/keys", Reply::ok(&jwks(&[&old])));
    let stage = Stage::of_text(&policy(&issuer, "{ discovery: true }"), QUICK);
    assert!(stage.supervisor.wait_for_keys(PATIENCE));
    assert_eq!(stage.with_token(&old.token(&issuer)), "allowed");
    assert!(stage.supervisor.status().is_good());

    server.set("/keys", Reply::ok(&jwks(&[&old, &new])));
    stage.until("the new key counts", || {
        stage.with_token(&new.token(&issuer)) == "allowed"
    });
    assert_eq!(stage.with_token(&old.token(&issuer)), "allowed");

    server.set("/keys", Reply::ok(&jwks(&[&new])));
    let third = Signer::new("third").token(&issuer);
    stage.until("the old key is gone", || {
        // What is made up has keys fetched, and is never let in.
        assert_ne!(stage.with_token(&third), "allowed");
        stage
            .with_token(&old.token(&issuer))
            .starts_with("credential_invalid")
    });
    assert_eq!(stage.with_token(&new.token(&issuer)), "allowed");
}

#[test]
fn keys_are_refreshed_ahead_of_their_time() {
    let (server, signer) = (Server::start(), Signer::new("a"));
    server.set("/keys", Reply::ok(&jwks(&[&signer])));
    let refresh = KeyRefresh {
        min_ttl_ms: 20,
        default_ttl_ms: 20,
        ..QUICK
    };
    let stage = Stage::of_text(&by_url(&server), refresh);
    server.wait_for("/keys", 5);
    stage.until("usable", || {
        stage.with_token(&signer.token(ISSUER)) == "allowed"
    });
}

#[test]
fn lies_replace_nothing() {
    let (server, good, evil) = (Server::start(), Signer::new("a"), Signer::new("evil"));
    let elsewhere = Server::start();
    elsewhere.set("/keys", Reply::ok(&jwks(&[&evil])));
    let moved: &'static str = format!("Location: {}\r\n", elsewhere.url("/keys")).leak();
    let many: Vec<_> = (0..129).map(|_| good.jwk()).collect();
    let all = Reply::ok(&jwks(&[&good]));
    let truncated = Reply::Raw(
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{}",
            jwks(&[&evil])
        )
        .into_bytes(),
    );
    let table = [
        (Reply::Says(500, "", jwks(&[&evil])), "status is 500"),
        (Reply::Says(404, "", String::new()), "status is 404"),
        (
            Reply::ok("<!doctype html><title>Sign in</title>"),
            "no usable key set",
        ),
        (Reply::ok(""), "no usable key set"),
        (Reply::ok(r#"{"keys":[]}"#), "no usable key set"),
        (
            Reply::ok(r#"{"keys":[{"kty":"OKP"}]}"#),
            "no usable key set",
        ),
        (
            Reply::ok(&format!(r#"{{"keys":[{}]}}"#, many.join(","))),
            "no usable key set",
        ),
        (Reply::ok(&jwks(&[&evil])[..60]), "no usable key set"),
        (Reply::Long(10 << 20), "longer than 524288 bytes"),
        (
            Reply::Says(302, moved, String::new()),
            "redirects to another origin",
        ),
        (
            Reply::Says(302, "Location: /keys\r\n", String::new()),
            "more than 3 redirects",
        ),
        (truncated, "no answer"),
        (Reply::Stalls, "no answer"),
        (Reply::Drips, "no answer"),
        (Reply::HangsUp, "no answer"),
    ];
    let (token, forged) = (good.token(ISSUER), evil.token(ISSUER));
    for (reply, words) in table {
        server.set("/keys", all.clone());
        let stage = Stage::of_text(&by_url(&server), QUICK);
        stage.hear("is in use");
        server.set("/keys", reply);
        stage.until(words, || {
            assert_eq!(stage.with_token(&token), "allowed", "{words}");
            assert_ne!(stage.with_token(&forged), "allowed", "{words}");
            let told = stage.told.lock().unwrap();
            told.iter().any(|event| event.contains(words))
        });
        server.set("/keys", all.clone());
        stage.hear("is in use");
        assert_eq!(stage.with_token(&token), "allowed");
    }
    assert_eq!(elsewhere.asked("/keys"), 0);
}

#[test]
fn discovery_that_lies() {
    let (server, signer) = (Server::start(), Signer::new("a"));
    server.set("/keys", Reply::ok(&jwks(&[&signer])));
    let (issuer, keys) = (server.url(""), server.url("/keys"));
    let document = |issuer: &str, keys: &str| {
        Reply::ok(&format!(r#"{{"issuer":"{issuer}","jwks_uri":"{keys}"}}"#))
    };
    let table = [
        (
            document("https://login.shop.example", &keys),
            "names another issuer",
        ),
        (
            document(&format!("{issuer}/"), &keys),
            "names another issuer",
        ),
        (
            document(&issuer, "http://keys.shop.example/"),
            "fetched over https",
        ),
        (
            document(&issuer, "file:///etc/passwd"),
            "does not begin with https",
        ),
        (Reply::ok("{}"), "one issuer and one jwks_uri"),
    ];
    for (reply, words) in table {
        server.set(DISCOVERY, reply);
        let stage = Stage::of_text(&policy(&issuer, "{ discovery: true }"), QUICK);
        stage.hear(words);
        assert_eq!(server.asked("/keys"), 0, "{words}");
        assert!(
            stage
                .with_token(&signer.token(&issuer))
                .starts_with("identity_unavailable")
        );
        let status = stage.supervisor.status();
        assert!(!status.is_good());
        assert_eq!(status.remote[0].availability, KeyAvailability::Missing);
    }
    server.set(DISCOVERY, document(&issuer, &keys));
    let stage = Stage::of_text(&policy(&issuer, "{ discovery: true }"), QUICK);
    stage.hear("is in use");
    assert_eq!(stage.with_token(&signer.token(&issuer)), "allowed");
}

#[test]
fn a_server_dies_and_comes_back() {
    let (server, signer) = (Server::start(), Signer::new("a"));
    let (address, policy) = (server.address(), by_url(&server));
    server.set("/keys", Reply::ok(&jwks(&[&signer])));
    let refresh = KeyRefresh {
        min_ttl_ms: 50,
        default_ttl_ms: 50,
        ..QUICK
    };
    let patient = Stage::of_text(&policy, refresh);
    let strict = KeyRefresh {
        max_stale_ms: 50,
        ..refresh
    };
    let strict = Stage::of_text(&policy, strict);
    for stage in [&patient, &strict] {
        stage.hear("is in use");
    }
    let token = signer.token(ISSUER);
    let availability = |stage: &Stage| stage.supervisor.status().remote[0].availability;
    drop(server);
    for stage in [&patient, &strict] {
        stage.hear("failed: no answer");
    }
    patient.until("stale", || availability(&patient) == KeyAvailability::Stale);
    assert_eq!(patient.with_token(&token), "allowed");
    strict.until("too old", || {
        availability(&strict) == KeyAvailability::Expired
    });
    assert!(
        strict
            .with_token(&token)
            .starts_with("identity_unavailable")
    );
    assert!(strict.supervisor.status().remote[0].failures > 0);

    let server = Server::at(address);
    server.set("/keys", Reply::ok(&jwks(&[&signer])));
    for stage in [&patient, &strict] {
        stage.until("back", || stage.with_token(&token) == "allowed");
    }
}

#[test]
fn who_stalls_keeps_no_other_waiting() {
    let (slow, quick, signer) = (Server::start(), Server::start(), Signer::new("a"));
    slow.set("/keys", Reply::Stalls);
    quick.set("/keys", Reply::ok(&jwks(&[&signer])));
    let issuer = |name: &str, server: &Server| {
        format!(
            "    {name}: {{ issuer: \"https://{name}.example\", audience: [shop-api], algorithms: [EdDSA], keys: {{ url: \"{}\" }}, principal: {{ id: [sub] }} }}\n",
            server.url("/keys")
        )
    };
    let policy = format!(
        "gatelet: 1\nidentity:\n  issuers:\n{}{}rules:\n  any: {{ effect: allow, match: {{ path: / }} }}\n",
        issuer("slow", &slow),
        issuer("quick", &quick)
    );
    let refresh = KeyRefresh {
        timeout_ms: 1_000_000,
        ..QUICK
    };
    let stage = Stage::of_text(&policy, refresh);
    slow.wait_for("/keys", 1);
    assert!(!stage.supervisor.wait_for_keys(Duration::from_millis(1)));
    stage.until("quick", || {
        stage.with_token(&signer.token("https://quick.example")) == "allowed"
    });
    assert!(
        stage
            .with_token(&signer.token("https://slow.example"))
            .starts_with("identity_unavailable")
    );
    assert_eq!(slow.asked("/keys"), 1, "one request is under way");

    // Though it would take longer than anybody waits.
    let (ended, ends) = channel();
    std::thread::spawn(move || {
        drop(stage);
        ended.send(())
    });
    assert_eq!(ends.recv_timeout(PATIENCE), Ok(()));
}

#[test]
fn a_flood_of_forgeries_is_no_flood_of_fetches() {
    let (server, good, evil) = (Server::start(), Signer::new("a"), Signer::new("evil"));
    server.set("/keys", Reply::ok(&jwks(&[&good])));
    let refresh = KeyRefresh {
        cooldown_ms: 3_600_000,
        ..QUICK
    };
    let stage = Stage::of_text(&by_url(&server), refresh);
    stage.hear("is in use");
    let claims = format!(r#"{{"iss":"{ISSUER}","aud":"shop-api","sub":"dana","exp":4102444800}}"#);
    for number in 0..2_000 {
        let forged = evil.sign(&format!("forged {number}"), &claims);
        assert_eq!(stage.with_token(&forged), "credential_invalid unknown_key");
    }
    assert_eq!(stage.with_token(&good.token(ISSUER)), "allowed");
    assert_eq!(server.asked("/keys"), 1);
}

#[test]
fn the_documented_pace_is_the_default() {
    let text = include_str!("../../../docs/operation.md");
    let defaults = format!("{:?}", KeyRefresh::default());
    let rows: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("| `") && line.contains("_ms`"))
        .collect();
    assert_eq!(rows.len(), defaults.matches("_ms: ").count());
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let (number, unit) = cells[2].split_once(' ').unwrap();
        let unit = if unit == "h" { 3_600_000 } else { 1_000 };
        let expected = number.parse::<u64>().unwrap() * unit;
        let field = cells[1].trim_matches('`');
        assert!(defaults.contains(&format!("{field}: {expected}")), "{row}");
    }
}
