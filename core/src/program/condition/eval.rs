//! The evaluator: three-valued logic over borrowed values.

use super::math;
use super::optional::Maybe;
use super::value::compare;
use super::{
    Arena, ArithmeticOp, AttributeId, Comprehension, Constant, EvalError, Item, Kids, List, Map,
    Node, NodeId, Optional, Program, TextId, Timestamp, Value, Zone, equal,
};
use super::{EntriesId, ItemsId, ZoneId};
use regex_automata::Input;
use regex_automata::dfa::Automaton;

/// True, false, or the reason that it is neither.
pub(crate) type Outcome = Result<bool, EvalError>;

/// Where a request's attributes are read from.
pub(crate) trait Attributes {
    /// The value of an attribute, or why there is none: [`EvalError::Absent`],
    /// [`EvalError::Repeated`], [`EvalError::Undecided`], [`EvalError::NotText`].
    fn get(&self, attribute: AttributeId) -> Result<Value<'_>, EvalError>;
}

/// Hears the value of every sub-expression that is evaluated.
pub(crate) trait Recorder {
    /// Whether it listens. The evaluator asks at compile time.
    const LISTENS: bool = true;
    /// A sub-expression has this value. In a loop it is told once a turn.
    fn record(&mut self, node: NodeId, value: Result<Value<'_>, EvalError>);
}

/// Listens to nothing and costs nothing.
pub(crate) struct NoRecorder;

impl Recorder for NoRecorder {
    const LISTENS: bool = false;
    fn record(&mut self, _: NodeId, _: Result<Value<'_>, EvalError>) {}
}

/// A variable of a loop or binding and the ones around it.
pub(super) struct Frame<'s, 'a> {
    pub(super) value: Value<'a>,
    pub(super) outer: Scope<'s, 'a>,
}

/// The variables in sight, innermost first.
pub(super) type Scope<'s, 'a> = Option<&'s Frame<'s, 'a>>;

pub(crate) type Evaluated<'a> = Result<Value<'a>, EvalError>;

/// One evaluation of a program.
pub(crate) struct Evaluator<'a, A, R> {
    pub(super) program: &'a Program,
    attributes: &'a A,
    pub(super) arena: &'a Arena,
    fuel: u32,
    recorder: R,
}

impl<'a, A: Attributes, R: Recorder> Evaluator<'a, A, R> {
    /// An evaluation that stops with [`EvalError::OutOfFuel`] after `fuel` steps of loops and scans.
    pub(crate) fn new(
        program: &'a Program,
        attributes: &'a A,
        arena: &'a Arena,
        fuel: u32,
        recorder: R,
    ) -> Self {
        Self {
            program,
            attributes,
            arena,
            fuel,
            recorder,
        }
    }

    /// Whether the condition holds.
    pub(crate) fn holds(&mut self) -> Outcome {
        self.program
            .root
            .map_or(Err(EvalError::Malformed), |root| self.truth(root, None))
    }

    /// Whether one part of the condition holds. The part must stand outside all loops.
    pub(crate) fn part_holds(&mut self, node: NodeId) -> Outcome {
        self.truth(node, None)
    }

    /// The value of the expression.
    pub(crate) fn result(&mut self) -> Evaluated<'a> {
        self.program
            .root
            .map_or(Err(EvalError::Malformed), |root| self.value(root, None))
    }

