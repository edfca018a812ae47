//! What can be asked for.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Plays many sidecars against a control plane and says what changes cost it.
#[derive(Clone, Debug, Parser)]
#[command(name = "heddle-fleet", version)]
pub(crate) struct Args {
    /// What to measure, in this order.
    #[arg(value_enum, required = true)]
    pub(crate) scenarios: Vec<Scenario>,
    /// Services of the mesh, on port 80 and seen by everyone, in 10 namespaces.
    #[arg(long, default_value_t = 300)]
    pub(crate) services: usize,
    /// Pods of each service.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) pods: u16,
    /// Sidecars, one a pod.
    #[arg(long, default_value_t = 900)]
    pub(crate) sidecars: usize,
    /// Rounds of each kind of lone change.
    #[arg(long, default_value_t = 100)]
    pub(crate) rounds: u32,
    /// Whether virtual hosts may be sent apart from their route configuration.
    #[arg(long, value_enum, default_value_t = Switch::On)]
    pub(crate) vhds: Switch,
    /// Speak TLS, with a token of each proxy's account.
    #[arg(long)]
    pub(crate) tls: bool,
    /// Threads that play the sidecars.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: u16,
    /// A server that is there already, in place of a `heddled` that is started; wants --config-dir or --kubeconfig.
    #[arg(long, requires = "watched", value_name = "ADDRESS")]
    pub(crate) server: Option<SocketAddr>,
    /// The process of that server, to know what it uses.
    #[arg(long, requires = "server")]
    pub(crate) pid: Option<u32>,
    /// The folder that the server watches; without it one that goes at the end, in memory where there is /dev/shm.
    #[arg(long, value_name = "DIR", group = "watched")]
    pub(crate) config_dir: Option<PathBuf>,
    /// The API server that the server watches, with the definitions in it; what is written stays there.
    #[arg(long, value_name = "FILE", group = "watched", conflicts_with = "tls")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Have the mesh in an API server, started with an etcd in a network namespace of their own (as root), not in a folder.
    #[arg(long, conflicts_with_all = ["watched", "tls"])]
    pub(crate) api_server: bool,
    /// The `heddled` to start; without it the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub(crate) heddled: Option<PathBuf>,
    /// A further flag for it; repeatable.
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    pub(crate) heddled_flag: Vec<String>,
    /// Where to leave the picture of `scale`, as SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Where to leave the figures as well, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// All proxies connect, with nothing in hand. Every run begins so; named alone, it is all.
    Connect,
    /// Lone edits of a VirtualService.
    VirtualService,
    /// Lone edits of a DestinationRule.
    DestinationRule,
    /// Lone changes of an endpoint.
    Endpoint,
    /// 20 changes a second, of all kinds in turn.
    Rate,
    /// 1,000 edits of one VirtualService in 5 s.
    Storm,
    /// A namespace with a tenth of the services is deleted, and comes back.
    Namespace,
    /// All objects are written again as they are.
    Relist,
    /// All proxies lose their connections at once and come back, with what they held and then with nothing.
    Reconnect,
    /// A tenth of the proxies reads slowly.
    Slow,
    /// One proxy never reads.
    Mute,
    /// All proxies reject an edit, and accept the next.
    Reject,
    /// As many connections without anybody's work: what the kernel takes of a change.
    Bare,
    /// The cost of a change against the number of services; meshes of its own.
    Scale,
    /// All of these, with and without VHDS, with TLS, and a mesh and a fleet that are three times as large.
    All,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// It may.
    On,
    /// It may not.
    Off,
}
