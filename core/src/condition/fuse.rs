//! Operators and calls into nodes: one node for what policies write most.

use super::ast::{BinaryOp, ExprId};
use super::error::{ConditionError, ConditionErrorKind};
use super::lower::{Lowering, Own, last};
use super::regex;
use super::types::Type;
use crate::program::condition::{
    Cidr, CidrSet, CidrSetId, Constant, EvalError, Function, Node, NodeId, OrderOp, RegexId, SetId,
    StrSet, TimePart, Zone, ZoneId, compare_cost, makes_optional, scan_cost,
};

impl Lowering<'_> {
    pub(super) fn binary(
        &mut self,
        id: ExprId,
        op: BinaryOp,
        left: ExprId,
        right: ExprId,
    ) -> NodeId {
        let (left, right) = (self.value(left), self.value(right));
        self.finish_binary(id, op, left, right)
    }

    fn finish_binary(&mut self, id: ExprId, op: BinaryOp, l: NodeId, r: NodeId) -> NodeId {
        let sizes = (self.info(l).size, self.info(r).size);
        match op {
            BinaryOp::Equal | BinaryOp::NotEqual => self.equality(id, op, l, r),
            BinaryOp::In => self.membership(id, l, r),
            BinaryOp::Order(op) => self.order(id, op, l, r),
            BinaryOp::Arithmetic(arithmetic) => {
                let builds = !self.adds_numbers(id, arithmetic);
                let size = if builds {
                    sizes.0.saturating_add(sizes.1)
                } else {
                    1
                };
                let cost = if builds {
                    u64::from(scan_cost(size as usize))
                } else {
                    1
                };
                let own = Own {
                    cost,
                    size,
                    builds,
                    optional: false,
                };
                self.emit(id, Node::Arithmetic(arithmetic, l, r), &[l, r], own)
            }
            BinaryOp::And | BinaryOp::Or => self.fail(id, EvalError::Malformed),
        }
    }

    fn equality(&mut self, id: ExprId, op: BinaryOp, left: NodeId, right: NodeId) -> NodeId {
        let negated = op == BinaryOp::NotEqual;
        for (operand, constant) in [(left, right), (right, left)] {
            let Some(text) = self.constant_text(constant) else {
                continue;
            };
            if self.constant_of(operand).is_some() {
                continue;
            }
            let text = self.text(&text);
            let node = if negated {
                Node::NotEqualStr(operand, text)
            } else {
                Node::EqualStr(operand, text)
            };
            return self.emit(id, node, &[operand], Own::CHEAP);
        }
        let size = self.info(left).size.min(self.info(right).size);
        let own = Own::costing(u64::from(scan_cost(size as usize)));
        let node = if negated {
            Node::NotEqual(left, right)
        } else {
            Node::Equal(left, right)
        };
        self.emit(id, node, &[left, right], own)
    }

    fn membership(&mut self, id: ExprId, item: NodeId, container: NodeId) -> NodeId {
        let constant_item = self.constant_of(item).is_some();
        if let Some(Constant::List(held)) = self.constant_of(container)
            && !constant_item
            && let Some(strings) = strings(&held)
        {
            if let [only] = strings.as_slice() {
                let text = self.text(only);
                return self.emit(id, Node::EqualStr(item, text), &[item], Own::CHEAP);
            }
            self.program.sets.push(StrSet::new(strings));
            let set = SetId(last(self.program.sets.len()));
            return self.emit(id, Node::OneOf(item, set), &[item], Own::costing(2));
        }
        let own = self.member_cost(container);
        if let Some(text) = self.constant_text(item)
            && self.constant_of(container).is_none()
        {
            let text = self.text(&text);
            return self.emit(id, Node::Member(text, container), &[container], own);
        }
        self.emit(id, Node::In(item, container), &[item, container], own)
    }

    /// The price of looking for something in a list or map.
    pub(super) fn member_cost(&self, container: NodeId) -> Own {
        let size = self.info(container).size as usize;
        Own::costing(u64::from(compare_cost(size)))
    }

    fn order(&mut self, id: ExprId, op: OrderOp, left: NodeId, right: NodeId) -> NodeId {
        match (self.constant_of(left), self.constant_of(right)) {
            (None, Some(Constant::Int(bound))) => {
                self.emit(id, Node::OrderInt(op, left, bound), &[left], Own::CHEAP)
            }
            (Some(Constant::Int(bound)), None) => {
                let flipped = match op {
                    OrderOp::Less => OrderOp::Greater,
                    OrderOp::LessEqual => OrderOp::GreaterEqual,
                    OrderOp::Greater => OrderOp::Less,
                    OrderOp::GreaterEqual => OrderOp::LessEqual,
                };
                self.emit(
                    id,
                    Node::OrderInt(flipped, right, bound),
                    &[right],
                    Own::CHEAP,
                )
            }
            _ => {
                let size = self.info(left).size.min(self.info(right).size);
                let own = Own::costing(u64::from(scan_cost(size as usize)));
                self.emit(id, Node::Order(op, left, right), &[left, right], own)
            }
        }
    }

    /// Lowers the call of a function.
    pub(super) fn function(
        &mut self,
        id: ExprId,
        function: Function,
        arguments: &[ExprId],
    ) -> NodeId {
        let mut nodes = Vec::with_capacity(arguments.len());
        for (place, argument) in arguments.iter().enumerate() {
            let unboxed = takes_unboxed(function, place);
            nodes.push(if unboxed {
                self.node(*argument)
            } else {
                self.value(*argument)
            });
        }
        self.finish_call(id, function, arguments, &nodes)
    }

    fn finish_call(
        &mut self,
        id: ExprId,
        function: Function,
        arguments: &[ExprId],
        nodes: &[NodeId],
    ) -> NodeId {
        if let Some(fused) = self.fused(id, function, arguments, nodes) {
            return fused;
        }
        let sizes = nodes.iter().map(|node| self.info(*node).size);
        let scanned = sizes.clone().fold(0, u32::saturating_add);
        let widest = sizes.max().unwrap_or(1);
        let own = Own {
            cost: u64::from(scan_cost(scanned as usize)) + 1,
            size: result_size(function, scanned, widest),
            builds: self.builds(function, arguments),
            optional: makes_optional(function),
        };
        let kids = self.kids(nodes);
        self.emit(id, Node::Call(function, kids), nodes, own)
    }

    fn fused(
        &mut self,
        id: ExprId,
        function: Function,
        arguments: &[ExprId],
        nodes: &[NodeId],
    ) -> Option<NodeId> {
        match (function, nodes) {
            (Function::StartsWith | Function::EndsWith, [text, affix]) => {
                let affix = self.constant_text(*affix)?;
                let cost = u64::from(scan_cost(affix.len()));
                let affix = self.text(&affix);
                let node = if function == Function::StartsWith {
                    Node::StartsWith(*text, affix)
                } else {
                    Node::EndsWith(*text, affix)
                };
                Some(self.emit(id, node, &[*text], Own::costing(cost)))
            }
            (Function::Matches, [text, pattern]) => {
                Some(self.matches(id, arguments, *text, *pattern))
            }
            (Function::TimePart(part), [time, rest @ ..]) => {
                self.time_part(id, part, arguments, *time, rest.first().copied())
            }
            (Function::InCidr, [ip, blocks]) => self.in_cidr(id, arguments, *ip, *blocks),
            (Function::ContainsIp, [block, ip]) => {
                let Constant::Cidr(block) = self.constant_of(*block)? else {
                    return None;
                };
                let typed = arguments.get(1).is_some_and(|ip| *self.ty(*ip) == Type::Ip);
                typed.then(|| self.cidr_set(id, *ip, &[block]))
            }
            (Function::ToCidr, [text]) => {
                if self.constant_of(*text).is_none() {
                    self.require_constant(id, arguments.first(), "an address block");
                }
                None
            }
            (Function::Dyn, [value]) if self.mode.is_typed() => Some(*value),
            _ => None,
        }
    }

    /// In a policy, reports an argument that must be known at load.
    fn require_constant(&mut self, id: ExprId, argument: Option<&ExprId>, what: &str) {
        if self.mode.is_policy() {
            let at = argument.copied().unwrap_or(id);
            let message = format!("{what} must be constant, so that it can be prepared at load");
            self.report(at, ConditionErrorKind::InvalidConstant, message);
        }
    }

    /// A constant that is malformed: an error of a policy, a failure elsewhere.
    fn invalid(&mut self, id: ExprId, argument: Option<&ExprId>, message: String) -> NodeId {
        if self.mode.is_policy() {
            let at = argument.copied().unwrap_or(id);
            self.report(at, ConditionErrorKind::InvalidConstant, message);
        }
        self.fail(id, EvalError::InvalidArgument)
    }

    fn matches(
        &mut self,
        id: ExprId,
        arguments: &[ExprId],
        text: NodeId,
        pattern: NodeId,
    ) -> NodeId {
        let at = arguments.get(1);
        let Some(pattern) = self.constant_text(pattern) else {
            self.require_constant(id, at, "a pattern");
            return self.fail(id, EvalError::InvalidArgument);
        };
        let most = self.regex_bytes;
        match regex::build(&pattern, most) {
            Ok(regex) => {
                self.regex_bytes -= regex.automaton.memory_usage().min(most);
                self.program.regexes.push(regex);
                let regex = RegexId(last(self.program.regexes.len()));
                let cost = u64::from(scan_cost(self.info(text).size as usize));
                self.emit(id, Node::Matches(text, regex), &[text], Own::costing(cost))
            }
            Err(message) => {
                // A pattern that did not fit took its time; the next one gets less of it.
                self.regex_bytes /= 2;
                self.invalid(id, at, message)
            }
        }
    }

    fn time_part(
        &mut self,
        id: ExprId,
        part: TimePart,
        arguments: &[ExprId],
        time: NodeId,
        zone: Option<NodeId>,
    ) -> Option<NodeId> {
        let zone = match zone {
            None => Zone::UTC,
            Some(zone) => {
                let timestamp = arguments
                    .first()
                    .is_some_and(|time| *self.ty(*time) == Type::Timestamp);
                let name = self.constant_text(zone).filter(|_| timestamp);
                let Some(name) = name else {
                    self.require_constant(id, arguments.get(1), "a time zone");
                    return None;
                };
                match Zone::parse(&name) {
                    Some(zone) => zone,
                    None => {
                        let message = format!("unknown time zone `{name}`");
                        return Some(self.invalid(id, arguments.get(1), message));
                    }
                }
            }
        };
        self.program.zones.push(zone);
        let zone = ZoneId(last(self.program.zones.len()));
        Some(self.emit(
            id,
            Node::TimePart(part, time, zone),
            &[time],
            Own::costing(2),
        ))
    }

    fn in_cidr(
        &mut self,
        id: ExprId,
        arguments: &[ExprId],
        ip: NodeId,
        blocks: NodeId,
    ) -> Option<NodeId> {
        let at = arguments.get(1);
        let constants = match self.constant_of(blocks) {
            Some(Constant::List(items)) => items.into_vec(),
            Some(one) => vec![one],
            None => {
                self.require_constant(id, at, "an address block");
                return None;
            }
        };
        let mut parsed = Vec::new();
        for constant in &constants {
            match constant {
                Constant::Cidr(block) => parsed.push(*block),
                Constant::Str(text) => match Cidr::parse(text) {
                    Some(block) => parsed.push(block),
                    None => {
                        let message = format!("`{text}` is no address block");
                        return Some(self.invalid(id, at, message));
                    }
                },
                _ => return Some(self.invalid(id, at, "this is no address block".to_owned())),
            }
        }
        Some(self.cidr_set(id, ip, &parsed))
    }

    fn cidr_set(&mut self, id: ExprId, ip: NodeId, blocks: &[Cidr]) -> NodeId {
        self.program.cidrs.push(CidrSet::new(blocks));
        let set = CidrSetId(last(self.program.cidrs.len()));
        self.emit(id, Node::InCidr(ip, set), &[ip], Own::costing(2))
    }

    /// Whether a call has to put its result into the arena.
    fn builds(&self, function: Function, arguments: &[ExprId]) -> bool {
        use Function as F;
        match function {
            F::LowerAscii
            | F::UpperAscii
            | F::Replace
            | F::Split
            | F::Join
            | F::Reverse
            | F::Quote
            | F::Format
            | F::OptionalUnwrap => true,
            F::ToStr => arguments.first().is_some_and(|argument| {
                !matches!(self.ty(*argument), Type::Str | Type::Bool | Type::Bytes)
            }),
            _ => false,
        }
    }

    /// Errors about the price of the whole.
    pub(super) fn price(&mut self, root: NodeId, bound: u64) {
        let cost = self.info(root).cost;
        if cost <= bound || !self.mode.is_policy() {
            return;
        }
        let costliest = (0..self.program.nodes.len())
            .filter_map(|index| u32::try_from(index).ok().map(NodeId))
            .max_by_key(|id| self.info(*id).own_cost);
        let span = self.program.span(costliest.unwrap_or(root));
        let range = span.start as usize..span.end as usize;
        let message = format!(
            "the worst case costs {cost} units, and the bound is {bound}; this part costs most"
        );
        let error = ConditionError::new(ConditionErrorKind::TooCostly, range, message);
        self.errors
            .push(error.with_help("loop over less, or test less in the loop"));
    }
}

