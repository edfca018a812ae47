//! What an operator can set: the flags, and the environment variables behind them. Nothing else reads the environment.
//!
//! Names and defaults are those of istiod where the meaning is the same, so that its Deployment, or a person's fingers,
//! need no new ones. Flags of istiod that say nothing to us are ignored with a warning, as istiod does with its own old ones.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgAction::Set;
use clap::builder::BoolishValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, ValueEnum};
use heddle_crds::duration::DurationError;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One line of text an event, for people.
    Text,
    /// One JSON object an event, for machines.
    Json,
}

/// Which Envoys are sent routes virtual host by virtual host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum VirtualHostDiscovery {
    /// Those that can.
    Auto,
    /// None: whole route configurations.
    Off,
}

/// Where a server listens; `None` inside means that it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listen(pub Option<SocketAddr>);

/// Everything that `heddled` can be told, with istiod's names and defaults.
#[derive(Clone, Debug, Parser)]
#[command(name = "heddled", version, about = "Heddle's control plane: configures Envoy and certifies workloads.")]
pub(crate) struct Config {
    /// Folder of YAML files to serve; repeatable. Where two folders hold the same object, the later folder wins.
    #[arg(long = "config-dir", visible_alias = "configDir", value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// File with the MeshConfig. Without it the ConfigMap `istio` of the root namespace counts.
    #[arg(long = "meshConfig", env = "MESH_CONFIG", default_value = "./etc/istio/config/mesh", value_name = "FILE")]
    pub mesh: PathBuf,
    /// How to reach the Kubernetes API. Without it, and without `--config-dir`, heddled looks for the API of the cluster it
    /// runs in.
    #[arg(long = "kubeconfig", value_name = "FILE", conflicts_with = "folders")]
    pub kubeconfig: Option<PathBuf>,
    /// Where the API server of the surrounding cluster is; Kubernetes tells each pod.
    #[arg(long = "kubernetesServiceHost", env = "KUBERNETES_SERVICE_HOST", hide = true)]
    pub kubernetes_host: Option<String>,
    /// DNS suffix of the cluster.
    #[arg(long = "domain", default_value = "cluster.local")]
    pub domain: String,
    /// Name of the cluster that the objects come from.
    #[arg(long = "clusterID", env = "CLUSTER_ID", default_value = "Kubernetes")]
    pub cluster_id: String,
    /// The namespace of the control plane, which holds mesh-wide objects.
    #[arg(long = "namespace", env = "POD_NAMESPACE", default_value = "istio-system")]
    pub namespace: String,
    /// The name by which this process is known in `ControlPlane` and in debug output.
    #[arg(long = "podName", env = "POD_NAME", default_value = "heddled")]
    pub pod_name: String,
    /// `/ready` and `/debug`.
    #[arg(long = "httpAddr", default_value = ":8080", value_parser = parse_listen)]
    pub http_addr: Listen,
    /// Discovery without TLS; answers loopback peers only.
    #[arg(long = "grpcAddr", default_value = ":15010", value_parser = parse_listen)]
    pub grpc_addr: Listen,
    /// Discovery and certificates over TLS.
    #[arg(long = "secureGRPCAddr", default_value = ":15012", value_parser = parse_listen)]
    pub secure_grpc_addr: Listen,
    /// `/metrics`, `/version` and `/debug`.
    #[arg(long = "monitoringAddr", default_value = ":15014", value_parser = parse_listen)]
    pub monitoring_addr: Listen,
    /// Webhooks, where there is a Kubernetes to call them.
    #[arg(long = "httpsAddr", default_value = ":15017", value_parser = parse_listen)]
    pub https_addr: Listen,
    /// Folder of the signing certificate and key; a self-signed root is made there when it holds none.
    #[arg(long = "caDir", env = "ROOT_CA_DIR", default_value = "./etc/cacerts", value_name = "DIR")]
    pub ca_dir: PathBuf,
    /// Certificate chain (PEM) that the TLS port shows. Without it the authority signs one.
    #[arg(long = "tlsCertFile", requires = "tls_key_file", value_name = "FILE")]
    pub tls_cert_file: Option<PathBuf>,
    /// Private key (PEM) of `--tlsCertFile`.
    #[arg(long = "tlsKeyFile", requires = "tls_cert_file", value_name = "FILE")]
    pub tls_key_file: Option<PathBuf>,
    /// Further root certificates (PEM) by which client certificates are verified.
    #[arg(long = "caCertFile", value_name = "FILE")]
    pub ca_cert_file: Option<PathBuf>,
    /// One more DNS name for the certificate that the authority signs for the TLS port.
    #[arg(long = "customHost", env = "ISTIOD_CUSTOM_HOST", value_delimiter = ',')]
    pub custom_host: Vec<String>,
    /// Revision of this control plane.
    #[arg(long = "revision", env = "REVISION", default_value = "")]
    pub revision: String,
    /// Audiences of which a token must name one.
    #[arg(long = "tokenAudiences", env = "TOKEN_AUDIENCES", default_value = "istio-ca", value_delimiter = ',')]
    pub token_audiences: Vec<String>,
    /// How long a workload's certificate lives when it asks for no time.
    #[arg(long = "workloadCertTTL", env = "DEFAULT_WORKLOAD_CERT_TTL", default_value = "24h", value_parser = parse_duration)]
    pub workload_cert_ttl: Duration,
    /// The longest life that a workload may ask for; more is an error, not shortened.
    #[arg(long = "maxWorkloadCertTTL", env = "MAX_WORKLOAD_CERT_TTL", default_value = "2160h", value_parser = parse_duration)]
    pub max_workload_cert_ttl: Duration,
    /// How long a root certificate lives that is made here.
    #[arg(long = "rootCertTTL", env = "CITADEL_SELF_SIGNED_CA_CERT_TTL", default_value = "87600h", value_parser = parse_duration)]
    pub root_cert_ttl: Duration,
    /// Routes virtual host by virtual host, so that an edit sends only what it changed: to every Envoy that can take them so
    /// (delta stream, 1.40 or later), or to none.
    #[arg(long = "virtual-host-discovery", env = "HEDDLE_VIRTUAL_HOST_DISCOVERY", default_value = "auto")]
    pub virtual_host_discovery: VirtualHostDiscovery,
    /// Whether to say in the status of Istio's objects, at an API server, what became of them.
    #[arg(long, env = "PILOT_ENABLE_STATUS", default_value = "true", value_parser = BoolishValueParser::new(), action = Set)]
    pub status: bool,
    /// How often an idle connection is asked whether its peer is there.
    #[arg(long = "keepaliveInterval", env = "GRPC_KEEPALIVE_INTERVAL", default_value = "30s", value_parser = parse_duration)]
    pub keepalive_interval: Duration,
    /// How long the peer has to answer that.
    #[arg(long = "keepaliveTimeout", env = "GRPC_KEEPALIVE_TIMEOUT", default_value = "10s", value_parser = parse_duration)]
    pub keepalive_timeout: Duration,
    /// The longest life of a gRPC connection; 0 is no limit.
    #[arg(long = "keepaliveMaxServerConnectionAge", default_value = "0s", value_parser = parse_duration)]
    pub max_connection_age: Duration,
    /// How long calls under way may take after SIGTERM. Discovery streams never end and are not waited for.
    #[arg(long = "shutdownDuration", default_value = "10s", value_parser = parse_duration)]
    pub shutdown_duration: Duration,
    /// Text or JSON.
    #[arg(long = "logFormat", env = "HEDDLE_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// JSON, by istiod's name for it.
    #[arg(long = "log_as_json")]
    pub log_as_json: bool,
    /// What is logged, e.g. `info` or `heddled=debug,info`; `debug` is the most.
    #[arg(long = "log_output_level", env = "HEDDLE_LOG", default_value = "info")]
    pub log_level: String,
    /// Flags that were given and are not ours.
    #[arg(skip)]
    pub ignored: Vec<String>,
}

