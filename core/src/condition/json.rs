//! Expressions with their variables and results as JSON, as `gatelet eval`
//! reads and writes them.
//!
//! A value is an object of one key that names its type: `{"int": "1"}`,
//! `{"list": [...]}`, `{"map": [[key, value], ...]}`, `{"timestamp": [seconds,
//! nanos]}`. Integers are decimal strings, bytes base64.

use super::schema::{Declaration, Declared, Schema};
use super::types::Type;
use super::{Mode, compile};
use crate::program::condition::{
    Arena, AttributeId, Attributes, Cidr, Constant, Duration, EvalError, Evaluator, Ip, NoRecorder,
    Timestamp, Value,
};
use serde_json::{Map, Value as Json, json};

/// Fuel of one evaluation.
const FUEL: u32 = 2_000_000;
/// Deepest nesting of a value or type that is read.
const MAX_DEPTH: usize = 64;

/// Evaluates `{id, expr, bindings?, container?, type_env?, disable_check?,
/// check_only?}` to `{id, value}`, to `{id, type}` with `check_only`, or to
/// `{id, error}`.
pub(crate) fn evaluate_json(case: &Json) -> Json {
    let mut answer = Map::new();
    if let Some(id) = case.get("id") {
        answer.insert("id".to_owned(), id.clone());
    }
    let (key, outcome) = match evaluate(case) {
        Ok((key, outcome)) => (key, outcome),
        Err(message) => ("error", Json::String(message)),
    };
    answer.insert(key.to_owned(), outcome);
    Json::Object(answer)
}

/// The type of an expression that checks, encoded.
pub(crate) fn deduce(case: &Json) -> Result<Json, String> {
    let (text, mut schema, _) = read_case(case)?;
    let compiled = compile(text, &mut schema, Mode::Eval { typed: true });
    compiled
        .map(|compiled| encode_type(&compiled.ty))
        .map_err(|errors| first_message(&errors))
}

fn evaluate(case: &Json) -> Result<(&'static str, Json), String> {
    if flag(case, "check_only") {
        return deduce(case).map(|ty| ("type", ty));
    }
    let typed = is_typed(case);
    let (text, mut schema, bindings) = read_case(case)?;
    let compiled = compile(text, &mut schema, Mode::Eval { typed })
        .map_err(|errors| first_message(&errors))?;
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
    let value = evaluator
        .result()
        .map_err(|error| error.message().to_owned())?;
    encode(value).map(|value| ("value", value))
}

fn flag(case: &Json, name: &str) -> bool {
    case.get(name).and_then(Json::as_bool).unwrap_or(false)
}

/// Whether the types of the variables are given, and to be checked.
fn is_typed(case: &Json) -> bool {
    case.get("type_env").is_some() && !flag(case, "disable_check")
}

