//! What is wrong with a condition, and where in its text.

use std::ops::Range;

/// A condition that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConditionError {
    /// The part of the expression's text, in bytes.
    pub(crate) range: Range<usize>,
    /// What is wrong.
    pub(crate) message: String,
    /// A way out, where there is an obvious one.
    pub(crate) help: Option<String>,
    /// Which sort of mistake it is.
    pub(crate) kind: ConditionErrorKind,
}

/// The sort of mistake in a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConditionErrorKind {
    /// The text is no expression.
    Syntax,
    /// The expression is longer, wider or deeper than allowed.
    TooLarge,
    /// Nothing is called so.
    UnknownName,
    /// No function is called so.
    UnknownFunction,
    /// The types do not fit.
    TypeMismatch,
    /// The condition is not a bool.
    NotBoolean,
    /// A constant pattern, address block, time zone or the like is malformed.
    InvalidConstant,
    /// A constant part can only fail.
    AlwaysFails,
    /// It builds values, which needs `profile: extended`.
    NeedsExtendedProfile,
    /// The worst case costs too much.
    TooCostly,
    /// CEL has it, conditions do not.
    Unsupported,
}

impl ConditionError {
    pub(crate) fn new(
        kind: ConditionErrorKind,
        range: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            range,
            message: message.into(),
            help: None,
            kind,
        }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
