//! Conditions as data: tests of single attributes that a rule's `match` could
//! have written, and what must hold of a request before a condition can.

use super::schema::{Schema, Slot};
use super::types::Type;
use crate::program::condition::{
    AttributeId, Comprehension, Kids, LoopKind, Node, NodeId, Program,
};

/// A condition taken apart. It means exactly what the program means.
#[derive(Clone, Debug)]
pub(crate) enum Lowered {
    /// The same for every request.
    Always(bool),
    All(Vec<Lowered>),
    Any(Vec<Lowered>),
    Not(Box<Lowered>),
    Test(Test),
    /// Another test of one attribute, which the index has no use for.
    Single(NodeId),
    /// A part that only the evaluator knows ([`crate::program::condition::Evaluator::part_holds`]).
    Opaque(NodeId),
}

impl Lowered {
    /// Whether structured matchers could say the same.
    pub(crate) fn could_be_match(&self) -> bool {
        match self {
            Self::Always(_) | Self::Opaque(_) => false,
            Self::All(parts) | Self::Any(parts) => parts.iter().all(Self::could_be_match),
            Self::Not(part) => part.could_be_match(),
            Self::Test(_) | Self::Single(_) => true,
        }
    }
}

/// A test of one attribute. If the attribute cannot be read it is an error, as
/// in the condition: neither true nor false, and not turned round by `Not`.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub(crate) attribute: AttributeId,
    pub(crate) matcher: Matcher,
}

/// What a test asks for.
#[derive(Clone, Debug)]
pub(crate) enum Matcher {
    /// It is one of these strings.
    OneOf(Vec<Box<str>>),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    /// It is a list that has one of these strings.
    HasAny(Vec<Box<str>>),
}

/// Takes a program apart into tests of the attributes that `wanted` picks.
pub(crate) fn lower(program: &Program, schema: &Schema, wanted: fn(&Slot) -> bool) -> Lowered {
    let names = Names { schema, wanted };
    match program.root {
        Some(root) => part(program, &names, root),
        None => Lowered::Always(false),
    }
}

/// The attributes of a program, and which of them become tests.
struct Names<'s> {
    schema: &'s Schema,
    wanted: fn(&Slot) -> bool,
}

impl Names<'_> {
    fn read(&self, attribute: AttributeId) -> Option<&Slot> {
        self.schema
            .read(attribute)
            .filter(|slot| (self.wanted)(slot))
    }
}

fn part(program: &Program, schema: &Names<'_>, id: NodeId) -> Lowered {
    let parts = |kids: Kids| {
        program
            .kids(kids)
            .iter()
            .map(|kid| part(program, schema, *kid))
            .collect::<Vec<_>>()
    };
    match program.node(id) {
        Node::Bool(value) => Lowered::Always(value),
        Node::And(kids) => Lowered::All(parts(kids)),
        Node::Or(kids) => any(parts(kids)),
        Node::Not(operand) => Lowered::Not(Box::new(part(program, schema, operand))),
        Node::NotEqualStr(operand, text) => {
            let text = Box::from(program.text(text));
            match test(program, schema, operand, Matcher::OneOf(vec![text])) {
                Some(test) => Lowered::Not(Box::new(Lowered::Test(test))),
                None => Lowered::Opaque(id),
            }
        }
        node => match simple(program, schema, node) {
            Some(test) => Lowered::Test(test),
            None if is_single(program, schema, node) => Lowered::Single(id),
            None => Lowered::Opaque(id),
        },
    }
}

