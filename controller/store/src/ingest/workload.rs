//! Pods, WorkloadEntries and the places of nodes.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use heddle_crds::{networking::workload_entry, validate::address::unix};
use heddle_model::{Text, endpoint::Address, labels::Labels, locality::Locality, object::Origin, workload::Workload};

use super::{Report, scalar};
use crate::{kube, object::Meta};

const TLS_MODE: &str = "security.istio.io/tlsMode";
const LOCALITY: &str = "istio-locality";
const NETWORK: &str = "topology.istio.io/network";

/// A WorkloadEntry, or an endpoint of a ServiceEntry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// The workload; without addresses where the endpoint is a name or a socket.
    pub workload: Arc<Workload>,
    /// Where it listens.
    pub address: Address,
    /// Share of the load, at least 1.
    pub weight: u32,
}

/// Where a node is, by its labels.
#[must_use]
pub fn place(labels: &Labels) -> Locality {
    let label = |keys: [&str; 2]| keys.iter().find_map(|k| labels.get(k)).cloned().unwrap_or_default();
    Locality {
        region: label(["topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"]),
        zone: label(["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"]),
        subzone: label(["topology.istio.io/subzone", "topology.istio.io/subzone"]),
    }
}

/// Ingests a pod. Nothing while it has no address, and after its end, when its address may be another's.
#[must_use]
pub fn pod(pod: &kube::Pod, meta: &Meta, origin: &Origin, place: Option<&Locality>) -> Option<Workload> {
    if matches!(&*pod.status.phase, "Succeeded" | "Failed") {
        return None;
    }
    let mut addresses: Vec<IpAddr> = Vec::with_capacity(1);
    let texts = std::iter::once(&pod.status.pod_ip).chain(pod.status.pod_ips.iter().map(|a| &a.ip));
    for address in texts.filter_map(|text| text.parse().ok()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return None;
    }
    let beside = pod.spec.init_containers.iter().filter(|container| &*container.restart_policy == "Always");
    let containers = beside.chain(&pod.spec.containers);
    let named = containers.flat_map(|container| &container.ports).filter(|port| !port.name.is_empty());
    let account = &pod.spec.service_account_name;
    Some(Workload {
        origin: origin.clone(),
        addresses,
        labels: meta.labels.clone(),
        service_account: if account.is_empty() { "default".into() } else { account.clone() },
        node: pod.spec.node_name.clone(),
        locality: locality(&meta.labels).or_else(|| place.cloned()).unwrap_or_default(),
        network: meta.labels.get(NETWORK).cloned().unwrap_or_default(),
        ports: named.filter_map(|p| Some((p.name.clone(), u16::try_from(p.container_port).ok()?))).collect(),
        workload_name: controller(pod, meta, origin),
        hostname: pod.spec.hostname.clone(),
        subdomain: pod.spec.subdomain.clone(),
        mtls: meta.labels.get(TLS_MODE).is_some_and(|mode| &**mode == "istio"),
        ready: pod.status.conditions.iter().any(|c| &*c.kind == "Ready" && &*c.status == "True"),
    })
}

/// Ingests a WorkloadEntry, or an endpoint of a ServiceEntry. Nothing when it says no usable address.
#[must_use]
pub fn external(
    spec: &workload_entry::Spec,
    meta: &Meta,
    origin: &Origin,
    field: &str,
    report: &mut Report,
) -> Option<External> {
    let address = address(&spec.address, field, report)?;
    let mut labels = meta.labels.clone();
    for (key, value) in &spec.labels {
        labels.insert(key.as_str(), value.as_str());
    }
    let mut ports = BTreeMap::new();
    for (name, number) in &spec.ports {
        let port = scalar::port(*number, &format!("{field}.ports[{name:?}]"), report);
        ports.extend(port.map(|port| (Text::from(name.as_str()), port)));
    }
    let account = Text::from(spec.service_account.as_str());
    let said = Some(Locality::parse(&spec.locality)).filter(|l| !l.is_empty());
    let network = Some(Text::from(spec.network.as_str())).filter(|n| !n.is_empty());
    let mtls = labels.get(TLS_MODE).map_or(!account.is_empty(), |mode| &**mode == "istio");
    let workload = Workload {
        origin: origin.clone(),
        addresses: address.ip().into_iter().collect(),
        service_account: account,
        node: "".into(),
        locality: said.or_else(|| locality(&labels)).unwrap_or_default(),
        network: network.or_else(|| labels.get(NETWORK).cloned()).unwrap_or_default(),
        ports,
        workload_name: origin.name().clone(),
        hostname: "".into(),
        subdomain: "".into(),
        mtls,
        ready: true,
        labels,
    };
    Some(External { workload: Arc::new(workload), address, weight: spec.weight.max(1) })
}

/// A label cannot hold `/`, so there `.` divides; in no part of a place is there a `.` of its own.
fn locality(labels: &Labels) -> Option<Locality> {
    let text = labels.get(LOCALITY)?;
    Some(if text.contains('/') { Locality::parse(text) } else { Locality::parse(&text.replace('.', "/")) })
}

fn address(text: &str, field: &str, report: &mut Report) -> Option<Address> {
    if let Some(path) = text.strip_prefix("unix://") {
        let field = format!("{field}.address");
        scalar::text(path, unix, (&field, "the endpoint is ignored"), report).ok()?;
        return Some(Address::Uds(path.into()));
    }
    if let Ok(ip) = text.parse() {
        return Some(Address::Ip(ip));
    }
    let field = format!("{field}.address");
    if text.is_empty() {
        report.error(field, "NotSupported", "an endpoint without an address cannot be reached; it is ignored");
        return None;
    }
    let host = super::name::literal_host(text, &field, report)?;
    if host.is_wildcard() {
        report.error(field, "BadAddress", format!("{text:?} is a wildcard; the endpoint is ignored"));
        return None;
    }
    Some(Address::Name(host.text()))
}

/// The name of what runs a pod: the Deployment behind its ReplicaSet, else its controller, else itself.
fn controller(pod: &kube::Pod, meta: &Meta, origin: &Origin) -> Text {
    let Some(owner) = pod.metadata.owner_references.iter().find(|o| o.controller) else {
        return origin.name().clone();
    };
    let hash = meta.labels.get("pod-template-hash").filter(|h| !h.is_empty());
    let of_deployment = hash.filter(|_| &*owner.kind == "ReplicaSet").and_then(|hash| {
        let name = owner.name.strip_suffix(&**hash)?.strip_suffix('-')?;
        (!name.is_empty()).then(|| Text::from(name))
    });
    of_deployment.unwrap_or_else(|| owner.name.clone())
}
