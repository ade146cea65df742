//! Conditions of the model: made up, written as CEL, and evaluated the long way.

use super::generate::{ACTIONS, GROUPS, HOSTS, METHODS, RANGES, WORDS, template};
use super::{ATTRIBUTES, Action, Request, Role, matching};
use crate::prng::Prng;
use std::collections::BTreeSet;

/// A condition.
#[derive(Clone, Debug)]
pub(crate) enum When {
    /// All of them.
    And(Vec<When>),
    /// Any of them.
    Or(Vec<When>),
    /// Not that.
    Not(Box<When>),
    /// The first decides between the others.
    If(Box<[When; 3]>),
    /// One question.
    Ask(Ask),
}

/// A question about one attribute.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    /// `attribute == text`, or `text == attribute`.
    Is(String, String, bool),
    /// `attribute != text`.
    IsNot(String, String),
    /// `attribute in [texts]`.
    OneOf(String, Vec<String>),
    /// `attribute.startsWith(text)`.
    StartsWith(String, String),
    /// `attribute.endsWith(text)`.
    EndsWith(String, String),
    /// `text in list`.
    Has(String, String),
    /// `list.exists(x, x in [texts])`.
    HasAny(String, Vec<String>),
    /// `attribute >= number`.
    AtLeast(String, i64),
    /// `has(attribute)`.
    Present(String),
    /// `source.ip.inCidr(range)`.
    InCidr(String),
}

/// What a condition comes to, if it is no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Something is absent, or there twice.
    Undecided,
    /// It is the principal's, and there is none.
    NoPrincipal,
}

type Outcome = Result<bool, Failure>;

/// What a condition reads beside the request itself.
pub(super) struct Context<'c> {
    pub(super) request: &'c Request,
    pub(super) action: Option<&'c str>,
    pub(super) active: &'c BTreeSet<String>,
}

/// A condition that loads with these actions and roles.
pub(super) fn make(random: &mut Prng, actions: &[Action], roles: &[Role]) -> When {
    loop {
        let when = made(random, actions, roles, 3);
        let text = when.render();
        // Lists may be long, and the cost of a condition is bounded.
        if 4 * text.matches("exists(").count() + text.matches("' in ").count() <= 8 {
            return when;
        }
    }
}

fn made(random: &mut Prng, actions: &[Action], roles: &[Role], depth: usize) -> When {
    let some = |random: &mut Prng, count| -> Vec<When> {
        (0..count)
            .map(|_| made(random, actions, roles, depth - 1))
            .collect()
    };
    if depth == 0 {
        return When::Ask(ask(random, actions, roles));
    }
    match random.below(10) {
        0..=2 => {
            let count = 2 + random.below(2);
            When::And(some(random, count))
        }
        3..=4 => {
            let count = 2 + random.below(2);
            When::Or(some(random, count))
        }
        5 => When::Not(Box::new(made(random, actions, roles, depth - 1))),
        6 => When::If(Box::new(
            [(); 3].map(|()| made(random, actions, roles, depth.min(2) - 1)),
        )),
        _ => When::Ask(ask(random, actions, roles)),
    }
}

fn ask(random: &mut Prng, actions: &[Action], roles: &[Role]) -> Ask {
    let words = |random: &mut Prng, from: &[&str]| -> Vec<String> {
        let some = random.some(from, 1, 3);
        some.into_iter().map(str::to_owned).collect()
    };
    match random.below(14) {
        0 => text(random, "request.method", METHODS),
        1 => Ask::OneOf("request.method".to_owned(), words(random, METHODS)),
        2..=3 => path(random),
        4 => text(random, "request.host", HOSTS),
        5 => Ask::EndsWith("request.host".to_owned(), ".example".to_owned()),
        6 => {
            let declared: Vec<_> = actions.iter().map(|action| action.name.as_str()).collect();
            text(
                random,
                "action",
                if declared.is_empty() {
                    ACTIONS
                } else {
                    &declared
                },
            )
        }
        7..=8 if !roles.is_empty() => {
            let role = random.pick(roles).name.clone();
            if random.chance(50) {
                Ask::Has("principal.roles".to_owned(), role)
            } else {
                let more = random.pick(roles).name.clone();
                Ask::HasAny("principal.roles".to_owned(), vec![role, more])
            }
        }
        9 => Ask::Has(
            "principal.groups".to_owned(),
            (*random.pick(GROUPS)).to_owned(),
        ),
        10 => {
            let name = *random.pick(&["x-a", "x-b"]);
            text(random, &format!("request.headers['{name}']"), WORDS)
        }
        11 => Ask::InCidr((*random.pick(RANGES)).to_owned()),
        _ => {
            let (name, of, ty, _) = *random.pick(ATTRIBUTES);
            let attribute = format!("{of}.attr.{name}");
            match ty {
                _ if random.chance(30) => Ask::Present(attribute),
                "int" => Ask::AtLeast(attribute, 1 + random.below(3) as i64),
                _ => text(random, &attribute, WORDS),
            }
        }
    }
}

