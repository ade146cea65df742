//! What was revoked: single tokens, subjects, and all that an issuer signed before some time.

use super::verified::Verified;
use crate::crypto::digest;
use std::collections::HashMap;
use std::sync::Arc;

/// Credentials that are not good any more, whatever they say themselves.
///
/// Of API keys the provider is `api_keys`, the token's id that of the key and
/// the subject the app; of workloads the provider is `workloads` and the subject
/// the SPIFFE ID; of approvals the provider is `approvals`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Revocation {
    /// One token, by its `jti`.
    Token {
        /// The issuer's name in the policy.
        provider: Box<str>,
        /// The token's `jti`.
        jti: Box<str>,
    },
    /// Everything of one subject, of the future too.
    Subject {
        /// The issuer's name in the policy.
        provider: Box<str>,
        /// The principal's id, or the token's `sub`.
        id: Box<str>,
    },
    /// All that was issued before some time, and all that does not say when it was issued.
    Issuer {
        /// The issuer's name in the policy.
        provider: Box<str>,
        /// Milliseconds since 1970-01-01T00:00:00Z.
        issued_before: i64,
    },
}

/// How far a revocation reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revoked {
    /// As far as was asked for.
    AsAsked,
    /// There was no room for one more: all tokens of the provider that were issued until now are revoked.
    IssuedUntilNow,
    /// There was no room even so: the provider is revoked as a whole, until that is taken back.
    Provider,
}

/// The most single tokens and subjects that can be revoked at a time.
pub const MAX_REVOCATIONS: usize = 1 << 16;

const SHARDS: usize = 64;

/// The digest of a single token's or a subject's provider and id.
type Key = [u8; 32];

fn token_key(provider: &[u8], id: &[u8]) -> Key {
    digest([b"token".as_slice(), provider, id])
}

fn subject_key(provider: &[u8], id: &[u8]) -> Key {
    digest([b"subject".as_slice(), provider, id])
}

fn shard_of(key: &Key) -> usize {
    key.first().map_or(0, |byte| usize::from(*byte) % SHARDS)
}

/// All that is revoked: immutable, and cheap to make another of.
#[derive(Clone, Debug)]
pub(crate) struct Revocations {
    shards: [Arc<HashMap<Key, Revocation>>; SHARDS],
    /// By provider.
    issuers: Arc<HashMap<Box<[u8]>, i64>>,
    count: usize,
    most: usize,
}

impl Default for Revocations {
    fn default() -> Self {
        Self::with_room(MAX_REVOCATIONS)
    }
}

