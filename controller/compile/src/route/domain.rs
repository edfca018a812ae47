//! Domains of virtual hosts: every name under which a client may know a service.

use std::net::IpAddr;

use heddle_model::{host::Host, service::Service};

use crate::view::ViewKey;

/// A host as it is written. Nothing says that other names mean the same where no service has it.
pub(crate) fn itself(host: &Host) -> String {
    match host.as_str().parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_string(),
    }
}

/// Names of a service's host without port: itself, with the DNS root's dot, and the short forms of Kubernetes' search
/// path.
fn of_host(host: &Host, view: &ViewKey) -> Vec<String> {
    let mut names = vec![itself(host)];
    if host.as_str() == "*" || host.as_str().parse::<IpAddr>().is_ok() {
        return names;
    }
    names.push(format!("{host}."));
    if host.is_wildcard() {
        return names;
    }
    names.extend(short(host.as_str(), &view.domain));
    names
}

/// Names of a service: its host's, those of each pod where it is headless, and its addresses.
pub(crate) fn of_service(service: &Service, view: &ViewKey) -> Vec<String> {
    let mut names = of_host(&service.host, view);
    if service.headless {
        names.extend(names.clone().into_iter().map(|name| format!("*.{name}")));
    }
    names.extend(service.aliases.iter().flat_map(|alias| of_host(alias, view)));
    names.extend(addresses(service, view));
    names
}

/// Virtual addresses that this view's clients may put into `Host`.
pub(crate) fn addresses(service: &Service, view: &ViewKey) -> Vec<String> {
    let usable = |ip: &IpAddr| if ip.is_ipv4() { view.ipv4 } else { view.ipv6 };
    let fixed = service.addresses.iter().filter(|net| net.prefix_len() == net.max_prefix_len()).map(ipnet::IpNet::addr);
    let allocated = service.auto_addresses.iter().copied().filter(|_| view.dns_capture);
    let text = |ip: IpAddr| if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() };
    fixed.chain(allocated).filter(usable).map(text).collect()
}

/// The short forms of `<name>.<namespace>.svc.<domain>` that resolve in the view's namespace.
fn short(host: &str, view_domain: &str) -> Vec<String> {
    let Some((own, rest)) = view_domain.split_once('.') else { return Vec::new() };
    let Some(cluster) = rest.strip_prefix("svc.") else { return Vec::new() };
    let Some(pair) = host.strip_suffix(cluster).and_then(|h| h.strip_suffix(".svc.")) else { return Vec::new() };
    match pair.rsplit_once('.') {
        Some((name, namespace)) if namespace == own => vec![name.into(), format!("{pair}.svc"), pair.into()],
        Some(_) => vec![pair.into(), format!("{pair}.svc")],
        // Without a namespace it is no name of Kubernetes: others own what would be left of it.
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn short_forms_follow_the_search_path() {
        let own = short("a.default.svc.cluster.local", "default.svc.cluster.local");
        assert_eq!(own, ["a", "a.default.svc", "a.default"]);
        let other = short("a.other.svc.cluster.local", "default.svc.cluster.local");
        assert_eq!(other, ["a.other", "a.other.svc"]);
        assert!(short("a.com", "default.svc.cluster.local").is_empty());
        assert!(short("a.svc.cluster.local", "default.svc.cluster.local").is_empty());
    }
}
