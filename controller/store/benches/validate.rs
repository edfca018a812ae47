//! What it costs to read and to judge large objects and hostile ones, as `heddlectl validate` and the webhook do.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write as _;

use criterion::{Criterion, criterion_group, criterion_main};
use heddle_crds::validate;
use heddle_yaml::{Schema, read};

const HEAD: &str = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a, namespace: \
    shop}\nspec:\n  hosts: [a]\n";

/// A VirtualService of 10,000 lines: ten a route, a thousand routes.
fn large() -> String {
    let mut text = format!("{HEAD}  http:\n");
    for number in 0..1000 {
        writeln!(
            text,
            "  - name: r{number}\n    match:\n    - uri:\n        prefix: /p{number}/\n      headers:\n        \
             x-user:\n          regex: \"[a-z]+[0-9]{{1,9}}\"\n\
             \x20   route:\n    - destination:\n        host: a.shop.svc.cluster.local"
        )
        .unwrap();
    }
    assert!(text.lines().count() >= 10_000);
    text
}

/// A pattern of a mebibyte.
fn pattern() -> String {
    format!(
        "{HEAD}  http:\n  - match: [{{uri: {{regex: \"{}\"}}}}]\n    route: [{{destination: {{host: a}}}}]\n",
        "(a".repeat(1 << 19)
    )
}

fn deep() -> String {
    format!("{HEAD}  http: {}{}\n", "[".repeat(10_000), "]".repeat(10_000))
}

fn judged(text: &str) -> usize {
    let documents = read(text.as_bytes(), Schema::Yaml11);
    documents.iter().map(|d| d.content.as_ref().map_or(1, |value| validate::object(value).len())).sum()
}

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("validate");
    let text = large();
    let value = read(text.as_bytes(), Schema::Yaml11).remove(0).content.unwrap();
    assert_eq!(validate::object(&value), []);
    group.bench_function("10,000 lines, judged", |b| b.iter(|| validate::object(&value)));
    group.bench_function("10,000 lines, read and judged", |b| b.iter(|| judged(&text)));
    for (name, text) in [("pattern of 1 MiB", pattern()), ("10,000 levels", deep())] {
        assert!(judged(&text) > 0);
        group.bench_function(format!("{name}, read and refused"), |b| b.iter(|| judged(&text)));
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
