//! Envoy accepts what is compiled of random meshes (`heddle_fuzz::hostile`). Many cases share one Envoy.
//!
//! `HEDDLE_HOSTILE_MESHES` is how many meshes there are (1000; `make soak`: 100000), `HEDDLE_HOSTILE_SEED` the first
//! seed (1). A run of more seconds than `HEDDLE_HOSTILE_SECONDS` ends early, and prints the seed that it has not
//! looked at.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)] // a test's report

#[path = "envoy_accepts/batch.rs"]
mod batch;

use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use heddle_fuzz::hostile::{self, Case};

/// Meshes that share an Envoy.
const BATCH: u64 = 25;
/// Findings after which a run ends.
const MANY: usize = 20;

#[test]
fn envoy_accepts_random_meshes() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (first, meshes) = (number("HEDDLE_HOSTILE_SEED", 1), number("HEDDLE_HOSTILE_MESHES", 1000));
    let (end, start) = (first + meshes, Instant::now());
    let limit = Duration::from_secs(number("HEDDLE_HOSTILE_SECONDS", u64::MAX));
    let (next, found) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while found.lock().unwrap().len() < MANY && start.elapsed() < limit {
                    let from = next.fetch_add(BATCH, Ordering::Relaxed);
                    if from >= end {
                        break;
                    }
                    let wrong = judge(from..(from + BATCH).min(end));
                    found.lock().unwrap().extend(wrong);
                }
            });
        }
    });
    let seed = next.into_inner().min(end);
    println!("{} meshes in {:?}, the next seed is {seed}", seed - first, start.elapsed());
    let mut found = found.into_inner().unwrap();
    found.sort();
    let (count, found) = (found.len(), found.join("\n"));
    assert!(found.is_empty(), "{count} findings; `heddle-fuzz mesh SEED` prints the objects\n{found}");
}

/// A run of this many meshes puts a hostile value into every field of every kind.
#[test]
fn a_run_reaches_every_field() {
    assert!(hostile::fields() <= 1000 * hostile::HOSTILE_FIELDS, "there are {} fields", hostile::fields());
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
