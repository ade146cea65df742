//! A table of what decisions and policies cost, also written to `target/bench/report.json`.
//!
//! `report [--quick]`: quick measures a tenth as long. The figures are for
//! reading and comparing in one run; nothing fails because a machine is slow.

use gatelet::{Engine, Request};
use gatelet_benches::measure::{
    Time, allocations, check, decide_all, engine, parse, time, time_compile,
};
use gatelet_benches::{SIZES, Shape, Traffic, Workload};
use serde::Serialize;
use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

/// One measured thing.
#[derive(Serialize)]
struct Row {
    workload: &'static str,
    n: usize,
    engine: &'static str,
    surface: &'static str,
    median_ns: f64,
    min_ns: f64,
    allocs: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<Bytes>,
}

/// Of the whole policy.
#[derive(Serialize, Clone, Copy)]
struct Bytes {
    index: usize,
    detail: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let budget = Duration::from_millis(if quick { 100 } else { 1_000 });
    let mut rows = Vec::new();
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::ASCII_MARKDOWN);
    table.set_header([
        "workload",
        "rules",
        "32 principals, ns",
        "1,024 principals",
        "refused",
        "8 headers",
        "allocations",
        "index B/rule",
        "detail B/rule",
        "load ms",
        "parse ms",
        "compile ms",
    ]);
    for shape in [Shape::R, Shape::X] {
        for n in SIZES {
            let workload = Workload::new(shape, n);
            let by_actions = workload.policy_by_actions();
            let texts = [(shape.name(), Some(workload.policy())), ("A", by_actions)];
            for (name, text) in texts {
                let Some(text) = text else { continue };
                let measured = policy(name, &workload, &text, budget)?;
                table.add_row(cells(name, n, &measured));
                rows.extend(measured);
                eprint!(".");
            }
        }
    }
    eprintln!();
    println!("{table}");
    println!(
        "Times are medians, with the quickest run in brackets; A says R by actions and permissions of roles."
    );
    std::fs::create_dir_all("target/bench")?;
    std::fs::write(
        "target/bench/report.json",
        serde_json::to_vec_pretty(&rows)?,
    )?;
    Ok(())
}

/// Everything about one policy.
fn policy(
    name: &'static str,
    workload: &Workload,
    text: &str,
    budget: Duration,
) -> Result<Vec<Row>, Box<dyn Error>> {
    let n = workload.rules.len();
    let engine = engine(text)?;
    let memory = engine.policy().memory();
    let bytes = Some(Bytes {
        index: memory.index_bytes,
        detail: memory.detail_bytes,
    });
    let row = |surface, time: Time, allocs, bytes| Row {
        workload: name,
        n,
        engine: "gatelet",
        surface,
        median_ns: time.median,
        min_ns: time.min,
        allocs,
        bytes,
    };
    let mut rows = Vec::new();
    let traffics = [
        ("decide, 32 principals", Traffic::new(workload, 32), 0),
        ("decide, 1,024 principals", Traffic::new(workload, 1_024), 0),
        ("decide, refused", Traffic::new(workload, 128).refused(), 0),
        ("decide, 8 headers", Traffic::new(workload, 32), 8),
    ];
    for (surface, traffic, headers) in traffics {
        let views = traffic.views();
        let requests: Vec<Request<'_>> = if headers == 0 {
            traffic.requests(&views).collect()
        } else {
            traffic.requests_with_headers(&views).collect()
        };
        let (time, allocs) = decisions(&engine, &traffic, &requests, budget)?;
        rows.push(row(surface, time, allocs, bytes));
    }
    let mut loaded = Ok(());
    let load = time(1, budget, || {
        if let Err(error) = gatelet_benches::measure::engine(text) {
            loaded = Err(error);
        }
    });
    loaded?;
    rows.push(row("load", load, 0.0, None));
    rows.push(row(
        "parse",
        time(1, budget, || {
            black_box(parse(text));
        }),
        0.0,
        None,
    ));
    rows.push(row("compile", time_compile(text, budget)?, 0.0, None));
    Ok(rows)
}

/// The answers are checked, then timed, then their allocations counted.
fn decisions(
    engine: &Engine,
    traffic: &Traffic,
    requests: &[Request<'_>],
    budget: Duration,
) -> Result<(Time, f64), Box<dyn Error>> {
    let mut scratch = engine.scratch();
    check(traffic, |number| {
        requests
            .get(number)
            .is_some_and(|request| engine.decide(&mut scratch, request).allowed())
    })?;
    let time = time(requests.len(), budget, || {
        black_box(decide_all(engine, &mut scratch, requests));
    });
    let count = allocations(|| {
        black_box(decide_all(engine, &mut scratch, requests));
    });
    if count != 0 {
        return Err(format!("{count} allocations in {} decisions", requests.len()).into());
    }
    Ok((time, count as f64 / requests.len() as f64))
}

fn cells(name: &str, n: usize, rows: &[Row]) -> Vec<String> {
    let ns = |row: &Row| format!("{:.1} ({:.1})", row.median_ns, row.min_ns);
    let ms = |row: &Row| format!("{:.1} ({:.1})", row.median_ns / 1e6, row.min_ns / 1e6);
    let of = |surface: &str, show: &dyn Fn(&Row) -> String| {
        rows.iter()
            .find(|row| row.surface == surface)
            .map_or_else(String::new, show)
    };
    let per_rule = |bytes: usize| format!("{:.0}", bytes as f64 / n as f64);
    let bytes = rows.first().and_then(|row| row.bytes);
    vec![
        name.to_owned(),
        n.to_string(),
        of("decide, 32 principals", &ns),
        of("decide, 1,024 principals", &ns),
        of("decide, refused", &ns),
        of("decide, 8 headers", &ns),
        of("decide, 32 principals", &|row| format!("{}", row.allocs)),
        bytes.map_or_else(String::new, |bytes| per_rule(bytes.index)),
        bytes.map_or_else(String::new, |bytes| per_rule(bytes.detail)),
        of("load", &ms),
        of("parse", &ms),
        of("compile", &ms),
    ]
}
