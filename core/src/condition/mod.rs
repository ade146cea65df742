//! Conditions: CEL expressions, checked at load and compiled for evaluation
//! without allocation.
//!
//! Text → [`parser`] → tree → [`check`] → names and types → [`lower`] → program.
//! Every step is bounded, and every mistake has its place in the text.

mod ast;
mod calls;
mod check;
mod encoding;
mod error;
pub(crate) mod facts;
mod forms;
mod fuse;
pub(crate) mod json;
mod lexer;
mod lower;
mod macros;
mod names;
mod parser;
mod regex;
mod schema;
mod signatures;
#[cfg(test)]
mod tests;
mod types;
pub(crate) mod vocabulary;
pub(crate) mod written;

pub(crate) use error::{ConditionError, ConditionErrorKind};
pub(crate) use schema::{Declared, Schema, Slot};
pub(crate) use types::Type;

use crate::program::condition::{AttributeId, Constant, Node, Program, Span};

/// What a condition may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Nothing that builds a value at run time.
    Strict,
    /// Values may be built in the caller's arena.
    Extended,
}

/// What an expression is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A policy's condition: typed, a bool, of bounded cost.
    Policy(Profile),
    /// A number in a policy: typed, an int, of bounded cost.
    Number(Profile),
    /// An expression to try out: any result, any cost that the fuel allows.
    Eval {
        /// Whether types are checked.
        typed: bool,
    },
}

impl Mode {
    fn is_policy(self) -> bool {
        matches!(self, Self::Policy(_) | Self::Number(_))
    }

    /// What is wrong with an expression of this type.
    fn mismatch(self, ty: &Type) -> Option<(ConditionErrorKind, String)> {
        match (self, ty) {
            (Self::Policy(_), Type::Bool | Type::Dyn) => None,
            (Self::Policy(_), ty) => Some((
                ConditionErrorKind::NotBoolean,
                format!("a condition must be a bool, and this is {ty}"),
            )),
            (Self::Number(_), Type::Int | Type::Dyn) | (Self::Eval { .. }, _) => None,
            (Self::Number(_), ty) => Some((
                ConditionErrorKind::TypeMismatch,
                format!("this must be an int, and it is {ty}"),
            )),
        }
    }

    fn is_typed(self) -> bool {
        self != Self::Eval { typed: false }
    }
}

/// An expression, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    /// What the evaluator runs.
    pub(crate) program: Program,
    /// The type of its value.
    pub(crate) ty: Type,
    /// The optional attributes that it reads without asking `has()`, with their places.
    pub(crate) unguarded: Vec<(Span, AttributeId)>,
}

impl Compiled {
    /// The number that the expression is, if it is the same for every request.
    pub(crate) fn constant_int(&self) -> Option<i64> {
        let Node::Constant(id) = self.program.node(self.program.root?) else {
            return None;
        };
        match self.program.constants.get(id.index())? {
            Constant::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The condition's value, if it is the same for every request.
    pub(crate) fn constant(&self) -> Option<bool> {
        match self.program.root.map(|root| self.program.node(root)) {
            Some(Node::Bool(value)) => Some(value),
            _ => None,
        }
    }
}

/// Compiles an expression against the names of a schema, or reports everything
/// that is wrong with it.
pub(crate) fn compile(
    text: &str,
    schema: &mut Schema,
    mode: Mode,
) -> Result<Compiled, Vec<ConditionError>> {
    let ast = parser::parse(text).map_err(|error| vec![error])?;
    let checked = check::check(&ast, schema, mode.is_typed());
    if !checked.errors.is_empty() {
        return Err(checked.errors);
    }
    let ty = ast
        .root()
        .map_or(Type::Dyn, |root| checked.ty(root).clone());
    let range = ast.root().map_or(0..text.len(), |root| ast.range(root));
    if let Some((kind, message)) = mode.mismatch(&ty) {
        return Err(vec![ConditionError::new(kind, range, message)]);
    }
    let lowered = lower::lower(&ast, &checked, schema, mode);
    if !lowered.errors.is_empty() {
        return Err(lowered.errors);
    }
    let unguarded = checked
        .unguarded()
        .map(|(id, attribute)| (ast.span(id), attribute))
        .collect();
    Ok(Compiled {
        program: lowered.program,
        ty,
        unguarded,
    })
}
