//! Where a mesh is: the folder or the API server that the server watches.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use heddle_tests::cluster;
use tempfile::TempDir;

use super::Site;
use super::api_server::ApiServer;
use super::folder::Folder;
use crate::args::Args;
use crate::usage::Usage;

/// Files there are in memory, and no disk has a part in what is measured.
const MEMORY: &str = "/dev/shm";

/// A place for objects.
#[derive(Clone, Debug)]
pub(crate) enum ConfigSource {
    /// A folder.
    Folder(PathBuf),
    /// What a kubeconfig leads to, with the processes that are of it, as far as they are known.
    ApiServer { kubeconfig: PathBuf, processes: Vec<u32> },
}

/// Runs something with the place that was asked for. An API server that is started for it, and what is started beside
/// it, are in a network namespace that goes at the end.
pub(crate) fn enter<T: Send>(args: &Args, work: impl FnOnce(&ConfigSource) -> Result<T> + Send) -> Result<T> {
    if args.api_server {
        return cluster::own(async |cluster| {
            cluster.install_crds()?;
            let config_source =
                ConfigSource::ApiServer { kubeconfig: cluster.kubeconfig(), processes: cluster.processes() };
            // A thread of its own, which is in the namespace too and may wait for whatever it likes.
            let done = std::thread::scope(|scope| scope.spawn(|| work(&config_source)).join());
            done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
    }
    if let Some(kubeconfig) = args.kubeconfig.clone() {
        // The server runs in its own run folder.
        return work(&ConfigSource::ApiServer { kubeconfig: fs::canonicalize(kubeconfig)?, processes: Vec::new() });
    }
    if let Some(folder) = args.config_dir.clone() {
        return work(&ConfigSource::Folder(std::path::absolute(folder)?));
    }
    let memory = Path::new(MEMORY).is_dir().then(|| TempDir::with_prefix_in("heddle-fleet-", MEMORY));
    let folder = memory.and_then(Result::ok).map_or_else(|| TempDir::with_prefix("heddle-fleet-"), Ok)?;
    work(&ConfigSource::Folder(folder.path().to_owned()))
}

impl ConfigSource {
    /// To put objects there.
    pub(crate) fn site(&self) -> Result<Box<dyn Site>> {
        Ok(match self {
            Self::Folder(path) => Box::new(Folder::new(path.clone())?),
            Self::ApiServer { kubeconfig, .. } => Box::new(ApiServer::connect(kubeconfig)?),
        })
    }

    /// The flag that has `heddled` watch it.
    pub(crate) fn flag(&self) -> OsString {
        let (mut flag, path) = match self {
            Self::Folder(path) => (OsString::from("--config-dir="), path),
            Self::ApiServer { kubeconfig, .. } => (OsString::from("--kubeconfig="), kubeconfig),
        };
        flag.push(path);
        flag
    }

    /// What the place itself has used of the processors so far, if it is processes that are known.
    pub(crate) fn processor(&self) -> Result<Option<Duration>> {
        match self {
            Self::ApiServer { processes, .. } if !processes.is_empty() => {
                let used = processes.iter().map(|process| Ok(Usage::of(*process)?.processor));
                Ok(Some(used.sum::<Result<Duration>>()?))
            }
            _ => Ok(None),
        }
    }
}
