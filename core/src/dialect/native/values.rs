//! Declared values, given per environment, and `${name}` replaced by them.
//!
//! A scalar that is exactly `${name}` becomes the value's node, never text. The
//! node takes the place where the name stands, so that a fault is reported there.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::{MAX_VALUE_CHAIN, MAX_VALUE_NODES};
use crate::pattern::cidr::Cidr;
use crate::program::condition::{self, Constant, Duration, Timestamp};
use crate::text::{Key, Kind, MappingReader, Node, SourceId, Span};

use super::super::Parsed;
use super::document::{Document, entries};
use super::names::{Definitions, check_identifier};
use super::outside::{REFERRING, reference};
use super::words::{pattern, word};

/// The values of a load by name, and what has been replaced by them.
pub(super) struct Values {
    by_name: HashMap<Box<str>, Value>,
    /// Where names stand, by their ends: a fault within a pattern begins later than its scalar.
    uses: HashMap<(SourceId, u32), Use>,
    /// Nothing once it is used up; that has been reported.
    nodes_left: Option<usize>,
}

struct Use {
    start: u32,
    /// Nothing where it could not be replaced; that has been reported.
    name: Option<Box<str>>,
}

struct Value {
    span: Span,
    ty: Option<ValueType>,
    default: Option<Node>,
    given: Option<Node>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its node may still hold names of other values.
    Open,
    Visiting,
    Done,
    /// Nothing can be put in its place; that has been reported.
    Broken,
}

#[derive(Clone, Copy)]
enum ValueType {
    String,
    Int,
    Double,
    Bool,
    Duration,
    Timestamp,
    StringList,
    IntList,
    Cidr,
    CidrList,
}

const TYPES: &[(&str, ValueType)] = &[
    ("string", ValueType::String),
    ("int", ValueType::Int),
    ("double", ValueType::Double),
    ("bool", ValueType::Bool),
    ("duration", ValueType::Duration),
    ("timestamp", ValueType::Timestamp),
    ("string_list", ValueType::StringList),
    ("int_list", ValueType::IntList),
    ("cidr", ValueType::Cidr),
    ("cidr_list", ValueType::CidrList),
];

impl Values {
    /// Declarations, what is given for them, and the references among them resolved.
    pub(super) fn collect(
        documents: &[Document],
        given: Vec<Parsed>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut values = Self {
            by_name: HashMap::new(),
            uses: HashMap::new(),
            nodes_left: Some(MAX_VALUE_NODES),
        };
        let mut names = Vec::new();
        let mut definitions = Definitions::of("value");
        for document in documents {
            for (key, node) in entries(document.get("values"), diagnostics) {
                let Some(name) = diagnostics.check(check_identifier(&key.text, key.span)) else {
                    continue;
                };
                if definitions.define(&name, diagnostics) {
                    values
                        .by_name
                        .insert(name.text.clone(), declaration(key, node, diagnostics));
                    names.push(name.text);
                }
            }
        }
        values.give(given, diagnostics);
        for name in &names {
            values.resolve(name, 0, diagnostics);
        }
        for name in &names {
            values.check_default(name, diagnostics);
        }
        values
    }

    /// The values as conditions know them; those that are broken are left out.
    pub(super) fn constants(&self) -> impl Iterator<Item = (&str, Constant)> {
        self.by_name.iter().filter_map(|(name, value)| {
            let node = value.given.as_ref().or(value.default.as_ref())?;
            let done = value.state == State::Done;
            Some((&**name, constant(node, value.ty.filter(|_| done)?)?))
        })
    }

    fn give(&mut self, given: Vec<Parsed>, diagnostics: &mut Diagnostics) {
        let mut definitions = Definitions::of("value");
        for root in given.into_iter().flat_map(|parsed| parsed.documents) {
            for (key, node) in entries(Some(&root), diagnostics) {
                let name = super::names::name(&key.text, key.span);
                match self.by_name.get_mut(&key.text) {
                    None => diagnostics.push(self.unknown(&key.text, key.span)),
                    Some(value) => {
                        if definitions.define(&name, diagnostics) {
                            value.given = Some(node.clone());
                            value.state = State::Open;
                        }
                    }
                }
            }
        }
    }

