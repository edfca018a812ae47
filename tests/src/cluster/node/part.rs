//! The programs of a node: where each runs, by which arguments, and how one sees that it is ready.

use std::net::SocketAddr;
use std::path::Path;

use tokio::net::{TcpStream, UnixStream};

use super::{ADDRESS, files};
use crate::http::Call;

/// One program.
#[derive(Debug)]
pub(super) struct Part {
    /// The program.
    pub(super) name: &'static str,
    /// Whether it belongs where the containers are, since it mounts, or makes containers or rules.
    pub(super) inside: bool,
    ready: Ready,
}

/// What shows that a part is ready.
#[derive(Debug)]
enum Ready {
    /// A page that answers 200.
    Page(&'static str, &'static str),
    /// A port that takes connections.
    Port(&'static str),
    /// The socket of containerd.
    Socket,
}

/// All but etcd and the API server, in the order of their start.
pub(super) const PARTS: [Part; 6] = [
    Part { name: "containerd", inside: true, ready: Ready::Socket },
    Part { name: "kube-controller-manager", inside: false, ready: Ready::Port("127.0.0.1:10257") },
    Part { name: "kube-scheduler", inside: false, ready: Ready::Port("127.0.0.1:10259") },
    Part { name: "coredns", inside: false, ready: Ready::Page("10.254.0.2:8181", "/ready") },
    Part { name: "kubelet", inside: true, ready: Ready::Page("127.0.0.1:10248", "/healthz") },
    Part { name: "kube-proxy", inside: true, ready: Ready::Page("127.0.0.1:10256", "/healthz") },
];

impl Part {
    /// The command line, with files in the cluster's folder.
    pub(super) fn arguments(&self, folder: &Path) -> Vec<String> {
        let file = |name: &str| folder.join(name).display().to_string();
        let admin = format!("--kubeconfig={}", file("admin.conf"));
        let own = |arguments: &[&str]| arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>();
        match self.name {
            "containerd" => vec![format!("--config={}", file("containerd.toml"))],
            "coredns" => vec![format!("-conf={}", file("Corefile"))],
            "kubelet" => vec![
                format!("--config={}", file("kubelet.yaml")),
                format!("--kubeconfig={}", file("node.conf")),
                format!("--root-dir={}", file("kubelet")),
                format!("--node-ip={ADDRESS}"),
                "--hostname-override=node1".to_owned(),
            ],
            "kube-controller-manager" => [
                vec![
                    admin,
                    format!("--service-account-private-key-file={}", file("account.key")),
                    format!("--root-ca-file={}", file("ca.crt")),
                ],
                own(&["--leader-elect=false", "--bind-address=127.0.0.1"]),
            ]
            .concat(),
            "kube-proxy" => [
                vec![admin],
                own(&["--hostname-override=node1", "--proxy-mode=iptables", "--cluster-cidr=10.244.0.0/16"]),
                own(&["--conntrack-max-per-core=0", "--oom-score-adj=0", "--healthz-bind-address=127.0.0.1:10256"]),
                // Containers are in their own namespaces; those that the machine shares with others are left as they
                // are.
                own(&["--conntrack-tcp-timeout-established=0", "--conntrack-tcp-timeout-close-wait=0"]),
            ]
            .concat(),
            _ => [vec![admin], own(&["--leader-elect=false", "--bind-address=127.0.0.1"])].concat(),
        }
    }

    /// Whether it is ready.
    pub(super) async fn ready(&self, folder: &Path) -> bool {
        match &self.ready {
            Ready::Page(address, path) => page(address, path).await.unwrap_or(false),
            Ready::Port(address) => TcpStream::connect(address).await.is_ok(),
            Ready::Socket => UnixStream::connect(files::socket(folder)).await.is_ok(),
        }
    }
}

async fn page(address: &str, path: &str) -> anyhow::Result<bool> {
    let address: SocketAddr = address.parse()?;
    Ok(Call::get(address, path)?.send().await?.status == 200)
}
