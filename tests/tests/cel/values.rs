//! Values of both implementations, made up and compared as text.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value;
use cel::objects::{Key, Map};
use gatelet_tests::prng::Prng;
use serde_json::{Value as Json, json};

/// The variables of an expression, for each of the two.
pub(crate) struct Bindings {
    pub(crate) encoded: Json,
    pub(crate) values: Vec<(&'static str, Value)>,
}

const INTS: &[i64] = &[0, 1, -1, 2, 7, 100, i64::MAX, i64::MIN];
const UINTS: &[u64] = &[0, 1, 3, u64::MAX];
const DOUBLES: &[f64] = &[0.0, -0.0, 0.5, 1.0, -2.5, 1e18, f64::INFINITY, f64::NAN];
const STRINGS: &[&str] = &[
    "",
    "a",
    "ab",
    "b",
    "aé€",
    "\u{1F600}x",
    "7",
    "-1",
    "1.5",
    "GET",
];

/// One value for each of the variables that expressions have.
pub(crate) fn bindings(random: &mut Prng) -> Bindings {
    let mut encoded = serde_json::Map::new();
    let mut values = Vec::new();
    let mut bind = |name: &'static str, (json, value): (Json, Value)| {
        encoded.insert(name.to_owned(), json);
        values.push((name, value));
    };
    bind("i", int(random));
    bind("j", int(random));
    bind("u", uint(random));
    bind("d", double(random));
    bind("s", string(random));
    bind("t", string(random));
    bind("b", {
        let value = random.chance(50);
        (json!({ "bool": value }), Value::Bool(value))
    });
    bind("li", list(random, int));
    bind("ls", list(random, string));
    bind("m", map(random));
    Bindings {
        encoded: Json::Object(encoded),
        values,
    }
}

fn int(random: &mut Prng) -> (Json, Value) {
    let value = *random.pick(INTS);
    (json!({ "int": value.to_string() }), Value::Int(value))
}

fn uint(random: &mut Prng) -> (Json, Value) {
    let value = *random.pick(UINTS);
    (json!({ "uint": value.to_string() }), Value::UInt(value))
}

fn double(random: &mut Prng) -> (Json, Value) {
    let value = *random.pick(DOUBLES);
    let text = match value {
        value if value.is_nan() => "NaN".to_owned(),
        value if value.is_infinite() => "Infinity".to_owned(),
        value => format!("{value:?}"),
    };
    (json!({ "double": text }), Value::Float(value))
}

fn string(random: &mut Prng) -> (Json, Value) {
    let value = *random.pick(STRINGS);
    let shared = Arc::new(value.to_owned());
    (json!({ "string": value }), Value::String(shared))
}

fn list(random: &mut Prng, element: fn(&mut Prng) -> (Json, Value)) -> (Json, Value) {
    let count = random.below(4);
    let (json, values): (Vec<_>, Vec<_>) = (0..count).map(|_| element(random)).unzip();
    (json!({ "list": json }), Value::List(Arc::new(values)))
}

/// From texts to ints.
fn map(random: &mut Prng) -> (Json, Value) {
    let keys = random.some(&["a", "b", "k"], 0, 3);
    let (mut json, mut entries) = (Vec::new(), HashMap::new());
    for key in keys {
        let (encoded, value) = int(random);
        json.push(json!([{ "string": key }, encoded]));
        entries.insert(Key::String(Arc::new(key.to_owned())), value);
    }
    let map = Map {
        map: Arc::new(entries),
    };
    (json!({ "map": json }), Value::Map(map))
}

/// Every NaN is the same, and so are both zeros.
fn of_double(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else {
        format!("{:?}", value + 0.0)
    }
}

fn joined(mut parts: Vec<String>, sorted: bool) -> String {
    if sorted {
        parts.sort();
    }
    parts.join(", ")
}

/// A value of Gatelet's, which is an object of one member.
pub(crate) fn of_gatelet(value: &Json) -> String {
    let (kind, content) = value
        .as_object()
        .and_then(|members| members.iter().next())
        .unwrap();
    let items = || content.as_array().unwrap().iter();
    match kind.as_str() {
        "double" => of_double(content.as_str().unwrap().parse().unwrap()),
        "list" => format!("[{}]", joined(items().map(of_gatelet).collect(), false)),
        "map" => {
            let entry =
                |entry: &Json| format!("{}: {}", of_gatelet(&entry[0]), of_gatelet(&entry[1]));
            format!("{{{}}}", joined(items().map(entry).collect(), true))
        }
        "string" => format!("{:?}", content.as_str().unwrap()),
        "timestamp" | "duration" => {
            let seconds: i128 = content[0].as_str().unwrap().parse().unwrap();
            let nanos = i128::from(content[1].as_i64().unwrap());
            format!("{kind} {}", seconds * 1_000_000_000 + nanos)
        }
        _ => {
            let text = content
                .as_str()
                .map_or_else(|| content.to_string(), str::to_owned);
            format!("{kind} {text}")
        }
    }
}

/// A value of `cel`.
pub(crate) fn of_cel(value: &Value) -> String {
    match value {
        Value::Int(value) => format!("int {value}"),
        Value::UInt(value) => format!("uint {value}"),
        Value::Float(value) => of_double(*value),
        Value::Bool(value) => format!("bool {value}"),
        Value::String(text) => format!("{:?}", **text),
        Value::Null => "null null".to_owned(),
        Value::List(items) => format!("[{}]", joined(items.iter().map(of_cel).collect(), false)),
        Value::Map(map) => {
            let entry =
                |(key, value): (&Key, &Value)| format!("{}: {}", of_key(key), of_cel(value));
            format!("{{{}}}", joined(map.map.iter().map(entry).collect(), true))
        }
        Value::Duration(duration) => {
            let nanos = i128::from(duration.subsec_nanos());
            let seconds = i128::from(duration.num_seconds());
            format!("duration {}", seconds * 1_000_000_000 + nanos)
        }
        Value::Timestamp(time) => {
            let nanos = i128::from(time.timestamp_subsec_nanos());
            format!(
                "timestamp {}",
                i128::from(time.timestamp()) * 1_000_000_000 + nanos
            )
        }
        other => format!("{other:?}"),
    }
}

fn of_key(key: &Key) -> String {
    match key {
        Key::Int(value) => format!("int {value}"),
        Key::Uint(value) => format!("uint {value}"),
        Key::Bool(value) => format!("bool {value}"),
        Key::String(text) => format!("{:?}", **text),
    }
}
