//! `cargo bench --bench decide`: one decision, by workload, size and traffic.

use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
    measurement::WallTime,
};
use gatelet::{Engine, Request};
use gatelet_benches::measure::{allocations, check, decide_all, engine};
use gatelet_benches::{SIZES, Shape, Traffic, Workload};
use std::hint::black_box;

fn bench(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    engine: &Engine,
    traffic: &Traffic,
    requests: &[Request<'_>],
) {
    let mut scratch = engine.scratch();
    let checked = check(traffic, |number| {
        requests
            .get(number)
            .is_some_and(|request| engine.decide(&mut scratch, request).allowed())
    });
    assert!(checked.is_ok(), "{name}: {checked:?}");
    let count = allocations(|| {
        black_box(decide_all(engine, &mut scratch, requests));
    });
    assert_eq!(count, 0, "{name} allocates");
    group.throughput(Throughput::Elements(requests.len() as u64));
    group.bench_function(BenchmarkId::new(name, requests.len()), |bencher| {
        bencher.iter(|| decide_all(engine, &mut scratch, requests))
    });
}

fn decide(criterion: &mut Criterion) {
    for shape in [Shape::R, Shape::X] {
        for n in SIZES {
            let workload = Workload::new(shape, n);
            let by_actions = workload.policy_by_actions();
            for (name, text) in [(shape.name(), Some(workload.policy())), ("A", by_actions)] {
                let Some(engine) = text.and_then(|text| engine(&text).ok()) else {
                    continue;
                };
                let mut group = criterion.benchmark_group(format!("decide/{name}/{n}"));
                for (name, traffic) in [
                    ("32 principals", Traffic::new(&workload, 32)),
                    ("1024 principals", Traffic::new(&workload, 1_024)),
                    ("refused", Traffic::new(&workload, 128).refused()),
                ] {
                    let views = traffic.views();
                    let requests: Vec<_> = traffic.requests(&views).collect();
                    bench(&mut group, name, &engine, &traffic, &requests);
                }
                let traffic = Traffic::new(&workload, 32);
                let views = traffic.views();
                let requests: Vec<_> = traffic.requests_with_headers(&views).collect();
                bench(&mut group, "8 headers", &engine, &traffic, &requests);
                group.finish();
            }
        }
    }
}

criterion_group!(benches, decide);
criterion_main!(benches);
