//! The cgroups below which the node's containers are counted, of both versions, so that those of two nodes do not meet.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

const MOUNT: &str = "/sys/fs/cgroup";
/// What the names begin with; the id of the process that made one follows, and a number.
const PREFIX: &str = "heddle-node-";

static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// A cgroup of a name of its own, in each hierarchy that there is.
#[derive(Debug)]
pub(super) struct Root {
    name: String,
}

impl Root {
    /// Makes it, and removes what processes that were killed have left.
    pub(super) fn new() -> Result<Self> {
        let root = Self { name: format!("{PREFIX}{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)) };
        let hierarchies = hierarchies();
        ensure!(!hierarchies.is_empty(), "no cgroups at {MOUNT}");
        for hierarchy in &hierarchies {
            sweep(hierarchy);
            let folder = hierarchy.join(&root.name);
            fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
            // A new one of version 1 has none, and then nothing can run in it.
            for file in ["cpuset.cpus", "cpuset.mems"] {
                if let Ok(own) = fs::read_to_string(hierarchy.join(file)) {
                    let _ = fs::write(folder.join(file), own);
                }
            }
        }
        Ok(root)
    }

    /// The name as the kubelet takes it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Removes it, once all that were in it have ended.
    pub(super) fn remove(&self) {
        for hierarchy in hierarchies() {
            for _ in 0..200 {
                if remove(&hierarchy.join(&self.name)) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Version 2 is one hierarchy; version 1 has a folder each.
fn hierarchies() -> Vec<PathBuf> {
    if Path::new(MOUNT).join("cgroup.controllers").exists() {
        return vec![PathBuf::from(MOUNT)];
    }
    let folders = fs::read_dir(MOUNT).into_iter().flatten().flatten();
    let real = folders.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    real.map(|entry| entry.path()).filter(|path| path.join("cgroup.procs").exists()).collect()
}

/// Removes the cgroups of processes that are no more. One in which something runs cannot be removed.
fn sweep(hierarchy: &Path) {
    for entry in fs::read_dir(hierarchy).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        let owner = owner.filter(|id| !Path::new("/proc").join(id).exists());
        if owner.is_some() {
            remove(&entry.path());
        }
    }
}

/// Removes a cgroup and those below it, deepest first; whether it is gone.
fn remove(folder: &Path) -> bool {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    fs::remove_dir(folder).is_ok() || !folder.exists()
}
