//! Why a policy or keys are not installed.

use crate::keys::origin::{Need, NeedKind, Origin};
use core::fmt;

/// Why a policy or keys were not installed. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstallError {
    /// What the policy needs was not handed over.
    Missing(Vec<Missing>),
    /// What was handed over cannot be read.
    Invalid(Vec<Unreadable>),
    /// A limit cannot be counted by this engine.
    Limit {
        /// The limit's id.
        limit: String,
        /// Why, for people.
        problem: String,
    },
    /// A limit is counted in a store, and the engine has none.
    StoreMissing {
        /// The limit's id.
        limit: String,
    },
}

/// Something that a policy needs and that was not handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub(crate) need: Need,
}

impl Missing {
    /// What is needed, and where the policy says so.
    #[must_use]
    pub const fn need(&self) -> &Need {
        &self.need
    }
}

/// A document that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub(crate) origin: Origin,
    pub(crate) problem: Box<str>,
}

impl Unreadable {
    /// Where it is from.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What is wrong with it; nothing of it is repeated.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(missing) => {
                f.write_str("the policy needs what was not handed over:")?;
                missing.iter().try_for_each(|one| write!(f, "\n  {one}"))
            }
            Self::Invalid(unreadable) => {
                f.write_str("what was handed over for the policy cannot be read:")?;
                unreadable.iter().try_for_each(|one| write!(f, "\n  {one}"))
            }
            Self::Limit { limit, problem } => {
                write!(f, "the limit \"{limit}\" cannot be counted: {problem}")
            }
            Self::StoreMissing { limit } => {
                write!(
                    f,
                    "the limit \"{limit}\" is counted in a store, and this engine has none"
                )
            }
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let need = &self.need;
        write!(f, "{}:{}: ", need.source(), need.line())?;
        f.write_str(match need.kind() {
            NeedKind::KeySet => "the key set",
            NeedKind::ApiKeys => "the API keys",
            NeedKind::Secret => "the secret",
        })?;
        match (need.kind(), need.provider()) {
            (NeedKind::ApiKeys, _) => {}
            (_, Some(provider)) => write!(f, " of {provider}")?,
            (_, None) => f.write_str(" of approvals")?,
        }
        write!(
            f,
            " ({}): hand it over with `EngineConfig::with_keys` or `Engine::install_keys`",
            need.origin()
        )
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.problem)
    }
}

impl std::error::Error for InstallError {}