fn text(random: &mut Prng, attribute: &str, from: &[&str]) -> Ask {
    let value = (*random.pick(from)).to_owned();
    let attribute = attribute.to_owned();
    match random.below(4) {
        0 => Ask::IsNot(attribute, value),
        1 => {
            let end = value.len().min(1 + random.below(3));
            Ask::StartsWith(attribute, value[..end].to_owned())
        }
        _ => Ask::Is(attribute, value, random.chance(30)),
    }
}

/// A path, or the beginning of one.
fn path(random: &mut Prng) -> Ask {
    let template = template(random);
    let literal = template.split('{').next().unwrap_or("/").to_owned();
    let attribute = "request.url_path".to_owned();
    match random.below(3) {
        0 => Ask::Is(attribute, literal, false),
        1 => Ask::OneOf(
            attribute,
            vec![literal, "/a".to_owned(), "/orders".to_owned()],
        ),
        _ => Ask::StartsWith(attribute, literal),
    }
}

fn quoted(text: &str) -> String {
    format!("'{text}'")
}

fn list(texts: &[String]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(", "))
}

impl When {
    /// The condition as CEL.
    pub(super) fn render(&self) -> String {
        let joined = |parts: &[Self], operator: &str| {
            let parts: Vec<_> = parts
                .iter()
                .map(|part| format!("({})", part.render()))
                .collect();
            parts.join(operator)
        };
        match self {
            Self::And(parts) => joined(parts, " && "),
            Self::Or(parts) => joined(parts, " || "),
            Self::Not(part) => format!("!({})", part.render()),
            Self::If(parts) => {
                let [condition, then, otherwise] = parts.each_ref().map(Self::render);
                format!("({condition}) ? ({then}) : ({otherwise})")
            }
            Self::Ask(ask) => ask.render(),
        }
    }

    /// What it comes to. An operand that decides absorbs errors; the want of a principal is told
    /// where nothing else is wrong.
    pub(super) fn holds(&self, context: &Context<'_>) -> Outcome {
        let joined = |parts: &[Self], decisive: bool| {
            let outcomes: Vec<_> = parts.iter().map(|part| part.holds(context)).collect();
            if outcomes.contains(&Ok(decisive)) {
                return Ok(decisive);
            }
            let failures = [Failure::Undecided, Failure::NoPrincipal];
            let failed = failures
                .into_iter()
                .find(|failure| outcomes.contains(&Err(*failure)));
            failed.map_or(Ok(!decisive), Err)
        };
        match self {
            Self::And(parts) => joined(parts, false),
            Self::Or(parts) => joined(parts, true),
            Self::Not(part) => part.holds(context).map(|holds| !holds),
            Self::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                if condition.holds(context)? {
                    then.holds(context)
                } else {
                    otherwise.holds(context)
                }
            }
            Self::Ask(ask) => ask.holds(context),
        }
    }
}

