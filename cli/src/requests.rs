//! Requests from a file of JSON lines, or from the standard input.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use gatelet::limits::MAX_REQUEST_BYTES;
use gatelet::{Clock, RequestBuf, SystemClock};

use crate::failure::Failure;
use crate::lines::{Line, Lines};
use crate::progress::Progress;

/// A source of JSON lines, such as requests.
pub(crate) struct Requests<'p> {
    path: &'p Path,
    lines: Lines<Box<dyn Read>>,
    progress: Progress,
}

/// One line: what was read, or what is wrong with it.
pub(crate) struct Item<T> {
    pub(crate) line: u64,
    pub(crate) read: Result<T, String>,
}

impl<'p> Requests<'p> {
    /// Opens a file; `-` is the standard input.
    pub(crate) fn open(path: &'p Path) -> Result<Self, Failure> {
        let (input, progress): (Box<dyn Read>, _) = if path == Path::new("-") {
            (Box::new(io::stdin().lock()), Progress::none())
        } else {
            let file = File::open(path).map_err(|error| Failure::reading(path, &error))?;
            let progress = Progress::of(&file);
            (Box::new(file), progress)
        };
        Ok(Self {
            path,
            lines: Lines::new(input, MAX_REQUEST_BYTES),
            progress,
        })
    }

    /// The next request; `before_waiting` is called where reading it may have to wait.
    pub(crate) fn next(
        &mut self,
        before_waiting: impl FnMut() -> io::Result<()>,
    ) -> Result<Option<Item<RequestBuf>>, Failure> {
        let read = |text: &[u8]| RequestBuf::from_json(text).map_err(|error| error.to_string());
        self.next_with(read, before_waiting)
    }

    /// The next line that is not empty, as `read` reads it.
    pub(crate) fn next_with<T>(
        &mut self,
        read: impl Fn(&[u8]) -> Result<T, String>,
        mut before_waiting: impl FnMut() -> io::Result<()>,
    ) -> Result<Option<Item<T>>, Failure> {
        loop {
            if self.lines.may_wait() {
                before_waiting()?;
            }
            let line = self
                .lines
                .next()
                .map_err(|error| Failure::reading(self.path, &error))?;
            let read = match line {
                None => return Ok(None),
                Some(Line::TooLong) => Err(format!("longer than {MAX_REQUEST_BYTES} bytes")),
                Some(Line::Text(text)) => {
                    self.progress.advance(text.len());
                    if text.trim_ascii().is_empty() {
                        continue;
                    }
                    read(text)
                }
            };
            return Ok(Some(Item {
                line: self.lines.number(),
                read,
            }));
        }
    }
}

/// The time of requests that bring none.
pub(crate) struct DefaultTime(Option<i64>);

impl DefaultTime {
    /// `--at` reads as a request's `at` does.
    pub(crate) fn from_option(text: Option<&str>) -> Result<Self, Failure> {
        let Some(text) = text else {
            return Ok(Self(None));
        };
        let at = match text.parse::<i64>() {
            Ok(milliseconds) => serde_json::json!({ "at": milliseconds }),
            Err(_) => serde_json::json!({ "at": text }),
        };
        let request = RequestBuf::from_json(at.to_string().as_bytes())
            .map_err(|error| Failure::Usage(format!("--at: {}", error.message())))?;
        Ok(Self(request.view().request().at))
    }

    /// Milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.0.unwrap_or_else(|| SystemClock.wall_ms())
    }
}

/// A hint to a person who would otherwise look at a silent terminal.
pub(crate) fn hint_at_terminal(path: &Path, what: &str) {
    if path == Path::new("-") && io::stdin().is_terminal() && io::stderr().is_terminal() {
        eprintln!("gatelet: reading {what} from the terminal, one JSON object per line");
    }
}
