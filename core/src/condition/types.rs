//! Types of expressions, and how two of them are reconciled.

use crate::program::condition::Constant;
use std::fmt;

/// Deepest nesting of a type. What is deeper is `dyn`.
const MAX_TYPE_DEPTH: usize = 24;

/// The type of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::enum_variant_names, reason = "CEL calls it `type`")]
pub(crate) enum Type {
    /// Any type; checked at run time.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Str,
    Bytes,
    Timestamp,
    Duration,
    Ip,
    Cidr,
    /// The type of a type.
    Type,
    List(Box<Type>),
    Map(Box<Type>, Box<Type>),
    Optional(Box<Type>),
    /// Not known yet.
    Var(u32),
}

impl Type {
    pub(crate) fn list(element: Self) -> Self {
        Self::List(Box::new(element.shallow()))
    }

    /// A map's type. Keys are simple, so that types grow along one line only.
    pub(crate) fn map(key: Self, value: Self) -> Self {
        let simple = !matches!(key, Self::List(_) | Self::Map(..) | Self::Optional(_));
        let key = if simple { key } else { Self::Dyn };
        Self::Map(Box::new(key), Box::new(value.shallow()))
    }

    pub(crate) fn optional(inner: Self) -> Self {
        Self::Optional(Box::new(inner.shallow()))
    }

    /// The type itself, or `dyn` if it is nested too deep to be nested again.
    fn shallow(self) -> Self {
        if self.depth() >= MAX_TYPE_DEPTH {
            Self::Dyn
        } else {
            self
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::List(inner) | Self::Map(_, inner) | Self::Optional(inner) => 1 + inner.depth(),
            _ => 1,
        }
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }

    /// The type of a constant.
    pub(crate) fn of(constant: &Constant) -> Self {
        match constant {
            Constant::Null => Self::Null,
            Constant::Bool(_) => Self::Bool,
            Constant::Int(_) => Self::Int,
            Constant::Uint(_) => Self::Uint,
            Constant::Double(_) => Self::Double,
            Constant::Str(_) => Self::Str,
            Constant::Bytes(_) => Self::Bytes,
            Constant::Timestamp(_) => Self::Timestamp,
            Constant::Duration(_) => Self::Duration,
            Constant::Ip(_) => Self::Ip,
            Constant::Cidr(_) => Self::Cidr,
            Constant::Type(_) => Self::Type,
            Constant::List(items) => Self::list(common(items.iter().map(Self::of))),
            Constant::Map(entries) => Self::map(
                common(entries.iter().map(|(key, _)| Self::of(key))),
                common(entries.iter().map(|(_, value)| Self::of(value))),
            ),
            Constant::Optional(inner) => {
                Self::optional(inner.as_deref().map_or(Self::Dyn, Self::of))
            }
        }
    }
}

/// The type that all of `types` are, or `dyn`.
fn common(mut types: impl Iterator<Item = Type>) -> Type {
    let first = types.next();
    first
        .filter(|first| types.all(|next| next == *first))
        .unwrap_or(Type::Dyn)
}

impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Dyn | Self::Var(_) => "dyn",
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::Str => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::Ip => "ip",
            Self::Cidr => "cidr",
            Self::Type => "type",
            Self::List(element) => return write!(out, "list({element})"),
            Self::Map(key, value) => return write!(out, "map({key}, {value})"),
            Self::Optional(inner) => return write!(out, "optional({inner})"),
        })
    }
}

/// What the type variables stand for, with a way back.
#[derive(Default)]
pub(super) struct Substitution {
    bound: Vec<Option<Type>>,
    trail: Vec<(u32, Option<Type>)>,
}

impl Substitution {
    /// A variable that stands for nothing yet.
    pub(super) fn fresh(&mut self) -> Type {
        self.bound.push(None);
        Type::Var(u32::try_from(self.bound.len() - 1).unwrap_or(u32::MAX))
    }

    fn get(&self, variable: u32) -> Option<&Type> {
        self.bound.get(variable as usize).and_then(Option::as_ref)
    }

    fn set(&mut self, variable: u32, to: Type) {
        if let Some(slot) = self.bound.get_mut(variable as usize) {
            self.trail.push((variable, slot.replace(to)));
        }
    }

    /// Runs `attempt` and undoes what it bound if it says no.
    pub(super) fn attempt(&mut self, attempt: impl FnOnce(&mut Self) -> bool) -> bool {
        let mark = self.trail.len();
        let held = attempt(self);
        if !held {
            while self.trail.len() > mark {
                let Some((variable, before)) = self.trail.pop() else {
                    break;
                };
                if let Some(slot) = self.bound.get_mut(variable as usize) {
                    *slot = before;
                }
            }
        }
        held
    }

