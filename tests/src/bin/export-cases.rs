//! Writes the shared cases as one JSON document, for the runners in other languages.

use std::io::Write;
use std::process::ExitCode;

use gatelet_tests::case;

fn main() -> ExitCode {
    let cases = match case::read_all(&case::folder()) {
        Ok(cases) => cases,
        Err(problems) => {
            eprintln!("{}", problems.join("\n"));
            return ExitCode::FAILURE;
        }
    };
    // Other runners get the request's text, so that all of them decide the same bytes.
    let list: Vec<_> = cases
        .iter()
        .map(|case| {
            let text = |step: &case::Step| step.asks().then(|| case::request_json(case, step));
            let requests: Vec<_> = case.steps.iter().map(text).collect();
            serde_json::json!({ "case": case, "requests": requests })
        })
        .collect();
    let written = serde_json::to_string_pretty(&list)
        .map_err(std::io::Error::other)
        .and_then(|text| writeln!(std::io::stdout(), "{text}"));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write the cases: {error}");
            ExitCode::FAILURE
        }
    }
}
