//! Limits, compiled: which requests they are for, what tells their counters apart, how they count.

use super::Place;
use super::names::Names;
use super::predicate::{PredicateId, Slot};
use super::vocabulary::limits::{LimitKind, OnError, OnFull, OnMissing, StoreSettings};

/// The limits of a policy, in source order within each phase.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// Those that are asked before identity come first.
    pub(crate) limits: Box<[Limit]>,
    /// How many of them are asked before identity.
    pub(crate) before: usize,
    /// By action; empty where no action has a cost.
    pub(crate) action_costs: Box<[u64]>,
    pub(crate) any_shadow: bool,
    /// Whether one is charged whatever is decided.
    pub(crate) any_always: bool,
    /// Whether one is counted in a store.
    pub(crate) any_stored: bool,
    /// Where a browser's question before a request across origins is told by, if such are allowed.
    pub(crate) preflight: Option<[Slot; 2]>,
}

/// One limit.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) id: Box<str>,
    pub(crate) at: Place,
    /// The requests that it is for.
    pub(crate) predicate: PredicateId,
    pub(crate) shadow: bool,
    /// Charged whatever is decided.
    pub(crate) always: bool,
    pub(crate) by: Box<[Part]>,
    pub(crate) kind: LimitKind,
    pub(crate) amount: Amount,
    pub(crate) cost: Cost,
    /// With [`LimitKind::Distinct`]: what is counted.
    pub(crate) distinct: Option<Part>,
    pub(crate) capacity: u32,
    pub(crate) on_full: OnFull,
    pub(crate) on_missing: OnMissing,
    pub(crate) on_error: OnError,
    pub(crate) store: Option<StoreSettings>,
    /// Digest of id, kind, key and period: counters are kept while it stays.
    pub(crate) identity: [u8; 32],
}

/// A value that tells counters apart.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) value: PartValue,
    /// As it is written, for explanations.
    pub(crate) text: Box<str>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum PartValue {
    /// Provider and id.
    Principal,
    /// The app whose API key it is.
    App,
    Slot(Slot),
    /// The network of an address: bits that count in IPv4 and in IPv6.
    Network(Slot, u8, u8),
}

/// How much it lets through; of a rate its burst.
#[derive(Debug)]
pub(crate) enum Amount {
    Fixed(u64),
    /// By the text of a slot.
    Tiers {
        by: Slot,
        names: Names,
        amounts: Box<[u64]>,
        default: u64,
    },
}

/// What a request costs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cost {
    /// What it says, else what its action costs, else 1.
    Request,
    Fixed(u64),
    /// The value of a condition's program, by number.
    Expression(u32),
}

impl Limits {
    /// What actions cost where a request does not say.
    pub(crate) fn action_cost(&self, action: Option<u32>) -> u64 {
        action
            .and_then(|action| self.action_costs.get(action as usize))
            .copied()
            .unwrap_or(1)
    }
}
