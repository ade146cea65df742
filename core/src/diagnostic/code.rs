//! Every diagnostic code with its meaning, in one table.
//!
//! Groups: 0xx text and syntax, 1xx names and references, 2xx roles, grants and separation of
//! duty, 3xx patterns, 4xx rules and requirements, 5xx conditions, 6xx identity, 7xx limits,
//! 8xx layers, sources and values, 9xx not supported yet.

use std::fmt;

use serde::{Serialize, Serializer};

/// A stable code of a diagnostic, shown as `GL` and three digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(u16);

/// A new row is a new code; numbers are never reused.
macro_rules! codes {
    ($($name:ident = $number:literal, $meaning:literal;)+) => {
        impl Code {
            $(#[doc = $meaning] pub const $name: Self = Self($number);)+

            const TABLE: &[(Self, &'static str)] = &[$((Self::$name, $meaning)),+];
        }
    };
}

codes! {
    SOURCE_TOO_LONG = 1, "a source is longer than the engine reads";
    NOT_UTF8 = 2, "a source is not UTF-8 text";
    CONTROL_CHARACTER = 3, "a source holds a control character";
    YAML_SYNTAX = 4, "a source is not well-formed YAML";
    JSON_SYNTAX = 5, "a source is not well-formed JSON";
    DOCUMENT_TOO_DEEP = 6, "a document is nested too deeply";
    DOCUMENT_TOO_LARGE = 7, "a source has too many nodes";
    ALIASES_TOO_LARGE = 8, "the aliases of a document copy too many nodes";
    UNKNOWN_ANCHOR = 9, "an alias names an anchor that is not there";
    RECURSIVE_ALIAS = 10, "an alias stands inside the node that it names";
    TAG = 11, "a node has a YAML tag";
    MERGE_KEY = 12, "a mapping uses the merge key <<";
    DUPLICATE_KEY = 13, "a mapping has the same key twice";
    KEY_NOT_TEXT = 14, "a key is no text";
    UNKNOWN_KEY = 15, "a mapping has a key that means nothing there";
    MISSING_KEY = 16, "a mapping lacks a key that it needs";
    WRONG_KIND = 17, "a value is of another kind than the one expected";
    BAD_NUMBER = 18, "a number cannot be read or is out of range";
    BAD_DURATION = 19, "a duration cannot be read or is out of range";
    BAD_TIMESTAMP = 20, "a point in time cannot be read";
    TOO_MANY_PROBLEMS = 21, "there are more problems than are listed";
}

impl Code {
    /// Every code, in the order of its number.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::TABLE.iter().map(|(code, _)| *code)
    }

    /// The code's number, `103` for `GL103`.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// What the code means, in one line.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        let row = Self::TABLE.iter().find(|(code, _)| *code == self);
        row.map_or("", |(_, meaning)| meaning)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "GL{:03}", self.0)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
