//! Golden cases: a mesh, a proxy, and what that proxy must get. A folder a case, all run by one `check()`.
//!
//! `golden/<noun>/<case>/mesh.yaml` holds the objects that the case is about, on top of `base/shop.yaml`; `proxy.yaml`
//! names a proxy of `base/proxies.yaml` or has a `node` of its own, and says what of the output to `show`; `want/`
//! holds that output. `UPDATE_GOLDEN=1` writes `want/`: read the difference before you commit it. Every case is
//! compiled twice from nothing and must give the same bytes, and no name in its whole output may lead nowhere.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test's report

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

#[path = "golden_run/compile.rs"]
mod compile;
#[path = "golden_run/dangling.rs"]
mod dangling;
#[path = "golden_run/difference.rs"]
mod difference;
#[path = "golden_run/show.rs"]
mod show;

use show::Show;

/// What a proxy gets, by kind (`clusters`, `endpoints`, `listeners`, `routes`, `secrets`), and what was found wrong.
type Output = BTreeMap<&'static str, Vec<Value>>;

#[test]
fn golden() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let only = std::env::var_os("GOLDEN").unwrap_or_default().to_string_lossy().into_owned();
    let cases: Vec<_> = folders(&root).iter().flat_map(|group| folders(group)).collect();
    let name = |case: &Path| case.strip_prefix(&root).expect("below the root").display().to_string();
    let cases: Vec<_> = cases.into_iter().filter(|case| name(case).contains(&only)).collect();
    let wrong = every(&cases, |case| check(case, update).err().map(|wrong| format!("=== {}\n{wrong}", name(case))));
    assert!(
        wrong.is_empty(),
        "{} of {} cases differ (UPDATE_GOLDEN=1 writes what is seen; GOLDEN=<part of a name> runs some)\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    assert!(cases.len() >= 60 || !only.is_empty(), "only {} cases were found under {}", cases.len(), root.display());
}

/// What `run` finds in each case, in order; on all processors.
fn every(cases: &[PathBuf], run: impl Fn(&Path) -> Option<String> + Sync) -> Vec<String> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let next = AtomicUsize::new(0);
    let mut found: Vec<(usize, String)> = std::thread::scope(|scope| {
        let work = || {
            let turns = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)));
            let mine = turns.take_while(|index| *index < cases.len());
            mine.filter_map(|index| Some((index, run(&cases[index])?))).collect::<Vec<_>>()
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("a case panicked")).collect()
    });
    found.sort();
    found.into_iter().map(|(_, wrong)| wrong).collect()
}

/// Runs a case; what is wrong with it is the error.
fn check(case: &Path, update: bool) -> Result<(), String> {
    let show = Show::read(case)?;
    let output = compile::run(&show.mesh, &show.node)?;
    if output != compile::run(&show.mesh, &show.node)? {
        return Err("two compiles differ".to_owned());
    }
    let mut wrong = dangling::names(&output);
    wrong.retain(|name| !show.dangling.iter().any(|meant| name.cluster.as_ref() == Some(meant)));
    let mut wrong: Vec<_> = wrong.into_iter().map(|name| name.what).collect();
    let seen = show.select(&output);
    if update {
        write(&case.join("want"), &seen);
    }
    wrong.extend(compare(&case.join("want"), &seen));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn write(want: &Path, seen: &BTreeMap<String, String>) {
    let _ = std::fs::remove_dir_all(want);
    std::fs::create_dir_all(want).expect("make want/");
    for (file, text) in seen {
        std::fs::write(want.join(file), text).expect("write want/");
    }
}

fn compare(want: &Path, seen: &BTreeMap<String, String>) -> Vec<String> {
    let files = std::fs::read_dir(want).map(|entries| entries.flatten().map(|entry| entry.path()).collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for stale in files.unwrap_or_default() {
        let name = stale.file_name().expect("a file has a name").to_string_lossy().into_owned();
        if !seen.contains_key(&name) {
            wrong.push(format!("want/{name}: nothing of the kind is seen"));
        }
    }
    for (file, text) in seen {
        let wanted = std::fs::read_to_string(want.join(file)).unwrap_or_default();
        if &wanted != text {
            wrong.push(format!("--- want/{file}\n{}", difference::lines(&wanted, text)));
        }
    }
    wrong
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
    let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}
