//! What a supervised engine was given: compared with what is outside, and given anew.

use crate::outside::{Outside, Unavailable};
use crate::policy_files::PolicyFiles;
use crate::report::{Board, Event, PolicyProblem, Trouble};
use crate::watch::{Look, Watch};
use gatelet::{Engine, InstallError, KeyReport, Keys, Origin, Unreadable};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// Most times that files are read in a row because the policy has come to name others.
const MAX_PASSES: usize = 8;

/// Keeps an engine's policy, keys and secrets what they are outside.
pub(crate) struct Keeper {
    pub(crate) engine: Arc<Engine>,
    pub(crate) policy: Option<PolicyFiles>,
    /// What names of files are relative to, where the policy is no file.
    pub(crate) base: PathBuf,
    pub(crate) allow: Vec<PathBuf>,
    pub(crate) watch: Watch,
    pub(crate) board: Arc<Board>,
    /// What happened and was not told yet.
    pub(crate) events: Vec<Event>,
    pub(crate) given: Given,
}

/// What the engine was given last.
#[derive(Default)]
pub(crate) struct Given {
    /// Fingerprint of the files whose policy is in force.
    policy: Option<u64>,
    /// Digest of the policy whose needs are looked after.
    digest: String,
    /// Hashes of the documents.
    documents: BTreeMap<Origin, u64>,
    /// The files of the policy, as they were read last.
    sources: BTreeSet<PathBuf>,
    /// The files that the policy which was loaded last needs, in force or not.
    needed: BTreeSet<PathBuf>,
}

impl Keeper {
    /// Looks for changes, and follows them.
    pub(crate) fn look(&mut self, look: Look) {
        let changed = self.watch.changed(look);
        let is_unfinished = self.board.lock().policy.is_some();
        let mut changed_files = changed.iter();
        if is_unfinished || changed_files.any(|path| self.given.sources.contains(path)) {
            self.read();
        } else if !changed.is_empty() || *self.engine.policy().digest() != *self.given.digest {
            // Again, if more files are needed now: they were read before they were watched.
            let _ = self.refresh() && self.refresh();
        }
    }

    /// Reads everything again, changed or not.
    pub(crate) fn reload(&mut self) {
        self.given.policy = None;
        self.given.documents.clear();
        self.read();
    }

    /// Reads the policy and what it needs, until no more files are to be watched than there were.
    fn read(&mut self) {
        for _ in 0..MAX_PASSES {
            if let Some(files) = self.policy.clone() {
                let outcome = self.load(&files);
                self.settle_policy(outcome);
            }
            if !self.refresh() {
                break;
            }
        }
    }

    /// Puts the policy of the files in force, if it is another one; whether it was.
    fn load(&mut self, files: &PolicyFiles) -> Result<bool, PolicyProblem> {
        let before = self.given.policy.take();
        self.given.needed.clear();
        self.given.sources.extend(files.named().map(PathBuf::from));
        let text = files.read().map_err(PolicyProblem::Unreadable)?;
        self.given.sources = text.paths().map(PathBuf::from).collect();
        let fingerprint = Some(text.fingerprint());
        if before == fingerprint {
            self.given.policy = fingerprint;
            return Ok(false);
        }
        let policy = text.load().map_err(PolicyProblem::Invalid)?;
        if policy.digest() == self.engine.policy().digest() {
            self.given.policy = fingerprint;
            return Ok(false);
        }
        let found = self.outside().read_all(&policy);
        self.given.needed = found.files.iter().cloned().collect();
        if !found.unavailable.is_empty() {
            return Err(PolicyProblem::Unavailable(found.unavailable));
        }
        let documents = hashes(&found.documents);
        // What the policy before does not need only waits for the one that does.
        self.engine
            .install_keys(found.keys())
            .and_then(|_| self.engine.install(policy))
            .map_err(PolicyProblem::Refused)?;
        self.given.documents.extend(documents);
        self.given.policy = fingerprint;
        Ok(true)
    }

