//! Every golden case of compile on stock Envoy: what `heddlectl` prints for it is the same bytes twice, and Envoy
//! accepts it.
//!
//! The cases are those of `controller/compile/tests/golden.rs`, which compares them with what is wanted.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, ensure};
use heddle_tests::envoy::{self, Config};
use heddle_tests::product;
use heddle_yaml::{Budget, Schema};
use serde_json::Value;

#[test]
fn envoy_accepts_every_case() -> Result<()> {
    let tests = product::root()?.join("controller/compile/tests");
    let mut configs = Vec::new();
    for case in folders(&tests.join("golden"))?.iter().map(|group| folders(group)).collect::<Result<Vec<_>>>()?.concat()
    {
        let name = case.strip_prefix(&tests)?.display().to_string();
        configs.push(Config { bootstrap: bootstrap(&tests.join("base"), &case).with_context(|| name.clone())?, name });
    }
    ensure!(configs.len() >= 60, "only {} cases were found", configs.len());
    let refused = envoy::validate(&configs)?;
    let report: Vec<_> = refused.iter().map(|(name, reason)| format!("{name}: {reason}")).collect();
    ensure!(refused.is_empty(), "Envoy refuses {} of {}:\n{}", refused.len(), configs.len(), report.join("\n"));
    Ok(())
}

fn bootstrap(base: &Path, case: &Path) -> Result<Value> {
    let proxy = yaml(&case.join("proxy.yaml"))?;
    let node = match proxy["proxy"].as_str() {
        Some(name) => yaml(&base.join("proxies.yaml"))?[name].clone(),
        None => proxy["node"].clone(),
    };
    let folder = tempfile::tempdir()?;
    std::fs::copy(case.join("mesh.yaml"), folder.path().join("mesh.yaml"))?;
    if proxy["base"] != "none" {
        std::fs::copy(base.join("shop.yaml"), folder.path().join("base.yaml"))?;
    }
    // Beside the configuration's folder, not in it.
    let file = tempfile::Builder::new().suffix(".json").tempfile()?;
    std::fs::write(file.path(), serde_json::to_vec(&node)?)?;
    let start = || -> Result<Child> {
        let mut command = product::heddlectl(["compile", "-o", "json"])?;
        command.arg("--config-dir").arg(folder.path()).arg("--node").arg(file.path());
        Ok(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
    };
    let (first, second) = (start()?, start()?);
    let (first, second) = (printed(first)?, printed(second)?);
    ensure!(first == second, "two compiles differ");
    envoy::from_resources(&node, &serde_json::from_slice(&first)?)
}

/// What a program printed, when it ended well.
fn printed(running: Child) -> Result<Vec<u8>> {
    let out = running.wait_with_output()?;
    ensure!(out.status.success(), "{}: {}", out.status, String::from_utf8_lossy(&out.stderr).trim());
    Ok(out.stdout)
}

fn yaml(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    heddle_yaml::value(&text, Schema::Yaml11, &Budget::FILE).with_context(|| path.display().to_string())
}

fn folders(root: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(root).with_context(|| root.display().to_string())?.collect::<Result<Vec<_>, _>>()?;
    let mut folders: Vec<_> = entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}
