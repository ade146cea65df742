//! The supervisor's thread: waits for signals, reads, installs, fetches, reports.

use crate::http::{Answer, Http, HttpError};
use crate::outside::{Outside, Unavailable};
use crate::policy_files::PolicyFiles;
use crate::report::{Event, PolicyProblem, Status, Trouble};
use crate::supervisor::{Observer, SupervisorOptions, lock};
use crate::watch::{Look, Watch};
use gatelet::{Engine, Fetch, FetchProgress, InstallError, KeyReport, Keys, Origin};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

/// Longest time that files which keep changing are left alone.
const MAX_SETTLE: Duration = Duration::from_secs(1);

/// What wakes the thread.
pub(crate) enum Signal {
    /// A file may have changed.
    Changed,
    /// A fetch came to its end.
    Fetched(Fetch, Result<Answer, HttpError>),
    /// A fetch is wanted.
    Wanted,
    /// Everything is to be read again.
    Reload,
    Stop,
}

/// The thread, and what it remembers.
pub(crate) struct Worker {
    engine: Arc<Engine>,
    policy: Option<PolicyFiles>,
    base: PathBuf,
    allow: Vec<PathBuf>,
    http: Http,
    signals: Sender<Signal>,
    received: Receiver<Signal>,
    fetching: Vec<JoinHandle<()>>,
    watch: Watch,
    /// Whether a change was told that is not looked into yet.
    is_told: Arc<AtomicBool>,
    times: Times,
    observer: Option<Observer>,
    status: Arc<Mutex<Status>>,
    /// The files of the policy, as they were read last.
    sources: BTreeSet<PathBuf>,
    /// What the policy that was loaded last needs, in force or not.
    needed: BTreeSet<PathBuf>,
    /// Hashes of the documents that the engine was given last.
    given: BTreeMap<Origin, u64>,
    /// The policy whose needs are looked after.
    digest: String,
}

/// When to look at files.
struct Times {
    poll_interval: Duration,
    settle: Duration,
    poll: Instant,
    /// When the first change was told that is not looked into, and when it will be.
    changing: Option<(Instant, Instant)>,
}

impl Times {
    fn change(&mut self, now: Instant) {
        let first = self.changing.map_or(now, |(first, _)| first);
        let quiet = (now + self.settle).min(first + MAX_SETTLE);
        self.changing = Some((first, quiet));
    }

    fn next(&self) -> Instant {
        let quiet = self.changing.map(|(_, quiet)| quiet);
        quiet.map_or(self.poll, |quiet| quiet.min(self.poll))
    }

    /// How to look now, if at all.
    fn look(&mut self, now: Instant) -> Option<Look> {
        if self.changing.is_some_and(|(_, quiet)| quiet <= now) {
            self.changing = None;
            self.poll = now + self.poll_interval;
            return Some(Look::Contents);
        }
        if self.poll <= now {
            self.poll = now + self.poll_interval;
            return Some(Look::Entries);
        }
        None
    }
}

impl Worker {
    pub(crate) fn new(
        engine: Arc<Engine>,
        options: SupervisorOptions,
        http: Http,
        (signals, received): (Sender<Signal>, Receiver<Signal>),
        status: Arc<Mutex<Status>>,
    ) -> Self {
        let is_told = Arc::new(AtomicBool::new(false));
        let (told, tell) = (Arc::clone(&is_told), signals.clone());
        let watch = Watch::new(move || {
            // One signal until it is looked into, however many changes there are.
            if !told.swap(true, Ordering::AcqRel) {
                let _ = tell.send(Signal::Changed);
            }
        });
        let now = Instant::now();
        Self {
            engine,
            policy: options.policy,
            base: options.base,
            allow: options.allow,
            http,
            signals,
            received,
            fetching: Vec::new(),
            watch,
            is_told,
            times: Times {
                poll_interval: options.poll_interval,
                settle: options.settle,
                poll: now + options.poll_interval,
                changing: None,
            },
            observer: options.observer,
            status,
            sources: BTreeSet::new(),
            needed: BTreeSet::new(),
            given: BTreeMap::new(),
            digest: String::new(),
        }
    }

