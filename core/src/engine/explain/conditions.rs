//! Conditions in an explanation: each part that was evaluated, with its value.

use super::super::condition::outcome;
use super::super::view::Held;
use super::wording::cut;
use super::{Evaluated, Failed};
use crate::program::condition::{EvalError, NoRecorder, NodeId, Recorder, Value};
use crate::program::predicate::{ConditionPart, Node, PredicateId, Predicates};
use crate::program::{Condition, Program};

/// The most parts of one rule's conditions that are told; loops may have thousands.
const MAX_PARTS: usize = 256;

/// The values of all parts of a rule's conditions.
pub(super) fn values(
    program: &Program,
    held: &Held<'_, '_>,
    statement: PredicateId,
) -> Vec<Evaluated> {
    let mut conditions = Vec::new();
    if statement != PredicateId::TRUE {
        collect(&program.statements, statement.0, &mut conditions);
    }
    let mut told = Vec::new();
    for part in conditions {
        let Some(condition) = program.conditions.get(part.condition as usize) else {
            continue;
        };
        let mut parts = Parts {
            condition,
            told: &mut told,
        };
        // The outcome is the decision's; here only its parts matter.
        let _ = outcome(held, part, &mut parts);
    }
    told
}

fn collect(predicates: &Predicates, id: u32, found: &mut Vec<ConditionPart>) {
    match predicates.nodes.get(id as usize) {
        Some(Node::All { start, len } | Node::Any { start, len }) => {
            for child in predicates.children(*start, *len) {
                collect(predicates, *child, found);
            }
        }
        Some(Node::Not(child)) => collect(predicates, *child, found),
        Some(Node::Condition(part)) => found.push(*part),
        Some(Node::Check(_)) | None => {}
    }
}

/// What a condition came to that had to come to something else.
pub(super) fn failed(program: &Program, held: &Held<'_, '_>, part: ConditionPart) -> Failed {
    let text = program
        .conditions
        .get(part.condition as usize)
        .map_or("", |condition| &condition.text);
    let found = match outcome(held, part, NoRecorder) {
        Ok(holds) => holds.to_string(),
        Err(error) => error.message().to_owned(),
    };
    Failed {
        test: format!("when {}", cut(&one_line(text))),
        found,
    }
}

/// Writes down the parts of a condition.
struct Parts<'p> {
    condition: &'p Condition,
    told: &'p mut Vec<Evaluated>,
}

impl Recorder for &mut Parts<'_> {
    fn record(&mut self, node: NodeId, value: Result<Value<'_>, EvalError>) {
        if self.told.len() >= MAX_PARTS {
            return;
        }
        let span = self.condition.program.span(node);
        let text = self
            .condition
            .text
            .get(span.start as usize..span.end as usize);
        let value = match value {
            Ok(value) => cut(&one_line(&show(value, 0))),
            Err(error) => error.message().to_owned(),
        };
        let part = Evaluated {
            expression: cut(&one_line(text.unwrap_or_default())),
            value,
        };
        if !self.told.contains(&part) {
            self.told.push(part);
        }
    }
}

/// A value as CEL would write it, lists and maps cut short.
fn show(value: Value<'_>, depth: usize) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => format!("{value}u"),
        Value::Double(value) => value.to_string(),
        Value::Str(text) => format!("{text:?}"),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Value::Timestamp(time) => time.to_string(),
        Value::Duration(duration) => duration.to_string(),
        Value::Ip(ip) => ip.to_string(),
        Value::Cidr(cidr) => cidr.to_string(),
        Value::Type(name) => name.into(),
        Value::List(list) => {
            let shown: Vec<String> = (0..list.len())
                .take(if depth < 2 { 8 } else { 0 })
                .filter_map(|at| list.get(at))
                .map(|item| show(item, depth + 1))
                .collect();
            let more = if shown.len() < list.len() {
                ", …"
            } else {
                ""
            };
            format!("[{}{more}]", shown.join(", "))
        }
        Value::Map(map) => format!("a map of {}", map.len()),
        Value::Optional(_) => "an optional".into(),
    }
}

/// Line ends of a condition, and control characters of a value, as they can be printed.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(['\n', '\r', '\t'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    words
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}
