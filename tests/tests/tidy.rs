//! The rules of the house that a compiler does not check: sizes, first lines, words that do not belong.

use gatelet_tests::source::{SourceFile, files, functions};

const MAX_FILE_LINES: usize = 600;
const MAX_FUNCTION_LINES: usize = 70;

/// Files and functions that are too long today, with their length: may shrink, may not grow, none may come.
const TOO_LONG: &[(&str, usize)] = &[
    (
        "core/src/dialect/native/tests/shapes.rs: keys_of_an_allow",
        140,
    ),
    ("core/src/dialect/native/tests/shapes.rs: sections", 100),
    (
        "core/src/dialect/native/tests/sources.rs: sources_of_one_load",
        96,
    ),
    ("core/src/dialect/native/tests/sources.rs: values", 115),
    (
        "core/src/request_json/tests.rs: what_is_wrong_is_named",
        217,
    ),
];

/// Pieces, so that this file does not hold the words.
const FORBIDDEN: &[(&[&str], &str)] = &[
    (&["TO", "DO"], "do it or leave it"),
    (&["FIX", "ME"], "do it or leave it"),
    (&["dbg", "!("], "a leftover"),
    (&["todo", "!("], "a stub"),
    (&["unimplemented", "!("], "a stub"),
    (&["#[ig", "nore"], "a test that does not run"),
    (&["thread::", "sleep"], "a test that waits"),
    (&["/wo", "rk/"], "a path of one machine"),
    (&["/ho", "me/"], "a path of one machine"),
    (&["/ro", "ot/"], "a path of one machine"),
    (&["/tm", "p/"], "a path of one machine"),
];

fn rust() -> Vec<SourceFile> {
    let found = files("", "rs");
    assert!(found.len() > 20, "only {} files", found.len());
    found
}

#[test]
fn files_and_functions_are_short() {
    let mut lengths = Vec::new();
    for file in rust() {
        let lines = file.text.lines().count();
        if lines > MAX_FILE_LINES {
            lengths.push((file.path.clone(), lines));
        }
        let long = functions(&file.code)
            .into_iter()
            .filter(|(_, _, length)| *length > MAX_FUNCTION_LINES);
        lengths.extend(long.map(|(name, _, length)| (format!("{}: {name}", file.path), length)));
    }
    let mut problems = Vec::new();
    for (what, length) in &lengths {
        match TOO_LONG.iter().find(|(known, _)| known == what) {
            Some((_, allowed)) if length <= allowed => {}
            Some((_, allowed)) => {
                problems.push(format!("{what} has grown from {allowed} to {length} lines"))
            }
            None => problems.push(format!("{what} has {length} lines")),
        }
    }
    for (known, _) in TOO_LONG {
        if !lengths.iter().any(|(what, _)| what == known) {
            problems.push(format!(
                "{known} is short enough now: take it from the table"
            ));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_module_says_what_it_is_for() {
    let without = rust()
        .into_iter()
        .filter(|file| !file.text.starts_with("//! ") && !file.path.starts_with("target"));
    let without: Vec<_> = without.map(|file| file.path).collect();
    assert!(
        without.is_empty(),
        "no `//!` in the first line of {without:#?}"
    );
}

#[test]
fn words_that_do_not_belong() {
    let mut problems = Vec::new();
    let others = ["toml", "md", "yaml", "yml", "py", "js", "ts", "c", "h"]
        .iter()
        .flat_map(|extension| files("", extension));
    for file in rust().into_iter().chain(others) {
        for (number, line) in file.text.lines().enumerate() {
            for (pieces, why) in FORBIDDEN {
                if line.contains(&pieces.concat()) {
                    problems.push(format!(
                        "{}:{}: {why}: {}",
                        file.path,
                        number + 1,
                        line.trim()
                    ));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
