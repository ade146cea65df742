//! Tokens into a syntax tree: recursive descent over operands, an operator
//! stack within them. Every size is bounded before it is used, so that no
//! text overflows the stack.

use super::ast::{Ast, BinaryOp, Expr, ExprId, ListItem, MapEntry};
use super::error::{ConditionError, ConditionErrorKind};
use super::lexer::{self, Token, TokenKind};
use crate::limits::{MAX_CONDITION_BYTES, MAX_CONDITION_HEIGHT, MAX_CONDITION_NODES};
use crate::program::condition::{ArithmeticOp, Constant, OrderOp, Span};

/// The parser stopped; its error is in [`Parser::error`]. Keeps frames small.
pub(super) struct Stop;

pub(super) type Parsed<T> = Result<T, Stop>;

/// Names that CEL keeps for its hosts' languages.
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Parses an expression.
pub(crate) fn parse(text: &str) -> Result<Ast, ConditionError> {
    if text.len() > MAX_CONDITION_BYTES {
        let message = format!("the expression is longer than {MAX_CONDITION_BYTES} bytes");
        let kind = ConditionErrorKind::TooLarge;
        return Err(ConditionError::new(kind, 0..text.len(), message));
    }
    let tokens = lexer::tokens(text)?;
    let mut parser = Parser {
        tokens,
        at: 0,
        ast: Ast::default(),
        depth: 0,
        error: None,
    };
    let root = parser.expression().and_then(|root| {
        if *parser.kind() == TokenKind::End {
            Ok(root)
        } else {
            parser.fail("unexpected text after the expression")
        }
    });
    match (root, parser.error) {
        (Ok(root), None) => {
            parser.ast.set_root(root);
            Ok(parser.ast)
        }
        (_, error) => Err(error.unwrap_or_else(|| {
            ConditionError::new(
                ConditionErrorKind::Syntax,
                0..text.len(),
                "not an expression",
            )
        })),
    }
}

/// An operand with where it starts, parentheses included, and the operator behind it.
type Pending = (ExprId, u32, BinaryOp);

pub(super) struct Parser {
    tokens: Vec<Token>,
    at: usize,
    pub(super) ast: Ast,
    depth: u16,
    error: Option<ConditionError>,
}

impl Parser {
    fn kind(&self) -> &TokenKind {
        self.tokens
            .get(self.at)
            .map_or(&TokenKind::End, |token| &token.kind)
    }

    fn kind_after(&self) -> &TokenKind {
        self.tokens
            .get(self.at + 1)
            .map_or(&TokenKind::End, |token| &token.kind)
    }

    fn span(&self) -> Span {
        let token = self.tokens.get(self.at).or(self.tokens.last());
        token.map(|token| token.span).unwrap_or_default()
    }

    /// Where the token before this one ends.
    fn end(&self) -> u32 {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        before.map_or(0, |token| token.span.end)
    }

    fn is(&self, punct: &str) -> bool {
        matches!(self.kind(), TokenKind::Punct(found) if *found == punct)
    }

    fn eat(&mut self, punct: &str) -> bool {
        let found = self.is(punct);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, punct: &str) -> Parsed<()> {
        if self.eat(punct) {
            Ok(())
        } else {
            self.fail(format!("expected `{punct}`"))
        }
    }

    pub(super) fn fail<T>(&mut self, message: impl Into<String>) -> Parsed<T> {
        let span = self.span();
        self.fail_at(ConditionErrorKind::Syntax, span, message)
    }

    pub(super) fn fail_at<T>(
        &mut self,
        kind: ConditionErrorKind,
        span: Span,
        message: impl Into<String>,
    ) -> Parsed<T> {
        let range = span.start as usize..span.end as usize;
        self.error
            .get_or_insert_with(|| ConditionError::new(kind, range, message));
        Err(Stop)
    }

