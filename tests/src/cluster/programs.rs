//! The programs of a cluster, built once and kept in the cache.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::{envoy, product};

/// Names the folder in the cache; `tests/cluster/build.sh` builds this version.
const FOLDER: &str = "kubernetes-1.34.4";

/// What must be there; CNI's plug-ins, and etcd where the machine has none, besides.
const NEEDED: [&str; 13] = [
    "kube-apiserver",
    "kubectl",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "coredns",
    "helm",
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "runc",
    "busybox",
];

/// Where the programs are.
#[derive(Clone, Debug)]
pub(super) struct Programs(PathBuf);

impl Programs {
    /// Finds them, or builds them, which takes minutes and is said on stderr.
    pub(super) fn find() -> Result<Self> {
        let programs = Self(envoy::cache_folder()?.join(FOLDER));
        let there = |name| programs.path(name).is_file();
        if NEEDED.into_iter().all(there) && (there("etcd") || on_path("etcd")) && programs.path("cni").is_dir() {
            return Ok(programs);
        }
        let script = product::root()?.join("tests/cluster/build.sh");
        let mut build = Command::new("bash");
        build.arg(&script).arg(&programs.0).stdin(Stdio::null()).stdout(Stdio::null());
        let done = build.status().with_context(|| format!("run {}", script.display()))?;
        ensure!(done.success(), "no programs of Kubernetes: {} {} failed", script.display(), programs.0.display());
        Ok(programs)
    }

    /// The folder, for a `PATH`.
    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    /// One of them; etcd may be the machine's.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        let ours = self.0.join(name);
        if name == "etcd" && !ours.is_file() { PathBuf::from(name) } else { ours }
    }
}

fn on_path(name: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}
