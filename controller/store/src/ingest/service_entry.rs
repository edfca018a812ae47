//! ServiceEntry.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use heddle_crds::networking::service_entry::{self as written, Spec};
use heddle_model::{
    Text,
    endpoint::Address,
    host::Host,
    labels::Labels,
    mesh::Mesh,
    object::Origin,
    protocol::Protocol,
    service::{Resolution, Service, ServicePort, ServiceRegistry},
};
use ipnet::IpNet;

use super::{
    Report, name, scalar, tls,
    workload::{self, External},
};
use crate::object::{Meta, ServiceEntry};

/// A ServiceEntry: a service for each host, and what gives all of them their endpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The services.
    pub services: Vec<Arc<Service>>,
    /// Ports of the endpoints by the name of the service's port, where they differ from its number.
    pub targets: BTreeMap<Text, u16>,
    /// Endpoints that it lists.
    pub endpoints: Vec<External>,
    /// Labels by which it selects pods and WorkloadEntries of its namespace.
    pub selector: Option<Labels>,
    /// Addresses that its status keeps, by host.
    pub allocated: BTreeMap<Text, Vec<IpAddr>>,
}

/// Ingests one. Nothing when no host or no port is usable.
#[must_use]
pub fn ingest(object: &ServiceEntry, meta: &Meta, origin: &Origin, mesh: &Mesh, report: &mut Report) -> Option<Entry> {
    let spec = &object.spec;
    let (ports, targets) = ports(spec, report);
    let hosts = hosts(spec, report);
    if hosts.is_empty() {
        report.error("spec.hosts", "MissingHosts", "there is no usable host; the object is ignored");
        return None;
    }
    let selector = spec.workload_selector.as_ref().filter(|s| !s.labels.is_empty());
    let selector: Option<Labels> = selector.map(|s| s.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect());
    let exports = spec.export_to.iter().map(String::as_str);
    let template = Service {
        origin: origin.clone(),
        host: Host::any(),
        aliases: Vec::new(),
        registry: ServiceRegistry::External,
        addresses: addresses(spec, report),
        auto_addresses: Vec::new(),
        ports,
        resolution: resolution(spec.resolution),
        external: spec.location == written::Location::MeshExternal,
        headless: false,
        export_to: name::export(origin.namespace(), exports, &mesh.service_export, "spec.exportTo", report),
        selector: selector.clone().unwrap_or_default(),
        labels: meta.labels.clone(),
        subject_alt_names: tls::texts(&spec.subject_alt_names),
        node_local: false,
        prefer: None,
        publish_not_ready: false,
        session_affinity: None,
    };
    let endpoints = endpoints(spec, origin, report);
    if template.addresses.is_empty() && template.ports.iter().any(|port| port.protocol.is_tls()) {
        for host in hosts.iter().filter(|host| host.is_partial_wildcard()) {
            let message = format!(
                "the wildcard of {host} is not all of the first label, and Envoy finds no TLS connections by it; its \
                 TLS ports have no effect"
            );
            report.error("spec.hosts", "BadHost", message);
        }
    }
    let wild = hosts.iter().any(Host::is_wildcard) && endpoints.is_empty() && selector.is_none();
    if wild && matches!(spec.resolution, written::Resolution::Dns | written::Resolution::DnsRoundRobin) {
        report.error("spec.hosts", "Unresolvable", "a wildcard has no addresses in DNS; say endpoints");
    }
    let service = |host| Arc::new(Service { host, ..template.clone() });
    let services = hosts.into_iter().map(service).collect();
    Some(Entry { services, targets, endpoints, selector, allocated: object.allocated.clone() })
}

impl Entry {
    /// Whether one of its services needs an address of our own making.
    #[must_use]
    pub fn needs_address(service: &Service) -> bool {
        service.addresses.is_empty() && service.resolution != Resolution::Passthrough && !service.host.is_wildcard()
    }
}

fn resolution(resolution: written::Resolution) -> Resolution {
    match resolution {
        written::Resolution::None => Resolution::Passthrough,
        written::Resolution::Static => Resolution::Static,
        written::Resolution::Dns => Resolution::Dns,
        written::Resolution::DnsRoundRobin => Resolution::DnsRoundRobin,
        written::Resolution::DynamicDns => Resolution::DynamicDns,
    }
}

