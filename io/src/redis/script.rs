//! The scripts: one is one atomic step on the server.

use super::connection::{Connection, Failure};
use redis::{Cmd, Script, Value};
use std::time::{Duration, Instant};

const COMMON: &str = include_str!("scripts/common.lua");

/// A script and what the server knows it by.
pub(super) struct Known {
    source: String,
    name: String,
}

pub(super) struct Scripts {
    pub(super) take: Known,
    pub(super) lease: Known,
    pub(super) note: Known,
    pub(super) describe: Known,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            take: Known::new(include_str!("scripts/take.lua")),
            lease: Known::new(include_str!("scripts/lease.lua")),
            note: Known::new(include_str!("scripts/note.lua")),
            describe: Known::new(include_str!("scripts/describe.lua")),
        }
    }
}

impl Known {
    fn new(own: &str) -> Self {
        let source = format!("{COMMON}\n{own}");
        let name = Script::new(&source).get_hash().to_owned();
        Self { source, name }
    }

    /// Runs it; a server that does not know it (`SCRIPT FLUSH`, a restart) has applied nothing, and gets its text.
    pub(super) fn run(
        &self,
        connection: &mut Connection,
        started: Instant,
        budget: Duration,
        keys: &[String],
        arguments: &dyn Fn(&mut Cmd),
    ) -> Result<Value, Failure> {
        let command = |verb: &str, script: &str| {
            let mut command = redis::cmd(verb);
            command.arg(script).arg(keys.len()).arg(keys);
            arguments(&mut command);
            command
        };
        match connection.ask(&command("EVALSHA", &self.name), started, budget) {
            Err(failure) if failure.no_script => {
                connection.ask(&command("EVAL", &self.source), started, budget)
            }
            answer => answer,
        }
    }
}
