//! A whole node: containers run on it, scheduled and wired by Kubernetes' own programs, in namespaces that end with it.
//!
//! Its network is the cluster's namespace, which reaches nothing outside. What makes mounts and containers runs below
//! one process in a PID and a mount namespace of its own: when that process ends, the kernel ends all of them and takes
//! every mount back, so that nothing is left but cgroups, which are removed by their name.

mod cgroup;
mod dns;
mod files;
mod part;
mod pod;
mod pod_network;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Cluster, Shape};
use crate::process::{Process, eventually};

pub use files::PAUSE;
pub use pod::Pod;
pub use pod_network::PodNetwork;

use part::{PARTS, Part};

/// The node's address: that of the API server, of DNS and of the world outside of the cluster.
pub const ADDRESS: &str = "10.254.0.2";
/// How long a part may take to become ready; seconds on an idle machine.
const READY: Duration = Duration::from_mins(2);

/// The process below which all containers are: it hides the host's folders that programs of a node write to, says that
/// it is ready, and collects what ends.
const INIT: &str = r#"
trap 'exit 0' TERM
set -e
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
for folder in /var/lib /var/log /opt; do
  [ -d "$folder" ] || continue
  above="/run/above$folder"; mkdir -p "$above/upper" "$above/work"
  mount -t overlay overlay -o "lowerdir=$folder,upperdir=$above/upper,workdir=$above/work" "$folder"
done
touch "$1"
while :; do sleep 1000 & wait $!; done
"#;

/// A running node with its control plane.
#[derive(Debug)]
pub struct Node {
    /// Its API server.
    pub cluster: Cluster,
    parts: BTreeMap<&'static str, Process>,
    init: Process,
    /// The id of the first process inside, as it is outside.
    inside: Pid,
    cgroup: cgroup::Root,
}

