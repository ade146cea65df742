//! The program: flat nodes that name each other by index, and the tables that
//! they point into.

use super::{
    ArithmeticOp, CidrSet, Constant, EvalError, Function, OrderOp, StrSet, TimePart, Zone,
};
use regex_automata::dfa::dense;

/// Declares ids that are indexes into one table.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(pub(crate) u32);

        impl $name {
            /// The index that it stands for.
            pub(crate) fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A node of a [`Program`].
    NodeId;
    /// An attribute that conditions read, numbered by the schema.
    AttributeId;
    /// A constant of a program.
    ConstantId;
    /// A string of a program.
    TextId;
    /// A set of strings of a program.
    SetId;
    /// A regular expression of a program.
    RegexId;
    /// A set of address blocks of a program.
    CidrSetId;
    /// A time zone of a program.
    ZoneId;
    /// A loop of a program.
    ComprehensionId;
    /// The elements of a list literal.
    ItemsId;
    /// The entries of a map literal.
    EntriesId;
}

/// A run of [`Program::kids`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kids {
    pub(crate) start: u32,
    pub(crate) count: u32,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Node {
    Bool(bool),
    Constant(ConstantId),
    Attribute(AttributeId),
    HasAttribute(AttributeId),
    /// The variable so many loops and bindings out.
    Local(u32),
    Fail(EvalError),
    And(Kids),
    Or(Kids),
    Not(NodeId),
    Negate(NodeId),
    Conditional(NodeId, NodeId, NodeId),
    Equal(NodeId, NodeId),
    NotEqual(NodeId, NodeId),
    Order(OrderOp, NodeId, NodeId),
    Arithmetic(ArithmeticOp, NodeId, NodeId),
    In(NodeId, NodeId),
    Select(NodeId, TextId),
    Has(NodeId, TextId),
    OptionalSelect(NodeId, TextId),
    Index(NodeId, NodeId),
    OptionalIndex(NodeId, NodeId),
    List(ItemsId),
    Map(EntriesId),
    Call(Function, Kids),
    Comprehension(ComprehensionId),
    /// `cel.bind`: the body sees the first node's value as its innermost variable.
    Bind(NodeId, NodeId),
    /// `optMap`: a body over the value of an optional, if there is one.
    OptionalMap(NodeId, NodeId),
    /// `optFlatMap`: the body is an optional itself.
    OptionalFlatMap(NodeId, NodeId),

    // Fused forms: one node for what policies write most.
    EqualStr(NodeId, TextId),
    NotEqualStr(NodeId, TextId),
    StartsWith(NodeId, TextId),
    EndsWith(NodeId, TextId),
    /// A constant string in a list or among the keys of a map.
    Member(TextId, NodeId),
    OneOf(NodeId, SetId),
    Matches(NodeId, RegexId),
    InCidr(NodeId, CidrSetId),
    TimePart(TimePart, NodeId, ZoneId),
    OrderInt(OrderOp, NodeId, i64),
}

/// An element of a list literal; an optional one may be left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) node: NodeId,
    pub(crate) optional: bool,
}

/// An entry of a map literal; an optional one may be left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) key: NodeId,
    pub(crate) value: NodeId,
    pub(crate) optional: bool,
}

/// What a loop makes of its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    /// `map` and `transformList`.
    List,
    /// `transformMap`.
    Map,
    /// `transformMapEntry`.
    MapEntry,
}

/// A loop over a list or a map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comprehension {
    pub(crate) kind: LoopKind,
    pub(crate) range: NodeId,
    /// Two variables: index and element, or key and value.
    pub(crate) two_variables: bool,
    pub(crate) filter: Option<NodeId>,
    pub(crate) body: NodeId,
    /// Fuel for one turn, inner loops apart.
    pub(crate) weight: u32,
}

/// A regular expression.
#[derive(Clone, Debug)]
pub(crate) struct Regex {
    pub(crate) automaton: dense::DFA<Vec<u32>>,
    /// What every match begins the text with, as far as the pattern says.
    pub(crate) prefix: Box<str>,
}

/// A part of the expression's text, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// A condition, compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub(crate) root: Option<NodeId>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) kids: Vec<NodeId>,
    pub(crate) constants: Vec<Constant>,
    pub(crate) texts: Vec<Box<str>>,
    pub(crate) sets: Vec<StrSet>,
    pub(crate) regexes: Vec<Regex>,
    pub(crate) cidrs: Vec<CidrSet>,
    pub(crate) zones: Vec<Zone>,
    pub(crate) comprehensions: Vec<Comprehension>,
    pub(crate) items: Vec<Box<[Item]>>,
    pub(crate) entries: Vec<Box<[Entry]>>,
    /// Where each node stands in the text, for explanations.
    pub(crate) spans: Vec<Span>,
}

impl Program {
    /// The operation of a node.
    pub(crate) fn node(&self, id: NodeId) -> Node {
        self.nodes
            .get(id.index())
            .copied()
            .unwrap_or(Node::Fail(EvalError::Malformed))
    }

    /// The attributes that it reads.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = AttributeId> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Attribute(id) | Node::HasAttribute(id) => Some(*id),
            _ => None,
        })
    }

    /// The nodes of a run.
    pub(crate) fn kids(&self, kids: Kids) -> &[NodeId] {
        let start = kids.start as usize;
        self.kids
            .get(start..start + kids.count as usize)
            .unwrap_or_default()
    }

    /// A string.
    pub(crate) fn text(&self, id: TextId) -> &str {
        self.texts.get(id.index()).map_or("", |text| text)
    }

    /// A constant.
    pub(crate) fn constant(&self, id: ConstantId) -> Option<&Constant> {
        self.constants.get(id.index())
    }

    /// Where a node stands in the expression's text.
    pub(crate) fn span(&self, id: NodeId) -> Span {
        self.spans.get(id.index()).copied().unwrap_or_default()
    }
}
