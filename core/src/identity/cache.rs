//! The memory of verified credentials that all threads share, and of those that were refused.

use super::table::{Credential, Table};
use super::verified::{Kept, Verified};
use crate::crypto::digest;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many verified credentials an engine remembers, and how.
///
/// Each [`Scratch`](crate::Scratch) remembers the ones that it met last once more, without
/// copying them: at most [`TokenCache::PER_SCRATCH`] of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenCache {
    entries: usize,
    bytes: usize,
    digest_only: bool,
}

impl Default for TokenCache {
    /// 65,536 credentials in 128 MiB.
    fn default() -> Self {
        Self {
            entries: 1 << 16,
            bytes: 128 << 20,
            digest_only: false,
        }
    }
}

impl TokenCache {
    /// The most credentials that one scratch holds on to.
    pub const PER_SCRATCH: usize = 2_048;
    const PER_SCRATCH_BYTES: usize = 4 << 20;

    /// At most so many credentials, rounded down to a power of two; below 64 none is remembered.
    #[must_use]
    pub const fn with_entries(self, entries: usize) -> Self {
        Self { entries, ..self }
    }

    /// At most so many bytes.
    #[must_use]
    pub const fn with_bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// Keeps the SHA-256 of a credential instead of its text: no token can be read from memory
    /// after the request that brought it, and each decision computes a digest.
    #[must_use]
    pub const fn digest_only(self) -> Self {
        Self {
            digest_only: true,
            ..self
        }
    }
}

/// What an engine remembers of credentials now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenCounts {
    /// Verified credentials.
    pub entries: usize,
    /// What they take, in bytes.
    pub bytes: usize,
    /// Refused credentials whose signature is not checked again for a while.
    pub refused: usize,
}

const SHARDS: usize = 16;

/// A credential, and the issuers whose credentials may stand where it does; `None` for all.
pub(crate) type Shown<'s> = (&'s Credential<'s>, Option<&'s [u32]>);

/// Shared by all threads of an engine.
#[derive(Debug)]
pub(crate) struct Cache {
    settings: TokenCache,
    /// Keys the hash of every table of this engine.
    pub(crate) seed: u64,
    shards: [Mutex<Table>; SHARDS],
    refused: Mutex<Refusals>,
}

impl Cache {
    pub(crate) fn new(settings: TokenCache, seed: u64) -> Self {
        let TokenCache { entries, bytes, .. } = settings;
        let shard = |_| Mutex::new(Table::new(entries / SHARDS, bytes / SHARDS));
        Self {
            settings,
            seed,
            shards: core::array::from_fn(shard),
            refused: Mutex::new(Refusals::default()),
        }
    }

    /// The table of one scratch; without credentials to remember it takes no room.
    pub(crate) fn local(&self, is_needed: bool) -> Table {
        let entries = if is_needed {
            self.settings.entries.min(TokenCache::PER_SCRATCH)
        } else {
            0
        };
        Table::new(
            entries,
            self.settings.bytes.min(TokenCache::PER_SCRATCH_BYTES),
        )
    }

    /// How a credential's text is kept.
    pub(crate) fn keep(&self, text: &[u8]) -> Kept {
        if self.settings.digest_only {
            Kept::Digest(digest([text]))
        } else {
            Kept::Text(text.into())
        }
    }

    pub(crate) fn find(&self, credential: &Credential<'_>) -> Option<Arc<Verified>> {
        let table = self.shard(credential.tag);
        table.get(table.find(credential)?).map(Arc::clone)
    }

    /// Remembers a credential, in the place of what was remembered of it.
    pub(crate) fn insert(&self, credential: &Credential<'_>, verified: &Arc<Verified>) {
        let mut table = self.shard(credential.tag);
        if let Some(at) = table.find(credential) {
            table.remove(at);
        }
        table.insert(credential.tag, Arc::clone(verified), None);
    }

    fn shard(&self, tag: u64) -> MutexGuard<'_, Table> {
        // The low bits name the set.
        let [.., high] = tag.to_le_bytes();
        let [first, ..] = &self.shards;
        let shard = self.shards.get(usize::from(high) % SHARDS).unwrap_or(first);
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why a credential was refused a short while ago, under the same installation.
    pub(crate) fn refused(
        &self,
        shown: Shown<'_>,
        installation: u64,
        now_ms: i64,
    ) -> Option<&'static str> {
        self.refusals().find(shown, installation, now_ms)
    }

    /// Remembers for a short while that a credential was refused for something that time does not change.
    pub(crate) fn refuse(
        &self,
        shown: Shown<'_>,
        installation: u64,
        now_ms: i64,
        detail: &'static str,
    ) {
        self.refusals().insert(shown, installation, now_ms, detail);
    }

    fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn counts(&self) -> TokenCounts {
        let mut counts = TokenCounts {
            refused: self.refusals().slots.iter().flatten().count(),
            ..TokenCounts::default()
        };
        for shard in &self.shards {
            let table = shard.lock().unwrap_or_else(PoisonError::into_inner);
            counts.entries += table.entries();
            counts.bytes += table.bytes();
        }
        counts
    }
}

/// Refused credentials by digest: one place for each, the later one stays.
#[derive(Debug, Default)]
struct Refusals {
    slots: Box<[Option<Refused>]>,
}

#[derive(Clone, Copy, Debug)]
struct Refused {
    digest: [u8; 32],
    installation: u64,
    until_ms: i64,
    detail: &'static str,
}

/// How many refused credentials are remembered, and for how long.
const REFUSALS: usize = 4_096;
const REFUSED_MS: i64 = 60_000;

impl Refusals {
    fn place(&self, tag: u64) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        usize::try_from(tag & mask as u64).ok()
    }

    fn find(&self, shown: Shown<'_>, installation: u64, now_ms: i64) -> Option<&'static str> {
        let refused = self.slots.get(self.place(shown.0.tag)?)?.as_ref()?;
        let same = refused.installation == installation
            && now_ms < refused.until_ms
            && refused.digest == fingerprint(shown);
        same.then_some(refused.detail)
    }

    fn insert(&mut self, shown: Shown<'_>, installation: u64, now_ms: i64, detail: &'static str) {
        if self.slots.is_empty() {
            // Room is made when there is the first to remember.
            self.slots = vec![None; REFUSALS].into();
        }
        let refused = Refused {
            digest: fingerprint(shown),
            installation,
            until_ms: now_ms.saturating_add(REFUSED_MS),
            detail,
        };
        let place = self.place(shown.0.tag);
        if let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) {
            *slot = Some(refused);
        }
    }
}

/// Of another place it may be good: whose tokens may stand where it does is part of it.
fn fingerprint((credential, issuers): Shown<'_>) -> [u8; 32] {
    let issuers: Option<Vec<u8>> = issuers.map(|issuers| {
        let numbers = issuers.iter();
        numbers.flat_map(|number| number.to_le_bytes()).collect()
    });
    let kind = [credential.kind as u8, u8::from(issuers.is_some())];
    let issuers = issuers.unwrap_or_default();
    digest([&kind[..], credential.text, &issuers])
}