/// Whether a function reads an optional argument without keeping it.
fn takes_unboxed(function: Function, place: usize) -> bool {
    match function {
        Function::OptionalOr => true,
        Function::OptionalHasValue | Function::OptionalValue | Function::OptionalOrValue => {
            place == 0
        }
        _ => false,
    }
}

/// Most bytes or elements of a function's result.
fn result_size(function: Function, scanned: u32, widest: u32) -> u32 {
    use Function as F;
    match function {
        F::ToStr
        | F::ToBytes
        | F::Dyn
        | F::CharAt
        | F::Trim
        | F::Substring
        | F::LowerAscii
        | F::UpperAscii
        | F::Reverse
        | F::Split
        | F::OptionalValue
        | F::OptionalOr
        | F::OptionalOrValue
        | F::OptionalOf
        | F::OptionalOfNonZero
        | F::OptionalUnwrap => widest.max(64),
        F::Quote | F::Join | F::Format | F::Replace => scanned.saturating_mul(4).max(1024),
        _ => 1,
    }
}

/// The strings of a list that holds nothing else.
fn strings(items: &[Constant]) -> Option<Vec<Box<str>>> {
    items
        .iter()
        .map(|item| match item {
            Constant::Str(text) => Some(text.clone()),
            _ => None,
        })
        .collect()
}
