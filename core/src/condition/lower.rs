//! The checked tree into a program: constants folded, common forms fused,
//! worst case priced.

use super::ast::{Ast, Expr, ExprId};
use super::check::{Checked, Reference};
use super::error::{ConditionError, ConditionErrorKind};
use super::schema::Schema;
use super::types::Type;
use super::{Mode, Profile};
use crate::limits::MAX_CONDITION_COST;
use crate::program::condition::{
    Arena, ArithmeticOp, AttributeId, Attributes, Constant, ConstantId, EvalError, Evaluator, Kids,
    NoRecorder, Node, NodeId, Program, TextId, Value,
};

/// Fuel for all folding of one condition.
const FOLD_FUEL: u32 = 200_000;
/// Most bytes of all constants that folding makes.
const MAX_FOLDED_BYTES: usize = 256 << 10;
/// Most bytes of the automata of all patterns of one condition.
const MAX_AUTOMATA_BYTES: usize = 2 << 20;
/// Assumed size of an element of a list or map, whose size nobody declares.
pub(super) const ELEMENT_SIZE: u32 = 256;

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
    pub(super) const CHEAP: Self = Self {
        cost: 1,
        size: 1,
        builds: false,
        optional: false,
    };

    pub(super) fn sized(size: u32) -> Self {
        Self {
            size,
            ..Self::CHEAP
        }
    }

    pub(super) fn costing(cost: u64) -> Self {
        Self {
            cost,
            ..Self::CHEAP
        }
    }
}

/// A program and what was found on the way.
pub(super) struct Lowered {
    pub(super) program: Program,
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
        regex_bytes: MAX_AUTOMATA_BYTES,
    };
    let root = ast.root().map(|root| lowering.value(root));
    lowering.program.root = root;
    if let Some(root) = root {
        lowering.price(root, MAX_CONDITION_COST);
    }
    Lowered {
        errors: lowering.errors,
        program: lowering.program,
    }
}

pub(super) struct Lowering<'a> {
    pub(super) ast: &'a Ast,
    pub(super) checked: &'a Checked,
    schema: &'a Schema,
    pub(super) mode: Mode,
    pub(super) program: Program,
    pub(super) infos: Vec<Info>,
    pub(super) errors: Vec<ConditionError>,
    fold_fuel: u32,
    fold_bytes: usize,
    /// Bytes left for the automata of patterns.
    pub(super) regex_bytes: usize,
}

impl Lowering<'_> {
    pub(super) fn info(&self, id: NodeId) -> Info {
        self.infos.get(id.index()).copied().unwrap_or_default()
    }

    pub(super) fn report(&mut self, id: ExprId, kind: ConditionErrorKind, message: String) {
        self.errors
            .push(ConditionError::new(kind, self.ast.range(id), message));
    }

    /// Lowers a node whose value is kept: an optional is boxed.
    pub(super) fn value(&mut self, id: ExprId) -> NodeId {
        let node = self.node(id);
        if self.info(node).optional {
            self.refuse_building(id);
        }
        node
    }

    /// Lowers a node that may stay an optional that is not boxed. The frame is
    /// kept small, since trees are deep: each form has a function of its own.
    pub(super) fn node(&mut self, id: ExprId) -> NodeId {
        let ast = self.ast;
        match (self.checked.reference(id), ast.get(id)) {
            (Some(Reference::Call { function, target }), _) => self.call(id, *function, *target),
            (Some(reference), _) => self.reference(id, reference),
            (None, Some(expr)) => self.form(id, expr),
            (None, None) => self.fail(id, EvalError::Malformed),
        }
    }

    fn reference(&mut self, id: ExprId, reference: &Reference) -> NodeId {
        match reference {
            Reference::Attribute(attribute) => {
                let size = self
                    .schema
                    .read(*attribute)
                    .map_or(1, |slot| slot.declaration.max_size);
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
        self.emit(
            id,
            node,
            &[],
            Own::sized(u32::try_from(size).unwrap_or(u32::MAX)),
        )
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
        Kids {
            start,
            count: u32::try_from(kids.len()).unwrap_or(0),
        }
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
        for (operand, bound) in operands
            .iter()
            .map(|id| (id, 0))
            .chain(inner.iter().map(|id| (id, variables)))
        {
            let below = self.info(*operand);
            info.dynamic |= below.dynamic;
            info.free = info.free.max(below.free.saturating_sub(bound));
            info.cost = info.cost.saturating_add(below.cost);
            info.weight = info.weight.saturating_add(below.weight);
        }
        let mut node = node;
        let leaf = matches!(
            node,
            Node::Attribute(_) | Node::HasAttribute(_) | Node::Local(_)
        );
        let constant = matches!(node, Node::Bool(_) | Node::Constant(_) | Node::Fail(_));
        if !info.dynamic && info.free == 0 && !leaf && !constant {
            match self.fold(node, id) {
                Ok(Some(folded)) => {
                    node = folded;
                    info = Info {
                        size: info.size,
                        cost: 1,
                        own_cost: 1,
                        weight: 1,
                        ..Info::default()
                    };
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
        if !matches!(
            self.mode,
            Mode::Policy(Profile::Strict) | Mode::Number(Profile::Strict)
        ) {
            return;
        }
        let message = "this builds a value for every request";
        let kind = ConditionErrorKind::NeedsExtendedProfile;
        let error = ConditionError::new(kind, self.ast.range(id), message);
        self.errors
            .push(error.with_help("compare without building, or set `profile: extended`"));
    }

    pub(super) fn ty(&self, id: ExprId) -> &Type {
        self.checked.ty(id)
    }

    pub(super) fn adds_numbers(&self, id: ExprId, op: ArithmeticOp) -> bool {
        let plain = |ty: &Type| ty.is_number() || matches!(ty, Type::Timestamp | Type::Duration);
        op != ArithmeticOp::Add || {
            let Some(Expr::Binary { left, right, .. }) = self.ast.get(id) else {
                return false;
            };
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