/// Reads the process's flags and environment; ends the process with a usage message where they cannot be read.
#[must_use]
pub(crate) fn read() -> Config {
    parse(std::env::args_os()).unwrap_or_else(|error| error.exit())
}

/// Reads flags (the program's name first). Unknown ones are collected in [`Config::ignored`] instead of being refused.
///
/// # Errors
/// A known flag with a bad value, or a request for help or version.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Config, clap::Error> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let mut ignored = Vec::new();
    if args.get(1).is_some_and(|arg| arg == "discovery") {
        // istiod's images are started as `pilot-discovery discovery …`.
        args.remove(1);
    }
    loop {
        match Config::try_parse_from(&args) {
            Ok(config) => return Ok(Config { ignored, ..config }),
            Err(error) => match unknown(&error).and_then(|flag| position(&args, &flag)) {
                Some(at) => ignored.push(args.remove(at).to_string_lossy().into_owned()),
                None => return Err(error),
            },
        }
    }
}

impl Config {
    /// Whether the objects are those of a Kubernetes API server.
    #[must_use]
    pub(crate) fn is_in_cluster(&self) -> bool {
        self.kubeconfig.is_some() || (self.folders.is_empty() && self.kubernetes_host.is_some())
    }

    /// The revision's name, also where none was given.
    #[must_use]
    pub(crate) fn revision(&self) -> &str {
        if self.revision.is_empty() { "default" } else { &self.revision }
    }

    /// Whether Envoys that can are sent routes virtual host by virtual host.
    #[must_use]
    pub(crate) fn discovers_virtual_hosts(&self) -> bool {
        self.virtual_host_discovery == VirtualHostDiscovery::Auto
    }

    /// How log lines are written, all flags considered.
    #[must_use]
    pub(crate) fn log_format(&self) -> LogFormat {
        if self.log_as_json { LogFormat::Json } else { self.log_format }
    }
}

fn unknown(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) => Some(flag.clone()),
        _ => None,
    }
}

fn position(args: &[OsString], flag: &str) -> Option<usize> {
    let matches = |arg: &OsString| {
        let text = arg.to_string_lossy();
        text == flag || text.strip_prefix(flag).is_some_and(|rest| rest.starts_with('=') || !flag.starts_with("--"))
    };
    args.iter().skip(1).position(matches).map(|at| at + 1)
}

/// A duration in Go's form, as istiod reads its flags and variables. None of them may be negative.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let parsed: heddle_crds::Duration = text.parse().map_err(|error: DurationError| error.to_string())?;
    parsed.to_std().ok_or_else(|| format!("`{text}` is negative"))
}

/// `host:port`; without a host all addresses, both families; empty is off.
fn parse_listen(text: &str) -> Result<Listen, String> {
    if text.is_empty() {
        return Ok(Listen(None));
    }
    let (host, port) = text.rsplit_once(':').ok_or("an address is `host:port` or `:port`")?;
    let port: u16 = port.parse().map_err(|_| format!("`{port}` is no port"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let ip = match host {
        "" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        "localhost" => IpAddr::from([127, 0, 0, 1]),
        host => host.parse().map_err(|_| format!("`{host}` is no IP address"))?,
    };
    Ok(Listen(Some(SocketAddr::new(ip, port))))
}

#[cfg(test)]
mod tests;