    /// Adds a node over `children` that begins at `start` and ends here.
    pub(super) fn add(&mut self, node: Expr, start: u32, children: &[ExprId]) -> Parsed<ExprId> {
        let span = Span {
            start,
            end: self.end().max(start),
        };
        let below = children
            .iter()
            .map(|child| self.ast.height(*child))
            .max()
            .unwrap_or(0);
        if below >= MAX_CONDITION_HEIGHT {
            return self.too_deep(span);
        }
        if self.ast.len() >= MAX_CONDITION_NODES {
            return self.too_large(span, format!("of more than {MAX_CONDITION_NODES} parts"));
        }
        Ok(self.ast.push(node, span, below + 1))
    }

    fn too_deep<T>(&mut self, span: Span) -> Parsed<T> {
        self.too_large(span, format!("nested deeper than {MAX_CONDITION_HEIGHT}"))
    }

    fn too_large<T>(&mut self, span: Span, how: String) -> Parsed<T> {
        self.fail_at(
            ConditionErrorKind::TooLarge,
            span,
            format!("the expression is {how}"),
        )
    }

    /// `or`, or `or ? or : expression`.
    fn expression(&mut self) -> Parsed<ExprId> {
        if self.depth >= MAX_CONDITION_HEIGHT {
            return self.too_deep(self.span());
        }
        self.depth += 1;
        let start = self.span().start;
        let mut result = self.operators()?;
        if self.eat("?") {
            result = self.conditional(result, start)?;
        }
        self.depth -= 1;
        Ok(result)
    }

    fn conditional(&mut self, test: ExprId, start: u32) -> Parsed<ExprId> {
        let then = self.operators()?;
        self.expect(":")?;
        let otherwise = self.expression()?;
        let node = Expr::Conditional {
            test,
            then,
            otherwise,
        };
        self.add(node, start, &[test, then, otherwise])
    }

    /// Operands between binary operators.
    fn operators(&mut self) -> Parsed<ExprId> {
        let mut pending: Vec<Pending> = Vec::new();
        let mut start = self.span().start;
        let mut operand = self.unary()?;
        while let Some(op) = self.binary_op() {
            (operand, start) = self.reduce(&mut pending, operand, start, op.precedence())?;
            self.at += 1;
            pending.push((operand, start, op));
            start = self.span().start;
            operand = self.unary()?;
        }
        let (whole, _) = self.reduce(&mut pending, operand, start, 0)?;
        Ok(whole)
    }

    /// Joins pending operands whose operator binds at least as close.
    fn reduce(
        &mut self,
        pending: &mut Vec<Pending>,
        mut right: ExprId,
        mut start: u32,
        precedence: u8,
    ) -> Parsed<(ExprId, u32)> {
        while let Some((left, from, op)) = pending.pop_if(|(.., op)| op.precedence() >= precedence)
        {
            start = from;
            right = match op {
                BinaryOp::And | BinaryOp::Or => self.join(op, left, right, start)?,
                _ => self.add(Expr::Binary { op, left, right }, start, &[left, right])?,
            };
        }
        Ok((right, start))
    }

    /// `left && right` as one node with all operands of the chain.
    fn join(&mut self, op: BinaryOp, left: ExprId, right: ExprId, start: u32) -> Parsed<ExprId> {
        match (op, self.ast.get_mut(left)) {
            (BinaryOp::And, Some(Expr::And(operands)))
            | (BinaryOp::Or, Some(Expr::Or(operands))) => {
                operands.push(right);
                let (height, end) = (self.ast.height(right) + 1, self.end());
                if height > MAX_CONDITION_HEIGHT {
                    let span = self.ast.span(right);
                    return self.too_deep(span);
                }
                self.ast.widen(left, start, end, height);
                Ok(left)
            }
            _ => {
                let operands = vec![left, right];
                let node = if op == BinaryOp::And {
                    Expr::And(operands)
                } else {
                    Expr::Or(operands)
                };
                self.add(node, start, &[left, right])
            }
        }
    }

