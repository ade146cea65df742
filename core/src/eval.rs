//! Expressions of the condition language, evaluated by themselves: for trying them out.

use crate::condition::json::evaluate_json;
use serde_json::{Value, json};

/// Evaluates one expression, given and answered as JSON text.
///
/// The question is `{"id"?, "expr", "bindings"?, "container"?, "type_env"?,
/// "disable_check"?, "check_only"?}`, the answer `{"id"?, "value"}`,
/// `{"id"?, "type"}` with `check_only`, or `{"id"?, "error"}`. A value is an object
/// of one member that names its type, such as `{"int": "3"}`.
///
/// ```
/// let answer = gatelet::eval::evaluate(br#"{"id": "sum", "expr": "1 + 2"}"#);
/// assert_eq!(answer, r#"{"id":"sum","value":{"int":"3"}}"#);
/// ```
#[must_use]
pub fn evaluate(question: &[u8]) -> String {
    let answer = match serde_json::from_slice::<Value>(question) {
        Ok(question) => evaluate_json(&question),
        Err(error) => json!({ "error": format!("this is no JSON: {error}") }),
    };
    answer.to_string()
}
