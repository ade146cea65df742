//! `gatelet decide`: one decision per line, in order.

use std::io::{self, BufWriter, Write};

use gatelet::{Decision, Request};
use serde::Serialize;

use crate::args::{Decide, DecisionFormat};
use crate::failure::{Failure, Outcome};
use crate::requests::{DefaultTime, Requests, hint_at_terminal};
use crate::table::Table;
use crate::{json, policy};

pub(crate) fn run(arguments: &Decide) -> Result<Outcome, Failure> {
    let default_time = DefaultTime::from_option(arguments.at.as_deref())?;
    let engine = policy::engine(policy::load(&arguments.policy)?)?;
    let mut requests = Requests::open(&arguments.requests)?;
    hint_at_terminal(&arguments.requests, "requests");
    let mut scratch = engine.scratch();
    let mut report: Box<dyn Report> = match arguments.format {
        DecisionFormat::Json => Box::new(JsonLines(BufWriter::new(io::stdout().lock()))),
        DecisionFormat::Table => Box::new(Table::new()),
    };
    let mut outcome = Outcome::Clean;
    while let Some(item) = requests.next(|| report.flush())? {
        match item.read {
            Ok(owned) => {
                let view = owned.view();
                let mut request = view.request();
                request.at.get_or_insert_with(|| default_time.now());
                let decision = engine.decide(&mut scratch, &request);
                report.decision(item.line, &request, &decision)?;
            }
            Err(message) => {
                outcome = Outcome::Problems;
                report.broken(item.line, &message)?;
            }
        }
    }
    report.finish()?;
    Ok(outcome)
}

/// Where decisions go.
pub(crate) trait Report {
    fn decision(
        &mut self,
        line: u64,
        request: &Request<'_>,
        decision: &Decision<'_>,
    ) -> io::Result<()>;
    fn broken(&mut self, line: u64, message: &str) -> io::Result<()>;
    /// The next line may be long in coming: what is known is shown now.
    fn flush(&mut self) -> io::Result<()>;
    fn finish(&mut self) -> io::Result<()>;
}

struct JsonLines<W: Write>(BufWriter<W>);

/// The answer to a line that cannot be read.
#[derive(Serialize)]
pub(crate) struct Broken<'m> {
    error: LineError<'m>,
}

#[derive(Serialize)]
struct LineError<'m> {
    line: u64,
    message: &'m str,
}

impl<'m> Broken<'m> {
    pub(crate) fn new(line: u64, message: &'m str) -> Self {
        Self {
            error: LineError { line, message },
        }
    }
}

impl<W: Write> Report for JsonLines<W> {
    fn decision(&mut self, _: u64, _: &Request<'_>, decision: &Decision<'_>) -> io::Result<()> {
        json::write_line(&mut self.0, decision)
    }

    fn broken(&mut self, line: u64, message: &str) -> io::Result<()> {
        json::write_line(&mut self.0, &Broken::new(line, message))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
