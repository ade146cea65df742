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
    DUPLICATE_NAME = 101, "a name is defined twice";
    BAD_NAME = 102, "a name has characters that names do not have";
    UNKNOWN_ROLE = 103, "a role is not declared";
    UNKNOWN_ATTRIBUTE = 104, "an attribute is not declared";
    BAD_REFERENCE = 105, "a reference names nothing that may stand there";
    UNKNOWN_SET = 106, "a set is not declared";
    UNKNOWN_CAPTURE = 107, "no route captures a segment of this name";
    UNKNOWN_WORD = 108, "a word is none of those that may stand there";
    UNKNOWN_ACTION = 109, "an action is not declared";
    UNKNOWN_PROVIDER = 110, "nothing makes principals of this provider";
    UNKNOWN_DOMAIN = 111, "a domain is not declared";
    UNUSED_PATTERN = 112, "a pattern matches no declared action";
    AMBIGUOUS_CAPTURE = 113, "the routes of a rule capture one name at different places";
    EMPTY_WINDOW = 201, "a grant or a key ends before it begins";
    BAD_EXCLUSION = 202, "an exclusion does not name two different roles";
    BAD_SUBJECT = 203, "a grant, a principal or a bypass does not say who is meant";
    ROLE_CYCLE = 210, "roles inherit from each other in a cycle";
    STATIC_CONFLICT = 211, "roles that exclude each other are given together";
    NO_PROVIDER = 212, "nothing in the policy can identify such a principal";
    HIERARCHY_TOO_LARGE = 213, "roles inherit or exclude more than the engine holds";
    BAD_PATTERN = 301, "a pattern cannot be read";
    BAD_HEADER_NAME = 302, "a name is none that a header can have";
    PATTERN_NOT_ALLOWED = 303, "a pattern stands where a name is needed";
    EMPTY_LIST = 304, "a list is empty where something has to be listed";
    NOT_AN_ADDRESS = 305, "a set that is used for addresses holds something else";
    MATCHES_NOTHING = 306, "a match can never hold";
    NOT_WITHOUT_ONE_KEY = 307, "`not` holds several keys, or none";
    ROUTE_TIE = 310, "two actions, or one twice, have the same route";
    TOO_MANY_BRANCHES = 311, "wildcards of paths overlap too much";
    TOO_MANY_METHODS = 312, "a policy names too many methods of its own";
    MATCH_MISSING = 401, "an allow rule does not say what it matches";
    REQUIRE_MISMATCH = 402, "`require` stands on a rule of another effect, or is missing";
    BAD_REQUIREMENT = 403, "a requirement has a parameter that it cannot have";
    BAD_OUTPUT = 404, "a header to set has no value, or one that cannot be sent";
    PREDICATE_TOO_DEEP = 410, "a predicate is nested too deeply";
    TOO_MANY_RULES = 411, "a policy has more rules than the engine holds";
    CONDITION_SYNTAX = 501, "a condition cannot be parsed";
    CONDITION_TOO_LARGE = 502, "a condition is longer, wider or deeper than the engine evaluates";
    CONDITION_UNKNOWN_NAME = 503, "a condition names nothing that there is";
    CONDITION_UNKNOWN_FUNCTION = 504, "a condition calls a function that there is not";
    CONDITION_TYPE = 505, "the types in a condition do not fit";
    CONDITION_NOT_BOOLEAN = 506, "a condition is no bool";
    CONDITION_CONSTANT = 507, "a constant in a condition cannot be read";
    CONDITION_ALWAYS_FAILS = 508, "a part of a condition can only fail";
    CONDITION_NEEDS_EXTENDED = 509, "a condition builds values, which only the extended profile lets it";
    CONDITION_TOO_COSTLY = 510, "a condition costs too much in the worst case";
    CONDITION_UNSUPPORTED = 511, "a condition uses a part of CEL that conditions do not have";
    NEVER_TRUE = 520, "a condition is never true";
    ALWAYS_TRUE = 521, "a condition is always true";
    COULD_BE_MATCH = 522, "a condition could be written as a match";
    UNGUARDED_ATTRIBUTE = 523, "a condition reads an optional attribute without asking for it";
    CREDENTIALS_CONTRADICT = 601, "the accepted credentials contradict what is trusted";
    NO_AUDIENCE = 602, "an issuer's tokens are accepted whomever they are meant for";
    UNSIGNED = 603, "tokens would not have to be signed";
    MIXED_ALGORITHMS = 604, "keys of one kind serve algorithms of another";
    ROLES_UNBOUNDED = 605, "the roles that may come from tokens are neither listed nor mapped";
    BAD_CLAIM_PATH = 606, "a claim is not named by a list of names";
    AMBIGUOUS_ISSUER = 607, "a token could be of two issuers";
    RESERVED_PROVIDER = 608, "an issuer has the name of another provider";
    BAD_URL = 609, "a URL is none that keys are fetched from";
    BAD_KEYS = 610, "it is not clear which keys are meant";
    BAD_FILE = 611, "a file leaves the directory of its source";
    BAD_PLACE = 612, "a credential cannot stand at this place of a request";
    BAD_LINK = 613, "a link does not join identities of its own";
    NEVER_FORWARDED = 614, "forwarded certificates could never count";
    NEVER_KNOWN = 615, "a rule asks for something that no credential tells";
    AMBIGUOUS_PROVIDER = 616, "several providers could be meant";
    SECRET_WRITTEN = 617, "a secret is written out where it has to be referred to";
    SECRET_INLINE = 618, "a key that can sign is written into a policy";
    BAD_DIGEST = 619, "the digest of an API key cannot be read";
    TOO_MANY_KEYS = 620, "an app has more live keys than the engine keeps";
    UNUSABLE_KEY = 621, "a key of a set in a policy cannot be used";
    TOO_MANY_ISSUERS = 622, "a policy has more issuers than the engine holds";
    CONTRADICTION = 801, "two sources say different things about the same setting";
    BAD_VERSION = 802, "a source does not say a version of the format that is read";
    SECOND_DOCUMENT = 803, "a source holds more than one document";
    BAD_INCLUDE = 804, "an include leaves its directory, or names a source that is not loaded";
    DEFAULT_WITHOUT_LAYER = 805, "a default stands in a source without a layer";
    TOO_MANY_LAYERS = 806, "a policy has more layers than the engine decides";
    VALUE_MISSING = 811, "a value has no default and is not given";
    UNKNOWN_VALUE = 812, "a value is not declared";
    VALUE_INSIDE_TEXT = 813, "`${` stands inside a longer text";
    VALUE_CYCLE = 814, "a value refers to itself";
    TOO_MUCH_COPIED = 815, "values and sets are used so often that the policy grows too large";
    DUPLICATE_SOURCE = 820, "two sources of one load have the same name";
    NOT_SUPPORTED = 901, "a part of the format is not supported yet";
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
