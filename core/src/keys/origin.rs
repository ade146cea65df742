//! Where a policy says that keys and secrets are to be had, and what it needs of them.

use std::fmt;

/// A place outside of the policy that holds keys or a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Origin {
    /// A file, by its path relative to the directory that source names are relative to.
    File(Box<str>),
    /// A variable of the environment.
    Environment(Box<str>),
    /// A document fetched over HTTP: a JWK set (RFC 7517 §5).
    Url(Box<str>),
    /// The issuer whose metadata (OpenID Connect Discovery 1.0 §4) name the URL of its key set.
    Discovery(Box<str>),
}

impl Origin {
    /// A file by the name that [`Policy::needs`](crate::Policy::needs) gives it.
    #[must_use]
    pub fn file(name: &str) -> Self {
        Self::File(name.into())
    }

    /// A variable of the environment.
    #[must_use]
    pub fn environment(name: &str) -> Self {
        Self::Environment(name.into())
    }

    /// A key set at a URL.
    #[must_use]
    pub fn url(url: &str) -> Self {
        Self::Url(url.into())
    }

    /// The key set that an issuer's metadata name.
    #[must_use]
    pub fn discovery(issuer: &str) -> Self {
        Self::Discovery(issuer.into())
    }

    /// Whether it is fetched over a network, so that a policy is installed before it is there.
    #[must_use]
    pub const fn is_remote(&self) -> bool {
        matches!(self, Self::Url(_) | Self::Discovery(_))
    }
}

/// As a policy would write it.
impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) => write!(out, "file {name}"),
            Self::Environment(name) => write!(out, "environment variable {name}"),
            Self::Url(url) => write!(out, "{url}"),
            Self::Discovery(issuer) => write!(out, "the key set of {issuer}"),
        }
    }
}

/// What a [`Need`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum NeedKind {
    /// A JWK set (RFC 7517 §5).
    KeySet,
    /// A file of API keys.
    ApiKeys,
    /// The bytes of a secret.
    Secret,
}

/// Something that a policy needs from outside, to be handed over before or after it is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    pub(crate) kind: NeedKind,
    pub(crate) origin: Origin,
    pub(crate) provider: Option<Box<str>>,
    pub(crate) source: Box<str>,
    pub(crate) line: u32,
}

impl Need {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> NeedKind {
        self.kind
    }

    /// Where it is to be had.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whose principals it verifies: the name of an issuer, `workloads` or `api_keys`; none for approvals.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    /// Whether the policy cannot be installed without it. What is fetched over a network is not
    /// required: until it is there, decisions that need it answer `identity_unavailable`.
    #[must_use]
    pub const fn required(&self) -> bool {
        !self.origin.is_remote()
    }

    /// The name of the policy source that asks for it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The line of the source, from 1.
    #[must_use]
    pub const fn line(&self) -> u32 {
        self.line
    }
}
