//! The shared case format: policies with requests and the decisions expected of them.
//!
//! `tests/cases/README.md` describes it for people; this reads it, and refuses
//! what it does not know, so that no expectation is lost by a misspelling.

mod form;
mod keys;
mod matching;
mod step;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

pub use form::ExpectedDiagnostic;
pub use matching::mismatches;
pub use step::{Install, Revocation, Step};

/// The time of a step that gives none.
pub const DEFAULT_AT: &str = "2026-01-01T00:00:00Z";

/// One case, ready to run: what `export-cases` hands to the other languages.
#[derive(Clone, Debug, Serialize)]
pub struct Case {
    /// The file that it stands in, relative to the folder of cases.
    pub file: String,
    /// What it is called within the file; empty for the only one.
    pub name: String,
    /// What the file is about.
    pub about: String,
    /// The sources of the policy.
    pub sources: Vec<Text>,
    /// The sources of the environment's values.
    pub values: Vec<Text>,
    /// What the policy needs from outside, by origin: a file's name, `env:NAME`, or a URL.
    pub keys: Vec<Text>,
    /// Given, the engine is not in replay and its clock stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<i64>,
    /// Errors of the load, all of them and in order; empty where it loads.
    pub errors: Vec<ExpectedDiagnostic>,
    /// Warnings of the load, all of them and in order.
    pub warnings: Vec<ExpectedDiagnostic>,
    /// The engine is not made: what the policy needs is missing or unreadable, and the message holds this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// A credential is refused in passing and read again each time, which takes memory.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rereads: bool,
    /// Requests in the order in which one engine decides them, and what happens between them.
    pub steps: Vec<Step>,
    /// Tokens, keys and secrets of the case: what nothing that is printed may hold.
    #[serde(skip)]
    pub secrets: Vec<String>,
}

/// A named text.
#[derive(Clone, Debug, Serialize)]
pub struct Text {
    /// The name of the source.
    pub name: String,
    /// What it holds.
    pub text: String,
}

impl Case {
    /// File and name, as a failure is reported.
    #[must_use]
    pub fn title(&self) -> String {
        if self.name.is_empty() {
            self.file.clone()
        } else {
            format!("{}: {}", self.file, self.name)
        }
    }
}

/// The folder of the shared cases.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// Every case under a folder, sorted by file, or all that is wrong with the files.
///
/// # Errors
/// One line for each file that cannot be read or breaks the format.
pub fn read_all(folder: &Path) -> Result<Vec<Case>, Vec<String>> {
    let (mut cases, mut problems) = (Vec::new(), Vec::new());
    let mut files = Vec::new();
    if let Err(error) = collect(folder, &mut files) {
        problems.push(format!("{}: {error}", folder.display()));
    }
    files.sort();
    for path in files {
        let file = path
            .strip_prefix(folder)
            .unwrap_or(&path)
            .to_string_lossy()
            .replace('\\', "/");
        let read = fs::read_to_string(&path).map_err(|error| error.to_string());
        match read.and_then(|text| form::parse(&file, &text, path.parent().unwrap_or(folder))) {
            Ok(mut more) => cases.append(&mut more),
            Err(problem) => problems.push(format!("{file}: {problem}")),
        }
    }
    if problems.is_empty() {
        Ok(cases)
    } else {
        Err(problems)
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            files.push(path);
        }
    }
    Ok(())
}

/// The request of a step as JSON text, its time filled in.
#[must_use]
pub fn request_json(case: &Case, step: &Step) -> String {
    if let Some(raw) = &step.raw {
        return raw.clone();
    }
    let mut request = step
        .request
        .clone()
        .unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    if let Value::Object(fields) = &mut request
        && !fields.contains_key("at")
    {
        let at = step
            .at
            .clone()
            .or_else(|| case.clock.is_none().then(|| DEFAULT_AT.into()));
        if let Some(at) = at {
            fields.insert("at".to_owned(), at);
        }
    }
    request.to_string()
}