    pub(crate) fn run(mut self) {
        self.reload();
        loop {
            self.begin_fetches();
            match self.received.recv_timeout(self.patience()) {
                Ok(Signal::Changed) => {
                    self.is_told.store(false, Ordering::Release);
                    self.times.change(Instant::now());
                }
                Ok(Signal::Fetched(fetch, answer)) => self.take(fetch, answer),
                Ok(Signal::Reload) => self.reload(),
                Ok(Signal::Wanted) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            if let Some(look) = self.times.look(Instant::now()) {
                self.look(look);
            }
        }
        for fetch in self.fetching.drain(..) {
            let _ = fetch.join();
        }
    }

    /// How long there is nothing to do.
    fn patience(&self) -> Duration {
        let look = self.times.next().saturating_duration_since(Instant::now());
        self.engine
            .next_fetch_in_ms()
            .map_or(look, |ms| look.min(Duration::from_millis(ms)))
    }

    /// Each on a thread of its own: one that stalls keeps no other waiting.
    fn begin_fetches(&mut self) {
        self.fetching.retain(|fetch| !fetch.is_finished());
        for fetch in self.engine.fetches() {
            let (http, signals) = (self.http.clone(), self.signals.clone());
            let thread = thread::Builder::new().name("gatelet-fetch".to_owned());
            let begun = thread.spawn(move || {
                let answer = http.fetch(&fetch);
                let _ = signals.send(Signal::Fetched(fetch, answer));
            });
            // Without a thread the fetch is lost, and counts as failed when its time is over.
            self.fetching.extend(begun);
        }
    }

    fn take(&mut self, fetch: Fetch, answer: Result<Answer, HttpError>) {
        let url = fetch.url().split('?').next().unwrap_or_default().to_owned();
        let progress = match answer {
            Ok(answer) => self.engine.fetched(fetch, Ok(answer.fetched())),
            Err(error) => self.engine.fetched(fetch, Err(&error.to_string())),
        };
        match progress {
            Ok(FetchProgress::Installed) => self.tell(&Event::Fetched { url }),
            Ok(_) => {}
            Err(problem) => self.tell(&Event::FetchFailed { url, problem }),
        }
    }

    fn look(&mut self, look: Look) {
        let changed = self.watch.changed(look);
        let is_unfinished = lock(&self.status).policy.is_some();
        let is_policy = |path: &PathBuf| self.sources.contains(path);
        if is_unfinished || changed.iter().any(is_policy) {
            self.reload();
        } else if !changed.is_empty() || *self.engine.policy().digest() != *self.digest {
            self.refresh();
        }
    }

    /// Reads everything again.
    fn reload(&mut self) {
        if let Some(files) = self.policy.take() {
            let outcome = self.load(&files);
            self.policy = Some(files);
            self.settle_policy(outcome);
        }
        self.refresh();
    }

    /// Puts the policy of the files in force, if it is another one; whether it was.
    fn load(&mut self, files: &PolicyFiles) -> Result<bool, PolicyProblem> {
        self.sources.extend(files.named().map(PathBuf::from));
        let text = files.read().map_err(PolicyProblem::Unreadable)?;
        self.sources = text.paths().map(PathBuf::from).collect();
        let policy = text.load().map_err(PolicyProblem::Invalid)?;
        if policy.digest() == self.engine.policy().digest() {
            return Ok(false);
        }
        let found = self.outside().read_all(&policy);
        self.needed = found.files.iter().cloned().collect();
        if !found.unavailable.is_empty() {
            return Err(PolicyProblem::Unavailable(found.unavailable));
        }
        let given = hashes(&found.documents);
        // What the policy before does not need only waits for the one that does.
        self.engine
            .install_keys(found.keys())
            .and_then(|_| self.engine.install(policy))
            .map_err(PolicyProblem::Refused)?;
        self.given.extend(given);
        Ok(true)
    }

    fn settle_policy(&mut self, outcome: Result<bool, PolicyProblem>) {
        match outcome {
            Ok(is_new) => {
                lock(&self.status).policy = None;
                if is_new {
                    let digest = self.engine.policy().digest().to_owned();
                    self.tell(&Event::PolicyInstalled { digest });
                }
            }
            Err(problem) => {
                let words = problem.to_string();
                let is_known = {
                    let status = lock(&self.status);
                    let before = status.policy.as_ref();
                    before.is_some_and(|trouble| trouble.problem == words)
                };
                if !is_known {
                    lock(&self.status).policy = Some(trouble(words));
                    self.tell(&Event::PolicyRefused(problem));
                }
            }
        }
    }

    /// Reads what the policy in force needs, and hands over what is new.
    fn refresh(&mut self) {
        let policy = self.engine.policy();
        self.digest = policy.digest().to_owned();
        let found = self.outside().read_all(&policy);
        let mut refused = found.unavailable;
        let hashes = hashes(&found.documents);
        let is_new = |origin: &Origin| self.given.get(origin) != hashes.get(origin);
        let new: BTreeMap<_, _> = found
            .documents
            .into_iter()
            .filter(|(origin, _)| is_new(origin))
            .collect();
        let installed = self.hand_over(new, &mut refused);
        let hashes = hashes
            .into_iter()
            .filter(|(origin, _)| installed.contains(origin));
        self.given.extend(hashes);
        self.settle_keys(refused);
        let needed = self.needed.iter().chain(&found.files);
        let paths: BTreeSet<_> = self.sources.iter().chain(needed).cloned().collect();
        self.watch.follow(paths);
        lock(&self.status).watch = self.watch.problem().map(str::to_owned);
    }

    /// Hands over what can be used of these documents; which that was.
    fn hand_over(
        &self,
        mut new: BTreeMap<Origin, Vec<u8>>,
        refused: &mut Vec<Unavailable>,
    ) -> BTreeSet<Origin> {
        while !new.is_empty() {
            let keys = new.iter().fold(Keys::new(), |keys, (origin, bytes)| {
                keys.with(origin.clone(), bytes.clone())
            });
            let unreadable = match self.engine.install_keys(keys) {
                Ok(report) => {
                    let origins: BTreeSet<_> = new.into_keys().collect();
                    self.tell_installed(&origins, &report);
                    return origins;
                }
                Err(InstallError::Invalid(unreadable)) => unreadable,
                Err(other) => {
                    let why = other.to_string();
                    refused.extend(new.into_keys().map(|origin| Unavailable::new(origin, &why)));
                    break;
                }
            };
            let before = new.len();
            new.retain(|origin, _| unreadable.iter().all(|bad| bad.origin() != origin));
            refused.extend(
                unreadable
                    .iter()
                    .map(|bad| Unavailable::new(bad.origin().clone(), bad.problem())),
            );
            if new.len() == before {
                break;
            }
        }
        BTreeSet::new()
    }

    fn tell_installed(&self, origins: &BTreeSet<Origin>, report: &KeyReport) {
        for origin in origins {
            let skipped = report.skipped().iter();
            let skipped = skipped.filter(|key| key.origin() == Some(origin)).cloned();
            self.tell(&Event::KeysInstalled {
                origin: origin.clone(),
                skipped: skipped.collect(),
            });
        }
    }

    /// What is refused now is all that is wrong with keys; what was told before is not told again.
    fn settle_keys(&self, refused: Vec<Unavailable>) {
        let mut now: Vec<(Origin, Trouble)> = Vec::new();
        let before = std::mem::take(&mut lock(&self.status).keys);
        for unavailable in refused {
            let is_same = |(origin, trouble): &&(Origin, Trouble)| {
                origin == unavailable.origin() && trouble.problem == unavailable.problem()
            };
            if let Some(known) = before.iter().find(is_same) {
                now.push(known.clone());
                continue;
            }
            let problem = unavailable.problem().to_owned();
            now.push((unavailable.origin().clone(), trouble(problem)));
            self.tell(&Event::KeysRefused(unavailable));
        }
        lock(&self.status).keys = now;
    }

    fn outside(&self) -> Outside {
        let roots = self.policy.iter().flat_map(PolicyFiles::roots);
        let mut outside = Outside::of_files(roots);
        if self.policy.is_none() {
            outside.base.clone_from(&self.base);
            outside.within.extend(self.base.canonicalize());
        }
        let allowed = self.allow.iter();
        outside
            .within
            .extend(allowed.filter_map(|directory| directory.canonicalize().ok()));
        outside
    }

    fn tell(&self, event: &Event) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }
}

fn trouble(problem: String) -> Trouble {
    Trouble {
        problem,
        since: SystemTime::now(),
    }
}

/// What tells that a document is another one; nobody else is told.
fn hashes(documents: &BTreeMap<Origin, Vec<u8>>) -> BTreeMap<Origin, u64> {
    let hash = |bytes: &Vec<u8>| {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        hasher.finish()
    };
    documents
        .iter()
        .map(|(origin, bytes)| (origin.clone(), hash(bytes)))
        .collect()
}