impl Ask {
    fn render(&self) -> String {
        match self {
            Self::Is(attribute, text, true) => format!("{} == {attribute}", quoted(text)),
            Self::Is(attribute, text, false) => format!("{attribute} == {}", quoted(text)),
            Self::IsNot(attribute, text) => format!("{attribute} != {}", quoted(text)),
            Self::OneOf(attribute, texts) => format!("{attribute} in {}", list(texts)),
            Self::StartsWith(attribute, text) => {
                format!("{attribute}.startsWith({})", quoted(text))
            }
            Self::EndsWith(attribute, text) => format!("{attribute}.endsWith({})", quoted(text)),
            Self::Has(attribute, text) => format!("{} in {attribute}", quoted(text)),
            Self::HasAny(attribute, texts) => {
                format!("{attribute}.exists(x, x in {})", list(texts))
            }
            Self::AtLeast(attribute, number) => format!("{attribute} >= {number}"),
            Self::Present(attribute) => format!("has({attribute})"),
            Self::InCidr(range) => format!("source.ip.inCidr('{range}')"),
        }
    }

    fn holds(&self, context: &Context<'_>) -> Outcome {
        let read = |attribute: &str| read(attribute, context);
        match self {
            Self::Is(attribute, text, _) => read(attribute).map(|value| value == *text),
            Self::IsNot(attribute, text) => read(attribute).map(|value| value != *text),
            Self::OneOf(attribute, texts) => read(attribute).map(|value| texts.contains(&value)),
            Self::StartsWith(attribute, text) => {
                read(attribute).map(|value| value.starts_with(text))
            }
            Self::EndsWith(attribute, text) => read(attribute).map(|value| value.ends_with(text)),
            Self::Has(attribute, text) => Ok(listed(attribute, context).contains(text)),
            Self::HasAny(attribute, texts) => {
                let listed = listed(attribute, context);
                Ok(texts.iter().any(|text| listed.contains(text)))
            }
            Self::AtLeast(attribute, number) => {
                read(attribute).map(|value| value.parse().is_ok_and(|value: i64| value >= *number))
            }
            Self::Present(attribute) => match read(attribute) {
                Ok(_) => Ok(true),
                Err(Failure::Undecided) => Ok(false),
                missing => missing.map(|_| true),
            },
            Self::InCidr(range) => {
                let address = context.request.source_ip.as_deref();
                let address = address.ok_or(Failure::Undecided)?;
                Ok(matching::cidr(range, address))
            }
        }
    }
}

/// Lists are never absent: nobody's are empty.
fn listed(attribute: &str, context: &Context<'_>) -> BTreeSet<String> {
    match (&context.request.principal, attribute) {
        (Some(_), "principal.roles") => context.active.clone(),
        (Some(principal), _) => principal.groups.iter().cloned().collect(),
        (None, _) => BTreeSet::new(),
    }
}

fn read(attribute: &str, context: &Context<'_>) -> Result<String, Failure> {
    let request = context.request;
    let value = match attribute {
        "request.method" => request.method.clone(),
        "request.url_path" => request.path.as_deref().map(url_path),
        "request.host" => request.host.as_deref().map(host),
        "action" => context.action.map(str::to_owned),
        _ => match attribute.split_once("['") {
            Some((_, name)) => header(request, name.trim_end_matches("']")),
            None if attribute.starts_with("principal.") && request.principal.is_none() => {
                return Err(Failure::NoPrincipal);
            }
            None => {
                let name = attribute.rsplit('.').next().unwrap_or_default();
                request.attributes.get(name).cloned()
            }
        },
    };
    value.ok_or(Failure::Undecided)
}

/// The path without its query and without a final slash.
fn url_path(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    match path.strip_suffix('/') {
        Some("") | None => path.to_owned(),
        Some(path) => path.to_owned(),
    }
}

/// The host in lower case, without port and final dot.
fn host(host: &str) -> String {
    let name = host.split(':').next().unwrap_or_default();
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// The value of a header that is there once.
fn header(request: &Request, name: &str) -> Option<String> {
    let named = request
        .headers
        .iter()
        .filter(|(given, _)| given.eq_ignore_ascii_case(name));
    let values: Vec<_> = named.map(|(_, value)| value).collect();
    match values.as_slice() {
        [value] => Some((*value).clone()),
        _ => None,
    }
}
