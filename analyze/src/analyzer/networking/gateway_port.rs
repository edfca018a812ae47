//! Ports of gateways that nobody reaches.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{PodSpec, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::gateway_pod;
use crate::finding::Findings;
use crate::label;
use crate::message::GATEWAY_PORT_NOT_ON_SERVICE;
use crate::object::Object;
use crate::world::World;

/// Finds gateways whose selector selects no pod, and ports that no Service of the pods leads to.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    for gateway in &world.gateways {
        let pods = gateway_pod::pods(gateway, world, findings);
        if pods.is_empty() {
            continue;
        }
        let mut reached: BTreeSet<u32> = pods.iter().flat_map(|pod| target_ports(pod, world)).collect();
        for (index, server) in gateway.spec.servers.iter().enumerate() {
            let Some(port) = &server.port else { continue };
            // A port of several servers is told once.
            if reached.insert(port.number) {
                let path = format!("spec.servers[{index}].port.number");
                let selector = label::text(&gateway.spec.selector);
                findings.add(&GATEWAY_PORT_NOT_ON_SERVICE, gateway, path, &[&port.number, &selector]);
            }
        }
    }
}

/// The ports of a pod that Services lead to.
fn target_ports(pod: &Object<PodSpec>, world: &World) -> Vec<u32> {
    let services = world.services_in(pod.namespace()).iter();
    let selecting = services.filter(|service| {
        let selector = service.spec.selector.as_ref().filter(|selector| !selector.is_empty());
        selector.is_some_and(|selector| label::selects(selector, &pod.meta.labels))
    });
    let ports = selecting.flat_map(|service| service.spec.ports.iter().flatten());
    let tcp = ports.filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP");
    tcp.filter_map(|port| u32::try_from(target_port(port, &pod.spec)).ok()).collect()
}

/// A named port is looked up in the pod.
fn target_port(port: &ServicePort, pod: &PodSpec) -> i32 {
    let named = |name: &str| {
        let mut ports = pod.containers.iter().flat_map(|container| container.ports.iter().flatten());
        ports.find(|port| port.name.as_deref() == Some(name)).map(|port| port.container_port)
    };
    match &port.target_port {
        Some(IntOrString::Int(number)) if *number != 0 => *number,
        Some(IntOrString::String(text)) => {
            text.parse().ok().or_else(|| named(text)).filter(|number| *number != 0).unwrap_or(port.port)
        }
        _ => port.port,
    }
}