    fn settle_policy(&mut self, outcome: Result<bool, PolicyProblem>) {
        match outcome {
            Ok(is_new) => {
                self.board.lock().policy = None;
                if is_new {
                    let digest = self.engine.policy().digest().to_owned();
                    self.events.push(Event::PolicyInstalled { digest });
                }
            }
            Err(problem) => {
                let words = problem.to_string();
                let is_known = {
                    let status = self.board.lock();
                    let before = status.policy.as_ref();
                    before.is_some_and(|trouble| trouble.problem == words)
                };
                if !is_known {
                    self.board.lock().policy = Some(trouble(words));
                    self.events.push(Event::PolicyRefused(problem));
                }
            }
        }
    }

    /// Reads what the policy in force needs, and hands over what is new; whether more files are watched now.
    fn refresh(&mut self) -> bool {
        let policy = self.engine.policy();
        policy.digest().clone_into(&mut self.given.digest);
        let found = self.outside().read_all(&policy);
        let mut refused = found.unavailable;
        let hashes = hashes(&found.documents);
        let is_new = |origin: &Origin| self.given.documents.get(origin) != hashes.get(origin);
        let new: BTreeMap<_, _> = found
            .documents
            .into_iter()
            .filter(|(origin, _)| is_new(origin))
            .collect();
        let installed = self.hand_over(new, &mut refused);
        let hashes = hashes
            .into_iter()
            .filter(|(origin, _)| installed.contains(origin));
        self.given.documents.extend(hashes);
        self.settle_keys(refused);
        let needed = self.given.needed.iter().chain(&found.files);
        let paths = self.given.sources.iter().chain(needed).cloned();
        let is_more = self.watch.follow(paths.collect());
        self.board.lock().watch = self.watch.problem().map(str::to_owned);
        is_more
    }

    /// Hands over what can be used of these documents; which that was.
    fn hand_over(
        &mut self,
        mut new: BTreeMap<Origin, Vec<u8>>,
        refused: &mut Vec<Unavailable>,
    ) -> BTreeSet<Origin> {
        while !new.is_empty() {
            let keys = new.iter().fold(Keys::new(), |keys, (origin, bytes)| {
                keys.with(origin.clone(), bytes.clone())
            });
            let is_one = |bad: &Unreadable| new.contains_key(bad.origin());
            match self.engine.install_keys(keys) {
                Ok(report) => {
                    let origins = new.into_keys().collect();
                    self.note_installed(&origins, &report);
                    return origins;
                }
                // The others go in without those that are bad.
                Err(InstallError::Invalid(bad)) if bad.iter().any(is_one) => {
                    new.retain(|origin, _| bad.iter().all(|bad| bad.origin() != origin));
                    let bad = bad.into_iter();
                    refused.extend(
                        bad.map(|bad| Unavailable::new(bad.origin().clone(), bad.problem())),
                    );
                }
                // Something that is not among them is bad or missing, and one of them asks for it.
                Err(_) if new.len() > 1 => {
                    let alone = new.into_iter().map(|one| BTreeMap::from([one]));
                    return alone.flat_map(|one| self.hand_over(one, refused)).collect();
                }
                Err(other) => {
                    let why = other.to_string();
                    refused.extend(new.into_keys().map(|origin| Unavailable::new(origin, &why)));
                    break;
                }
            }
        }
        BTreeSet::new()
    }

    fn note_installed(&mut self, origins: &BTreeSet<Origin>, report: &KeyReport) {
        for origin in origins {
            let skipped = report.skipped().iter();
            let skipped = skipped.filter(|key| key.origin() == Some(origin)).cloned();
            self.events.push(Event::KeysInstalled {
                origin: origin.clone(),
                skipped: skipped.collect(),
            });
        }
    }

    /// What is refused now is all that is wrong with keys; what was told before is not told again.
    fn settle_keys(&mut self, refused: Vec<Unavailable>) {
        let mut now: Vec<(Origin, Trouble)> = Vec::new();
        let before = self.board.lock().keys.clone();
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
            self.events.push(Event::KeysRefused(unavailable));
        }
        self.board.lock().keys = now;
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
