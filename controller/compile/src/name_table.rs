//! The names that an agent answers for its workload: those of the services that the workload sees.

use std::{collections::BTreeMap, net::IpAddr};

use heddle_model::{
    endpoint::Health,
    service::{Service, ServiceRegistry},
};
use heddle_xds_api::istio::networking::nds::v1::{NameTable, name_table::NameInfo};

use crate::{compiled::Compiled, scope::Scope};

/// The table. A service without an address of its own is known by those of its pods, and each pod by its own name; one
/// that has none either is left to the resolver that knows more.
pub(crate) fn name_table(scope: &Scope<'_>) -> Compiled<NameTable> {
    let mut table = BTreeMap::new();
    for import in scope.seen.services.values() {
        let service = &import.service;
        let own = addresses(service);
        let ips = if own.is_empty() && service.headless { pods(scope, service, &mut table) } else { own };
        if !ips.is_empty() {
            let short = (service.registry == ServiceRegistry::Kubernetes).then(|| service.origin.name().to_string());
            table.insert(service.host.to_string(), info(service, &ips, short));
        }
    }
    Compiled::new(NameTable { table })
}

/// What clients connect to; networks are no addresses.
fn addresses(service: &Service) -> Vec<IpAddr> {
    let single =
        service.addresses.iter().filter(|net| net.prefix_len() == net.max_prefix_len()).map(ipnet::IpNet::addr);
    let mut ips: Vec<IpAddr> = single.collect();
    if ips.is_empty() {
        ips.clone_from(&service.auto_addresses);
    }
    ips
}

/// The addresses of a headless service's pods, those with a name of their own also by that.
fn pods(scope: &Scope<'_>, service: &Service, table: &mut BTreeMap<String, NameInfo>) -> Vec<IpAddr> {
    if service.registry != ServiceRegistry::Kubernetes {
        return Vec::new();
    }
    let mut all = Vec::new();
    let endpoints = scope.tracked.endpoints(&service.key());
    let ready = endpoints.into_iter().flat_map(|all| all.iter()).filter(|endpoint| endpoint.health == Health::Healthy);
    // `web.shop.svc.cluster.local` is where `web-0.web` lies: under `shop.svc.cluster.local`.
    let domain = service.host.as_str().split_once('.').map_or("", |(_, domain)| domain);
    for endpoint in ready {
        let Some(ip) = endpoint.address.ip() else { continue };
        if !all.contains(&ip) {
            all.push(ip);
        }
        if let Some(hostname) = &endpoint.hostname {
            let pod = table.entry(format!("{hostname}.{domain}"));
            let pod = pod.or_insert_with(|| info(service, &[], Some(hostname.to_string())));
            if !pod.ips.contains(&ip.to_string()) {
                pod.ips.push(ip.to_string());
            }
        }
    }
    all
}

/// An entry. Only what has a short name has a namespace: by both together the agent makes the forms in between.
fn info(service: &Service, ips: &[IpAddr], short: Option<String>) -> NameInfo {
    NameInfo {
        ips: ips.iter().map(ToString::to_string).collect(),
        registry: match service.registry {
            ServiceRegistry::Kubernetes => "Kubernetes".into(),
            ServiceRegistry::External => "External".into(),
        },
        namespace: if short.is_some() { service.namespace().to_string() } else { String::new() },
        shortname: short.unwrap_or_default(),
    }
}
