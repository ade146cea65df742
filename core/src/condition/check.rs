//! Names and types: what each node of the tree refers to, and of which type it is.
//!
//! Unchecked, as `gatelet eval` runs without types, only names are resolved:
//! what does not fit is `dyn` and fails when it is evaluated.

use super::ast::{Ast, BinaryOp, Expr, ExprId, Loop};
use super::error::{ConditionError, ConditionErrorKind, closest};
use super::schema::{Declared, Schema};
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
    Call { function: Function, target: bool },
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
            self.references.iter().flatten().any(
                |held| matches!(held, Reference::HasAttribute(tested) if *tested == wanted),
            )
        };
        self.optional_reads.iter().copied().filter(move |(_, read)| !guarded(*read))
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
    let Checker { mut checked, substitution, .. } = checker;
    for held in &mut checked.types {
        *held = substitution.resolve(held);
    }
    checked
}

struct Checker<'a> {
    ast: &'a Ast,
    schema: &'a mut Schema,
    typed: bool,
    substitution: Substitution,
    /// The variables in sight with their types, innermost last.
    scope: Vec<(&'a str, Type)>,
    checked: Checked,
}

impl<'a> Checker<'a> {
    fn expr(&mut self, id: ExprId) -> Type {
        let ty = self.form(id);
        if let Some(held) = self.checked.types.get_mut(id.index()) {
            held.clone_from(&ty);
        }
        ty
    }

