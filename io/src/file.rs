//! Reading files whole, as far as a bound.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A file that could not be read.
#[derive(Debug)]
pub struct FileError {
    path: PathBuf,
    error: io::Error,
}

impl FileError {
    pub(crate) fn new(path: &Path, error: io::Error) -> Self {
        Self {
            path: path.to_owned(),
            error,
        }
    }

    /// What is wrong, without the path.
    pub(crate) fn reason(&self) -> String {
        self.error.to_string()
    }

    /// Which file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Reads one byte beyond `most` at most: whoever takes the bytes refuses what is longer.
pub(crate) fn read(path: &Path, most: usize) -> Result<Vec<u8>, FileError> {
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    let read = || {
        let file = File::open(path)?;
        // A pipe has no length; it grows as it comes.
        let length = file.metadata()?.len().min(most);
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|error| FileError::new(path, error))
}

/// The real directory that a file is in.
pub(crate) fn directory(file: &Path) -> Result<PathBuf, FileError> {
    let parent = file
        .parent()
        .filter(|parent| *parent != Path::new(""))
        .unwrap_or(Path::new("."));
    parent
        .canonicalize()
        .map_err(|error| FileError::new(parent, error))
}
