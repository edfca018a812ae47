//! A real Kubernetes API: etcd and kube-apiserver in a network namespace of their own, which the test enters with them.
//!
//! Within [`shared`] and [`own`] all sockets and all processes that are started belong to the namespace, so that the
//! server is at `127.0.0.1:6443`, addresses collide with nobody's, and the rest of the harness works as elsewhere.
//! Nothing is scheduled or run there: that is the API alone; [`node::run`] runs pods as well. It needs root, for the
//! namespace; where something is missing the test fails and says what.

mod api;
pub mod istiod;
mod keys;
mod namespace;
pub mod node;
mod programs;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::process::Process;

pub use api::{Answer, Api};
pub use namespace::Namespace;

use programs::Programs;

/// Where kube-apiserver listens, in its namespace.
const SERVER: &str = "127.0.0.1:6443";
/// How long it may take to answer; 3 s on an idle machine.
const READY: Duration = Duration::from_secs(90);

/// What [`Shape::Api`] has the server do: nobody makes the service accounts that it would ask for, or reaches it from a
/// pod.
const API: [&str; 4] = [
    "--advertise-address=127.0.0.1",
    "--endpoint-reconciler-type=none",
    "--authorization-mode=RBAC",
    "--disable-admission-plugins=ServiceAccount",
];
/// What [`Shape::Node`] has it do.
const NODE: [&str; 6] = [
    "--advertise-address=10.254.0.2",
    "--authorization-mode=Node,RBAC",
    "--allow-privileged=true",
    // Nobody resolves the name of the node.
    "--kubelet-preferred-address-types=InternalIP",
    "--kubelet-client-certificate=admin.crt",
    "--kubelet-client-key=admin.key",
];

/// The cluster of [`shared`], while a test uses it.
static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());

/// A running API server, which ends with its value. Its files are kept when a test that used it failed.
#[derive(Debug)]
pub struct Cluster {
    server: Option<Process>,
    etcd: Process,
    namespace: Namespace,
    programs: Programs,
    folder: Option<TempDir>,
    failed: AtomicBool,
    /// Tests that share the cluster ask for the definitions at the same time.
    installed: Mutex<bool>,
    shape: Shape,
}

/// How much of a cluster there is.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// The API server alone.
    Api,
    /// A node besides, that reaches it and that it reaches.
    Node,
}

/// Runs a test in the namespace of a cluster that the tests of this program share while any of them runs, each under
/// names of its own.
pub fn shared<T: Send>(test: impl AsyncFnOnce(&Cluster) -> Result<T> + Send) -> Result<T> {
    let cluster = {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cluster) = shared.upgrade() {
            cluster
        } else {
            let cluster = Arc::new(Cluster::start(Shape::Api)?);
            *shared = Arc::downgrade(&cluster);
            cluster
        }
    };
    let done = cluster.namespace.run(async || test(&cluster).await);
    cluster.judge(done)
}

/// Runs a test in the namespace of a cluster that no other test sees, and that it may stop and start.
pub fn own<T: Send>(test: impl AsyncFnOnce(&mut Cluster) -> Result<T> + Send) -> Result<T> {
    let mut cluster = Cluster::start(Shape::Api)?;
    let namespace = cluster.namespace.clone();
    let done = namespace.run(async || test(&mut cluster).await);
    cluster.judge(done)
}

/// A program of the cluster's folder, `helm` say, which is built first where it is missing.
pub fn program(name: &str) -> Result<PathBuf> {
    Ok(Programs::find()?.path(name))
}

