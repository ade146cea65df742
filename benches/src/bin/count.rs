//! Instructions per decision, counted by valgrind: the same in every run, whatever else the machine does.
//!
//! `count` runs itself under callgrind once for each workload and size and
//! prints a table; `count decide SHAPE N` is what it runs.

use gatelet::Request;
use gatelet_benches::measure::{check, decide_all, engine};
use gatelet_benches::{Bearers, SIZES, Shape, Traffic, Workload};
use std::error::Error;
use std::hint::black_box;
use std::process::Command;

const PRINCIPALS: usize = 32;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        [] => table(),
        ["decide", shape, n] => decide(shape, n.parse()?),
        _ => Err("usage: count [decide SHAPE N]".into()),
    }
}

fn workload(shape: &str, n: usize) -> Result<(Workload, String), Box<dyn Error>> {
    let workload = Workload::new(if shape == "X" { Shape::X } else { Shape::R }, n);
    let by_actions = (shape == "A").then(|| workload.policy_by_actions());
    let text = by_actions
        .unwrap_or_else(|| Some(workload.policy()))
        .ok_or("not to be said by actions")?;
    Ok((workload, text))
}

/// Decides everything once uncounted and once counted; prints how many decisions were counted.
fn decide(shape: &str, n: usize) -> Result<(), Box<dyn Error>> {
    let (workload, text) = workload(shape, n)?;
    let traffic = Traffic::new(&workload, PRINCIPALS);
    let views = traffic.views();
    let bearers = Bearers::new(&workload, &traffic);
    let (engine, requests): (_, Vec<Request<'_>>) = if shape == "T" {
        let requests = bearers.requests(&traffic, &views).collect();
        (bearers.engine()?, requests)
    } else {
        (engine(&text)?, traffic.requests(&views).collect())
    };
    let mut scratch = engine.scratch();
    check(&traffic, |number| {
        requests
            .get(number)
            .is_some_and(|request| engine.decide(&mut scratch, request).allowed())
    })?;
    black_box(decide_all(&engine, &mut scratch, &requests));
    println!("{}", requests.len());
    Ok(())
}

fn table() -> Result<(), Box<dyn Error>> {
    println!("instructions per decision, {PRINCIPALS} principals");
    // T is R with tokens that are remembered, instead of principals that the host vouches for.
    for shape in ["R", "T", "A", "X"] {
        let mut counts = Vec::new();
        for n in SIZES {
            let count = count(shape, n)?;
            print!("{shape} {n:>7}: {count:>6.0}   ");
            counts.push(count);
        }
        let ratio = |over: usize| {
            counts
                .last()
                .zip(counts.get(over))
                .map_or(f64::NAN, |(last, first)| last / first)
        };
        println!("100k/10: {:.3}   100k/1k: {:.3}", ratio(0), ratio(1));
    }
    Ok(())
}

/// Runs one workload under callgrind, which counts only within [`decide_all`].
fn count(shape: &str, n: usize) -> Result<f64, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=*decide_all*",
        ])
        .arg(std::env::current_exe()?)
        .args(["decide", shape, &n.to_string()])
        .output()
        .map_err(|error| format!("valgrind cannot be run ({error}): is it installed?"))?;
    let (said, log) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    if !output.status.success() {
        return Err(format!("valgrind failed: {log}").into());
    }
    let collected = log
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .ok_or("valgrind counted nothing")?;
    Ok(collected.1.trim().parse::<f64>()? / said.trim().parse::<f64>()?)
}
