//! Every committed input once more, without libFuzzer: the corpora, and under `regressions/` what was ever found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test's report

use std::path::{Path, PathBuf};

use heddle_fuzz::TARGETS;

#[test]
fn nothing_is_found_again() {
    for (name, target) in TARGETS {
        for folder in ["corpus", "regressions"] {
            for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name)) {
                let input = std::fs::read(&file).unwrap();
                let came_back = std::panic::catch_unwind(|| target(&input));
                assert!(came_back.is_ok(), "heddle-fuzz replay {name} {} finds something", file.display());
            }
        }
    }
}

#[test]
fn each_target_has_a_corpus() {
    for (name, _) in TARGETS {
        let files = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name));
        assert!(files.len() >= 10, "corpus/{name} has {} inputs; make fuzz-corpus", files.len());
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
