//! `gatelet quota`: the live counters of a store.

use std::collections::BTreeMap;
use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, LineStyle, Table};
use gatelet::store::{Counter, CounterKey, QuotaStore, Unavailable};
use gatelet_io::{RedisOptions, RedisStore};
use serde_json::{Value, json};

use crate::args::{Quota, QuotaAct, StoreAt, TextFormat};
use crate::failure::{Failure, Outcome};
use crate::json;
use crate::terminal::one_line;

/// Counters that a table for people shows; JSON has all.
const ROWS: usize = 100;

pub(crate) fn run(arguments: &Quota) -> Result<Outcome, Failure> {
    let mut out = io::stdout().lock();
    match &arguments.act {
        QuotaAct::List { at, format } => list(&At::open(at)?, *format, &mut out)?,
        QuotaAct::Show {
            limit,
            key,
            at,
            format,
        } => show(&At::open(at)?, limit, *key, *format, &mut out)?,
        QuotaAct::Reset { limit, key, at } => {
            let at = At::open(at)?;
            let count = at.told(at.store.reset(limit, *key))?;
            let counters = if count == 1 { "counter" } else { "counters" };
            writeln!(
                out,
                "{}: {count} {counters} reset",
                one_line(limit.as_bytes())
            )?;
        }
        QuotaAct::Export { at } => {
            let at = At::open(at)?;
            for counter in at.counters(None)? {
                json::write_line(&mut out, &value(&counter))?;
            }
        }
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

/// A store, and where it is.
struct At {
    store: RedisStore,
}

impl At {
    fn open(at: &StoreAt) -> Result<Self, Failure> {
        let options = RedisOptions::default().with_prefix(at.prefix.as_str());
        let store = RedisStore::open(&at.store, options)
            .map_err(|error| Failure::Usage(format!("--store: {error}")))?;
        Ok(Self { store })
    }

    /// With what the server said, where it said something.
    fn told<T>(&self, answer: Result<T, Unavailable>) -> Result<T, Failure> {
        answer.map_err(|why| {
            let detail = self.store.status().last_error;
            let detail = detail.map_or(String::new(), |detail| format!(": {detail}"));
            Failure::Problems(format!("{why}{detail}"))
        })
    }

    /// Of one limit or of all, by limit, the fullest first.
    fn counters(&self, limit: Option<&str>) -> Result<Vec<Counter>, Failure> {
        let mut found = Vec::new();
        self.told(self.store.list(limit, &mut |counter| found.push(counter)))?;
        found.sort_by(|one: &Counter, other| {
            (&one.limit, other.used, one.key).cmp(&(&other.limit, one.used, other.key))
        });
        // The server may show a key twice while its table grows.
        found.dedup_by(|one, other| one.limit == other.limit && one.key == other.key);
        Ok(found)
    }
}

/// One row for each limit.
struct Row {
    kind: &'static str,
    counters: u64,
    exhausted: u64,
    fullest: Counter,
}

fn list(at: &At, format: TextFormat, out: &mut impl Write) -> Result<(), Failure> {
    let mut limits = BTreeMap::<String, Row>::new();
    for counter in at.counters(None)? {
        let row = limits.entry(counter.limit.clone()).or_insert_with(|| Row {
            kind: counter.kind,
            counters: 0,
            exhausted: 0,
            fullest: counter.clone(),
        });
        row.counters += 1;
        row.exhausted += u64::from(counter.used >= counter.of);
    }
    if format == TextFormat::Json {
        let limits: Vec<_> = limits
            .iter()
            .map(|(id, row)| {
                json!({ "limit": id, "kind": row.kind, "counters": row.counters,
                    "exhausted": row.exhausted, "fullest": value(&row.fullest) })
            })
            .collect();
        return Ok(json::write_line(out, &limits)?);
    }
    let mut table = empty(&["limit", "kind", "counters", "exhausted", "fullest", "of"]);
    for (id, row) in &limits {
        table.add_row([
            one_line(id.as_bytes()).into_owned(),
            row.kind.to_owned(),
            row.counters.to_string(),
            row.exhausted.to_string(),
            row.fullest.used.to_string(),
            row.fullest.of.to_string(),
        ]);
    }
    Ok(writeln!(out, "{}", table.trim_fmt())?)
}

fn show(
    at: &At,
    limit: &str,
    key: Option<CounterKey>,
    format: TextFormat,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut counters = at.counters(Some(limit))?;
    counters.retain(|counter| key.is_none_or(|key| key == counter.key));
    if format == TextFormat::Json {
        let counters: Vec<_> = counters.iter().map(value).collect();
        return Ok(json::write_line(out, &counters)?);
    }
    let mut table = empty(&["key", "kind", "used", "leased", "of", "resets in"]);
    for counter in counters.iter().take(ROWS) {
        table.add_row([
            counter.key.to_string(),
            counter.kind.to_owned(),
            counter.used.to_string(),
            counter.leased.to_string(),
            counter.of.to_string(),
            format!("{} s", counter.reset_ms.div_ceil(1_000)),
        ]);
    }
    writeln!(out, "{}", table.trim_fmt())?;
    if counters.len() > ROWS {
        writeln!(
            out,
            "and {} more: --format json has all",
            counters.len() - ROWS
        )?;
    }
    Ok(())
}

fn empty(columns: &[&str]) -> Table {
    let mut table = Table::new();
    let line = LineStyle::new('─', '─', '─', '─');
    table.load_style(NOTHING.header_separator(line));
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns);
    table
}

fn value(counter: &Counter) -> Value {
    json!({
        "limit": counter.limit,
        "key": counter.key.to_string(),
        "kind": counter.kind,
        "used": counter.used,
        "leased": counter.leased,
        "of": counter.of,
        "reset_ms": counter.reset_ms,
    })
}
