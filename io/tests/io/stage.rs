//! An engine with its supervisor, whose events are listened to and whose answers are waited for.

use crate::server::PATIENCE;
use gatelet::{Decision, Engine, EngineConfig, KeyRefresh, Keys, Policy, Request, Source};
use gatelet_io::{Event, PolicyFiles, Supervisor, SupervisorOptions};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Rates that tests can wait for.
pub(crate) const QUICK: KeyRefresh = KeyRefresh {
    cooldown_ms: 1,
    max_backoff_ms: 20,
    timeout_ms: 300,
    min_ttl_ms: 3_600_000,
    max_ttl_ms: 3_600_000,
    default_ttl_ms: 3_600_000,
    max_stale_ms: 3_600_000,
    unknown_ttl_ms: 1,
};

/// What is supervised.
pub(crate) struct Stage {
    pub(crate) engine: Arc<Engine>,
    pub(crate) supervisor: Supervisor,
    events: Receiver<String>,
    /// All that was told until now.
    pub(crate) told: Mutex<Vec<String>>,
}

fn options(mut options: SupervisorOptions) -> (SupervisorOptions, Receiver<String>) {
    let (tell, events) = channel();
    options.settle = Duration::from_millis(1);
    options.observer = Some(Box::new(move |event: &Event| {
        let _ = tell.send(format!("{event}\n{event:?}"));
    }));
    (options, events)
}

impl Stage {
    /// A policy that is no file.
    pub(crate) fn of_text(policy: &str, refresh: KeyRefresh) -> Self {
        Self::of_policy(policy, refresh, Keys::new(), SupervisorOptions::default())
    }

    pub(crate) fn of_policy(
        policy: &str,
        refresh: KeyRefresh,
        keys: Keys,
        more: SupervisorOptions,
    ) -> Self {
        let policy = Policy::load(&[Source::new("shop.yaml", policy.as_bytes())])
            .unwrap_or_else(|error| panic!("{error}"));
        let config = EngineConfig::default()
            .with_key_refresh(refresh)
            .with_keys(keys);
        Self::of(Engine::new(policy, config).unwrap(), more)
    }

    pub(crate) fn of_files(files: PolicyFiles, more: SupervisorOptions) -> Self {
        let config = EngineConfig::default().with_key_refresh(QUICK);
        let engine = files
            .engine(config)
            .unwrap_or_else(|error| panic!("{error}"));
        let policy = Some(files);
        Self::of(engine, SupervisorOptions { policy, ..more })
    }

    fn of(engine: Engine, more: SupervisorOptions) -> Self {
        let engine = Arc::new(engine);
        let (options, events) = options(more);
        let supervisor = Supervisor::start(Arc::clone(&engine), options).unwrap();
        Self {
            engine,
            supervisor,
            events,
            told: Mutex::default(),
        }
    }

    /// Waits until something is told that holds these words.
    pub(crate) fn hear(&self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(event) = self.events.recv_timeout(left) else {
                panic!(
                    "nobody said {words:?}, but {:#?}",
                    self.told.lock().unwrap()
                );
            };
            self.told.lock().unwrap().push(event.clone());
            if event.contains(words) {
                return event;
            }
        }
    }

    /// Waits until something is so; events pass meanwhile.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(
                Instant::now() < deadline,
                "not in time: {what}; {:#?}",
                self.told.lock().unwrap()
            );
            if let Ok(event) = self.events.recv_timeout(Duration::from_millis(5)) {
                self.told.lock().unwrap().push(event);
            }
        }
    }

    /// What is told of a request: reason and detail.
    pub(crate) fn decide(&self, request: &Request<'_>) -> String {
        let mut scratch = self.engine.scratch();
        words(&self.engine.decide(&mut scratch, request))
    }

    pub(crate) fn with_token(&self, token: &str) -> String {
        self.decide(&Request {
            method: Some(b"GET"),
            path: Some(b"/"),
            bearer: Some(token.as_bytes()),
            ..Request::default()
        })
    }

    pub(crate) fn with_api_key(&self, key: &str) -> String {
        self.decide(&Request {
            method: Some(b"GET"),
            path: Some(b"/"),
            api_key: Some(key.as_bytes()),
            ..Request::default()
        })
    }
}

fn words(decision: &Decision<'_>) -> String {
    let reason = decision.reason();
    match decision.detail() {
        Some(detail) => format!("{reason} {detail}"),
        None => reason.to_string(),
    }
}
