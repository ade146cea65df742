//! A strict reader of JSON (RFC 8259) that others have written: claims, headers of tokens, key sets.
//!
//! One pass over the bytes, which are owned: escapes are resolved in place, where they never need
//! more room than they had, so that every text of the document is a slice of it. What has two
//! readings is no document: a byte-order mark, bad UTF-8, half a surrogate pair, numbers outside
//! the grammar. Members of the same name are found by [`Json::ambiguous`]. Numbers stay text.

use crate::bytes;
use std::fmt;

mod view;

#[cfg(test)]
mod tests;

pub(crate) use view::{Json, Members, Value};

/// Deepest nesting of a document.
pub(crate) const MAX_DEPTH: u32 = 32;

/// Why the bytes are not a document, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JsonError {
    /// Offset in bytes. Behind an escape it is only close, because texts have moved together.
    pub(crate) at: u32,
    pub(crate) fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    TooLong,
    TooDeep,
    NotUtf8,
    /// The end stands where more is needed.
    Unfinished,
    /// A byte that may not stand here.
    Unexpected,
    ControlCharacter,
    BadEscape,
    LoneSurrogate,
    BadNumber,
    /// Something after the document.
    Trailing,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::TooLong => "too long",
            Self::TooDeep => "nested too deeply",
            Self::NotUtf8 => "not UTF-8",
            Self::Unfinished => "ends too early",
            Self::Unexpected => "a byte that may not stand here",
            Self::ControlCharacter => "a control character in a text",
            Self::BadEscape => "an escape that JSON does not have",
            Self::LoneSurrogate => "half a surrogate pair",
            Self::BadNumber => "not a number of JSON",
            Self::Trailing => "something after the end",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Null,
    True,
    False,
    Number,
    Text,
    Array,
    /// Names, which are texts, and values take turns.
    Object,
}

/// A value; what it holds follows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    kind: Kind,
    /// Of a text or number: its bytes in the document. Of an object: a name that it has twice.
    start: u32,
    end: u32,
    /// How many nodes it and what it holds are.
    size: u32,
}

impl Node {
    /// No name ends before its opening quote.
    fn is_ambiguous(&self) -> bool {
        self.kind == Kind::Object && self.end != 0
    }
}

fn slice<'a>(bytes: &'a [u8], node: &Node) -> &'a [u8] {
    let range = node.start as usize..node.end as usize;
    bytes.get(range).unwrap_or_default()
}

/// Reads one document: texts of `bytes` are put in order, nodes are appended.
pub(crate) fn read(bytes: &mut [u8], nodes: &mut Vec<Node>) -> Result<(), JsonError> {
    let whole = |fault, at: usize| JsonError {
        at: u32::try_from(at).unwrap_or(u32::MAX),
        fault,
    };
    if u32::try_from(bytes.len()).is_err() {
        return Err(whole(Fault::TooLong, 0));
    }
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(whole(Fault::NotUtf8, error.valid_up_to()));
    }
    let mut reader = Reader {
        bytes,
        at: 0,
        nodes,
    };
    let read = reader.value(0).and_then(|()| {
        reader.space();
        match reader.peek() {
            None => Ok(()),
            Some(_) => Err(Fault::Trailing),
        }
    });
    read.map_err(|fault| whole(fault, reader.at))
}

struct Reader<'b> {
    bytes: &'b mut [u8],
    at: usize,
    nodes: &'b mut Vec<Node>,
}