    fn binary_op(&self) -> Option<BinaryOp> {
        Some(match self.kind() {
            TokenKind::Ident(name) if **name == *"in" => BinaryOp::In,
            TokenKind::Punct(punct) => match *punct {
                "||" => BinaryOp::Or,
                "&&" => BinaryOp::And,
                "==" => BinaryOp::Equal,
                "!=" => BinaryOp::NotEqual,
                "<" => BinaryOp::Order(OrderOp::Less),
                "<=" => BinaryOp::Order(OrderOp::LessEqual),
                ">" => BinaryOp::Order(OrderOp::Greater),
                ">=" => BinaryOp::Order(OrderOp::GreaterEqual),
                "+" => BinaryOp::Arithmetic(ArithmeticOp::Add),
                "-" => BinaryOp::Arithmetic(ArithmeticOp::Sub),
                "*" => BinaryOp::Arithmetic(ArithmeticOp::Mul),
                "/" => BinaryOp::Arithmetic(ArithmeticOp::Div),
                "%" => BinaryOp::Arithmetic(ArithmeticOp::Rem),
                _ => return None,
            },
            _ => return None,
        })
    }

    /// A member behind any number of `!` or of `-`. An even number counts as two.
    fn unary(&mut self) -> Parsed<ExprId> {
        let start = self.span().start;
        let sign = if self.is("!") { "!" } else { "-" };
        let mut count = 0_usize;
        while self.eat(sign) {
            count += 1;
        }
        if sign == "-" && count % 2 == 1 && self.negative_literal() {
            let literal = self.literal_negated(start)?;
            return self.members(literal, start);
        }
        let mut operand = self.member()?;
        let times = if count == 0 { 0 } else { 2 - count % 2 };
        for _ in 0..times {
            let node = if sign == "!" {
                Expr::Not(operand)
            } else {
                Expr::Negate(operand)
            };
            operand = self.add(node, start, &[operand])?;
        }
        Ok(operand)
    }

    fn negative_literal(&self) -> bool {
        matches!(self.kind(), TokenKind::Int(_) | TokenKind::Double(_))
    }

    fn literal_negated(&mut self, start: u32) -> Parsed<ExprId> {
        let constant = match *self.kind() {
            TokenKind::Int(value) if value <= i64::MIN.unsigned_abs() => {
                Constant::Int(value.wrapping_neg().cast_signed())
            }
            TokenKind::Double(value) => Constant::Double(-value),
            _ => return self.fail("the integer is out of range"),
        };
        self.at += 1;
        self.add(Expr::Literal(constant), start, &[])
    }

    fn member(&mut self) -> Parsed<ExprId> {
        let start = self.span().start;
        let primary = self.primary(start)?;
        self.members(primary, start)
    }

    /// Fields, indexes and calls behind an operand.
    fn members(&mut self, mut operand: ExprId, start: u32) -> Parsed<ExprId> {
        loop {
            operand = if self.eat(".") {
                self.field(operand, start)?
            } else if self.eat("[") {
                self.index(operand, start)?
            } else if self.is("{") && self.ast.dotted(operand).is_some() {
                let span = self.span();
                let kind = ConditionErrorKind::Unsupported;
                return self.fail_at(kind, span, "conditions do not construct messages");
            } else {
                return Ok(operand);
            };
        }
    }

    fn field(&mut self, operand: ExprId, start: u32) -> Parsed<ExprId> {
        let optional = self.eat("?");
        let field = self.field_name()?;
        if !optional && self.is("(") {
            return self.call(Some(operand), field, start);
        }
        self.add(
            Expr::Select {
                operand,
                field,
                optional,
            },
            start,
            &[operand],
        )
    }

    fn index(&mut self, operand: ExprId, start: u32) -> Parsed<ExprId> {
        let optional = self.eat("?");
        let index = self.expression()?;
        self.expect("]")?;
        self.add(
            Expr::Index {
                operand,
                index,
                optional,
            },
            start,
            &[operand, index],
        )
    }

    fn field_name(&mut self) -> Parsed<Box<str>> {
        let name = match self.kind() {
            TokenKind::Quoted(name) => name.clone(),
            TokenKind::Ident(name) if !matches!(&**name, "true" | "false" | "null" | "in") => {
                name.clone()
            }
            _ => return self.fail("expected a field name"),
        };
        self.at += 1;
        Ok(name)
    }

    fn primary(&mut self, start: u32) -> Parsed<ExprId> {
        if let Some(literal) = self.literal(start)? {
            return Ok(literal);
        }
        match self.kind() {
            TokenKind::Ident(_) => self.name(false, start),
            _ => self.structure(start),
        }
    }

