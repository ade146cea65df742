//! Decisions as a table for people.

use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, ContentArrangement, LineStyle};
use gatelet::{Decision, Effect, Request};

use crate::decide::Report;
use crate::terminal::{one_line, shortened, wants_color};

/// Widths depend on all rows, so rows are held back; this many at most.
const ROWS: usize = 1_000;
/// Longest text of a cell that a request has a say in, in characters.
const CELL_CHARS: usize = 60;
const COLUMNS: [&str; 8] = [
    "#", "who", "request", "effect", "status", "reason", "rule", "why",
];

pub(crate) struct Table {
    table: comfy_table::Table,
    rows: usize,
    color: bool,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self {
            table: empty(),
            rows: 0,
            color: wants_color(&io::stdout()),
        }
    }

    fn verdict(&self, word: &str, color: Color) -> Cell {
        let cell = Cell::new(word);
        if self.color {
            cell.fg(color).add_attribute(Attribute::Bold)
        } else {
            cell
        }
    }

    fn add(&mut self, row: Vec<Cell>) -> io::Result<()> {
        self.table.add_row(row);
        self.rows += 1;
        if self.rows == ROWS {
            self.finish()
        } else {
            Ok(())
        }
    }
}

fn empty() -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    let line = LineStyle::new('─', '─', '─', '─');
    table.load_style(NOTHING.header_separator(line));
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(COLUMNS);
    table
}

impl Report for Table {
    fn decision(
        &mut self,
        line: u64,
        request: &Request<'_>,
        decision: &Decision<'_>,
    ) -> io::Result<()> {
        let color = match decision.effect() {
            Effect::Allow => Color::Green,
            Effect::Deny => Color::Red,
        };
        self.add(vec![
            Cell::new(line),
            Cell::new(who(decision)),
            Cell::new(asked(request)),
            self.verdict(decision.effect().as_str(), color),
            Cell::new(decision.status()),
            Cell::new(decision.reason()),
            Cell::new(one_line(decider(decision).as_bytes())),
            Cell::new(why(decision)),
        ])
    }

    fn broken(&mut self, line: u64, message: &str) -> io::Result<()> {
        let dash = || Cell::new("-");
        let error = self.verdict("error", Color::Yellow);
        let why = Cell::new(one_line(message.as_bytes()));
        self.add(vec![
            Cell::new(line),
            dash(),
            dash(),
            error,
            dash(),
            dash(),
            dash(),
            why,
        ])
    }

    /// A table is shown as a whole.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let table = std::mem::replace(&mut self.table, empty());
        let mut out = io::stdout().lock();
        writeln!(out, "{}", table.trim_fmt())?;
        out.flush()
    }
}

/// The principal, with its provider where that is not the host.
fn who(decision: &Decision<'_>) -> String {
    match decision.principal() {
        None => "-".to_owned(),
        Some((b"host", id)) => cell(id),
        Some((provider, id)) => format!("{} ({})", cell(id), one_line(provider)),
    }
}

/// The rule or the limit that decided.
fn decider<'a>(decision: &Decision<'a>) -> &'a str {
    decision.rule().or(decision.limit()).unwrap_or("-")
}

/// Method and path, or action and resource.
fn asked(request: &Request<'_>) -> String {
    let path = request.path.or(request.path_decoded);
    let parts: Vec<&[u8]> = match (request.action, path) {
        (Some(action), None) => {
            let resource = request.resource.unwrap_or_default();
            [Some(action), resource.kind, resource.id]
                .into_iter()
                .flatten()
                .collect()
        }
        _ => [request.method, path].into_iter().flatten().collect(),
    };
    if parts.is_empty() {
        "-".to_owned()
    } else {
        cell(parts.join(&b' '))
    }
}

/// What the decision rests on, and what it asks for.
fn why(decision: &Decision<'_>) -> String {
    let mut parts = Vec::new();
    parts.extend(decision.source().map(|source| source.to_string()));
    parts.extend(decision.grant().map(|grant| format!("grant {grant}")));
    parts.extend(decision.detail().map(str::to_owned));
    parts.extend(
        decision
            .retry_after_ms()
            .map(|ms| format!("again in {} s", ms.div_ceil(1_000))),
    );
    parts.extend(
        decision
            .obligations()
            .map(|obligation| format!("{} by {}", obligation.kind(), obligation.id())),
    );
    // What is in shadow is of interest where it would make a difference.
    let shadow = decision.shadow();
    let shadow = shadow.filter(|shadow| shadow.reason() != decision.reason());
    parts.extend(shadow.map(|shadow| format!("shadow: {}", shadow.reason())));
    one_line(parts.join(", ").as_bytes()).into_owned()
}

fn cell(text: impl AsRef<[u8]>) -> String {
    shortened(text.as_ref(), CELL_CHARS)
}