fn simple(program: &Program, schema: &Names<'_>, node: Node) -> Option<Test> {
    let text = |id| Box::from(program.text(id));
    match node {
        Node::EqualStr(operand, value) => {
            test(program, schema, operand, Matcher::OneOf(vec![text(value)]))
        }
        Node::OneOf(operand, set) => {
            let strings = program.sets.get(set.index())?.strings().to_vec();
            test(program, schema, operand, Matcher::OneOf(strings))
        }
        Node::StartsWith(operand, prefix) => {
            test(program, schema, operand, Matcher::StartsWith(text(prefix)))
        }
        Node::EndsWith(operand, suffix) => {
            test(program, schema, operand, Matcher::EndsWith(text(suffix)))
        }
        Node::Member(item, list) => test(program, schema, list, Matcher::HasAny(vec![text(item)])),
        Node::Comprehension(id) => {
            let node = program.comprehensions.get(id.index())?;
            test(
                program,
                schema,
                node.range,
                Matcher::HasAny(wanted_element(program, node)?),
            )
        }
        _ => None,
    }
}

/// Whether an address is asked for its network, or an attribute whether it is there.
fn is_single(program: &Program, schema: &Names<'_>, node: Node) -> bool {
    match node {
        Node::HasAttribute(attribute) => schema.read(attribute).is_some(),
        Node::InCidr(operand, _) => match program.node(operand) {
            Node::Attribute(attribute) => schema
                .read(attribute)
                .is_some_and(|slot| slot.declaration.ty == Type::Ip),
            _ => false,
        },
        _ => false,
    }
}

/// The strings of `list.exists(x, x in ['a', 'b'])`.
fn wanted_element(program: &Program, node: &Comprehension) -> Option<Vec<Box<str>>> {
    if node.kind != LoopKind::Exists || node.two_variables {
        return None;
    }
    let is_element = |id| matches!(program.node(id), Node::Local(0));
    match program.node(node.body) {
        Node::OneOf(operand, set) if is_element(operand) => {
            Some(program.sets.get(set.index())?.strings().to_vec())
        }
        _ => None,
    }
}

/// A test, if the operand is an attribute of the type that the matcher is made
/// for; of any other it could be an error where the condition has a value.
fn test(program: &Program, schema: &Names<'_>, operand: NodeId, matcher: Matcher) -> Option<Test> {
    let Node::Attribute(attribute) = program.node(operand) else {
        return None;
    };
    let declaration = &schema.read(attribute)?.declaration;
    let fits = match matcher {
        Matcher::OneOf(_) | Matcher::StartsWith(_) | Matcher::EndsWith(_) => {
            declaration.ty == Type::Str
        }
        Matcher::HasAny(_) => declaration.ty == Type::list(Type::Str),
    };
    fits.then_some(Test { attribute, matcher })
}

/// `a || b`, with the tests of one attribute joined.
fn any(parts: Vec<Lowered>) -> Lowered {
    let mut joined: Vec<Lowered> = Vec::new();
    for part in parts {
        let Lowered::Test(next) = &part else {
            joined.push(part);
            continue;
        };
        let same = joined.iter_mut().find_map(|held| match held {
            Lowered::Test(held) if held.attribute == next.attribute => {
                match (&mut held.matcher, &next.matcher) {
                    (Matcher::OneOf(strings), Matcher::OneOf(more))
                    | (Matcher::HasAny(strings), Matcher::HasAny(more)) => Some((strings, more)),
                    _ => None,
                }
            }
            _ => None,
        });
        match same {
            Some((strings, more)) => strings.extend_from_slice(more),
            None => joined.push(part),
        }
    }
    if joined.len() == 1
        && let Some(only) = joined.pop()
    {
        return only;
    }
    Lowered::Any(joined)
}

/// What must hold of a request for a condition to be true. Where the attribute
/// is there and the fact does not hold, the condition is false, not an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    OneOf(AttributeId, Vec<Box<str>>),
    /// It starts with one of these.
    StartsWith(AttributeId, Vec<Box<str>>),
    /// It has one of these.
    HasAny(AttributeId, Vec<Box<str>>),
}

/// The facts of a program, all of which must hold.
pub(crate) fn facts(program: &Program, schema: &Schema) -> Vec<Fact> {
    let names = Names {
        schema,
        wanted: |_| true,
    };
    program
        .root
        .map_or_else(Vec::new, |root| facts_of(program, &names, root))
}

