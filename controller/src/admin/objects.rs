//! The mesh as the control plane sees it: objects, services, endpoints, settings.

use std::collections::BTreeSet;
use std::sync::Arc;

use heddle_model::endpoint::{Endpoint, Health};
use heddle_model::object::ObjectRef;
use heddle_model::service::{Service, ServicePort};
use serde_json::{Value, json};

use super::Pages;

/// The objects that take part in the newest revision, by kind, namespace and name.
pub(super) fn configz(pages: &Pages) -> Value {
    let state = pages.state.borrow().clone();
    let objects: BTreeSet<_> = state.objects.iter().map(|(object, _)| object).collect();
    let entry = |object: &Arc<ObjectRef>| {
        let metadata = json!({"namespace": *object.namespace, "name": *object.name});
        json!({"kind": object.kind.name(), "metadata": metadata})
    };
    objects.into_iter().map(entry).collect()
}

/// The clusters whose objects are read, as `istioctl remote-clusters` lists them: our own one.
pub(super) fn clusterz(pages: &Pages) -> Value {
    let status = if pages.published.borrow().is_some() { "synced" } else { "syncing" };
    json!([{"id": pages.cluster, "secretName": "", "syncStatus": status}])
}

/// Services.
pub(super) fn registryz(pages: &Pages) -> Value {
    let snapshot = pages.state.borrow().snapshot.clone();
    snapshot.services.iter().map(|service| entry(service)).collect()
}

/// Endpoints by service.
pub(super) fn endpointz(pages: &Pages) -> Value {
    let snapshot = pages.state.borrow().snapshot.clone();
    let of = |endpoints: &[Endpoint]| endpoints.iter().map(endpoint).collect::<Vec<_>>();
    let entry = |(key, endpoints): (&heddle_model::service::ServiceKey, &std::sync::Arc<Vec<Endpoint>>)| {
        json!({"svc": key.host.to_string(), "namespace": *key.namespace,
            "ep": of(endpoints)})
    };
    snapshot.endpoints.iter().map(entry).collect()
}

/// Settings.
pub(super) fn mesh(pages: &Pages) -> Value {
    let mesh = pages.state.borrow().snapshot.mesh.clone();
    json!({
        "rootNamespace": *mesh.root_namespace,
        "trustDomain": *mesh.trust_domain,
        "trustDomainAliases": mesh.trust_domain_aliases.iter().map(|alias| &**alias).collect::<Vec<_>>(),
        "proxyListenPort": mesh.outbound_port,
        "proxyInboundListenPort": mesh.inbound_port,
        "proxyHttpPort": mesh.http_proxy_port,
        "connectTimeout": format!("{}s", mesh.connect_timeout.as_secs_f64()),
        "protocolDetectionTimeout": format!("{}s", mesh.detection_timeout.as_secs_f64()),
        "accessLogFile": *mesh.access_log_file,
        "accessLogEncoding": if mesh.access_log_json { "JSON" } else { "TEXT" },
        "outboundTrafficPolicy": {"mode": format!("{:?}", mesh.outbound)},
        "enableAutoMtls": mesh.auto_mtls,
    })
}

fn entry(service: &Service) -> Value {
    json!({
        "hostname": service.host.to_string(),
        "namespace": *service.origin.object.namespace,
        "object": service.origin.object.to_string(),
        "addresses": service.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "autoAllocatedAddresses": service.auto_addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "ports": service.ports.iter().map(port).collect::<Vec<_>>(),
        "resolution": format!("{:?}", service.resolution),
        "meshExternal": service.external,
    })
}

fn port(port: &ServicePort) -> Value {
    json!({"name": *port.name, "port": port.number, "protocol": format!("{:?}", port.protocol)})
}

fn endpoint(endpoint: &Endpoint) -> Value {
    json!({
        "address": *endpoint.address.text(),
        "port": endpoint.port,
        "servicePort": *endpoint.service_port,
        "serviceAccount": endpoint.identity.as_ref().map(ToString::to_string),
        "tlsMode": if endpoint.mtls { "istio" } else { "disabled" },
        "health": if endpoint.health == Health::Healthy { "HEALTHY" } else { "OTHER" },
        "workload": {"namespace": *endpoint.workload.namespace, "name": *endpoint.workload.name},
    })
}
