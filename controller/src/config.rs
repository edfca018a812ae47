//! The settings of the operator: flags and their environment variables. No other file reads the environment.
//!
//! Names and defaults are those of istiod where the meaning is the same, so that an existing Deployment works
//! unchanged. Other flags of istiod are ignored with a warning, as istiod does with its own removed flags.

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
    /// One line of text for each event.
    Text,
    /// One JSON object for each event.
    Json,
}

/// Which Envoys get each virtual host as a resource of its own (VHDS).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum VirtualHostDiscovery {
    /// Every Envoy of version 1.40 or later that uses the delta protocol.
    Auto,
    /// No Envoy. All get whole route configurations.
    Off,
}

/// The address of a server. `None` switches the server off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listen(pub Option<SocketAddr>);

/// Run Heddle's control plane, which configures Envoy and signs workload certificates.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "heddled",
    version,
    after_help = "\
An address flag takes `host:port`, or `:port` for all addresses. An empty value switches the server off.
A duration has a unit, for example `30s`, `10m` or `24h`.

Examples:
  heddled --kubeconfig ~/.kube/config
  heddled --config-dir deploy/samples/bookinfo --caDir target/ca
  heddled --config-dir shop --config-dir team --httpAddr 127.0.0.1:8080 --log_output_level ads:debug,all:warn"
)]
pub(crate) struct Config {
    /// Read objects from the YAML files of this folder. Repeatable. If two folders have the same object, the later
    /// folder wins.
    #[arg(long = "config-dir", visible_alias = "configDir", value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// Read the MeshConfig from this file. If there is no such file, heddled uses the ConfigMap `istio`.
    #[arg(long = "meshConfig", env = "MESH_CONFIG", default_value = "./etc/istio/config/mesh", value_name = "FILE")]
    pub mesh: PathBuf,
    /// Read objects from the API server of this kubeconfig. Without this flag and `--config-dir`, heddled uses the API
    /// server of its own cluster.
    #[arg(long = "kubeconfig", value_name = "FILE", conflicts_with = "folders")]
    pub kubeconfig: Option<PathBuf>,
    /// The address of the cluster's API server, which Kubernetes sets in each pod.
    #[arg(long = "kubernetesServiceHost", env = "KUBERNETES_SERVICE_HOST", hide = true)]
    pub kubernetes_host: Option<String>,
    /// Set the DNS domain of the cluster.
    #[arg(long = "domain", default_value = "cluster.local")]
    pub domain: String,
    /// Set the name of the cluster.
    #[arg(long = "clusterID", env = "CLUSTER_ID", default_value = "Kubernetes")]
    pub cluster_id: String,
    /// Set the namespace of the control plane. Mesh-wide objects are in this namespace.
    #[arg(long = "namespace", env = "POD_NAMESPACE", default_value = "istio-system")]
    pub namespace: String,
    /// Set the name of this process in discovery responses and on debug pages.
    #[arg(long = "podName", env = "POD_NAME", default_value = "heddled")]
    pub pod_name: String,
    /// Serve `/ready` and `/debug` on this address.
    #[arg(long = "httpAddr", default_value = ":8080", value_parser = parse_listen)]
    pub http_addr: Listen,
    /// Serve xDS without TLS on this address. heddled accepts only loopback clients there.
    #[arg(long = "grpcAddr", default_value = ":15010", value_parser = parse_listen)]
    pub grpc_addr: Listen,
    /// Serve xDS and certificate signing with TLS on this address.
    #[arg(long = "secureGRPCAddr", default_value = ":15012", value_parser = parse_listen)]
    pub secure_grpc_addr: Listen,
    /// Serve `/metrics`, `/version` and `/debug` on this address.
    #[arg(long = "monitoringAddr", default_value = ":15014", value_parser = parse_listen)]
    pub monitoring_addr: Listen,
    /// Serve the webhooks for injection and validation on this address. It applies only with an API server.
    #[arg(long = "httpsAddr", default_value = ":15017", value_parser = parse_listen)]
    pub https_addr: Listen,
    /// Serve the log levels on this address, for `heddlectl admin log` and `istioctl admin log`. `*` is all addresses.
    #[arg(long = "ctrlz_address", default_value = "localhost", value_name = "ADDRESS", value_parser = parse_host)]
    pub control_address: IpAddr,
    /// Serve the log levels on this port. If another process has the port, heddled starts without them.
    #[arg(long = "ctrlz_port", default_value_t = 9876, value_name = "PORT")]
    pub control_port: u16,
    /// Read the signing certificate and its key from this folder. If it has none, heddled creates a self-signed root
    /// there.
    #[arg(long = "caDir", env = "ROOT_CA_DIR", default_value = "./etc/cacerts", value_name = "DIR")]
    pub ca_dir: PathBuf,
    /// Use this certificate chain (PEM) on the TLS port. By default heddled signs one itself.
    #[arg(long = "tlsCertFile", requires = "tls_key_file", value_name = "FILE")]
    pub tls_cert_file: Option<PathBuf>,
    /// Use this private key (PEM) for `--tlsCertFile`.
    #[arg(long = "tlsKeyFile", requires = "tls_cert_file", value_name = "FILE")]
    pub tls_key_file: Option<PathBuf>,
    /// Accept client certificates of these further root certificates (PEM).
    #[arg(long = "caCertFile", value_name = "FILE")]
    pub ca_cert_file: Option<PathBuf>,
    /// Add DNS names to the certificate that heddled signs for its TLS port. Separate them with commas.
    #[arg(long = "customHost", env = "ISTIOD_CUSTOM_HOST", value_delimiter = ',')]
    pub custom_host: Vec<String>,
    /// Set the revision of this control plane. An empty value is the revision `default`.
    #[arg(long = "revision", env = "REVISION", default_value = "")]
    pub revision: String,
    /// Accept tokens with one of these audiences. Separate them with commas.
    #[arg(long = "tokenAudiences", env = "TOKEN_AUDIENCES", default_value = "istio-ca", value_delimiter = ',')]
    pub token_audiences: Vec<String>,
    /// Set the lifetime of workload certificates whose request has no lifetime.
    #[arg(long = "workloadCertTTL", env = "DEFAULT_WORKLOAD_CERT_TTL", default_value = "24h",
        value_parser = parse_duration)]
    pub workload_cert_ttl: Duration,
    /// Set the longest lifetime that a request may ask for. A longer one is refused.
    #[arg(long = "maxWorkloadCertTTL", env = "MAX_WORKLOAD_CERT_TTL", default_value = "2160h",
        value_parser = parse_duration)]
    pub max_workload_cert_ttl: Duration,
    /// Set the lifetime of the self-signed root certificate.
    #[arg(long = "rootCertTTL", env = "CITADEL_SELF_SIGNED_CA_CERT_TTL", default_value = "87600h",
        value_parser = parse_duration)]
    pub root_cert_ttl: Duration,
    /// Send each virtual host as a resource of its own (VHDS), so that an edit sends only the changed virtual hosts.
    #[arg(long = "virtual-host-discovery", env = "HEDDLE_VIRTUAL_HOST_DISCOVERY", default_value = "auto")]
    pub virtual_host_discovery: VirtualHostDiscovery,
    /// Write the condition `Reconciled` into the status of Istio's objects. It applies only with an API server.
    #[arg(long, env = "PILOT_ENABLE_STATUS", default_value = "true", value_parser = BoolishValueParser::new(),
        action = Set)]
    pub status: bool,
    /// Send an HTTP/2 ping on an idle connection after this time.
    #[arg(long = "keepaliveInterval", env = "GRPC_KEEPALIVE_INTERVAL", default_value = "30s",
        value_parser = parse_duration)]
    pub keepalive_interval: Duration,
    /// Close the connection if the response to a ping takes longer than this.
    #[arg(long = "keepaliveTimeout", env = "GRPC_KEEPALIVE_TIMEOUT", default_value = "10s",
        value_parser = parse_duration)]
    pub keepalive_timeout: Duration,
    /// Set the longest lifetime of a gRPC connection. `0s` is no limit.
    #[arg(long = "keepaliveMaxServerConnectionAge", default_value = "0s", value_parser = parse_duration)]
    pub max_connection_age: Duration,
    /// Wait at most this long for running calls after SIGTERM. heddled does not wait for xDS streams, which never end.
    #[arg(long = "shutdownDuration", default_value = "10s", value_parser = parse_duration)]
    pub shutdown_duration: Duration,
    /// Set the format of log lines.
    #[arg(long = "logFormat", env = "HEDDLE_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Write each log line as a JSON object, like `--logFormat json`. This is istiod's flag.
    #[arg(long = "log_as_json")]
    pub log_as_json: bool,
    /// Set the log levels as a list of `<scope>:<level>`. A scope is `ads`, `ca`, `kube`, `model`, `security`,
    /// `status`, `webhook`, `default` (every scope that is not listed) or `all`. A level is `none`, `error`, `warn`,
    /// `info` or `debug`. A level alone is for all scopes. `<module>=<level>` sets the level of a module or library.
    #[arg(long = "log_output_level", env = "HEDDLE_LOG", default_value = "default:info", value_name = "LEVELS")]
    pub log_level: String,
    /// Flags that heddled does not know.
    #[arg(skip)]
    pub ignored: Vec<String>,
}

