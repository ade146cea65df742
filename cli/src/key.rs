//! `gatelet key new`: a new API key, shown once.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::io::{self, Write};

use gatelet::NewApiKey;
use serde::Serialize;

use crate::args::{NewKey, TextFormat};
use crate::failure::{Failure, Outcome};
use crate::requests::DefaultTime;
use crate::{json, terminal};

/// What a person or a program is told of a new key.
#[derive(Serialize)]
struct Report<'k> {
    key: &'k str,
    app: &'k str,
    entry: Entry<'k>,
}

/// How a file of API keys knows it.
#[derive(Serialize)]
struct Entry<'k> {
    id: &'k str,
    hmac: &'k str,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<&'k str>,
}

pub(crate) fn new(arguments: &NewKey) -> Result<Outcome, Failure> {
    // The text is what goes into the file, where a number of milliseconds is no time.
    let not_after = arguments.not_after.as_deref();
    let is_number = not_after.is_some_and(|text| text.parse::<i64>().is_ok());
    if is_number || DefaultTime::from_option(not_after).is_err() {
        let problem = "--not-after: write a time as 2027-01-31T09:30:00Z (RFC 3339)";
        return Err(Failure::Usage(problem.to_owned()));
    }
    if arguments.app.is_empty() || arguments.app.chars().any(char::is_control) {
        return Err(Failure::Usage("--app: a name is needed".to_owned()));
    }
    let pepper = pepper(arguments)?;
    let id = match &arguments.id {
        Some(id) => id.clone(),
        None => fresh_id(),
    };
    let key = NewApiKey::generate(&arguments.env, &id, &pepper).ok_or_else(|| {
        let problem = "--env and --id are 1 to 64 letters, digits and `-`";
        Failure::Usage(problem.to_owned())
    })?;
    let report = Report {
        key: key.text(),
        app: &arguments.app,
        entry: Entry {
            id: &id,
            hmac: key.hmac(),
            not_after: arguments.not_after.as_deref(),
        },
    };
    let mut out = io::stdout().lock();
    match arguments.format {
        TextFormat::Json => json::write_line(&mut out, &report)?,
        TextFormat::Human => report.print(&mut out)?,
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

/// The secret under which digests are made, as the engine takes it: without its last line end.
fn pepper(arguments: &NewKey) -> Result<Vec<u8>, Failure> {
    let pepper = match (&arguments.pepper_file, &arguments.pepper_env) {
        (Some(path), _) => fs::read(path).map_err(|error| Failure::reading(path, &error))?,
        (None, Some(name)) => std::env::var(name)
            .map_err(|error| Failure::Usage(format!("--pepper-env {name}: {error}")))?
            .into_bytes(),
        (None, None) => Vec::new(),
    };
    let pepper = pepper.strip_suffix(b"\n").unwrap_or(&pepper);
    let pepper = pepper.strip_suffix(b"\r").unwrap_or(pepper);
    if pepper.is_empty() {
        return Err(Failure::Usage("the pepper is empty".to_owned()));
    }
    Ok(pepper.to_vec())
}

/// An id that no other key has; it is no secret.
fn fresh_id() -> String {
    let number = RandomState::new().hash_one(std::process::id());
    format!("k{number:016x}")
}

impl Report<'_> {
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let entry = &self.entry;
        let until = entry
            .not_after
            .map(|until| format!(", not_after: {until}"))
            .unwrap_or_default();
        let app = serde_json::Value::from(self.app).to_string();
        writeln!(out, "{}", self.key)?;
        writeln!(out)?;
        writeln!(
            out,
            "Hand it over now: it is stored nowhere. For the file of API keys:"
        )?;
        writeln!(out)?;
        writeln!(out, "apps:")?;
        writeln!(out, "  {}:", terminal::one_line(app.as_bytes()))?;
        writeln!(out, "    keys:")?;
        writeln!(
            out,
            "      - {{ id: {}, hmac: \"{}\"{until} }}",
            entry.id, entry.hmac
        )
    }
}
