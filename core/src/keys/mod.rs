//! Keys: what verifies a token, a key or an approval, and where it comes from.

pub(crate) mod algorithm;
pub(crate) mod api_keys;
mod jwk;
pub(crate) mod origin;
mod problem;
mod strength;
pub(crate) mod verifier;

#[cfg(test)]
mod tests;

pub use problem::{KeyFault, KeyProblem, KeySetError};

use crate::crypto::{self, AwsLc};
use crate::json::{self, Json};
use crate::limits::{MAX_KEY_SET_BYTES, MAX_KEYS, MAX_KEYS_TRIED};
use algorithm::{Algorithm, AlgorithmSet};
use jwk::{Entry, Jwk};
use std::fmt;
use verifier::{KeyMaterial, SignatureVerifier, VerifySignature};

/// The keys that verify one issuer's signatures, ready for use.
///
/// Keys are read one by one: one that cannot be used is left out and listed in
/// [`problems`](Self::problems), and never fails the others.
///
/// ```
/// use gatelet::KeySet;
///
/// let keys = KeySet::load(br#"{"keys": [
///     {"kty": "OKP", "crv": "Ed25519", "kid": "2026",
///      "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
///     {"kty": "RSA", "kid": "short", "n": "x3Zf", "e": "AQAB"}
/// ]}"#)?;
/// assert_eq!(keys.len(), 1);
/// assert_eq!(keys.problems()[0].fault().slug(), "rsa_too_short");
/// # Ok::<(), gatelet::KeySetError>(())
/// ```
pub struct KeySet {
    keys: Box<[Key]>,
    problems: Box<[KeyProblem]>,
}

/// One key, made ready for each algorithm that it may be used with.
pub(crate) struct Key {
    kid: Option<Box<[u8]>>,
    /// RFC 7638, with SHA-256.
    thumbprint: [u8; 32],
    digest: [u8; 32],
    /// Whether it is for the tokens of workloads.
    is_for_workloads: bool,
    prepared: Prepared,
}

/// What checks signatures, by algorithm.
type Prepared = Box<[(Algorithm, Box<VerifySignature>)]>;

impl KeySet {
    /// Reads a JWK set (RFC 7517 §5) or a SPIFFE bundle, for the verifier that is built in.
    ///
    /// # Errors
    /// If the document as a whole is of no use: see [`KeySetError`].
    pub fn load(document: &[u8]) -> Result<Self, KeySetError> {
        Self::load_with(document, &AwsLc)
    }

    /// Reads a JWK set for another verifier.
    ///
    /// # Errors
    /// If the document as a whole is of no use: see [`KeySetError`].
    pub fn load_with(
        document: &[u8],
        verifier: &dyn SignatureVerifier,
    ) -> Result<Self, KeySetError> {
        if document.len() > MAX_KEY_SET_BYTES {
            return Err(KeySetError::TooLarge);
        }
        let (mut bytes, mut nodes) = (document.to_vec(), Vec::new());
        json::read(&mut bytes, &mut nodes).map_err(|error| KeySetError::NotJson {
            at: error.at as usize,
            fault: error.fault.to_string().into(),
        })?;
        let document = Json::document(&bytes, &nodes).ok_or(KeySetError::NoKeys)?;
        if document.own_ambiguous().is_some() {
            return Err(KeySetError::NoKeys);
        }
        let items = document.get(b"keys").and_then(Json::items);
        let entries: Vec<Entry<'_>> = items
            .ok_or(KeySetError::NoKeys)?
            .take(MAX_KEYS + 1)
            .map(jwk::read)
            .collect();
        if entries.len() > MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        let symmetric = |wanted: bool| {
            let kinds = entries.iter().filter_map(|entry| entry.symmetric);
            kinds.into_iter().any(|symmetric| symmetric == wanted)
        };
        if symmetric(true) && symmetric(false) {
            return Err(KeySetError::Mixed);
        }
        Ok(Self::of(entries, verifier))
    }

    /// One secret of HMAC, for each algorithm that it is long enough for, and the verifier that is built in.
    ///
    /// # Errors
    /// [`KeySetError::SecretTooShort`] for less than 32 bytes.
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeySetError> {
        Self::from_secret_with(secret, &AwsLc)
    }

    /// One secret of HMAC for another verifier.
    ///
    /// # Errors
    /// [`KeySetError::SecretTooShort`] for less than 32 bytes.
    pub fn from_secret_with(
        secret: &[u8],
        verifier: &dyn SignatureVerifier,
    ) -> Result<Self, KeySetError> {
        let entry = jwk::secret(secret);
        if entry.key.is_err() {
            return Err(KeySetError::SecretTooShort);
        }
        Ok(Self::of(vec![entry], verifier))
    }

    fn of(entries: Vec<Entry<'_>>, verifier: &dyn SignatureVerifier) -> Self {
        let (mut keys, mut problems) = (Vec::new(), Vec::new());
        for (index, entry) in entries.into_iter().enumerate() {
            let kid = entry.kid.map(Box::<[u8]>::from);
            let faults = entry.notes.into_iter();
            problems.extend(faults.map(|fault| KeyProblem::new(index, kid.as_deref(), fault)));
            let prepared = entry
                .key
                .and_then(|jwk| match Key::prepare(&jwk, verifier) {
                    Some(prepared) => Ok((jwk, prepared)),
                    None => Err(KeyFault::NotAKey),
                });
            match prepared {
                Ok((jwk, prepared)) => keys.push((
                    index,
                    Key {
                        digest: digest(&jwk, kid.as_deref()),
                        kid,
                        thumbprint: jwk.thumbprint(),
                        is_for_workloads: entry.is_for_workloads,
                        prepared,
                    },
                )),
                Err(KeyFault::NotForTokens) => {}
                Err(fault) => problems.push(KeyProblem::new(index, kid.as_deref(), fault)),
            }
        }
        let keys = without_doubles(keys, &mut problems);
        problems.sort_by_key(KeyProblem::index);
        Self {
            keys: keys.into(),
            problems: problems.into(),
        }
    }