/// Runs a test on a node of its own, in the node's network.
pub fn run<T: Send>(test: impl AsyncFnOnce(&mut Node) -> Result<T> + Send) -> Result<T> {
    let cluster = Cluster::start(Shape::Node)?;
    let namespace = cluster.namespace.clone();
    let done = namespace.run(async move || {
        let mut node = Node::start(cluster).await?;
        // What a panic leaves is kept as well.
        node.cluster.failed.store(true, Ordering::Relaxed);
        let done = test(&mut node).await;
        node.cluster.failed.store(done.is_err(), Ordering::Relaxed);
        if done.is_err() {
            node.describe();
        }
        node.cluster.judge(Ok(done))
    });
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl Node {
    /// Ends what is called `name` (`etcd`, `kube-apiserver`, `kubelet`, ..) as a crash does, starts it again and waits
    /// until it is ready. Containers live on.
    pub async fn restart(&mut self, name: &str) -> Result<()> {
        match name {
            "etcd" => return self.cluster.restart_etcd(),
            "kube-apiserver" => {
                self.cluster.kill_server();
                return self.cluster.start_server().await;
            }
            _ => {}
        }
        let part = PARTS.iter().find(|part| part.name == name).with_context(|| format!("no part {name}"))?;
        drop(self.parts.remove(part.name));
        self.start_part(part)?;
        self.part_ready(part).await
    }

    /// Makes the images of tars known to the node, whose pods may use them then.
    pub async fn import(&self, tars: &[PathBuf]) -> Result<()> {
        let import = async |tar: &PathBuf| {
            let mut ctr = Command::new(self.cluster.programs.path("ctr"));
            ctr.arg("--address").arg(self.containerd());
            ctr.args(["--namespace", "k8s.io", "images", "import"]).arg(tar);
            let out = tokio::task::spawn_blocking(move || ctr.output()).await?.context("run ctr")?;
            ensure!(out.status.success(), "ctr images import: {}", String::from_utf8_lossy(&out.stderr).trim());
            Ok(())
        };
        try_join_all(tars.iter().map(import)).await.map(drop)
    }

    /// Where its containerd listens.
    #[must_use]
    pub fn containerd(&self) -> PathBuf {
        files::socket(self.cluster.folder())
    }

    /// The pods with those labels (`app=reviews`).
    pub async fn pods(&self, namespace: &str, labels: &str) -> Result<Vec<Pod>> {
        let path = format!(
            "/api/v1/namespaces/{namespace}/pods?labelSelector={}",
            labels.replace('=', "%3D").replace(',', "%2C")
        );
        let answer = self.cluster.api().await?.get(&path).await?;
        ensure!(answer.accepted(), "{path}: {}", answer.message());
        Ok(answer.body["items"].as_array().into_iter().flatten().map(Pod::of).collect())
    }

    /// The network of a pod, in which tests can make calls as its application would.
    pub fn network(&self, pod: &Pod) -> Result<PodNetwork> {
        let container = pod.containers().next().with_context(|| format!("no container of {} runs", pod.name))?;
        // The number that containerd wrote is that of its PID namespace.
        let id = fs::read_to_string(files::tasks(self.cluster.folder()).join(container).join("init.pid"))?;
        PodNetwork::enter(&Path::new("/proc").join(self.inside.to_string()).join(format!("root/proc/{id}/ns/net")))
    }

    /// What a container of a pod has written since it started last.
    pub fn log(&self, pod: &Pod, container: &str) -> Result<String> {
        pod.log(&files::logs(self.cluster.folder()), container)
    }

    /// Writes what there is into the folder that is kept.
    fn describe(&self) {
        for (file, arguments) in [
            (
                "objects.txt",
                &["get", "pods,services,endpointslices,deployments", "--all-namespaces", "--output=wide"][..],
            ),
            ("pods.txt", &["describe", "pods", "--all-namespaces"]),
            ("events.txt", &["get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"]),
        ] {
            if let Ok(out) = self.cluster.kubectl(arguments, "") {
                let _ = fs::write(self.cluster.folder().join(file), out.stdout);
            }
        }
    }

    async fn start(cluster: Cluster) -> Result<Self> {
        network().context("the node's network")?;
        let cgroup = cgroup::Root::new().context("the node's cgroups")?;
        files::write(cluster.folder(), &cluster.programs, cgroup.name())?;
        let ready = cluster.folder().join("inside");
        let mut unshare = Command::new("unshare");
        unshare.args(["--fork", "--pid", "--mount", "--propagation", "private", "--kill-child", "bash", "-c", INIT]);
        let mut init = Process::start("inside", unshare.arg("inside").arg(&ready), cluster.folder())?;
        init.wait_until("namespaces of its own", READY, async || ready.exists()).await?;
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", init.id()))?;
        let inside = Pid::from_raw(children.trim().parse().context("the process inside")?);
        let mut node = Self { cluster, parts: BTreeMap::new(), init, inside, cgroup };
        for part in &PARTS {
            node.start_part(part)?;
            // The kubelet wants to find containerd.
            if part.name == "containerd" {
                node.part_ready(part).await?;
            }
        }
        for part in &PARTS {
            node.part_ready(part).await?;
        }
        node.cluster.apply(files::DNS_SERVICE)?;
        let api = node.cluster.api().await?;
        eventually("node that is ready", READY, async || {
            api.get("/api/v1/nodes/node1").await.is_ok_and(|node| {
                let conditions = node.body["status"]["conditions"].as_array().into_iter().flatten();
                conditions.into_iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
            })
        })
        .await?;
        Ok(node)
    }

    fn start_part(&mut self, part: &Part) -> Result<()> {
        let (folder, programs) = (self.cluster.folder(), &self.cluster.programs);
        let program = programs.path(part.name);
        let mut command = if part.inside {
            let mut nsenter = Command::new("nsenter");
            nsenter.args(["--target", &self.inside.to_string(), "--pid", "--mount", "--"]).arg(program);
            nsenter
        } else {
            Command::new(program)
        };
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}:/usr/sbin:/sbin", programs.folder().display()));
        command.args(part.arguments(folder)).current_dir(folder);
        self.parts.insert(part.name, Process::start(part.name, &mut command, folder)?);
        Ok(())
    }

    async fn part_ready(&mut self, part: &Part) -> Result<()> {
        let folder = self.cluster.folder().to_owned();
        let process = self.parts.get_mut(part.name).with_context(|| format!("{} was not started", part.name))?;
        process.wait_until("readiness", READY, async || part.ready(&folder).await).await
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.parts.clear();
        // The wait for it ends when all that were inside have ended.
        let _ = kill(self.inside, Signal::SIGKILL);
        for _ in 0..1000 {
            if !self.init.running() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.init.kill();
        self.cgroup.remove();
    }
}

/// Gives the namespace that this thread is in an address beside the loopback one, and a way out, which nothing follows
/// but what kube-proxy directs elsewhere.
fn network() -> Result<()> {
    for line in [
        "link add node0 type veth peer name node1".to_owned(),
        format!("address add {ADDRESS}/24 dev node0"),
        "link set node0 up".to_owned(),
        "link set node1 up".to_owned(),
        "route add default via 10.254.0.1 dev node0".to_owned(),
    ] {
        let out = Command::new("ip").args(line.split(' ')).output().context("run ip (apt-get install iproute2)")?;
        ensure!(out.status.success(), "ip {line}: {}", String::from_utf8_lossy(&out.stderr).trim());
    }
    fs::write("/proc/sys/net/ipv4/ip_forward", "1").context("let packets be forwarded")
}
