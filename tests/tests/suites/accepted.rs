//! What compile takes, `validate` accepts: objects that work in a file must not be refused by the webhook.
//!
//! The objects are those of compile's own tests, of the examples and samples, and the scenarios of the suites.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use heddle_tests::product;
use serde_json::Value;

/// Folders with objects.
const FOLDERS: [&str; 5] = [
    "controller/compile/tests/base",
    "controller/compile/tests/fields",
    "controller/compile/tests/golden",
    "deploy/samples/bookinfo",
    "docs/reference/examples",
];

/// Files that hold something else.
const OTHERS: [&str; 7] = [
    "/want/",
    "/proxy.yaml",
    "/proxies.yaml",
    "fields/mesh_config.yaml",
    "fields/mesh_config/",
    "fields/samples.yaml",
    "fields/exceptions.yaml",
];

/// Meshes with an object that is refused on purpose, and why compile has it all the same.
const REFUSED: [(&str, &str); 5] = [
    ("golden/authz/broken/", "a file may hold policies that cannot be read; they let nothing more pass"),
    ("golden/match/bad_regex/", "a file may hold patterns that RE2 does not know"),
    (
        "golden/gateway/refused_values/",
        "a file may hold values that Envoy refuses; the parts that have them are left out",
    ),
    ("golden/sidecar/one_address/", "a file may ask for one address twice; the older listener has it"),
    ("golden/route/timeout_retries/", "a file may switch the timeout off by 0s, which istiod's webhook refuses"),
];

#[test]
fn objects_of_our_own_tests_are_accepted() -> Result<()> {
    let (root, mut files) = (product::root()?, Vec::new());
    for folder in FOLDERS {
        collect(&root.join(folder), &mut files)?;
    }
    let path = |file: &PathBuf| file.display().to_string();
    files.retain(|file| !OTHERS.iter().any(|other| path(file).contains(other)));
    let (on_purpose, files): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| REFUSED.iter().any(|(name, _)| path(file).contains(name)));
    ensure!(files.len() > 150, "only {} files were found", files.len());
    ensure!(refusals(&files)?.is_empty(), "{}", refusals(&files)?.join("\n"));
    for file in on_purpose {
        ensure!(!refusals(std::slice::from_ref(&file))?.is_empty(), "{} is accepted: REFUSED names it", path(&file));
    }
    Ok(())
}

#[test]
fn objects_of_the_scenarios_are_accepted() -> Result<()> {
    let Some(suites) = super::suites()? else { return Ok(()) };
    let text = std::fs::read(suites.join("traffic-scenarios.json"))?;
    let scenarios: Vec<Value> = serde_json::from_slice(&text)?;
    let (written, mut files) = (tempfile::tempdir()?, Vec::new());
    for (at, config) in scenarios.iter().filter_map(|one| one["ConfigLiteral"].as_str()).enumerate() {
        let file = written.path().join(format!("{at}.yaml"));
        std::fs::write(&file, filled(config))?;
        files.push(file);
    }
    ensure!(!files.is_empty(), "no scenario has objects");
    let refusals = refusals(&files)?;
    ensure!(refusals.is_empty(), "{}", refusals.join("\n"));
    Ok(())
}

/// A template with its holes filled: shares by a number, all else by the name of a service. Lines that only steer the
/// template are left out.
fn filled(template: &str) -> String {
    let steers = |line: &&str| !(line.trim().starts_with("{{") && (line.contains("{{-") || line.contains(":=")));
    let mut out = String::new();
    for line in template.lines().filter(steers) {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("{{") {
            let (hole, after) = after.split_once("}}").unwrap_or((after, ""));
            out.push_str(before);
            out.push_str(if hole.contains("$split") { "1" } else { "web" });
            rest = after;
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}

/// The errors that `heddlectl validate` prints about files.
fn refusals(files: &[PathBuf]) -> Result<Vec<String>> {
    let mut command = product::heddlectl(["validate"])?;
    for file in files {
        command.arg("-f").arg(file);
    }
    let out = command.output()?;
    let said = String::from_utf8(out.stdout)? + &String::from_utf8(out.stderr)?;
    ensure!(said.contains(" accepted, "), "{said}");
    Ok(said.lines().filter(|line| line.contains("error: ")).map(ToOwned::to_owned).collect())
}

/// Adds the YAML files below a folder.
fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else if path.extension().is_some_and(|kind| kind == "yaml") {
            into.push(path);
        }
    }
    into.sort();
    Ok(())
}
