//! The syntax tree: an arena of nodes, each with its place in the text.

use crate::program::condition::{ArithmeticOp, Constant, LoopKind, OrderOp, Span};

/// A node of an [`Ast`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExprId(pub(crate) u32);

impl ExprId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    Or,
    And,
    Order(OrderOp),
    Equal,
    NotEqual,
    In,
    Arithmetic(ArithmeticOp),
}

impl BinaryOp {
    /// How it is written.
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::In => "in",
            Self::Order(OrderOp::Less) => "<",
            Self::Order(OrderOp::LessEqual) => "<=",
            Self::Order(OrderOp::Greater) => ">",
            Self::Order(OrderOp::GreaterEqual) => ">=",
            Self::Arithmetic(ArithmeticOp::Add) => "+",
            Self::Arithmetic(ArithmeticOp::Sub) => "-",
            Self::Arithmetic(ArithmeticOp::Mul) => "*",
            Self::Arithmetic(ArithmeticOp::Div) => "/",
            Self::Arithmetic(ArithmeticOp::Rem) => "%",
        }
    }

    /// Higher binds closer.
    pub(crate) fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Order(_) | Self::Equal | Self::NotEqual | Self::In => 3,
            Self::Arithmetic(ArithmeticOp::Add | ArithmeticOp::Sub) => 4,
            Self::Arithmetic(_) => 5,
        }
    }
}

/// A syntactic form.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Literal(Constant),
    /// A name; `absolute` if it began with a dot.
    Ident {
        name: Box<str>,
        absolute: bool,
    },
    /// `operand.field`, `operand.?field`.
    Select {
        operand: ExprId,
        field: Box<str>,
        optional: bool,
    },
    /// `has(operand.field)`.
    Has {
        operand: ExprId,
        field: Box<str>,
    },
    /// `operand[index]`, `operand[?index]`.
    Index {
        operand: ExprId,
        index: ExprId,
        optional: bool,
    },
    Call {
        target: Option<ExprId>,
        name: Box<str>,
        arguments: Box<[ExprId]>,
    },
    And(Vec<ExprId>),
    Or(Vec<ExprId>),
    Not(ExprId),
    Negate(ExprId),
    Conditional {
        test: ExprId,
        then: ExprId,
        otherwise: ExprId,
    },
    Binary {
        op: BinaryOp,
        left: ExprId,
        right: ExprId,
    },
    List(Box<[ListItem]>),
    Map(Box<[MapEntry]>),
    Loop(Box<Loop>),
    /// `cel.bind(variable, init, body)`.
    Bind {
        variable: Box<str>,
        init: ExprId,
        body: ExprId,
    },
    /// `operand.optMap(variable, body)`, `operand.optFlatMap(variable, body)`.
    OptionalMap {
        operand: ExprId,
        variable: Box<str>,
        body: ExprId,
        flat: bool,
    },
}

/// An element of a list literal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListItem {
    pub(crate) value: ExprId,
    pub(crate) optional: bool,
}

/// An entry of a map literal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MapEntry {
    pub(crate) key: ExprId,
    pub(crate) value: ExprId,
    pub(crate) optional: bool,
}

/// A macro that runs over a list or a map.
#[derive(Clone, Debug)]
pub(crate) struct Loop {
    pub(crate) kind: LoopKind,
    pub(crate) range: ExprId,
    pub(crate) first: Box<str>,
    pub(crate) second: Option<Box<str>>,
    pub(crate) filter: Option<ExprId>,
    pub(crate) body: ExprId,
}

/// An expression.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ast {
    nodes: Vec<Expr>,
    spans: Vec<Span>,
    heights: Vec<u16>,
    root: Option<ExprId>,
}

impl Ast {
    /// The outermost node.
    pub(crate) fn root(&self) -> Option<ExprId> {
        self.root
    }

    pub(super) fn set_root(&mut self, root: ExprId) {
        self.root = Some(root);
    }

    /// Number of nodes.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The form of a node.
    pub(crate) fn get(&self, id: ExprId) -> Option<&Expr> {
        self.nodes.get(id.index())
    }

    pub(super) fn get_mut(&mut self, id: ExprId) -> Option<&mut Expr> {
        self.nodes.get_mut(id.index())
    }

    /// Where a node stands in the text.
    pub(crate) fn span(&self, id: ExprId) -> Span {
        self.spans.get(id.index()).copied().unwrap_or_default()
    }

    /// The same as a range.
    pub(crate) fn range(&self, id: ExprId) -> std::ops::Range<usize> {
        let span = self.span(id);
        span.start as usize..span.end as usize
    }

    /// The number of nodes on the longest way down.
    pub(super) fn height(&self, id: ExprId) -> u16 {
        self.heights.get(id.index()).copied().unwrap_or(0)
    }

    pub(super) fn push(&mut self, node: Expr, span: Span, height: u16) -> ExprId {
        let id = ExprId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(node);
        self.spans.push(span);
        self.heights.push(height);
        id
    }

    pub(super) fn widen(&mut self, id: ExprId, start: u32, end: u32, height: u16) {
        if let Some(span) = self.spans.get_mut(id.index()) {
            span.start = span.start.min(start);
            span.end = span.end.max(end);
        }
        if let Some(held) = self.heights.get_mut(id.index()) {
            *held = (*held).max(height);
        }
    }

    /// `a.b.c` as a dotted name, if the node is one, and whether it began with a dot.
    pub(crate) fn dotted(&self, id: ExprId) -> Option<(String, bool)> {
        let mut fields: Vec<&str> = Vec::new();
        let mut node = id;
        loop {
            match self.get(node)? {
                Expr::Ident { name, absolute } => {
                    let mut dotted = name.to_string();
                    for field in fields.iter().rev() {
                        dotted.push('.');
                        dotted.push_str(field);
                    }
                    return Some((dotted, *absolute));
                }
                Expr::Select {
                    operand,
                    field,
                    optional: false,
                } => {
                    fields.push(field);
                    node = *operand;
                }
                _ => return None,
            }
        }
    }
}
