//! Lines of bounded length, one at a time.

use std::io::{self, BufRead, BufReader, Read};

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'l> {
    Text(&'l [u8]),
    /// Longer than the bound; it was skipped.
    TooLong,
}

/// Reads lines that end in LF, CRLF or with the input, and counts them from 1.
pub(crate) struct Lines<R> {
    reader: BufReader<R>,
    longest: usize,
    line: Vec<u8>,
    number: u64,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: R, longest: usize) -> Self {
        Self {
            reader: BufReader::with_capacity(64 << 10, input),
            longest,
            line: Vec::new(),
            number: 0,
        }
    }

    /// The number of the line read last.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether reading the next line may wait for input.
    pub(crate) fn may_wait(&self) -> bool {
        !self.reader.buffer().contains(&b'\n')
    }

    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        // Room for CRLF beyond the bound.
        let most = self.longest as u64 + 2;
        if self
            .reader
            .by_ref()
            .take(most)
            .read_until(b'\n', &mut self.line)?
            == 0
        {
            return Ok(None);
        }
        self.number += 1;
        let ended = self.line.ends_with(b"\n");
        let text = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let byte_order_mark: &[u8] = if self.number == 1 {
            b"\xef\xbb\xbf"
        } else {
            b""
        };
        let text = text.strip_prefix(byte_order_mark).unwrap_or(text);
        if text.len() <= self.longest {
            return Ok(Some(Line::Text(text)));
        }
        if !ended {
            self.reader.skip_until(b'\n')?;
        }
        Ok(Some(Line::TooLong))
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, Lines};

    #[test]
    fn lines_end_in_three_ways_and_are_bounded() {
        const LONG: Line<'_> = Line::TooLong;
        let text = Line::Text;
        let cases: &[(&[u8], &[Line<'_>])] = &[
            (b"", &[]),
            (b"a", &[text(b"a")]),
            (b"a\n", &[text(b"a")]),
            (b"a\r\n\nb\r\n", &[text(b"a"), text(b""), text(b"b")]),
            (
                b"\xef\xbb\xbfa\n\xef\xbb\xbf\n",
                &[text(b"a"), text(b"\xef\xbb\xbf")],
            ),
            (
                b"abcd\nabcd\r\nabcd",
                &[text(b"abcd"), text(b"abcd"), text(b"abcd")],
            ),
            (b"abcde\nb", &[LONG, text(b"b")]),
            (b"abcdef\nb", &[LONG, text(b"b")]),
            (b"abcdefghijkl\r\nb", &[LONG, text(b"b")]),
            (b"b\nabcdefghijkl", &[text(b"b"), LONG]),
        ];
        for (input, expected) in cases {
            let mut lines = Lines::new(*input, 4);
            for line in *expected {
                assert_eq!(
                    lines.next().expect("memory").as_ref(),
                    Some(line),
                    "{input:?}"
                );
            }
            assert_eq!(lines.next().expect("memory"), None, "{input:?}");
            assert_eq!(lines.number(), expected.len() as u64, "{input:?}");
        }
    }
}
