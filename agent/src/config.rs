//! All settings. The order is: flags, then the environment, then ProxyConfig, then defaults.
//!
//! No other file reads the environment. Names and defaults are those of pilot-agent, so that a pod that was made for
//! pilot-agent works with this agent.

mod application;
mod dns;
mod duration;
mod node;
mod pod_info;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use heddle_crds::decode::decode_at;
use heddle_crds::mesh::ProxyConfig;
use heddle_model::identity::{Identity, IdentityError};

use crate::args::ProxyArgs;
use crate::probes::Probes;

pub(crate) use application::Scrape;
pub(crate) use dns::Dns;
pub(crate) use duration::duration;
pub(crate) use node::Node;

/// The longest path of a Unix socket on Linux, without the final zero.
const MAX_SOCKET_PATH: usize = 107;

/// The environment variables.
pub(crate) type Env = BTreeMap<String, String>;

/// The settings of the agent. They do not change while it runs.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The identity of the workload, which its certificate must have.
    pub(crate) identity: Identity,
    /// The Node that Envoy sends to the control plane.
    pub(crate) node: Node,
    /// The addresses of the servers.
    pub(crate) addresses: Addresses,
    /// How to reach xDS of the control plane.
    pub(crate) discovery: Upstream,
    /// How to reach the certificate authority.
    pub(crate) ca: Upstream,
    /// The file of the workload's token. It is read at each use, because it is replaced before it expires.
    pub(crate) token_file: PathBuf,
    /// The name of the cluster, which is sent with each call.
    pub(crate) cluster_id: String,
    /// How certificates are requested and renewed.
    pub(crate) certificate: Certificate,
    /// How Envoy runs.
    pub(crate) envoy: Envoy,
    /// The metrics of the application that are merged.
    pub(crate) scrapes: Vec<Scrape>,
    /// The probes and hooks of the application, which the agent runs.
    pub(crate) probes: Probes,
    /// How the agent answers DNS queries. `None` is not at all.
    pub(crate) dns: Option<Dns>,
    /// ProxyConfig, for the bootstrap.
    pub(crate) proxy: ProxyConfig,
}

/// Where things listen.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// Envoy's admin interface.
    pub(crate) admin: SocketAddr,
    /// The agent's own pages.
    pub(crate) status: SocketAddr,
    /// Readiness, served by Envoy.
    pub(crate) readiness: SocketAddr,
    /// Envoy's metrics, served by Envoy.
    pub(crate) prometheus: SocketAddr,
    /// The Unix socket on which Envoy finds discovery.
    pub(crate) xds_socket: PathBuf,
    /// The Unix socket on which Envoy finds its secrets.
    pub(crate) sds_socket: PathBuf,
}

/// A server of the control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upstream {
    /// `host:port`.
    pub(crate) address: String,
    /// The name that the server's certificate must have.
    pub(crate) server_name: String,
    /// The file of the root certificates that verify the server. It is read for each connection.
    pub(crate) roots: PathBuf,
}

/// How certificates are requested and renewed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Certificate {
    /// The requested lifetime.
    pub(crate) ttl: Duration,
    /// The share of the remaining lifetime after which a certificate is renewed.
    pub(crate) renew_at: f64,
    /// The random part of the renewal time, as a share of the remaining lifetime.
    pub(crate) jitter: f64,
}

/// How Envoy runs and stops.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Envoy {
    /// The program file of Envoy.
    pub(crate) binary: PathBuf,
    /// The bootstrap file. It is written at each start.
    pub(crate) bootstrap: PathBuf,
    /// A file with bootstrap settings of the pod, which override ours.
    pub(crate) override_file: Option<PathBuf>,
    /// `--concurrency`. `None` is Envoy's default, one thread for each processor.
    pub(crate) concurrency: Option<u32>,
    /// `--log-level`.
    pub(crate) log_level: String,
    /// `--component-log-level`.
    pub(crate) component_log_level: String,
    /// `--drain-time-s`.
    pub(crate) drain: Duration,
    /// How long connections may continue after SIGTERM.
    pub(crate) termination_drain: Duration,
    /// Stop earlier if no connection is left, but not before this time.
    pub(crate) exit_when_idle: Option<Duration>,
    /// Whether xDS uses the delta protocol. Otherwise it is state-of-the-world.
    pub(crate) delta: bool,
}

