//! Fields, indexes and optionals. An optional is only put into the arena where
//! something keeps it as a value; chains such as `a.?b.orValue(c)` build nothing.

use super::eval::{Evaluated, Evaluator, Frame, Outcome, Scope};
use super::{
    Arena, Attributes, EvalError, Function, Kids, List, Node, NodeId, Optional, Recorder, TextId,
    Value,
};

/// A value, or an optional that is not boxed yet.
pub(super) enum Maybe<'a> {
    Plain(Value<'a>),
    Optional(Option<Value<'a>>),
}

impl<'a> From<Value<'a>> for Maybe<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Optional(optional) => Self::Optional(optional.get()),
            plain => Self::Plain(plain),
        }
    }
}

impl<'a> Maybe<'a> {
    /// The optional; anything else has no overload.
    pub(super) fn optional(self) -> Result<Option<Value<'a>>, EvalError> {
        match self {
            Self::Optional(optional) => Ok(optional),
            Self::Plain(_) => Err(EvalError::NoOverload),
        }
    }

    /// As a value that can be kept.
    pub(super) fn boxed(self, arena: &'a Arena) -> Evaluated<'a> {
        match self {
            Self::Plain(value) => Ok(value),
            Self::Optional(None) => Ok(Value::Optional(Optional::None)),
            Self::Optional(Some(inner)) => arena
                .value(inner)
                .map(|inner| Value::Optional(Optional::Value(inner))),
        }
    }
}

impl<'a, A: Attributes, R: Recorder> Evaluator<'a, A, R> {
    /// Evaluates a node without boxing an optional.
    pub(super) fn maybe(
        &mut self,
        id: NodeId,
        scope: Scope<'_, 'a>,
    ) -> Result<Maybe<'a>, EvalError> {
        if !yields_maybe(&self.program.node(id)) {
            return self.value(id, scope).map(Maybe::from);
        }
        let maybe = self.unboxed(id, scope);
        if R::LISTENS {
            self.hear(id, &maybe);
        }
        maybe
    }

    /// Evaluates a node that may yield an optional, without recording it.
    pub(super) fn unboxed(
        &mut self,
        id: NodeId,
        scope: Scope<'_, 'a>,
    ) -> Result<Maybe<'a>, EvalError> {
        match self.program.node(id) {
            Node::Select(operand, field) => {
                let operand = self.maybe(operand, scope)?;
                self.access(operand, Value::Str(self.program.text(field)))
            }
            Node::Index(operand, index) => {
                let operand = self.maybe(operand, scope)?;
                let index = self.value(index, scope)?;
                self.access(operand, index)
            }
            Node::OptionalSelect(operand, field) => {
                let operand = self.maybe(operand, scope)?;
                self.access_optional(operand, Value::Str(self.program.text(field)))
            }
            Node::OptionalIndex(operand, index) => {
                let operand = self.maybe(operand, scope)?;
                let index = self.value(index, scope)?;
                self.access_optional(operand, index)
            }
            Node::Conditional(test, then, otherwise) => {
                let branch = if self.truth(test, scope)? {
                    then
                } else {
                    otherwise
                };
                self.maybe(branch, scope)
            }
            Node::OptionalMap(operand, body) => {
                let Some(value) = self.maybe(operand, scope)?.optional()? else {
                    return Ok(Maybe::Optional(None));
                };
                let mapped = self.value(
                    body,
                    Some(&Frame {
                        value,
                        outer: scope,
                    }),
                )?;
                Ok(Maybe::Optional(Some(mapped)))
            }
            Node::OptionalFlatMap(operand, body) => {
                let Some(value) = self.maybe(operand, scope)?.optional()? else {
                    return Ok(Maybe::Optional(None));
                };
                let mapped = self.maybe(
                    body,
                    Some(&Frame {
                        value,
                        outer: scope,
                    }),
                )?;
                mapped.optional().map(Maybe::Optional)
            }
            Node::Call(function, arguments) if makes_optional(function) => {
                self.make_optional(function, arguments, scope)
            }
            _ => Err(EvalError::Malformed),
        }
    }

    /// `operand.field` and `operand[key]`.
    fn access(&mut self, operand: Maybe<'a>, key: Value<'a>) -> Result<Maybe<'a>, EvalError> {
        match operand {
            Maybe::Optional(_) => self.access_optional(operand, key),
            Maybe::Plain(container) => {
                let missing = match container {
                    Value::List(_) => EvalError::IndexOutOfRange,
                    _ => EvalError::NoSuchKey,
                };
                self.element(container, key)?
                    .map(Maybe::from)
                    .ok_or(missing)
            }
        }
    }

    /// `operand.?field` and `operand[?key]`, and plain access to an optional.
    fn access_optional(
        &mut self,
        operand: Maybe<'a>,
        key: Value<'a>,
    ) -> Result<Maybe<'a>, EvalError> {
        let container = match operand {
            Maybe::Plain(container) => container,
            Maybe::Optional(Some(container)) => container,
            Maybe::Optional(None) => return Ok(Maybe::Optional(None)),
        };
        self.element(container, key).map(Maybe::Optional)
    }

    /// The element under a key or index, if there is one.
    fn element(
        &mut self,
        container: Value<'a>,
        key: Value<'a>,
    ) -> Result<Option<Value<'a>>, EvalError> {
        match container {
            Value::Map(map) => match key {
                Value::Null | Value::Bytes(_) | Value::List(_) | Value::Map(_) => {
                    Err(EvalError::UnsupportedKey)
                }
                key => self.find(map, key),
            },
            Value::List(list) => list_index(key).map(|index| list.get(index?)),
            _ => Err(EvalError::NoOverload),
        }
    }

    /// `has(operand.field)`.
    pub(super) fn has(&mut self, operand: NodeId, field: TextId, scope: Scope<'_, 'a>) -> Outcome {
        let container = match self.maybe(operand, scope)? {
            Maybe::Plain(value) | Maybe::Optional(Some(value)) => value,
            Maybe::Optional(None) => return Ok(false),
        };
        match container {
            Value::Map(map) => {
                let field = Value::Str(self.program.text(field));
                Ok(self.find(map, field)?.is_some())
            }
            _ => Err(EvalError::NoOverload),
        }
    }

    fn make_optional(
        &mut self,
        function: Function,
        arguments: Kids,
        scope: Scope<'_, 'a>,
    ) -> Result<Maybe<'a>, EvalError> {
        let made = match (function, self.program.kids(arguments)) {
            (Function::OptionalNone, []) => None,
            (Function::OptionalOf, [value]) => Some(self.value(*value, scope)?),
            (Function::OptionalOfNonZero, [value]) => {
                Some(self.value(*value, scope)?).filter(|value| !value.is_zero())
            }
            (Function::OptionalOr, [first, second]) => {
                match self.maybe(*first, scope)?.optional()? {
                    Some(value) => Some(value),
                    None => self.maybe(*second, scope)?.optional()?,
                }
            }
            _ => return Err(EvalError::NoOverload),
        };
        Ok(Maybe::Optional(made))
    }

    /// The functions of optionals.
    pub(super) fn call_optional(
        &mut self,
        function: Function,
        arguments: Kids,
        scope: Scope<'_, 'a>,
    ) -> Evaluated<'a> {
        if makes_optional(function) {
            return self
                .make_optional(function, arguments, scope)?
                .boxed(self.arena);
        }
        match (function, self.program.kids(arguments)) {
            (Function::OptionalHasValue, [optional]) => Ok(Value::Bool(
                self.maybe(*optional, scope)?.optional()?.is_some(),
            )),
            (Function::OptionalValue, [optional]) => self
                .maybe(*optional, scope)?
                .optional()?
                .ok_or(EvalError::NoValue),
            (Function::OptionalOrValue, [optional, default]) => {
                match self.maybe(*optional, scope)?.optional()? {
                    Some(value) => Ok(value),
                    None => self.value(*default, scope),
                }
            }
            (Function::OptionalUnwrap, [list]) => {
                let Value::List(list) = self.value(*list, scope)? else {
                    return Err(EvalError::NoOverload);
                };
                self.unwrap_list(list)
            }
            _ => Err(EvalError::NoOverload),
        }
    }

    fn unwrap_list(&mut self, list: List<'a>) -> Evaluated<'a> {
        let slots = self.arena.slice(list.len(), Value::Null)?;
        let mut filled = 0;
        for item in list.iter() {
            let inner = Maybe::from(item).optional()?;
            if let (Some(inner), Some(slot)) = (inner, slots.get_mut(filled)) {
                *slot = inner;
                filled += 1;
            }
        }
        Ok(Value::List(List::Values(
            slots.get(..filled).unwrap_or_default(),
        )))
    }
}

