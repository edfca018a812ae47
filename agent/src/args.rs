//! The command line: pilot-agent's where it has the flag, ours for the addresses that it fixes.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand, ValueEnum};

use crate::capture::CaptureArgs;

/// Runs beside each Envoy: starts it, gives it its certificate, relays its configuration.
#[derive(Debug, Parser)]
#[command(name = "heddle-agent", version)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs an Envoy and all that it needs, until SIGTERM.
    Proxy(Box<ProxyArgs>),
    /// Redirects the pod's traffic to its proxy by iptables.
    #[command(alias = "istio-iptables")]
    Capture(Box<CaptureArgs>),
    /// Calls a page of Envoy's admin interface or of the agent, as a pod's hooks do.
    Request {
        /// The method, such as `POST`.
        method: http::Method,
        /// The path, with or without its slash, such as `drain`.
        path: String,
        /// The port on loopback: 15000 is Envoy's admin interface, 15020 the agent.
        #[arg(long = "debug-port", default_value_t = 15000)]
        port: u16,
    },
    /// Waits until the proxy is ready, so that the application starts after it.
    Wait {
        /// Where readiness is served.
        #[arg(long = "addr", default_value = "127.0.0.1:15021")]
        at: SocketAddr,
        /// How long to wait in all.
        #[arg(long = "timeoutSeconds", default_value_t = 60)]
        seconds: u64,
        /// How often to ask.
        #[arg(long = "periodMillis", default_value_t = 500)]
        period: u64,
        /// How long one answer may take.
        #[arg(long = "requestTimeoutMillis", default_value_t = 500)]
        patience: u64,
    },
    /// Becomes another program that ends when the process that started it ends. The agent starts Envoy by it.
    #[command(hide = true)]
    Tether {
        /// The id of the process that started this one.
        parent: u32,
        /// The program and its arguments.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
}

/// The kind of proxy, the first part of the node's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NodeType {
    /// Beside a workload.
    Sidecar,
    /// A gateway.
    Router,
}

/// The flags of `proxy`. Where a flag is missing, the environment and then the default count (`config.rs`).
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ProxyArgs {
    /// The kind of proxy.
    #[arg(value_enum)]
    pub(crate) kind: NodeType,
    /// DNS domain of the workload; default `<namespace>.svc.cluster.local`.
    #[arg(long)]
    pub(crate) domain: Option<String>,
    /// Envoy's own log level.
    #[arg(long = "proxyLogLevel", default_value = "warning")]
    pub(crate) proxy_log_level: String,
    /// Log levels of Envoy's components, such as `misc:error`.
    #[arg(long = "proxyComponentLogLevel", default_value = "misc:error")]
    pub(crate) proxy_component_log_level: String,
    /// The agent's log level, such as `default:info` or `info`.
    #[arg(long = "log_output_level", default_value = "default:info")]
    pub(crate) log_output_level: String,
    /// Log lines are JSON objects.
    #[arg(long = "log_as_json")]
    pub(crate) log_as_json: bool,
    /// Worker threads of Envoy; 0 is one a processor.
    #[arg(long)]
    pub(crate) concurrency: Option<u32>,
    /// Envoy's `--service-cluster`.
    #[arg(long = "serviceCluster", default_value = "istio-proxy")]
    pub(crate) service_cluster: String,

    /// Envoy's admin interface; default `127.0.0.1:15000`.
    #[arg(long = "adminAddr")]
    pub(crate) admin: Option<SocketAddr>,
    /// The agent's own pages: merged metrics, readiness, quit; default `0.0.0.0:15020`.
    #[arg(long = "statusAddr")]
    pub(crate) status: Option<SocketAddr>,
    /// Readiness, as Envoy serves it; default `0.0.0.0:15021`.
    #[arg(long = "readinessAddr")]
    pub(crate) readiness: Option<SocketAddr>,
    /// Envoy's metrics, as Envoy serves them; default `0.0.0.0:15090`.
    #[arg(long = "prometheusAddr")]
    pub(crate) prometheus: Option<SocketAddr>,
    /// The control plane's discovery, `host:port`.
    #[arg(long = "discoveryAddress")]
    pub(crate) discovery_address: Option<String>,
    /// The certificate authority, `host:port`; default is the discovery address.
    #[arg(long = "caAddress")]
    pub(crate) ca_address: Option<String>,
    /// The name in the control plane's certificate; default is the host of its address.
    #[arg(long = "serverName")]
    pub(crate) server_name: Option<String>,
    /// File of the root certificates by which the control plane is verified.
    #[arg(long = "caRoot")]
    pub(crate) ca_root: Option<PathBuf>,
    /// File of the workload's token.
    #[arg(long = "tokenFile")]
    pub(crate) token_file: Option<PathBuf>,
    /// Folder for the bootstrap file; default `./etc/istio/proxy`.
    #[arg(long = "configPath")]
    pub(crate) config_path: Option<PathBuf>,
    /// Folder for the Unix sockets between Envoy and the agent; default is that of `--configPath`.
    #[arg(long = "socketDir")]
    pub(crate) socket_dir: Option<PathBuf>,
    /// Folder of the files `labels` and `annotations` that Kubernetes writes.
    #[arg(long = "podInfo", default_value = "./etc/istio/pod")]
    pub(crate) pod_info: PathBuf,
    /// Where the pod's resolvers are named; default `/etc/resolv.conf`.
    #[arg(long = "resolvConf")]
    pub(crate) resolv_conf: Option<PathBuf>,
    /// Envoy's program file.
    #[arg(long = "binaryPath")]
    pub(crate) binary_path: Option<PathBuf>,
}

