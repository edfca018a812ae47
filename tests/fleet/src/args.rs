//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Simulate many sidecars against a control plane, and measure what changes cost it.
///
/// Each figure with a bar is printed with PASS or FAIL. The exit code is 1 if a bar is broken.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "heddle-fleet",
    version,
    after_help = "\
Examples:
  heddle-fleet all
  heddle-fleet --rounds 40 virtual-service endpoint bare
  heddle-fleet --services 1000 --sidecars 3000 reconnect
  heddle-fleet --ports 2 subset
  heddle-fleet --services 10 --pods 30 --sidecars 300 --tls unrelated workload
  heddle-fleet --api-server --rounds 30 virtual-service storm"
)]
pub(crate) struct Args {
    /// The scenarios to measure, in this order.
    #[arg(value_enum, required = true)]
    pub(crate) scenarios: Vec<Scenario>,
    /// Set the number of services. They are in 10 namespaces, and every sidecar sees them.
    #[arg(long, default_value_t = 300)]
    pub(crate) services: usize,
    /// Set the number of ports of each service. The first is port 80.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) ports: u16,
    /// Set the number of pods of each service.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) pods: u16,
    /// Set the number of sidecars, one for each pod.
    #[arg(long, default_value_t = 900)]
    pub(crate) sidecars: usize,
    /// Set the number of rounds for each kind of single change.
    #[arg(long, default_value_t = 100)]
    pub(crate) rounds: u32,
    /// Set whether the sidecars accept virtual hosts as resources of their own (VHDS).
    #[arg(long, value_enum, default_value_t = Switch::On)]
    pub(crate) vhds: Switch,
    /// Connect with TLS, with a token of each proxy's service account.
    #[arg(long)]
    pub(crate) tls: bool,
    /// Set the number of threads that simulate the sidecars.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: u16,
    /// Measure the server at this address instead of starting heddled. It needs --config-dir or --kubeconfig.
    #[arg(long, requires = "watched", value_name = "ADDRESS")]
    pub(crate) server: Option<SocketAddr>,
    /// Set the process id of that server, to measure its CPU time and memory.
    #[arg(long, requires = "server")]
    pub(crate) pid: Option<u32>,
    /// Write the mesh to this folder, which the server watches. The default is a temporary folder, in /dev/shm if it
    /// exists.
    #[arg(long, value_name = "DIR", group = "watched")]
    pub(crate) config_dir: Option<PathBuf>,
    /// Write the mesh to the API server of this kubeconfig, which the server watches. It must have the custom resource
    /// definitions. The objects stay there.
    #[arg(long, value_name = "FILE", group = "watched", conflicts_with = "tls")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Start an API server and etcd in a network namespace, and write the mesh there. It needs root.
    #[arg(long, conflicts_with_all = ["watched", "tls"])]
    pub(crate) api_server: bool,
    /// Start this heddled. The default is the one in the folder of this program.
    #[arg(long, value_name = "FILE")]
    pub(crate) heddled: Option<PathBuf>,
    /// Start heddled with this further flag. Repeatable.
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    pub(crate) heddled_flag: Vec<String>,
    /// Write the chart of the scenario `scale` to this SVG file.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Also append the figures to this file, one JSON object for each line.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// The scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// All sidecars connect without any resources. Every run starts with this scenario.
    Connect,
    /// Single edits of a VirtualService.
    VirtualService,
    /// Single edits of a DestinationRule.
    DestinationRule,
    /// Single edits of a DestinationRule that add or remove a subset.
    Subset,
    /// Single changes of an endpoint.
    Endpoint,
    /// Edits of each kind of object that concerns no sidecar, two for each round.
    Unrelated,
    /// Edits of each kind of object that concerns the sidecars of one workload, two for each round.
    Workload,
    /// 20 changes per second, of all kinds in turn.
    Rate,
    /// 1,000 edits of one VirtualService in 5 s.
    Storm,
    /// A namespace with a tenth of the services is deleted and created again.
    Namespace,
    /// All objects are written again without a change.
    Relist,
    /// All sidecars lose their connections at once and reconnect, first with their resources and then without any.
    Reconnect,
    /// A tenth of the sidecars reads slowly.
    Slow,
    /// Twenty sidecars never read.
    Mute,
    /// All sidecars reject an edit and accept the next one.
    Reject,
    /// The same exchange of bytes without a control plane. It shows the cost of the kernel.
    Bare,
    /// The cost of a change by the number of services, on meshes of several sizes.
    Scale,
    /// All scenarios: with VHDS, without VHDS, with TLS, with services of two ports, with workloads of 30 replicas, and
    /// with a mesh and a fleet that are three times as large.
    All,
}

/// A setting that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}
