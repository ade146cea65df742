//! What one thread decides with: a pinned snapshot and room for everything that a decision needs.

use super::bind::RemoteIp;
use super::local::Local;
use super::snapshot::Snapshot;
use crate::identity::cache::Cache;
use crate::limits::{MAX_SEGMENTS, MAX_TARGET_BYTES};
use crate::pattern::host::HostBuffer;
use crate::pattern::path::{PathBuffer, Segments};
use crate::program::condition::Arena;
use crate::program::leaf::Leaf;
use crate::program::paths::Pending;
use crate::program::roles::{RoleId, RoleSet};
use crate::program::{Inputs, Program};
use core::net::IpAddr;

/// Room for decisions, one per thread.
///
/// It pins the policy and the keys that it last decided with, so that deciding shares no
/// counter with other threads. A scratch of another engine is safe to use: it is
/// pinned anew, which allocates.
#[derive(Debug)]
pub struct Scratch {
    /// Pinned: no decision reads what is in force from anywhere else.
    pub(super) snapshot: Snapshot,
    /// The number of the engine that it is of.
    pub(super) engine: u64,
    pub(super) local: Local,
    pub(super) buffers: Buffers,
    pub(super) sets: Sets,
    /// Where conditions build values; apart, so that decisions can be sent to other threads.
    pub(super) arena: Arena,
}

impl Scratch {
    pub(super) fn new(snapshot: Snapshot, cache: &Cache, engine: u64) -> Self {
        let program = &snapshot.policy.program;
        let (buffers, sets) = (Buffers::new(program), Sets::new(program));
        let local = Local::new(&program.identity, cache);
        Self {
            snapshot,
            engine,
            local,
            buffers,
            sets,
            arena: Arena::new(),
        }
    }
}

/// What binding fills and the rest of the decision reads.
#[derive(Debug)]
pub(super) struct Buffers {
    pub(super) path: PathBuffer,
    pub(super) segments: Segments,
    pub(super) host: HostBuffer,
    pub(super) slots: Slots,
}

/// Where the parts of a request are that the policy reads.
#[derive(Debug)]
pub(super) struct Slots {
    /// By header name that the policy reads: the first field of that name, and how many there are.
    pub(super) headers: Vec<(u32, u32)>,
    /// By query name that the policy reads: how many values there are.
    pub(super) query_counts: Vec<u32>,
    /// Name, start and length in `decoded` of each value.
    pub(super) parameters: Vec<(u16, u16, u16)>,
    pub(super) decoded: Vec<u8>,
    /// By declared attribute: where it stands among those of its owner.
    pub(super) attributes: Vec<u32>,
    pub(super) source_ip: Option<IpAddr>,
    pub(super) remote_ip: RemoteIp,
}

/// Marks what a request does not have.
pub(super) const NONE: u32 = u32::MAX;

impl Buffers {
    fn new(program: &Program) -> Self {
        let slots = Slots::new(&program.inputs);
        Self {
            path: PathBuffer::new(),
            segments: Segments::new(),
            host: HostBuffer::new(),
            slots,
        }
    }
}

impl Slots {
    fn new(inputs: &Inputs) -> Self {
        let target = if inputs.queries.is_empty() {
            0
        } else {
            MAX_TARGET_BYTES
        };
        Self {
            headers: vec![(NONE, 0); inputs.headers.len()],
            query_counts: vec![0; inputs.queries.len()],
            parameters: Vec::with_capacity(target / 2 + 1),
            decoded: Vec::with_capacity(target),
            attributes: vec![NONE; inputs.attributes.len()],
            source_ip: None,
            remote_ip: RemoteIp::Absent,
        }
    }
}

/// Of a caller with more grants, a decision by one of the rest does not tell which.
const MAX_GRANTS_TOLD: usize = 1_024;

/// The leaf of the action and the one for every request, beside those that paths lead to.
const MORE_LEAVES: usize = 2;

/// What authorization works with.
#[derive(Debug)]
pub(super) struct Sets {
    pub(super) held: RoleSet,
    pub(super) active: RoleSet,
    /// Whether `active` is less than `held`; else only `held` is filled.
    pub(super) narrowed: bool,
    /// The grants that gave roles, as many as there is room for.
    pub(super) granted: Vec<(RoleId, u32)>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) pending: Pending,
    /// Rules whose requirements bind, in source order once a verdict stands.
    pub(super) bound: Vec<Binding>,
    /// By set of requirements: where it stands in `bound`, if the decision's number agrees.
    pub(super) bound_at: Vec<(u64, u32)>,
    /// Numbers the decisions of this scratch.
    pub(super) decision: u64,
    /// For walking the path of a SPIFFE ID.
    pub(super) workload_path: PathBuffer,
    pub(super) workload_segments: Segments,
}

/// A matching rule with requirements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding {
    pub(super) rule: u32,
    pub(super) shadow: bool,
    /// It binds because it could not be decided.
    pub(super) undecided: bool,
    /// It asks for an approval, and the principal is not exempt.
    pub(super) unmet: bool,
    /// What it asks for was approved by what the request brings.
    pub(super) approved: bool,
}

impl Sets {
    fn new(program: &Program) -> Self {
        let roles = program.roles.names.len();
        Self {
            held: RoleSet::for_roles(roles),
            active: RoleSet::for_roles(roles),
            narrowed: false,
            granted: Vec::with_capacity(program.grants.grants.len().min(MAX_GRANTS_TOLD)),
            leaves: Vec::with_capacity(program.most_leaves.max(MAX_SEGMENTS) + MORE_LEAVES),
            pending: Pending::new(),
            bound: Vec::with_capacity(program.requires.len()),
            bound_at: vec![(0, 0); program.requires.len()],
            decision: 0,
            workload_path: PathBuffer::new(),
            workload_segments: Segments::new(),
        }
    }

    /// The roles that the principal acts in.
    #[inline]
    pub(super) const fn roles(&self) -> &RoleSet {
        if self.narrowed {
            &self.active
        } else {
            &self.held
        }
    }
}
