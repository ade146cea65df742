//! Values of an evaluation: small, `Copy`, borrowed. Nothing here owns memory
//! but [`Constant`], which lives in a program or in a caller's bindings.

use super::net::{Cidr, Ip};
use super::time::{Duration, Timestamp};
use std::cmp::Ordering;

/// A value during an evaluation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Str(&'a str),
    Bytes(&'a [u8]),
    Timestamp(Timestamp),
    Duration(Duration),
    Ip(Ip),
    Cidr(Cidr),
    Type(&'a str),
    List(List<'a>),
    Map(Map<'a>),
    Optional(Optional<'a>),
}

/// A list, whoever holds its elements.
#[derive(Clone, Copy, Debug)]
pub(crate) enum List<'a> {
    Values(&'a [Value<'a>]),
    Constants(&'a [Constant]),
    Strs(&'a [&'a str]),
    View(&'a dyn ListView),
}

/// A map, whoever holds its entries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Map<'a> {
    Entries(&'a [(Value<'a>, Value<'a>)]),
    Constants(&'a [(Constant, Constant)]),
}

/// A value that may be missing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Optional<'a> {
    None,
    Value(&'a Value<'a>),
    Constant(&'a Constant),
}

/// A list that lives outside the evaluator, such as a principal's roles.
pub(crate) trait ListView: std::fmt::Debug {
    /// Number of elements.
    fn len(&self) -> usize;
    /// The element at `index`.
    fn get(&self, index: usize) -> Option<Value<'_>>;
}

/// A value that owns what it holds.
#[derive(Clone, Debug)]
pub(crate) enum Constant {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Str(Box<str>),
    Bytes(Box<[u8]>),
    Timestamp(Timestamp),
    Duration(Duration),
    Ip(Ip),
    Cidr(Cidr),
    Type(Box<str>),
    List(Box<[Constant]>),
    Map(Box<[(Constant, Constant)]>),
    Optional(Option<Box<Constant>>),
}

impl Constant {
    /// The value, borrowed.
    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Uint(value) => Value::Uint(*value),
            Self::Double(value) => Value::Double(*value),
            Self::Str(text) => Value::Str(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Timestamp(time) => Value::Timestamp(*time),
            Self::Duration(duration) => Value::Duration(*duration),
            Self::Ip(ip) => Value::Ip(*ip),
            Self::Cidr(cidr) => Value::Cidr(*cidr),
            Self::Type(name) => Value::Type(name),
            Self::List(items) => Value::List(List::Constants(items)),
            Self::Map(entries) => Value::Map(Map::Constants(entries)),
            Self::Optional(None) => Value::Optional(Optional::None),
            Self::Optional(Some(inner)) => Value::Optional(Optional::Constant(inner)),
        }
    }
}

impl From<Value<'_>> for Constant {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Int(value) => Self::Int(value),
            Value::Uint(value) => Self::Uint(value),
            Value::Double(value) => Self::Double(value),
            Value::Str(text) => Self::Str(text.into()),
            Value::Bytes(bytes) => Self::Bytes(bytes.into()),
            Value::Timestamp(time) => Self::Timestamp(time),
            Value::Duration(duration) => Self::Duration(duration),
            Value::Ip(ip) => Self::Ip(ip),
            Value::Cidr(cidr) => Self::Cidr(cidr),
            Value::Type(name) => Self::Type(name.into()),
            Value::List(list) => Self::List(list.iter().map(Self::from).collect()),
            Value::Map(map) => Self::Map(
                map.iter()
                    .map(|(key, value)| (key.into(), value.into()))
                    .collect(),
            ),
            Value::Optional(optional) => {
                Self::Optional(optional.get().map(|inner| Box::new(inner.into())))
            }
        }
    }
}

impl<'a> List<'a> {
    /// Number of elements.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Values(items) => items.len(),
            Self::Constants(items) => items.len(),
            Self::Strs(items) => items.len(),
            Self::View(view) => view.len(),
        }
    }

    /// The element at `index`.
    pub(crate) fn get(self, index: usize) -> Option<Value<'a>> {
        match self {
            Self::Values(items) => items.get(index).copied(),
            Self::Constants(items) => items.get(index).map(Constant::value),
            Self::Strs(items) => items.get(index).map(|text| Value::Str(text)),
            Self::View(view) => view.get(index),
        }
    }

    /// The elements in order.
    pub(crate) fn iter(self) -> impl Iterator<Item = Value<'a>> {
        (0..self.len()).filter_map(move |index| self.get(index))
    }
}

