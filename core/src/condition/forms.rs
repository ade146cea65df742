//! Syntactic forms into nodes, one function each.

use super::ast::{Expr, ExprId, Loop};
use super::lower::{ELEMENT_SIZE, Lowering, Own, last};
use super::types::Type;
use crate::program::condition::{
    Comprehension, ComprehensionId, Constant, EntriesId, Entry, EvalError, Function, Item, ItemsId,
    LoopKind, Node, NodeId,
};

impl Lowering<'_> {
    pub(super) fn form(&mut self, id: ExprId, expr: &Expr) -> NodeId {
        match expr {
            Expr::Literal(constant) => self.constant(id, constant.clone()),
            Expr::Select {
                operand,
                field,
                optional,
            } => self.select(id, *operand, field, *optional),
            Expr::Has { operand, field } => self.has(id, *operand, field),
            Expr::Index {
                operand,
                index,
                optional,
            } => self.index(id, *operand, *index, *optional),
            Expr::And(operands) => self.logic(id, operands, true),
            Expr::Or(operands) => self.logic(id, operands, false),
            Expr::Not(operand) => self.unary(id, *operand, Node::Not),
            Expr::Negate(operand) => self.unary(id, *operand, Node::Negate),
            Expr::Conditional {
                test,
                then,
                otherwise,
            } => self.conditional(id, *test, *then, *otherwise),
            Expr::Binary { op, left, right } => self.binary(id, *op, *left, *right),
            Expr::List(_) => self.list(id),
            Expr::Map(_) => self.map(id),
            Expr::Loop(node) => self.run(id, node),
            Expr::Bind { init, body, .. } => self.bind(id, *init, *body),
            Expr::OptionalMap {
                operand,
                body,
                flat,
                ..
            } => self.optional_map(id, *operand, *body, *flat),
            Expr::Ident { .. } | Expr::Call { .. } => self.fail(id, EvalError::Malformed),
        }
    }

    fn unary(&mut self, id: ExprId, operand: ExprId, node: fn(NodeId) -> Node) -> NodeId {
        let operand = self.value(operand);
        self.emit(id, node(operand), &[operand], Own::CHEAP)
    }

    fn select(&mut self, id: ExprId, operand: ExprId, field: &str, optional: bool) -> NodeId {
        let operand = self.node(operand);
        let field = self.text(field);
        let node = if optional {
            Node::OptionalSelect(operand, field)
        } else {
            Node::Select(operand, field)
        };
        let own = self.access(operand, optional);
        self.emit(id, node, &[operand], own)
    }

    fn has(&mut self, id: ExprId, operand: ExprId, field: &str) -> NodeId {
        let operand = self.node(operand);
        let field = self.text(field);
        self.emit(id, Node::Has(operand, field), &[operand], Own::costing(2))
    }

    fn bind(&mut self, id: ExprId, init: ExprId, body: ExprId) -> NodeId {
        let init = self.value(init);
        let body = self.value(body);
        let own = Own::sized(self.info(body).size);
        self.emit_binder(id, Node::Bind(init, body), &[init], &[body], 1, own)
    }

    fn optional_map(&mut self, id: ExprId, operand: ExprId, body: ExprId, flat: bool) -> NodeId {
        let operand = self.node(operand);
        let body = if flat {
            self.node(body)
        } else {
            self.value(body)
        };
        let node = if flat {
            Node::OptionalFlatMap(operand, body)
        } else {
            Node::OptionalMap(operand, body)
        };
        let own = Own {
            optional: true,
            ..Own::sized(self.info(body).size)
        };
        self.emit_binder(id, node, &[operand], &[body], 1, own)
    }

    fn access(&self, operand: NodeId, optional: bool) -> Own {
        let info = self.info(operand);
        let own = Own {
            cost: 2,
            ..Own::sized(ELEMENT_SIZE)
        };
        Own {
            optional: optional || info.optional,
            ..own
        }
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
        let mut bools = true;
        for operand in operands {
            let node = self.value(*operand);
            match self.program.node(node) {
                Node::Bool(value) if value == and => continue,
                // One such operand decides, whatever the others are.
                Node::Bool(value) => return self.constant(id, Constant::Bool(value)),
                _ => kids.push(node),
            }
            bools &= *self.ty(*operand) == Type::Bool;
        }
        match kids.as_slice() {
            [] => self.constant(id, Constant::Bool(and)),
            [only] if bools => *only,
            _ => {
                let range = self.kids(&kids);
                let node = if and {
                    Node::And(range)
                } else {
                    Node::Or(range)
                };
                self.emit(id, node, &kids, Own::CHEAP)
            }
        }
    }

    fn conditional(&mut self, id: ExprId, test: ExprId, then: ExprId, otherwise: ExprId) -> NodeId {
        let test = self.value(test);
        let (then, otherwise) = (self.node(then), self.node(otherwise));
        if let Node::Bool(value) = self.program.node(test) {
            return if value { then } else { otherwise };
        }
        let (a, b) = (self.info(then), self.info(otherwise));
        let own = Own {
            optional: a.optional || b.optional,
            ..Own::sized(a.size.max(b.size))
        };
        self.emit(
            id,
            Node::Conditional(test, then, otherwise),
            &[test, then, otherwise],
            own,
        )
    }

    fn list(&mut self, id: ExprId) -> NodeId {
        let ast = self.ast;
        let Some(Expr::List(written)) = ast.get(id) else {
            return self.fail(id, EvalError::Malformed);
        };
        let mut items = Vec::new();
        for item in written {
            let node = if item.optional {
                self.node(item.value)
            } else {
                self.value(item.value)
            };
            items.push(Item {
                node,
                optional: item.optional,
            });
        }
        let kids: Vec<NodeId> = items.iter().map(|item| item.node).collect();
        let size = u32::try_from(items.len()).unwrap_or(u32::MAX);
        self.program.items.push(items.into());
        let node = Node::List(ItemsId(last(self.program.items.len())));
        let own = Own {
            cost: u64::from(size) + 1,
            size,
            builds: true,
            optional: false,
        };
        self.emit(id, node, &kids, own)
    }

    fn map(&mut self, id: ExprId) -> NodeId {
        let ast = self.ast;
        let Some(Expr::Map(written)) = ast.get(id) else {
            return self.fail(id, EvalError::Malformed);
        };
        let mut entries = Vec::new();
        let mut kids = Vec::new();
        for entry in written {
            let key = self.value(entry.key);
            let value = if entry.optional {
                self.node(entry.value)
            } else {
                self.value(entry.value)
            };
            kids.extend([key, value]);
            entries.push(Entry {
                key,
                value,
                optional: entry.optional,
            });
        }
        let size = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        self.program.entries.push(entries.into());
        let node = Node::Map(EntriesId(last(self.program.entries.len())));
        let cost = 1 + u64::from(size) * u64::from(size);
        self.emit(
            id,
            node,
            &kids,
            Own {
                cost,
                size,
                builds: true,
                optional: false,
            },
        )
    }

    fn run(&mut self, id: ExprId, written: &Loop) -> NodeId {
        let range = self.value(written.range);
        let filter = written.filter.map(|filter| self.value(filter));
        let body = self.value(written.body);
        self.finish_run(id, written, range, filter, body)
    }

    /// `list.exists(x, x == 'a')` is `'a' in list`.
    fn membership_loop(
        &mut self,
        id: ExprId,
        written: &Loop,
        range: NodeId,
        body: NodeId,
    ) -> Option<NodeId> {
        let Node::EqualStr(element, text) = self.program.node(body) else {
            return None;
        };
        let is_element = matches!(self.program.node(element), Node::Local(0));
        let exists = written.kind == LoopKind::Exists && written.second.is_none();
        let own = self.member_cost(range);
        (exists && is_element).then(|| self.emit(id, Node::Member(text, range), &[range], own))
    }

    fn finish_run(
        &mut self,
        id: ExprId,
        written: &Loop,
        range: NodeId,
        filter: Option<NodeId>,
        body: NodeId,
    ) -> NodeId {
        if let Some(member) = self.membership_loop(id, written, range, body) {
            return member;
        }
        let mut inner = vec![body];
        inner.extend(filter);
        let variables = 1 + u32::from(written.second.is_some());
        let mut turn = 0_u64;
        let mut weight = 0_u32;
        for id in &inner {
            turn = turn.saturating_add(self.info(*id).cost);
            weight = weight.saturating_add(self.info(*id).weight);
        }
        let weight = weight / 8 + 1;
        let turns = u64::from(self.info(range).size);
        // Emitting adds the cost of the operands once; the loop's own is that of the other turns.
        let all = turns.saturating_mul(turn.saturating_add(u64::from(weight)));
        let cost = all.saturating_sub(turn).max(1);
        let builds = !matches!(
            written.kind,
            LoopKind::All | LoopKind::Exists | LoopKind::ExistsOne
        );
        let size = if builds { self.info(range).size } else { 1 };
        self.program.comprehensions.push(Comprehension {
            kind: written.kind,
            range,
            two_variables: written.second.is_some(),
            filter,
            body,
            weight,
        });
        let node = Node::Comprehension(ComprehensionId(last(self.program.comprehensions.len())));
        let own = Own {
            cost,
            size,
            builds,
            optional: false,
        };
        let node = self.emit_binder(id, node, &[range], &inner, variables, own);
        if let Some(info) = self.infos.get_mut(node.index()) {
            // A loop pays for its turns itself.
            info.weight = 1;
        }
        node
    }

    pub(super) fn call(&mut self, id: ExprId, function: Function, target: bool) -> NodeId {
        let ast = self.ast;
        let Some(Expr::Call {
            target: receiver,
            arguments,
            ..
        }) = ast.get(id)
        else {
            return self.fail(id, EvalError::Malformed);
        };
        let receiver = receiver.filter(|_| target);
        let arguments: Vec<ExprId> = receiver
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        self.function(id, function, &arguments)
    }
}