    /// The value of one part of the expression. The part must stand outside all loops.
    pub(crate) fn part_value(&mut self, node: NodeId) -> Evaluated<'a> {
        self.value(node, None)
    }

    /// The steps that are left.
    pub(crate) fn fuel_left(&self) -> u32 {
        self.fuel
    }

    /// Tells the recorder of a value that is not boxed.
    pub(super) fn hear(&mut self, id: NodeId, maybe: &Result<Maybe<'a>, EvalError>) {
        let value = match maybe {
            Ok(Maybe::Plain(value)) => Ok(*value),
            Ok(Maybe::Optional(None)) => Ok(Value::Optional(Optional::None)),
            Ok(Maybe::Optional(Some(inner))) => Ok(Value::Optional(Optional::Value(inner))),
            Err(error) => Err(*error),
        };
        self.recorder.record(id, value);
    }

    /// Pays for steps.
    pub(super) fn spend(&mut self, units: u32) -> Result<(), EvalError> {
        match self.fuel.checked_sub(units) {
            Some(left) => self.fuel = left,
            None => {
                self.fuel = 0;
                return Err(EvalError::OutOfFuel);
            }
        }
        Ok(())
    }

    /// Pays for looking at so many bytes.
    pub(super) fn scan(&mut self, bytes: usize) -> Result<(), EvalError> {
        self.spend(scan_cost(bytes))
    }

    /// Evaluates a node that must be a bool.
    pub(super) fn truth(&mut self, id: NodeId, scope: Scope<'_, 'a>) -> Outcome {
        let outcome = match self.program.node(id) {
            Node::And(kids) => self.all_of(kids, scope),
            Node::Or(kids) => self.any_of(kids, scope),
            Node::Not(operand) => self.truth(operand, scope).map(|truth| !truth),
            Node::EqualStr(operand, text) => self.equals_text(operand, text, scope),
            Node::NotEqualStr(operand, text) => {
                self.equals_text(operand, text, scope).map(|truth| !truth)
            }
            Node::StartsWith(operand, text) => {
                let prefix = self.program.text(text);
                self.text(operand, scope)
                    .map(|operand| operand.starts_with(prefix))
            }
            Node::EndsWith(operand, text) => {
                let suffix = self.program.text(text);
                self.text(operand, scope)
                    .map(|operand| operand.ends_with(suffix))
            }
            Node::OneOf(operand, set) => self.operand(operand, scope).map(|value| {
                let set = self.program.sets.get(set.index());
                matches!(value, Value::Str(text) if set.is_some_and(|set| set.contains(text)))
            }),
            Node::Member(text, list) => self.member_text(text, list, scope),
            node => self.rare_truth(id, node, scope),
        };
        if R::LISTENS {
            self.recorder.record(id, outcome.map(Value::Bool));
        }
        outcome
    }

    #[inline(never)]
    fn rare_truth(&mut self, id: NodeId, node: Node, scope: Scope<'_, 'a>) -> Outcome {
        match node {
            Node::Matches(operand, regex) => {
                let text = self.text(operand, scope)?;
                self.scan(text.len())?;
                let regex = self
                    .program
                    .regexes
                    .get(regex.index())
                    .ok_or(EvalError::Malformed)?;
                let found = regex
                    .automaton
                    .try_search_fwd(&Input::new(text).earliest(true));
                found
                    .map(|end| end.is_some())
                    .map_err(|_| EvalError::Malformed)
            }
            Node::InCidr(operand, set) => match self.operand(operand, scope)? {
                Value::Ip(ip) => Ok(self
                    .program
                    .cidrs
                    .get(set.index())
                    .is_some_and(|set| set.contains(ip))),
                _ => Err(EvalError::NoOverload),
            },
            Node::OrderInt(op, operand, bound) => match self.operand(operand, scope)? {
                Value::Int(value) => Ok(op.holds(Some(value.cmp(&bound)))),
                value => order(value, Value::Int(bound)).map(|order| op.holds(order)),
            },
            Node::Order(op, left, right) => {
                let (left, right) = (self.value(left, scope)?, self.value(right, scope)?);
                order(left, right).map(|order| op.holds(order))
            }
            Node::Equal(left, right) => self.equals(left, right, scope),
            Node::NotEqual(left, right) => self.equals(left, right, scope).map(|truth| !truth),
            Node::In(item, container) => self.contains(item, container, scope),
            Node::Comprehension(comprehension) if self.is_quantifier(comprehension) => {
                self.quantify(comprehension, scope)
            }
            Node::HasAttribute(attribute) => self.has_attribute(attribute),
            Node::Has(operand, field) => self.has(operand, field, scope),
            Node::Bool(value) => Ok(value),
            _ => match self.evaluate(id, scope)? {
                Value::Bool(value) => Ok(value),
                _ => Err(EvalError::NoOverload),
            },
        }
    }

    /// Evaluates a node that is most likely an attribute or a variable.
    #[inline]
    fn operand(&mut self, id: NodeId, scope: Scope<'_, 'a>) -> Evaluated<'a> {
        if R::LISTENS {
            return self.value(id, scope);
        }
        match self.program.node(id) {
            Node::Attribute(attribute) => self.attributes.get(attribute),
            Node::Local(0) => scope.map(|frame| frame.value).ok_or(EvalError::Malformed),
            _ => self.value(id, scope),
        }
    }

    /// Evaluates a node.
    pub(super) fn value(&mut self, id: NodeId, scope: Scope<'_, 'a>) -> Evaluated<'a> {
        let value = match self.program.node(id) {
            Node::Attribute(attribute) => self.attributes.get(attribute),
            Node::Local(depth) => local(depth, scope),
            node if is_truth(&node) => return self.truth(id, scope).map(Value::Bool),
            _ => self.evaluate(id, scope),
        };
        if R::LISTENS {
            self.recorder.record(id, value);
        }
        value
    }

    /// Evaluates a node that is neither a leaf nor a test, without recording it.
    #[inline(never)]
    fn evaluate(&mut self, id: NodeId, scope: Scope<'_, 'a>) -> Evaluated<'a> {
        match self.program.node(id) {
            Node::Attribute(attribute) => self.attributes.get(attribute),
            Node::Local(depth) => local(depth, scope),
            Node::Constant(constant) => {
                let constant = self.program.constant(constant);
                constant.map(Constant::value).ok_or(EvalError::Malformed)
            }
            Node::Fail(error) => Err(error),
            Node::Negate(operand) => math::negate(self.value(operand, scope)?),
            Node::Conditional(test, then, otherwise) => {
                let branch = if self.truth(test, scope)? {
                    then
                } else {
                    otherwise
                };
                self.value(branch, scope)
            }
            Node::Arithmetic(op, left, right) => {
                let (left, right) = (self.value(left, scope)?, self.value(right, scope)?);
                self.arithmetic(op, left, right)
            }
            Node::TimePart(part, operand, zone) => {
                let time = self.operand(operand, scope)?;
                self.time_part(part, time, zone)
            }
            Node::List(items) => self.list(items, scope),
            Node::Map(entries) => self.map(entries, scope),
            Node::Call(function, arguments) => self.call(function, arguments, scope),
            Node::Comprehension(comprehension) => self.build(comprehension, scope),
            Node::Bind(init, body) => {
                let value = self.value(init, scope)?;
                self.value(
                    body,
                    Some(&Frame {
                        value,
                        outer: scope,
                    }),
                )
            }
            Node::Select(..)
            | Node::Index(..)
            | Node::OptionalSelect(..)
            | Node::OptionalIndex(..)
            | Node::OptionalMap(..)
            | Node::OptionalFlatMap(..) => self.unboxed(id, scope)?.boxed(self.arena),
            _ => Err(EvalError::Malformed),
        }
    }

    fn all_of(&mut self, kids: Kids, scope: Scope<'_, 'a>) -> Outcome {
        let mut outcome = Ok(true);
        for kid in self.program.kids(kids) {
            match self.truth(*kid, scope) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                error => outcome = spread(outcome, error),
            }
        }
        outcome
    }

    fn any_of(&mut self, kids: Kids, scope: Scope<'_, 'a>) -> Outcome {
        let mut outcome = Ok(false);
        for kid in self.program.kids(kids) {
            match self.truth(*kid, scope) {
                Ok(false) => {}
                Ok(true) => return Ok(true),
                error => outcome = spread(outcome, error),
            }
        }
        outcome
    }

    #[inline]
    fn text(&mut self, id: NodeId, scope: Scope<'_, 'a>) -> Result<&'a str, EvalError> {
        match self.operand(id, scope)? {
            Value::Str(text) => Ok(text),
            _ => Err(EvalError::NoOverload),
        }
    }

    fn equals_text(&mut self, id: NodeId, text: TextId, scope: Scope<'_, 'a>) -> Outcome {
        let text = self.program.text(text);
        self.operand(id, scope)
            .map(|value| matches!(value, Value::Str(value) if value == text))
    }

    fn member_text(&mut self, text: TextId, list: NodeId, scope: Scope<'_, 'a>) -> Outcome {
        let text = self.program.text(text);
        match self.operand(list, scope)? {
            Value::List(list) => {
                self.spend(compare_cost(list.len()))?;
                Ok(match list {
                    List::Strs(strings) => strings.contains(&text),
                    List::Constants(items) => items
                        .iter()
                        .any(|item| matches!(item, Constant::Str(held) if **held == *text)),
                    list => list
                        .iter()
                        .any(|item| matches!(item, Value::Str(s) if s == text)),
                })
            }
            Value::Map(map) => self.has_key(map, Value::Str(text)),
            _ => Err(EvalError::NoOverload),
        }
    }

    fn contains(&mut self, item: NodeId, container: NodeId, scope: Scope<'_, 'a>) -> Outcome {
        let item = self.value(item, scope)?;
        match self.value(container, scope)? {
            Value::List(list) => {
                self.spend(compare_cost(list.len()))?;
                Ok(list.iter().any(|candidate| equal(candidate, item)))
            }
            Value::Map(map) => self.has_key(map, item),
            _ => Err(EvalError::NoOverload),
        }
    }

    fn has_key(&mut self, map: Map<'a>, key: Value<'_>) -> Outcome {
        Ok(self.find(map, key)?.is_some())
    }

    /// The value of a key, paid for.
    pub(super) fn find(
        &mut self,
        map: Map<'a>,
        key: Value<'_>,
    ) -> Result<Option<Value<'a>>, EvalError> {
        self.spend(1)?;
        self.spend(compare_cost(map.len()))?;
        Ok(map.get(key))
    }

    fn equals(&mut self, left: NodeId, right: NodeId, scope: Scope<'_, 'a>) -> Outcome {
        let (left, right) = (self.operand(left, scope)?, self.operand(right, scope)?);
        if let (Value::Str(left), Value::Str(right)) = (left, right) {
            return Ok(left == right);
        }
        let elements = match (left, right) {
            (Value::List(a), Value::List(b)) => a.len().min(b.len()),
            (Value::Map(a), Value::Map(b)) => a.len().saturating_mul(b.len()),
            _ => 0,
        };
        self.spend(compare_cost(elements))?;
        Ok(equal(left, right))
    }

    fn has_attribute(&self, attribute: AttributeId) -> Outcome {
        match self.attributes.get(attribute) {
            Ok(_) | Err(EvalError::Repeated | EvalError::NotText) => Ok(true),
            Err(EvalError::Absent) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn arithmetic(&self, op: ArithmeticOp, left: Value<'a>, right: Value<'a>) -> Evaluated<'a> {
        match (op, left, right) {
            (ArithmeticOp::Add, Value::Str(a), Value::Str(b)) => {
                let both = self.arena.concat(a.as_bytes(), b.as_bytes())?;
                std::str::from_utf8(both)
                    .map(Value::Str)
                    .map_err(|_| EvalError::Malformed)
            }
            (ArithmeticOp::Add, Value::Bytes(a), Value::Bytes(b)) => {
                self.arena.concat(a, b).map(Value::Bytes)
            }
            (ArithmeticOp::Add, Value::List(a), Value::List(b)) => {
                let both = self.arena.slice(a.len() + b.len(), Value::Null)?;
                for (slot, item) in both.iter_mut().zip(a.iter().chain(b.iter())) {
                    *slot = item;
                }
                Ok(Value::List(List::Values(both)))
            }
            _ => math::arithmetic(op, left, right),
        }
    }

    fn time_part(&self, part: super::TimePart, time: Value<'a>, zone: ZoneId) -> Evaluated<'a> {
        let zone = self
            .program
            .zones
            .get(zone.index())
            .ok_or(EvalError::Malformed)?;
        time_part(part, time, zone)
    }

    fn list(&mut self, items: ItemsId, scope: Scope<'_, 'a>) -> Evaluated<'a> {
        let items: &'a [Item] = self
            .program
            .items
            .get(items.index())
            .map_or(&[], |items| items);
        let slots = self.arena.slice(items.len(), Value::Null)?;
        let mut filled = 0;
        for item in items {
            let value = if item.optional {
                self.maybe(item.node, scope)?.optional()?
            } else {
                Some(self.value(item.node, scope)?)
            };
            if let (Some(value), Some(slot)) = (value, slots.get_mut(filled)) {
                *slot = value;
                filled += 1;
            }
        }
        Ok(Value::List(List::Values(
            slots.get(..filled).unwrap_or_default(),
        )))
    }

    fn map(&mut self, entries: EntriesId, scope: Scope<'_, 'a>) -> Evaluated<'a> {
        let entries = self
            .program
            .entries
            .get(entries.index())
            .map_or(&[][..], |held| held);
        let slots = self
            .arena
            .slice(entries.len(), (Value::Null, Value::Null))?;
        let mut filled = 0;
        for entry in entries {
            let key = map_key(self.value(entry.key, scope)?)?;
            let value = if entry.optional {
                self.maybe(entry.value, scope)?.optional()?
            } else {
                Some(self.value(entry.value, scope)?)
            };
            let Some(value) = value else { continue };
            self.spend(compare_cost(filled))?;
            insert_entry(slots, filled, key, value)?;
            filled += 1;
        }
        Ok(Value::Map(Map::Entries(
            slots.get(..filled).unwrap_or_default(),
        )))
    }

    fn is_quantifier(&self, id: super::ComprehensionId) -> bool {
        self.program
            .comprehensions
            .get(id.index())
            .is_some_and(Comprehension::is_quantifier)
    }
}

