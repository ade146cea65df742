//! Which tests keep a statement from coming out as wanted.

use crate::program::predicate::{
    ConditionPart, Facts, Node, PredicateId, Predicates, Slot, Unwatched,
};
use crate::program::vocabulary::Truth;

/// What kept a statement from coming out as wanted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Blamed {
    Check(u32),
    Condition(ConditionPart),
}

/// Finds the tests to blame, in the facts of one request.
pub(super) struct Blame<'b, F> {
    pub(super) predicates: &'b Predicates,
    pub(super) facts: &'b F,
}

impl<F: Facts> Blame<'_, F> {
    /// The fewest tests that would have to come out differently.
    pub(super) fn of(&self, id: PredicateId, wanted: bool) -> Vec<Blamed> {
        let mut checks = Vec::new();
        if id != PredicateId::TRUE {
            self.collect(id.0, wanted, &mut checks);
        }
        checks
    }

    /// How far the statement is from it. That something else is asked for weighs most.
    pub(super) fn cost(&self, id: PredicateId, wanted: bool) -> u64 {
        if id == PredicateId::TRUE {
            0
        } else {
            self.node_cost(id.0, wanted)
        }
    }

    fn node_cost(&self, id: u32, wanted: bool) -> u64 {
        match self.predicates.nodes.get(id as usize) {
            Some(Node::Not(child)) => self.node_cost(*child, !wanted),
            Some(Node::Check(_) | Node::Condition(_)) if self.comes_out(id, wanted) => 0,
            Some(Node::Check(check)) => self.weight(*check),
            Some(Node::Condition(_)) => 1,
            Some(node @ (Node::All { start, len } | Node::Any { start, len })) => {
                let costs = self
                    .predicates
                    .children(*start, *len)
                    .iter()
                    .map(|child| self.node_cost(*child, wanted));
                if is_joint(node, wanted) {
                    costs.sum()
                } else {
                    costs.min().unwrap_or(NEVER)
                }
            }
            None => 0,
        }
    }

    fn collect(&self, id: u32, wanted: bool, checks: &mut Vec<Blamed>) {
        match self.predicates.nodes.get(id as usize) {
            Some(Node::Not(child)) => self.collect(*child, !wanted, checks),
            Some(Node::Check(_) | Node::Condition(_)) if self.comes_out(id, wanted) => {}
            Some(Node::Check(check)) => checks.push(Blamed::Check(*check)),
            Some(Node::Condition(part)) => checks.push(Blamed::Condition(*part)),
            Some(node @ (Node::All { start, len } | Node::Any { start, len })) => {
                let children = self.predicates.children(*start, *len);
                if is_joint(node, wanted) {
                    children
                        .iter()
                        .for_each(|child| self.collect(*child, wanted, checks));
                } else if let Some(easiest) = children
                    .iter()
                    .min_by_key(|child| self.node_cost(**child, wanted))
                {
                    self.collect(*easiest, wanted, checks);
                }
            }
            None => {}
        }
    }

    fn comes_out(&self, node: u32, wanted: bool) -> bool {
        self.predicates
            .evaluate(PredicateId(node), self.facts, &mut Unwatched)
            == Truth::of(wanted)
    }

    fn weight(&self, check: u32) -> u64 {
        match self
            .predicates
            .checks
            .get(check as usize)
            .map(|check| check.slot)
        {
            Some(Slot::Path | Slot::Action | Slot::ResourceType) => 64,
            Some(Slot::Method | Slot::Host) => 16,
            Some(Slot::ResourceId) => 8,
            Some(Slot::Roles | Slot::Groups) => 2,
            _ => 1,
        }
    }
}

/// What an empty disjunction costs.
const NEVER: u64 = 1 << 32;

/// Whether all children have to come out as wanted.
const fn is_joint(node: &Node, wanted: bool) -> bool {
    matches!(node, Node::All { .. }) == wanted
}