impl Revocations {
    pub(crate) fn with_room(most: usize) -> Self {
        Self {
            shards: core::array::from_fn(|_| Arc::default()),
            issuers: Arc::default(),
            count: 0,
            most,
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0 && self.issuers.is_empty()
    }

    /// Revokes; where there is no room for one more it revokes more than was asked for, never less.
    pub(crate) fn add(&mut self, revocation: Revocation, now_ms: i64) -> Revoked {
        let Some(key) = key(&revocation) else {
            if let Revocation::Issuer {
                provider,
                issued_before,
            } = &revocation
            {
                self.raise(provider, *issued_before);
            }
            return Revoked::AsAsked;
        };
        if self.count < self.most || self.has(&key) {
            self.put(key, revocation);
            return Revoked::AsAsked;
        }
        // Each of these tokens was issued by now.
        let provider: Box<str> = revocation.provider().into();
        self.raise(&provider, now_ms.saturating_add(1));
        self.retain(
            |one| !matches!(one, Revocation::Token { provider: of, .. } if *of == provider),
        );
        if matches!(revocation, Revocation::Token { .. }) {
            return Revoked::IssuedUntilNow;
        }
        if self.count < self.most {
            // A subject stays revoked for what is yet to be issued.
            self.put(key, revocation);
            return Revoked::IssuedUntilNow;
        }
        self.raise(&provider, i64::MAX);
        Revoked::Provider
    }

    /// Takes a revocation back; whether there was one.
    pub(crate) fn remove(&mut self, revocation: &Revocation) -> bool {
        if let Some(key) = key(revocation) {
            let Some(shard) = self.shards.get_mut(shard_of(&key)) else {
                return false;
            };
            let was = shard.contains_key(&key) && Arc::make_mut(shard).remove(&key).is_some();
            self.count -= usize::from(was);
            return was;
        }
        let was = self.issuers().any(|one| one == *revocation);
        if was {
            Arc::make_mut(&mut self.issuers).remove(revocation.provider().as_bytes());
        }
        was
    }

    /// All of them, in order.
    pub(crate) fn list(&self) -> Vec<Revocation> {
        let single = self.shards.iter().flat_map(|shard| shard.values().cloned());
        let mut all: Vec<Revocation> = single.chain(self.issuers()).collect();
        all.sort_unstable();
        all
    }

    fn issuers(&self) -> impl Iterator<Item = Revocation> {
        let issuers = self.issuers.iter();
        issuers.map(|(provider, issued_before)| Revocation::Issuer {
            provider: String::from_utf8_lossy(provider).into(),
            issued_before: *issued_before,
        })
    }

    /// Whether a verified credential is revoked.
    pub(crate) fn covers(&self, verified: &Verified) -> bool {
        if self.is_empty() {
            return false;
        }
        let provider = &*verified.provider;
        let issuer = self
            .issuers
            .get(provider)
            .is_some_and(|before| verified.issued_ms.is_none_or(|issued| issued < *before));
        let subject = |id: &[u8]| self.covers_subject(provider, id);
        issuer
            || subject(&verified.id)
            || verified.subject.as_deref().is_some_and(subject)
            || verified
                .token_id
                .as_deref()
                .is_some_and(|id| self.has(&token_key(provider, id)))
    }

    /// Whether an identity that comes without a token is revoked: it does not say when it was issued.
    #[inline]
    pub(crate) fn covers_identity(&self, provider: &[u8], id: &[u8]) -> bool {
        !self.is_empty()
            && (self.issuers.contains_key(provider) || self.covers_subject(provider, id))
    }

    pub(crate) fn covers_subject(&self, provider: &[u8], id: &[u8]) -> bool {
        self.has(&subject_key(provider, id))
    }

    fn has(&self, key: &Key) -> bool {
        self.shards
            .get(shard_of(key))
            .is_some_and(|shard| shard.contains_key(key))
    }

    fn put(&mut self, key: Key, revocation: Revocation) {
        if let Some(shard) = self.shards.get_mut(shard_of(&key)) {
            let before = Arc::make_mut(shard).insert(key, revocation);
            self.count += usize::from(before.is_none());
        }
    }

    fn raise(&mut self, provider: &str, issued_before: i64) {
        let issuers = Arc::make_mut(&mut self.issuers);
        let before = issuers
            .entry(provider.as_bytes().into())
            .or_insert(issued_before);
        *before = issued_before.max(*before);
    }

    fn retain(&mut self, mut stays: impl FnMut(&Revocation) -> bool) {
        self.count = 0;
        for shard in &mut self.shards {
            Arc::make_mut(shard).retain(|_, one| stays(one));
            self.count += shard.len();
        }
    }
}

impl Revocation {
    /// Whose credentials are meant.
    #[must_use]
    pub fn provider(&self) -> &str {
        match self {
            Self::Token { provider, .. }
            | Self::Subject { provider, .. }
            | Self::Issuer { provider, .. } => provider,
        }
    }
}

/// The key of a single token or a subject.
fn key(revocation: &Revocation) -> Option<Key> {
    match revocation {
        Revocation::Token { provider, jti } => Some(token_key(provider.as_bytes(), jti.as_bytes())),
        Revocation::Subject { provider, id } => {
            Some(subject_key(provider.as_bytes(), id.as_bytes()))
        }
        Revocation::Issuer { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(provider: &str, jti: &str) -> Revocation {
        Revocation::Token {
            provider: provider.into(),
            jti: jti.into(),
        }
    }

    fn subject(provider: &str, id: &str) -> Revocation {
        Revocation::Subject {
            provider: provider.into(),
            id: id.into(),
        }
    }

    #[test]
    fn what_is_taken_back_is_as_if_it_had_never_been() {
        let mut revoked = Revocations::default();
        let issuer = Revocation::Issuer {
            provider: "login".into(),
            issued_before: 7,
        };
        for one in [token("login", "a"), subject("login", "a"), issuer] {
            assert_eq!(revoked.add(one.clone(), 0), Revoked::AsAsked);
            assert_eq!(revoked.list(), std::slice::from_ref(&one));
            assert!(!revoked.is_empty());
            assert!(revoked.remove(&one) && !revoked.remove(&one));
            assert!(revoked.is_empty());
        }
    }

    #[test]
    fn no_room_revokes_more_and_never_less() {
        let mut revoked = Revocations::with_room(2);
        revoked.add(token("login", "a"), 10);
        revoked.add(subject("login", "b"), 10);
        assert_eq!(revoked.add(token("login", "a"), 10), Revoked::AsAsked);
        assert_eq!(
            revoked.add(subject("login", "c"), 10),
            Revoked::IssuedUntilNow
        );
        let issued_until = |time| Revocation::Issuer {
            provider: "login".into(),
            issued_before: time,
        };
        let now = [
            subject("login", "b"),
            subject("login", "c"),
            issued_until(11),
        ];
        assert_eq!(revoked.list(), now);
        assert_eq!(revoked.add(subject("login", "d"), 12), Revoked::Provider);
        assert!(revoked.covers_identity(b"login", b"d"));
        assert!(!revoked.covers_identity(b"other", b"d"));
        assert!(revoked.list().contains(&issued_until(i64::MAX)));
        assert_eq!(
            revoked.add(token("other", "x"), 12),
            Revoked::IssuedUntilNow
        );
        assert!(revoked.remove(&issued_until(i64::MAX)));
        assert!(!revoked.covers_identity(b"login", b"d"));
        assert!(revoked.covers_identity(b"login", b"b"));
    }
}