fn hosts(spec: &Spec, report: &mut Report) -> Vec<Host> {
    let mut found = Vec::with_capacity(spec.hosts.len());
    for (index, text) in spec.hosts.iter().enumerate() {
        let field = format!("spec.hosts[{index}]");
        let Some(host) = name::literal_host(text, &field, report) else { continue };
        if host == Host::any() {
            report.error(field, "BadHost", "`*` alone is not allowed; it is ignored");
        } else if found.contains(&host) {
            report.error(field, "DuplicateHost", format!("{host} is listed already"));
        } else {
            found.push(host);
        }
    }
    found
}

fn ports(spec: &Spec, report: &mut Report) -> (Vec<ServicePort>, BTreeMap<Text, u16>) {
    let (mut ports, mut targets): (Vec<ServicePort>, _) = (Vec::with_capacity(spec.ports.len()), BTreeMap::new());
    for (index, written) in spec.ports.iter().enumerate() {
        let field = format!("spec.ports[{index}]");
        let Some(number) = scalar::port(written.number, &format!("{field}.number"), report) else { continue };
        if ports.iter().any(|p| p.number == number || *p.name == *written.name) {
            report.error(field, "DuplicatePort", format!("port {number} or its name is there already; it is ignored"));
            continue;
        }
        let known = Protocol::parse(&written.protocol);
        if known.is_none() && !written.protocol.is_empty() {
            let message = format!("{:?} is not a protocol that we know; it is sniffed", written.protocol);
            report.error(format!("{field}.protocol"), "BadProtocol", message);
        }
        let name = Text::from(written.name.as_str());
        if written.target_port != 0 {
            let target = scalar::port(written.target_port, &format!("{field}.targetPort"), report);
            targets.extend(target.map(|target| (name.clone(), target)));
        }
        let protocol = known.unwrap_or_else(|| Protocol::of_port(None, &name, number, ""));
        ports.push(ServicePort { name, number, protocol });
    }
    (ports, targets)
}

fn addresses(spec: &Spec, report: &mut Report) -> Vec<IpNet> {
    let mut found = Vec::with_capacity(spec.addresses.len());
    for (index, text) in spec.addresses.iter().enumerate() {
        let parsed = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        match parsed.map(|net| net.trunc()) {
            Some(net) if !found.contains(&net) => found.push(net),
            Some(_) => {}
            None => {
                let message = format!("{text:?} is neither an address nor a CIDR; it is ignored");
                report.error(format!("spec.addresses[{index}]"), "BadAddress", message);
            }
        }
    }
    found
}

fn endpoints(spec: &Spec, origin: &Origin, report: &mut Report) -> Vec<External> {
    if spec.resolution == written::Resolution::None && !spec.endpoints.is_empty() {
        report.error("spec.endpoints", "Exclusive", "endpoints have no effect with resolution NONE");
        return Vec::new();
    }
    if spec.workload_selector.is_some() && !spec.endpoints.is_empty() {
        report.error("spec.endpoints", "Exclusive", "endpoints and workloadSelector exclude each other; both are used");
    }
    let mut found = Vec::with_capacity(spec.endpoints.len());
    for (index, written) in spec.endpoints.iter().enumerate() {
        let field = format!("spec.endpoints[{index}]");
        let Some(external) = workload::external(written, &Meta::default(), origin, &field, report) else { continue };
        let resolved = spec.resolution == written::Resolution::Static;
        if resolved && matches!(external.address, Address::Name(_)) {
            let message = "with resolution STATIC an endpoint has an IP address; it is ignored";
            report.error(format!("{field}.address"), "BadAddress", message);
            continue;
        }
        found.push(external);
    }
    let single = spec.resolution == written::Resolution::DnsRoundRobin;
    if single && found.len() > 1 {
        report.error("spec.endpoints", "TooManyEndpoints", "DNS_ROUND_ROBIN takes one endpoint; the first is taken");
        found.truncate(1);
    }
    found
}