/// Whether [`Evaluator::unboxed`] knows the node.
fn yields_maybe(node: &Node) -> bool {
    match node {
        Node::Call(function, _) => makes_optional(*function),
        Node::Select(..)
        | Node::Index(..)
        | Node::OptionalSelect(..)
        | Node::OptionalIndex(..)
        | Node::Conditional(..)
        | Node::OptionalMap(..)
        | Node::OptionalFlatMap(..) => true,
        _ => false,
    }
}

/// Whether a function is one of optionals.
pub(super) fn takes_optional(function: Function) -> bool {
    makes_optional(function)
        || matches!(
            function,
            Function::OptionalHasValue
                | Function::OptionalValue
                | Function::OptionalOrValue
                | Function::OptionalUnwrap
        )
}

/// Whether a function's result is an optional.
pub(crate) fn makes_optional(function: Function) -> bool {
    matches!(
        function,
        Function::OptionalNone
            | Function::OptionalOf
            | Function::OptionalOfNonZero
            | Function::OptionalOr
    )
}

/// The index into a list that a number means; `None` if it is below 0.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the number is whole and in range"
)]
fn list_index(key: Value<'_>) -> Result<Option<usize>, EvalError> {
    match key {
        Value::Int(index) => Ok(usize::try_from(index).ok()),
        Value::Uint(index) => Ok(usize::try_from(index).ok()),
        Value::Double(index) if index.fract() == 0.0 && index.abs() < 1e15 => {
            Ok(usize::try_from(index as i64).ok())
        }
        _ => Err(EvalError::InvalidArgument),
    }
}
