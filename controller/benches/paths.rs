//! What a change costs on its way, stage by stage, at two sizes of the mesh: `cargo bench -p heddled`.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "paths/mesh.rs"]
mod mesh;
#[path = "paths/stages.rs"]
mod stages;

use criterion::{Criterion, criterion_group, criterion_main};

fn paths(criterion: &mut Criterion) {
    for services in [300, 1000] {
        for (name, make) in stages::ALL {
            let mut work = make(services);
            criterion.bench_function(&format!("{name}/{services}"), |bench| bench.iter(&mut work));
        }
    }
}

criterion_group! {
    name = all;
    config = Criterion::default().sample_size(20);
    targets = paths
}
criterion_main!(all);
