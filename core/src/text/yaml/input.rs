//! Feeds text to the YAML parser, and stops one that reads on and on without an event.
//!
//! A flow collection that could be a key is held back, token by token, until its end is
//! seen. Without a bound a source of the longest length would take gigabytes that way.

use std::cell::Cell;

use saphyr_parser::Input;

/// Steps since the last event. Every token takes at least one, and so does every line.
pub(super) type Budget = Cell<u32>;

/// Most steps without an event: about half a gigabyte of tokens in the worst case.
const MAX_STEPS: u32 = 2_000_000;

/// How far ahead the parser may ask to look at once.
const LOOKAHEAD: usize = 16;

pub(super) fn is_spent(budget: &Budget) -> bool {
    budget.get() > MAX_STEPS
}

pub(super) struct Characters<'s> {
    rest: &'s str,
    budget: &'s Budget,
}

impl<'s> Characters<'s> {
    pub(super) fn new(text: &'s str, budget: &'s Budget) -> Self {
        Self { rest: text, budget }
    }

    /// A byte stands for its character in every test for an ASCII one.
    fn byte(&self, nth: usize) -> Option<u8> {
        self.rest.as_bytes().get(nth).copied()
    }

    fn is_blank(byte: u8) -> bool {
        matches!(byte, b' ' | b'\t')
    }

    fn is_break(byte: u8) -> bool {
        matches!(byte, b'\n' | b'\r')
    }
}

impl Input for Characters<'_> {
    #[inline]
    fn lookahead(&mut self, _count: usize) {
        self.budget.set(self.budget.get().saturating_add(1));
    }

    #[inline]
    fn buflen(&self) -> usize {
        LOOKAHEAD
    }

    #[inline]
    fn bufmaxlen(&self) -> usize {
        LOOKAHEAD
    }

    #[inline]
    fn raw_read_ch(&mut self) -> char {
        let c = self.peek();
        self.skip();
        c
    }

    #[inline]
    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        let c = self.peek_opt()?;
        if matches!(c, '\n' | '\r' | '\0' | '\u{feff}') {
            return None;
        }
        self.skip();
        Some(c)
    }

    /// Where the steps are used up the parser sees the end of the text, and comes back. Only
    /// here: between looking at a character and using it, it relies on finding it again.
    #[inline]
    fn skip(&mut self) {
        if is_spent(self.budget) {
            self.rest = "";
            return;
        }
        let mut rest = self.rest.chars();
        rest.next();
        self.rest = rest.as_str();
    }

    #[inline]
    fn skip_n(&mut self, count: usize) {
        for _ in 0..count {
            self.skip();
        }
    }

    #[inline]
    fn peek(&self) -> char {
        self.peek_opt().unwrap_or('\0')
    }

    #[inline]
    fn peek_nth(&self, nth: usize) -> char {
        self.rest.chars().nth(nth).unwrap_or('\0')
    }

    #[inline]
    fn peek_opt(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Looking at one character is no step: comments may be as long as they like.
    #[inline]
    fn look_ch(&mut self) -> char {
        self.peek()
    }

    #[inline]
    fn next_is_blank_or_break(&self) -> bool {
        self.byte(0)
            .is_some_and(|byte| Self::is_blank(byte) || Self::is_break(byte))
    }

    #[inline]
    fn next_is_blank_or_breakz(&self) -> bool {
        self.byte(0)
            .is_none_or(|byte| Self::is_blank(byte) || Self::is_break(byte))
    }

    #[inline]
    fn next_is_blank(&self) -> bool {
        self.byte(0).is_some_and(Self::is_blank)
    }

    #[inline]
    fn next_is_break(&self) -> bool {
        self.byte(0).is_some_and(Self::is_break)
    }

    #[inline]
    fn next_is_breakz(&self) -> bool {
        self.byte(0).is_none_or(Self::is_break)
    }
}