    /// How many keys can be used.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key can be used, so that nothing verifies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What is wrong with keys of the document, in its order.
    #[must_use]
    pub fn problems(&self) -> &[KeyProblem] {
        &self.problems
    }

    /// The keys that may have signed a token with this header.
    ///
    /// With a key id, those of this id, or those without one if it is nobody's. Without one, all
    /// of the algorithm, unless they are too many to be tried.
    pub(crate) fn candidates(
        &self,
        kid: Option<&[u8]>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &Key> {
        let named = kid.filter(|kid| self.knows(kid));
        let fits = move |key: &&Key| {
            let chosen = match (named, kid) {
                (None, None) => true,
                (named, _) => key.kid.as_deref() == named,
            };
            chosen && key.verifier(algorithm).is_some()
        };
        let few = self.keys.iter().filter(fits).nth(MAX_KEYS_TRIED).is_none();
        self.keys.iter().filter(move |key| few && fits(key))
    }

    /// Whether a key has this id, whatever its algorithms.
    pub(crate) fn knows(&self, kid: &[u8]) -> bool {
        self.keys.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// Whether the key is still among them and for the same, by its [`digest`](Key::digest).
    pub(crate) fn holds(&self, digest: &[u8; 32]) -> bool {
        self.keys.iter().any(|key| key.digest == *digest)
    }
}

/// Never a key.
impl fmt::Debug for KeySet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("KeySet")
            .field("keys", &self.keys.len())
            .field("problems", &self.problems)
            .finish()
    }
}

impl Key {
    /// None if the verifier takes it for none of its algorithms.
    fn prepare(jwk: &Jwk<'_>, verifier: &dyn SignatureVerifier) -> Option<Prepared> {
        let material: KeyMaterial<'_> = jwk.material();
        let ready = jwk.algorithms().iter().filter_map(|algorithm| {
            let prepared = verifier.prepare(algorithm, material)?;
            Some((algorithm, prepared))
        });
        let ready: Prepared = ready.collect();
        (!ready.is_empty()).then_some(ready)
    }

    fn verifier(&self, algorithm: Algorithm) -> Option<&VerifySignature> {
        let mut prepared = self.prepared.iter();
        let (_, verify) = prepared.find(|(known, _)| *known == algorithm)?;
        Some(verify)
    }

    fn algorithms(&self) -> AlgorithmSet {
        self.prepared.iter().map(|(known, _)| *known).collect()
    }

    pub(crate) fn kid(&self) -> Option<&[u8]> {
        self.kid.as_deref()
    }

    /// Of the key, its id and what it is for.
    pub(crate) const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Whether it is one that a SPIFFE bundle has for tokens (SPIFFE JWT-SVID §4).
    pub(crate) const fn is_for_workloads(&self) -> bool {
        self.is_for_workloads
    }

    /// Whether this is the key's signature of the message.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.verifier(algorithm)
            .is_some_and(|verify| verify(message, signature))
    }
}

/// What a signature is remembered for: a key that gets another id, or is narrowed to other
/// algorithms, has not signed what it signed before.
fn digest(jwk: &Jwk<'_>, kid: Option<&[u8]>) -> [u8; 32] {
    let algorithms: String = jwk
        .algorithms()
        .iter()
        .flat_map(|one| [one.name(), " "])
        .collect();
    let named = [u8::from(kid.is_some())];
    let kid = kid.unwrap_or_default();
    crypto::digest([&jwk.thumbprint()[..], algorithms.as_bytes(), &named, kid])
}

/// Takes out keys that stand twice, and all those between which an id does not choose; also where
/// one that has the id cannot be used, because which of the two is meant cannot be told then either.
fn without_doubles(keys: Vec<(usize, Key)>, problems: &mut Vec<KeyProblem>) -> Vec<Key> {
    let unusable: Vec<_> = problems
        .iter()
        .filter(|problem| problem.is_left_out())
        .filter_map(|problem| problem.kid().map(str::to_owned))
        .collect();
    let fault = |at: usize, key: &Key| {
        if let Some(kid) = &key.kid
            && unusable.iter().any(|other| other.as_bytes() == &**kid)
        {
            return Some(KeyFault::DuplicateKid);
        }
        for (other_at, (_, other)) in keys.iter().enumerate() {
            let overlap = key
                .algorithms()
                .iter()
                .any(|one| other.algorithms().has(one));
            if other_at == at || other.kid != key.kid || !overlap {
                continue;
            }
            if other.thumbprint != key.thumbprint && key.kid.is_some() {
                return Some(KeyFault::DuplicateKid);
            }
            if other.thumbprint == key.thumbprint && other_at < at {
                return Some(KeyFault::SameKey);
            }
        }
        None
    };
    let faults: Vec<_> = keys
        .iter()
        .enumerate()
        .map(|(at, (_, key))| fault(at, key))
        .collect();
    let mut kept = Vec::new();
    for ((index, key), fault) in keys.into_iter().zip(faults) {
        match fault {
            Some(fault) => problems.push(KeyProblem::new(index, key.kid.as_deref(), fault)),
            None => kept.push(key),
        }
    }
    kept
}
