//! Tests only: where test vectors of others are, for those who have them.

use std::path::{Path, PathBuf};

/// The folder of some vectors: under `GATELET_VECTORS`, or beside the workspace. Says what is skipped without it.
pub(crate) fn folder(name: &str, tests: usize) -> Option<PathBuf> {
    let beside = || {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut places = ["../shared/vectors", "shared/vectors"]
            .into_iter()
            .map(|place| workspace.join(place));
        places.find(|place| place.is_dir())
    };
    let all = std::env::var_os("GATELET_VECTORS")
        .map(PathBuf::from)
        .or_else(beside);
    let found = all
        .map(|all| all.join(name))
        .filter(|folder| folder.is_dir());
    if found.is_none() {
        eprintln!("skipped: {tests} tests of {name}, which are not here");
    }
    found
}

/// A vectors file, as JSON.
pub(crate) fn document(folder: &Path, file: &str) -> serde_json::Value {
    let path = folder.join(file);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}
