//! Gateway.

use heddle_crds::{
    networking::{gateway as written, port::Port},
    validate,
};
use heddle_model::{
    Text, bind,
    gateway::{Gateway, Server, ServerHost},
    host::Host,
    object::Origin,
    protocol::Protocol,
};

use super::{Report, name, scalar, tls};
use crate::object::Meta;

/// Annotation that names the services in front of a gateway, comma-separated.
const SERVICES: &str = "internal.istio.io/gateway-service";

/// Ingests one; servers that cannot be opened are left out.
#[must_use]
pub fn ingest(spec: &written::Spec, meta: &Meta, origin: &Origin, report: &mut Report) -> Gateway {
    let mut servers = Vec::with_capacity(spec.servers.len());
    for (index, written) in spec.servers.iter().enumerate() {
        servers.extend(server(written, origin.namespace(), format!("spec.servers[{index}]"), report));
    }
    let selector = spec.selector.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let bound = (origin.namespace().clone(), origin.name().clone());
    Gateway { origin: origin.clone(), bound, selector, services: services(meta, report), servers }
}

/// The services in front of the gateway's proxies, where they are named: objects made from the Gateway API do so.
fn services(meta: &Meta, report: &mut Report) -> Vec<Host> {
    let named = meta.annotations.get(SERVICES).map(|list| list.split(',')).into_iter().flatten();
    let mut hosts = Vec::new();
    for name in named.map(str::trim).filter(|name| !name.is_empty()) {
        match Host::parse(name) {
            Ok(host) => hosts.push(host),
            Err(error) => {
                report.error(format!("metadata.annotations[{SERVICES}]"), "BadHost", format!("{name:?}: {error}"));
            }
        }
    }
    hosts
}

/// The protocol of a port that a gateway or a sidecar opens.
pub(super) fn protocol(port: &Port, field: &str, report: &mut Report) -> Option<Protocol> {
    if port.target_port != 0 {
        report.no_effect(format!("{field}.targetPort"), validate::DEPRECATED);
    }
    let found = Protocol::parse(&port.protocol).or_else(|| Protocol::of_name(&port.name));
    if found.is_none() && !port.protocol.is_empty() {
        let message = format!("{:?} is not a protocol that we know", port.protocol);
        report.error(format!("{field}.protocol"), "BadProtocol", message);
    }
    found
}

fn server(written: &written::Server, namespace: &Text, field: String, report: &mut Report) -> Option<Server> {
    let at = |name: &str| format!("{field}.{name}");
    let Some(port) = &written.port else {
        report.error(at("port"), "MissingPort", "a server needs a port; it is ignored");
        return None;
    };
    let is_socket = written.bind.starts_with("unix://") && port.number == 0;
    let number = if is_socket { 0 } else { scalar::port(port.number, &at("port.number"), report)? };
    let Some(protocol) = protocol(port, &at("port"), report) else {
        if port.protocol.is_empty() {
            report.error(at("port.protocol"), "BadProtocol", "a server's port needs a protocol; it is ignored");
        }
        return None;
    };
    let mut hosts = Vec::with_capacity(written.hosts.len());
    for (index, text) in written.hosts.iter().enumerate() {
        hosts.extend(host(text, namespace, &format!("{field}.hosts[{index}]"), report));
    }
    if hosts.is_empty() {
        report.error(at("hosts"), "MissingHosts", "a server needs a host; it is ignored");
        return None;
    }
    if !written.default_endpoint.is_empty() {
        report.no_effect(at("defaultEndpoint"), validate::NOT_ON_GATEWAYS);
    }
    let tls = match &written.tls {
        Some(tls) => Some(tls::server(tls, &at("tls"), report)?),
        None => None,
    };
    scalar::text(&written.bind, validate::address::bind, (&at("bind"), "the server is left out"), report).ok()?;
    if tls.is_none() && protocol.is_tls() {
        report.error(at("tls"), "MissingTls", format!("a server of protocol {} needs tls", port.protocol));
    }
    Some(Server {
        name: written.name.as_str().into(),
        port: number,
        port_name: port.name.as_str().into(),
        protocol,
        bind: bind::canonical(&written.bind),
        hosts,
        tls,
        field,
    })
}

fn host(text: &str, own: &Text, field: &str, report: &mut Report) -> Option<ServerHost> {
    let (namespace, host) = match text.split_once('/') {
        Some(("*", host)) => (None, host),
        Some((".", host)) => (Some(own.clone()), host),
        Some(("", _)) => {
            report.error(field, "BadHost", format!("{text:?} has an empty namespace"));
            return None;
        }
        Some((namespace, host)) => (Some(namespace.into()), host),
        None => (None, text),
    };
    Some(ServerHost { namespace, host: name::server_name(host, field, report)? })
}
