//! The files of a policy: read, with what they include, and loaded.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use gatelet::limits::MAX_SOURCE_BYTES;
use gatelet::{LoadError, LoadOptions, Policy, Source};

use crate::args::PolicyFiles;
use crate::failure::Failure;
use crate::terminal::wants_color;

/// The bytes of every file of one policy.
#[derive(Default)]
pub(crate) struct PolicyText {
    policies: Vec<Text>,
    values: Vec<Text>,
    /// The real paths of what was read, so that each is read once.
    seen: HashSet<PathBuf>,
}

struct Text {
    name: String,
    bytes: Vec<u8>,
    /// The file of the command line that it is, or that includes it.
    root: PathBuf,
}

impl Text {
    fn source(&self) -> Source<'_> {
        Source::new(&self.name, &self.bytes)
    }
}

/// Reads and loads a policy; its problems go to the standard error.
pub(crate) fn load(files: &PolicyFiles) -> Result<Policy, Failure> {
    PolicyText::read(&files.files, &files.values)?
        .load()
        .map_err(|error| {
            let color = wants_color(&io::stderr());
            for diagnostic in error.diagnostics() {
                eprintln!("{}", diagnostic.render(color).trim_end());
            }
            Failure::Problems("the policy does not load".to_owned())
        })
}

impl PolicyText {
    /// Reads the files, what they include, and the values.
    pub(crate) fn read(policies: &[PathBuf], values: &[PathBuf]) -> Result<Self, Failure> {
        let mut text = Self::default();
        for path in policies {
            if text.seen.insert(identity(path)) {
                text.policies.push(read_file(path, path)?);
            }
        }
        text.values = values
            .iter()
            .map(|path| read_file(path, path))
            .collect::<Result<_, _>>()?;
        text.read_includes()?;
        Ok(text)
    }

    /// Follows `include` from file to file, never out of the directory of the file that began it.
    fn read_includes(&mut self) -> Result<(), Failure> {
        let mut next = 0;
        while let Some(text) = self.policies.get(next) {
            let (names, root) = (text.source().includes(), text.root.clone());
            for name in names {
                let path = Path::new(&name);
                // What is not there is left to the loader, which knows the line that asks for it.
                let Ok(real) = path.canonicalize() else {
                    continue;
                };
                if !real.starts_with(directory(&root)?) {
                    return Err(Failure::Problems(format!(
                        "{name} is included, but it really lies outside the directory of {}",
                        root.display()
                    )));
                }
                if self.seen.insert(real) {
                    self.policies.push(read_file(path, &root)?);
                }
            }
            next += 1;
        }
        Ok(())
    }

    pub(crate) fn load(&self) -> Result<Policy, LoadError> {
        let policies: Vec<_> = self.policies.iter().map(Text::source).collect();
        let values: Vec<_> = self.values.iter().map(Text::source).collect();
        Policy::load_with(
            &policies,
            &LoadOptions {
                values: &values,
                ..LoadOptions::default()
            },
        )
    }

    /// How many files were read.
    pub(crate) fn files(&self) -> usize {
        self.policies.len() + self.values.len()
    }
}

/// Reads one byte beyond the longest source at most; the loader refuses what is longer.
fn read_file(path: &Path, root: &Path) -> Result<Text, Failure> {
    let read = || {
        let file = File::open(path)?;
        // A pipe has no length; it grows as it comes.
        let length = file.metadata()?.len().min(MAX_SOURCE_BYTES as u64);
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
        file.take(MAX_SOURCE_BYTES as u64 + 1)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| Failure::reading(path, &error))?;
    Ok(Text {
        name: name(path)?,
        bytes,
        root: root.to_owned(),
    })
}

/// The name of a source: its path as given, without needless `./`.
fn name(path: &Path) -> Result<String, Failure> {
    let plain: PathBuf = path
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect();
    plain
        .into_os_string()
        .into_string()
        .map_err(|_| Failure::Usage(format!("the name of {} is not UTF-8", path.display())))
}

/// The real path; a pipe has none that can be followed.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn directory(file: &Path) -> Result<PathBuf, Failure> {
    let parent = file
        .parent()
        .filter(|parent| *parent != Path::new(""))
        .unwrap_or(Path::new("."));
    parent
        .canonicalize()
        .map_err(|error| Failure::reading(parent, &error))
}