fn first_message(errors: &[super::ConditionError]) -> String {
    errors.first().map_or_else(String::new, |error| {
        format!(
            "{}..{}: {}",
            error.range.start, error.range.end, error.message
        )
    })
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

/// Reads a value.
fn decode(json: &Json, depth: usize) -> Result<Constant, String> {
    let bad = || format!("`{json}` is no value");
    let below = depth.checked_sub(1).ok_or("the value is nested too deep")?;
    let entries = json
        .as_object()
        .filter(|entries| entries.len() == 1)
        .ok_or_else(bad)?;
    let (kind, content) = entries.iter().next().ok_or_else(bad)?;
    Ok(match kind.as_str() {
        "null" => Constant::Null,
        "bool" => Constant::Bool(content.as_bool().ok_or_else(bad)?),
        "int" => Constant::Int(number(content).ok_or_else(bad)?),
        "uint" => Constant::Uint(number(content).ok_or_else(bad)?),
        "double" => Constant::Double(match content {
            Json::String(text) => text.parse().map_err(|_| bad())?,
            other => other.as_f64().ok_or_else(bad)?,
        }),
        "string" => Constant::Str(content.as_str().ok_or_else(bad)?.into()),
        "bytes" => {
            let text = content.as_str().ok_or_else(bad)?;
            Constant::Bytes(decode_base64(text).ok_or_else(bad)?.into())
        }
        "timestamp" => {
            let (seconds, nanos) = seconds_and_nanos(content).ok_or_else(bad)?;
            let nanos = u32::try_from(nanos).map_err(|_| bad())?;
            Constant::Timestamp(Timestamp::new(seconds, nanos).map_err(|_| bad())?)
        }
        "duration" => {
            let (seconds, nanos) = seconds_and_nanos(content).ok_or_else(bad)?;
            let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
            Constant::Duration(Duration::from_nanos(total).map_err(|_| bad())?)
        }
        "ip" => Constant::Ip(content.as_str().and_then(Ip::parse).ok_or_else(bad)?),
        "cidr" => Constant::Cidr(content.as_str().and_then(Cidr::parse).ok_or_else(bad)?),
        "type" => Constant::Type(content.as_str().ok_or_else(bad)?.into()),
        "list" => {
            let items = content.as_array().ok_or_else(bad)?.iter();
            Constant::List(
                items
                    .map(|item| decode(item, below))
                    .collect::<Result<_, _>>()?,
            )
        }
        "map" => {
            let mut entries = Vec::new();
            for entry in content.as_array().ok_or_else(bad)? {
                match entry.as_array().map(Vec::as_slice) {
                    Some([key, value]) => {
                        entries.push((decode(key, below)?, decode(value, below)?))
                    }
                    _ => return Err(bad()),
                }
            }
            Constant::Map(entries.into())
        }
        "optional" => Constant::Optional(match content {
            Json::Null => None,
            inner => Some(Box::new(decode(inner, below)?)),
        }),
        _ => return Err(bad()),
    })
}

/// An integer as a decimal string or a JSON number.
fn number<T: std::str::FromStr>(json: &Json) -> Option<T> {
    match json {
        Json::String(text) => text.parse().ok(),
        Json::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

fn seconds_and_nanos(json: &Json) -> Option<(i64, i64)> {
    match json.as_array()?.as_slice() {
        [seconds, nanos] => Some((number(seconds)?, number(nanos)?)),
        _ => None,
    }
}

/// Writes a value.
fn encode(value: Value<'_>) -> Result<Json, String> {
    Ok(match value {
        Value::Null => json!({ "null": null }),
        Value::Bool(value) => json!({ "bool": value }),
        Value::Int(value) => json!({ "int": value.to_string() }),
        Value::Uint(value) => json!({ "uint": value.to_string() }),
        Value::Double(value) => json!({ "double": encode_double(value) }),
        Value::Str(text) => json!({ "string": text }),
        Value::Bytes(bytes) => json!({ "bytes": encode_base64(bytes) }),
        Value::Timestamp(time) => {
            json!({ "timestamp": [time.seconds().to_string(), time.nanos()] })
        }
        Value::Duration(duration) => {
            let (seconds, nanos) = (
                duration.nanos() / 1_000_000_000,
                duration.nanos() % 1_000_000_000,
            );
            json!({ "duration": [seconds.to_string(), nanos] })
        }
        Value::Ip(ip) => json!({ "ip": ip.to_string() }),
        Value::Cidr(cidr) => json!({ "cidr": cidr.to_string() }),
        Value::Type(name) => json!({ "type": name }),
        Value::List(list) => {
            let items: Result<Vec<Json>, String> = list.iter().map(encode).collect();
            json!({ "list": items? })
        }
        Value::Map(map) => {
            let entries: Result<Vec<Json>, String> = map
                .iter()
                .map(|(key, value)| Ok(Json::Array(vec![encode(key)?, encode(value)?])))
                .collect();
            json!({ "map": entries? })
        }
        Value::Optional(optional) => match optional.get() {
            None => json!({ "optional": null }),
            Some(inner) => json!({ "optional": encode(inner)? }),
        },
    })
}

/// The shortest decimal that reads back the same, with a point or an exponent.
fn encode_double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let written = format!("{value:e}");
        let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    format!("{value:?}")
}

/// Reads a type: a name, or an object of one key for one with parameters.
fn decode_type(json: &Json, depth: usize) -> Result<Type, String> {
    let bad = || format!("`{json}` is no type");
    let below = depth.checked_sub(1).ok_or("the type is nested too deep")?;
    if let Some(name) = json.as_str() {
        return Ok(match name {
            "dyn" | "any" => Type::Dyn,
            "null" | "null_type" => Type::Null,
            "bool" => Type::Bool,
            "int" => Type::Int,
            "uint" => Type::Uint,
            "double" => Type::Double,
            "string" => Type::Str,
            "bytes" => Type::Bytes,
            "timestamp" | "google.protobuf.Timestamp" => Type::Timestamp,
            "duration" | "google.protobuf.Duration" => Type::Duration,
            "ip" | "net.IP" => Type::Ip,
            "cidr" | "net.CIDR" => Type::Cidr,
            "type" => Type::Type,
            "list" => Type::list(Type::Dyn),
            "map" => Type::map(Type::Dyn, Type::Dyn),
            _ => return Err(bad()),
        });
    }
    let entries = json.as_object().ok_or_else(bad)?;
    let inner = |json: &Json| decode_type(json, below);
    if let Some(element) = entries.get("list") {
        return inner(element).map(Type::list);
    }
    if entries.contains_key("type") {
        return Ok(Type::Type);
    }
    if let Some([key, value]) = entries
        .get("map")
        .and_then(Json::as_array)
        .map(Vec::as_slice)
    {
        return Ok(Type::map(inner(key)?, inner(value)?));
    }
    let name = entries
        .get("abstract")
        .or(entries.get("well_known"))
        .ok_or_else(bad)?;
    let parameters = entries
        .get("params")
        .and_then(Json::as_array)
        .map(Vec::as_slice);
    match (name.as_str(), parameters) {
        (Some("optional_type"), Some([held])) => inner(held).map(Type::optional),
        (Some(_), None | Some([])) => inner(name),
        _ => Err(bad()),
    }
}

/// Writes a type.
fn encode_type(ty: &Type) -> Json {
    match ty {
        Type::Str => json!("string"),
        Type::List(element) => json!({ "list": encode_type(element) }),
        Type::Map(key, value) => json!({ "map": [encode_type(key), encode_type(value)] }),
        Type::Optional(inner) => {
            json!({ "abstract": "optional_type", "params": [encode_type(inner)] })
        }
        Type::Ip => json!({ "abstract": "net.IP" }),
        Type::Cidr => json!({ "abstract": "net.CIDR" }),
        simple => json!(simple.to_string()),
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encode_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0_u32, |word, at| {
            (word << 8) | u32::from(chunk.get(at).copied().unwrap_or(0))
        });
        for place in 0..4_usize {
            let digit = (word >> (18 - 6 * place)) & 63;
            let letter = BASE64.get(digit as usize).copied().unwrap_or(b'=');
            text.push(if place > chunk.len() {
                '='
            } else {
                char::from(letter)
            });
        }
    }
    text
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut bits) = (0_u32, 0_u32);
    for letter in text.trim_end_matches('=').bytes() {
        let digit = BASE64.iter().position(|held| *held == letter)?;
        word = (word << 6) | u32::try_from(digit).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((word >> bits) & 0xff).ok()?);
        }
    }
    Some(bytes)
}
