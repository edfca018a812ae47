//! How many instructions each stage of a change takes, held against a recorded ceiling.
//!
//! Times on a shared machine say little; instructions of a known piece of work are nearly the same each time, so that a
//! look-up that became a walk shows at once. They are those of the build that tests use. `UPDATE_CEILINGS=1` writes the
//! ceilings anew, 3 % above what was counted.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

#[path = "../benches/paths/mesh.rs"]
mod mesh;
#[path = "../benches/paths/stages.rs"]
mod stages;

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};
use std::{env, fs};

use stages::{Stage, Work};

/// Which stage this process is to run, under callgrind.
const STAGE: &str = "HEDDLE_STAGE";
/// Services of the mesh: few, because all that makes the mesh is counted through too, if not counted.
const SERVICES: usize = 40;
const CEILINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/instructions.json");

/// Instructions by stage.
type Counts = BTreeMap<String, u64>;

fn main() -> ExitCode {
    if let Ok(name) = env::var(STAGE) {
        let (_, make) = stages::ALL.into_iter().find(|(stage, _)| *stage == name).unwrap();
        let mut work = make(SERVICES);
        // Once before, so that nothing is counted that is done but once.
        work();
        collected(&mut work);
        return ExitCode::SUCCESS;
    }
    if env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let counts = count_all();
    if env::var_os("UPDATE_CEILINGS").is_some() {
        let ceilings: Counts = counts.iter().map(|(stage, count)| (stage.clone(), count + count * 3 / 100)).collect();
        fs::write(CEILINGS, serde_json::to_string_pretty(&ceilings).unwrap() + "\n").unwrap();
        return ExitCode::SUCCESS;
    }
    let ceilings: Counts = serde_json::from_str(&fs::read_to_string(CEILINGS).unwrap()).unwrap();
    let mut within = ceilings.len() == counts.len();
    for (stage, count) in &counts {
        let ceiling = ceilings.get(stage).copied().unwrap_or(0);
        let verdict = if *count <= ceiling { "ok" } else { "OVER ITS CEILING" };
        println!("{stage}: {count} instructions of {ceiling}: {verdict}");
        within &= *count <= ceiling;
    }
    if within {
        return ExitCode::SUCCESS;
    }
    println!(
        "A stage does more work than was recorded. If it must, run with UPDATE_CEILINGS=1 and say why in the commit."
    );
    ExitCode::FAILURE
}

/// What callgrind collects: nothing else.
#[inline(never)]
fn collected(work: &mut Work) {
    work();
}

fn count_all() -> Counts {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = stages::ALL.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let part = |part: &'static [Stage]| {
            scope.spawn(move || part.iter().map(|(stage, _)| ((*stage).to_owned(), count(stage))).collect::<Vec<_>>())
        };
        let running: Vec<_> = stages::ALL.chunks(share).map(part).collect();
        running.into_iter().flat_map(|one| one.join().unwrap()).collect()
    })
}

fn count(stage: &str) -> u64 {
    let out = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=instructions::collected*"])
        .arg(env::current_exe().unwrap())
        .env(STAGE, stage)
        .output()
        .unwrap_or_else(|error| {
            panic!("valgrind, which counts instructions, does not run: {error}: apt-get install valgrind")
        });
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{stage}: {said}");
    let collected =
        said.lines().find_map(|line| line.split_once("Collected :")).unwrap_or_else(|| panic!("{stage}: {said}"));
    let count: u64 = collected.1.trim().parse().unwrap();
    assert!(count > 0, "{stage}: nothing was counted: {said}");
    count
}
