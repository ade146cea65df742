//! JSON text to a tree that keeps every member as written, duplicates included.

use core::fmt;
use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::RequestError;
use crate::limits::MAX_REQUEST_DEPTH;

/// A JSON value; text is borrowed where it holds no escape.
#[derive(Debug)]
pub(super) enum Json<'j> {
    Null,
    Bool(bool),
    Int(i64),
    /// A whole number above `i64::MAX`.
    Unsigned(u64),
    Double(f64),
    String(Cow<'j, str>),
    List(Vec<Json<'j>>),
    Object(Vec<(Cow<'j, str>, Json<'j>)>),
}

impl Json<'_> {
    /// What an error calls such a value.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Unsigned(_) | Self::Double(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

pub(super) fn parse(text: &[u8]) -> Result<Json<'_>, RequestError> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    Seed { depth: 0 }
        .deserialize(&mut deserializer)
        .and_then(|json| deserializer.end().map(|()| json))
        .map_err(|error| RequestError::of_request(describe(&error)))
}

/// Most requests are one line of many, whose number the caller knows: "line 1" would mislead.
fn describe(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let what = text
        .strip_suffix(&format!(" at line {line} column {column}"))
        .unwrap_or(&text);
    let verdict = if error.is_data() { "" } else { "not JSON: " };
    match line {
        0 => format!("{verdict}{what}"),
        1 => format!("{verdict}{what} at column {column}"),
        _ => format!("{verdict}{what} at line {line}, column {column}"),
    }
}

#[derive(Clone, Copy)]
struct Seed {
    depth: usize,
}

impl Seed {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_REQUEST_DEPTH {
            return Err(E::custom(format_args!(
                "nested more than {MAX_REQUEST_DEPTH} deep"
            )));
        }
        Ok(Self {
            depth: self.depth + 1,
        })
    }
}

impl<'j> DeserializeSeed<'j> for Seed {
    type Value = Json<'j>;

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<Json<'j>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// `Cow<str>` alone is always deserialized as owned.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'j>(#[serde(borrow)] Cow<'j, str>);

impl<'j> Visitor<'j> for Seed {
    type Value = Json<'j>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'j>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'j>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'j>, E> {
        Ok(Json::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'j>, E> {
        Ok(i64::try_from(value).map_or(Json::Unsigned(value), Json::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'j>, E> {
        Ok(Json::Double(value))
    }

    fn visit_borrowed_str<E>(self, value: &'j str) -> Result<Json<'j>, E> {
        Ok(Json::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'j>, E> {
        Ok(Json::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'j>>(self, mut items: A) -> Result<Json<'j>, A::Error> {
        let seed = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(seed)? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'j>>(self, mut members: A) -> Result<Json<'j>, A::Error> {
        let seed = self.deeper()?;
        let mut object = Vec::new();
        while let Some(Text(name)) = members.next_key()? {
            object.push((name, members.next_value_seed(seed)?));
        }
        Ok(Json::Object(object))
    }
}
