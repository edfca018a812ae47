//! `heddle-agent capture`: redirects a pod's traffic to its proxy by iptables, with istio-iptables' flags.
//!
//! What is written is a function of the flags and of the pod's resolver (`rules.rs`). It is applied a table at a time, each
//! in one step that also takes away what an earlier run wrote (`apply.rs`): the same flags twice leave the same rules.

mod apply;
mod check;
mod inbound;
mod outbound;
mod rules;

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;

pub(crate) use apply::CaptureError;

/// What is captured, and how. Names and defaults are istio-iptables'.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CaptureArgs {
    /// The port to which calls of the pod are redirected.
    #[arg(short = 'p', long = "envoy-port", default_value_t = 15001)]
    pub(crate) outbound_port: u16,
    /// The port to which calls to the pod are redirected.
    #[arg(short = 'z', long = "inbound-capture-port", default_value_t = 15006)]
    pub(crate) inbound_port: u16,
    /// The users whose calls are the proxy's own, with commas between.
    #[arg(short = 'u', long = "proxy-uid", default_value = "1337")]
    pub(crate) users: String,
    /// The groups whose calls are the proxy's own; default is those of `-u`.
    #[arg(short = 'g', long = "proxy-gid", default_value = "")]
    pub(crate) groups: String,
    /// How calls to the pod are captured.
    #[arg(short = 'm', long = "istio-inbound-interception-mode", default_value = "REDIRECT")]
    pub(crate) mode: Mode,
    /// The ports on which calls to the pod are captured; `*` is all.
    #[arg(short = 'b', long = "istio-inbound-ports", default_value = "")]
    pub(crate) include_inbound: String,
    /// The ports on which they are not, if `-b` is `*`.
    #[arg(short = 'd', long = "istio-local-exclude-ports", default_value = "")]
    pub(crate) exclude_inbound: String,
    /// The networks to which calls of the pod are captured; `*` is all.
    #[arg(short = 'i', long = "istio-service-cidr", default_value = "")]
    pub(crate) include_ranges: String,
    /// The networks to which they are not, if `-i` is `*`.
    #[arg(short = 'x', long = "istio-service-exclude-cidr", default_value = "")]
    pub(crate) exclude_ranges: String,
    /// The ports to which calls of the pod are captured whatever the network; `*` is all.
    #[arg(short = 'q', long = "istio-outbound-ports", default_value = "")]
    pub(crate) include_outbound: String,
    /// The ports to which they are not.
    #[arg(short = 'o', long = "istio-local-outbound-ports-exclude", default_value = "")]
    pub(crate) exclude_outbound: String,
    /// The interfaces of virtual machines, whose calls count as calls of the pod.
    #[arg(short = 'k', long = "kube-virt-interfaces", default_value = "")]
    pub(crate) virtual_interfaces: String,
    /// The interfaces that are left alone.
    #[arg(short = 'c', long = "istio-exclude-interfaces", default_value = "")]
    pub(crate) exclude_interfaces: String,
    /// The mark of packets that a transparent proxy takes.
    #[arg(short = 't', long = "istio-inbound-tproxy-mark", default_value_t = 1337)]
    pub(crate) mark: u32,
    /// The routing table for them.
    #[arg(short = 'r', long = "istio-inbound-tproxy-route-table", default_value_t = 133)]
    pub(crate) route_table: u32,
    /// Captures questions to the pod's resolvers, to the agent, which answers on port 15053. The
    /// variable `ISTIO_META_DNS_CAPTURE=true` asks for it too.
    #[arg(long = "redirect-dns")]
    pub(crate) redirect_dns: bool,
    /// Where the pod's resolvers are named.
    #[arg(long = "resolv-conf", default_value = "/etc/resolv.conf")]
    pub(crate) resolv_conf: PathBuf,
    /// Prints what would be done, and does nothing.
    #[arg(short = 'n', long = "dry-run")]
    pub(crate) dry_run: bool,
    /// Takes all away that an earlier run wrote.
    #[arg(long = "cleanup-only", alias = "clean-up")]
    pub(crate) clean_up: bool,
    /// Writes no rules, as where a CNI plugin does.
    #[arg(long = "skip-rule-apply")]
    pub(crate) skip: bool,
    /// Checks that calls to the pod are captured, and fails if they are not.
    #[arg(long = "run-validation")]
    pub(crate) validate: bool,
    /// Writes the rules though they are there: always so, because it costs nothing.
    #[arg(long = "force-apply", hide = true)]
    pub(crate) force: bool,
    /// The agent's log level.
    #[arg(long = "log_output_level", default_value = "default:info")]
    pub(crate) log_output_level: String,
    /// Log lines are JSON objects.
    #[arg(long = "log_as_json")]
    pub(crate) log_as_json: bool,
}

/// How calls to the pod are captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Mode {
    /// Their destination is rewritten.
    Redirect,
    /// They are given to a transparent socket, which sees the caller's address.
    Tproxy,
    /// They are not.
    None,
}

/// A family of addresses; each has its own tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What is captured, read from the flags.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
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

/// Does what the flags say.
///
/// # Errors
/// When a flag cannot be read, a program is missing, or the kernel refuses a rule.
pub(crate) fn run(args: &CaptureArgs) -> Result<(), CaptureError> {
    let scope = scope(args)?;
    if args.mode == Mode::None && !args.clean_up {
        tracing::info!("nothing is captured in mode NONE");
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

fn scope(args: &CaptureArgs) -> Result<Scope, CaptureError> {
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
    Ok(Scope { args: args.clone(), include_ranges, exclude_ranges, resolvers })
}

/// The parts of a list with commas.
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

/// The resolvers of `resolv.conf`: only questions to them are captured, so that a program that asks another of its own
/// choice is left alone.
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
