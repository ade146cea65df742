//! `gatelet eval`: expressions of the condition language, by themselves.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use gatelet::eval::{Answer, evaluate};
use serde_json::{Value, json};

use crate::args::{Eval, TextFormat};
use crate::decide::Broken;
use crate::failure::{Failure, Outcome};
use crate::requests::{Requests, hint_at_terminal};
use crate::{json, terminal};

pub(crate) fn run(arguments: &Eval) -> Result<Outcome, Failure> {
    match (&arguments.jsonl, &arguments.expression) {
        (Some(path), _) => lines(path),
        (None, Some(expression)) => one(expression, arguments),
        (None, None) => Err(Failure::Usage("there is no expression".to_owned())),
    }
}

fn one(expression: &str, arguments: &Eval) -> Result<Outcome, Failure> {
    let bindings = match &arguments.bindings {
        None => json!({}),
        Some(text) => serde_json::from_str(text)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| {
                Failure::Usage("--bindings must be a JSON object of values by name".to_owned())
            })?,
    };
    let answer = evaluate(
        json!({ "expr": expression, "bindings": bindings })
            .to_string()
            .as_bytes(),
    );
    let mut out = io::stdout().lock();
    match arguments.format {
        TextFormat::Json => json::write_line(&mut out, &value(&answer))?,
        TextFormat::Human if answer.is_error() => {
            return Err(Failure::Problems(answer.to_string()));
        }
        TextFormat::Human => writeln!(out, "{}", terminal::lines(&answer.to_string()))?,
    }
    out.flush()?;
    Ok(if answer.is_error() {
        Outcome::Problems
    } else {
        Outcome::Clean
    })
}

/// Answers line by line. An expression that fails is an answer; a line that asks nothing is a problem.
fn lines(path: &Path) -> Result<Outcome, Failure> {
    let mut questions = Requests::open(path)?;
    hint_at_terminal(path, "expressions");
    let mut out = BufWriter::new(io::stdout().lock());
    let mut outcome = Outcome::Clean;
    while let Some(item) = questions.next_with(|text| Ok(evaluate(text)), || out.flush())? {
        match item.read {
            Ok(answer) if answer.is_unreadable() => {
                outcome = Outcome::Problems;
                let mut told = value(&answer);
                if let Some(error) = told.get_mut("error") {
                    *error = json!({ "line": item.line, "message": answer.to_string() });
                }
                json::write_line(&mut out, &told)?;
            }
            Ok(answer) => json::write_line(&mut out, &value(&answer))?,
            Err(message) => {
                outcome = Outcome::Problems;
                json::write_line(&mut out, &Broken::new(item.line, &message))?;
            }
        }
    }
    out.flush()?;
    Ok(outcome)
}

fn value(answer: &Answer) -> Value {
    serde_json::from_str(&answer.to_json()).unwrap_or_default()
}
