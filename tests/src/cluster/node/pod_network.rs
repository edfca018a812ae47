//! The network of a pod, from which tests call as the pod's application would: its capture applies to them.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use nix::sched::{CloneFlags, setns};
use tokio::runtime::Runtime;

/// A thread in a pod's network; clones share it, and it ends with the last.
#[derive(Clone, Debug)]
pub struct PodNetwork(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// None only while it is dropped.
    runtime: Option<Runtime>,
}

impl PodNetwork {
    /// Enters the network that a file of `/proc/<pid>/ns/net` names.
    pub fn enter(file: &Path) -> Result<Self> {
        let network = File::open(file).with_context(|| format!("open {}", file.display()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(1)
            .thread_name("pod")
            .enable_all()
            .on_thread_start(move || {
                // A thread that did not get there would make calls from elsewhere, which would pass for good ones.
                if setns(&network, CloneFlags::CLONE_NEWNET).is_err() {
                    std::process::abort();
                }
            })
            .build()?;
        Ok(Self(Arc::new(Inner { runtime: Some(runtime) })))
    }

    /// The address of a name, as the pod's resolver would find it.
    pub async fn lookup(&self, name: &str) -> Result<std::net::IpAddr> {
        super::dns::lookup(self, name).await
    }

    /// Runs something there.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let handle = self.0.runtime.as_ref().map(Runtime::handle).cloned();
        let handle = handle.context("the pod's thread has ended")?;
        handle.spawn(work).await.map_err(|error| anyhow!("in the pod's network: {error}"))?
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // It may be dropped by a task of another runtime, where waiting is not allowed.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::ZERO);
        }
    }
}
