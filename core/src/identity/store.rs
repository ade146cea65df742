//! What hosts hand over for policies: documents by origin, read when a policy needs them.

use super::keyring::{ApiKeys, Keyring, Place, Secret, Signers};
use super::refresh::{KeyStates, Remote, RemoteKeys};
use crate::crypto::digest;
use crate::install::{InstallError, Missing, Unreadable};
use crate::keys::api_keys::ApiKeySet;
use crate::keys::origin::{Need, NeedKind, Origin};
use crate::keys::verifier::SignatureVerifier;
use crate::keys::{KeyProblem, KeySet, KeySetError};
use crate::policy::Policy;
use crate::program::identity::KeySource;
use core::fmt;
use std::collections::HashMap;
use std::sync::Arc;

/// What policies need from outside, by origin, as bytes: key sets, files of API keys, secrets.
///
/// [`Policy::needs`](crate::Policy::needs) lists the origins. Secrets are taken without a line end behind them.
#[derive(Clone, Default)]
pub struct Keys {
    documents: Vec<(Origin, Arc<[u8]>)>,
}

impl Keys {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With what stands at an origin; the later of two counts.
    #[must_use]
    pub fn with(mut self, origin: Origin, bytes: impl Into<Vec<u8>>) -> Self {
        self.documents.push((origin, bytes.into().into()));
        self
    }
}

/// Never what is in it.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origins = self.documents.iter().map(|(origin, _)| origin);
        f.debug_list().entries(origins).finish()
    }
}

/// What came of keys that were handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyReport {
    skipped: Vec<SkippedKey>,
}

impl KeyReport {
    /// Keys of the policy's key sets that are left out, or are suspicious.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }
}

/// A key with a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    origin: Option<Origin>,
    problem: KeyProblem,
}

impl SkippedKey {
    /// Where its set is from; `None` for one that is written in the policy.
    #[must_use]
    pub const fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Which key it is, and what is wrong with it.
    #[must_use]
    pub const fn problem(&self) -> &KeyProblem {
        &self.problem
    }
}

impl fmt::Display for SkippedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.problem),
            None => write!(f, "keys in the policy: {}", self.problem),
        }
    }
}

/// All that was handed over, and what was read of it.
#[derive(Clone, Default)]
pub(crate) struct Store {
    documents: HashMap<Origin, Arc<[u8]>>,
    read: HashMap<(NeedKind, Origin), Read>,
}

#[derive(Clone)]
struct Read {
    from: Arc<[u8]>,
    document: Document,
}

#[derive(Clone)]
enum Document {
    Keys(Arc<KeySet>),
    ApiKeys(Arc<ApiKeySet>),
}

/// Reads what one policy needs.
pub(crate) struct Assembly<'s> {
    pub(crate) store: &'s mut Store,
    pub(crate) policy: &'s Policy,
    pub(crate) verifier: &'s dyn SignatureVerifier,
    missing: Vec<Missing>,
    unreadable: Vec<Unreadable>,
    report: KeyReport,
}

/// A keyring whose sources are yet to be followed.
pub(crate) struct Assembled {
    keyring: Keyring,
    /// By issuer, approvals last: where keys are fetched from.
    remotes: Vec<Option<Remote>>,
    pub(crate) report: KeyReport,
}

impl Store {
    /// Takes what is handed over, in the place of what was there.
    pub(crate) fn merge(&mut self, keys: &Keys) {
        for (origin, bytes) in &keys.documents {
            self.documents.insert(origin.clone(), Arc::clone(bytes));
        }
    }

    /// Whether the key set at an origin has a key that can be used.
    pub(crate) fn has_keys(&self, origin: &Origin) -> bool {
        let place = (NeedKind::KeySet, origin.clone());
        let read = self.read.get(&place).map(|read| &read.document);
        matches!(read, Some(Document::Keys(set)) if !set.is_empty())
    }

    /// Takes a document that was fetched.
    pub(crate) fn put(&mut self, origin: Origin, bytes: &[u8]) {
        self.documents.insert(origin, bytes.into());
    }
}