/// Why the settings are invalid.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// A variable or flag is invalid.
    #[error("{name}: {reason}")]
    Value {
        /// The name of the variable or flag.
        name: &'static str,
        /// The error.
        reason: String,
    },
    /// The names in the environment are not a valid identity.
    #[error("invalid identity of the workload: {0}")]
    Identity(#[from] IdentityError),
}

/// The environment of the process. Variables that are not UTF-8 are ignored.
#[must_use]
pub(crate) fn environment() -> Env {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Builds the settings.
///
/// # Errors
/// When a variable or flag is invalid. The error names it.
pub(crate) fn config(args: &ProxyArgs, env: &Env) -> Result<Config, ConfigError> {
    let proxy_config = proxy_config(env)?;
    let text = |name: &str, default: &str| {
        env.get(name).filter(|value| !value.is_empty()).map_or(default, |value| value).to_owned()
    };
    let namespace = text("POD_NAMESPACE", "default");
    let trust_domain = text("TRUST_DOMAIN", "cluster.local");
    let identity = Identity::new(&trust_domain, &namespace, &text("SERVICE_ACCOUNT", "default"))?;
    let addresses = addresses(args, &proxy_config);
    let discovery = discovery(args, env, &proxy_config);
    let ca_address = args.ca_address.clone().or_else(|| env.get("CA_ADDR").filter(|value| !value.is_empty()).cloned());
    let ca = Upstream {
        roots: roots(args, env, "CA_ROOT_CA"),
        ..upstream(args, env, &ca_address.unwrap_or_else(|| discovery.address.clone()))
    };
    let node = node::node(args, env, &proxy_config, &addresses, &namespace)?;
    Ok(Config {
        dns: dns::dns(&node, env, &resolv_conf(args, env))?,
        node,
        identity,
        discovery,
        ca,
        token_file: args.token_file.clone().unwrap_or_else(|| "./var/run/secrets/tokens/istio-token".into()),
        cluster_id: text("ISTIO_META_CLUSTER_ID", "Kubernetes"),
        certificate: certificate(env)?,
        envoy: envoy(args, env, &proxy_config)?,
        scrapes: application::scrapes(env)?,
        probes: application::probes(env)?,
        addresses,
        proxy: proxy_config,
    })
}

/// The pod's ProxyConfig, as the injector hands it on.
fn proxy_config(env: &Env) -> Result<ProxyConfig, ConfigError> {
    const NAME: &str = "PROXY_CONFIG";
    let Some(text) = env.get(NAME).filter(|text| !text.is_empty()) else { return Ok(ProxyConfig::default()) };
    let value = serde_json::from_str(text).map_err(|error| bad(NAME, error))?;
    decode_at("", &value).map(|decoded| decoded.spec).map_err(|error| bad(NAME, error))
}

/// A duration of ProxyConfig, in seconds where it is not set.
fn drain(duration: Option<heddle_crds::Duration>, default: u64) -> Result<Duration, ConfigError> {
    let Some(duration) = duration else { return Ok(Duration::from_secs(default)) };
    duration.to_std().ok_or_else(|| bad("PROXY_CONFIG", "a duration is negative"))
}

fn bad(name: &'static str, reason: impl std::fmt::Display) -> ConfigError {
    ConfigError::Value { name, reason: reason.to_string() }
}

fn addresses(args: &ProxyArgs, proxy_config: &ProxyConfig) -> Addresses {
    let any = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
    let loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let sockets = args.socket_dir.clone().unwrap_or_else(|| config_path(args, proxy_config));
    Addresses {
        admin: args.admin.unwrap_or_else(|| loopback(proxy_config.proxy_admin_port.unwrap_or(15000))),
        status: args.status.unwrap_or_else(|| any(proxy_config.status_port.unwrap_or(15020))),
        readiness: args.readiness.unwrap_or_else(|| any(15021)),
        prometheus: args.prometheus.unwrap_or_else(|| any(15090)),
        xds_socket: bindable(sockets.join("XDS")),
        sds_socket: bindable(sockets.join("SDS")),
    }
}

/// The path of a Unix socket has a limit. A longer path is made relative to the working folder, which Envoy shares.
fn bindable(path: PathBuf) -> PathBuf {
    if path.as_os_str().len() <= MAX_SOCKET_PATH {
        return path;
    }
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).map(Path::to_owned).unwrap_or(path)
}