    /// The type that a chain of variables ends in.
    pub(super) fn head(&self, mut of: Type) -> Type {
        for _ in 0..=self.bound.len() {
            match of {
                Type::Var(variable) => match self.get(variable) {
                    Some(bound) => of = bound.clone(),
                    None => return of,
                },
                known => return known,
            }
        }
        Type::Dyn
    }

    /// The type with every variable replaced; a free one is `dyn`.
    pub(super) fn resolve(&self, of: &Type) -> Type {
        self.resolve_to(of, MAX_TYPE_DEPTH)
    }

    fn resolve_to(&self, of: &Type, depth: usize) -> Type {
        let Some(below) = depth.checked_sub(1) else {
            return Type::Dyn;
        };
        let inner = |inner: &Type| Box::new(self.resolve_to(inner, below));
        match self.head(of.clone()) {
            Type::Var(_) => Type::Dyn,
            Type::List(element) => Type::List(inner(&element)),
            Type::Map(key, value) => Type::Map(inner(&key), inner(&value)),
            Type::Optional(held) => Type::Optional(inner(&held)),
            simple => simple,
        }
    }

    /// Whether a value of type `from` may stand where `to` is wanted. Binds variables.
    pub(super) fn assign(&mut self, to: &Type, from: &Type) -> bool {
        self.attempt(|this| this.assignable(to, from, MAX_TYPE_DEPTH))
    }

    fn assignable(&mut self, to: &Type, from: &Type, depth: usize) -> bool {
        let Some(below) = depth.checked_sub(1) else {
            return true;
        };
        if let Type::Var(variable) = from {
            if self.bind(*variable, to, below) {
                return true;
            }
            if self.get(*variable).is_some() {
                return false;
            }
        }
        match (to, from) {
            (Type::Var(variable), _) => self.bind(*variable, from, below),
            (Type::Dyn, _) | (_, Type::Dyn) => true,
            (Type::Null, other) | (other, Type::Null) => *other == Type::Null || is_nullable(other),
            (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => {
                self.assignable(a, b, below)
            }
            (Type::Map(key_a, a), Type::Map(key_b, b)) => {
                self.assignable(key_a, key_b, below) && self.assignable(a, b, below)
            }
            (a, b) => a == b,
        }
    }

    /// Makes `variable` stand for `to`, or for the more general of it and what it stands for.
    fn bind(&mut self, variable: u32, to: &Type, depth: usize) -> bool {
        if *to == Type::Var(variable) {
            return true;
        }
        if let Some(bound) = self.get(variable).cloned() {
            if bound == *to {
                return true;
            }
            if !self.assignable(to, &bound, depth) {
                return false;
            }
            let general = self.more_general(to, &bound);
            if !self.occurs(variable, &general) {
                self.set(variable, general);
            }
            return true;
        }
        if self.occurs(variable, to) {
            return false;
        }
        self.set(variable, to.clone());
        true
    }

    fn occurs(&self, variable: u32, within: &Type) -> bool {
        match self.head(within.clone()) {
            Type::Var(other) => other == variable,
            Type::List(inner) | Type::Optional(inner) => self.occurs(variable, &inner),
            Type::Map(key, value) => self.occurs(variable, &key) || self.occurs(variable, &value),
            _ => false,
        }
    }

    /// The type of both, for the elements of a list: the more general one, or `dyn`.
    pub(super) fn join(&mut self, before: &Type, next: &Type) -> Type {
        if self.assign(before, next) {
            self.more_general(before, next)
        } else {
            Type::Dyn
        }
    }

    fn more_general(&self, a: &Type, b: &Type) -> Type {
        if is_as_general(a, b) {
            a.clone()
        } else {
            b.clone()
        }
    }
}

fn is_nullable(of: &Type) -> bool {
    matches!(
        of,
        Type::Optional(_) | Type::Timestamp | Type::Duration | Type::Ip | Type::Cidr
    )
}

/// Whether `a` takes everything that `b` takes.
fn is_as_general(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Dyn | Type::Var(_), _) => true,
        (_, Type::Dyn | Type::Var(_)) => false,
        (a, Type::Null) if is_nullable(a) => true,
        (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => {
            is_as_general(a, b)
        }
        (Type::Map(key_a, a), Type::Map(key_b, b)) => {
            is_as_general(key_a, key_b) && is_as_general(a, b)
        }
        (a, b) => a == b,
    }
}