fn facts_of(program: &Program, schema: &Names<'_>, id: NodeId) -> Vec<Fact> {
    match program.node(id) {
        Node::And(kids) => program
            .kids(kids)
            .iter()
            .flat_map(|kid| facts_of(program, schema, *kid))
            .fold(Vec::new(), with_fact),
        Node::Or(kids) => program
            .kids(kids)
            .iter()
            .map(|kid| facts_of(program, schema, *kid))
            .reduce(|a, b| either(&a, &b))
            .unwrap_or_default(),
        Node::Matches(operand, regex) => {
            let prefix = program
                .regexes
                .get(regex.index())
                .map(|regex| regex.prefix.clone());
            let prefix = prefix.filter(|prefix| !prefix.is_empty());
            match (program.node(operand), prefix) {
                (Node::Attribute(attribute), Some(prefix)) => {
                    vec![Fact::StartsWith(attribute, vec![prefix])]
                }
                _ => Vec::new(),
            }
        }
        node => match simple(program, schema, node) {
            Some(Test { attribute, matcher }) => match matcher {
                Matcher::OneOf(strings) => vec![Fact::OneOf(attribute, strings)],
                Matcher::StartsWith(prefix) => vec![Fact::StartsWith(attribute, vec![prefix])],
                Matcher::HasAny(strings) => vec![Fact::HasAny(attribute, strings)],
                Matcher::EndsWith(_) => Vec::new(),
            },
            None => Vec::new(),
        },
    }
}

/// Both facts hold: two sets of values of one attribute leave what is in both.
fn with_fact(mut held: Vec<Fact>, next: Fact) -> Vec<Fact> {
    if let Fact::OneOf(attribute, strings) = &next {
        for fact in &mut held {
            if let Fact::OneOf(other, before) = fact
                && other == attribute
            {
                before.retain(|string| strings.contains(string));
                return held;
            }
        }
    }
    held.push(next);
    held
}

/// What holds if the facts of one side do.
fn either(left: &[Fact], right: &[Fact]) -> Vec<Fact> {
    let joined = |a: &[Box<str>], b: &[Box<str>]| [a, b].concat();
    let mut both = Vec::new();
    for a in left {
        for b in right {
            both.extend(match (a, b) {
                (Fact::OneOf(x, a), Fact::OneOf(y, b)) if x == y => {
                    Some(Fact::OneOf(*x, joined(a, b)))
                }
                (Fact::HasAny(x, a), Fact::HasAny(y, b)) if x == y => {
                    Some(Fact::HasAny(*x, joined(a, b)))
                }
                (
                    Fact::OneOf(x, a) | Fact::StartsWith(x, a),
                    Fact::OneOf(y, b) | Fact::StartsWith(y, b),
                ) if x == y => Some(Fact::StartsWith(*x, joined(a, b))),
                _ => None,
            });
        }
    }
    both
}

/// Whether no request can make all of them hold.
pub(crate) fn contradict(facts: &[Fact]) -> bool {
    let starts = |value: &str, prefixes: &[Box<str>]| {
        prefixes.iter().any(|prefix| value.starts_with(&**prefix))
    };
    facts.iter().any(|fact| match fact {
        Fact::OneOf(attribute, strings) => !strings.iter().any(|string| {
            facts.iter().all(|other| match other {
                Fact::StartsWith(on, prefixes) if on == attribute => starts(string, prefixes),
                _ => true,
            })
        }),
        Fact::StartsWith(attribute, prefixes) => facts.iter().any(|other| match other {
            Fact::StartsWith(on, others) if on == attribute => !prefixes.iter().any(|prefix| {
                starts(prefix, others) || others.iter().any(|other| other.starts_with(&**prefix))
            }),
            _ => false,
        }),
        Fact::HasAny(..) => false,
    })
}
