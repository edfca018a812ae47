//! `heddle-agent capture`: redirects the traffic of a pod to its proxy with iptables. The flags are those of
//! istio-iptables.
//!
//! The rules depend only on the flags and the resolvers of the pod (`rules.rs`). Each table is replaced in one step
//! (`apply.rs`), so the same flags always leave the same rules.

mod apply;
mod check;
mod inbound;
mod outbound;
mod rules;

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;

pub(crate) use apply::CaptureError;

/// The flags. Names and defaults are those of istio-iptables.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CaptureArgs {
    /// Redirect outbound connections to this port.
    #[arg(short = 'p', long = "envoy-port", default_value_t = 15001)]
    pub(crate) outbound_port: u16,
    /// Redirect inbound connections to this port.
    #[arg(short = 'z', long = "inbound-capture-port", default_value_t = 15006)]
    pub(crate) inbound_port: u16,
    /// Do not redirect connections of these user ids, which are the proxy's. Separate them with commas.
    #[arg(short = 'u', long = "proxy-uid", default_value = "1337")]
    pub(crate) users: String,
    /// Do not redirect connections of these group ids. The default is the value of `-u`.
    #[arg(short = 'g', long = "proxy-gid", default_value = "")]
    pub(crate) groups: String,
    /// Set how inbound connections are captured.
    #[arg(short = 'm', long = "istio-inbound-interception-mode", default_value = "REDIRECT")]
    pub(crate) mode: Mode,
    /// Capture inbound connections to these ports. `*` is all ports.
    #[arg(short = 'b', long = "istio-inbound-ports", default_value = "")]
    pub(crate) include_inbound: String,
    /// Do not capture inbound connections to these ports. It applies if `-b` is `*`.
    #[arg(short = 'd', long = "istio-local-exclude-ports", default_value = "")]
    pub(crate) exclude_inbound: String,
    /// Capture outbound connections to these networks. `*` is all networks.
    #[arg(short = 'i', long = "istio-service-cidr", default_value = "")]
    pub(crate) include_ranges: String,
    /// Do not capture outbound connections to these networks. It applies if `-i` is `*`.
    #[arg(short = 'x', long = "istio-service-exclude-cidr", default_value = "")]
    pub(crate) exclude_ranges: String,
    /// Capture outbound connections to these ports, to every network. `*` is all ports.
    #[arg(short = 'q', long = "istio-outbound-ports", default_value = "")]
    pub(crate) include_outbound: String,
    /// Do not capture outbound connections to these ports.
    #[arg(short = 'o', long = "istio-local-outbound-ports-exclude", default_value = "")]
    pub(crate) exclude_outbound: String,
    /// Treat connections from these virtual machine interfaces as outbound connections of the pod.
    #[arg(short = 'k', long = "kube-virt-interfaces", default_value = "")]
    pub(crate) virtual_interfaces: String,
    /// Capture no connections of these network interfaces.
    #[arg(short = 'c', long = "istio-exclude-interfaces", default_value = "")]
    pub(crate) exclude_interfaces: String,
    /// Set the packet mark of inbound connections in TPROXY mode.
    #[arg(short = 't', long = "istio-inbound-tproxy-mark", default_value_t = 1337)]
    pub(crate) mark: u32,
    /// Set the routing table of marked packets in TPROXY mode.
    #[arg(short = 'r', long = "istio-inbound-tproxy-route-table", default_value_t = 133)]
    pub(crate) route_table: u32,
    /// Redirect DNS queries to the agent, which answers on port 15053. The environment variable
    /// `ISTIO_META_DNS_CAPTURE=true` has the same effect.
    #[arg(long = "redirect-dns")]
    pub(crate) redirect_dns: bool,
    /// Read the DNS resolvers of the pod from this file.
    #[arg(long = "resolv-conf", default_value = "/etc/resolv.conf")]
    pub(crate) resolv_conf: PathBuf,
    /// Print the rules, and change nothing.
    #[arg(short = 'n', long = "dry-run")]
    pub(crate) dry_run: bool,
    /// Remove the rules of earlier runs.
    #[arg(long = "cleanup-only", alias = "clean-up")]
    pub(crate) clean_up: bool,
    /// Write no rules. Use it where a CNI plugin writes them.
    #[arg(long = "skip-rule-apply")]
    pub(crate) skip: bool,
    /// Check that inbound connections are captured, and fail if they are not.
    #[arg(long = "run-validation")]
    pub(crate) validate: bool,
    /// Replace existing rules. The agent always does this; the flag exists for istio-iptables' callers.
    #[arg(long = "force-apply", hide = true)]
    pub(crate) force: bool,
    /// Set the log level of the agent.
    #[arg(long = "log_output_level", default_value = "default:info")]
    pub(crate) log_output_level: String,
    /// Write each log line as a JSON object.
    #[arg(long = "log_as_json")]
    pub(crate) log_as_json: bool,
}

