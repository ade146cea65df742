//! Regular expressions of RE2 as automata that match without allocation.

use crate::program::condition::Regex;
use regex_automata::dfa::{StartKind, dense};
use regex_syntax::ast::{self, AssertionKind, Ast, ClassPerlKind, ClassSetItem, Visitor};
use regex_syntax::hir::{HirKind, Look};
use std::ops::Range;

/// Builds the automaton of a pattern in up to `most` bytes, or says what is wrong with it.
pub(super) fn build(pattern: &str, most: usize) -> Result<Regex, String> {
    let pattern = re2(pattern)?;
    let syntax = regex_automata::util::syntax::Config::new().utf8(false);
    let config = dense::Config::new()
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(Some(most))
        .determinize_size_limit(Some(most.saturating_mul(4)));
    let nfa = regex_automata::nfa::thompson::Config::new()
        .utf8(false)
        .nfa_size_limit(Some(most));
    dense::Builder::new()
        .configure(config)
        .syntax(syntax)
        .thompson(nfa)
        .build(&pattern)
        .map(|automaton| Regex {
            automaton,
            prefix: literal_prefix(&pattern).into(),
        })
        .map_err(|error| format!("the pattern needs too large an automaton ({error})"))
}

/// The literal text behind a pattern's first `^`.
fn literal_prefix(pattern: &str) -> String {
    let parsed = regex_syntax::ParserBuilder::new()
        .utf8(false)
        .build()
        .parse(pattern);
    let Ok(HirKind::Concat(parts)) = parsed.map(regex_syntax::hir::Hir::into_kind) else {
        return String::new();
    };
    match parts.as_slice() {
        [start, text, ..] if matches!(start.kind(), HirKind::Look(Look::Start)) => {
            match text.kind() {
                HirKind::Literal(literal) => {
                    String::from_utf8(literal.0.to_vec()).unwrap_or_default()
                }
                _ => String::new(),
            }
        }
        _ => String::new(),
    }
}

/// The pattern in the syntax of `regex-syntax`: RE2's `\d`, `\s`, `\w` and `\b`
/// know ASCII only, while `.` and other classes know all of Unicode.
fn re2(pattern: &str) -> Result<String, String> {
    let parsed = ast::parse::ParserBuilder::new()
        .nest_limit(64)
        .build()
        .parse(pattern)
        .map_err(|error| format!("the pattern is malformed: {}", error.kind()))?;
    let replacements = ast::visit(&parsed, Ascii(Vec::new()))?;
    let mut rewritten = String::with_capacity(pattern.len());
    let mut copied = 0;
    for (range, replacement) in replacements {
        rewritten.push_str(pattern.get(copied..range.start).unwrap_or_default());
        rewritten.push_str(replacement);
        copied = range.end;
    }
    rewritten.push_str(pattern.get(copied..).unwrap_or_default());
    Ok(rewritten)
}

/// Collects what must be replaced, in the order of the text.
struct Ascii(Vec<(Range<usize>, &'static str)>);

impl Ascii {
    fn replace(&mut self, span: &ast::Span, with: &'static str) {
        self.0.push((span.start.offset..span.end.offset, with));
    }

    fn perl(&mut self, class: &ast::ClassPerl) {
        let with = match (&class.kind, class.negated) {
            (ClassPerlKind::Digit, false) => "[0-9]",
            (ClassPerlKind::Digit, true) => "[^0-9]",
            (ClassPerlKind::Space, false) => r"[\t\n\f\r ]",
            (ClassPerlKind::Space, true) => r"[^\t\n\f\r ]",
            (ClassPerlKind::Word, false) => "[0-9A-Za-z_]",
            (ClassPerlKind::Word, true) => "[^0-9A-Za-z_]",
        };
        self.replace(&class.span, with);
    }
}

impl Visitor for Ascii {
    type Output = Vec<(Range<usize>, &'static str)>;
    type Err = String;

    fn finish(self) -> Result<Self::Output, String> {
        Ok(self.0)
    }

    fn visit_pre(&mut self, node: &Ast) -> Result<(), String> {
        match node {
            Ast::ClassPerl(class) => self.perl(class),
            Ast::Assertion(assertion) => match assertion.kind {
                AssertionKind::WordBoundary => self.replace(&assertion.span, r"(?-u:\b)"),
                AssertionKind::NotWordBoundary => self.replace(&assertion.span, r"(?-u:\B)"),
                AssertionKind::StartLine
                | AssertionKind::EndLine
                | AssertionKind::StartText
                | AssertionKind::EndText => {}
                _ => return Err("RE2 has no such word boundary".to_owned()),
            },
            _ => {}
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), String> {
        match item {
            ClassSetItem::Perl(class) => self.perl(class),
            ClassSetItem::Bracketed(_) => {
                return Err("RE2 has no classes within classes; escape the `[`".to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    fn visit_class_set_binary_op_pre(&mut self, _: &ast::ClassSetBinaryOp) -> Result<(), String> {
        Err("RE2 has no `&&`, `--` or `~~` in classes; escape it".to_owned())
    }
}
