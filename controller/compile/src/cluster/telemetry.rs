//! What a cluster says of itself to telemetry and to users' patches.

use heddle_model::{
    mesh::Mesh,
    object::ObjectRef,
    service::{Service, ServiceRegistry},
    tls::ClientTlsMode,
};
use heddle_xds_api::{
    envoy::config::core::v3::Metadata,
    google::protobuf::{Struct, Value},
};

use super::destination::Destination;
use crate::envoy::metadata::{config_path, fields, filters, flag, list, nested, text};

/// Kind of the rule in API paths.
const KIND: &str = "destination-rule";
/// Key of Istio's metadata.
const ISTIO: &str = "istio";

/// Metadata of an outbound cluster: its services, and the rule that shaped it.
pub(super) fn of_destination(destination: &Destination) -> Metadata {
    let mut said = services([&*destination.service], Some(&destination.service.host));
    let mut say = |name: &str, value: Value| said.fields.insert(name.to_owned(), value);
    if destination.service.external {
        say("external", flag(true));
    }
    if let Some(rule) = &destination.rule {
        say("config", text(&config_path(KIND, &rule.origin.object)));
        if let Some(subset) = &destination.subset {
            say("subset", text(subset));
        }
        let mode = destination.policy().tls.map(|tls| tls.mode);
        if matches!(mode, Some(ClientTlsMode::Simple | ClientTlsMode::Mutual)) {
            // Istio's ALPN filter must not rename the protocols towards servers outside the mesh.
            say("alpn_override", text("false"));
        }
    }
    filters([(ISTIO, said)])
}

/// Metadata of an inbound cluster: every service that it serves, and the rule that limits it.
pub(crate) fn of_services<'a>(
    served: impl IntoIterator<Item = &'a Service>,
    rule: Option<&ObjectRef>,
) -> Option<Metadata> {
    let mut said = services(served, None);
    if said.fields.is_empty() {
        return None;
    }
    if let Some(rule) = rule {
        said.fields.insert("config".to_owned(), text(&config_path(KIND, rule)));
    }
    Some(filters([(ISTIO, said)]))
}

/// Name of a cluster's statistics, from the mesh's template where it has one.
pub(super) fn stat_name(mesh: &Mesh, destination: &Destination) -> Option<String> {
    let subset = destination.subset.as_deref().unwrap_or_default();
    fill(&mesh.outbound_stat_name, &destination.service, &destination.port.name, destination.port.number, subset, None)
}

/// Name of an inbound cluster's statistics.
pub(crate) fn inbound_stat_name(
    mesh: &Mesh,
    service: &Service,
    port_name: &str,
    port: u16,
    own: u16,
) -> Option<String> {
    fill(&mesh.inbound_stat_name, service, port_name, port, "", Some(own))
}

fn fill(
    template: &str,
    service: &Service,
    port_name: &str,
    port: u16,
    subset: &str,
    target_port: Option<u16>,
) -> Option<String> {
    if template.is_empty() {
        return None;
    }
    let short = match service.registry {
        ServiceRegistry::Kubernetes => format!("{}.{}", service.origin.name(), service.namespace()),
        ServiceRegistry::External => service.host.to_string(),
    };
    let target_port = target_port.map(|port| port.to_string()).unwrap_or_default();
    let name = template
        .replace("%SERVICE_FQDN%", service.host.as_str())
        .replace("%SERVICE_NAME%", service.origin.name())
        .replace("%SERVICE%", &short)
        .replace("%SUBSET_NAME%", subset)
        .replace("%TARGET_PORT%", &target_port)
        .replace("%SERVICE_PORT_NAME%", port_name)
        .replace("%SERVICE_PORT%", &port.to_string());
    Some(format!("{name};"))
}

fn services<'a>(served: impl IntoIterator<Item = &'a Service>, host: Option<&heddle_model::host::Host>) -> Struct {
    let mut entries: Vec<Value> = Vec::new();
    for service in served {
        let host = host.unwrap_or(&service.host).as_str();
        let name = match service.registry {
            ServiceRegistry::Kubernetes => service.origin.name(),
            ServiceRegistry::External => host,
        };
        let entry = [("host", text(host)), ("name", text(name)), ("namespace", text(service.namespace()))];
        let entry = nested(fields(entry));
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    fields((!entries.is_empty()).then(|| ("services", list(entries))))
}
