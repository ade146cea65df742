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

/// The candidate that `name` was most likely meant to be.
pub(crate) fn closest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    // Only the last part of a dotted name may be misspelt by much.
    let last = name.rsplit('.').next().unwrap_or(name);
    let most = last.chars().count() / 3 + 1;
    candidates
        .map(|candidate| (edit_distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, removals, replacements and swaps of neighbours that make one name the other.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    let mut previous = None;
    for (row, character) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX);
            let replaced = at(&above, column) + usize::from(character != *other);
            let mut best = replaced
                .min(at(&above, column + 1) + 1)
                .min(at(&current, column) + 1);
            let swapped = column.checked_sub(1).is_some_and(|left_of| {
                previous == Some(*other) && right.get(left_of) == Some(&character)
            });
            if swapped {
                best = best.min(at(&before, column - 1).saturating_add(1));
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
        previous = Some(character);
    }
    above.last().copied().unwrap_or(usize::MAX)
}