/// Reads the command line. Unknown flags are left out, as pilot-agent's callers expect, and returned.
///
/// # Errors
/// A known flag with a bad value, or a request for help or version.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<(Args, Vec<String>), clap::Error> {
    let mut args = args.into_iter().collect::<Vec<_>>();
    let mut unknown = Vec::new();
    loop {
        let error = match Args::try_parse_from(&args) {
            Ok(parsed) => return Ok((parsed, unknown)),
            Err(error) => error,
        };
        match unknown_flag(&error).and_then(|flag| position(&args, &flag)) {
            Some(at) => unknown.push(args.remove(at).to_string_lossy().into_owned()),
            None => return Err(error),
        }
    }
}

fn unknown_flag(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) if error.kind() == ErrorKind::UnknownArgument && flag.starts_with("--") => {
            Some(flag.clone())
        }
        _ => None,
    }
}

fn position(args: &[OsString], flag: &str) -> Option<usize> {
    args.iter().position(|arg| {
        let arg = arg.to_string_lossy();
        arg.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(line: &str) -> (ProxyArgs, Vec<String>) {
        let (args, unknown) = parse(line.split(' ').map(OsString::from)).unwrap();
        match args.command {
            Command::Proxy(args) => (*args, unknown),
            _ => panic!("{args:?}"),
        }
    }

    #[test]
    fn pilot_agents_command_line_is_taken() {
        let (args, unknown) = proxy(
            "heddle-agent proxy sidecar --domain shop.svc.cluster.local --proxyLogLevel=warning \
             --proxyComponentLogLevel=misc:error --log_output_level=default:info --log_as_json --stsPort=15463",
        );
        assert_eq!(args.kind, NodeType::Sidecar);
        assert_eq!(args.domain.as_deref(), Some("shop.svc.cluster.local"));
        assert!(args.log_as_json);
        assert_eq!(unknown, ["--stsPort=15463"]);
    }

    #[test]
    fn every_address_can_be_set() {
        let (args, _) = proxy(
            "heddle-agent proxy router --adminAddr 127.0.1.1:15000 --statusAddr 127.0.1.1:15020 \
             --readinessAddr 127.0.1.1:15021 --prometheusAddr 127.0.1.1:15090",
        );
        assert_eq!(args.kind, NodeType::Router);
        assert_eq!(args.status, Some("127.0.1.1:15020".parse().unwrap()));
        assert!(parse(["a", "proxy", "sidecar", "--adminAddr", "x"].map(OsString::from)).is_err());
        assert!(parse(["a", "proxy", "ztunnel"].map(OsString::from)).is_err());
    }

    #[test]
    fn what_follows_a_tether_is_left_alone() {
        let (args, _) = parse(["a", "tether", "7", "--", "envoy", "-c", "--x"].map(OsString::from)).unwrap();
        let Command::Tether { parent: 7, command } = args.command else { panic!("{args:?}") };
        assert_eq!(command, ["envoy", "-c", "--x"]);
    }
}
