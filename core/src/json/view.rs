//! Documents that were read, and their values.

use super::{Kind, Node, slice};
use std::fmt;

/// A value of a document that was read.
#[derive(Clone, Copy)]
pub(crate) struct Json<'a> {
    bytes: &'a [u8],
    /// Itself first, then what it holds.
    nodes: &'a [Node],
}

/// What a value is.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    /// As it is written.
    Number(&'a [u8]),
    /// UTF-8, escapes resolved.
    Text(&'a [u8]),
    Array(Items<'a>),
    Object(Members<'a>),
}

impl<'a> Json<'a> {
    /// The document that was read from `bytes` into `nodes`; none if nothing was.
    pub(crate) fn document(bytes: &'a [u8], nodes: &'a [Node]) -> Option<Self> {
        nodes.first()?;
        Some(Self { bytes, nodes })
    }

    pub(crate) fn value(self) -> Value<'a> {
        let Some((node, rest)) = self.nodes.split_first() else {
            return Value::Null;
        };
        let bytes = || slice(self.bytes, node);
        match node.kind {
            Kind::Null => Value::Null,
            Kind::True => Value::Bool(true),
            Kind::False => Value::Bool(false),
            Kind::Number => Value::Number(bytes()),
            Kind::Text => Value::Text(bytes()),
            Kind::Array => Value::Array(Items(Self {
                bytes: self.bytes,
                nodes: rest,
            })),
            Kind::Object => Value::Object(Members::of(self.bytes, rest)),
        }
    }

    /// The text, if it is one.
    pub(crate) fn text(self) -> Option<&'a [u8]> {
        match self.value() {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Where the text stands in the document, if it is one.
    pub(crate) fn range(self) -> Option<std::ops::Range<usize>> {
        let node = self.nodes.first().filter(|node| node.kind == Kind::Text)?;
        Some(node.start as usize..node.end as usize)
    }

    /// The items, if it is an array.
    pub(crate) fn items(self) -> Option<Items<'a>> {
        match self.value() {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub(crate) fn members(self) -> Option<Members<'a>> {
        match self.value() {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The member of an object; none of anything else.
    pub(crate) fn get(self, name: &[u8]) -> Option<Self> {
        let found = self.members()?.find(|(known, _)| *known == name);
        found.map(|(_, value)| value)
    }

    /// Where members stand among the values of the document, in one pass; 0 for those that are not there.
    pub(crate) fn places<const N: usize>(self, names: [&[u8]; N]) -> [u32; N] {
        let mut places = [0; N];
        let Some(members) = self.members() else {
            return places;
        };
        let mut at = 1;
        for (name, value) in members {
            for (known, place) in names.iter().zip(&mut places) {
                if *known == name {
                    *place = at + 1;
                }
            }
            at += 1 + super::offset(value.size());
        }
        places
    }

    /// The value at a place, of the document itself; none at 0.
    #[inline]
    pub(crate) fn value_at(self, place: u32) -> Option<Self> {
        let nodes = self.nodes.get(place as usize..)?;
        let size = nodes.first().filter(|_| place != 0)?.size;
        Some(Self {
            bytes: self.bytes,
            nodes: nodes.get(..size as usize)?,
        })
    }

    /// How many nodes it and what it holds are.
    pub(super) const fn size(self) -> usize {
        self.nodes.len()
    }

    /// Goes down by the names of members; each is one name, whatever its characters.
    pub(crate) fn at(self, path: &[Box<str>]) -> Option<Self> {
        path.iter()
            .try_fold(self, |value, name| value.get(name.as_bytes()))
    }

    /// The name of a member that some object, at any depth, has twice.
    pub(crate) fn ambiguous(self) -> Option<&'a [u8]> {
        let mut nodes = self.nodes.iter();
        let found = nodes.find(|node| node.is_ambiguous())?;
        Some(slice(self.bytes, found))
    }

    /// The name of a member that this object has twice.
    pub(crate) fn own_ambiguous(self) -> Option<&'a [u8]> {
        let found = self.nodes.first().filter(|node| node.is_ambiguous())?;
        Some(slice(self.bytes, found))
    }
}

/// Never what is in it: a document may hold secrets.
impl fmt::Debug for Json<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Json({} nodes)", self.nodes.len())
    }
}

/// The items of an array.
#[derive(Clone, Copy)]
pub(crate) struct Items<'a>(Json<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        let first = self.0.nodes.first()?;
        let (item, rest) = self.0.nodes.split_at_checked(first.size as usize)?;
        self.0.nodes = rest;
        Some(Json {
            bytes: self.0.bytes,
            nodes: item,
        })
    }
}

/// The members of an object, as they stand.
#[derive(Clone, Copy)]
pub(crate) struct Members<'a>(Items<'a>);

impl<'a> Members<'a> {
    /// Names and values that take turns.
    pub(super) const fn of(bytes: &'a [u8], nodes: &'a [Node]) -> Self {
        Self(Items(Json { bytes, nodes }))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], Json<'a>);

    fn next(&mut self) -> Option<(&'a [u8], Json<'a>)> {
        let name = self.0.next()?.text()?;
        Some((name, self.0.next()?))
    }
}
