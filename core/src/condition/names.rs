//! What names stand for: variables of macros, attributes, constants, types.

use super::ast::{Expr, ExprId};
use super::check::{Checker, Reference};
use super::error::{ConditionError, ConditionErrorKind};
use super::schema::Declared;
use super::signatures;
use super::types::Type;
use crate::diagnostic::suggest;
use crate::program::condition::{Constant, EvalError};

impl Checker<'_> {
    /// A name or dotted name that stands for something as a whole.
    pub(super) fn name(&mut self, id: ExprId) -> Option<Type> {
        let (name, absolute) = self.ast.dotted(id)?;
        let first = name.split('.').next().unwrap_or_default();
        let local = self
            .scope
            .iter()
            .rev()
            .position(|(local, _)| *local == first);
        if let Some(depth) = local.filter(|_| !absolute) {
            if name != first {
                return None;
            }
            self.refer(
                id,
                Reference::Local(u32::try_from(depth).unwrap_or(u32::MAX)),
            );
            return self.scope.iter().rev().nth(depth).map(|(_, ty)| ty.clone());
        }
        let candidates = self.schema.candidates(&name, absolute);
        candidates
            .iter()
            .find_map(|candidate| self.global(id, candidate))
    }

    pub(super) fn global(&mut self, id: ExprId, name: &str) -> Option<Type> {
        let ty = match self.schema.get(name) {
            Some(Declared::Attribute(declaration)) => {
                let (ty, optional) = (declaration.ty.clone(), declaration.optional);
                self.read(id, name, None, optional)?;
                return Some(ty);
            }
            Some(Declared::Keyed(_) | Declared::Headers(_)) => return None,
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

    pub(super) fn read(
        &mut self,
        id: ExprId,
        name: &str,
        key: Option<&str>,
        optional: bool,
    ) -> Option<()> {
        let attribute = self.schema.slot(name, key)?;
        self.refer(id, Reference::Attribute(attribute));
        if optional {
            self.checked.optional_reads.push((id, attribute));
        }
        Some(())
    }

    /// The keyed attribute that a dotted name stands for.
    pub(super) fn keyed(&self, id: ExprId) -> Option<String> {
        let (name, absolute) = self.ast.dotted(id)?;
        let first = name.split('.').next().unwrap_or_default();
        if !absolute && self.scope.iter().any(|(local, _)| *local == first) {
            return None;
        }
        let mut candidates = self.schema.candidates(&name, absolute).into_iter();
        candidates.find(|name| {
            matches!(
                self.schema.get(name),
                Some(Declared::Keyed(_) | Declared::Headers(_))
            )
        })
    }

    /// Reads one of a keyed attribute's attributes.
    pub(super) fn keyed_read(&mut self, id: ExprId, name: &str, key: &str) -> Type {
        self.header_name(id, name, key);
        let (ty, optional) = match self.schema.get(name) {
            Some(Declared::Keyed(declaration) | Declared::Headers(declaration)) => {
                (declaration.ty.clone(), declaration.optional)
            }
            _ => return Type::Dyn,
        };
        match self.read(id, name, Some(key), optional) {
            Some(()) => ty,
            None => Type::Dyn,
        }
    }

    /// Whether the request has one of a keyed attribute's attributes.
    pub(super) fn keyed_has(&mut self, id: ExprId, name: &str, key: &str) -> Type {
        self.header_name(id, name, key);
        if let Some(attribute) = self.schema.slot(name, Some(key)) {
            self.refer(id, Reference::HasAttribute(attribute));
        }
        Type::Bool
    }

    /// Reports a header that no request has under this name.
    fn header_name(&mut self, id: ExprId, name: &str, key: &str) {
        let odd = |letter: char| letter.is_ascii_uppercase() || letter == '_';
        if !matches!(self.schema.get(name), Some(Declared::Headers(_))) || !key.contains(odd) {
            return;
        }
        let message = format!("`{key}` is no header name in lower case without `_`");
        let error = ConditionError::new(
            ConditionErrorKind::InvalidConstant,
            self.ast.range(id),
            message,
        );
        let meant = key.to_ascii_lowercase().replace('_', "-");
        self.report(error.with_help(format!("write `{name}['{meant}']`")));
    }

    pub(super) fn unknown_name(&mut self, id: ExprId) -> Type {
        self.refer(id, Reference::Fail(EvalError::UnknownName));
        let Some((name, _)) = self.ast.dotted(id) else {
            return Type::Dyn;
        };
        let range = self.ast.range(id);
        let error = if self.keyed(id).is_some() {
            let message = format!("`{name}` is read one name at a time");
            ConditionError::new(ConditionErrorKind::Unsupported, range, message)
                .with_help(format!("write `{name}['name']`"))
        } else {
            let message = format!("unknown attribute `{name}`");
            let error = ConditionError::new(ConditionErrorKind::UnknownName, range, message);
            let locals = self.scope.iter().map(|(local, _)| *local);
            match suggest(&name, self.schema.names().chain(locals)) {
                Some(meant) => error.with_help(format!("did you mean `{meant}`?")),
                None if name.contains(".attr.") => error.with_help("declare it under `attributes`"),
                None => error,
            }
        };
        self.report(error);
        Type::Dyn
    }

    /// Whether a dotted name begins with nothing that is known.
    pub(super) fn is_unknown(&mut self, id: ExprId) -> bool {
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

    pub(super) fn has(&mut self, id: ExprId, operand: ExprId, field: &str) -> Type {
        let dotted = self.ast.dotted(operand).filter(|(name, absolute)| {
            let first = name.split('.').next().unwrap_or_default();
            *absolute || !self.scope.iter().any(|(local, _)| *local == first)
        });
        if let Some((name, absolute)) = dotted {
            let candidates = self.schema.candidates(&format!("{name}.{field}"), absolute);
            if let Some(attribute) = candidates
                .iter()
                .find_map(|name| self.schema.slot(name, None))
            {
                self.refer(id, Reference::HasAttribute(attribute));
                return Type::Bool;
            }
            let constant =
                |name: &String| matches!(self.schema.get(name), Some(Declared::Constant(_)));
            if candidates.iter().any(constant) {
                self.refer(id, Reference::Constant(Constant::Bool(true)));
                return Type::Bool;
            }
            if let Some(keyed) = self.keyed(operand) {
                return self.keyed_has(id, &keyed, field);
            }
        }
        let container = self.expr(operand);
        self.field(id, container, false);
        Type::Bool
    }

    /// `math.abs` for `math` before the dot, if that is a function and no variable.
    pub(super) fn namespace(&self, target: ExprId, name: &str) -> Option<String> {
        let (namespace, absolute) = self.ast.dotted(target)?;
        let first = namespace.split('.').next().unwrap_or_default();
        let local = !absolute && self.scope.iter().any(|(local, _)| *local == first);
        let qualified = format!("{namespace}.{name}");
        (!local && signatures::exists(&qualified, false)).then_some(qualified)
    }
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
