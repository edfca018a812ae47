//! Services that disagree about the ports of a deployment.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::DeploymentSpec;
use k8s_openapi::api::core::v1::{ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::finding::Findings;
use crate::injection::is_in_mesh;
use crate::label::{self, Labels};
use crate::message::{CONFLICTING_TARGET_PORTS, SERVICES_WITH_PROTOCOLS};
use crate::object::Object;
use crate::world::World;

/// The label of deployments that the control plane makes.
const MANAGED: &str = "gateway.istio.io/managed";
/// Its value for waypoints.
const WAYPOINT: &str = "istio.io-mesh-controller";

/// Finds services of one deployment that use a port with different protocols, or reach it by different ports.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    for deployment in world.deployments.iter().filter(|one| one.label(MANAGED) != Some(WAYPOINT)) {
        let (labels, annotations) = template(&deployment.spec);
        let containers = deployment.spec.template.spec.iter().flat_map(|pod| &pod.containers);
        if !is_in_mesh(containers, &labels, &annotations, deployment.namespace(), world) {
            continue;
        }
        let services: Vec<_> = world
            .services_in(deployment.namespace())
            .iter()
            .filter(|service| {
                let selector = service.spec.selector.as_ref().filter(|selector| !selector.is_empty());
                selector.is_some_and(|selector| label::selects(selector, &labels))
            })
            .collect();
        check_protocols(deployment, &services, findings);
        check_target_ports(deployment, &services, findings);
    }
}

/// Labels and annotations of a deployment's pods.
fn template(deployment: &DeploymentSpec) -> (Labels, Labels) {
    let Some(meta) = &deployment.template.metadata else { return (Labels::new(), Labels::new()) };
    (meta.labels.clone().unwrap_or_default(), meta.annotations.clone().unwrap_or_default())
}

fn ports<'a>(services: &[&'a Object<ServiceSpec>]) -> Vec<(&'a Object<ServiceSpec>, &'a ServicePort)> {
    let of = |service: &&'a Object<ServiceSpec>| {
        let service = *service;
        service.spec.ports.iter().flatten().map(move |port| (service, port))
    };
    services.iter().flat_map(of).collect()
}

fn check_protocols(deployment: &Object<DeploymentSpec>, services: &[&Object<ServiceSpec>], findings: &mut Findings) {
    let mut by_port: BTreeMap<i32, (BTreeSet<&str>, BTreeSet<String>)> = BTreeMap::new();
    for (service, port) in ports(services) {
        let (protocols, names) = by_port.entry(port.port).or_default();
        protocols.insert(port.protocol.as_deref().filter(|protocol| !protocol.is_empty()).unwrap_or("TCP"));
        names.insert(service.identity.full_name());
    }
    for (port, (_, names)) in by_port.iter().filter(|(_, (protocols, _))| protocols.len() > 1) {
        let arguments: [&dyn std::fmt::Display; 3] = [&deployment.name(), port, &join(names)];
        findings.add(&SERVICES_WITH_PROTOCOLS, deployment, "metadata.name", &arguments);
    }
}

fn check_target_ports(deployment: &Object<DeploymentSpec>, services: &[&Object<ServiceSpec>], findings: &mut Findings) {
    let mut by_target: BTreeMap<String, (BTreeSet<i32>, BTreeSet<String>)> = BTreeMap::new();
    for (service, port) in ports(services) {
        let target = match &port.target_port {
            Some(IntOrString::Int(number)) if *number != 0 => number.to_string(),
            Some(IntOrString::String(name)) if !name.is_empty() => name.clone(),
            _ => port.port.to_string(),
        };
        let (numbers, names) = by_target.entry(target).or_default();
        numbers.insert(port.port);
        names.insert(service.identity.full_name());
    }
    for (target, (numbers, names)) in by_target.iter().filter(|(_, (numbers, _))| numbers.len() > 1) {
        let numbers: BTreeSet<String> = numbers.iter().map(i32::to_string).collect();
        let arguments: [&dyn std::fmt::Display; 4] = [&deployment.name(), &join(names), target, &join(&numbers)];
        findings.add(&CONFLICTING_TARGET_PORTS, deployment, "metadata.name", &arguments);
    }
}

fn join(parts: &BTreeSet<String>) -> String {
    parts.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
