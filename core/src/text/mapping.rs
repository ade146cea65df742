//! Reads a mapping key by key; at the end every key that was not asked for is an error.

use super::{Key, Node, Span};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};

/// One mapping with known keys, being read.
#[must_use = "unknown keys are reported by `finish`"]
pub(crate) struct MappingReader<'a> {
    entries: &'a [(Key, Node)],
    span: Span,
    /// Every key that was asked for.
    known: Vec<&'static str>,
}

impl<'a> MappingReader<'a> {
    pub(crate) fn new(node: &'a Node) -> Result<Self, Diagnostic> {
        Ok(Self {
            entries: node.as_mapping()?,
            span: node.span,
            known: Vec::new(),
        })
    }

    /// The value of a key, `null` too.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<&'a Node> {
        self.take_entry(key).map(|(_, value)| value)
    }

    /// A key where it stands, and its value.
    pub(crate) fn take_entry(&mut self, key: &'static str) -> Option<(&'a Key, &'a Node)> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let entry = self.entries.iter().find(|(found, _)| &*found.text == key);
        entry.map(|(key, value)| (key, value))
    }

    /// The value of a key that must be there.
    pub(crate) fn require(
        &mut self,
        key: &'static str,
        diagnostics: &mut Diagnostics,
    ) -> Option<&'a Node> {
        let value = self.take(key);
        if value.is_none() {
            let message = format!("the key \"{key}\" is missing");
            // A long mapping is pointed at by its first key.
            let first = self.entries.first().map_or(self.span, |(key, _)| key.span);
            diagnostics.push(Diagnostic::error(Code::MISSING_KEY, first, message));
        }
        value
    }

    /// The value of a key as read by `read`, such as `Node::as_u64`; nothing if it is absent or bad.
    pub(crate) fn read<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&'a Node) -> Result<T, Diagnostic>,
        diagnostics: &mut Diagnostics,
    ) -> Option<T> {
        let value = self.take(key)?;
        diagnostics.check(read(value))
    }

    /// As `read`, for a key that must be there.
    pub(crate) fn read_required<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&'a Node) -> Result<T, Diagnostic>,
        diagnostics: &mut Diagnostics,
    ) -> Option<T> {
        let value = self.require(key, diagnostics)?;
        diagnostics.check(read(value))
    }

    /// Reports the keys that nobody asked for.
    pub(crate) fn finish(self, diagnostics: &mut Diagnostics) {
        for (key, _) in self.entries {
            if self.known.contains(&&*key.text) {
                continue;
            }
            let message = format!("unknown key \"{}\"", key.text);
            let error = Diagnostic::error(Code::UNKNOWN_KEY, key.span, message);
            let absent = |known: &&str| !self.entries.iter().any(|(key, _)| &*key.text == *known);
            let candidates = self.known.iter().copied().filter(absent);
            diagnostics.push(error.suggesting(&key.text, candidates));
        }
    }
}
