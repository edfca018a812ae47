//! Endpoints of workloads that a service selects by labels, or lists.

use heddle_model::{
    Text,
    endpoint::{Address, Endpoint, Health},
    mesh::Mesh,
    service::{Resolution, Service, ServicePort},
    workload::Workload,
};

use crate::{
    ingest::{
        service::KubeService,
        service_entry::Entry,
        slice::{identity, workload_name},
        workload::External,
    },
    kube::PortName,
};

/// Endpoints that a ServiceEntry lists, or the host itself where DNS is to resolve it.
pub(crate) fn listed(entry: &Entry, service: &Service, mesh: &Mesh, out: &mut Vec<Endpoint>) {
    for port in &service.ports {
        for external in &entry.endpoints {
            out.push(of_external(external, port, entry.targets.get(&port.name).copied(), mesh));
        }
        let by_name = matches!(service.resolution, Resolution::Dns | Resolution::DnsRoundRobin);
        if entry.endpoints.is_empty() && entry.selector.is_none() && by_name && !service.host.is_wildcard() {
            let number = entry.targets.get(&port.name).copied().unwrap_or(port.number);
            out.push(of_host(service, port, number));
        }
    }
}

/// The endpoints of one WorkloadEntry that a ServiceEntry selects.
pub(crate) fn selected_external(
    entry: &Entry,
    service: &Service,
    external: &External,
    mesh: &Mesh,
    out: &mut Vec<Endpoint>,
) {
    for port in &service.ports {
        out.push(of_external(external, port, entry.targets.get(&port.name).copied(), mesh));
    }
}

/// The endpoints of one pod that a ServiceEntry selects: a port of its containers of that name, else the target port,
/// else the port's number.
pub(crate) fn selected_pod(entry: &Entry, service: &Service, pod: &Workload, mesh: &Mesh, out: &mut Vec<Endpoint>) {
    let Some(address) = pod.addresses.first() else { return };
    for port in &service.ports {
        let number = pod.ports.get(&port.name).or_else(|| entry.targets.get(&port.name)).copied();
        out.push(of_workload(pod, Address::Ip(*address), number.unwrap_or(port.number), &port.name, 1, mesh));
    }
}

/// The endpoints of one WorkloadEntry that a Kubernetes service selects.
pub(crate) fn selected_by_service(kube: &KubeService, external: &External, mesh: &Mesh, out: &mut Vec<Endpoint>) {
    for port in &kube.service.ports {
        let target = match kube.targets.get(&port.name) {
            None => Some(port.number),
            Some(PortName::Number(number)) => Some(*number),
            Some(PortName::Name(name)) => external.workload.ports.get(name).copied(),
        };
        if target.is_some() || external.workload.ports.contains_key(&port.name) {
            out.push(of_external(external, port, target, mesh));
        }
    }
}

fn of_external(external: &External, port: &ServicePort, target: Option<u16>, mesh: &Mesh) -> Endpoint {
    let own = external.workload.ports.get(&port.name).copied();
    let number = match external.address {
        Address::Uds(_) => 0,
        _ => own.or(target).unwrap_or(port.number),
    };
    let address = external.address.clone();
    of_workload(&external.workload, address, number, &port.name, external.weight, mesh)
}

fn of_workload(
    workload: &Workload,
    address: Address,
    port: u16,
    service_port: &Text,
    weight: u32,
    mesh: &Mesh,
) -> Endpoint {
    Endpoint {
        address,
        port,
        service_port: service_port.clone(),
        labels: workload.labels.clone(),
        locality: workload.locality.clone(),
        weight,
        network: workload.network.clone(),
        identity: identity(workload, mesh),
        mtls: workload.mtls,
        health: if workload.ready { Health::Healthy } else { Health::Unhealthy },
        workload: workload_name(workload),
        hostname: None,
        node: workload.node.clone(),
    }
}

fn of_host(service: &Service, port: &ServicePort, number: u16) -> Endpoint {
    Endpoint {
        address: Address::Name(service.host.text()),
        port: number,
        service_port: port.name.clone(),
        labels: heddle_model::labels::Labels::default(),
        locality: heddle_model::locality::Locality::default(),
        weight: 1,
        network: "".into(),
        identity: None,
        mtls: false,
        health: Health::Healthy,
        workload: heddle_model::endpoint::WorkloadName {
            name: service.origin.name().clone(),
            namespace: service.namespace().clone(),
        },
        hostname: None,
        node: "".into(),
    }
}
