//! Names and types: what each node of the tree refers to, and of which type it is.
//!
//! Unchecked, as `gatelet eval` runs without types, only names are resolved:
//! what does not fit is `dyn` and fails when it is evaluated.

use super::ast::{Ast, BinaryOp, Expr, ExprId, Loop};
use super::error::{ConditionError, ConditionErrorKind};
use super::schema::Schema;
use super::signatures;
use super::types::{Substitution, Type};
use crate::program::condition::{AttributeId, Constant, EvalError, Function, LoopKind};

/// What a node of the tree stands for, where its form does not say.
#[derive(Clone, Debug)]
pub(super) enum Reference {
    Attribute(AttributeId),
    /// Whether the request has the attribute.
    HasAttribute(AttributeId),
    /// The variable so many loops and bindings out.
    Local(u32),
    Constant(Constant),
    /// A call; `target` says whether what stands before the dot is its first argument.
    Call {
        function: Function,
        target: bool,
    },
    Fail(EvalError),
}

/// The outcome of checking.
pub(super) struct Checked {
    types: Vec<Type>,
    references: Vec<Option<Reference>>,
    pub(super) errors: Vec<ConditionError>,
    /// Optional attributes that are read, by the node that reads them.
    pub(super) optional_reads: Vec<(ExprId, AttributeId)>,
}

impl Checked {
    pub(super) fn ty(&self, id: ExprId) -> &Type {
        self.types.get(id.index()).unwrap_or(&Type::Dyn)
    }

    pub(super) fn reference(&self, id: ExprId) -> Option<&Reference> {
        self.references.get(id.index()).and_then(Option::as_ref)
    }

    /// Optional attributes that the expression reads but never asks `has()` about.
    pub(super) fn unguarded(&self) -> impl Iterator<Item = (ExprId, AttributeId)> {
        let guarded = |wanted: AttributeId| {
            self.references
                .iter()
                .flatten()
                .any(|held| matches!(held, Reference::HasAttribute(tested) if *tested == wanted))
        };
        self.optional_reads
            .iter()
            .copied()
            .filter(move |(_, read)| !guarded(*read))
    }
}

/// Resolves and checks a whole tree.
pub(super) fn check(ast: &Ast, schema: &mut Schema, typed: bool) -> Checked {
    let mut checker = Checker {
        ast,
        schema,
        typed,
        substitution: Substitution::default(),
        scope: Vec::new(),
        checked: Checked {
            types: vec![Type::Dyn; ast.len()],
            references: vec![None; ast.len()],
            errors: Vec::new(),
            optional_reads: Vec::new(),
        },
    };
    if let Some(root) = ast.root() {
        checker.expr(root);
    }
    let Checker {
        mut checked,
        substitution,
        ..
    } = checker;
    for held in &mut checked.types {
        *held = substitution.resolve(held);
    }
    checked
}

pub(super) struct Checker<'a> {
    pub(super) ast: &'a Ast,
    pub(super) schema: &'a mut Schema,
    typed: bool,
    pub(super) substitution: Substitution,
    /// The variables in sight with their types, innermost last.
    pub(super) scope: Vec<(&'a str, Type)>,
    pub(super) checked: Checked,
}

impl<'a> Checker<'a> {
    pub(super) fn expr(&mut self, id: ExprId) -> Type {
        let ty = self.form(id);
        if let Some(held) = self.checked.types.get_mut(id.index()) {
            held.clone_from(&ty);
        }
        ty
    }