impl<'s> Assembly<'s> {
    pub(crate) const fn new(
        store: &'s mut Store,
        policy: &'s Policy,
        verifier: &'s dyn SignatureVerifier,
    ) -> Self {
        Self {
            store,
            policy,
            verifier,
            missing: Vec::new(),
            unreadable: Vec::new(),
            report: KeyReport {
                skipped: Vec::new(),
            },
        }
    }

    /// The keys of the policy, if nothing that it needs is missing or cannot be read.
    pub(crate) fn assemble(mut self) -> Result<Assembled, InstallError> {
        let identity = &self.policy.program.identity;
        for need in self.policy.needs() {
            if need.required() && !self.store.documents.contains_key(need.origin()) {
                self.miss(need.clone());
            }
        }
        let approvals = identity.approvals.as_ref().map(|settings| &settings.keys);
        let sources = identity.issuers.iter().map(|issuer| &issuer.keys);
        let remotes = sources.clone().chain(approvals).map(remote).collect();
        let issuers = sources.map(|source| self.signers(source)).collect();
        let approvals = approvals.map(|source| self.signers(source));
        let api_keys = identity.api_keys.as_ref();
        let api_keys = api_keys.and_then(|settings| self.api_keys(&settings.keys));
        if !self.unreadable.is_empty() {
            return Err(InstallError::Invalid(self.unreadable));
        }
        if !self.missing.is_empty() {
            return Err(InstallError::Missing(self.missing));
        }
        Ok(Assembled {
            keyring: Keyring {
                issuers,
                api_keys,
                approvals,
                places: Place::all(&identity.issuers),
            },
            remotes,
            report: self.report,
        })
    }

    fn miss(&mut self, need: Need) {
        let known = |missing: &Missing| missing.need.origin() == need.origin();
        if !self.missing.iter().any(known) {
            self.missing.push(Missing { need });
        }
    }

    fn signers(&mut self, source: &KeySource) -> Signers {
        let keys = match source {
            KeySource::Inline(bytes) => {
                let set = KeySet::load_with(bytes, self.verifier).map(Arc::new);
                self.told(None, set)
            }
            KeySource::Outside(origin) => self.key_set(NeedKind::KeySet, origin),
            KeySource::Secret(origin) => self.key_set(NeedKind::Secret, origin),
        };
        Signers { keys, remote: None }
    }

    /// The key set at an origin, or made of the secret there.
    fn key_set(&mut self, kind: NeedKind, origin: &Origin) -> Option<Arc<KeySet>> {
        let from = Arc::clone(self.store.documents.get(origin)?);
        let place = (kind, origin.clone());
        let known = self.store.read.get(&place);
        if let Some(Read {
            from: before,
            document: Document::Keys(set),
        }) = known
            && Arc::ptr_eq(before, &from)
        {
            let set = Arc::clone(set);
            return self.told(Some(origin), Ok(set));
        }
        let set = match kind {
            NeedKind::Secret => KeySet::from_secret_with(without_line_end(&from), self.verifier),
            _ => KeySet::load_with(&from, self.verifier),
        };
        let set = self.told(Some(origin), set.map(Arc::new))?;
        let document = Document::Keys(Arc::clone(&set));
        self.store.read.insert(place, Read { from, document });
        Some(set)
    }

    /// Notes what is wrong with a set, and with its keys.
    fn told(
        &mut self,
        origin: Option<&Origin>,
        set: Result<Arc<KeySet>, KeySetError>,
    ) -> Option<Arc<KeySet>> {
        let set = set
            .map_err(|error| {
                // What is inline was read when the policy was loaded.
                if let Some(origin) = origin {
                    self.refuse(origin, &error);
                }
            })
            .ok()?;
        for problem in set.problems() {
            let skipped = SkippedKey {
                origin: origin.cloned(),
                problem: problem.clone(),
            };
            if !self.report.skipped.contains(&skipped) {
                self.report.skipped.push(skipped);
            }
        }
        Some(set)
    }

