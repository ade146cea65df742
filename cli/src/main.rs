//! The command line of Gatelet: decide, check, explain and measure a policy.
//!
//! It reads files and prints what the engine answers; it knows nothing of policies itself.
//! Exit codes: 0 fine, 1 problems in what was read, 2 wrong usage or a file that cannot be
//! read or written, 130 interrupted.
#![forbid(unsafe_code)]

mod args;
mod bench;
mod check;
mod decide;
mod eval;
mod explain;
mod failure;
mod json;
mod key;
mod lines;
mod policy;
mod progress;
mod requests;
mod table;
mod terminal;
mod token;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command, Key, Token};
use failure::{Failure, Outcome};

const INTERRUPTED: i32 = 130;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(outcome) => outcome.into(),
        Err(failure) => failure.report(),
    }
}

fn run(command: Command) -> Result<Outcome, Failure> {
    ctrlc::set_handler(|| std::process::exit(INTERRUPTED))
        .map_err(|error| Failure::Usage(format!("cannot listen for Ctrl-C: {error}")))?;
    match command {
        Command::Decide(arguments) => decide::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Key(Key::New(arguments)) => key::new(&arguments),
        Command::Token(Token::Inspect(arguments)) => token::inspect(&arguments),
    }
}
