//! Expressions with their variables, as `gatelet eval` reads them, and what they come to.

use super::encoding::{MAX_DEPTH, decode, decode_type, encode, encode_type};
use super::schema::{Declaration, Declared, Schema};
use super::types::Type;
use super::{ConditionError, Mode, compile};
use crate::program::condition::{
    Arena, AttributeId, Attributes, Constant, EvalError, Evaluator, NoRecorder, Value,
};
use serde_json::{Map, Value as Json};

/// Fuel of one evaluation.
const FUEL: u32 = 2_000_000;

/// What an expression comes to.
#[derive(Debug)]
pub(crate) enum Outcome {
    Value(Constant),
    /// The deduced type, where only checking was asked for.
    Type(Type),
    /// The expression does not compile, or its evaluation failed.
    Failed(String),
    /// The question itself cannot be read.
    Unreadable(String),
}

impl Outcome {
    /// `{id?, value}`, `{id?, type}` or `{id?, error}`.
    pub(crate) fn encode(&self, id: Option<&Json>) -> Json {
        let (key, outcome) = match self {
            Self::Value(value) => ("value", encode(value.value())),
            Self::Type(ty) => ("type", encode_type(ty)),
            Self::Failed(message) | Self::Unreadable(message) => {
                ("error", Json::String(message.clone()))
            }
        };
        let mut answer = Map::new();
        if let Some(id) = id {
            answer.insert("id".to_owned(), id.clone());
        }
        answer.insert(key.to_owned(), outcome);
        Json::Object(answer)
    }
}

/// Evaluates `{id, expr, bindings?, container?, type_env?, disable_check?,
/// check_only?}` to `{id, value}`, to `{id, type}` with `check_only`, or to
/// `{id, error}`.
#[cfg(test)]
pub(crate) fn evaluate_json(case: &Json) -> Json {
    evaluate(case).encode(case.get("id"))
}

/// Evaluates a question.
pub(crate) fn evaluate(case: &Json) -> Outcome {
    match read_case(case) {
        Ok(read) if flag(case, "check_only") => deduced(read),
        Ok(read) => evaluated(read, is_typed(case)),
        Err(message) => Outcome::Unreadable(message),
    }
}

/// The type of an expression that checks.
#[cfg(test)]
pub(crate) fn deduce(case: &Json) -> Outcome {
    match read_case(case) {
        Ok(read) => deduced(read),
        Err(message) => Outcome::Unreadable(message),
    }
}

fn deduced((text, mut schema, _): Case<'_>) -> Outcome {
    match compile(text, &mut schema, Mode::Eval { typed: true }) {
        Ok(compiled) => Outcome::Type(compiled.ty),
        Err(errors) => Outcome::Failed(messages(text, &errors)),
    }
}

fn evaluated((text, mut schema, bindings): Case<'_>, typed: bool) -> Outcome {
    let compiled = match compile(text, &mut schema, Mode::Eval { typed }) {
        Ok(compiled) => compiled,
        Err(errors) => return Outcome::Failed(messages(text, &errors)),
    };
    let slots = schema.slots().iter();
    let values = slots
        .map(|slot| {
            bindings
                .iter()
                .find(|(name, _)| **name == *slot.name)
                .map(|found| &found.1)
        })
        .collect();
    let attributes = Bindings(values);
    let arena = Arena::new();
    let mut evaluator = Evaluator::new(&compiled.program, &attributes, &arena, FUEL, NoRecorder);
    match evaluator.result() {
        Ok(value) => Outcome::Value(value.into()),
        Err(error) => Outcome::Failed(error.message().to_owned()),
    }
}

fn flag(case: &Json, name: &str) -> bool {
    case.get(name).and_then(Json::as_bool).unwrap_or(false)
}

/// Whether the types of the variables are given, and to be checked.
fn is_typed(case: &Json) -> bool {
    case.get("type_env").is_some() && !flag(case, "disable_check")
}

/// Everything that is wrong with an expression, a line each, with line and column.
fn messages(text: &str, errors: &[ConditionError]) -> String {
    let lines = errors.iter().map(|error| {
        let before = text.get(..error.range.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let help = error.help.iter().map(|help| format!(" ({help})"));
        format!(
            "{line}:{column}: {}{}",
            error.message,
            help.collect::<String>()
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Variables whose values are given.
struct Bindings<'a>(Vec<Option<&'a Constant>>);

impl Attributes for Bindings<'_> {
    fn get(&self, attribute: AttributeId) -> Result<Value<'_>, EvalError> {
        let bound = self.0.get(attribute.index()).copied().flatten();
        bound.map(Constant::value).ok_or(EvalError::Absent)
    }
}

type Case<'a> = (&'a str, Schema, Vec<(String, Constant)>);

fn read_case(case: &Json) -> Result<Case<'_>, String> {
    let text = case
        .get("expr")
        .and_then(Json::as_str)
        .ok_or("`expr` must be a string")?;
    let mut schema = Schema::default();
    if let Some(container) = case.get("container").and_then(Json::as_str) {
        schema.set_container(container);
    }
    let mut bindings = Vec::new();
    for (name, value) in object(case, "bindings")? {
        bindings.push((name.clone(), decode(value, MAX_DEPTH)?));
    }
    let types = object(case, "type_env")?;
    if !is_typed(case) {
        bindings
            .iter()
            .for_each(|(name, _)| schema.declare(name, variable(Type::Dyn)));
    }
    for (name, ty) in types {
        let ty = match decode_type(ty, MAX_DEPTH) {
            Ok(ty) => ty,
            // Unchecked, a type is only a hint that the variable exists.
            Err(_) if !is_typed(case) => Type::Dyn,
            Err(message) => return Err(message),
        };
        schema.declare(name, variable(ty));
    }
    Ok((text, schema, bindings))
}

fn variable(ty: Type) -> Declared {
    Declared::Attribute(Declaration {
        ty,
        optional: false,
        max_size: 1024,
    })
}

/// The entries of an optional field that is an object.
fn object<'a>(case: &'a Json, field: &str) -> Result<Vec<(&'a String, &'a Json)>, String> {
    match case.get(field) {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::Object(entries)) => Ok(entries.iter().collect()),
        Some(_) => Err(format!("`{field}` must be an object")),
    }
}
