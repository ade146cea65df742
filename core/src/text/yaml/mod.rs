//! YAML 1.2 to nodes, from the parser's events; markers in characters become byte spans.

mod explain;
mod input;

use std::cell::Cell;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span as MarkerSpan};

use super::builder::{Builder, Collection, Documents};
use super::sources::offset;
use super::{Kind, Node, SourceId, Sources, Style};
use crate::diagnostic::{Code, Diagnostic};
use crate::limits::MAX_ALIAS_NODES;
use input::{Budget, Characters};

pub(super) fn parse(sources: &Sources, id: SourceId) -> Result<Documents, Diagnostic> {
    let text = sources.text(id);
    let budget: Budget = Cell::new(0);
    let mut parser = Parser::new(Characters::new(text, &budget));
    let mut reader = Reader {
        sources,
        id,
        text,
        builder: Builder::new(id),
        cursor: 0,
        anchors: Anchors::default(),
    };
    loop {
        budget.set(0);
        let next = parser.next_event();
        if input::is_spent(&budget) {
            return Err(reader.too_long());
        }
        match next {
            None | Some(Ok((Event::StreamEnd, _))) => return Ok(reader.builder.finish()),
            Some(Ok((event, span))) => reader.on_event(event, span)?,
            Some(Err(error)) => return Err(reader.explain(&error)),
        }
    }
}

struct Reader<'s> {
    sources: &'s Sources,
    id: SourceId,
    text: &'s str,
    builder: Builder,
    /// The end of what the last event covered.
    cursor: u32,
    anchors: Anchors,
}

/// The anchored nodes of a document.
#[derive(Default)]
struct Anchors {
    by_id: HashMap<usize, Anchored>,
    /// Anchors of the collections that are open, with the count of nodes before them.
    open: Vec<Option<(usize, usize)>>,
    /// Nodes kept for copying, and nodes that aliases have added.
    kept: usize,
    added: usize,
}

enum Anchored {
    Whole {
        node: Node,
        size: usize,
    },
    /// The node's end has not been seen.
    Open,
}

