//! Expressions of the condition language, evaluated by themselves, and the
//! attributes that conditions may read: for trying things out, and for tools.

use std::fmt;

use crate::condition::json::{self, Outcome};
use crate::condition::vocabulary::VOCABULARY;
use crate::condition::written::written;
use serde_json::Value;

/// What a question of [`evaluate`] comes to. As text: the value as the language writes it, or what is wrong.
#[derive(Debug)]
pub struct Answer {
    id: Option<Value>,
    outcome: Outcome,
}

/// Evaluates one expression, given as JSON text.
///
/// The question is `{"id"?, "expr", "bindings"?, "container"?, "type_env"?,
/// "disable_check"?, "check_only"?}`. Values are encoded as an object of one member
/// that names the type, such as `{"int": "3"}`; other JSON in `bindings` is read as
/// what it looks like. Without `type_env` every variable is dynamic.
///
/// ```
/// let answer = gatelet::eval::evaluate(br#"{"id": "sum", "expr": "x + 2", "bindings": {"x": 1}}"#);
/// assert_eq!(answer.to_string(), "3");
/// assert_eq!(answer.to_json(), r#"{"id":"sum","value":{"int":"3"}}"#);
/// ```
#[must_use]
pub fn evaluate(question: &[u8]) -> Answer {
    match serde_json::from_slice::<Value>(question) {
        Ok(question) => Answer {
            id: question.get("id").cloned(),
            outcome: json::evaluate(&question),
        },
        Err(error) => Answer {
            id: None,
            outcome: Outcome::Unreadable(format!("this is no JSON: {error}")),
        },
    }
}

impl Answer {
    /// `{"id"?, "value"}`, `{"id"?, "type"}` with `check_only`, or `{"id"?, "error"}`.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.outcome.encode(self.id.as_ref()).to_string()
    }

    /// Whether there is no value: the expression does not compile, fails, or cannot be read.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_) | Outcome::Unreadable(_))
    }

    /// Whether the question is not one: no JSON, no `expr`, a binding that is no value.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        matches!(self.outcome, Outcome::Unreadable(_))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Value(value) => out.write_str(&written(value.value())),
            Outcome::Type(ty) => write!(out, "{ty}"),
            Outcome::Failed(message) | Outcome::Unreadable(message) => out.write_str(message),
        }
    }
}

/// An attribute that every condition may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeInfo {
    /// How it is written; a name that ends in `[]` takes a name in brackets: `request.headers['x-a']`.
    pub name: &'static str,
    /// Its type; of a name that ends in `[]`, that of one entry.
    pub ty: String,
    /// Whether a request may lack it.
    pub optional: bool,
    /// Whether this version can read it; if not, a policy that does is refused.
    pub supported: bool,
    /// What it is.
    pub about: &'static str,
}

/// The attributes that are there without being declared.
pub fn vocabulary() -> impl Iterator<Item = AttributeInfo> {
    VOCABULARY.iter().map(|attribute| AttributeInfo {
        name: attribute.name,
        ty: attribute.ty().to_string(),
        optional: attribute.optional,
        supported: attribute.is_supported(),
        about: attribute.about,
    })
}