/// Fuel for so many elements.
pub(super) fn units(elements: usize) -> u32 {
    u32::try_from(elements).unwrap_or(u32::MAX)
}

/// Fuel for comparing a value with so many elements.
pub(crate) fn compare_cost(elements: usize) -> u32 {
    units(elements / 8).saturating_add(1)
}

/// Fuel for looking at so many bytes.
pub(crate) fn scan_cost(bytes: usize) -> u32 {
    units(bytes / 64).saturating_add(1)
}

/// Whether [`Evaluator::truth`] knows the node itself.
fn is_truth(node: &Node) -> bool {
    matches!(
        node,
        Node::And(_)
            | Node::Or(_)
            | Node::Not(_)
            | Node::EqualStr(..)
            | Node::NotEqualStr(..)
            | Node::StartsWith(..)
            | Node::EndsWith(..)
            | Node::OneOf(..)
            | Node::Member(..)
            | Node::Matches(..)
            | Node::InCidr(..)
            | Node::OrderInt(..)
            | Node::Order(..)
            | Node::Equal(..)
            | Node::NotEqual(..)
            | Node::In(..)
            | Node::HasAttribute(_)
            | Node::Has(..)
            | Node::Bool(_)
    )
}

/// The error of several operands: the first, but the want of a principal only where
/// nothing else is wrong.
fn spread(held: Outcome, next: Outcome) -> Outcome {
    match held {
        Ok(_) | Err(EvalError::NoPrincipal) => next,
        error => error,
    }
}

