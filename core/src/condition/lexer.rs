//! Text into tokens.

use super::error::{ConditionError, ConditionErrorKind};
use crate::program::condition::Span;

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    Ident(Box<str>),
    /// A field name in backquotes.
    Quoted(Box<str>),
    Int(u64),
    Uint(u64),
    Double(f64),
    Str(Box<str>),
    Bytes(Box<[u8]>),
    Punct(&'static str),
    End,
}

/// A token and its place.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// Longer ones first.
const PUNCTUATION: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",",
    "(", ")", "[", "]", "{", "}",
];

/// The tokens of `text`, the last of which is [`TokenKind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ConditionError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank();
        let start = lexer.at;
        let kind = lexer.token()?;
        if kind == TokenKind::End {
            // Behind the last character, not on the next line of a block.
            let end = text.trim_end().len();
            let span = span(end, end);
            tokens.push(Token { kind, span });
            return Ok(tokens);
        }
        let span = span(start, lexer.at);
        tokens.push(Token { kind, span });
    }
}

fn span(start: usize, end: usize) -> Span {
    let offset = |at| u32::try_from(at).unwrap_or(u32::MAX);
    Span {
        start: offset(start),
        end: offset(end),
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.text
            .as_bytes()
            .get(self.at + ahead)
            .copied()
            .unwrap_or(0)
    }

    /// Takes bytes while they are ASCII and `wanted`.
    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let length = self
            .rest()
            .bytes()
            .take_while(|byte| byte.is_ascii() && wanted(*byte))
            .count();
        let taken = self.rest().get(..length).unwrap_or_default();
        self.at += length;
        taken
    }

    fn fail<T>(&self, start: usize, message: impl Into<String>) -> Result<T, ConditionError> {
        let end = self.at.max(start + 1).min(self.text.len()).max(start);
        Err(ConditionError::new(
            ConditionErrorKind::Syntax,
            start..end,
            message,
        ))
    }

    fn skip_blank(&mut self) {
        loop {
            self.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c));
            if !self.rest().starts_with("//") {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn token(&mut self) -> Result<TokenKind, ConditionError> {
        let start = self.at;
        let Some(first) = self.rest().chars().next() else {
            return Ok(TokenKind::End);
        };
        if let Some(literal) = self.quoted_literal()? {
            return Ok(literal);
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let name = self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            return Ok(TokenKind::Ident(name.into()));
        }
        if first == '`' {
            return self.quoted_field();
        }
        if first.is_ascii_digit() || (first == '.' && self.peek(1).is_ascii_digit()) {
            return self.number();
        }
        let punct = PUNCTUATION
            .iter()
            .find(|punct| self.rest().starts_with(**punct));
        match punct {
            Some(punct) => {
                self.at += punct.len();
                Ok(TokenKind::Punct(punct))
            }
            None => {
                self.at += first.len_utf8();
                self.fail(start, format!("unexpected character {first:?}"))
            }
        }
    }

    fn quoted_field(&mut self) -> Result<TokenKind, ConditionError> {
        let start = self.at;
        self.at += 1;
        let name = self.take_while(|b| b.is_ascii_alphanumeric() || b"_.-/ ".contains(&b));
        if name.is_empty() || self.peek(0) != b'`' {
            return self.fail(
                start,
                "a name in backquotes has letters, digits, _ . - / and spaces",
            );
        }
        self.at += 1;
        Ok(TokenKind::Quoted(name.into()))
    }

    fn number(&mut self) -> Result<TokenKind, ConditionError> {
        let start = self.at;
        if self.peek(0) == b'0' && matches!(self.peek(1), b'x' | b'X') {
            self.at += 2;
            let digits = self.take_while(|byte| byte.is_ascii_hexdigit());
            return self.integer(start, u64::from_str_radix(digits, 16).ok());
        }
        self.take_while(|byte| byte.is_ascii_digit());
        let mut double = false;
        if self.peek(0) == b'.' && self.peek(1).is_ascii_digit() {
            double = true;
            self.at += 1;
            self.take_while(|byte| byte.is_ascii_digit());
        }
        if matches!(self.peek(0), b'e' | b'E') {
            let sign = usize::from(matches!(self.peek(1), b'+' | b'-'));
            if self.peek(1 + sign).is_ascii_digit() {
                double = true;
                self.at += 1 + sign;
                self.take_while(|byte| byte.is_ascii_digit());
            }
        }
        let written = self.text.get(start..self.at).unwrap_or_default();
        if !double {
            return self.integer(start, written.parse().ok());
        }
        match written.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(TokenKind::Double(value)),
            _ => self.fail(start, "the number is out of range"),
        }
    }

    fn integer(&mut self, start: usize, value: Option<u64>) -> Result<TokenKind, ConditionError> {
        let unsigned = matches!(self.peek(0), b'u' | b'U');
        self.at += usize::from(unsigned);
        match value {
            None => self.fail(start, "the integer is out of range"),
            Some(value) if unsigned => Ok(TokenKind::Uint(value)),
            Some(value) => Ok(TokenKind::Int(value)),
        }
    }

    /// A string or bytes literal with its prefix, if one begins here.
    fn quoted_literal(&mut self) -> Result<Option<TokenKind>, ConditionError> {
        let (mut raw, mut bytes, mut prefix) = (false, false, 0);
        loop {
            match self.peek(prefix) {
                b'r' | b'R' if !raw => raw = true,
                b'b' | b'B' if !bytes => bytes = true,
                _ => break,
            }
            prefix += 1;
        }
        let quote = self.peek(prefix);
        if !matches!(quote, b'"' | b'\'') {
            return Ok(None);
        }
        let start = self.at;
        self.at += prefix;
        let content = self.quoted(start, raw, bytes)?;
        if bytes {
            return Ok(Some(TokenKind::Bytes(content.into())));
        }
        match String::from_utf8(content) {
            Ok(text) => Ok(Some(TokenKind::Str(text.into()))),
            Err(_) => self.fail(start, "the string is not valid UTF-8"),
        }
    }

    /// The content of a literal whose quote is next.
    fn quoted(&mut self, start: usize, raw: bool, bytes: bool) -> Result<Vec<u8>, ConditionError> {
        let triple = ["\"\"\"", "'''"]
            .into_iter()
            .find(|quote| self.rest().starts_with(quote));
        let single = if self.peek(0) == b'"' { "\"" } else { "'" };
        let quote = triple.unwrap_or(single);
        self.at += quote.len();
        let mut content = Vec::new();
        loop {
            let rest = self.rest();
            if rest.starts_with(quote) {
                self.at += quote.len();
                return Ok(content);
            }
            let Some(character) = rest.chars().next() else {
                return self.fail(start, "the string is not closed");
            };
            match character {
                '\\' if raw => {
                    content.push(b'\\');
                    self.at += 1;
                }
                '\\' => self.escape(bytes, &mut content)?,
                '\n' | '\r' if triple.is_none() => {
                    return self.fail(start, "a line break needs a string in triple quotes");
                }
                '\r' => {
                    content.push(b'\n');
                    self.at += if rest.starts_with("\r\n") { 2 } else { 1 };
                }
                other => {
                    push_char(&mut content, other);
                    self.at += other.len_utf8();
                }
            }
        }
    }

    fn escape(&mut self, bytes: bool, content: &mut Vec<u8>) -> Result<(), ConditionError> {
        let start = self.at;
        let letter = self.peek(1);
        self.at += 2;
        let (radix, digits) = match letter {
            b'\\' | b'?' | b'"' | b'\'' | b'`' => return push(content, letter),
            b'a' => return push(content, 0x07),
            b'b' => return push(content, 0x08),
            b'f' => return push(content, 0x0c),
            b'n' => return push(content, b'\n'),
            b'r' => return push(content, b'\r'),
            b't' => return push(content, b'\t'),
            b'v' => return push(content, 0x0b),
            b'x' | b'X' => (16, 2),
            b'u' if !bytes => (16, 4),
            b'U' if !bytes => (16, 8),
            b'0'..=b'3' => {
                self.at -= 1;
                (8, 3)
            }
            _ => {
                self.at = start + 1;
                return self.fail(start, "unknown escape in a string");
            }
        };
        let written = self.text.get(self.at..self.at + digits).unwrap_or_default();
        let valid = !written.is_empty() && written.chars().all(|digit| digit.is_digit(radix));
        let code = u32::from_str_radix(written, radix).ok().filter(|_| valid);
        self.at += if valid { digits } else { 0 };
        match code.and_then(char::from_u32) {
            Some(character) if !bytes => push_char(content, character),
            // In bytes an escape is one byte, not a code point.
            Some(character) if bytes => {
                content.push(u8::try_from(u32::from(character)).unwrap_or(0));
            }
            _ => return self.fail(start, "the escape is no valid code point"),
        }
        Ok(())
    }
}

fn push(content: &mut Vec<u8>, byte: u8) -> Result<(), ConditionError> {
    content.push(byte);
    Ok(())
}

fn push_char(content: &mut Vec<u8>, character: char) {
    content.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}
