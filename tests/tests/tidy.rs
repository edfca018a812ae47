//! The tree's own rules: who imports whom, how long things are, how they are named, and what must not be there.
//!
//! The rules' numbers and names, and the few exceptions with their reasons, are in `tidy.toml` beside this file. What
//! breaks one is printed as `path:line: [rule] what is wrong; how to mend it`.
#![allow(clippy::expect_used, clippy::panic, reason = "without the tree there is nothing to check")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{Metadata, MetadataCommand};

#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/lines.rs"]
mod lines;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/text.rs"]
mod text;
#[path = "tidy/tree.rs"]
mod tree;

use rules::{Rules, Violation};

#[test]
fn imports_follow_the_table() {
    settle(&["import", "foreign", "pure", "member", "inherit"], |rules| imports::check(&root(), &metadata(), rules));
}

#[test]
fn the_tree_is_in_order() {
    settle(&["top", "children", "name", "mod-file", "file-lines"], |rules| tree::check(&files(), rules, read));
}

#[test]
fn sources_are_in_order() {
    let sources: Vec<_> = files().into_iter().filter(|path| has_ending(path, "rs")).collect();
    settle(&["first-line", "function-lines", "ignored", "unfinished", "parse"], |rules| {
        source::check(&sources, rules, read)
    });
}

#[test]
fn names_that_were_made_here_stay_values() {
    settle(&["text"], |rules| text::check(&files(), rules, read));
}

#[test]
fn lines_and_words_are_in_order() {
    settle(&["line-columns", "picture"], |rules| lines::check(&files(), rules, read));
}

#[test]
fn exceptions_name_a_rule_and_a_reason() {
    let known = [
        "import",
        "foreign",
        "pure",
        "member",
        "inherit",
        "top",
        "children",
        "name",
        "mod-file",
        "file-lines",
        "first-line",
        "function-lines",
        "ignored",
        "unfinished",
        "line-columns",
        "picture",
    ];
    for exception in &rules().except {
        assert!(known.contains(&exception.rule.as_str()), "tidy.toml: no rule is called {}", exception.rule);
        assert!(exception.reason.split_whitespace().count() >= 4, "tidy.toml: say why {} is excepted", exception.path);
    }
}

/// Runs a check, takes the exceptions of `owned` rules away, and fails on what is left: violations, and exceptions
/// that no violation needs any more.
fn settle(owned: &[&str], check: impl Fn(&Rules) -> Vec<Violation>) {
    let rules = rules();
    let (excused, mut report) = (check(&rules), String::new());
    let left: Vec<_> =
        excused.iter().filter(|violation| !rules.except.iter().any(|one| one.covers(violation))).collect();
    for violation in &left {
        let _ = writeln!(report, "{violation}");
    }
    for exception in rules.except.iter().filter(|one| owned.contains(&one.rule.as_str())) {
        if !excused.iter().any(|violation| exception.covers(violation)) {
            let _ = writeln!(
                report,
                "tests/tests/tidy.toml: [{}] {} needs no exception any more; take it out",
                exception.rule, exception.path
            );
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("tests/ lies in the workspace").to_owned()
}

fn rules() -> Rules {
    toml::from_str(&read("tests/tests/tidy.toml")).expect("tidy.toml")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().expect("cargo metadata")
}

fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == ending)
}

/// Every file that is, or would be, committed: paths relative to the root, sorted. What is deleted but not yet staged
/// is left out.
fn files() -> Vec<String> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]).current_dir(root());
    let out = git.output().expect("git, to know which files belong to the tree");
    assert!(out.status.success(), "git ls-files: {}", String::from_utf8_lossy(&out.stderr));
    let names = String::from_utf8(out.stdout).expect("file names in UTF-8");
    let mut files: Vec<_> = names.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    files.retain(|path| root().join(path).exists());
    files.sort();
    files
}
