//! EndpointSlice: endpoints of a Kubernetes service, joined with the pods behind them.

use heddle_model::{
    Text,
    endpoint::{Address, Endpoint, Health, WorkloadName},
    identity::Identity,
    locality::Locality,
    mesh::Mesh,
    service::Service,
    workload::Workload,
};

use crate::kube::{Conditions, EndpointSlice, SliceEndpoint};

/// The label that names the service of a slice.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Adds the endpoints of one slice. `find` gives the pod behind an endpoint, and the place of a node.
pub fn endpoints<'a>(
    slice: &EndpointSlice,
    service: &Service,
    mesh: &Mesh,
    find: &impl Fn(&SliceEndpoint) -> (Option<&'a Workload>, Option<&'a Locality>),
    out: &mut Vec<Endpoint>,
) {
    if slice.address_type == "FQDN" {
        return;
    }
    for written in &slice.endpoints {
        let Some(address) = written.addresses.first().and_then(|a| a.parse().ok()) else { continue };
        let (pod, place) = find(written);
        let Some(health) = health(written.conditions, service.publish_not_ready) else { continue };
        let template = Endpoint { health, ..endpoint(Address::Ip(address), written, service, mesh, pod, place) };
        for port in &slice.ports {
            let known = service.ports.iter().any(|p| p.name == port.name);
            let number = port.port.and_then(|p| u16::try_from(p).ok()).filter(|p| *p > 0);
            let Some(number) = number.filter(|_| known) else { continue };
            out.push(Endpoint { port: number, service_port: port.name.clone(), ..template.clone() });
        }
    }
}

/// The identity of a workload; none when it has no usable names.
#[must_use]
pub fn identity(workload: &Workload, mesh: &Mesh) -> Option<Identity> {
    let account = &workload.service_account;
    if account.is_empty() {
        return None;
    }
    Identity::new(&mesh.trust_domain, workload.origin.namespace(), account).ok()
}

fn endpoint(
    address: Address,
    written: &SliceEndpoint,
    service: &Service,
    mesh: &Mesh,
    pod: Option<&Workload>,
    place: Option<&Locality>,
) -> Endpoint {
    let locality = pod.map(|p| p.locality.clone()).filter(|l| !l.is_empty()).or_else(|| place.cloned());
    let zone = || Locality { zone: written.zone.clone(), ..Locality::default() };
    Endpoint {
        address,
        port: 0,
        service_port: "".into(),
        labels: pod.map(|p| p.labels.clone()).unwrap_or_default(),
        locality: locality.unwrap_or_else(|| if written.zone.is_empty() { Locality::default() } else { zone() }),
        weight: 1,
        network: pod.map(|p| p.network.clone()).unwrap_or_default(),
        identity: pod.and_then(|p| identity(p, mesh)),
        mtls: pod.is_some_and(|p| p.mtls),
        health: Health::Healthy,
        workload: pod.map(workload_name).unwrap_or_default(),
        hostname: hostname(written, service, pod),
        node: if written.node_name.is_empty() {
            pod.map(|p| p.node.clone()).unwrap_or_default()
        } else {
            written.node_name.clone()
        },
    }
}

/// What telemetry calls a workload.
#[must_use]
pub fn workload_name(workload: &Workload) -> WorkloadName {
    WorkloadName { name: workload.workload_name.clone(), namespace: workload.origin.namespace().clone() }
}

/// The health that an endpoint's conditions tell. None for one that ends and serves no more: it would only add to the
/// weight of its locality.
fn health(conditions: Conditions, publish_not_ready: bool) -> Option<Health> {
    let terminating = conditions.terminating.unwrap_or(false);
    let ready = conditions.ready.unwrap_or(true);
    if terminating && conditions.serving.unwrap_or(false) {
        Some(Health::Draining)
    } else if (ready && !terminating) || publish_not_ready {
        Some(Health::Healthy)
    } else {
        (!terminating).then_some(Health::Unhealthy)
    }
}

fn hostname(written: &SliceEndpoint, service: &Service, pod: Option<&Workload>) -> Option<Text> {
    let own = pod.map(|p| &p.hostname).filter(|h| !h.is_empty());
    let hostname = own.or(written.hostname.as_ref()).filter(|h| !h.is_empty())?;
    let subdomain = pod.map(|p| &p.subdomain).filter(|s| !s.is_empty()).unwrap_or(service.origin.name());
    Some(format!("{hostname}.{subdomain}").into())
}