fn local<'a>(depth: u32, scope: Scope<'_, 'a>) -> Evaluated<'a> {
    let mut frame = scope;
    for _ in 0..depth {
        frame = frame.and_then(|frame| frame.outer);
    }
    frame.map(|frame| frame.value).ok_or(EvalError::Malformed)
}

fn order(left: Value<'_>, right: Value<'_>) -> Result<Option<std::cmp::Ordering>, EvalError> {
    compare(left, right).ok_or(EvalError::NoOverload)
}

/// A part of a timestamp in a zone, or of a duration.
pub(super) fn time_part<'a>(part: super::TimePart, time: Value<'_>, zone: &Zone) -> Evaluated<'a> {
    match time {
        Value::Timestamp(time) => Ok(Value::Int(Timestamp::part(time, part, zone))),
        Value::Duration(duration) => duration
            .part(part)
            .map(Value::Int)
            .ok_or(EvalError::NoOverload),
        _ => Err(EvalError::NoOverload),
    }
}

/// The key, if it is of a type that a map literal takes.
pub(super) fn map_key(key: Value<'_>) -> Evaluated<'_> {
    match key {
        Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Str(_) => Ok(key),
        _ => Err(EvalError::UnsupportedKey),
    }
}

/// Puts an entry behind the first `filled` ones, none of which may have its key.
pub(super) fn insert_entry<'a>(
    slots: &mut [(Value<'a>, Value<'a>)],
    filled: usize,
    key: Value<'a>,
    value: Value<'a>,
) -> Result<(), EvalError> {
    let (taken, free) = slots
        .split_at_mut_checked(filled)
        .ok_or(EvalError::Malformed)?;
    if taken.iter().any(|(held, _)| equal(*held, key)) {
        return Err(EvalError::DuplicateKey);
    }
    *free.first_mut().ok_or(EvalError::Malformed)? = (key, value);
    Ok(())
}