    fn refuse(&mut self, origin: &Origin, problem: &dyn fmt::Display) {
        let unreadable = Unreadable {
            origin: origin.clone(),
            problem: problem.to_string().into(),
        };
        if !self.unreadable.contains(&unreadable) {
            self.unreadable.push(unreadable);
        }
    }

    fn api_keys(&mut self, origin: &Origin) -> Option<ApiKeys> {
        let from = Arc::clone(self.store.documents.get(origin)?);
        let set = self.api_key_set(origin, &from)?;
        let pepper = self.pepper(set.pepper(), origin)?;
        let digest = digest([&from[..], &pepper.0]);
        Some(ApiKeys {
            set,
            pepper,
            digest,
        })
    }

    fn api_key_set(&mut self, origin: &Origin, from: &Arc<[u8]>) -> Option<Arc<ApiKeySet>> {
        let place = (NeedKind::ApiKeys, origin.clone());
        if let Some(Read {
            from: before,
            document: Document::ApiKeys(set),
        }) = self.store.read.get(&place)
            && Arc::ptr_eq(before, from)
        {
            return Some(Arc::clone(set));
        }
        let name = match origin {
            Origin::File(name) => name.to_string(),
            other => other.to_string(),
        };
        let set = match ApiKeySet::load(&name, from) {
            Ok((set, _)) => Arc::new(set),
            Err(error) => {
                self.refuse(origin, &error);
                return None;
            }
        };
        let document = Document::ApiKeys(Arc::clone(&set));
        let from = Arc::clone(from);
        self.store.read.insert(place, Read { from, document });
        Some(set)
    }

    /// The secret under which the digests of a file of API keys were made.
    fn pepper(&mut self, origin: &Origin, file: &Origin) -> Option<Arc<Secret>> {
        let Some(from) = self.store.documents.get(origin) else {
            let asks = |need: &&Need| need.origin() == file;
            if let Some(need) = self.policy.needs().iter().find(asks) {
                let mut need = need.clone();
                (need.kind, need.origin) = (NeedKind::Secret, origin.clone());
                self.miss(need);
            }
            return None;
        };
        let secret = without_line_end(from);
        if secret.is_empty() {
            self.refuse(origin, &"the secret is empty");
            return None;
        }
        Some(Arc::new(Secret(secret.into())))
    }
}

impl Assembled {
    /// The keyring, its remote sources followed; nothing can fail any more.
    pub(crate) fn follow(self, states: &KeyStates, supplied: &Keys) -> (Keyring, KeyReport) {
        let Self {
            mut keyring,
            remotes,
            report,
        } = self;
        let sources = states.follow(remotes.iter().flatten().cloned());
        let mut sources = sources.into_iter();
        let signers = keyring.issuers.iter_mut().chain(&mut keyring.approvals);
        for (signers, remote) in signers.zip(&remotes) {
            let Some(remote) = remote else { continue };
            let source: Option<Arc<RemoteKeys>> = sources.next();
            let given = supplied.documents.iter();
            if given
                .into_iter()
                .any(|(origin, _)| *origin == remote.origin())
                && let Some(source) = &source
            {
                source.supplied();
            }
            signers.remote = source;
        }
        (keyring, report)
    }
}

impl Remote {
    /// Where a policy says that it is to be had.
    pub(crate) fn origin(&self) -> Origin {
        match self {
            Self::Url(url) => Origin::Url(url.clone()),
            Self::Discovery(issuer) => Origin::Discovery(issuer.clone()),
        }
    }
}

fn remote(source: &KeySource) -> Option<Remote> {
    match source {
        KeySource::Outside(Origin::Url(url)) => Some(Remote::Url(url.clone())),
        KeySource::Outside(Origin::Discovery(issuer)) => Some(Remote::Discovery(issuer.clone())),
        _ => None,
    }
}

/// Files of secrets most often end with a line.
fn without_line_end(secret: &[u8]) -> &[u8] {
    let secret = secret.strip_suffix(b"\n").unwrap_or(secret);
    secret.strip_suffix(b"\r").unwrap_or(secret)
}