impl Reader<'_> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Appends a node whose size is not known before its end.
    fn open(&mut self, kind: Kind) -> usize {
        self.push(kind, 0, 0);
        self.nodes.len() - 1
    }

    fn close(&mut self, at: usize) {
        let size = offset(self.nodes.len() - at);
        if let Some(node) = self.nodes.get_mut(at) {
            node.size = size;
        }
    }

    #[inline]
    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        self.nodes.push(Node {
            kind,
            start: offset(start),
            end: offset(end),
            size: 1,
        });
    }

    fn value(&mut self, depth: u32) -> Result<(), Fault> {
        self.space();
        match self.peek().ok_or(Fault::Unfinished)? {
            b'"' => self.text(),
            b'{' => self.nested(Kind::Object, b'}', depth),
            b'[' => self.nested(Kind::Array, b']', depth),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word(b"true", Kind::True),
            b'f' => self.word(b"false", Kind::False),
            b'n' => self.word(b"null", Kind::Null),
            _ => Err(Fault::Unexpected),
        }
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<(), Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(Fault::Unexpected);
        }
        self.at += word.len();
        self.push(kind, 0, 0);
        Ok(())
    }

    /// An array or an object, from its opening bracket.
    fn nested(&mut self, kind: Kind, closing: u8, depth: u32) -> Result<(), Fault> {
        if depth == MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        let node = self.open(kind);
        self.at += 1;
        self.space();
        if self.peek() == Some(closing) {
            self.at += 1;
            return Ok(());
        }
        let mut names = NameFilter::default();
        loop {
            if kind == Kind::Object {
                self.name()?;
                self.compare(node, &mut names);
            }
            self.value(depth + 1)?;
            self.space();
            match self.peek().ok_or(Fault::Unfinished)? {
                b',' => self.at += 1,
                byte if byte == closing => break,
                _ => return Err(Fault::Unexpected),
            }
        }
        self.at += 1;
        self.close(node);
        if names.count > NameFilter::FEW {
            self.compare_many(node);
        }
        Ok(())
    }

    /// Notes in the object whether the name that was read last stands in it before.
    #[inline]
    fn compare(&mut self, object: usize, names: &mut NameFilter) {
        let last = self.nodes.len().saturating_sub(1);
        let Some(name) = self.nodes.get(last).copied() else {
            return;
        };
        let bytes = slice(self.bytes, &name);
        if !names.may_hold(bytes) || names.count > NameFilter::FEW {
            return;
        }
        let before = self.nodes.get(object + 1..last).unwrap_or_default();
        if Members::of(self.bytes, before).any(|(known, _)| known == bytes) {
            self.note_ambiguous(object, name);
        }
    }

    /// The same for an object of many members, at its end.
    fn compare_many(&mut self, object: usize) {
        let mut at = object + 1;
        let mut names = Vec::new();
        let members = self.nodes.get(at..).unwrap_or_default();
        for (name, value) in Members::of(self.bytes, members) {
            names.push((name, at));
            at += 1 + value.size();
        }
        names.sort_unstable();
        let twice = names.windows(2).find_map(|pair| match pair {
            [(one, _), (other, at)] if one == other => Some(*at),
            _ => None,
        });
        if let Some(name) = twice.and_then(|at| self.nodes.get(at)).copied() {
            self.note_ambiguous(object, name);
        }
    }

    fn note_ambiguous(&mut self, object: usize, name: Node) {
        if let Some(node) = self.nodes.get_mut(object) {
            (node.start, node.end) = (name.start, name.end);
        }
    }

    /// The name of a member, and the colon.
    fn name(&mut self) -> Result<(), Fault> {
        self.space();
        match self.peek().ok_or(Fault::Unfinished)? {
            b'"' => self.text()?,
            _ => return Err(Fault::Unexpected),
        }
        self.space();
        match self.peek().ok_or(Fault::Unfinished)? {
            b':' => self.at += 1,
            _ => return Err(Fault::Unexpected),
        }
        Ok(())
    }

    /// `-? (0 | [1-9] [0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let whole = self.at;
        let digits = self.digits()?;
        if digits > 1 && self.bytes.get(whole) == Some(&b'0') {
            return Err(Fault::BadNumber);
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        self.push(Kind::Number, start, self.at);
        Ok(())
    }

    fn digits(&mut self) -> Result<usize, Fault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        match self.at - start {
            0 => Err(Fault::BadNumber),
            count => Ok(count),
        }
    }

    /// A text, from its opening quote.
    fn text(&mut self) -> Result<(), Fault> {
        let start = self.at + 1;
        let rest = self.bytes.get(start..).unwrap_or_default();
        self.at = start + bytes::plain_text(rest);
        let end = match self.peek().ok_or(Fault::Unfinished)? {
            b'"' => self.at,
            b'\\' => self.escaped()?,
            _ => return Err(Fault::ControlCharacter),
        };
        self.at += 1;
        self.push(Kind::Text, start, end);
        Ok(())
    }

    /// The rest of a text from its first escape, moved together; returns its end and stops at the quote.
    fn escaped(&mut self) -> Result<usize, Fault> {
        let mut end = self.at;
        loop {
            match self.peek().ok_or(Fault::Unfinished)? {
                b'"' => return Ok(end),
                b'\\' => {
                    let mut room = [0; 4];
                    let text = self.escape()?.encode_utf8(&mut room);
                    for byte in text.bytes() {
                        self.write(&mut end, byte);
                    }
                }
                0..=0x1f => return Err(Fault::ControlCharacter),
                byte => {
                    self.write(&mut end, byte);
                    self.at += 1;
                }
            }
        }
    }

    fn write(&mut self, end: &mut usize, byte: u8) {
        if let Some(place) = self.bytes.get_mut(*end) {
            *place = byte;
        }
        *end += 1;
    }

    /// One escape, from its backslash; a surrogate pair is one.
    fn escape(&mut self) -> Result<char, Fault> {
        let letter = *self.bytes.get(self.at + 1).ok_or(Fault::Unfinished)?;
        self.at += 2;
        let plain = match letter {
            b'"' | b'\\' | b'/' => letter,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unit_or_pair(),
            _ => return Err(Fault::BadEscape),
        };
        Ok(char::from(plain))
    }

    fn unit_or_pair(&mut self) -> Result<char, Fault> {
        let first = self.unit()?;
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first).ok_or(Fault::LoneSurrogate);
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if first >= 0xdc00 || !rest.starts_with(b"\\u") {
            return Err(Fault::LoneSurrogate);
        }
        self.at += 2;
        let second = self.unit()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(Fault::LoneSurrogate);
        }
        let joined = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        char::from_u32(joined).ok_or(Fault::LoneSurrogate)
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Result<u32, Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let digits = rest.first_chunk::<4>().ok_or(Fault::Unfinished)?;
        let mut unit = 0;
        for digit in digits {
            let value = char::from(*digit).to_digit(16).ok_or(Fault::BadEscape)?;
            unit = unit << 4 | value;
        }
        self.at += 4;
        Ok(unit)
    }
}

/// Documents are shorter than 4 GiB: [`read`] checks it.
#[inline]
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Tells most new names of an object from those that it has, so that few are compared.
#[derive(Default)]
struct NameFilter {
    seen: u128,
    count: usize,
}

impl NameFilter {
    /// Members up to which names are compared one with the other; more are sorted.
    const FEW: usize = 24;

    /// Whether the name may have been here before; it has been from now on.
    #[inline]
    fn may_hold(&mut self, name: &[u8]) -> bool {
        let ends = match name {
            [] => 0,
            [first, .., last] => u32::from(*first) * 5 + u32::from(*last) * 3,
            [only] => u32::from(*only),
        };
        let middle = name.get(name.len() / 2).copied().unwrap_or_default();
        let mixed = ends + u32::from(middle) * 11 + offset(name.len() & 0xff) * 7;
        let bit = 1 << (mixed & 127);
        let held = self.seen & bit != 0;
        self.seen |= bit;
        self.count += 1;
        held
    }
}
