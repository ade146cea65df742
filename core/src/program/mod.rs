//! What a policy is compiled into: built by the load plane, read by the decide plane.

pub(crate) mod condition;
pub(crate) mod glob;
pub(crate) mod grants;
pub(crate) mod hash;
pub(crate) mod identity;
pub(crate) mod leaf;
pub(crate) mod methods;
pub(crate) mod names;
pub(crate) mod paths;
pub(crate) mod predicate;
pub(crate) mod roles;
pub(crate) mod texts;
pub(crate) mod vocabulary;

use crate::decision::Parameter;
use crate::keys::origin::Need;
use crate::pattern::cidr::CidrSet;
use crate::pattern::path::{Normalize, TrailingSlash};
use grants::Grants;
use identity::Identity;
use leaf::{EntryKind, Leaf, Leaves};
use methods::Methods;
use names::Names;
use paths::{PathIndex, RootId};
use predicate::{PredicateId, Predicates, Slot};
use roles::Roles;
use vocabulary::AttributeType;

/// A compiled policy.
#[derive(Debug)]
pub(crate) struct Program {
    // The index: what most decisions read.
    pub(crate) paths: PathIndex,
    pub(crate) hosts: Hosts,
    pub(crate) leaves: Leaves,
    /// Entries of rules that speak of no path and no action.
    pub(crate) everywhere: Leaf,
    /// Entries of rules that bind a request without a path, because they cannot be decided.
    pub(crate) without_path: Leaf,
    pub(crate) actions: Actions,
    pub(crate) routes: Box<[Route]>,
    pub(crate) predicates: Predicates,
    pub(crate) conditions: Box<[Condition]>,
    /// By number: the attributes that conditions read.
    pub(crate) condition_slots: Box<[Slot]>,
    pub(crate) layers: Layers,
    pub(crate) methods: Methods,
    pub(crate) roles: Roles,
    pub(crate) grants: Grants,
    // What requests are read by.
    pub(crate) inputs: Inputs,
    pub(crate) identity: Identity,
    /// In source order.
    pub(crate) needs: Box<[Need]>,
    pub(crate) network: Network,
    pub(crate) normalize: Normalize,
    pub(crate) trailing_slash: TrailingSlash,
    // What answers are made of.
    /// What declared actions are, in words that a person reads.
    pub(crate) action_about: Box<[Option<Box<str>>]>,
    pub(crate) rules: Box<[Rule]>,
    pub(crate) requires: Box<[Require]>,
    pub(crate) outputs: Outputs,
    /// Predicates of whole rules, for explanations.
    pub(crate) statements: Predicates,
    pub(crate) sources: Box<[Box<str>]>,
    /// The most leaves that one decision can meet.
    pub(crate) most_leaves: usize,
}

/// Roots of the path index by host.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    /// Exact hosts, without a port.
    pub(crate) exact: Names,
    pub(crate) exact_roots: Box<[RootId]>,
    /// Labels that hosts end with, behind a dot.
    pub(crate) suffixes: Names,
    pub(crate) suffix_roots: Box<[RootId]>,
}

impl Hosts {
    /// The roots for a bare host, beside the one for any host.
    #[inline]
    pub(crate) fn roots<'h>(&'h self, host: &'h [u8]) -> impl Iterator<Item = RootId> + 'h {
        let exact = if self.exact.is_empty() {
            None
        } else {
            self.exact.get(0, host)
        };
        let exact = exact
            .and_then(|id| self.exact_roots.get(id as usize))
            .copied();
        let dots = if self.suffixes.is_empty() {
            &[][..]
        } else {
            host
        };
        let suffix = dots
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'.')
            .filter_map(move |(at, _)| {
                let id = self.suffixes.get(0, host.get(at + 1..)?)?;
                self.suffix_roots.get(id as usize).copied()
            });
        exact.into_iter().chain(suffix)
    }
}

/// Declared actions and the entries of rules that speak of them.
#[derive(Debug, Default)]
pub(crate) struct Actions {
    pub(crate) names: Names,
    pub(crate) leaves: Box<[Leaf]>,
    /// For an action that the policy does not declare.
    pub(crate) undeclared: Leaf,
}

impl Actions {
    /// The entries of rules that speak of an action; without a number it is not declared.
    #[inline]
    pub(crate) fn leaf(&self, id: Option<u32>) -> Leaf {
        match id {
            Some(id) => self.leaves.get(id as usize).copied().unwrap_or_default(),
            None => self.undeclared,
        }
    }
}

/// A route that names an action.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) action: u32,
    /// The more specific of two routes that match one path has the higher rank.
    pub(crate) rank: u32,
    /// Captured segments: number of the capture's name, position in the path.
    pub(crate) captures: Box<[(u16, u8)]>,
}

