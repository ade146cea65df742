//! What a remembered token costs within a decision: the same requests with principals that the host vouches for, and with tokens.

use gatelet::{Engine, Request};
use gatelet_benches::measure::{allocations, check, decide_all, engine, time};
use gatelet_benches::{Bearers, Shape, Traffic, Workload};
use std::error::Error;
use std::time::Duration;

const BUDGET: Duration = Duration::from_millis(500);

fn main() -> Result<(), Box<dyn Error>> {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::ASCII_MARKDOWN);
    table.set_header([
        "rules",
        "principals",
        "by the host, ns",
        "by token, ns",
        "more",
        "allocations",
    ]);
    for n in [10, 1_000, 10_000] {
        for people in [32, 1_024] {
            let workload = Workload::new(Shape::R, n);
            let traffic = Traffic::new(&workload, people);
            let views = traffic.views();
            let bearers = Bearers::new(&workload, &traffic);
            let given: Vec<Request<'_>> = traffic.requests(&views).collect();
            let borne: Vec<Request<'_>> = bearers.requests(&traffic, &views).collect();
            let (by_host, _) = measured(&engine(&workload.policy())?, &traffic, &given)?;
            let (by_token, asked) = measured(&bearers.engine()?, &traffic, &borne)?;
            table.add_row([
                n.to_string(),
                people.to_string(),
                format!("{by_host:.1}"),
                format!("{by_token:.1}"),
                format!("{:.1}", by_token - by_host),
                asked.to_string(),
            ]);
        }
    }
    println!("{table}");
    Ok(())
}

/// Nanoseconds of a decision, the median, and how often all of them ask for memory.
fn measured(
    engine: &Engine,
    traffic: &Traffic,
    requests: &[Request<'_>],
) -> Result<(f64, u64), Box<dyn Error>> {
    let mut scratch = engine.scratch();
    check(traffic, |number| {
        let request = requests.get(number);
        request.is_some_and(|request| engine.decide(&mut scratch, request).allowed())
    })?;
    let mut all = || {
        decide_all(engine, &mut scratch, requests);
    };
    let median = time(requests.len(), BUDGET, &mut all).median;
    Ok((median, allocations(&mut all)))
}