    fn form(&mut self, id: ExprId) -> Type {
        let ast = self.ast;
        let Some(expr) = ast.get(id) else { return Type::Dyn };
        match expr {
            Expr::Literal(constant) => Type::of(constant),
            Expr::Ident { .. } => self.name(id).unwrap_or_else(|| self.unknown_name(id)),
            Expr::Select { operand, optional, .. } => self.select(id, *operand, *optional),
            Expr::Has { operand, field } => self.has(id, *operand, field),
            Expr::Index { operand, index, optional } => {
                self.index(id, *operand, *index, *optional)
            }
            Expr::Call { target, name, arguments } => self.call(id, *target, name, arguments),
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
            Expr::Conditional { test, then, otherwise } => {
                self.conditional(id, *test, *then, *otherwise)
            }
            Expr::Binary { op, left, right } => self.binary(id, *op, *left, *right),
            Expr::List(_) => self.list(id),
            Expr::Map(_) => self.map(id),
            Expr::Loop(node) => self.run(id, node),
            Expr::Bind { variable, init, body } => {
                let init = self.expr(*init);
                self.within(&[(variable, init)], *body)
            }
            Expr::OptionalMap { operand, variable, body, flat } => {
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

    fn refer(&mut self, id: ExprId, reference: Reference) {
        if let Some(held) = self.checked.references.get_mut(id.index()) {
            *held = Some(reference);
        }
    }

    fn report(&mut self, error: ConditionError) {
        if self.typed {
            self.checked.errors.push(error);
        }
    }

    fn mismatch(&mut self, id: ExprId, message: String) -> Type {
        let range = self.ast.range(id);
        self.report(ConditionError::new(ConditionErrorKind::TypeMismatch, range, message));
        Type::Dyn
    }

    fn shown(&self, ty: &Type) -> String {
        self.substitution.resolve(ty).to_string()
    }

    fn expect_bool(&mut self, id: ExprId) {
        let ty = self.expr(id);
        if !self.substitution.assign(&Type::Bool, &ty) {
            let message = format!("this must be a bool, and it is {}", self.shown(&ty));
            self.mismatch(id, message);
        }
    }

    /// A name or dotted name that stands for something as a whole.
    fn name(&mut self, id: ExprId) -> Option<Type> {
        let (name, absolute) = self.ast.dotted(id)?;
        let first = name.split('.').next().unwrap_or_default();
        let local = self.scope.iter().rev().position(|(local, _)| *local == first);
        if let Some(depth) = local.filter(|_| !absolute) {
            if name != first {
                return None;
            }
            self.refer(id, Reference::Local(u32::try_from(depth).unwrap_or(u32::MAX)));
            return self.scope.iter().rev().nth(depth).map(|(_, ty)| ty.clone());
        }
        let candidates = self.schema.candidates(&name, absolute);
        candidates.iter().find_map(|candidate| self.global(id, candidate))
    }

    fn global(&mut self, id: ExprId, name: &str) -> Option<Type> {
        let ty = match self.schema.get(name) {
            Some(Declared::Attribute(declaration)) => {
                let (ty, optional) = (declaration.ty.clone(), declaration.optional);
                self.read(id, name, None, optional)?;
                return Some(ty);
            }
            Some(Declared::Keyed(_)) => return None,
            Some(Declared::Constant(constant)) => {
                let constant = constant.clone();
                let ty = Type::of(&constant);
                self.refer(id, Reference::Constant(constant));
                return Some(ty);
            }
            None => TYPE_NAMES.iter().find(|held| **held == name)?,
        };
        self.refer(id, Reference::Constant(Constant::Type((*ty).into())));
        Some(Type::Type)
    }

    fn read(&mut self, id: ExprId, name: &str, key: Option<&str>, optional: bool) -> Option<()> {
        let attribute = self.schema.slot(name, key)?;
        self.refer(id, Reference::Attribute(attribute));
        if optional {
            self.checked.optional_reads.push((id, attribute));
        }
        Some(())
    }

    /// The keyed attribute that a dotted name stands for.
    fn keyed(&self, id: ExprId) -> Option<String> {
        let (name, absolute) = self.ast.dotted(id)?;
        let first = name.split('.').next().unwrap_or_default();
        if !absolute && self.scope.iter().any(|(local, _)| *local == first) {
            return None;
        }
        let mut candidates = self.schema.candidates(&name, absolute).into_iter();
        candidates.find(|name| matches!(self.schema.get(name), Some(Declared::Keyed(_))))
    }

    /// Reads one of a keyed attribute's attributes.
    fn keyed_read(&mut self, id: ExprId, name: &str, key: &str) -> Type {
        let Some(Declared::Keyed(declaration)) = self.schema.get(name) else { return Type::Dyn };
        let (ty, optional) = (declaration.ty.clone(), declaration.optional);
        let _ = self.read(id, name, Some(key), optional);
        ty
    }

    fn unknown_name(&mut self, id: ExprId) -> Type {
        self.refer(id, Reference::Fail(EvalError::UnknownName));
        let Some((name, _)) = self.ast.dotted(id) else { return Type::Dyn };
        let range = self.ast.range(id);
        let error = if self.keyed(id).is_some() {
            let message = format!("`{name}` is read one name at a time");
            ConditionError::new(ConditionErrorKind::Unsupported, range, message)
                .with_help(format!("write `{name}['name']`"))
        } else {
            let message = format!("unknown attribute `{name}`");
            let error = ConditionError::new(ConditionErrorKind::UnknownName, range, message);
            let locals = self.scope.iter().map(|(local, _)| *local);
            match closest(&name, self.schema.names().chain(locals)) {
                Some(meant) => error.with_help(format!("did you mean `{meant}`?")),
                None if name.contains(".attr.") => {
                    error.with_help("declare it under `attributes`")
                }
                None => error,
            }
        };
        self.report(error);
        Type::Dyn
    }

    /// Whether a dotted name begins with nothing that is known.
    fn is_unknown(&mut self, id: ExprId) -> bool {
        let mut node = id;
        if self.ast.dotted(id).is_none() {
            return false;
        }
        loop {
            let known = match self.ast.dotted(node) {
                Some((name, absolute)) => {
                    let first = name.split('.').next().unwrap_or_default();
                    let local = !absolute && self.scope.iter().any(|(local, _)| *local == first);
                    let candidates = self.schema.candidates(&name, absolute);
                    local
                        || candidates.iter().any(|candidate| {
                            self.schema.get(candidate).is_some()
                                || TYPE_NAMES.contains(&candidate.as_str())
                        })
                }
                None => true,
            };
            match self.ast.get(node) {
                _ if known => return false,
                Some(Expr::Select { operand, .. }) => node = *operand,
                _ => return true,
            }
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
            if self.is_unknown(id) {
                return self.unknown_name(id);
            }
        }
        let container = self.expr(operand);
        self.field(id, container, optional)
    }

    fn field(&mut self, id: ExprId, container: Type, optional: bool) -> Type {
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

    fn has(&mut self, id: ExprId, operand: ExprId, field: &str) -> Type {
        let dotted = self.ast.dotted(operand).filter(|(name, absolute)| {
            let first = name.split('.').next().unwrap_or_default();
            *absolute || !self.scope.iter().any(|(local, _)| *local == first)
        });
        let mut attribute = None;
        if let Some((name, absolute)) = dotted {
            let candidates = self.schema.candidates(&format!("{name}.{field}"), absolute);
            attribute = candidates.iter().find_map(|name| self.schema.slot(name, None));
            let keyed = self.keyed(operand);
            attribute = attribute.or_else(|| self.schema.slot(&keyed?, Some(field)));
        }
        if let Some(attribute) = attribute {
            self.refer(id, Reference::HasAttribute(attribute));
            return Type::Bool;
        }
        let container = self.expr(operand);
        self.field(id, container, false);
        Type::Bool
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
            let message =
                format!("the index must be {}, and it is {}", self.shown(&wanted), self.shown(key));
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
            && let Some(attribute) = self.schema.slot(&name, Some(key))
        {
            self.refer(id, Reference::HasAttribute(attribute));
            return Type::Bool;
        }
        let (left, right) = (self.expr(left), self.expr(right));
        match signatures::binary(&mut self.substitution, op, &left, &right) {
            Some(result) => result,
            None => {
                let (left, right) = (self.shown(&left), self.shown(&right));
                let message = format!("`{}` does not take {left} and {right}", op.symbol());
                self.mismatch(id, message);
                if matches!(op, BinaryOp::Arithmetic(_)) { Type::Dyn } else { Type::Bool }
            }
        }
    }

    fn list(&mut self, id: ExprId) -> Type {
        let ast = self.ast;
        let Some(Expr::List(items)) = ast.get(id) else { return Type::Dyn };
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
        let Some(Expr::Map(entries)) = ast.get(id) else { return Type::Dyn };
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
        if optional { self.optional_operand(id) } else { self.expr(id) }
    }

    fn optional_operand(&mut self, id: ExprId) -> Type {
        let ty = self.expr(id);
        self.unwrap_optional(id, ty)
    }

    fn unwrap_optional(&mut self, id: ExprId, ty: Type) -> Type {
        let inner = self.substitution.fresh();
        if self.substitution.assign(&Type::optional(inner.clone()), &ty) {
            return self.substitution.head(inner);
        }
        let message = format!("this must be an optional, and it is {}", self.shown(&ty));
        self.mismatch(id, message)
    }

    fn run(&mut self, id: ExprId, node: &'a Loop) -> Type {
        let range = self.expr(node.range);
        let (key, element) = match self.substitution.head(range) {
            Type::List(element) => (Type::Int, *element),
            Type::Map(key, value) => (*key.clone(), if node.second.is_some() { *value } else { *key }),
            Type::Dyn | Type::Var(_) => (Type::Dyn, Type::Dyn),
            other => {
                let message = format!("a value of type {} is no list or map", self.shown(&other));
                self.mismatch(node.range, message);
                (Type::Dyn, Type::Dyn)
            }
        };
        let outer = self.scope.len();
        match &node.second {
            Some(second) => {
                self.scope.push((&node.first, key.clone()));
                self.scope.push((second, element.clone()));
            }
            None => self.scope.push((&node.first, element.clone())),
        }
        if let Some(filter) = node.filter {
            self.expect_bool(filter);
        }
        let ty = match node.kind {
            LoopKind::All | LoopKind::Exists | LoopKind::ExistsOne => {
                self.expect_bool(node.body);
                Type::Bool
            }
            LoopKind::Filter => {
                self.expect_bool(node.body);
                Type::list(element)
            }
            LoopKind::List => Type::list(self.expr(node.body)),
            LoopKind::Map => Type::map(key, self.expr(node.body)),
            LoopKind::MapEntry => {
                let entry = self.expr(node.body);
                match self.substitution.head(entry) {
                    entry @ (Type::Map(..) | Type::Dyn) => entry,
                    other => {
                        let message = format!("this must be a map, and it is {}", self.shown(&other));
                        self.mismatch(id, message)
                    }
                }
            }
        };
        self.scope.truncate(outer);
        ty
    }

    fn call(
        &mut self,
        id: ExprId,
        target: Option<ExprId>,
        name: &str,
        arguments: &[ExprId],
    ) -> Type {
        let qualified = target.and_then(|target| self.namespace(target, name));
        let (name, target) = match &qualified {
            Some(qualified) => (qualified.as_str(), None),
            None => (name, target),
        };
        let variadic = signatures::VARIADIC.iter().find(|(held, _)| *held == name);
        let known = signatures::exists(name, target.is_some());
        let types: Vec<Type> =
            target.iter().chain(arguments).map(|argument| self.expr(*argument)).collect();
        if !known {
            return self.unknown_function(id, name, target.is_some());
        }
        if let (Some((_, function)), None) = (variadic, target) {
            self.refer(id, Reference::Call { function: *function, target: false });
            return self.extreme(id, name, &types);
        }
        match self.overload(name, target.is_some(), &types) {
            Some((function, result)) => {
                self.refer(id, Reference::Call { function, target: target.is_some() });
                result
            }
            None => {
                self.refer(id, Reference::Fail(EvalError::NoOverload));
                let types: Vec<String> = types.iter().map(|ty| self.shown(ty)).collect();
                let (receiver, taken) = match (target, types.split_first()) {
                    (Some(_), Some((receiver, taken))) => (format!("{receiver}."), taken),
                    _ => (String::new(), types.as_slice()),
                };
                let message = format!("there is no `{receiver}{name}({})`", taken.join(", "));
                self.mismatch(id, message)
            }
        }
    }

    /// The result of the overloads that take the arguments, and their function.
    fn overload(&mut self, name: &str, member: bool, types: &[Type]) -> Option<(Function, Type)> {
        let mut found: Option<(Function, Type)> = None;
        for signature in signatures::SIGNATURES {
            let named = signature.name == name && signature.member == member;
            if !named || signature.parameters.len() != types.len() {
                continue;
            }
            let (a, b) = (self.substitution.fresh(), self.substitution.fresh());
            let fits = self.substitution.attempt(|substitution| {
                let mut pairs = signature.parameters.iter().zip(types);
                pairs.all(|(wanted, given)| substitution.assign(&wanted.with(&a, &b), given))
            });
            if !fits {
                continue;
            }
            let result = signature.result.with(&a, &b);
            found = Some(match found {
                Some((function, before)) if self.shown(&before) != self.shown(&result) => {
                    (function, Type::Dyn)
                }
                _ => (signature.function, result),
            });
        }
        found
    }

    /// `math.greatest` takes numbers of any types, or one list of them.
    fn extreme(&mut self, id: ExprId, name: &str, types: &[Type]) -> Type {
        let types: Vec<Type> = match types {
            [only] => match self.substitution.resolve(only) {
                Type::List(element) => vec![*element],
                other => vec![other],
            },
            several => several.iter().map(|ty| self.substitution.resolve(ty)).collect(),
        };
        let number = |ty: &Type| ty.is_number() || *ty == Type::Dyn;
        if types.is_empty() || !types.iter().all(number) {
            return self.mismatch(id, format!("`{name}` takes numbers, or a list of numbers"));
        }
        match types.split_first() {
            Some((first, rest)) if rest.iter().all(|next| next == first) => first.clone(),
            _ => Type::Dyn,
        }
    }

    /// `math.abs` for `math` before the dot, if that is a function and no variable.
    fn namespace(&self, target: ExprId, name: &str) -> Option<String> {
        let (namespace, absolute) = self.ast.dotted(target)?;
        let first = namespace.split('.').next().unwrap_or_default();
        let local = !absolute && self.scope.iter().any(|(local, _)| *local == first);
        let qualified = format!("{namespace}.{name}");
        (!local && signatures::exists(&qualified, false)).then_some(qualified)
    }

    fn unknown_function(&mut self, id: ExprId, name: &str, member: bool) -> Type {
        self.refer(id, Reference::Fail(EvalError::UnknownFunction));
        let range = self.ast.range(id);
        let message = format!("unknown function `{name}`");
        let error = ConditionError::new(ConditionErrorKind::UnknownFunction, range, message);
        let error = if signatures::exists(name, !member) {
            let usage = if member { format!("{name}(x)") } else { format!("x.{name}()") };
            error.with_help(format!("write `{usage}`"))
        } else {
            match closest(name, signatures::names()) {
                Some(meant) => error.with_help(format!("did you mean `{meant}`?")),
                None => error,
            }
        };
        self.report(error);
        Type::Dyn
    }
}

/// Whether a type is called so.
pub(super) fn is_type_name(name: &str) -> bool {
    TYPE_NAMES.contains(&name)
}

/// The names of types, which are values too.
const TYPE_NAMES: [&str; 15] = [
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "google.protobuf.Timestamp",
    "google.protobuf.Duration",
    "optional_type",
    "net.IP",
    "net.CIDR",
];
