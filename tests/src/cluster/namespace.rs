//! A network namespace without a name: it lives as long as something is in it, so that a killed test leaves none
//! behind.

use std::fs::File;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use nix::sched::{CloneFlags, setns, unshare};

/// A namespace with nothing but a loopback interface.
#[derive(Clone, Debug)]
pub struct Namespace(Arc<File>);

impl Namespace {
    /// Makes one. Needs root, and `ip` of iproute2.
    pub fn new() -> Result<Self> {
        let make = || -> Result<Self> {
            unshare(CloneFlags::CLONE_NEWNET).with_context(|| {
                format!(
                    "no network namespace can be made, for which the tests of the Kubernetes API need root \
                    (CAP_SYS_ADMIN); they run as uid {}",
                    nix::unistd::geteuid()
                )
            })?;
            let mut up = Command::new("ip");
            let up = up.args(["link", "set", "lo", "up"]).output().context("run ip (apt-get install iproute2)")?;
            ensure!(up.status.success(), "ip link set lo up: {}", String::from_utf8_lossy(&up.stderr).trim());
            Ok(Self(Arc::new(File::open("/proc/thread-self/ns/net")?)))
        };
        // A thread of its own, as a thread that has left its namespace does not come back.
        std::thread::scope(|scope| scope.spawn(make).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Runs something on a thread in the namespace, with a runtime of one thread; what it starts is in the namespace
    /// too. The outer result is that of [`std::thread::JoinHandle::join`].
    pub fn run<T: Send>(&self, work: impl AsyncFnOnce() -> Result<T> + Send) -> std::thread::Result<Result<T>> {
        let run = || {
            setns(&*self.0, CloneFlags::CLONE_NEWNET).context("enter the network namespace")?;
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work())
        };
        std::thread::scope(|scope| scope.spawn(run).join())
    }
}
