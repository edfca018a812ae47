//! Inbound ports of a workload: from its services, or from its Sidecar's ingress.

use std::{collections::BTreeMap, sync::Arc};

use heddle_model::{
    Text,
    object::ObjectRef,
    protocol::Protocol,
    proxy::{Interception, Proxy},
    service::Service,
    sidecar::{CaptureMode, DefaultEndpoint, Ingress, Sidecar},
    snapshot::Snapshot,
    tls::ServerTls,
    traffic::ConnectionPool,
};

use crate::view;

/// One inbound port.
#[derive(Clone, Debug, PartialEq)]
pub struct InboundPort {
    /// Port of the workload.
    pub number: u16,
    /// Port of the service, or the same.
    pub service_port: u16,
    /// What is spoken.
    pub protocol: Protocol,
    /// Address in names, and to bind where the port has a listener of its own.
    pub bind: Text,
    /// Has a listener of its own: nothing redirects traffic to the common one.
    pub own_listener: bool,
    /// Where requests go.
    pub endpoint: DefaultEndpoint,
    /// The service, where it is known.
    pub service: Option<Arc<Service>>,
    /// TLS ended by the sidecar in place of mutual TLS.
    pub tls: Option<ServerTls>,
    /// Limits.
    pub pool: Option<ConnectionPool>,
    /// The object it came from.
    pub source: Option<Arc<ObjectRef>>,
}

/// A workload's inbound ports by number; of two that declare one port the older wins.
#[must_use]
pub fn inbound_ports(snapshot: &Snapshot, proxy: &Proxy) -> Vec<InboundPort> {
    let labels = view::labels_of(snapshot, proxy);
    let sidecar = view::sidecar(snapshot, &proxy.namespace, &labels);
    let mut ports: BTreeMap<u16, InboundPort> = BTreeMap::new();
    match sidecar {
        Some(sidecar) if !sidecar.ingress.is_empty() => {
            for ingress in sidecar.ingress.iter().filter(|i| i.protocol != Protocol::Udp) {
                ports.entry(ingress.port).or_insert_with(|| declared(snapshot, proxy, sidecar, ingress));
            }
        }
        // Without redirection only an ingress listener says where to listen.
        _ if proxy.interception == Interception::None => {}
        _ => {
            for (service, mapped) in view::backed_services(snapshot, proxy) {
                for (service_port, number) in mapped {
                    let Some(port) = service.port(service_port).filter(|p| p.protocol != Protocol::Udp) else {
                        continue;
                    };
                    ports.entry(number).or_insert_with(|| of_service(proxy, &service, port, number));
                }
            }
        }
    }
    let pool = sidecar.and_then(|s| s.inbound_pool.clone());
    ports
        .into_values()
        .map(|mut port| {
            port.pool = port.pool.or_else(|| pool.clone());
            port
        })
        .collect()
}

fn of_service(
    proxy: &Proxy,
    service: &Arc<Service>,
    port: &heddle_model::service::ServicePort,
    number: u16,
) -> InboundPort {
    InboundPort {
        number,
        service_port: port.number,
        protocol: port.protocol,
        bind: wildcard(proxy),
        own_listener: false,
        endpoint: DefaultEndpoint::Instance,
        service: Some(service.clone()),
        tls: None,
        pool: None,
        source: Some(service.origin.object.clone()),
    }
}

fn declared(snapshot: &Snapshot, proxy: &Proxy, sidecar: &Arc<Sidecar>, ingress: &Ingress) -> InboundPort {
    let by_name = |(service, mapped): &view::BackedService| {
        mapped.iter().any(|(_, number)| *number == ingress.port).then(|| service.clone())
    };
    let service = view::backed_services(snapshot, proxy).iter().find_map(by_name);
    InboundPort {
        number: ingress.port,
        service_port: ingress.port,
        protocol: ingress.protocol,
        bind: if ingress.bind.is_empty() { address(proxy) } else { ingress.bind.clone() },
        own_listener: proxy.interception == Interception::None || ingress.capture == CaptureMode::None,
        endpoint: ingress.default_endpoint.clone(),
        service,
        tls: ingress.tls.clone(),
        pool: ingress.pool.clone(),
        source: Some(sidecar.origin.object.clone()),
    }
}

fn address(proxy: &Proxy) -> Text {
    proxy.addresses.first().map_or_else(|| "0.0.0.0".into(), |ip| ip.to_string().into())
}

fn wildcard(proxy: &Proxy) -> Text {
    if proxy.ipv4() || !proxy.ipv6() { "0.0.0.0".into() } else { "::".into() }
}
