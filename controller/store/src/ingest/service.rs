//! Kubernetes Service.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use heddle_model::{
    Text,
    host::Host,
    identity::Identity,
    mesh::Mesh,
    object::Origin,
    protocol::Protocol,
    service::{Preference, Resolution, Service, ServicePort, ServiceRegistry},
};
use ipnet::IpNet;

use super::{Report, name, scalar};
use crate::{
    kube::{self, PortName},
    object::Meta,
};

const EXPORT_TO: &str = "networking.istio.io/exportTo";
const TRAFFIC_DISTRIBUTION: &str = "networking.istio.io/traffic-distribution";
/// Service accounts of the cluster that may serve it, without or with their whole identity.
const ACCOUNTS: &str = "alpha.istio.io/kubernetes-serviceaccounts";
const CANONICAL_ACCOUNTS: &str = "alpha.istio.io/canonical-serviceaccounts";
/// How long a session sticks to its endpoint by default, in seconds.
const AFFINITY_SECONDS: u32 = 10_800;

/// A service with what finding its endpoints needs.
#[derive(Clone, Debug, PartialEq)]
pub struct KubeService {
    /// The service.
    pub service: Arc<Service>,
    /// Ports of the workloads by the name of the service's port, where the Service says them.
    pub targets: BTreeMap<Text, PortName>,
}

/// Ingests one. Nothing when its name cannot be a host.
#[must_use]
pub fn ingest(
    spec: &kube::ServiceSpec,
    meta: &Meta,
    origin: &Origin,
    mesh: &Mesh,
    report: &mut Report,
) -> Option<KubeService> {
    let namespace = origin.namespace();
    let full = name::service_host(mesh, namespace, origin.name());
    let host = name::literal_host(&full, "metadata.name", report)?;
    let headless = spec.cluster_ip == "None" || spec.cluster_ips.iter().any(|ip| ip == "None");
    let external_name = spec.kind == "ExternalName";
    let resolution = match external_name {
        true => Resolution::Alias(alias(&spec.external_name, report)?),
        false if headless => Resolution::Passthrough,
        false => Resolution::Static,
    };
    let exports = meta.annotations.get(EXPORT_TO).into_iter().flat_map(|text| text.split(','));
    let (ports, targets) = ports(spec, report);
    let affinity = spec.session_affinity_config.client_ip.timeout_seconds.unwrap_or(AFFINITY_SECONDS);
    let service = Service {
        origin: origin.clone(),
        host,
        aliases: Vec::new(),
        registry: ServiceRegistry::Kubernetes,
        addresses: if external_name { Vec::new() } else { addresses(spec, report) },
        auto_addresses: Vec::new(),
        ports,
        resolution,
        external: false,
        headless,
        export_to: name::export(namespace, exports, &mesh.service_export, "metadata.annotations", report),
        selector: spec.selector.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
        labels: meta.labels.clone(),
        subject_alt_names: accounts(meta, namespace, mesh),
        node_local: spec.internal_traffic_policy == "Local",
        prefer: preference(spec, meta),
        publish_not_ready: spec.publish_not_ready_addresses,
        session_affinity: (spec.session_affinity == "ClientIP").then_some(affinity),
    };
    Some(KubeService { service: Arc::new(service), targets })
}

fn alias(text: &str, report: &mut Report) -> Option<Host> {
    name::literal_host(text.strip_suffix('.').unwrap_or(text), "spec.externalName", report)
}

fn addresses(spec: &kube::ServiceSpec, report: &mut Report) -> Vec<IpNet> {
    let mut found: Vec<IpNet> = Vec::with_capacity(spec.cluster_ips.len().max(1));
    for text in std::iter::once(&spec.cluster_ip).chain(&spec.cluster_ips) {
        if text.is_empty() || text == "None" {
            continue;
        }
        match text.parse::<IpAddr>() {
            Ok(ip) if !found.contains(&ip.into()) => found.push(ip.into()),
            Ok(_) => {}
            Err(_) => report.error("spec.clusterIP", "BadAddress", format!("{text:?} is not an address")),
        }
    }
    found
}

fn ports(spec: &kube::ServiceSpec, report: &mut Report) -> (Vec<ServicePort>, BTreeMap<Text, PortName>) {
    let (mut ports, mut targets) = (Vec::with_capacity(spec.ports.len()), BTreeMap::new());
    for (index, written) in spec.ports.iter().enumerate() {
        let field = format!("spec.ports[{index}].port");
        let Some(number) = scalar::port(written.port, &field, report) else { continue };
        if written.protocol == "SCTP" {
            continue;
        }
        let protocol = Protocol::of_port(written.app_protocol.as_deref(), &written.name, number, &written.protocol);
        if let Some(target) = &written.target_port {
            targets.insert(written.name.clone(), target.clone());
        }
        ports.push(ServicePort { name: written.name.clone(), number, protocol });
    }
    (ports, targets)
}

fn preference(spec: &kube::ServiceSpec, meta: &Meta) -> Option<Preference> {
    let annotated = meta.annotations.get(TRAFFIC_DISTRIBUTION).map(|t| &**t);
    match annotated.unwrap_or(&spec.traffic_distribution) {
        "PreferClose" | "PreferSameZone" => Some(Preference::SameZone),
        "PreferSameNode" => Some(Preference::SameNode),
        _ => None,
    }
}

fn accounts(meta: &Meta, namespace: &str, mesh: &Mesh) -> Vec<Text> {
    let listed = |name: &str| meta.annotations.get(name).map(|t| &**t).unwrap_or_default().split(',').map(str::trim);
    let ours = listed(ACCOUNTS).filter_map(|sa| Identity::new(&mesh.trust_domain, namespace, sa).ok());
    let mut found: Vec<Text> = ours.map(|id| id.to_string().into()).collect();
    found.extend(listed(CANONICAL_ACCOUNTS).filter(|id| !id.is_empty()).map(Text::from));
    found
}