    fn literal(&mut self, start: u32) -> Parsed<Option<ExprId>> {
        let constant = match self.kind() {
            TokenKind::Int(value) => match i64::try_from(*value) {
                Ok(value) => Constant::Int(value),
                Err(_) => return self.fail("the integer is out of range"),
            },
            TokenKind::Uint(value) => Constant::Uint(*value),
            TokenKind::Double(value) => Constant::Double(*value),
            TokenKind::Str(text) => Constant::Str(text.clone()),
            TokenKind::Bytes(bytes) => Constant::Bytes(bytes.clone()),
            TokenKind::Ident(name) => match &**name {
                "true" => Constant::Bool(true),
                "false" => Constant::Bool(false),
                "null" => Constant::Null,
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.at += 1;
        self.add(Expr::Literal(constant), start, &[]).map(Some)
    }

    /// A name or the call of a function.
    fn name(&mut self, absolute: bool, start: u32) -> Parsed<ExprId> {
        let name = self.free_name()?;
        if self.is("(") {
            return self.call(None, name, start);
        }
        self.add(Expr::Ident { name, absolute }, start, &[])
    }

    fn free_name(&mut self) -> Parsed<Box<str>> {
        let TokenKind::Ident(name) = self.kind() else {
            return self.fail("expected a name");
        };
        let name = name.clone();
        if name.as_ref() == "in" || RESERVED.contains(&&*name) {
            return self.fail(format!("`{name}` is a reserved word"));
        }
        self.at += 1;
        Ok(name)
    }

    /// Parentheses, a list, a map, or a name behind a dot.
    fn structure(&mut self, start: u32) -> Parsed<ExprId> {
        if self.eat("(") {
            let inner = self.expression()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.eat("[") {
            return self.list(start);
        }
        if self.eat("{") {
            return self.map(start);
        }
        if self.is(".") && matches!(self.kind_after(), TokenKind::Ident(_)) {
            self.at += 1;
            return self.name(true, start);
        }
        self.fail("expected an expression")
    }

    fn list(&mut self, start: u32) -> Parsed<ExprId> {
        let mut items = Vec::new();
        while !self.eat("]") {
            let optional = self.eat("?");
            items.push(ListItem {
                value: self.expression()?,
                optional,
            });
            if !self.eat(",") {
                self.expect("]")?;
                break;
            }
        }
        let children: Vec<_> = items.iter().map(|item| item.value).collect();
        self.add(Expr::List(items.into()), start, &children)
    }

    fn map(&mut self, start: u32) -> Parsed<ExprId> {
        let mut entries = Vec::new();
        while !self.eat("}") {
            let optional = self.eat("?");
            let key = self.expression()?;
            self.expect(":")?;
            entries.push(MapEntry {
                key,
                value: self.expression()?,
                optional,
            });
            if !self.eat(",") {
                self.expect("}")?;
                break;
            }
        }
        let children: Vec<_> = entries
            .iter()
            .flat_map(|entry| [entry.key, entry.value])
            .collect();
        self.add(Expr::Map(entries.into()), start, &children)
    }

    /// A call whose parenthesis is next.
    fn call(&mut self, target: Option<ExprId>, name: Box<str>, start: u32) -> Parsed<ExprId> {
        let arguments = self.arguments()?;
        self.finish_call(target, name, arguments, start)
    }

    fn arguments(&mut self) -> Parsed<Vec<ExprId>> {
        self.expect("(")?;
        let mut arguments = Vec::new();
        while !self.is(")") || !arguments.is_empty() {
            arguments.push(self.expression()?);
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(arguments)
    }

    /// The node of a call, which may be a macro.
    fn finish_call(
        &mut self,
        target: Option<ExprId>,
        name: Box<str>,
        arguments: Vec<ExprId>,
        start: u32,
    ) -> Parsed<ExprId> {
        if let Some(expanded) = self.expand(target, &name, &arguments, start)? {
            return Ok(expanded);
        }
        let mut children = arguments.clone();
        children.extend(target);
        let node = Expr::Call {
            target,
            name,
            arguments: arguments.into(),
        };
        self.add(node, start, &children)
    }
}