    fn form(&mut self, id: ExprId) -> Type {
        let ast = self.ast;
        let Some(expr) = ast.get(id) else {
            return Type::Dyn;
        };
        match expr {
            Expr::Literal(constant) => Type::of(constant),
            Expr::Ident { .. } => self.name(id).unwrap_or_else(|| self.unknown_name(id)),
            Expr::Select {
                operand, optional, ..
            } => self.select(id, *operand, *optional),
            Expr::Has { operand, field } => self.has(id, *operand, field),
            Expr::Index {
                operand,
                index,
                optional,
            } => self.index(id, *operand, *index, *optional),
            Expr::Call {
                target,
                name,
                arguments,
            } => self.call(id, *target, name, arguments),
            Expr::And(operands) | Expr::Or(operands) => {
                for operand in operands {
                    self.expect_bool(*operand);
                }
                Type::Bool
            }
            Expr::Not(operand) => {
                self.expect_bool(*operand);
                Type::Bool
            }
            Expr::Negate(operand) => self.negate(id, *operand),
            Expr::Conditional {
                test,
                then,
                otherwise,
            } => self.conditional(id, *test, *then, *otherwise),
            Expr::Binary { op, left, right } => self.binary(id, *op, *left, *right),
            Expr::List(_) => self.list(id),
            Expr::Map(_) => self.map(id),
            Expr::Loop(node) => self.run(id, node),
            Expr::Bind {
                variable,
                init,
                body,
            } => {
                let init = self.expr(*init);
                self.within(&[(variable, init)], *body)
            }
            Expr::OptionalMap {
                operand,
                variable,
                body,
                flat,
            } => {
                let inner = self.optional_operand(*operand);
                let body_type = self.within(&[(variable, inner)], *body);
                if *flat {
                    let inner = self.unwrap_optional(*body, body_type);
                    Type::optional(inner)
                } else {
                    Type::optional(body_type)
                }
            }
        }
    }

