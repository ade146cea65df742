//! What a policy needs from outside, read from files and the environment.

use crate::file;
use gatelet::limits::{MAX_KEY_SET_BYTES, MAX_SOURCE_BYTES};
use gatelet::{ApiKeySet, Keys, Need, NeedKind, Origin, Policy};
use std::collections::BTreeMap;
use std::env::{self, VarError};
use std::fmt;
use std::path::{Path, PathBuf};

/// Longest secret that is read, in bytes.
const MAX_SECRET_BYTES: usize = 64 << 10;

/// Something that could not be read, though a policy needs it. What it holds is never said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    origin: Origin,
    problem: String,
}

impl Unavailable {
    pub(crate) fn new(origin: Origin, problem: &str) -> Self {
        Self {
            origin,
            problem: problem.to_owned(),
        }
    }

    /// Where it should be.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What is wrong there.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.problem)
    }
}

impl std::error::Error for Unavailable {}

/// Where files are found, and which may be read.
#[derive(Clone, Debug)]
pub(crate) struct Outside {
    /// What the names of sources are relative to.
    pub(crate) base: PathBuf,
    /// The real directories beyond which nothing is read, whatever links say.
    pub(crate) within: Vec<PathBuf>,
}

/// What was found.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) documents: BTreeMap<Origin, Vec<u8>>,
    pub(crate) unavailable: Vec<Unavailable>,
    /// All files that were looked for.
    pub(crate) files: Vec<PathBuf>,
}

impl Found {
    /// As the engine takes them.
    pub(crate) fn keys(self) -> Keys {
        let all = self.documents.into_iter();
        all.fold(Keys::new(), |keys, (origin, bytes)| {
            keys.with(origin, bytes)
        })
    }
}

impl Outside {
    /// For policies in files: what they need stands beside these, or below.
    pub(crate) fn of_files<'f>(files: impl IntoIterator<Item = &'f Path>) -> Self {
        let directories = files
            .into_iter()
            .filter_map(|path| file::directory(path).ok());
        Self {
            base: PathBuf::new(),
            within: directories.collect(),
        }
    }

    /// Reads what a policy needs and is not fetched: its keys, and what the files of keys need themselves.
    pub(crate) fn read_all(&self, policy: &Policy) -> Found {
        let mut found = Found::default();
        let local = |need: &&Need| !need.origin().is_remote();
        for need in policy.needs().iter().filter(local) {
            self.read_one(need.kind(), need.origin(), &mut found);
            if need.kind() != NeedKind::ApiKeys {
                continue;
            }
            let keys = found.documents.get(need.origin());
            let pepper = keys.and_then(|bytes| pepper_of(need.origin(), bytes));
            if let Some(pepper) = pepper {
                self.read_one(NeedKind::Secret, &pepper, &mut found);
            }
        }
        found
    }

    fn read_one(&self, kind: NeedKind, origin: &Origin, found: &mut Found) {
        let is_known = found
            .unavailable
            .iter()
            .any(|known| known.origin == *origin);
        if is_known || found.documents.contains_key(origin) {
            return;
        }
        if let Origin::File(name) = origin {
            found.files.push(self.base.join(&**name));
        }
        match self.read(kind, origin) {
            Ok(bytes) => {
                found.documents.insert(origin.clone(), bytes);
            }
            Err(problem) => found.unavailable.push(Unavailable {
                origin: origin.clone(),
                problem,
            }),
        }
    }

    fn read(&self, kind: NeedKind, origin: &Origin) -> Result<Vec<u8>, String> {
        let most = match kind {
            NeedKind::KeySet => MAX_KEY_SET_BYTES,
            NeedKind::Secret => MAX_SECRET_BYTES,
            _ => MAX_SOURCE_BYTES,
        };
        let bytes = match origin {
            Origin::File(name) => self.read_file(&self.base.join(&**name), most)?,
            Origin::Environment(name) => match env::var(&**name) {
                Ok(text) => text.into_bytes(),
                Err(VarError::NotPresent) => return Err("the variable is not set".to_owned()),
                Err(VarError::NotUnicode(_)) => return Err("the variable is not UTF-8".to_owned()),
            },
            _ => return Err("nothing that is read from here".to_owned()),
        };
        if bytes.len() > most {
            return Err(format!("longer than {most} bytes"));
        }
        Ok(bytes)
    }

    fn read_file(&self, path: &Path, most: usize) -> Result<Vec<u8>, String> {
        let real = path.canonicalize().map_err(|error| error.to_string())?;
        if !self
            .within
            .iter()
            .any(|directory| real.starts_with(directory))
        {
            return Err("it really lies outside of the directories of the policy".to_owned());
        }
        if !real.is_file() {
            return Err("it is no file".to_owned());
        }
        file::read(&real, most).map_err(|unreadable| unreadable.reason())
    }
}

/// Where a file of API keys has its pepper; a file that does not load is left to the engine to refuse.
fn pepper_of(origin: &Origin, bytes: &[u8]) -> Option<Origin> {
    let name = match origin {
        Origin::File(name) => name,
        _ => "",
    };
    let (keys, _) = ApiKeySet::load(name, bytes).ok()?;
    Some(keys.pepper().clone())
}
