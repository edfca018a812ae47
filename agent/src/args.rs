//! The command line. Flags have the names of pilot-agent. pilot-agent has fixed addresses; the flags for them are ours.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand, ValueEnum};

use crate::capture::CaptureArgs;

/// Run Envoy beside a workload, with its certificate and its configuration.
#[derive(Debug, Parser)]
#[command(
    name = "heddle-agent",
    version,
    after_help = "\
Examples:
  heddle-agent proxy sidecar --domain shop.svc.cluster.local
  heddle-agent wait --timeoutSeconds 120
  heddle-agent request POST drain --debug-port 15020"
)]
pub(crate) struct Args {
    /// The subcommand.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run Envoy and the agent until SIGTERM.
    ///
    /// The agent gets a certificate for the workload, starts Envoy, and connects it to the control plane.
    #[command(after_help = "\
Examples:
  heddle-agent proxy sidecar --domain shop.svc.cluster.local --proxyLogLevel=warning
  heddle-agent proxy router --discoveryAddress istiod.istio-system.svc:15012")]
    Proxy(Box<ProxyArgs>),
    /// Redirect the traffic of a pod to its proxy with iptables.
    ///
    /// The flags are those of istio-iptables. A second run replaces the rules of the first run.
    #[command(
        alias = "istio-iptables",
        after_help = "\
Examples:
  heddle-agent capture -p 15001 -z 15006 -u 1337 -m REDIRECT -i '*' -b '*' -d 15090,15021,15020
  heddle-agent capture --dry-run -i '*' -b '*'
  heddle-agent capture --cleanup-only"
    )]
    Capture(Box<CaptureArgs>),
    /// Send a request to Envoy's admin interface or to the agent.
    ///
    /// The lifecycle hooks of pods use this command.
    #[command(after_help = "\
Examples:
  heddle-agent request GET stats
  heddle-agent request POST drain --debug-port 15020")]
    Request {
        /// The HTTP method, for example `POST`.
        method: http::Method,
        /// The path, for example `drain`. The leading slash is optional.
        path: String,
        /// Set the port on loopback. 15000 is Envoy's admin interface, and 15020 is the agent.
        #[arg(long = "debug-port", default_value_t = 15000)]
        port: u16,
    },
    /// Wait until the proxy is ready.
    ///
    /// With this command as a hook, the application starts after the proxy.
    #[command(after_help = "\
Examples:
  heddle-agent wait
  heddle-agent wait --timeoutSeconds 120 --periodMillis 200")]
    Wait {
        /// Ask for readiness at this address.
        #[arg(long = "addr", default_value = "127.0.0.1:15021")]
        at: SocketAddr,
        /// Wait at most this long in total, in seconds.
        #[arg(long = "timeoutSeconds", default_value_t = 60)]
        seconds: u64,
        /// Wait this long between two requests, in milliseconds.
        #[arg(long = "periodMillis", default_value_t = 500)]
        period: u64,
        /// Wait at most this long for one response, in milliseconds.
        #[arg(long = "requestTimeoutMillis", default_value_t = 500)]
        patience: u64,
    },
    /// Run another program that ends when its parent process ends. The agent starts Envoy this way.
    #[command(hide = true)]
    Tether {
        /// The id of the process that started this one.
        parent: u32,
        /// The program and its arguments.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
}

/// The type of proxy, which is the first part of the node id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NodeType {
    /// A proxy beside a workload.
    Sidecar,
    /// A gateway.
    Router,
}

/// The flags of `proxy`. For a missing flag, `config.rs` uses the environment variable, then the default.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ProxyArgs {
    /// The type of proxy.
    #[arg(value_enum)]
    pub(crate) kind: NodeType,
    /// Set the DNS domain of the workload. The default is `<namespace>.svc.cluster.local`.
    #[arg(long)]
    pub(crate) domain: Option<String>,
    /// Set the log level of Envoy.
    #[arg(long = "proxyLogLevel", default_value = "warning")]
    pub(crate) proxy_log_level: String,
    /// Set the log levels of Envoy's components, for example `misc:error`.
    #[arg(long = "proxyComponentLogLevel", default_value = "misc:error")]
    pub(crate) proxy_component_log_level: String,
    /// Set the log level of the agent, for example `default:info` or `info`.
    #[arg(long = "log_output_level", default_value = "default:info")]
    pub(crate) log_output_level: String,
    /// Write each log line as a JSON object.
    #[arg(long = "log_as_json")]
    pub(crate) log_as_json: bool,
    /// Set the number of Envoy's worker threads. 0 is one for each processor.
    #[arg(long)]
    pub(crate) concurrency: Option<u32>,
    /// Set Envoy's flag `--service-cluster`.
    #[arg(long = "serviceCluster", default_value = "istio-proxy")]
    pub(crate) service_cluster: String,

    /// Set the address of Envoy's admin interface. The default is `127.0.0.1:15000`.
    #[arg(long = "adminAddr")]
    pub(crate) admin: Option<SocketAddr>,
    /// Set the address of the agent's pages for merged metrics, readiness and exit. The default is `0.0.0.0:15020`.
    #[arg(long = "statusAddr")]
    pub(crate) status: Option<SocketAddr>,
    /// Set the address where Envoy serves readiness. The default is `0.0.0.0:15021`.
    #[arg(long = "readinessAddr")]
    pub(crate) readiness: Option<SocketAddr>,
    /// Set the address where Envoy serves its metrics. The default is `0.0.0.0:15090`.
    #[arg(long = "prometheusAddr")]
    pub(crate) prometheus: Option<SocketAddr>,
    /// Connect to the control plane at this `host:port`. The default is `discoveryAddress` of the ProxyConfig.
    #[arg(long = "discoveryAddress")]
    pub(crate) discovery_address: Option<String>,
    /// Get certificates from this `host:port`. The default is the discovery address.
    #[arg(long = "caAddress")]
    pub(crate) ca_address: Option<String>,
    /// Expect this name in the certificate of the control plane. The default is the host of its address.
    #[arg(long = "serverName")]
    pub(crate) server_name: Option<String>,
    /// Verify the control plane with the root certificates in this file.
    #[arg(long = "caRoot")]
    pub(crate) ca_root: Option<PathBuf>,
    /// Read the token of the workload from this file.
    #[arg(long = "tokenFile")]
    pub(crate) token_file: Option<PathBuf>,
    /// Write Envoy's bootstrap file to this folder. The default is `./etc/istio/proxy`.
    #[arg(long = "configPath")]
    pub(crate) config_path: Option<PathBuf>,
    /// Create the Unix sockets between Envoy and the agent in this folder. The default is that of `--configPath`.
    #[arg(long = "socketDir")]
    pub(crate) socket_dir: Option<PathBuf>,
    /// Read the files `labels` and `annotations`, which Kubernetes writes, from this folder.
    #[arg(long = "podInfo", default_value = "./etc/istio/pod")]
    pub(crate) pod_info: PathBuf,
    /// Read the DNS resolvers of the pod from this file. The default is `/etc/resolv.conf`.
    #[arg(long = "resolvConf")]
    pub(crate) resolv_conf: Option<PathBuf>,
    /// Start this Envoy program. The default is `binaryPath` of the ProxyConfig.
    #[arg(long = "binaryPath")]
    pub(crate) binary_path: Option<PathBuf>,
}

/// Reads the command line. Unknown flags are ignored, as callers of pilot-agent expect, and returned.
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
