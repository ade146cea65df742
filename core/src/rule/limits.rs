//! Limits, as every dialect lowers them.

use super::{Condition, Mode, Name, Predicate};
use crate::program::vocabulary::Attribute;
use crate::program::vocabulary::limits::{
    LimitKind, OnError, OnFull, OnMissing, Phase, StoreSettings,
};
use crate::text::Span;
use std::rc::Rc;

/// How much may be done, by whom, in which time.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    pub(crate) id: Name,
    /// The whole limit, where a decision points to.
    pub(crate) span: Span,
    /// The requests that it is for.
    pub(crate) predicate: Predicate,
    pub(crate) phase: Phase,
    pub(crate) mode: Mode,
    /// Whether a request that is refused is charged too.
    pub(crate) always: bool,
    /// What has a counter of its own; nothing means one for all.
    pub(crate) by: Vec<KeyPart>,
    pub(crate) kind: LimitKind,
    pub(crate) amount: Amount,
    pub(crate) cost: LimitCost,
    /// With [`LimitKind::Distinct`]: what is counted.
    pub(crate) distinct: Option<KeyPart>,
    /// Counters that there is room for.
    pub(crate) capacity: u32,
    pub(crate) on_full: OnFull,
    pub(crate) on_missing: OnMissing,
    pub(crate) on_error: OnError,
    pub(crate) store: Option<StoreSettings>,
}

/// A value that tells counters apart.
#[derive(Clone, Debug)]
pub(crate) struct KeyPart {
    pub(crate) value: KeyValue,
    /// As it is written, for explanations.
    pub(crate) text: Box<str>,
    pub(crate) span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum KeyValue {
    /// Provider and id.
    Principal,
    /// The app that an API key belongs to.
    App,
    Attribute(Attribute),
    /// The network of an address, by the bits that count in IPv4 and in IPv6.
    Network(Attribute, u8, u8),
}

impl KeyValue {
    /// Whether it belongs to the caller.
    pub(crate) const fn is_identity(&self) -> bool {
        match self {
            Self::Principal | Self::App => true,
            Self::Attribute(attribute) | Self::Network(attribute, ..) => attribute.is_identity(),
        }
    }
}

/// How much a limit lets through; of a rate its burst.
#[derive(Clone, Debug)]
pub(crate) enum Amount {
    Fixed(u64),
    /// By the value of an attribute.
    Tiers {
        by: Attribute,
        tiers: Vec<(Box<str>, u64)>,
        default: u64,
        span: Span,
    },
}

impl Amount {
    /// The least that it can be.
    pub(crate) fn least(&self) -> u64 {
        self.fold(u64::min)
    }

    /// The most that it can be.
    pub(crate) fn most(&self) -> u64 {
        self.fold(u64::max)
    }

    fn fold(&self, choose: fn(u64, u64) -> u64) -> u64 {
        match self {
            Self::Fixed(amount) => *amount,
            Self::Tiers { tiers, default, .. } => tiers
                .iter()
                .map(|(_, amount)| *amount)
                .fold(*default, choose),
        }
    }
}

/// What a request costs.
#[derive(Clone, Debug)]
pub(crate) enum LimitCost {
    /// What the request says, else what its action costs, else 1.
    Request,
    Fixed(u64),
    /// An expression of type int.
    Expression(Rc<Condition>),
}

/// What an action costs where the request does not say.
#[derive(Clone, Debug)]
pub(crate) struct ActionCost {
    pub(crate) action: Name,
    pub(crate) cost: u64,
}
