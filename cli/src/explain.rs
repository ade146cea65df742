//! `gatelet explain`: why one request is decided as it is.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use gatelet::RequestBuf;
use gatelet::limits::MAX_REQUEST_BYTES;

use crate::args::{Explain, TextFormat};
use crate::failure::{Failure, Outcome};
use crate::requests::{DefaultTime, hint_at_terminal};
use crate::{json, policy, terminal};

pub(crate) fn run(arguments: &Explain) -> Result<Outcome, Failure> {
    let default_time = DefaultTime::from_option(arguments.at.as_deref())?;
    let engine = policy::engine(policy::load(&arguments.policy)?)?;
    let owned = request(&arguments.request)?;
    let view = owned.view();
    let mut request = view.request();
    request.at.get_or_insert_with(|| default_time.now());
    let explanation = engine.explain(&mut engine.scratch(), &request);
    let mut out = io::stdout().lock();
    match arguments.format {
        TextFormat::Json => json::write_line(&mut out, &explanation)?,
        TextFormat::Human => {
            writeln!(
                out,
                "{}",
                terminal::lines(explanation.to_string().trim_end())
            )?;
        }
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

/// JSON is told from a file's name by its brace.
fn request(argument: &str) -> Result<RequestBuf, Failure> {
    if argument.trim_start().starts_with('{') {
        return parse("--request", argument.as_bytes());
    }
    let path = Path::new(argument);
    let mut text = Vec::new();
    let read = if argument == "-" {
        hint_at_terminal(path, "a request");
        read_bounded(io::stdin().lock(), &mut text)
    } else {
        File::open(path).and_then(|file| read_bounded(file, &mut text))
    };
    read.map_err(|error| Failure::reading(path, &error))?;
    parse(
        argument,
        text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text),
    )
}

fn read_bounded(input: impl Read, text: &mut Vec<u8>) -> io::Result<usize> {
    input.take(MAX_REQUEST_BYTES as u64 + 1).read_to_end(text)
}

fn parse(name: &str, text: &[u8]) -> Result<RequestBuf, Failure> {
    RequestBuf::from_json(text).map_err(|error| Failure::Problems(format!("{name}: {error}")))
}
