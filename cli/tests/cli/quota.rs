//! `gatelet quota` on a real `redis-server`.

use crate::support::Directory;
use gatelet::store::{Answer, Charge, CounterKey, Kind, QuotaStore, Window};
use gatelet_io::{RedisOptions, RedisStore};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// A server with some counters; nothing, said by name, where none is installed.
    fn start(test: &str) -> Option<Self> {
        for _ in 0..20 {
            let free = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = free.local_addr().expect("an address").port();
            drop(free);
            let started = Command::new("redis-server")
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
                .args(["--save", "", "--appendonly", "no"])
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn();
            let Ok(mut child) = started else {
                eprintln!("skipped {test}: redis-server is not installed");
                return None;
            };
            let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
            if lines.any(|line| line.is_ok_and(|line| line.contains("Ready to accept"))) {
                std::thread::spawn(move || lines.for_each(drop));
                let url = format!("redis://127.0.0.1:{port}");
                return Some(Self { child, url });
            }
            let _ = child.wait();
        }
        panic!("redis-server does not start");
    }

    fn charge(&self, limit: &str, key: u8, cost: u64) {
        let store = RedisStore::open(&self.url, RedisOptions::default()).expect("a store");
        let limit: Arc<str> = limit.into();
        let charge = Charge {
            limit: &limit,
            key: CounterKey([key; 16]),
            kind: Kind::Window {
                limit: 100,
                window: Window::FirstRequest {
                    length_ms: 3_600_000,
                },
            },
            cost,
            owed: 0,
        };
        let answer = store.take(&[charge], Duration::from_secs(20), &mut [Answer::default()]);
        assert_eq!(answer, Ok(()));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const POLICY: &str = "\
gatelet: 1
limits:
  plan: { by: [source.ip], window: { fixed: 1h }, limit: 100, store: { redis: leased } }
  idle: { by: [source.ip], window: { fixed: 1h }, limit: 100, store: { redis: leased } }
  here: { by: [source.ip], window: { fixed: 1h }, limit: 100 }
";

fn key(key: u8) -> String {
    CounterKey([key; 16]).to_string()
}

#[test]
fn counters_are_listed_shown_reset_and_exported() {
    let Some(server) = Server::start("counters_are_listed_shown_reset_and_exported") else {
        return;
    };
    let directory = Directory::new("quota");
    directory.write("shop.yaml", POLICY);
    for (limit, key, cost) in [("plan", 1, 30), ("plan", 2, 100), ("other", 1, 5)] {
        server.charge(limit, key, cost);
    }
    let quota = |words: &[&str]| {
        let words = [&["quota"][..], words, &["--store", &server.url]].concat();
        directory.run(&words).exits(0)
    };
    let human = quota(&["list"]).stdout;
    assert!(
        human.contains("plan") && human.contains("window"),
        "{human}"
    );
    let [listed] = &quota(&["list", "--format", "json"]).json()[..] else {
        panic!("one line");
    };
    assert_eq!(listed[0]["limit"], "other");
    assert_eq!(listed[1]["counters"], 2);
    assert_eq!(listed[1]["exhausted"], 1);
    assert_eq!(listed[1]["fullest"]["key"], key(2));
    let of_policy = quota(&["list", "--format", "json", "--policy", "shop.yaml"]).json();
    assert_eq!(
        of_policy[0][0],
        json!({ "limit": "idle", "counters": 0, "exhausted": 0, "fullest": null })
    );
    assert_eq!(of_policy[0].as_array().map(Vec::len), Some(2));

    let shown = quota(&["show", "plan"]).stdout;
    assert!(shown.find(&key(2)) < shown.find(&key(1)), "{shown}");
    let shown = quota(&["show", "plan", "--key", &key(1), "--format", "json"]).json();
    assert_eq!(shown[0].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&shown[0][0]["used"], &shown[0][0]["of"]),
        (&json!(30), &json!(100))
    );

    let exported = quota(&["export"]).json();
    let limits: Vec<_> = exported.iter().map(|counter| &counter["limit"]).collect();
    assert_eq!(limits, ["other", "plan", "plan"]);
    assert!(
        exported
            .iter()
            .all(|counter| counter["reset_ms"].as_u64() > Some(3_000_000))
    );

    assert!(
        quota(&["reset", "plan", "--key", &key(2)])
            .stdout
            .contains("1 counter reset")
    );
    assert!(quota(&["reset", "plan"]).stdout.contains("1 counter reset"));
    assert!(
        quota(&["reset", "plan"])
            .stdout
            .contains("0 counters reset")
    );
    assert_eq!(quota(&["export"]).json().len(), 1);
    // Another prefix, other counters.
    assert_eq!(
        quota(&["export", "--prefix", "other"]).json(),
        Vec::<Value>::new()
    );
}

#[test]
fn what_is_wrong_is_said() {
    let directory = Directory::new("quota-wrong");
    directory.write("shop.yaml", POLICY);
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = format!(
        "redis://:secret@127.0.0.1:{}",
        free.local_addr().expect("an address").port()
    );
    drop(free);
    let cases: &[(&[&str], i32, &[&str])] = &[
        (
            &["list", "--store", "http://localhost"],
            2,
            &["--store", "redis://"],
        ),
        (&["list", "--store", "rediss://localhost"], 2, &["TLS"]),
        (
            &["list", "--store", &nobody],
            1,
            &["cannot be reached", "refused"],
        ),
        (
            &["reset", "here", "--store", &nobody, "--policy", "shop.yaml"],
            2,
            &["\"here\"", "idle, plan"],
        ),
        (
            &["show", "pla", "--store", &nobody, "--policy", "shop.yaml"],
            2,
            &["\"pla\"", "idle, plan"],
        ),
        (
            &["list", "--store", &nobody, "--policy", "none.yaml"],
            2,
            &["none.yaml"],
        ),
    ];
    for (words, code, parts) in cases {
        let run = directory.run(&[&["quota"], *words].concat());
        assert!(!run.stderr.contains("secret"), "{run:#?}");
        run.fails_with(*code, parts);
    }
    for words in [
        &["list"][..],
        &["show", "--store", "redis://localhost"],
        &[
            "show",
            "plan",
            "--key",
            "12",
            "--store",
            "redis://localhost",
        ],
        &["list", "--store", "redis://localhost", "--values", "v.yaml"],
    ] {
        directory.run(&[&["quota"], words].concat()).exits(2);
    }
}
