//! The same judgement by the programs that people use: `kubectl apply --dry-run=server` and `heddlectl validate`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use heddle_tests::cluster::Cluster;
use heddle_tests::product;
use serde_json::Value;

/// How many kubectl run at once: each asks no more than 50 times a second.
const AT_ONCE: usize = 8;

/// An object, and what was found out about it otherwise. Names are of one set of objects.
pub(crate) struct Judged<'a> {
    pub(crate) object: &'a Value,
    /// Whether the API server accepts it.
    pub(crate) accepted: bool,
    /// Whether validation does.
    pub(crate) valid: bool,
}

/// Fails when a program says otherwise.
pub(crate) fn by_the_programs(cluster: &Cluster, name: &str, objects: &[Judged<'_>]) -> Result<()> {
    let parts: Vec<&[Judged<'_>]> = objects.chunks(objects.len().div_ceil(AT_ONCE).max(1)).collect();
    std::thread::scope(|scope| {
        let part = |(number, part)| {
            let file = cluster.folder().join(format!("{name}-{number}.yaml"));
            scope.spawn(move || by_file(cluster, &file, part))
        };
        let running: Vec<_> = parts.into_iter().enumerate().map(part).collect();
        running.into_iter().try_for_each(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn by_file(cluster: &Cluster, file: &Path, objects: &[Judged<'_>]) -> Result<()> {
    let documents: Vec<String> = objects.iter().map(|one| format!("---\n{}\n", one.object)).collect();
    fs::write(file, documents.concat())?;
    let path = file.display().to_string();
    let out = cluster.kubectl(&["apply", "--dry-run=server", "--output=name", "-f", &path], "")?;
    let (said, complaints) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    let taken: BTreeSet<&str> = said.lines().filter_map(|line| Some(line.split_once('/')?.1)).collect();
    differ("kubectl", &taken, objects, |one| one.accepted).with_context(|| complaints.into_owned())?;

    let out = product::heddlectl(["validate", "-o", "json", "-f", &path])?.output()?;
    let said: Value = serde_json::from_slice(&out.stdout).context("heddlectl validate -o json")?;
    let findings = said["objects"].as_array().context("a list of objects")?;
    let taken = findings.iter().filter(|one| one["accepted"] == true).filter_map(|one| one["name"].as_str());
    differ("heddlectl", &taken.collect(), objects, |one| one.valid)?;
    let all = objects.iter().all(|one| one.valid);
    ensure!(out.status.code() == Some(i32::from(!all)), "heddlectl ended with {}", out.status);
    Ok(())
}

fn differ(
    program: &str,
    taken: &BTreeSet<&str>,
    objects: &[Judged<'_>],
    wanted: impl Fn(&Judged<'_>) -> bool,
) -> Result<()> {
    let name = |one: &Judged<'_>| one.object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let wrong: Vec<&Judged<'_>> =
        objects.iter().filter(|one| taken.contains(name(one).as_str()) != wanted(one)).collect();
    let told: Vec<String> = wrong.iter().take(5).map(|one| one.object.to_string()).collect();
    ensure!(wrong.is_empty(), "{program} judges {} objects otherwise:\n{}", wrong.len(), told.join("\n"));
    Ok(())
}
