//! Ports whose names tell no protocol.

use heddle_model::protocol::Protocol;
use k8s_openapi::api::core::v1::ServicePort;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::finding::Findings;
use crate::injection::is_system_namespace;
use crate::message::{EXTERNAL_NAME_PORT, PORT_NAME};
use crate::world::World;

/// Finds ports whose protocol must be detected, and TCP ports of external names.
pub(in crate::analyzer) fn check(world: &World, findings: &mut Findings) {
    let of_users = |namespace: &str| !is_system_namespace(namespace);
    let services = world.services.iter().filter(|service| of_users(service.namespace()));
    for service in services.filter(|service| !service.is_of_the_control_plane()) {
        let is_external = service.spec.type_.as_deref() == Some("ExternalName");
        for (index, port) in service.spec.ports.iter().flatten().enumerate() {
            let name = port.name.as_deref().unwrap_or_default();
            let path = format!("spec.ports[{index}]");
            if is_external && (is_undeclared(port) || name == "tcp") {
                findings.add(&EXTERNAL_NAME_PORT, service, path, &[&format!("{name:?}")]);
            } else if is_undeclared(port) {
                findings.add(&PORT_NAME, service, path, &[&format!("{name:?}"), &port.port, &target_port(port)]);
            }
        }
    }
}

fn is_undeclared(port: &ServicePort) -> bool {
    let number = u16::try_from(port.port).unwrap_or_default();
    let (name, transport) = (port.name.as_deref().unwrap_or_default(), port.protocol.as_deref().unwrap_or("TCP"));
    Protocol::of_port(port.app_protocol.as_deref(), name, number, transport).is_sniffed()
}

fn target_port(port: &ServicePort) -> String {
    match &port.target_port {
        Some(IntOrString::Int(number)) => number.to_string(),
        Some(IntOrString::String(name)) => name.clone(),
        None => port.port.to_string(),
    }
}
