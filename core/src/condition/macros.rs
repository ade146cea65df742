//! Calls that are no functions: `has`, the loops, `cel.bind`, `optMap`.

use super::ast::{Expr, ExprId, Loop};
use super::error::ConditionErrorKind;
use super::parser::{Parsed, Parser};
use crate::program::condition::LoopKind;

impl Parser {
    /// The node that a call stands for, if its name and arguments are a macro's.
    pub(super) fn expand(
        &mut self,
        target: Option<ExprId>,
        name: &str,
        arguments: &[ExprId],
        start: u32,
    ) -> Parsed<Option<ExprId>> {
        match (target, name, arguments) {
            (None, "has", [field]) => self.has(*field, start).map(Some),
            (Some(target), "bind", [variable, init, body]) if self.is_name(target, "cel") => {
                let variable = self.variable(*variable)?;
                let node = Expr::Bind {
                    variable,
                    init: *init,
                    body: *body,
                };
                self.add(node, start, &[*init, *body]).map(Some)
            }
            (Some(operand), "optMap" | "optFlatMap", [variable, body]) => {
                let variable = self.variable(*variable)?;
                let flat = name == "optFlatMap";
                let node = Expr::OptionalMap {
                    operand,
                    variable,
                    body: *body,
                    flat,
                };
                self.add(node, start, &[operand, *body]).map(Some)
            }
            (Some(range), _, _) => self.expand_loop(range, name, arguments, start),
            _ => Ok(None),
        }
    }

    fn expand_loop(
        &mut self,
        range: ExprId,
        name: &str,
        arguments: &[ExprId],
        start: u32,
    ) -> Parsed<Option<ExprId>> {
        let (kind, first, second, filter, body) = match (name, arguments) {
            ("all", [first, body]) => (LoopKind::All, first, None, None, body),
            ("all", [first, second, body]) => (LoopKind::All, first, Some(second), None, body),
            ("exists", [first, body]) => (LoopKind::Exists, first, None, None, body),
            ("exists", [first, second, body]) => {
                (LoopKind::Exists, first, Some(second), None, body)
            }
            ("exists_one" | "existsOne", [first, body]) => {
                (LoopKind::ExistsOne, first, None, None, body)
            }
            ("exists_one" | "existsOne", [first, second, body]) => {
                (LoopKind::ExistsOne, first, Some(second), None, body)
            }
            ("filter", [first, body]) => (LoopKind::Filter, first, None, None, body),
            ("map", [first, body]) => (LoopKind::List, first, None, None, body),
            ("map", [first, filter, body]) => (LoopKind::List, first, None, Some(filter), body),
            (
                "transformList" | "transformMap" | "transformMapEntry",
                [first, second, rest @ ..],
            ) => {
                let kind = match name {
                    "transformList" => LoopKind::List,
                    "transformMap" => LoopKind::Map,
                    _ => LoopKind::MapEntry,
                };
                match rest {
                    [body] => (kind, first, Some(second), None, body),
                    [filter, body] => (kind, first, Some(second), Some(filter), body),
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        let node = Loop {
            kind,
            range,
            first: self.variable(*first)?,
            second: second.map(|second| self.variable(*second)).transpose()?,
            filter: filter.copied(),
            body: *body,
        };
        if node.second.as_ref() == Some(&node.first) {
            let span = self.ast.span(*first);
            let message = "the two variables of a macro need different names";
            return self.fail_at(ConditionErrorKind::Syntax, span, message);
        }
        let mut children = vec![range, *body];
        children.extend(filter);
        self.add(Expr::Loop(Box::new(node)), start, &children)
            .map(Some)
    }

    fn has(&mut self, field: ExprId, start: u32) -> Parsed<ExprId> {
        match self.ast.get(field).cloned() {
            Some(Expr::Select {
                operand,
                field,
                optional: false,
            }) => self.add(Expr::Has { operand, field }, start, &[operand]),
            _ => {
                let span = self.ast.span(field);
                let message = "`has()` takes a field, as in `has(a.b)`";
                self.fail_at(ConditionErrorKind::Syntax, span, message)
            }
        }
    }

    fn variable(&mut self, argument: ExprId) -> Parsed<Box<str>> {
        match self.ast.get(argument) {
            Some(Expr::Ident {
                name,
                absolute: false,
            }) => Ok(name.clone()),
            _ => {
                let span = self.ast.span(argument);
                let message = "the variable of a macro must be a simple name";
                self.fail_at(ConditionErrorKind::Syntax, span, message)
            }
        }
    }

    fn is_name(&self, id: ExprId, wanted: &str) -> bool {
        matches!(self.ast.get(id), Some(Expr::Ident { name, .. }) if **name == *wanted)
    }
}
