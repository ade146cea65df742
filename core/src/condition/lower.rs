//! The checked tree into a program: constants folded, common forms fused,
//! worst case priced.

use super::ast::{Ast, Expr, ExprId};
use super::check::{Checked, Reference};
use super::error::{ConditionError, ConditionErrorKind};
use super::schema::Schema;
use super::types::Type;
use super::{MAX_COST, Mode, Profile};
use crate::program::condition::{
    Arena, ArithmeticOp, AttributeId, Attributes, Comprehension, ComprehensionId, Constant,
    ConstantId, EntriesId, Entry, EvalError, Evaluator, Function, Item, ItemsId, Kids, Node,
    NoRecorder, NodeId, Program, TextId, Value,
};

/// Fuel for all folding of one condition.
const FOLD_FUEL: u32 = 200_000;
/// Most bytes of all constants that folding makes.
const MAX_FOLDED_BYTES: usize = 256 << 10;
/// Assumed size of an element of a list or map, whose size nobody declares.
const ELEMENT_SIZE: u32 = 256;

/// What is known of a node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Info {
    /// Its value depends on the request, or it fails.
    pub(super) dynamic: bool,
    /// How many variables of loops around it are in use, counted outwards.
    pub(super) free: u32,
    /// Units in the worst case.
    pub(super) cost: u64,
    /// The part of the cost that is not its operands'.
    pub(super) own_cost: u64,
    /// Most bytes or elements of its value.
    pub(super) size: u32,
    /// It yields an optional, which is not kept as a value yet.
    pub(super) optional: bool,
    /// Nodes below it, loops apart.
    pub(super) weight: u32,
}

/// What a node adds to what is known of its operands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    pub(super) cost: u64,
    pub(super) size: u32,
    pub(super) builds: bool,
    pub(super) optional: bool,
}

impl Own {
    /// A node of one unit with a small result.
    pub(super) const CHEAP: Self = Self { cost: 1, size: 1, builds: false, optional: false };

    pub(super) fn sized(size: u32) -> Self {
        Self { size, ..Self::CHEAP }
    }

    pub(super) fn costing(cost: u64) -> Self {
        Self { cost, ..Self::CHEAP }
    }
}

/// A program and what was found on the way.
pub(super) struct Lowered {
    pub(super) program: Program,
    pub(super) cost: u64,
    pub(super) errors: Vec<ConditionError>,
}

/// Lowers a checked tree.
pub(super) fn lower(ast: &Ast, checked: &Checked, schema: &Schema, mode: Mode) -> Lowered {
    let mut lowering = Lowering {
        ast,
        checked,
        schema,
        mode,
        program: Program::default(),
        infos: Vec::new(),
        errors: Vec::new(),
        fold_fuel: FOLD_FUEL,
        fold_bytes: MAX_FOLDED_BYTES,
    };
    let root = ast.root().map(|root| lowering.value(root));
    lowering.program.root = root;
    let cost = root.map_or(0, |root| lowering.info(root).cost);
    if let Some(root) = root {
        lowering.price(root, MAX_COST);
    }
    Lowered { cost, errors: lowering.errors, program: lowering.program }
}

pub(super) struct Lowering<'a> {
    pub(super) ast: &'a Ast,
    pub(super) checked: &'a Checked,
    schema: &'a Schema,
    pub(super) mode: Mode,
    pub(super) program: Program,
    infos: Vec<Info>,
    pub(super) errors: Vec<ConditionError>,
    fold_fuel: u32,
    fold_bytes: usize,
}