/// A condition, compiled.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) program: condition::Program,
    /// As it is written, for explanations.
    pub(crate) text: Box<str>,
}

/// Which layers there are, one bit each.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// Must allow.
    pub(crate) enforced: u64,
    /// Would have to allow, were the shadow ones in force.
    pub(crate) virtually: u64,
    /// Allow what none of their rules speak of.
    pub(crate) default_allow: u64,
    /// Whether anything is in shadow.
    pub(crate) any_shadow: bool,
    /// By layer; `None` for the one without a name.
    pub(crate) names: Box<[Option<Box<str>>]>,
}

/// What the policy reads of a request.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// In lower case.
    pub(crate) headers: Names,
    pub(crate) queries: Names,
    /// By owner, see [`Owner`].
    pub(crate) attribute_names: Names,
    pub(crate) attributes: Box<[Declared]>,
    pub(crate) captures: Names,
    pub(crate) domains: Box<[(Box<str>, Slot)]>,
    /// Whether the time of the request matters.
    pub(crate) time: bool,
    /// Whether the client's address has to be derived.
    pub(crate) remote_ip: bool,
}

/// Whose attribute it is; the space of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Principal,
    Request,
    Resource,
}

/// A declared attribute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared {
    pub(crate) owner: Owner,
    pub(crate) ty: AttributeType,
    pub(crate) optional: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Network {
    pub(crate) trusted_proxies: CidrSet,
    pub(crate) xff_hops: u32,
}

/// What a decision says of a rule; a role's permissions count as a rule too.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: Box<str>,
    pub(crate) at: Place,
    pub(crate) kind: EntryKind,
    pub(crate) layer: u8,
    pub(crate) shadow: bool,
    /// The whole predicate, in [`Program::statements`].
    pub(crate) statement: PredicateId,
    /// What is required, in [`Program::requires`].
    pub(crate) require: u32,
}

/// A line of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) source: u32,
    pub(crate) line: u32,
}

/// The requirements of one rule.
#[derive(Debug)]
pub(crate) struct Require {
    pub(crate) items: Box<[Requirement]>,
}

#[derive(Debug)]
pub(crate) struct Requirement {
    pub(crate) kind: Box<str>,
    pub(crate) parameters: Box<[(Box<str>, Parameter)]>,
    /// For an approval.
    pub(crate) approval: Option<ApprovalTerms>,
}

/// Which approvals are enough.
#[derive(Debug)]
pub(crate) struct ApprovalTerms {
    /// Whom it is not asked of; `None` for nobody.
    pub(crate) bypass: Option<PredicateId>,
    /// Whose approval counts.
    pub(crate) groups: Box<[Box<str>]>,
    /// So many of them.
    pub(crate) min: usize,
    /// For so long since it was issued.
    pub(crate) max_age_ms: Option<i64>,
    pub(crate) single_use: bool,
}

/// Headers to set and to remove.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    pub(crate) on_allow: Box<[Output]>,
    pub(crate) on_deny: Box<[Output]>,
    pub(crate) strip: Box<[Box<str>]>,
}

#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) name: Box<str>,
    pub(crate) value: OutputValue,
}

#[derive(Debug)]
pub(crate) enum OutputValue {
    Text(Box<str>),
    From(Slot),
}

impl Program {
    /// The layer of a rule.
    #[inline]
    pub(crate) fn rule_layer(&self, rule: u32) -> u8 {
        if self.layers.names.len() <= 1 {
            0
        } else {
            self.rules.get(rule as usize).map_or(0, |rule| rule.layer)
        }
    }

    /// Bytes of what decisions read, and of what only answers and explanations read.
    pub(crate) fn bytes_held(&self) -> (usize, usize) {
        let index = self.paths.bytes_held()
            + self.leaves.bytes_held()
            + self.predicates.bytes_held()
            + self.actions.names.bytes_held()
            + size_of_val(&*self.actions.leaves)
            + self
                .routes
                .iter()
                .map(|route| size_of::<Route>() + size_of_val(&*route.captures))
                .sum::<usize>()
            + self.roles.names.bytes_held()
            + self.roles.closure.bytes_held()
            + self.grants.bytes_held()
            + self.hosts.exact.bytes_held()
            + self.hosts.suffixes.bytes_held();
        let detail = self
            .rules
            .iter()
            .map(|rule| size_of::<Rule>() + rule.id.len())
            .sum::<usize>()
            + self
                .action_about
                .iter()
                .map(|about| size_of_val(about) + about.as_deref().map_or(0, str::len))
                .sum::<usize>()
            + self.statements.bytes_held();
        (index, detail)
    }
}
