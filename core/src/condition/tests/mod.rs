//! Tests of conditions: tables of expressions with what they must come to.

mod conformance;
mod diagnostics;
mod equivalence;
mod evaluation;
mod facts;
mod functions;
mod hostile;

use super::vocabulary::{self, Owner};
use super::{Compiled, Mode, Profile, Schema, Type, compile};
use crate::program::condition::{
    AttributeId, Attributes, Cidr, Constant, EvalError, Ip, Timestamp, Value,
};

pub(super) const STRICT: Mode = Mode::Policy(Profile::Strict);
pub(super) const EXTENDED: Mode = Mode::Policy(Profile::Extended);

/// The vocabulary and a few attributes, captures and values of a policy.
pub(super) fn schema() -> Schema {
    let mut schema = vocabulary::schema();
    vocabulary::declare_attribute(&mut schema, Owner::Principal, "tenant", Type::Str, false);
    vocabulary::declare_attribute(&mut schema, Owner::Principal, "plan", Type::Str, true);
    vocabulary::declare_attribute(&mut schema, Owner::Request, "amount", Type::Int, true);
    let ports = Type::list(Type::Int);
    vocabulary::declare_attribute(&mut schema, Owner::Resource, "ports", ports, false);
    vocabulary::declare_capture(&mut schema, "tenant", false);
    let office = Constant::List(["10.0.0.0/8", "2001:db8::/32"].map(cidr).into());
    vocabulary::declare_value(&mut schema, "office", office);
    vocabulary::declare_value(&mut schema, "limit", Constant::Int(100));
    schema
}

fn cidr(text: &str) -> Constant {
    Constant::Cidr(Cidr::parse(text).unwrap())
}

pub(super) fn text(text: &str) -> Constant {
    Constant::Str(text.into())
}

pub(super) fn texts(items: &[&str]) -> Constant {
    Constant::List(items.iter().map(|item| text(item)).collect())
}

/// A request: what it has of each attribute that some condition reads.
pub(super) struct Request(Vec<Result<Constant, EvalError>>);

impl Attributes for Request {
    fn get(&self, attribute: AttributeId) -> Result<Value<'_>, EvalError> {
        match self.0.get(attribute.index()) {
            Some(Ok(constant)) => Ok(constant.value()),
            Some(Err(error)) => Err(*error),
            None => Err(EvalError::Absent),
        }
    }
}

/// The request of the tests, with what a schema asks for.
pub(super) fn request(schema: &Schema) -> Request {
    let read = |name: &str, key: Option<&str>| {
        Ok(match (name, key) {
            ("request.method", None) => text("GET"),
            ("request.path", None) => text("/t/acme/orders?page=2"),
            ("request.url_path", None) => text("/t/acme/orders"),
            ("request.host", None) => text("api.shop.example"),
            ("request.headers", Some("x-tenant")) => text("acme"),
            ("request.headers", Some("x-twice")) => return Err(EvalError::Repeated),
            ("request.time", None) => {
                Constant::Timestamp(Timestamp::parse("2026-03-29T08:30:00Z").unwrap())
            }
            ("request.auth.claims", Some("email")) => text("dana@shop.example"),
            ("request.auth.claims", Some("level")) => Constant::Int(3),
            ("request.auth.claims", Some("realm_access")) => {
                Constant::Map(Box::new([(text("roles"), texts(&["clerk"]))]))
            }
            ("source.ip", None) => Constant::Ip(Ip::parse("10.1.2.3").unwrap()),
            ("principal.id", None) => text("dana"),
            ("principal.roles", None) => texts(&["clerk", "manager"]),
            ("principal.groups", None) => texts(&["eng", "on-call", "berlin"]),
            ("principal.attr.tenant", None) | ("route.tenant", None) => text("acme"),
            ("resource.attr.ports", None) => {
                Constant::List(Box::new([Constant::Int(80), Constant::Int(443)]))
            }
            _ => return Err(EvalError::Absent),
        })
    };
    Request(
        schema
            .slots()
            .iter()
            .map(|slot| read(&slot.name, slot.key.as_deref()))
            .collect(),
    )
}

/// Compiles an expression that must be good.
pub(super) fn compiled(expression: &str, mode: Mode) -> (Compiled, Schema) {
    let mut schema = schema();
    match compile(expression, &mut schema, mode) {
        Ok(compiled) => (compiled, schema),
        Err(errors) => panic!("{expression}: {errors:?}"),
    }
}

/// A small generator of pseudo-random numbers (xorshift).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    pub(super) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}