    fn within(&mut self, variables: &[(&'a str, Type)], body: ExprId) -> Type {
        let outer = self.scope.len();
        self.scope.extend_from_slice(variables);
        let ty = self.expr(body);
        self.scope.truncate(outer);
        ty
    }

    pub(super) fn refer(&mut self, id: ExprId, reference: Reference) {
        if let Some(held) = self.checked.references.get_mut(id.index()) {
            *held = Some(reference);
        }
    }

    pub(super) fn report(&mut self, error: ConditionError) {
        if self.typed {
            self.checked.errors.push(error);
        }
    }

    pub(super) fn mismatch(&mut self, id: ExprId, message: String) -> Type {
        let range = self.ast.range(id);
        self.report(ConditionError::new(
            ConditionErrorKind::TypeMismatch,
            range,
            message,
        ));
        Type::Dyn
    }

    pub(super) fn shown(&self, ty: &Type) -> String {
        self.substitution.resolve(ty).to_string()
    }

    fn expect_bool(&mut self, id: ExprId) {
        let ty = self.expr(id);
        self.require_bool(id, &ty);
    }

    fn require_bool(&mut self, id: ExprId, ty: &Type) {
        if !self.substitution.assign(&Type::Bool, ty) {
            let message = format!("this must be a bool, and it is {}", self.shown(ty));
            self.mismatch(id, message);
        }
    }

    fn select(&mut self, id: ExprId, operand: ExprId, optional: bool) -> Type {
        if !optional {
            if let Some(ty) = self.name(id) {
                return ty;
            }
            if let Some(name) = self.keyed(operand)
                && let Some(Expr::Select { field, .. }) = self.ast.get(id)
            {
                return self.keyed_read(id, &name, field);
            }
            if self.keyed(id).is_some() || self.is_unknown(id) {
                return self.unknown_name(id);
            }
        }
        let container = self.expr(operand);
        self.field(id, container, optional)
    }

    pub(super) fn field(&mut self, id: ExprId, container: Type, optional: bool) -> Type {
        let ty = match self.substitution.head(container) {
            Type::Map(_, value) => *value,
            Type::Optional(inner) => {
                let field = self.field(id, *inner, false);
                return Type::optional(field);
            }
            Type::Dyn => Type::Dyn,
            free @ Type::Var(_) => {
                self.substitution.assign(&free, &Type::Dyn);
                Type::Dyn
            }
            other => {
                let message = format!("a value of type {} has no fields", self.shown(&other));
                self.mismatch(id, message)
            }
        };
        if optional { Type::optional(ty) } else { ty }
    }

    fn index(&mut self, id: ExprId, operand: ExprId, index: ExprId, optional: bool) -> Type {
        if let Some(name) = self.keyed(operand)
            && !optional
        {
            return match self.ast.get(index) {
                Some(Expr::Literal(Constant::Str(key))) => self.keyed_read(id, &name, key),
                _ => self.unknown_name(operand),
            };
        }
        let container = self.expr(operand);
        let key = self.expr(index);
        let ty = self.element(id, container, &key);
        match (optional, ty) {
            (true, Type::Optional(inner)) => Type::Optional(inner),
            (true, ty) => Type::optional(ty),
            (false, ty) => ty,
        }
    }

    fn element(&mut self, id: ExprId, container: Type, key: &Type) -> Type {
        let (wanted, ty) = match self.substitution.head(container) {
            Type::List(element) => (Type::Int, *element),
            Type::Map(wanted, value) => (*wanted, *value),
            Type::Optional(inner) => {
                let element = self.element(id, *inner, key);
                return Type::optional(element);
            }
            Type::Dyn | Type::Var(_) => return Type::Dyn,
            other => {
                let message = format!("a value of type {} has no elements", self.shown(&other));
                return self.mismatch(id, message);
            }
        };
        if !self.substitution.assign(&wanted, key) {
            let message = format!(
                "the index must be {}, and it is {}",
                self.shown(&wanted),
                self.shown(key)
            );
            return self.mismatch(id, message);
        }
        ty
    }

    fn negate(&mut self, id: ExprId, operand: ExprId) -> Type {
        let ty = self.expr(operand);
        match self.substitution.head(ty) {
            known @ (Type::Int | Type::Double | Type::Dyn) => known,
            Type::Var(_) => Type::Dyn,
            other => {
                let message = format!("`-` takes an int or a double, not {}", self.shown(&other));
                self.mismatch(id, message)
            }
        }
    }

    fn conditional(&mut self, id: ExprId, test: ExprId, then: ExprId, otherwise: ExprId) -> Type {
        self.expect_bool(test);
        let (then, otherwise) = (self.expr(then), self.expr(otherwise));
        let result = self.substitution.fresh();
        let fits = self.substitution.attempt(|substitution| {
            substitution.assign(&result, &then) && substitution.assign(&result, &otherwise)
        });
        if !fits {
            let (then, otherwise) = (self.shown(&then), self.shown(&otherwise));
            let message = format!("the branches are of different types: {then} and {otherwise}");
            return self.mismatch(id, message);
        }
        self.substitution.head(result)
    }

    fn binary(&mut self, id: ExprId, op: BinaryOp, left: ExprId, right: ExprId) -> Type {
        if op == BinaryOp::In
            && let Some(name) = self.keyed(right)
            && let Some(Expr::Literal(Constant::Str(key))) = self.ast.get(left)
        {
            return self.keyed_has(id, &name, key);
        }
        let (left, right) = (self.expr(left), self.expr(right));
        let result = signatures::binary(&mut self.substitution, op, &left, &right);
        result.unwrap_or_else(|| self.mismatched_operands(id, op, &left, &right))
    }

    fn mismatched_operands(&mut self, id: ExprId, op: BinaryOp, left: &Type, right: &Type) -> Type {
        let shown = (self.shown(left), self.shown(right));
        let message = format!(
            "`{}` does not take {} and {}",
            op.symbol(),
            shown.0,
            shown.1
        );
        let kind = ConditionErrorKind::TypeMismatch;
        let error = ConditionError::new(kind, self.ast.range(id), message);
        self.report(match conversion(left, right) {
            Some(function) => error.with_help(format!("convert with `{function}()`")),
            None => error,
        });
        if matches!(op, BinaryOp::Arithmetic(_)) {
            Type::Dyn
        } else {
            Type::Bool
        }
    }

    fn list(&mut self, id: ExprId) -> Type {
        let ast = self.ast;
        let Some(Expr::List(items)) = ast.get(id) else {
            return Type::Dyn;
        };
        let mut element: Option<Type> = None;
        for item in items {
            let ty = self.item(item.value, item.optional);
            element = Some(match element {
                None => ty,
                Some(before) => self.substitution.join(&before, &ty),
            });
        }
        Type::list(element.unwrap_or_else(|| self.substitution.fresh()))
    }

    fn map(&mut self, id: ExprId) -> Type {
        let ast = self.ast;
        let Some(Expr::Map(entries)) = ast.get(id) else {
            return Type::Dyn;
        };
        let mut joined: Option<(Type, Type)> = None;
        for entry in entries {
            let key = self.expr(entry.key);
            let value = self.item(entry.value, entry.optional);
            joined = Some(match joined {
                None => (key, value),
                Some((before_key, before)) => (
                    self.substitution.join(&before_key, &key),
                    self.substitution.join(&before, &value),
                ),
            });
        }
        let (key, value) =
            joined.unwrap_or_else(|| (self.substitution.fresh(), self.substitution.fresh()));
        Type::map(key, value)
    }

    /// The type of an element; of an optional one, that of what it holds.
    fn item(&mut self, id: ExprId, optional: bool) -> Type {
        if optional {
            self.optional_operand(id)
        } else {
            self.expr(id)
        }
    }

    fn optional_operand(&mut self, id: ExprId) -> Type {
        let ty = self.expr(id);
        self.unwrap_optional(id, ty)
    }

    fn unwrap_optional(&mut self, id: ExprId, ty: Type) -> Type {
        let inner = self.substitution.fresh();
        if self
            .substitution
            .assign(&Type::optional(inner.clone()), &ty)
        {
            return self.substitution.head(inner);
        }
        let message = format!("this must be an optional, and it is {}", self.shown(&ty));
        self.mismatch(id, message)
    }

    fn run(&mut self, id: ExprId, node: &'a Loop) -> Type {
        let range = self.expr(node.range);
        let (key, element) = self.elements(node, range);
        let outer = self.scope.len();
        self.scope
            .extend(node.second.as_ref().map(|_| (&*node.first, key.clone())));
        let last = node.second.as_ref().unwrap_or(&node.first);
        self.scope.push((last, element.clone()));
        if let Some(filter) = node.filter {
            self.expect_bool(filter);
        }
        let body = self.expr(node.body);
        self.scope.truncate(outer);
        self.loop_type(id, node, key, element, body)
    }

    /// The types of a loop's variables: of one of them, the second.
    fn elements(&mut self, node: &Loop, range: Type) -> (Type, Type) {
        match self.substitution.head(range) {
            Type::List(element) => (Type::Int, *element),
            Type::Map(key, value) if node.second.is_some() => (*key, *value),
            Type::Map(key, _) => (*key.clone(), *key),
            Type::Dyn | Type::Var(_) => (Type::Dyn, Type::Dyn),
            other => {
                let message = format!("a value of type {} is no list or map", self.shown(&other));
                self.mismatch(node.range, message);
                (Type::Dyn, Type::Dyn)
            }
        }
    }

    fn loop_type(&mut self, id: ExprId, node: &Loop, key: Type, element: Type, body: Type) -> Type {
        match node.kind {
            LoopKind::All | LoopKind::Exists | LoopKind::ExistsOne => {
                self.require_bool(node.body, &body);
                Type::Bool
            }
            LoopKind::Filter => {
                self.require_bool(node.body, &body);
                Type::list(element)
            }
            LoopKind::List => Type::list(body),
            LoopKind::Map => Type::map(key, body),
            LoopKind::MapEntry => match self.substitution.head(body) {
                entry @ (Type::Map(..) | Type::Dyn) => entry,
                other => {
                    let message = format!("this must be a map, and it is {}", self.shown(&other));
                    self.mismatch(id, message)
                }
            },
        }
    }
}

/// The function that makes the one type out of the other.
fn conversion(left: &Type, right: &Type) -> Option<&'static str> {
    Some(match (left, right) {
        (Type::Ip, Type::Str) | (Type::Str, Type::Ip) => "ip",
        (Type::Cidr, Type::Str) | (Type::Str, Type::Cidr) => "cidr",
        (Type::Timestamp, Type::Str) | (Type::Str, Type::Timestamp) => "timestamp",
        (Type::Duration, Type::Str) | (Type::Str, Type::Duration) => "duration",
        (Type::Int, Type::Str | Type::Uint | Type::Double)
        | (Type::Str | Type::Uint | Type::Double, Type::Int) => "int",
        (Type::Double, Type::Str | Type::Uint) | (Type::Str | Type::Uint, Type::Double) => "double",
        (Type::Uint, Type::Str) | (Type::Str, Type::Uint) => "uint",
        _ => return None,
    })
}
