//! `cargo bench --bench load`: from text to policy, and what of it the YAML parser takes.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gatelet::{Policy, Source};
use gatelet_benches::measure::parse;
use gatelet_benches::{SIZES, Shape, Workload};

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load");
    group.sample_size(10);
    for shape in [Shape::R, Shape::X] {
        for n in SIZES {
            let workload = Workload::new(shape, n);
            for (name, text) in [
                (shape.name(), Some(workload.policy())),
                ("A", workload.policy_by_actions()),
            ] {
                let Some(text) = text else { continue };
                let source = Source::new("bench.yaml", text.as_bytes());
                assert!(Policy::load(&[source]).is_ok(), "{name} {n} is refused");
                group.throughput(Throughput::Elements(n as u64));
                group.bench_function(BenchmarkId::new(format!("{name}/load"), n), |bencher| {
                    bencher.iter(|| Policy::load(&[source]))
                });
                group.bench_function(
                    BenchmarkId::new(format!("{name}/parse only"), n),
                    |bencher| bencher.iter(|| parse(&text)),
                );
            }
        }
    }
    group.finish();
}

criterion_group!(benches, load);
criterion_main!(benches);