impl<'a> Map<'a> {
    /// Number of entries.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Entries(entries) => entries.len(),
            Self::Constants(entries) => entries.len(),
        }
    }

    /// The entry at `index`.
    pub(crate) fn entry(self, index: usize) -> Option<(Value<'a>, Value<'a>)> {
        match self {
            Self::Entries(entries) => entries.get(index).copied(),
            Self::Constants(entries) => entries
                .get(index)
                .map(|(key, value)| (key.value(), value.value())),
        }
    }

    /// The entries in order.
    pub(crate) fn iter(self) -> impl Iterator<Item = (Value<'a>, Value<'a>)> {
        (0..self.len()).filter_map(move |index| self.entry(index))
    }

    /// The value of a key. Numbers are the same key whatever their type.
    pub(crate) fn get(self, key: Value<'_>) -> Option<Value<'a>> {
        self.iter()
            .find(|(candidate, _)| equal(*candidate, key))
            .map(|(_, value)| value)
    }
}

impl<'a> Optional<'a> {
    /// What it holds.
    pub(crate) fn get(self) -> Option<Value<'a>> {
        match self {
            Self::None => None,
            Self::Value(value) => Some(*value),
            Self::Constant(constant) => Some(constant.value()),
        }
    }
}

impl Value<'_> {
    /// The name of its type, as `type(x)` gives it.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Str(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Ip(_) => "net.IP",
            Self::Cidr(_) => "net.CIDR",
            Self::Type(_) => "type",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Optional(_) => "optional_type",
        }
    }

    /// Whether it is the empty value of its type (`optional.ofNonZeroValue`).
    pub(crate) fn is_zero(self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(value) => !value,
            Self::Int(value) => value == 0,
            Self::Uint(value) => value == 0,
            Self::Double(value) => value == 0.0,
            Self::Str(text) => text.is_empty(),
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Duration(duration) => duration == Duration::ZERO,
            Self::List(list) => list.len() == 0,
            Self::Map(map) => map.len() == 0,
            Self::Optional(optional) => optional.get().is_none(),
            Self::Timestamp(_) | Self::Ip(_) | Self::Cidr(_) | Self::Type(_) => false,
        }
    }
}

/// Whether two values are equal. Values of different types are not, numbers apart.
pub(crate) fn equal(left: Value<'_>, right: Value<'_>) -> bool {
    match (left, right) {
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
        (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::Ip(a), Value::Ip(b)) => a == b,
        (Value::Cidr(a), Value::Cidr(b)) => a == b,
        (Value::Type(a), Value::Type(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(x, y)| equal(x, y))
        }
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, x)| b.get(key).is_some_and(|y| equal(x, y)))
        }
        (Value::Optional(a), Value::Optional(b)) => match (a.get(), b.get()) {
            (Some(x), Some(y)) => equal(x, y),
            (None, None) => true,
            _ => false,
        },
        _ => compare_numbers(left, right) == Some(Some(Ordering::Equal)),
    }
}

/// How two values are ordered. Outer `None`: their types have no order. Inner: not a number.
pub(crate) fn compare(left: Value<'_>, right: Value<'_>) -> Option<Option<Ordering>> {
    match (left, right) {
        (Value::Str(a), Value::Str(b)) => Some(Some(a.cmp(b))),
        (Value::Bytes(a), Value::Bytes(b)) => Some(Some(a.cmp(b))),
        (Value::Bool(a), Value::Bool(b)) => Some(Some(a.cmp(&b))),
        (Value::Timestamp(a), Value::Timestamp(b)) => Some(Some(a.cmp(&b))),
        (Value::Duration(a), Value::Duration(b)) => Some(Some(a.cmp(&b))),
        _ => compare_numbers(left, right),
    }
}

/// The order of two numbers of any type. An integer beside a double is
/// compared as a double, as cel-go does.
#[expect(clippy::cast_precision_loss, reason = "cel-go compares so")]
fn compare_numbers(left: Value<'_>, right: Value<'_>) -> Option<Option<Ordering>> {
    Some(match (left, right) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(&b)),
        (Value::Uint(a), Value::Uint(b)) => Some(a.cmp(&b)),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(&b),
        (Value::Int(a), Value::Uint(b)) => Some(i128::from(a).cmp(&i128::from(b))),
        (Value::Uint(a), Value::Int(b)) => Some(i128::from(a).cmp(&i128::from(b))),
        (Value::Int(a), Value::Double(b)) => (a as f64).partial_cmp(&b),
        (Value::Double(a), Value::Int(b)) => a.partial_cmp(&(b as f64)),
        (Value::Uint(a), Value::Double(b)) => (a as f64).partial_cmp(&b),
        (Value::Double(a), Value::Uint(b)) => a.partial_cmp(&(b as f64)),
        _ => return None,
    })
}