    fn unknown(&self, name: &str, span: Span) -> Diagnostic {
        let message = format!("no value \"{name}\" is declared");
        let error = Diagnostic::error(Code::UNKNOWN_VALUE, span, message);
        if name.starts_with("file:") || name.starts_with("env:") {
            return error
                .help("a file or a variable is referred to only where keys and secrets stand");
        }
        if self.by_name.is_empty() {
            let help = format!("declare it: `values: {{ {name}: {{ type: string }} }}`");
            return error.help(help);
        }
        error.suggesting(name, self.by_name.keys().map(|known| &**known))
    }

    /// Resolves the value that holds: the given one, else the default.
    fn resolve(&mut self, name: &str, depth: usize, diagnostics: &mut Diagnostics) -> State {
        let Some(value) = self.by_name.get_mut(name) else {
            return State::Broken;
        };
        if value.state != State::Open {
            return value.state;
        }
        let is_given = value.given.is_some();
        let chosen = value.given.take().or_else(|| value.default.take());
        let (span, ty) = (value.span, value.ty);
        value.state = State::Visiting;
        let state = match chosen {
            None => {
                let message = format!("the value \"{name}\" has no default and is not given");
                let error = Diagnostic::error(Code::VALUE_MISSING, span, message);
                diagnostics.push(error.help("give it in a file of values, or write a `default`"));
                State::Broken
            }
            Some(mut node) => {
                let intact = self.replace(&mut node, Some(depth), diagnostics);
                let typed = intact && ty.is_some_and(|ty| has_type(&node, ty, diagnostics));
                if let Some(value) = self.by_name.get_mut(name) {
                    let slot = if is_given {
                        &mut value.given
                    } else {
                        &mut value.default
                    };
                    *slot = Some(node);
                }
                if typed { State::Done } else { State::Broken }
            }
        };
        if let Some(value) = self.by_name.get_mut(name) {
            value.state = state;
        }
        state
    }

    /// A default has its declared type even where another value is given.
    fn check_default(&mut self, name: &str, diagnostics: &mut Diagnostics) {
        let Some(value) = self
            .by_name
            .get_mut(name)
            .filter(|value| value.given.is_some())
        else {
            return;
        };
        let (default, ty) = (value.default.take(), value.ty);
        if let (Some(mut node), Some(ty)) = (default, ty)
            && self.replace(&mut node, Some(0), diagnostics)
        {
            has_type(&node, ty, diagnostics);
        }
    }

    /// Replaces every name in a document by its value, but not where values are declared.
    pub(super) fn replace_in(&mut self, root: &mut Node, diagnostics: &mut Diagnostics) {
        let Kind::Mapping(sections) = &mut root.kind else {
            return;
        };
        for (key, node) in sections {
            self.check_key(key, diagnostics);
            match &*key.text {
                "gatelet" | "include" | "values" => {}
                "identity" | "approvals" => self.replace_but_references(node, diagnostics),
                _ => {
                    self.replace(node, None, diagnostics);
                }
            }
        }
    }

    /// As `replace`, but leaves what refers to a secret or to keys, which is no name of a value.
    fn replace_but_references(&mut self, node: &mut Node, diagnostics: &mut Diagnostics) {
        let Kind::Mapping(entries) = &mut node.kind else {
            self.replace(node, None, diagnostics);
            return;
        };
        for (key, value) in entries {
            self.check_key(key, diagnostics);
            if !(REFERRING.contains(&&*key.text) && reference(value).is_some()) {
                self.replace_but_references(value, diagnostics);
            }
        }
    }

    /// Whether all names in the node could be replaced. Inside a value `depth` says how many refer to it.
    fn replace(
        &mut self,
        node: &mut Node,
        depth: Option<usize>,
        diagnostics: &mut Diagnostics,
    ) -> bool {
        let mut intact = true;
        match &mut node.kind {
            Kind::Sequence(items) => {
                for item in items {
                    intact &= self.replace(item, depth, diagnostics);
                }
            }
            Kind::Mapping(entries) => {
                for (key, value) in entries {
                    self.check_key(key, diagnostics);
                    intact &= self.replace(value, depth, diagnostics);
                }
            }
            Kind::Scalar { text, .. } if text.contains("${") => {
                let text = text.clone();
                intact = self.replace_scalar(node, &text, depth, diagnostics);
            }
            Kind::Scalar { .. } => {}
        }
        intact
    }