impl Cluster {
    /// A kubeconfig of the cluster's administrator, with the keys in files beside it.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder().join("admin.conf")
    }

    /// The folder of its logs and keys (`ca.crt`, `admin.crt`, `admin.key`), for a test to put more into.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.as_ref().map_or(Path::new(""), TempDir::path)
    }

    /// The ids of its processes.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        self.server.iter().chain([&self.etcd]).map(Process::id).collect()
    }

    /// A connection of the administrator's, much faster than kubectl.
    pub async fn api(&self) -> Result<Api> {
        Api::connect(self.folder()).await
    }

    /// A command that finds the cluster by its environment, and that uses its kubectl.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.programs.folder().display()));
        // What kubectl has discovered is kept by the server's address, which is that of every such cluster.
        command.env("KUBECONFIG", self.kubeconfig()).env("KUBECACHEDIR", self.folder().join("discovered"));
        command
    }

    /// Runs kubectl with arguments and something to read (`-f -`); that it fails is for the caller to see.
    pub fn kubectl(&self, arguments: &[&str], input: &str) -> Result<Output> {
        let mut command = self.command(self.programs.path("kubectl"));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = command.spawn().context("start kubectl")?;
        let mut pipe = running.stdin.take().context("kubectl reads")?;
        std::thread::scope(|scope| {
            // It may end before it has read all.
            scope.spawn(move || drop(pipe.write_all(input.as_bytes())));
            Ok(running.wait_with_output()?)
        })
    }

    /// Applies YAML or JSON with kubectl; an error when any of it is refused.
    pub fn apply(&self, objects: &str) -> Result<()> {
        let out = self.kubectl(&["apply", "-f", "-"], objects)?;
        ensure!(out.status.success(), "kubectl apply: {}", String::from_utf8_lossy(&out.stderr).trim());
        Ok(())
    }

    /// Installs our own resource definitions, once, and waits until their objects are taken.
    pub fn install_crds(&self) -> Result<()> {
        let mut installed = self.installed.lock().unwrap_or_else(PoisonError::into_inner);
        if *installed {
            return Ok(());
        }
        let folder = crate::product::root()?.join("crds/yaml").display().to_string();
        let wait = ["wait", "--for=condition=Established", "--timeout=30s", "-f", &folder];
        for arguments in [&["apply", "--server-side", "-f", &folder][..], &wait[..]] {
            let out = self.kubectl(arguments, "")?;
            ensure!(out.status.success(), "the resource definitions: {}", String::from_utf8_lossy(&out.stderr).trim());
        }
        *installed = true;
        Ok(())
    }

    /// Stops the API server; etcd keeps the objects.
    pub async fn stop_server(&mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            server.signal(Signal::SIGTERM)?;
            server.stop(Duration::from_secs(30)).await?;
        }
        Ok(())
    }

    /// Ends the API server as a crash does: one that is asked to end waits a minute for those who watch it.
    pub fn kill_server(&mut self) {
        self.server = None;
    }

    /// Starts it again and waits until it is ready.
    pub async fn start_server(&mut self) -> Result<()> {
        self.stop_server().await?;
        self.server = Some(start_server(&self.programs, self.folder(), self.shape).await?);
        Ok(())
    }

    /// Ends etcd as a crash does and starts it again.
    fn restart_etcd(&mut self) -> Result<()> {
        self.etcd.kill();
        self.etcd = Process::start("etcd", &mut etcd(&self.programs, self.folder()), self.folder())?;
        Ok(())
    }

    /// Starts all, with the namespace.
    fn start(shape: Shape) -> Result<Self> {
        let programs = Programs::find()?;
        let namespace = Namespace::new()?;
        let folder = tempfile::Builder::new().prefix("heddle-cluster-").tempdir()?;
        let started = namespace.run(async || {
            keys::write(folder.path(), SERVER)?;
            let etcd = Process::start("etcd", &mut etcd(&programs, folder.path()), folder.path())?;
            Ok((etcd, start_server(&programs, folder.path(), shape).await?))
        });
        let started = started.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let (etcd, server) = match started {
            Ok(started) => started,
            Err(error) => {
                return Err(error.context(format!("no API server; its files are in {}", folder.keep().display())));
            }
        };
        let folder = Some(folder);
        let (failed, installed) = (AtomicBool::new(false), Mutex::new(false));
        Ok(Self { server: Some(server), etcd, namespace, programs, folder, failed, installed, shape })
    }

    /// Keeps the files when a test failed, and names them.
    fn judge<T>(&self, done: std::thread::Result<Result<T>>) -> Result<T> {
        if !matches!(done, Ok(Ok(_))) {
            self.failed.store(true, Ordering::Relaxed);
        }
        let kept = || format!("the logs of the API server are kept in {}", self.folder().display());
        match done {
            Ok(done) => done.with_context(kept),
            Err(panic) => {
                let _ = writeln!(std::io::stderr(), "{}", kept());
                std::panic::resume_unwind(panic)
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.server = None;
        if *self.failed.get_mut() {
            self.folder.take().map(TempDir::keep);
        }
    }
}

fn etcd(programs: &Programs, folder: &Path) -> Command {
    let mut command = Command::new(programs.path("etcd"));
    command.arg("--data-dir").arg(folder.join("etcd")).arg("--unsafe-no-fsync");
    command.args(["--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379"]);
    command.args(["--listen-peer-urls=http://127.0.0.1:2380"]);
    command
}

async fn start_server(programs: &Programs, folder: &Path, shape: Shape) -> Result<Process> {
    let mut command = Command::new(programs.path("kube-apiserver"));
    command.current_dir(folder).args([
        "--etcd-servers=http://127.0.0.1:2379",
        "--secure-port=6443",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--tls-cert-file=server.crt",
        "--tls-private-key-file=server.key",
        "--client-ca-file=ca.crt",
        "--service-account-key-file=account.pub",
        "--service-account-signing-key-file=account.key",
        "--service-account-issuer=https://kubernetes.default.svc",
    ]);
    command.args(match shape {
        Shape::Api => API.as_slice(),
        Shape::Node => &NODE,
    });
    let mut server = Process::start("kube-apiserver", &mut command, folder)?;
    server.wait_until("answer of kube-apiserver", READY, async || ready(folder).await).await?;
    Ok(server)
}

async fn ready(folder: &Path) -> bool {
    let Ok(api) = Api::connect(folder).await else { return false };
    matches!(api.get("/readyz").await, Ok(Answer { status: 200, body: Value::String(ok) }) if ok == "ok")
}
