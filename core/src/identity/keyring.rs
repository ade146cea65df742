//! The keys of one policy, ready for use: what stands at the places that the policy names.

use super::refresh::RemoteKeys;
use crate::keys::KeySet;
use crate::keys::api_keys::ApiKeySet;
use crate::program::identity::{Issuer, TokenSource};
use std::sync::Arc;

/// What credentials are checked with.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    /// By number of the issuer.
    pub(crate) issuers: Box<[Signers]>,
    pub(crate) api_keys: Option<ApiKeys>,
    pub(crate) approvals: Option<Signers>,
    /// Where bearer tokens stand, each place once, in the order of preference.
    pub(crate) places: Box<[Place]>,
}

/// Whose signatures count.
#[derive(Debug, Default)]
pub(crate) struct Signers {
    /// `None` for a set that was not fetched yet.
    pub(crate) keys: Option<Arc<KeySet>>,
    /// Where it is fetched from.
    pub(crate) remote: Option<Arc<RemoteKeys>>,
}

/// The API keys of a policy.
#[derive(Debug)]
pub(crate) struct ApiKeys {
    pub(crate) set: Arc<ApiKeySet>,
    pub(crate) pepper: Arc<Secret>,
    /// Of the file and the pepper: what was verified by others is verified again.
    pub(crate) digest: [u8; 32],
}

/// Bytes that are never shown.
pub(crate) struct Secret(pub(crate) Box<[u8]>);

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret")
    }
}

/// A place of tokens, and the numbers of the issuers whose tokens may stand there.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) source: TokenSource,
    pub(crate) issuers: Box<[u32]>,
}

impl Place {
    /// The places of all issuers.
    pub(crate) fn all(issuers: &[Issuer]) -> Box<[Self]> {
        let mut places: Vec<(&TokenSource, Vec<u32>)> = Vec::new();
        for (number, issuer) in (0..).zip(issuers) {
            for source in &issuer.from {
                match places.iter_mut().find(|(known, _)| *known == source) {
                    Some((_, issuers)) => issuers.push(number),
                    None => places.push((source, vec![number])),
                }
            }
        }
        let place = |(source, issuers): (&TokenSource, Vec<u32>)| Self {
            source: source.clone(),
            issuers: issuers.into(),
        };
        places.into_iter().map(place).collect()
    }
}