    fn replace_scalar(
        &mut self,
        node: &mut Node,
        text: &str,
        depth: Option<usize>,
        diagnostics: &mut Diagnostics,
    ) -> bool {
        let span = node.span;
        let name = text
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'));
        let value = match name.filter(|name| !name.contains("${")) {
            Some(name) => self
                .value(name, span, depth, diagnostics)
                .map(|kind| (name, kind)),
            None => {
                diagnostics.push(inside_text(span));
                None
            }
        };
        let Some((name, kind)) = value else {
            self.note(span, None);
            return false;
        };
        node.kind = kind;
        self.note(span, Some(name));
        true
    }

    /// What stands for a name at `span`.
    fn value(
        &mut self,
        name: &str,
        span: Span,
        depth: Option<usize>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Kind> {
        if !self.by_name.contains_key(name) {
            diagnostics.push(self.unknown(name, span));
            return None;
        }
        let depth = depth.unwrap_or(0);
        if depth >= MAX_VALUE_CHAIN {
            let message =
                format!("more than {MAX_VALUE_CHAIN} values refer to each other in a row");
            diagnostics.push(Diagnostic::error(Code::VALUE_CYCLE, span, message));
            return None;
        }
        match self.resolve(name, depth + 1, diagnostics) {
            State::Done => {}
            State::Visiting => {
                let message = format!("the value \"{name}\" refers to itself");
                diagnostics.push(Diagnostic::error(Code::VALUE_CYCLE, span, message));
                return None;
            }
            State::Open | State::Broken => return None,
        }
        let value = self.by_name.get(name)?;
        let node = value.given.as_ref().or(value.default.as_ref())?;
        let left = self.nodes_left?.checked_sub(count(node));
        self.nodes_left = left;
        if left.is_none() {
            let message = format!("values put more than {MAX_VALUE_NODES} nodes into the policy");
            let error = Diagnostic::error(Code::TOO_MUCH_COPIED, span, message);
            diagnostics.push(error.help("name a long list once, under `sets`"));
            return None;
        }
        Some(placed(node, span).kind)
    }

    fn check_key(&mut self, key: &Key, diagnostics: &mut Diagnostics) {
        if key.text.contains("${") {
            let error =
                Diagnostic::error(Code::VALUE_INSIDE_TEXT, key.span, "`${` stands in a key");
            diagnostics.push(error.help("values take the place of values, not of keys"));
            self.note(key.span, None);
        }
    }

    /// Names the value that a fault comes from; drops what only follows from a value that is broken.
    pub(super) fn explain(&self, diagnostic: Diagnostic) -> Option<Diagnostic> {
        let Some(span) = diagnostic.span() else {
            return Some(diagnostic);
        };
        let used = self.uses.get(&(span.source, span.end));
        let Some(used) = used.filter(|used| used.start <= span.start) else {
            return Some(diagnostic);
        };
        let (name, value) = self.by_name.get_key_value(used.name.as_ref()?)?;
        let node = value.given.as_ref().or(value.default.as_ref());
        let origin = node.map_or(value.span, |node| node.span);
        Some(diagnostic.related(origin, format!("the value \"{name}\" is given here")))
    }

    fn note(&mut self, span: Span, name: Option<&str>) {
        let used = Use {
            start: span.start,
            name: name.map(Box::from),
        };
        self.uses.insert((span.source, span.end), used);
    }
}

fn declaration(key: &Key, node: &Node, diagnostics: &mut Diagnostics) -> Value {
    let mut value = Value {
        span: key.span,
        ty: None,
        default: None,
        given: None,
        state: State::Broken,
    };
    let Some(mut reader) = diagnostics.check(MappingReader::new(node)) else {
        return value;
    };
    value.ty = reader.read_required("type", |node| word(node, TYPES), diagnostics);
    value.default = reader.take("default").cloned();
    reader.finish(diagnostics);
    if value.ty.is_some() {
        value.state = State::Open;
    }
    value
}

fn inside_text(span: Span) -> Diagnostic {
    let message = "`${` stands inside a longer text";
    let help = "a value takes the place of a whole scalar: \"${name}\", never of a part of it";
    Diagnostic::error(Code::VALUE_INSIDE_TEXT, span, message).help(help)
}

/// Whether the node has the type; every item that has not is reported.
fn has_type(node: &Node, ty: ValueType, diagnostics: &mut Diagnostics) -> bool {
    let result = match ty {
        ValueType::String => node.as_str().map(drop),
        ValueType::Int => node.as_i64().map(drop),
        ValueType::Double => node.as_f64().map(drop),
        ValueType::Bool => node.as_bool().map(drop),
        ValueType::Duration => node.as_duration_ms().map(drop),
        ValueType::Timestamp => node.as_timestamp_ms().map(drop),
        ValueType::Cidr => pattern(node, Cidr::parse).map(drop),
        ValueType::StringList => return all_have(node, ValueType::String, diagnostics),
        ValueType::IntList => return all_have(node, ValueType::Int, diagnostics),
        ValueType::CidrList => return all_have(node, ValueType::Cidr, diagnostics),
    };
    diagnostics.check(result).is_some()
}

fn all_have(node: &Node, ty: ValueType, diagnostics: &mut Diagnostics) -> bool {
    let Some(items) = diagnostics.check(node.as_sequence()) else {
        return false;
    };
    let mut all = true;
    for item in items {
        all &= has_type(item, ty, diagnostics);
    }
    all
}

fn count(node: &Node) -> usize {
    match &node.kind {
        Kind::Scalar { .. } => 1,
        Kind::Sequence(items) => 1 + items.iter().map(count).sum::<usize>(),
        Kind::Mapping(entries) => 1 + entries.iter().map(|(_, value)| count(value)).sum::<usize>(),
    }
}

/// A copy of the node whose every part stands at `span`.
fn placed(node: &Node, span: Span) -> Node {
    let kind = match &node.kind {
        Kind::Scalar { .. } => node.kind.clone(),
        Kind::Sequence(items) => {
            Kind::Sequence(items.iter().map(|item| placed(item, span)).collect())
        }
        Kind::Mapping(entries) => {
            let place = |(key, value): &(Key, Node)| {
                (
                    Key {
                        span,
                        text: key.text.clone(),
                    },
                    placed(value, span),
                )
            };
            Kind::Mapping(entries.iter().map(place).collect())
        }
    };
    Node { span, kind }
}

/// A value of its declared type as a constant of conditions.
fn constant(node: &Node, ty: ValueType) -> Option<Constant> {
    let list = |item: ValueType| {
        let items = node.as_sequence().ok()?.iter();
        let constants: Option<Box<[Constant]>> = items.map(|node| constant(node, item)).collect();
        constants.map(Constant::List)
    };
    Some(match ty {
        ValueType::String => Constant::Str(node.as_str().ok()?.into()),
        ValueType::Int => Constant::Int(node.as_i64().ok()?),
        ValueType::Double => Constant::Double(node.as_f64().ok()?),
        ValueType::Bool => Constant::Bool(node.as_bool().ok()?),
        ValueType::Duration => {
            let ms = node.as_duration_ms().ok()?;
            Constant::Duration(Duration::from_nanos(i128::from(ms) * 1_000_000).ok()?)
        }
        ValueType::Timestamp => {
            Constant::Timestamp(Timestamp::from_ms(node.as_timestamp_ms().ok()?).ok()?)
        }
        ValueType::Cidr => Constant::Cidr(condition::Cidr::parse(&prefixed(node.as_str().ok()?))?),
        ValueType::StringList => return list(ValueType::String),
        ValueType::IntList => return list(ValueType::Int),
        ValueType::CidrList => return list(ValueType::Cidr),
    })
}

/// A network of one address may be written without its prefix.
fn prefixed(network: &str) -> String {
    match network.contains('/') {
        true => network.to_owned(),
        false if network.contains(':') => format!("{network}/128"),
        false => format!("{network}/32"),
    }
}