/// How inbound connections are captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Mode {
    /// Rewrite the destination address.
    Redirect,
    /// Use a transparent socket, which keeps the address of the client.
    Tproxy,
    /// Do not capture inbound connections.
    None,
}

/// An address family. Each has its own tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// The flags after parsing.
#[derive(Debug, Clone)]
pub(crate) struct CaptureScope {
    args: CaptureArgs,
    include_ranges: Ranges,
    exclude_ranges: Vec<IpNet>,
    resolvers: Vec<IpAddr>,
}

#[derive(Debug, Clone)]
enum Ranges {
    All,
    These(Vec<IpNet>),
}

/// Runs the command.
///
/// # Errors
/// When a flag is invalid, a program is missing, or the kernel refuses a rule.
pub(crate) fn run(args: &CaptureArgs) -> Result<(), CaptureError> {
    let scope = scope(args)?;
    if args.mode == Mode::None && !args.clean_up {
        tracing::info!("mode NONE: no traffic is captured");
        return Ok(());
    }
    if !args.skip {
        apply::apply(&scope)?;
    }
    if args.validate && !args.dry_run && !args.clean_up {
        check::check(args)?;
    }
    Ok(())
}

fn scope(args: &CaptureArgs) -> Result<CaptureScope, CaptureError> {
    for (flag, ports) in [
        ("-b", &args.include_inbound),
        ("-d", &args.exclude_inbound),
        ("-q", &args.include_outbound),
        ("-o", &args.exclude_outbound),
    ] {
        if let Some(wrong) = list(ports).find(|port| *port != "*" && port.parse::<u16>().is_err()) {
            return Err(CaptureError::Flag { flag, reason: format!("{wrong:?} is no port") });
        }
    }
    for (flag, ids) in [("-u", &args.users), ("-g", &args.groups)] {
        if let Some(wrong) = list(ids).find(|id| id.parse::<u32>().is_err()) {
            return Err(CaptureError::Flag { flag, reason: format!("{wrong:?} is no id") });
        }
    }
    for (flag, names) in [("-k", &args.virtual_interfaces), ("-c", &args.exclude_interfaces)] {
        let is_name = |name: &str| name.len() < 16 && name.chars().all(|c| c.is_ascii_graphic() && c != '/');
        if let Some(wrong) = list(names).find(|name| !is_name(name) || name.starts_with('-')) {
            return Err(CaptureError::Flag { flag, reason: format!("{wrong:?} is no interface") });
        }
    }
    let include_ranges = if args.include_ranges.trim() == "*" {
        Ranges::All
    } else {
        Ranges::These(ranges("-i", &args.include_ranges)?)
    };
    let exclude_ranges = ranges("-x", &args.exclude_ranges)?;
    let resolvers = if args.redirect_dns && !args.clean_up { resolvers(args)? } else { Vec::new() };
    Ok(CaptureScope { args: args.clone(), include_ranges, exclude_ranges, resolvers })
}

/// Splits a list at its commas.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn ranges(flag: &'static str, text: &str) -> Result<Vec<IpNet>, CaptureError> {
    let range = |text: &str| {
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(|net| net.trunc()).map_err(|_| CaptureError::Flag { flag, reason: format!("{text:?} is no network") })
    };
    list(text).map(range).collect()
}

/// The resolvers of `resolv.conf`. Only queries to them are captured. A program may still ask another resolver of its
/// choice.
fn resolvers(args: &CaptureArgs) -> Result<Vec<IpAddr>, CaptureError> {
    let path = &args.resolv_conf;
    let text = std::fs::read_to_string(path).map_err(|error| CaptureError::Resolvers(path.clone(), error))?;
    let named = |line: &str| {
        let address = line.trim().strip_prefix("nameserver")?.trim();
        address.split('%').next()?.parse().ok()
    };
    Ok(text.lines().filter_map(named).collect())
}

#[cfg(test)]
mod tests;