impl Lowering<'_> {
    pub(super) fn info(&self, id: NodeId) -> Info {
        self.infos.get(id.index()).copied().unwrap_or_default()
    }

    pub(super) fn report(&mut self, id: ExprId, kind: ConditionErrorKind, message: String) {
        self.errors.push(ConditionError::new(kind, self.ast.range(id), message));
    }

    /// Lowers a node whose value is kept: an optional is boxed.
    pub(super) fn value(&mut self, id: ExprId) -> NodeId {
        let node = self.node(id);
        if self.info(node).optional {
            self.refuse_building(id);
        }
        node
    }

    fn node(&mut self, id: ExprId) -> NodeId {
        let ast = self.ast;
        if let Some(reference) = self.checked.reference(id) {
            if let Reference::Call { function, target } = reference {
                return self.call(id, *function, *target);
            }
            return self.reference(id, reference);
        }
        match ast.get(id) {
            Some(Expr::Literal(constant)) => self.constant(id, constant.clone()),
            Some(Expr::Select { operand, field, optional }) => {
                let operand = self.node(*operand);
                let field = self.text(field);
                let own = self.access(operand, *optional);
                let node = if *optional {
                    Node::OptionalSelect(operand, field)
                } else {
                    Node::Select(operand, field)
                };
                self.emit(id, node, &[operand], own)
            }
            Some(Expr::Has { operand, field }) => {
                let operand = self.node(*operand);
                let field = self.text(field);
                let own = Own { optional: false, ..self.access(operand, false) };
                self.emit(id, Node::Has(operand, field), &[operand], Own { size: 1, ..own })
            }
            Some(Expr::Index { operand, index, optional }) => {
                self.index(id, *operand, *index, *optional)
            }
            Some(Expr::And(operands)) => self.logic(id, operands, true),
            Some(Expr::Or(operands)) => self.logic(id, operands, false),
            Some(Expr::Not(operand)) => {
                let operand = self.value(*operand);
                self.emit(id, Node::Not(operand), &[operand], Own::CHEAP)
            }
            Some(Expr::Negate(operand)) => {
                let operand = self.value(*operand);
                self.emit(id, Node::Negate(operand), &[operand], Own::CHEAP)
            }
            Some(Expr::Conditional { test, then, otherwise }) => {
                self.conditional(id, *test, *then, *otherwise)
            }
            Some(Expr::Binary { op, left, right }) => self.binary(id, *op, *left, *right),
            Some(Expr::List(_)) => self.list(id),
            Some(Expr::Map(_)) => self.map(id),
            Some(Expr::Loop(node)) => self.run(id, node),
            Some(Expr::Bind { init, body, .. }) => {
                let (init, body) = (self.value(*init), self.value(*body));
                let own = Own::sized(self.info(body).size);
                self.emit_binder(id, Node::Bind(init, body), &[init], &[body], 1, own)
            }
            Some(Expr::OptionalMap { operand, body, flat, .. }) => {
                let operand = self.node(*operand);
                let body = if *flat { self.node(*body) } else { self.value(*body) };
                let node = if *flat {
                    Node::OptionalFlatMap(operand, body)
                } else {
                    Node::OptionalMap(operand, body)
                };
                let own = Own { optional: true, ..Own::sized(self.info(body).size) };
                self.emit_binder(id, node, &[operand], &[body], 1, own)
            }
            Some(Expr::Ident { .. } | Expr::Call { .. }) | None => {
                self.fail(id, EvalError::Malformed)
            }
        }
    }

    fn reference(&mut self, id: ExprId, reference: &Reference) -> NodeId {
        match reference {
            Reference::Attribute(attribute) => {
                let size = self.schema.read(*attribute).map_or(1, |slot| slot.declaration.max_size);
                let node = self.emit(id, Node::Attribute(*attribute), &[], Own::sized(size));
                self.mark_dynamic(node)
            }
            Reference::HasAttribute(attribute) => {
                let node = self.emit(id, Node::HasAttribute(*attribute), &[], Own::CHEAP);
                self.mark_dynamic(node)
            }
            Reference::Local(depth) => {
                let node = self.emit(id, Node::Local(*depth), &[], Own::sized(ELEMENT_SIZE));
                if let Some(info) = self.infos.get_mut(node.index()) {
                    info.free = depth + 1;
                }
                node
            }
            Reference::Constant(constant) => self.constant(id, constant.clone()),
            Reference::Fail(error) => self.fail(id, *error),
            Reference::Call { .. } => self.fail(id, EvalError::Malformed),
        }
    }

    pub(super) fn fail(&mut self, id: ExprId, error: EvalError) -> NodeId {
        let node = self.emit(id, Node::Fail(error), &[], Own::CHEAP);
        self.mark_dynamic(node)
    }

    fn mark_dynamic(&mut self, id: NodeId) -> NodeId {
        if let Some(info) = self.infos.get_mut(id.index()) {
            info.dynamic = true;
        }
        id
    }

    pub(super) fn constant(&mut self, id: ExprId, constant: Constant) -> NodeId {
        let size = match constant.value() {
            Value::Str(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::List(list) => list.len(),
            Value::Map(map) => map.len(),
            _ => 1,
        };
        let node = self.constant_node(constant);
        self.emit(id, node, &[], Own::sized(u32::try_from(size).unwrap_or(u32::MAX)))
    }

    fn constant_node(&mut self, constant: Constant) -> Node {
        if let Constant::Bool(value) = constant {
            return Node::Bool(value);
        }
        self.program.constants.push(constant);
        Node::Constant(ConstantId(last(self.program.constants.len())))
    }

    pub(super) fn text(&mut self, text: &str) -> TextId {
        let held = self.program.texts.iter().position(|held| **held == *text);
        let index = held.unwrap_or_else(|| {
            self.program.texts.push(text.into());
            self.program.texts.len() - 1
        });
        TextId(u32::try_from(index).unwrap_or(u32::MAX))
    }

    pub(super) fn kids(&mut self, kids: &[NodeId]) -> Kids {
        let start = u32::try_from(self.program.kids.len()).unwrap_or(u32::MAX);
        self.program.kids.extend_from_slice(kids);
        Kids { start, count: u32::try_from(kids.len()).unwrap_or(0) }
    }

    /// The constant that a node is.
    pub(super) fn constant_of(&self, id: NodeId) -> Option<Constant> {
        match self.program.node(id) {
            Node::Bool(value) => Some(Constant::Bool(value)),
            Node::Constant(constant) => self.program.constant(constant).cloned(),
            _ => None,
        }
    }

    pub(super) fn constant_text(&self, id: NodeId) -> Option<String> {
        match self.constant_of(id) {
            Some(Constant::Str(text)) => Some(text.into()),
            _ => None,
        }
    }

    /// Adds a node over operands that see the same variables.
    pub(super) fn emit(&mut self, id: ExprId, node: Node, operands: &[NodeId], own: Own) -> NodeId {
        self.emit_binder(id, node, operands, &[], 0, own)
    }

    /// Adds a node some of whose operands see `variables` more.
    pub(super) fn emit_binder(
        &mut self,
        id: ExprId,
        node: Node,
        operands: &[NodeId],
        inner: &[NodeId],
        variables: u32,
        own: Own,
    ) -> NodeId {
        let mut info = Info {
            size: own.size,
            optional: own.optional,
            own_cost: own.cost,
            cost: own.cost,
            weight: 1,
            ..Info::default()
        };
        for (operand, bound) in
            operands.iter().map(|id| (id, 0)).chain(inner.iter().map(|id| (id, variables)))
        {
            let below = self.info(*operand);
            info.dynamic |= below.dynamic;
            info.free = info.free.max(below.free.saturating_sub(bound));
            info.cost = info.cost.saturating_add(below.cost);
            info.weight = info.weight.saturating_add(below.weight);
        }
        let mut node = node;
        let leaf = matches!(node, Node::Attribute(_) | Node::HasAttribute(_) | Node::Local(_));
        let constant = matches!(node, Node::Bool(_) | Node::Constant(_) | Node::Fail(_));
        if !info.dynamic && info.free == 0 && !leaf && !constant {
            match self.fold(node, id) {
                Ok(Some(folded)) => {
                    node = folded;
                    info = Info { size: info.size, cost: 1, own_cost: 1, weight: 1, ..Info::default() };
                }
                Ok(None) => {}
                Err(()) => info.dynamic = true,
            }
        }
        let folded = matches!(node, Node::Bool(_) | Node::Constant(_));
        if own.builds && !folded {
            self.refuse_building(id);
        }
        self.program.nodes.push(node);
        self.program.spans.push(self.ast.span(id));
        self.infos.push(info);
        NodeId(last(self.program.nodes.len()))
    }

    /// The constant that a closed node evaluates to. `Err`: it fails.
    fn fold(&mut self, node: Node, id: ExprId) -> Result<Option<Node>, ()> {
        let arena = Arena::new();
        self.program.nodes.push(node);
        let at = NodeId(last(self.program.nodes.len()));
        let fuel = self.fold_fuel;
        let mut evaluator = Evaluator::new(&self.program, &Closed, &arena, fuel, NoRecorder);
        let value = evaluator.part_value(at).map(Constant::from);
        self.fold_fuel = evaluator.fuel_left();
        self.program.nodes.pop();
        match value {
            Ok(constant) => {
                let bytes = constant_bytes(&constant);
                if bytes > self.fold_bytes {
                    return Ok(None);
                }
                self.fold_bytes -= bytes;
                Ok(Some(self.constant_node(constant)))
            }
            Err(EvalError::OutOfFuel | EvalError::OutOfMemory) => Ok(None),
            Err(error) => {
                if self.mode.is_policy() {
                    let message = format!("this always fails: {}", error.message());
                    self.report(id, ConditionErrorKind::AlwaysFails, message);
                }
                Err(())
            }
        }
    }

    pub(super) fn refuse_building(&mut self, id: ExprId) {
        if self.mode != Mode::Policy(Profile::Strict) {
            return;
        }
        let message = "this builds a value for every request";
        let kind = ConditionErrorKind::NeedsExtendedProfile;
        let error = ConditionError::new(kind, self.ast.range(id), message);
        self.errors.push(error.with_help("compare without building, or set `profile: extended`"));
    }

    fn access(&self, operand: NodeId, optional: bool) -> Own {
        let info = self.info(operand);
        let own = Own { cost: 2, ..Own::sized(ELEMENT_SIZE) };
        Own { optional: optional || info.optional, ..own }
    }

    fn index(&mut self, id: ExprId, operand: ExprId, index: ExprId, optional: bool) -> NodeId {
        let operand = self.node(operand);
        let index = self.value(index);
        let own = self.access(operand, optional);
        let node = if optional {
            Node::OptionalIndex(operand, index)
        } else {
            Node::Index(operand, index)
        };
        self.emit(id, node, &[operand, index], own)
    }

    fn logic(&mut self, id: ExprId, operands: &[ExprId], and: bool) -> NodeId {
        let mut kids = Vec::new();
        for operand in operands {
            let node = self.value(*operand);
            match self.program.node(node) {
                Node::Bool(value) if value == and => {}
                // One such operand decides, whatever the others are.
                Node::Bool(value) => return self.constant(id, Constant::Bool(value)),
                _ => kids.push(node),
            }
        }
        match kids.as_slice() {
            [] => self.constant(id, Constant::Bool(and)),
            [only] if self.mode.is_typed() => *only,
            _ => {
                let range = self.kids(&kids);
                let node = if and { Node::And(range) } else { Node::Or(range) };
                self.emit(id, node, &kids, Own::CHEAP)
            }
        }
    }

    fn conditional(
        &mut self,
        id: ExprId,
        test: ExprId,
        then: ExprId,
        otherwise: ExprId,
    ) -> NodeId {
        let test = self.value(test);
        let (then, otherwise) = (self.node(then), self.node(otherwise));
        if let Node::Bool(value) = self.program.node(test) {
            return if value { then } else { otherwise };
        }
        let (a, b) = (self.info(then), self.info(otherwise));
        let own =
            Own { optional: a.optional || b.optional, ..Own::sized(a.size.max(b.size)) };
        self.emit(id, Node::Conditional(test, then, otherwise), &[test, then, otherwise], own)
    }

    fn list(&mut self, id: ExprId) -> NodeId {
        let ast = self.ast;
        let Some(Expr::List(written)) = ast.get(id) else { return self.fail(id, EvalError::Malformed) };
        let mut items = Vec::new();
        for item in written {
            let node = if item.optional { self.node(item.value) } else { self.value(item.value) };
            items.push(Item { node, optional: item.optional });
        }
        let kids: Vec<NodeId> = items.iter().map(|item| item.node).collect();
        let size = u32::try_from(items.len()).unwrap_or(u32::MAX);
        self.program.items.push(items.into());
        let node = Node::List(ItemsId(last(self.program.items.len())));
        let own = Own { cost: u64::from(size) + 1, size, builds: true, optional: false };
        self.emit(id, node, &kids, own)
    }

    fn map(&mut self, id: ExprId) -> NodeId {
        let ast = self.ast;
        let Some(Expr::Map(written)) = ast.get(id) else { return self.fail(id, EvalError::Malformed) };
        let mut entries = Vec::new();
        let mut kids = Vec::new();
        for entry in written {
            let key = self.value(entry.key);
            let value =
                if entry.optional { self.node(entry.value) } else { self.value(entry.value) };
            kids.extend([key, value]);
            entries.push(Entry { key, value, optional: entry.optional });
        }
        let size = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        self.program.entries.push(entries.into());
        let node = Node::Map(EntriesId(last(self.program.entries.len())));
        let cost = 1 + u64::from(size) * u64::from(size);
        self.emit(id, node, &kids, Own { cost, size, builds: true, optional: false })
    }

    fn run(&mut self, id: ExprId, written: &super::ast::Loop) -> NodeId {
        use crate::program::condition::LoopKind as K;
        let range = self.value(written.range);
        let filter = written.filter.map(|filter| self.value(filter));
        let body = self.value(written.body);
        let mut inner = vec![body];
        inner.extend(filter);
        let variables = 1 + u32::from(written.second.is_some());
        let turn: u64 = inner.iter().map(|id| self.info(*id).cost).sum();
        let turns = u64::from(self.info(range).size);
        let weight = inner.iter().map(|id| self.info(*id).weight).sum::<u32>() / 8 + 1;
        // Emitting adds the cost of the operands once; the loop's own is that of the other turns.
        let cost = turns.saturating_mul(turn + u64::from(weight)).saturating_sub(turn).max(1);
        let builds = !matches!(written.kind, K::All | K::Exists | K::ExistsOne);
        let size = if builds { self.info(range).size } else { 1 };
        self.program.comprehensions.push(Comprehension {
            kind: written.kind,
            range,
            two_variables: written.second.is_some(),
            filter,
            body,
            weight,
        });
        let node =
            Node::Comprehension(ComprehensionId(last(self.program.comprehensions.len())));
        let own = Own { cost, size, builds, optional: false };
        let node = self.emit_binder(id, node, &[range], &inner, variables, own);
        if let Some(info) = self.infos.get_mut(node.index()) {
            // A loop pays for its turns itself.
            info.weight = 1;
        }
        node
    }

    fn call(&mut self, id: ExprId, function: Function, target: bool) -> NodeId {
        let ast = self.ast;
        let Some(Expr::Call { target: receiver, arguments, .. }) = ast.get(id) else {
            return self.fail(id, EvalError::Malformed);
        };
        let receiver = receiver.filter(|_| target);
        let arguments: Vec<ExprId> =
            receiver.into_iter().chain(arguments.iter().copied()).collect();
        self.function(id, function, &arguments)
    }

    /// Lowers a node that may stay an unboxed optional.
    pub(super) fn unboxed(&mut self, id: ExprId) -> NodeId {
        self.node(id)
    }

    pub(super) fn ty(&self, id: ExprId) -> &Type {
        self.checked.ty(id)
    }

    pub(super) fn adds_numbers(&self, id: ExprId, op: ArithmeticOp) -> bool {
        let plain = |ty: &Type| {
            ty.is_number() || matches!(ty, Type::Timestamp | Type::Duration)
        };
        op != ArithmeticOp::Add || {
            let Some(Expr::Binary { left, right, .. }) = self.ast.get(id) else { return false };
            plain(self.ty(*left)) || plain(self.ty(*right))
        }
    }

}

/// The index of what was pushed last.
pub(super) fn last(length: usize) -> u32 {
    u32::try_from(length.saturating_sub(1)).unwrap_or(u32::MAX)
}

/// No attributes: a closed expression reads none.
struct Closed;

impl Attributes for Closed {
    fn get(&self, _: AttributeId) -> Result<Value<'_>, EvalError> {
        Err(EvalError::Absent)
    }
}

/// The memory that a constant takes, roughly.
fn constant_bytes(constant: &Constant) -> usize {
    size_of::<Constant>()
        + match constant {
            Constant::Str(text) => text.len(),
            Constant::Bytes(bytes) => bytes.len(),
            Constant::Type(name) => name.len(),
            Constant::List(items) => items.iter().map(constant_bytes).sum(),
            Constant::Map(entries) => entries
                .iter()
                .map(|(key, value)| constant_bytes(key) + constant_bytes(value))
                .sum(),
            Constant::Optional(inner) => inner.as_deref().map_or(0, constant_bytes),
            _ => 0,
        }
}
