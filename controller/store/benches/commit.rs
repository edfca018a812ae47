//! What a commit costs after one change, by the size of the mesh.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use heddle_store::{Event, Object, Settings, SourceId, Store, documents};

fn objects(yaml: &str) -> Vec<Object> {
    let (objects, issues) = documents(yaml.as_bytes());
    assert_eq!(issues, []);
    objects
}

/// Makes the YAML of the nth object in one of its versions.
type Make = fn(usize, usize) -> String;

/// A service with two pods, a VirtualService and a DestinationRule, 50 services a namespace.
fn one(i: usize) -> String {
    let (ns, a, b) = (format!("ns{}", i / 50), i / 250, i % 250 + 1);
    format!(
        "
---
{{apiVersion: v1, kind: Service, metadata: {{name: s{i}, namespace: {ns}}}, spec: {{clusterIP: 10.0.{a}.{b}, ports: \
[{{name: http, port: 80}}]}}}}
---
{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: s{i}, namespace: {ns}, labels: \
{{kubernetes.io/service-name: s{i}}}}}, addressType: IPv4, ports: [{{name: http, port: 80}}], endpoints: [{{addresses: \
[10.1.{a}.{b}]}}, {{addresses: [10.2.{a}.{b}]}}]}}
---
{{apiVersion: v1, kind: Pod, metadata: {{name: p{i}, namespace: {ns}, labels: {{app: s{i}, version: v1}}}}, status: \
{{podIP: 10.1.{a}.{b}}}}}
---
{{apiVersion: v1, kind: Pod, metadata: {{name: q{i}, namespace: {ns}, labels: {{app: s{i}, version: v2}}}}, status: \
{{podIP: 10.2.{a}.{b}}}}}
---
{{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {{name: d{i}, namespace: {ns}}}, spec: {{host: \
s{i}, subsets: [{{name: v1, labels: {{version: v1}}}}]}}}}
{}",
        route(i, 1)
    )
}

fn route(i: usize, weight: usize) -> String {
    let ns = format!("ns{}", i / 50);
    format!(
        "
---
{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: v{i}, namespace: {ns}}}, spec: {{hosts: \
[s{i}], http: [{{route: [{{destination: {{host: s{i}, subset: v1}}, weight: {weight}}}]}}]}}}}
"
    )
}

fn slice(i: usize, address: usize) -> String {
    let ns = format!("ns{}", i / 50);
    format!(
        "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: s{i}, namespace: {ns}, labels: \
         {{kubernetes.io/service-name: s{i}}}}}, addressType: IPv4, ports: [{{name: http, port: 80}}], endpoints: \
         [{{addresses: [10.9.0.{address}]}}]}}"
    )
}

fn pod(i: usize, version: usize) -> String {
    let (ns, a, b) = (format!("ns{}", i / 50), i / 250, i % 250 + 1);
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: p{i}, namespace: {ns}, labels: {{version: v{version}}}}}, \
         status: {{podIP: 10.1.{a}.{b}}}}}"
    )
}

fn store(size: usize) -> Store {
    let mut store = Store::new(Settings::default());
    for i in 0..size {
        for object in objects(&one(i)) {
            store.apply(Event::Apply(SourceId::Files, Box::new(object)));
        }
    }
    assert_eq!(store.commit().services.len(), size);
    store
}

fn commit(c: &mut Criterion) {
    for size in [1_000, 10_000] {
        let mut store = store(size);
        let mut turn = 0;
        let mut group = c.benchmark_group("commit");
        let kinds: [(&str, Make); 3] = [("VirtualService", route), ("EndpointSlice", slice), ("Pod", pod)];
        for (kind, yaml) in kinds {
            group.bench_function(BenchmarkId::new(kind, size), |b| {
                b.iter_batched(
                    || {
                        turn += 1;
                        objects(&yaml(size / 2, turn % 200 + 1)).into_iter().next().unwrap()
                    },
                    |object| {
                        store.apply(Event::Apply(SourceId::Files, Box::new(object)));
                        store.commit()
                    },
                    BatchSize::SmallInput,
                );
            });
        }
    }
    c.bench_function("documents/1000", |b| {
        let text: String = (0..200).map(one).collect();
        b.iter(|| documents(text.as_bytes()));
    });
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = commit }
criterion_main!(benches);
