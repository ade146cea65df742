//! Calls: which function is meant, and what its result is.

use super::ast::ExprId;
use super::check::{Checker, Reference};
use super::error::{ConditionError, ConditionErrorKind};
use super::signatures;
use super::types::Type;
use crate::diagnostic::suggest;
use crate::program::condition::{EvalError, Function};

impl Checker<'_> {
    pub(super) fn call(
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
        let mut types = Vec::with_capacity(arguments.len() + 1);
        for argument in target.iter().chain(arguments) {
            types.push(self.expr(*argument));
        }
        self.finish_call(id, name, target.is_some(), &types)
    }

    pub(super) fn finish_call(
        &mut self,
        id: ExprId,
        name: &str,
        member: bool,
        types: &[Type],
    ) -> Type {
        if !signatures::exists(name, member) {
            return self.unknown_function(id, name, member);
        }
        let variadic = signatures::VARIADIC.iter().find(|(held, _)| *held == name);
        if let (Some((_, function)), false) = (variadic, member) {
            self.refer(
                id,
                Reference::Call {
                    function: *function,
                    target: false,
                },
            );
            return self.extreme(id, name, types);
        }
        match self.overload(name, member, types) {
            Some((function, result)) => {
                self.refer(
                    id,
                    Reference::Call {
                        function,
                        target: member,
                    },
                );
                result
            }
            None => {
                self.refer(id, Reference::Fail(EvalError::NoOverload));
                let types: Vec<String> = types.iter().map(|ty| self.shown(ty)).collect();
                let (receiver, taken) = match types.split_first() {
                    Some((receiver, taken)) if member => (format!("{receiver}."), taken),
                    _ => (String::new(), types.as_slice()),
                };
                let message = format!("there is no `{receiver}{name}({})`", taken.join(", "));
                self.mismatch(id, message)
            }
        }
    }

    /// The result of the overloads that take the arguments, and their function.
    pub(super) fn overload(
        &mut self,
        name: &str,
        member: bool,
        types: &[Type],
    ) -> Option<(Function, Type)> {
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
    pub(super) fn extreme(&mut self, id: ExprId, name: &str, types: &[Type]) -> Type {
        let types: Vec<Type> = match types {
            [only] => match self.substitution.resolve(only) {
                Type::List(element) => vec![*element],
                other => vec![other],
            },
            several => several
                .iter()
                .map(|ty| self.substitution.resolve(ty))
                .collect(),
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

    pub(super) fn unknown_function(&mut self, id: ExprId, name: &str, member: bool) -> Type {
        self.refer(id, Reference::Fail(EvalError::UnknownFunction));
        let range = self.ast.range(id);
        let message = format!("unknown function `{name}`");
        let error = ConditionError::new(ConditionErrorKind::UnknownFunction, range, message);
        let error = if signatures::exists(name, !member) {
            let usage = if member {
                format!("{name}(x)")
            } else {
                format!("x.{name}()")
            };
            error.with_help(format!("write `{usage}`"))
        } else {
            match suggest(name, signatures::names()) {
                Some(meant) => error.with_help(format!("did you mean `{meant}`?")),
                None => error,
            }
        };
        self.report(error);
        Type::Dyn
    }
}
