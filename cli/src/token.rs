//! `gatelet token inspect`: why a token is accepted or refused, step by step.

use std::io::{self, IsTerminal, Read, Write};

use gatelet::KeySet;
use gatelet::token::{self, Inspection, Rules};
use serde::Serialize;

use crate::args::{Inspect, PolicyFiles, TextFormat};
use crate::failure::{Failure, Outcome};
use crate::requests::DefaultTime;
use crate::{json, policy, terminal};

/// More than any token that is read: what is longer is told as such.
const MAX_INPUT_BYTES: u64 = 64 << 10;
/// A set without keys: for what is asked before any key is.
const NO_KEYS: &[u8] = br#"{"keys":[]}"#;

#[derive(Serialize)]
struct Report<'r> {
    /// The issuer's name in the policy.
    issuer: Option<&'r str>,
    note: String,
    #[serde(flatten)]
    inspection: Inspection,
}

pub(crate) fn inspect(arguments: &Inspect) -> Result<Outcome, Failure> {
    let now = DefaultTime::from_option(arguments.at.as_deref())?.now();
    let token = read(&arguments.token)?;
    let token = token.as_slice();
    if arguments.policy.is_empty() {
        return by_keys(arguments, token, now);
    }
    let files = PolicyFiles {
        files: arguments.policy.clone(),
        values: arguments.values.clone(),
        keys: arguments.keys.clone(),
    };
    let engine = policy::engine(policy::load(&files)?)?;
    let policy = engine.policy();
    let sets = engine.key_sets();
    let issuers: Vec<_> = Rules::of_policy(&policy).collect();
    let chosen = choose(&issuers, token, arguments.issuer.as_deref())?;
    let Some((name, rules)) = chosen.and_then(|number| issuers.get(number)) else {
        return print(arguments, &nobodys(&issuers, token, now)?);
    };
    let keys = chosen
        .and_then(|number| sets.get(number))
        .cloned()
        .flatten();
    let (keys, without) = match keys {
        Some(keys) => (keys, String::new()),
        None => (no_keys()?.into(), not_fetched(name)),
    };
    let how = match &arguments.issuer {
        Some(_) => "as --issuer says",
        None => "by what the token says of itself",
    };
    let report = Report {
        issuer: Some(name),
        note: format!("{how}{without}"),
        inspection: token::inspect(token, rules, &keys, now),
    };
    print(arguments, &report)
}

fn not_fetched(issuer: &str) -> String {
    format!(
        "; its keys would be fetched, which this command does not do: no key is known without --keys {issuer}=FILE"
    )
}

fn no_keys() -> Result<KeySet, Failure> {
    KeySet::load(NO_KEYS).map_err(|error| Failure::Problems(error.to_string()))
}

/// The number of the issuer that is asked for, else of the one that the token speaks of.
fn choose(
    issuers: &[(&str, Rules)],
    token: &[u8],
    asked: Option<&str>,
) -> Result<Option<usize>, Failure> {
    let mut issuers = issuers.iter();
    let Some(asked) = asked else {
        return Ok(issuers.position(|(_, rules)| rules.speak_of(token)));
    };
    let found = issuers.position(|(name, _)| *name == asked);
    let unknown = || Failure::Usage(format!("--issuer {asked}: the policy has no such issuer"));
    found.map(Some).ok_or_else(unknown)
}

/// A token of no issuer of the policy, or none at all.
fn nobodys(issuers: &[(&str, Rules)], token: &[u8], now: i64) -> Result<Report<'static>, Failure> {
    let Some((first, rules)) = issuers.first() else {
        let problem = "the policy has no issuers: no token is good for it";
        return Err(Failure::Problems(problem.to_owned()));
    };
    let names: Vec<_> = issuers.iter().map(|(name, _)| *name).collect();
    let keys = no_keys()?;
    Ok(Report {
        issuer: None,
        note: format!(
            "the token names no issuer of the policy, which has {}; it is held against {first}, without a key",
            names.join(", ")
        ),
        inspection: token::inspect(token, rules, &keys, now),
    })
}

/// Without a policy: a key set, and what else is asked for.
fn by_keys(arguments: &Inspect, token: &[u8], now: i64) -> Result<Outcome, Failure> {
    let ([file], Some(issuer)) = (arguments.keys.as_slice(), arguments.issuer.as_deref()) else {
        let problem = "without --policy, --keys FILE and --issuer ISS are needed";
        return Err(Failure::Usage(problem.to_owned()));
    };
    let keys = KeySet::load(&policy::key_set(file.as_ref())?)
        .map_err(|error| Failure::Problems(format!("--keys {file}: {error}")))?;
    let audience = arguments.audience.iter().map(String::as_str);
    let mut rules = Rules::new(issuer).audience(audience);
    if !arguments.algorithm.is_empty() {
        rules = rules.algorithms(arguments.algorithm.iter().map(String::as_str));
    }
    for problem in keys.problems() {
        eprintln!("gatelet: {file}: {}", terminal::lines(&problem.to_string()));
    }
    let report = Report {
        issuer: None,
        note: format!("against the keys of {file}"),
        inspection: token::inspect(token, &rules, &keys, now),
    };
    print(arguments, &report)
}

/// The token of the command line, or of the standard input; a scheme before it is left out.
fn read(argument: &str) -> Result<Vec<u8>, Failure> {
    let text = if argument == "-" {
        if io::stdin().is_terminal() && io::stderr().is_terminal() {
            eprintln!("gatelet: reading the token from the terminal");
        }
        let mut text = Vec::new();
        let mut input = io::stdin().lock().take(MAX_INPUT_BYTES);
        input
            .read_to_end(&mut text)
            .map_err(|error| Failure::reading("-".as_ref(), &error))?;
        text
    } else {
        argument.as_bytes().to_vec()
    };
    let text = text.trim_ascii();
    let token = match text.split_at_checked("bearer ".len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token.trim_ascii(),
        _ => text,
    };
    Ok(token.to_vec())
}

fn print(arguments: &Inspect, report: &Report<'_>) -> Result<Outcome, Failure> {
    let mut out = io::stdout().lock();
    match arguments.format {
        TextFormat::Json => json::write_line(&mut out, report)?,
        TextFormat::Human => {
            let issuer = report.issuer.unwrap_or("none");
            let issuer = format!("issuer  {issuer}: {}", report.note);
            writeln!(out, "{}", terminal::one_line(issuer.as_bytes()))?;
            writeln!(out, "{}", terminal::lines(&report.inspection.to_string()))?;
        }
    }
    out.flush()?;
    Ok(if report.inspection.accepted() {
        Outcome::Clean
    } else {
        Outcome::Problems
    })
}
