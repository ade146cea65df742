//! API keys: which digests stand for which app, and what an app brings with it.

use super::origin::Origin;
use crate::program::names::Names;

/// The keys of one file: bound to apps, known by digests alone.
pub struct ApiKeySet {
    pepper: Origin,
    apps: Box<[App]>,
    keys: Box<[ApiKey]>,
    /// By key: its id in space 0, or the digest of an opaque one in space 1.
    names: Names,
}

/// Who a key stands for: the principal (`api_keys`, name).
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) name: Box<str>,
    pub(crate) status: Status,
    /// Names as the file says them; those that a policy does not declare count for nothing.
    pub(crate) roles: Box<[Box<str>]>,
    pub(crate) groups: Box<[Box<str>]>,
    pub(crate) scopes: Box<[Box<str>]>,
    /// Text until a policy says of which type they are.
    pub(crate) attributes: Box<[(Box<str>, AttributeText)]>,
}

/// A value that has no type yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AttributeText {
    One(Box<str>),
    Many(Box<[Box<str>]>),
}

/// One version of an app's key.
pub(crate) struct ApiKey {
    /// Opaque keys may have none.
    pub(crate) id: Option<Box<str>>,
    /// An index into the apps.
    pub(crate) app: u32,
    /// HMAC-SHA256 under the pepper: of the secret part, or of all of an opaque key.
    pub(crate) hmac: [u8; 32],
    pub(crate) opaque: bool,
    pub(crate) status: Status,
    /// Milliseconds since 1970-01-01T00:00:00Z: the first moment of the key, and the first one without it.
    pub(crate) not_before_ms: Option<i64>,
    pub(crate) not_after_ms: Option<i64>,
}

/// How far an app or a key has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Status {
    #[default]
    Approved,
    Pending,
    Revoked,
}

/// The space of ids in [`ApiKeySet::names`], and that of digests.
const IDS: u32 = 0;
const DIGESTS: u32 = 1;

impl ApiKeySet {
    /// Ids are there once, and so are digests of opaque keys.
    pub(crate) fn new(pepper: Origin, apps: Vec<App>, keys: Vec<ApiKey>, seed: u64) -> Self {
        let name = |key: &ApiKey| match &key.id {
            _ if key.opaque => (DIGESTS, key.hmac.to_vec()),
            Some(id) => (IDS, id.as_bytes().to_vec()),
            None => (DIGESTS, key.hmac.to_vec()),
        };
        let names: Vec<_> = keys.iter().map(name).collect();
        let names = names.iter().map(|(space, name)| (*space, name.as_slice()));
        Self {
            names: Names::build(names, seed),
            pepper,
            apps: apps.into(),
            keys: keys.into(),
        }
    }

    /// Where the pepper is to be had: the secret under which the digests were made.
    #[must_use]
    pub fn pepper(&self) -> &Origin {
        &self.pepper
    }

    /// How many keys there are, of any status.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// How many apps there are.
    #[must_use]
    pub fn app_count(&self) -> usize {
        self.apps.len()
    }

    /// The key of an id; its digest is still to be compared.
    pub(crate) fn by_id(&self, id: &[u8]) -> Option<&ApiKey> {
        self.keys.get(self.names.get(IDS, id)? as usize)
    }

    /// The opaque key of a digest, which proves it.
    pub(crate) fn by_digest(&self, hmac: &[u8; 32]) -> Option<&ApiKey> {
        self.keys.get(self.names.get(DIGESTS, hmac)? as usize)
    }

    pub(crate) fn app(&self, key: &ApiKey) -> Option<&App> {
        self.apps.get(key.app as usize)
    }
}

/// Never a digest.
impl std::fmt::Debug for ApiKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ApiKey")
            .field("id", &self.id)
            .field("app", &self.app)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Never a digest.
impl std::fmt::Debug for ApiKeySet {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ApiKeySet")
            .field("apps", &self.apps.len())
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}