/// Reads the flags and the environment of the process. On an error it prints a usage message and exits.
#[must_use]
pub(crate) fn read() -> Config {
    parse(std::env::args_os()).unwrap_or_else(|error| error.exit())
}

/// Reads flags, after the program name. Unknown flags are collected in [`Config::ignored`] and not refused.
///
/// # Errors
/// A known flag with a bad value, or a request for help or version.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Config, clap::Error> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let mut ignored = Vec::new();
    if args.get(1).is_some_and(|arg| arg == "discovery") {
        // istiod's Deployment starts `pilot-discovery discovery …`.
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
    /// Whether the objects come from a Kubernetes API server.
    #[must_use]
    pub(crate) fn is_in_cluster(&self) -> bool {
        self.kubeconfig.is_some() || (self.folders.is_empty() && self.kubernetes_host.is_some())
    }

    /// The name of the revision; `default` for an empty flag.
    #[must_use]
    pub(crate) fn revision(&self) -> &str {
        if self.revision.is_empty() { "default" } else { &self.revision }
    }

    /// Whether Envoys that support VHDS get it.
    #[must_use]
    pub(crate) fn discovers_virtual_hosts(&self) -> bool {
        self.virtual_host_discovery == VirtualHostDiscovery::Auto
    }

    /// The address of the log levels.
    #[must_use]
    pub(crate) fn control_addr(&self) -> Listen {
        Listen(Some(SocketAddr::new(self.control_address, self.control_port)))
    }

    /// The log format, by both flags.
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

/// Parses `host:port`. Without a host it is all addresses of both families. An empty text is off.
fn parse_listen(text: &str) -> Result<Listen, String> {
    if text.is_empty() {
        return Ok(Listen(None));
    }
    let (host, port) = text.rsplit_once(':').ok_or("an address must be `host:port` or `:port`")?;
    let port: u16 = port.parse().map_err(|_| format!("`{port}` is not a port number"))?;
    Ok(Listen(Some(SocketAddr::new(parse_host(host)?, port))))
}

fn parse_host(text: &str) -> Result<IpAddr, String> {
    match text.trim_start_matches('[').trim_end_matches(']') {
        "" | "*" => Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        "localhost" => Ok(IpAddr::from([127, 0, 0, 1])),
        host => host.parse().map_err(|_| format!("`{host}` is not an IP address")),
    }
}

#[cfg(test)]
mod tests;