fn config_path(args: &ProxyArgs, proxy_config: &ProxyConfig) -> PathBuf {
    let path = args.config_path.clone().or_else(|| proxy_config.config_path.clone());
    path.unwrap_or_else(|| "./etc/istio/proxy".into())
}

fn discovery(args: &ProxyArgs, env: &Env, proxy_config: &ProxyConfig) -> Upstream {
    let address = args.discovery_address.as_ref().or(proxy_config.discovery_address.as_ref());
    upstream(args, env, address.map_or("istiod.istio-system.svc:15012", |address| address))
}

fn upstream(args: &ProxyArgs, env: &Env, address: &str) -> Upstream {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let server_name = args.server_name.clone().or_else(|| env.get("ISTIOD_SAN").cloned());
    Upstream {
        address: address.to_owned(),
        server_name: server_name.unwrap_or_else(|| host.trim_matches(['[', ']']).to_owned()),
        roots: roots(args, env, "XDS_ROOT_CA"),
    }
}

fn roots(args: &ProxyArgs, env: &Env, variable: &str) -> PathBuf {
    let path = args.ca_root.clone().or_else(|| env.get(variable).map(PathBuf::from));
    path.unwrap_or_else(|| "./var/run/secrets/istio/root-cert.pem".into())
}

fn resolv_conf(args: &ProxyArgs, env: &Env) -> PathBuf {
    let path = args.resolv_conf.clone().or_else(|| env.get("RESOLV_CONF").map(PathBuf::from));
    path.unwrap_or_else(|| "/etc/resolv.conf".into())
}

fn certificate(env: &Env) -> Result<Certificate, ConfigError> {
    let share = |name: &'static str, default: f64| match env.get(name) {
        None => Ok(default),
        Some(text) => match text.parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
            _ => Err(bad(name, "not a number between 0 and 1")),
        },
    };
    Ok(Certificate {
        ttl: span(env, "SECRET_TTL")?.unwrap_or(Duration::from_hours(24)),
        renew_at: share("SECRET_GRACE_PERIOD_RATIO", 0.5)?,
        jitter: share("SECRET_GRACE_PERIOD_RATIO_JITTER", 0.01)?,
    })
}

fn span(env: &Env, name: &'static str) -> Result<Option<Duration>, ConfigError> {
    let Some(text) = env.get(name) else { return Ok(None) };
    duration(text).map(Some).ok_or_else(|| bad(name, format!("`{text}` is not a duration such as 24h or 5s")))
}

fn envoy(args: &ProxyArgs, env: &Env, proxy_config: &ProxyConfig) -> Result<Envoy, ConfigError> {
    let is_true = |name: &str| env.get(name).is_some_and(|value| value == "true");
    let cpus = env.get("ISTIO_CPU_LIMIT").and_then(|limit| limit.parse::<u32>().ok()).filter(|limit| *limit > 0);
    let concurrency = args.concurrency.or(proxy_config.concurrency).or(cpus);
    let binary = args.binary_path.clone().or_else(|| proxy_config.binary_path.clone());
    let idle = span(env, "MINIMUM_DRAIN_DURATION")?.unwrap_or(Duration::from_secs(5));
    Ok(Envoy {
        binary: binary.unwrap_or_else(|| "/usr/local/bin/envoy".into()),
        bootstrap: config_path(args, proxy_config).join("envoy-rev.json"),
        override_file: env.get("ISTIO_BOOTSTRAP_OVERRIDE").filter(|path| !path.is_empty()).map(PathBuf::from),
        concurrency: concurrency.filter(|count| *count > 0),
        log_level: args.proxy_log_level.clone(),
        component_log_level: args.proxy_component_log_level.clone(),
        drain: drain(proxy_config.drain_duration, 45)?,
        termination_drain: drain(proxy_config.termination_drain_duration, 5)?,
        exit_when_idle: is_true("EXIT_ON_ZERO_ACTIVE_CONNECTIONS").then_some(idle),
        delta: env.get("ISTIO_DELTA_XDS").is_none_or(|value| value != "false"),
    })
}

#[cfg(test)]
mod tests;
