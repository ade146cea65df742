//! What is wrong with a pattern: the caller adds where the pattern stands in its source.

use crate::limits::MAX_PATTERN_BYTES;

/// A pattern that cannot be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PatternError {
    /// What is wrong, for the person who wrote the policy.
    pub(crate) message: String,
    /// Byte offset of the fault within the pattern's text.
    pub(crate) at: usize,
    /// What to write instead.
    pub(crate) help: Option<String>,
}

impl PatternError {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            at,
            help: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same fault in a text of which the pattern is a part that begins at `offset`.
    pub(super) fn shifted(mut self, offset: usize) -> Self {
        self.at += offset;
        self
    }
}

/// Refuses a pattern longer than the limit, before anything else looks at it.
pub(super) fn check_length(text: &str) -> Result<(), PatternError> {
    if text.len() > MAX_PATTERN_BYTES {
        let message = format!(
            "a pattern of {} bytes is longer than {MAX_PATTERN_BYTES}",
            text.len()
        );
        return Err(PatternError::new(MAX_PATTERN_BYTES, message));
    }
    Ok(())
}
