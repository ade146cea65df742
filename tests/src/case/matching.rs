//! Whether a decision is what a case expects: a subset of its fields.

use serde_json::Value;

/// What differs, as `field: expected …, got …`; empty where all that is expected is there.
///
/// A mapping may have more keys than expected; a list has as many elements, each
/// matching in its place.
#[must_use]
pub fn mismatches(expected: &Value, actual: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", expected, actual, &mut found);
    found
}

fn compare(at: &str, expected: &Value, actual: &Value, found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (key, value) in expected {
                let inner = if at.is_empty() {
                    key.clone()
                } else {
                    format!("{at}.{key}")
                };
                compare(
                    &inner,
                    value,
                    actual.get(key).unwrap_or(&Value::Null),
                    found,
                );
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                compare(&format!("{at}[{index}]"), left, right, found);
            }
        }
        _ if expected == actual => {}
        _ => found.push(format!("{at}: expected {expected}, got {actual}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::mismatches;

    #[test]
    fn a_subset_matches_and_nothing_else_does() {
        let actual = json!({ "effect": "deny", "principal": { "id": "a", "provider": "host" }, "strip": ["x", "y"] });
        let table = [
            (json!({}), 0),
            (json!({ "effect": "deny", "principal": { "id": "a" } }), 0),
            (json!({ "effect": "allow" }), 1),
            (json!({ "principal": null }), 1),
            (json!({ "rule": null }), 0),
            (json!({ "rule": "r" }), 1),
            (json!({ "strip": ["x"] }), 1),
            (json!({ "strip": ["x", "z"], "effect": "allow" }), 2),
        ];
        for (expected, count) in table {
            assert_eq!(mismatches(&expected, &actual).len(), count, "{expected}");
        }
    }
}
