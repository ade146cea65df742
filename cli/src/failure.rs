//! How a command ends, and with which exit code.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::terminal;

/// A command that came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing was wrong.
    Clean,
    /// Something that was read is wrong, and was reported where it stands.
    Problems,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Clean => Self::SUCCESS,
            Outcome::Problems => Self::from(1),
        }
    }
}

/// A command that could not go on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something that was read is wrong.
    Problems(String),
    /// Wrong arguments, or a file that cannot be read or written.
    Usage(String),
    /// Nobody reads the output any more, as under `| head`: the end, not an error.
    OutputClosed,
}

impl Failure {
    pub(crate) fn reading(path: &Path, error: &io::Error) -> Self {
        Self::Usage(format!("cannot read {}: {error}", path.display()))
    }

    /// A problem at a line of a file.
    pub(crate) fn at_line(path: &Path, line: u64, problem: impl Display) -> Self {
        Self::Problems(format!("{}:{line}: {problem}", path.display()))
    }

    /// Prints what failed.
    pub(crate) fn report(self) -> ExitCode {
        let (message, code) = match self {
            Self::OutputClosed => return ExitCode::SUCCESS,
            Self::Problems(message) => (message, 1),
            Self::Usage(message) => (message, 2),
        };
        eprintln!("gatelet: {}", terminal::lines(&message));
        ExitCode::from(code)
    }
}

/// Only writing to the standard output converts by itself; reading names its file.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Usage(format!("cannot write the output: {error}")),
        }
    }
}
