//! Envoy accepts what is compiled of random meshes (`heddle_fuzz::hostile`). Many cases share one Envoy, which costs
//! some milliseconds a case.
//!
//! `HEDDLE_HOSTILE_MESHES` is how many meshes there are (200; `make soak`: 100000). `HEDDLE_HOSTILE_SEED` is the first
//! seed (1).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test's report

#[path = "envoy_accepts/batch.rs"]
mod batch;

use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use heddle_fuzz::hostile::{self, Case};

/// Meshes that share an Envoy.
const BATCH: u64 = 25;
/// Findings after which a run ends.
const MANY: usize = 20;

#[test]
fn envoy_accepts_random_meshes() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (first, meshes) = (number("HEDDLE_HOSTILE_SEED", 1), number("HEDDLE_HOSTILE_MESHES", 200));
    let (next, found) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let from = next.fetch_add(BATCH, Ordering::Relaxed);
                    let to = (from + BATCH).min(first + meshes);
                    if from >= to || found.lock().unwrap().len() >= MANY {
                        break;
                    }
                    let wrong = judge(from..to);
                    found.lock().unwrap().extend(wrong);
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort();
    assert!(
        found.is_empty(),
        "{} findings; `heddle-fuzz mesh SEED` prints the objects\n{}",
        found.len(),
        found.join("\n")
    );
}

/// What is wrong with the meshes of some seeds.
fn judge(seeds: std::ops::Range<u64>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut cases: Vec<Case> = Vec::new();
    for seed in seeds {
        match catch_unwind(|| hostile::compile(seed)) {
            Ok(of_seed) => cases.extend(of_seed),
            Err(said) => {
                let said = said.downcast_ref::<String>().cloned().unwrap_or_default();
                wrong.push(format!("seed {seed}: the lint finds {said}"));
            }
        }
    }
    wrong.extend(batch::refused(&cases).unwrap().into_iter().map(|(name, reason)| format!("{name}: {reason}")));
    wrong
}
