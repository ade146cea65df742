//! The policy that decides, and the keys and secrets that it needs.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use gatelet::limits::MAX_KEY_SET_BYTES;
use gatelet::{Engine, EngineConfig, Keys, LoadError, NeedKind, Policy};
use gatelet_io::{PolicyFilesError, PolicyText};

use crate::args::PolicyFiles;
use crate::failure::Failure;
use crate::terminal::{self, wants_color};

/// Reads the files of a policy, what they include, and the values.
pub(crate) fn read(policies: &[PathBuf], values: &[PathBuf]) -> Result<PolicyText, Failure> {
    let files = gatelet_io::PolicyFiles::new(policies).with_values(values);
    files.read().map_err(|error| match error {
        PolicyFilesError::Outside { .. } => Failure::Problems(error.to_string()),
        _ => Failure::Usage(error.to_string()),
    })
}

/// Reads and loads a policy, without what it needs; problems go to the standard error.
pub(crate) fn alone(policies: &[PathBuf], values: &[PathBuf]) -> Result<Policy, Failure> {
    read(policies, values)?.load().map_err(|error| show(&error))
}

/// Reads and loads a policy and what it needs; problems go to the standard error.
pub(crate) fn load(files: &PolicyFiles) -> Result<(Policy, Keys), Failure> {
    let text = read(&files.files, &files.values)?;
    let policy = text.load().map_err(|error| show(&error))?;
    let keys = text.keys(&policy).map_err(|unavailable| {
        for one in &unavailable {
            eprintln!("{}", terminal::lines(&one.to_string()));
        }
        Failure::Problems("what the policy needs cannot be read".to_owned())
    })?;
    let keys = given(keys, &files.keys, &policy)?;
    Ok((policy, keys))
}

fn show(error: &LoadError) -> Failure {
    let color = wants_color(&io::stderr());
    for diagnostic in error.diagnostics() {
        eprintln!("{}", diagnostic.render(color).trim_end());
    }
    Failure::Problems("the policy does not load".to_owned())
}

/// An engine in replay: the time is what each request says.
pub(crate) fn engine((policy, keys): (Policy, Keys)) -> Result<Engine, Failure> {
    Engine::new(policy, EngineConfig::replay().with_keys(keys))
        .map_err(|error| Failure::Problems(format!("the policy cannot be installed: {error}")))
}

/// Adds the key sets of `--keys ISSUER=FILE`, for issuers whose keys would be fetched.
fn given(keys: Keys, files: &[String], policy: &Policy) -> Result<Keys, Failure> {
    files.iter().try_fold(keys, |keys, one| {
        let Some((issuer, path)) = one.split_once('=') else {
            return Err(Failure::Usage(format!("--keys {one}: write ISSUER=FILE")));
        };
        let need = policy.needs().iter().find(|need| {
            let of_issuer = need.provider() == Some(issuer);
            of_issuer && need.kind() == NeedKind::KeySet && need.origin().is_remote()
        });
        let need = need.ok_or_else(|| {
            let problem = format!("--keys {one}: the policy fetches no keys of \"{issuer}\"");
            Failure::Usage(problem)
        })?;
        Ok(keys.with(need.origin().clone(), key_set(Path::new(path))?))
    })
}

/// The bytes of a key set; one beyond the longest at most, which the engine refuses.
pub(crate) fn key_set(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| {
            file.take(MAX_KEY_SET_BYTES as u64 + 1)
                .read_to_end(&mut bytes)
        })
        .map_err(|error| Failure::reading(path, &error))?;
    Ok(bytes)
}
