//! Cases that others wrote, run by their own scripts when the folder `../shared/suites` (or `HEDDLE_SUITES`) is there.
//!
//! A suite prints one line with its score and is held to the floor of `tests/suites.toml`, which only rises. What the
//! simulation suite compiles must besides be the same bytes twice, and stock Envoy must accept it. What compile takes,
//! `validate` must accept.
#![allow(clippy::print_stdout)] // the lines of the scores

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use heddle_tests::cluster;
use heddle_tests::envoy::{self, Config};
use heddle_tests::product;
use serde_json::Value;

#[path = "suites/accepted.rs"]
mod accepted;
#[path = "suites/floor.rs"]
mod floor;

use floor::{Floor, Score};

#[test]
fn simulation() -> Result<()> {
    let Some(suites) = suites()? else { return Ok(()) };
    let ours = product::binary("heddlectl")?;
    let command = format!("{} compile --config-dir {{dir}} --node {{node}} -o json", ours.display());
    let out = python(&suites.join("simeval.py"), &["--cmd", &command])?;
    Floor::of("simulation")?.hold(&Score::read("simulation", &out)?)
}

#[test]
fn validation() -> Result<()> {
    let Some(suites) = suites()? else { return Ok(()) };
    if !has_command("validate")? {
        println!("validation: no `heddlectl validate` yet");
        return Ok(());
    }
    let command = format!("{} validate -f {{input}}", product::binary("heddlectl")?.display());
    let out = python(&suites.join("check.py"), &["validate", "--cmd", &command])?;
    Floor::of("validation")?.hold(&Score::read("validation", &out)?)
}

#[test]
fn analyzers() -> Result<()> {
    let Some(suites) = suites()? else { return Ok(()) };
    // The script passes no mesh networks. One case needs them, and no other case reads them.
    let networks = suites.join("data/pkg/config/analysis/analyzers/testdata/common/meshnetworks.yaml");
    let ours = product::binary("heddlectl")?;
    let command = format!(
        "{} analyze --only {{analyzer}} {{mesh}} --mesh-networks {} -o json {{inputs}}",
        ours.display(),
        networks.display()
    );
    let out = python(&suites.join("check.py"), &["analyze", "--cmd", &command])?;
    Floor::of("analyzers")?.hold(&Score::read("analyzers", &out)?)
}

#[test]
fn definitions() -> Result<()> {
    let Some(suites) = suites()? else { return Ok(()) };
    let said = cluster::shared(async |cluster| {
        cluster.install_crds()?;
        let mut check = cluster.command(interpreter()?);
        check.arg(suites.join("check.py")).args(["crd", "--cmd", "kubectl apply --dry-run=server -f {input}"]);
        said(&mut check)
    })?;
    Floor::of("definitions")?.hold(&Score::read("definitions", &said)?)
}

/// Pods injected offline, by the case and by each thing compared.
#[test]
fn injection() -> Result<()> {
    let Some(suites) = suites()? else { return Ok(()) };
    let ours = product::binary("heddlectl")?;
    let command = format!("{} kube-inject -f {{input}} --mesh-config {{mesh}} --values {{values}}", ours.display());
    let out = python(&suites.join("injectdiff.py"), &["--cmd", &command])?;
    let points = out.lines().find_map(|line| line.strip_prefix("points ")?.split_once(';')).context("no points")?.0;
    let (passed, of) = points.split_once(" of ").context("points of how many")?;
    let (passed, of) = (passed.parse()?, of.parse()?);
    let points = Score { suite: "injection-points".to_owned(), passed, of, ..Score::default() };
    Floor::of("injection-points")?.hold(&points)?;
    Floor::of("injection")?.hold(&Score::read("injection", &out)?)
}

/// Every output of the simulation suite, on stock Envoy: accepted, with all routes that its listeners ask for, and the
/// same bytes twice.
#[test]
fn simulation_outputs_are_valid() -> Result<()> {
    let Some(suites) = suites()? else { return Ok(()) };
    let (mut configs, mut wrong) = (Vec::new(), Vec::new());
    for case in children(&suites.join("simulation"))? {
        let name = case.file_name().context("a case has a name")?.to_string_lossy().into_owned();
        match compiled(&case) {
            Ok(bootstrap) => configs.push(Config { name, bootstrap }),
            Err(error) => wrong.push((name, format!("{error:#}"))),
        }
    }
    let cases = configs.len() + wrong.len();
    wrong.extend(envoy::validate(&configs)?);
    let floor = Floor::of("simulation-outputs")?;
    let score =
        Score { suite: "simulation-outputs".to_owned(), passed: cases - wrong.len(), of: cases, ..Score::default() };
    floor.hold(&score.with_misses(wrong.iter().map(|(name, reason)| format!("{name}: {reason}"))))
}

/// Compiles a case twice and makes a bootstrap of the output.
fn compiled(case: &Path) -> Result<Value> {
    let folder = tempfile::tempdir()?;
    for file in ["config.yaml", "kube.yaml", "mesh.yaml"].map(|file| case.join(file)) {
        if let (true, Some(name)) = (file.exists(), file.file_name()) {
            std::fs::copy(&file, folder.path().join(name))?;
        }
    }
    let settings: Value = serde_json::from_slice(&std::fs::read(case.join("case.json"))?)?;
    let environment = settings["env"].as_object().cloned().unwrap_or_default();
    let node = case.join("node.json");
    let start = || -> Result<Child> {
        let mut command = product::heddlectl(["compile", "-o", "json"])?;
        command.arg("--config-dir").arg(folder.path()).arg("--node").arg(&node);
        command.envs(environment.iter().filter_map(|(key, value)| Some((key, value.as_str()?))));
        Ok(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
    };
    let (first, second) = (start()?, start()?);
    let (first, second) = (printed(first)?, printed(second)?);
    ensure!(first == second, "two compiles differ");
    envoy::from_resources(&serde_json::from_slice(&std::fs::read(&node)?)?, &serde_json::from_slice(&first)?)
}

/// What a program printed, when it ended well.
fn printed(running: Child) -> Result<Vec<u8>> {
    let out = running.wait_with_output()?;
    ensure!(out.status.success(), "{}: {}", out.status, String::from_utf8_lossy(&out.stderr).trim());
    Ok(out.stdout)
}

/// The folder of the suites; none, and a line that says so, when it is not there.
fn suites() -> Result<Option<PathBuf>> {
    let folder = match std::env::var_os("HEDDLE_SUITES") {
        Some(folder) => PathBuf::from(folder),
        None => product::root()?.join("../shared/suites"),
    };
    if folder.is_dir() {
        return Ok(Some(folder));
    }
    println!("{} is not there: nothing to run", folder.display());
    Ok(None)
}

fn has_command(name: &str) -> Result<bool> {
    Ok(product::heddlectl([name, "--help"])?.output()?.status.success())
}

/// Runs one of the given scripts.
fn python(script: &Path, arguments: &[&str]) -> Result<String> {
    said(Command::new(interpreter()?).arg(script).args(arguments))
}

/// What a script said; it fails when a case does, so only its words count.
fn said(script: &mut Command) -> Result<String> {
    let out = script.output().with_context(|| format!("run {}", script.get_program().display()))?;
    let said = String::from_utf8(out.stdout)?;
    ensure!(!said.is_empty(), "{script:?}: {}", String::from_utf8_lossy(&out.stderr));
    Ok(said)
}

fn interpreter() -> Result<PathBuf> {
    let ours = envoy::cache_folder()?.join("venv/bin/python3");
    Ok(if ours.is_file() { ours } else { PathBuf::from("python3") })
}

fn children(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut folders: Vec<_> = entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}
