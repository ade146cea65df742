//! Compiled conditions and their evaluator.
//!
//! `condition` (load plane) parses, checks and lowers an expression into a
//! [`Program`]; an [`Evaluator`] runs it against a request's [`Attributes`].
//! Evaluation cannot fail in the sense of a panic or an allocation: what has no
//! value is an [`EvalError`], which `&&` and `||` absorb as CEL says. Values
//! built at run time go to the caller's [`Arena`].

mod arena;
mod call;
mod comprehension;
mod error;
mod eval;
mod format;
mod function;
mod math;
mod net;
mod node;
mod optional;
mod set;
mod text;
mod time;
mod value;

pub(crate) use arena::Arena;
pub(crate) use error::EvalError;
pub(crate) use eval::{Attributes, Evaluator, NoRecorder, Recorder, compare_cost, scan_cost};
pub(crate) use function::Function;
pub(crate) use math::{ArithmeticOp, BitOp, DoubleTest, OrderOp, Rounding};
pub(crate) use net::{Cidr, CidrSet, Ip};
pub(crate) use node::{
    AttributeId, CidrSetId, Comprehension, ComprehensionId, ConstantId, EntriesId, Entry, Item,
    ItemsId, Kids, LoopKind, Node, NodeId, Program, Regex, RegexId, SetId, Span, TextId, ZoneId,
};
pub(crate) use optional::makes_optional;
pub(crate) use set::StrSet;
pub(crate) use time::{Date, Duration, TimePart, Timestamp, Zone, days_from_date, days_in_month};
pub(crate) use value::{Constant, List, ListView, Map, Optional, Value, equal};
