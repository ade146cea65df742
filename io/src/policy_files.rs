//! The files of a policy: read, with what they include, and loaded.

use crate::file::{self, FileError};
use crate::outside::{Outside, Unavailable};
use crate::report::PolicyProblem;
use gatelet::limits::MAX_SOURCE_BYTES;
use gatelet::{Engine, EngineConfig, Keys, LoadError, LoadOptions, Policy, Source};
use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Component, Path, PathBuf};

/// Which files a policy is made of; what they include is found by itself.
///
/// ```no_run
/// use gatelet_io::PolicyFiles;
/// let text = PolicyFiles::new(["shop.yaml"]).with_values(["production.yaml"]).read()?;
/// let policy = text.load()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct PolicyFiles {
    policies: Vec<PathBuf>,
    values: Vec<PathBuf>,
}

/// The bytes of every file of one policy.
#[derive(Default)]
pub struct PolicyText {
    policies: Vec<Text>,
    values: Vec<Text>,
    /// The real paths of what was read, so that each is read once.
    seen: HashSet<PathBuf>,
}

struct Text {
    name: String,
    bytes: Vec<u8>,
    /// The file that was asked for: this one, or the one that includes it.
    root: PathBuf,
}

/// Why the files of a policy could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum PolicyFilesError {
    /// One of them.
    Unreadable(FileError),
    /// An include that really lies outside of the directory of the file that began it.
    Outside {
        /// What is included.
        name: String,
        /// The file that was asked for.
        root: PathBuf,
    },
    /// A path that is not UTF-8, which the name of a source has to be.
    Name(PathBuf),
}

impl fmt::Display for PolicyFilesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(file) => file.fmt(f),
            Self::Outside { name, root } => write!(
                f,
                "{name} is included, but it really lies outside the directory of {}",
                root.display()
            ),
            Self::Name(path) => write!(f, "the name of {} is not UTF-8", path.display()),
        }
    }
}

impl std::error::Error for PolicyFilesError {}

impl From<FileError> for PolicyFilesError {
    fn from(file: FileError) -> Self {
        Self::Unreadable(file)
    }
}

impl PolicyFiles {
    /// The files of one policy.
    pub fn new(policies: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self {
            policies: policies.into_iter().map(Into::into).collect(),
            values: Vec::new(),
        }
    }

    /// Files of values, such as those of one environment.
    #[must_use]
    pub fn with_values(self, values: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self {
            values: values.into_iter().map(Into::into).collect(),
            ..self
        }
    }

    /// Reads and loads the policy, and reads the keys and secrets that it needs.
    ///
    /// # Errors
    /// What stands in the way of the policy being in force.
    pub fn load(&self) -> Result<(Policy, Keys), PolicyProblem> {
        let text = self.read().map_err(PolicyProblem::Unreadable)?;
        let policy = text.load().map_err(PolicyProblem::Invalid)?;
        let keys = text.keys(&policy).map_err(PolicyProblem::Unavailable)?;
        Ok((policy, keys))
    }

    /// An engine that decides by the policy as it is now.
    ///
    /// # Errors
    /// What stands in the way of the policy being in force.
    pub fn engine(&self, config: EngineConfig) -> Result<Engine, PolicyProblem> {
        let (policy, keys) = self.load()?;
        Engine::new(policy, config.with_keys(keys)).map_err(PolicyProblem::Refused)
    }

    /// Puts the policy as it is now in force, with the keys and secrets that it needs.
    ///
    /// A [`Supervisor`](crate::Supervisor) does so by itself when files change.
    ///
    /// # Errors
    /// What stands in the way; the policy before stays.
    pub fn install(&self, engine: &Engine) -> Result<(), PolicyProblem> {
        let (policy, keys) = self.load()?;
        // What the policy before does not need only waits for the one that does.
        let installed = engine
            .install_keys(keys)
            .and_then(|_| engine.install(policy));
        installed.map_err(PolicyProblem::Refused)
    }

    /// Reads the files, what they include, and the values.
    ///
    /// # Errors
    /// A file cannot be read, has no name, or includes one outside of its directory.
    pub fn read(&self) -> Result<PolicyText, PolicyFilesError> {
        let mut text = PolicyText::default();
        for path in &self.policies {
            if text.seen.insert(identity(path)) {
                text.policies.push(Text::read(path, path)?);
            }
        }
        text.values = self
            .values
            .iter()
            .map(|path| Text::read(path, path))
            .collect::<Result<_, _>>()?;
        text.read_includes()?;
        Ok(text)
    }
}

impl PolicyFiles {
    /// The files that were asked for.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &Path> {
        self.policies.iter().map(PathBuf::as_path)
    }

    /// All files that were asked for.
    pub(crate) fn named(&self) -> impl Iterator<Item = &Path> {
        self.policies
            .iter()
            .chain(&self.values)
            .map(PathBuf::as_path)
    }
}

impl PolicyText {
    /// Follows `include` from file to file, never out of the directory of the file that began it.
    fn read_includes(&mut self) -> Result<(), PolicyFilesError> {
        let mut next = 0;
        while let Some(text) = self.policies.get(next) {
            let (names, root) = (text.source().includes(), text.root.clone());
            for name in names {
                let path = Path::new(&name);
                // What is not there is left to the loader, which knows the line that asks for it.
                let Ok(real) = path.canonicalize() else {
                    continue;
                };
                if !real.starts_with(file::directory(&root)?) {
                    return Err(PolicyFilesError::Outside { name, root });
                }
                if self.seen.insert(real) {
                    self.policies.push(Text::read(path, &root)?);
                }
            }
            next += 1;
        }
        Ok(())
    }

    /// Loads the policy.
    ///
    /// # Errors
    /// Everything that is wrong with it; see [`Policy::load`].
    pub fn load(&self) -> Result<Policy, LoadError> {
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

    /// Reads the keys and secrets that its policy needs from files and the environment.
    ///
    /// What is fetched is left to a [`Supervisor`](crate::Supervisor). A secret's last line end is not part of it.
    ///
    /// # Errors
    /// What cannot be read, all of it.
    pub fn keys(&self, policy: &Policy) -> Result<Keys, Vec<Unavailable>> {
        let roots = self.policies.iter().map(|text| text.root.as_path());
        let found = Outside::of_files(roots).read_all(policy);
        if found.unavailable.is_empty() {
            Ok(found.keys())
        } else {
            Err(found.unavailable)
        }
    }

    /// The same for the same names and bytes.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for text in self.policies.iter().chain(&self.values) {
            text.name.hash(&mut hasher);
            text.bytes.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The paths of all that was read.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let all = self.policies.iter().chain(&self.values);
        all.map(|text| Path::new(&text.name))
    }
}

impl fmt::Debug for PolicyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.paths()).finish()
    }
}

impl Text {
    fn read(path: &Path, root: &Path) -> Result<Self, PolicyFilesError> {
        Ok(Self {
            bytes: file::read(path, MAX_SOURCE_BYTES)?,
            name: name(path)?,
            root: root.to_owned(),
        })
    }

    fn source(&self) -> Source<'_> {
        Source::new(&self.name, &self.bytes)
    }
}

/// The name of a source: its path as given, without needless `./`.
fn name(path: &Path) -> Result<String, PolicyFilesError> {
    let plain: PathBuf = path
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect();
    plain
        .into_os_string()
        .into_string()
        .map_err(|_| PolicyFilesError::Name(path.to_owned()))
}

/// The real path; a pipe has none that can be followed.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
