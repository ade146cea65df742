//! The policy that the command line names, loaded or refused.

use std::io;
use std::path::PathBuf;

use gatelet::Policy;
use gatelet_io::{PolicyFilesError, PolicyText};

use crate::args::PolicyFiles;
use crate::failure::Failure;
use crate::terminal::wants_color;

/// Reads and loads a policy; its problems go to the standard error.
pub(crate) fn load(files: &PolicyFiles) -> Result<Policy, Failure> {
    read(&files.files, &files.values)?.load().map_err(|error| {
        let color = wants_color(&io::stderr());
        for diagnostic in error.diagnostics() {
            eprintln!("{}", diagnostic.render(color).trim_end());
        }
        Failure::Problems("the policy does not load".to_owned())
    })
}

/// Reads the files of a policy, what they include, and the values.
pub(crate) fn read(policies: &[PathBuf], values: &[PathBuf]) -> Result<PolicyText, Failure> {
    gatelet_io::PolicyFiles::new(policies)
        .with_values(values)
        .read()
        .map_err(|error| match error {
            PolicyFilesError::Outside { .. } => Failure::Problems(error.to_string()),
            _ => Failure::Usage(error.to_string()),
        })
}
