//! Names of hosts.

use super::address;
use super::label::is_dns_label;
use super::report::{Report, quote};
use crate::decode::Path;

/// Checks a full name, without wildcards.
pub(super) fn fqdn(name: &str) -> Result<(), String> {
    length(name)?;
    dns_labels(name)
}

/// Checks a name whose first label may be, or begin with, a wildcard.
pub(super) fn wildcard(name: &str) -> Result<(), String> {
    length(name)?;
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    if !is_wildcard_label(first) {
        return Err(format!("{} is not a host name: its part {} is not a DNS label", quote(name), quote(first)));
    }
    match rest {
        Some(rest) => dns_labels(rest),
        None => Ok(()),
    }
}

/// Checks that a wildcard stands for a whole first label: Envoy finds server names of TLS by no other.
///
/// # Errors
/// That it does not.
pub fn whole_wildcard(name: &str) -> Result<(), String> {
    if name.contains('*') && name != "*" && !name.starts_with("*.") {
        return Err(format!("the wildcard of {} must be all of the first label", quote(name)));
    }
    Ok(())
}

/// Checks a host that stands behind a namespace, as gateways and sidecars have them.
pub(super) fn scoped(text: &str, at: &Path<'_>, scope: &HostRules, out: &mut Report) {
    let Some((namespace, host)) = text.split_once('/') else {
        match scope {
            HostRules::Sidecar => out.refuse(at, format_args!("{} is not of the form namespace/host", quote(text))),
            HostRules::Gateway { .. } => host_part(text, at, scope, out),
        }
        return;
    };
    if namespace.is_empty() || host.is_empty() {
        out.refuse(at, format_args!("neither the namespace nor the host of {} may be empty", quote(text)));
    }
    let is_namespace = match scope {
        HostRules::Sidecar => {
            ["*", ".", "~"].contains(&namespace) || is_dns_label(namespace.strip_prefix('~').unwrap_or(namespace))
        }
        HostRules::Gateway { generated: true } => true,
        HostRules::Gateway { generated: false } => ["*", "."].contains(&namespace) || is_dns_label(namespace),
    };
    if !is_namespace && !namespace.is_empty() {
        out.refuse(at, format_args!("{} is not a namespace", quote(namespace)));
    }
    host_part(host, at, scope, out);
}

/// Whose hosts are checked.
pub(super) enum HostRules {
    /// Those of a Sidecar's egress listener, where the namespace may also be `~`, and must be there.
    Sidecar,
    /// Those of a Gateway, which may be addresses.
    Gateway {
        /// Whether the Gateway was made from one of the Gateway API, whose namespaces are free.
        generated: bool,
    },
}

/// Whether every host that `inner` stands for is one that `outer` stands for.
pub(super) fn is_subset(inner: &str, outer: &str) -> bool {
    match outer.strip_prefix('*') {
        Some(suffix) => inner.strip_prefix('*').unwrap_or(inner).ends_with(suffix),
        None => inner == outer,
    }
}

/// Whether some host is one that both stand for.
pub(super) fn overlap(first: &str, second: &str) -> bool {
    is_subset(first, second) || is_subset(second, first)
}

fn host_part(host: &str, at: &Path<'_>, scope: &HostRules, out: &mut Report) {
    let is_address = matches!(scope, HostRules::Gateway { .. }) && address::ip(host).is_ok();
    if host != "*" && !host.contains('.') && !is_address {
        out.refuse(at, format_args!("{} is a short name; give all of it", quote(host)));
    }
    if !is_address {
        out.need(at, wildcard(host));
    }
    out.need(at, whole_wildcard(host));
}

fn length(name: &str) -> Result<(), String> {
    match name.len() {
        0 => Err("a host name must not be empty".to_owned()),
        1..=255 => Ok(()),
        _ => Err(format!("{} is longer than 255 letters", quote(name))),
    }
}

fn dns_labels(name: &str) -> Result<(), String> {
    // A final dot says that the name is not to be completed by a search list.
    let labels = name.strip_suffix('.').unwrap_or(name);
    if let Some(label) = labels.split('.').find(|label| !is_dns_label(label)) {
        return Err(format!("{} is not a host name: its part {} is not a DNS label", quote(name), quote(label)));
    }
    let last = labels.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) { Err(numeric(name)) } else { Ok(()) }
}

fn numeric(name: &str) -> String {
    format!("{} is not a host name: its last part is a number", quote(name))
}

fn is_wildcard_label(label: &str) -> bool {
    if label == "*" {
        return true;
    }
    let rest = label.strip_prefix("*-").or_else(|| label.strip_prefix('*')).unwrap_or(label);
    label.len() <= 63 && is_dns_label(rest)
}
