//! What a condition may name: attributes with their types, and constants.

use super::types::Type;
use crate::program::condition::{AttributeId, Constant};
use std::collections::{BTreeMap, HashMap};

/// The names that conditions of one policy may use. It numbers the attributes
/// as conditions come to read them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    names: BTreeMap<Box<str>, Declared>,
    slots: Vec<Slot>,
    numbers: HashMap<(Box<str>, Option<Box<str>>), AttributeId>,
    container: Box<str>,
    /// Names that mean another attribute for the time being, such as a rule's own captures.
    aliases: BTreeMap<Box<str>, Box<str>>,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(crate) enum Declared {
    /// An attribute of the request.
    Attribute(Declaration),
    /// A set of attributes by name, such as the query parameters.
    Keyed(Declaration),
    /// The same, of header names: in lower case, without `_`.
    Headers(Declaration),
    /// A value of the policy.
    Constant(Constant),
}

/// The type of an attribute and what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Declaration {
    pub(crate) ty: Type,
    /// Whether a request may lack it.
    pub(crate) optional: bool,
    /// Most bytes of a string, most elements of a list or map.
    pub(crate) max_size: u32,
}

/// An attribute that some condition reads.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) name: Box<str>,
    /// The key, of a keyed attribute.
    pub(crate) key: Option<Box<str>>,
    pub(crate) declaration: Declaration,
}

impl Schema {
    /// Resolves names in a container first: `x` is `container.x` if that is declared.
    pub(crate) fn set_container(&mut self, container: &str) {
        self.container = container.into();
    }

    /// Lets names that are declared stand for attributes of other names, until it is called again.
    pub(crate) fn set_aliases(&mut self, aliases: impl Iterator<Item = (String, String)>) {
        self.aliases = aliases
            .map(|(name, alias)| (name.into(), alias.into()))
            .collect();
    }

    pub(crate) fn declare(&mut self, name: &str, declared: Declared) {
        self.names.insert(name.into(), declared);
    }

    /// Takes a declaration back.
    pub(crate) fn forget(&mut self, name: &str) {
        self.names.remove(name);
    }

    /// What a name stands for.
    pub(crate) fn get(&self, name: &str) -> Option<&Declared> {
        self.names.get(name)
    }

    /// Every declared name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(|name| &**name)
    }

    /// The names that `name` may mean, in the order in which CEL tries them.
    pub(super) fn candidates(&self, name: &str, absolute: bool) -> Vec<String> {
        let mut candidates = Vec::new();
        let mut container = &*self.container;
        while !absolute && !container.is_empty() {
            candidates.push(format!("{container}.{name}"));
            container = container.rsplit_once('.').map_or("", |(outer, _)| outer);
        }
        candidates.push(name.to_owned());
        candidates
    }

    /// The number of an attribute that a condition reads.
    pub(super) fn slot(&mut self, name: &str, key: Option<&str>) -> Option<AttributeId> {
        let declaration = match (self.names.get(name)?, key) {
            (Declared::Attribute(declaration), None)
            | (Declared::Keyed(declaration) | Declared::Headers(declaration), Some(_)) => {
                declaration.clone()
            }
            _ => return None,
        };
        let name = self.aliases.get(name).map_or(name, |alias| alias);
        let place = (Box::from(name), key.map(Box::from));
        if let Some(number) = self.numbers.get(&place) {
            return Some(*number);
        }
        let number = AttributeId(u32::try_from(self.slots.len()).ok()?);
        let (name, key) = place.clone();
        self.slots.push(Slot {
            name,
            key,
            declaration,
        });
        self.numbers.insert(place, number);
        Some(number)
    }

    /// The attributes read so far, by their numbers.
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The attribute of a number.
    pub(crate) fn read(&self, id: AttributeId) -> Option<&Slot> {
        self.slots.get(id.index())
    }
}
