//! A loaded policy: immutable, shared, decided with.

use crate::diagnostic::Diagnostic;
use crate::keys::origin::Need;
use crate::program::{Owner, Program};
use core::fmt;

/// A policy, checked and compiled: made by [`Policy::load`], put in force by an [`Engine`](crate::Engine).
pub struct Policy {
    pub(crate) program: Program,
    pub(crate) digest: Box<str>,
    pub(crate) warnings: Box<[Diagnostic]>,
    pub(crate) counts: Counts,
}

/// How much a policy says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rules, without the permissions of roles.
    pub rules: usize,
    /// Roles.
    pub roles: usize,
    /// Grants.
    pub grants: usize,
    /// Actions.
    pub actions: usize,
}

/// What a policy takes in memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What decisions read.
    pub index_bytes: usize,
    /// What answers and explanations read beside it: ids, places, whole predicates.
    pub detail_bytes: usize,
}

/// What a policy reads of a request; a host need not hand over more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Header names, in lower case.
    pub headers: Vec<String>,
    /// Names of query parameters.
    pub queries: Vec<String>,
    /// Names of the principal's attributes.
    pub principal_attributes: Vec<String>,
    /// Names of the request's attributes.
    pub request_attributes: Vec<String>,
    /// Names of the resource's attributes.
    pub resource_attributes: Vec<String>,
}

impl Policy {
    /// SHA-256 over the format's version and the sources' names and bytes, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What is suspicious, but no error.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// What it needs from outside: key sets, files of API keys, secrets, each where the policy asks
    /// for it. One origin may be asked for several times.
    #[must_use]
    pub fn needs(&self) -> &[Need] {
        &self.program.needs
    }

    /// How much the policy says.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The ids of limits that are counted in a store, in source order within each phase.
    pub fn stored_limits(&self) -> impl Iterator<Item = &str> {
        let limits = self.program.limits.limits.iter();
        limits
            .filter(|limit| limit.store.is_some())
            .map(|limit| &*limit.id)
    }

    /// What it takes in memory.
    #[must_use]
    pub fn memory(&self) -> Memory {
        let (index_bytes, detail_bytes) = self.program.bytes_held();
        Memory {
            index_bytes,
            detail_bytes,
        }
    }

    /// What it reads of a request.
    #[must_use]
    pub fn inputs(&self) -> Inputs {
        let inputs = &self.program.inputs;
        let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let all = |names: &crate::program::names::Names| {
            (0..crate::program::names::number(names.len()))
                .map(|id| text(names.name(id)))
                .collect()
        };
        let of = |owner: Owner| {
            let declared = inputs
                .attributes
                .iter()
                .enumerate()
                .filter(|(_, declared)| declared.owner == owner);
            declared
                .map(|(id, _)| {
                    text(
                        inputs
                            .attribute_names
                            .name(crate::program::names::number(id)),
                    )
                })
                .collect()
        };
        let mut headers: Vec<String> = all(&inputs.headers);
        if inputs.remote_ip && !headers.iter().any(|name| name == "x-forwarded-for") {
            headers.push("x-forwarded-for".into());
        }
        Inputs {
            headers,
            queries: all(&inputs.queries),
            principal_attributes: of(Owner::Principal),
            request_attributes: of(Owner::Request),
            resource_attributes: of(Owner::Resource),
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("digest", &self.digest)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}