impl<'s> Reader<'s> {
    fn on_event(&mut self, event: Event<'_>, span: MarkerSpan) -> Result<(), Diagnostic> {
        match event {
            Event::DocumentStart(_) => {
                self.anchors = Anchors::default();
                self.cursor = self.cursor.max(self.byte(span.end.index()));
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Collection::Sequence, span, anchor, tag.is_some())
            }
            Event::MappingStart(anchor, tag) => {
                self.open(Collection::Mapping, span, anchor, tag.is_some())
            }
            Event::SequenceEnd => self.close(span, b']'),
            Event::MappingEnd => self.close(span, b'}'),
            Event::Scalar(text, style, anchor, tag) => {
                let start = self.content_start(span, anchor, tag.is_some());
                let node = self.scalar(text.into(), style, start, span);
                self.builder.count(1, node.span.start)?;
                self.anchor(anchor, &node, 1);
                self.builder.attach(node);
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(
        &mut self,
        collection: Collection,
        span: MarkerSpan,
        anchor: usize,
        tagged: bool,
    ) -> Result<(), Diagnostic> {
        let start = self.content_start(span, anchor, tagged);
        let before = self.builder.nodes();
        self.builder.open(collection, start)?;
        let anchored = anchor > 0;
        self.anchors.open.push(anchored.then_some((anchor, before)));
        if anchored {
            self.anchors.by_id.insert(anchor, Anchored::Open);
        }
        self.cursor = self.cursor.max(start);
        if self
            .bytes_from(start)
            .first()
            .is_some_and(|byte| b"[{".contains(byte))
        {
            self.cursor = self.cursor.max(start.saturating_add(1));
        }
        Ok(())
    }

    /// A flow collection ends with its bracket, a block collection with its last node.
    fn close(&mut self, span: MarkerSpan, bracket: u8) -> Result<(), Diagnostic> {
        let at = self.byte(span.start.index());
        // A pair such as `[a: b]` is a mapping without braces, in a block there are none either.
        let has_bracket = self.bytes_from(at).first() == Some(&bracket) && !span.is_empty();
        let end = has_bracket.then(|| at.saturating_add(1));
        let Some(node) = self.builder.close(end) else {
            return Ok(());
        };
        self.cursor = self.cursor.max(node.span.end);
        if let Some(Some((anchor, before))) = self.anchors.open.pop() {
            let size = self.builder.nodes().saturating_sub(before);
            self.anchor(anchor, &node, size);
        }
        self.builder.attach(node);
        Ok(())
    }

    fn scalar(&mut self, text: Box<str>, style: ScalarStyle, start: u32, span: MarkerSpan) -> Node {
        let end = self.byte(span.end.index()).max(start);
        let (style, start, end) = match style {
            ScalarStyle::Plain if text.is_empty() => (Style::Plain, start, start),
            ScalarStyle::Plain => (Style::Plain, start, end),
            ScalarStyle::SingleQuoted => (Style::SingleQuoted, start, self.quote_end(start, end)),
            ScalarStyle::DoubleQuoted => (Style::DoubleQuoted, start, self.quote_end(start, end)),
            ScalarStyle::Literal => (Style::Literal, self.block_start(), self.block_end(end)),
            ScalarStyle::Folded => (Style::Folded, self.block_start(), self.block_end(end)),
        };
        let span = self.builder.span(start.min(end), end);
        self.cursor = self.cursor.max(end);
        self.builder.scalar(span, text, style)
    }

    fn anchor(&mut self, anchor: usize, node: &Node, size: usize) {
        if anchor == 0 {
            return;
        }
        self.anchors.kept = self.anchors.kept.saturating_add(size);
        if self.anchors.kept > MAX_ALIAS_NODES {
            // Not kept: an alias of it would copy too much.
            self.anchors.by_id.remove(&anchor);
            return;
        }
        let node = node.clone();
        let anchored = Anchored::Whole { node, size };
        self.anchors.by_id.insert(anchor, anchored);
    }

    fn alias(&mut self, anchor: usize, span: MarkerSpan) -> Result<(), Diagnostic> {
        let (start, end) = (self.byte(span.start.index()), self.byte(span.end.index()));
        self.cursor = self.cursor.max(end);
        let place = self.builder.span(start, end);
        let (node, size) = match self.anchors.by_id.get(&anchor) {
            None if self.anchors.kept > MAX_ALIAS_NODES => return Err(aliases_too_large(place)),
            // An anchor of an earlier document.
            None => return Err(explain::unknown_anchor(place, self.text)),
            Some(Anchored::Open) => {
                let message = "this alias stands inside the value that it names";
                return Err(Diagnostic::error(Code::RECURSIVE_ALIAS, place, message));
            }
            Some(Anchored::Whole { node, size }) => (node, *size),
        };
        self.anchors.added = self.anchors.added.saturating_add(size);
        if self.anchors.added > MAX_ALIAS_NODES {
            return Err(aliases_too_large(place));
        }
        self.builder.check_depth(height(node), place)?;
        let node = node.clone();
        self.builder.count(size, start)?;
        self.builder.attach(node);
        Ok(())
    }

    /// Where the node itself starts, after its anchor and tag; a tag is reported.
    fn content_start(&mut self, span: MarkerSpan, anchor: usize, tagged: bool) -> u32 {
        let start = self.byte(span.start.index());
        if anchor == 0 && !tagged {
            return start;
        }
        let mut rest = Cursor::new(self.bytes_from(start));
        while let Some(byte) = rest.skip_space_and_comments() {
            if !matches!(byte, b'&' | b'!') {
                break;
            }
            let at = start.saturating_add(offset(rest.at));
            rest.skip_while(|byte| !byte.is_ascii_whitespace() && !b",[]{}".contains(&byte));
            if byte == b'!' {
                let span = self.builder.span(at, start.saturating_add(offset(rest.at)));
                let message = "YAML tags are not used in policies";
                let help = "leave the tag out; put quotes around a text that starts with `!`";
                let problem = Diagnostic::error(Code::TAG, span, message).help(help);
                self.builder.report(problem);
            }
        }
        start.saturating_add(offset(rest.at))
    }

    /// The byte after a quoted scalar's closing quote; the event's end is after a comment.
    fn quote_end(&self, start: u32, end: u32) -> u32 {
        let mut rest = Cursor::new(self.bytes_from(start));
        let Some(quote) = rest.next() else {
            return end;
        };
        while let Some(byte) = rest.next() {
            if byte == b'\\' && quote == b'"' {
                rest.next();
            } else if byte == quote && (quote == b'"' || rest.peek() != Some(quote)) {
                return start.saturating_add(offset(rest.at)).min(end);
            } else if byte == quote {
                rest.next();
            }
        }
        end
    }

    /// The `|` or `>` of a block scalar; the event starts at its first line of content.
    fn block_start(&self) -> u32 {
        let mut rest = Cursor::new(self.bytes_from(self.cursor));
        while let Some(byte) = rest.skip_space_and_comments() {
            match byte {
                b'|' | b'>' => break,
                b'&' | b'!' => rest.skip_while(|byte| !byte.is_ascii_whitespace()),
                _ => {
                    rest.next();
                }
            }
        }
        self.cursor.saturating_add(offset(rest.at))
    }

    /// The event ends after the indentation of the line that follows the block.
    fn block_end(&self, end: u32) -> u32 {
        let before = self.text.get(..end as usize).unwrap_or_default();
        let lines = before.trim_end_matches([' ', '\t']);
        let indented = lines.is_empty() || lines.ends_with(['\n', '\r']);
        offset(if indented { lines.len() } else { before.len() })
    }

    fn byte(&self, character: usize) -> u32 {
        self.sources.byte_offset(self.id, character)
    }

    fn bytes_from(&self, start: u32) -> &'s [u8] {
        self.text
            .as_bytes()
            .get(start as usize..)
            .unwrap_or_default()
    }

    fn explain(&self, error: &ScanError) -> Diagnostic {
        let at = self.byte(error.marker().index());
        explain::syntax_error(self.builder.span(at, at), self.text, error.info())
    }

    fn too_long(&self) -> Diagnostic {
        let span = self
            .builder
            .span(self.cursor, self.cursor.saturating_add(1));
        let message = "too much text follows here before the next value is complete";
        let help = "write a long list in brackets as an indented one, or the whole source as JSON";
        Diagnostic::error(Code::DOCUMENT_TOO_LARGE, span, message).help(help)
    }
}

fn aliases_too_large(place: super::Span) -> Diagnostic {
    let message = format!("the aliases of this document copy more than {MAX_ALIAS_NODES} values");
    Diagnostic::error(Code::ALIASES_TOO_LARGE, place, message)
}

/// Levels of nesting in a node; what is parsed is never deeper than the limit.
fn height(node: &Node) -> usize {
    let below = match &node.kind {
        Kind::Scalar { .. } => return 0,
        Kind::Sequence(items) => items.iter().map(height).max(),
        Kind::Mapping(entries) => entries.iter().map(|(_, value)| height(value)).max(),
    };
    1 + below.unwrap_or(0)
}

/// A place in raw bytes.
struct Cursor<'s> {
    bytes: &'s [u8],
    at: usize,
}

impl<'s> Cursor<'s> {
    fn new(bytes: &'s [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn skip_while(&mut self, matches: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&matches) {
            self.at += 1;
        }
    }

    /// The next byte that is neither white space nor part of a comment.
    fn skip_space_and_comments(&mut self) -> Option<u8> {
        loop {
            self.skip_while(|byte| byte.is_ascii_whitespace());
            if self.peek() != Some(b'#') {
                return self.peek();
            }
            self.skip_while(|byte| byte != b'\n' && byte != b'\r');
        }
    }
}
