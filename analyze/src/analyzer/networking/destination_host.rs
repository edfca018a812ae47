//! Destinations that do not exist.

use std::collections::BTreeMap;

use heddle_crds::networking::virtual_service::Spec;

use super::destination::{self, Written};
use crate::finding::Findings;
use crate::message::{INGRESS_ROUTE_NOT_AFFECTED, NOT_FOUND, PORT_REQUIRED};
use crate::object::Object;
use crate::registry::{Backend, Registry};
use crate::world::World;

/// Finds destinations without a service or port, and subsets that requests through a gateway do not see.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    let registry = Registry::of(world);
    let with_subsets = subsets_of_own_hosts(world);
    for service in &world.virtual_services {
        for written in destination::all(&service.spec) {
            let host = &written.destination.host;
            if host.is_empty() {
                continue;
            }
            if let Some(backend) = registry.find(service.namespace(), &service.spec.export_to, host) {
                check_port(service, &written, backend, findings);
            } else {
                let what = if written.is_mirror { "host of the mirror" } else { "host" };
                findings.add(&NOT_FOUND, service, format!("{}.host", written.path), &[&what, host]);
            }
        }
        check_subset(service, &with_subsets, findings);
    }
}

fn check_port(service: &Object<Spec>, written: &Written<'_>, backend: Backend<'_>, findings: &mut Findings) {
    let (host, ports) = (&written.destination.host, backend.ports());
    match &written.destination.port {
        None if ports.len() > 1 => {
            let ports: Vec<String> = ports.iter().map(u32::to_string).collect();
            findings.add(&PORT_REQUIRED, service, written.path.clone(), &[host, &ports.join(", ")]);
        }
        Some(port) if !ports.contains(&port.number) => {
            let name = format!("{} of the host {host}", port.number);
            findings.add(&NOT_FOUND, service, format!("{}.port", written.path), &[&"port", &name]);
        }
        _ => {}
    }
}

/// The VirtualServices that route one of their own hosts to a subset, by that host.
fn subsets_of_own_hosts(world: &World) -> BTreeMap<&str, Vec<String>> {
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for service in &world.virtual_services {
        let targets = service.spec.http.iter().flat_map(|route| &route.route);
        for destination in targets.filter_map(|target| target.destination.as_ref()) {
            let names = found.entry(&destination.host).or_default();
            let is_own = service.spec.hosts.contains(&destination.host) && !destination.subset.is_empty();
            let name = service.identity.full_name();
            if is_own && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    found
}

/// A gateway routes by its own VirtualServices. Rules of the destination's host do not hold for it.
fn check_subset(service: &Object<Spec>, with_subsets: &BTreeMap<&str, Vec<String>>, findings: &mut Findings) {
    if service.spec.gateways.is_empty() {
        return;
    }
    for (rule, route) in service.spec.http.iter().enumerate() {
        for (index, target) in route.route.iter().enumerate() {
            let Some(destination) = target.destination.as_ref().filter(|to| to.subset.is_empty()) else { continue };
            for other in with_subsets.get(destination.host.as_str()).into_iter().flatten() {
                let path = format!("spec.http[{rule}].route[{index}].destination");
                findings.add(&INGRESS_ROUTE_NOT_AFFECTED, service, path, &[other, &service.identity.full_name()]);
            }
        }
    }
}
