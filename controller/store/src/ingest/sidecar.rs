//! Sidecar.

use std::net::{IpAddr, SocketAddr};

use heddle_crds::{
    networking::{connection_pool as pool, port::Port, sidecar as written},
    validate::{self, address},
};
use heddle_model::{
    Text, bind,
    mesh::{Mesh, OutboundMode},
    object::Origin,
    protocol::Protocol,
    route::Destination,
    sidecar::{
        CaptureMode, DefaultEndpoint, Egress, EgressHost, EgressNamespace, EgressPort, Ingress, OutboundPolicy, Sidecar,
    },
    traffic::ConnectionPool,
};

use super::{Report, gateway, name, policy, scalar, tls};

/// What is done with a listener that cannot be opened.
const LISTENER_IGNORED: &str = "the listener is ignored";

/// Ingests one; listeners that cannot be opened are left out.
#[must_use]
pub fn ingest(spec: &written::Spec, origin: &Origin, mesh: &Mesh, report: &mut Report) -> Sidecar {
    let selector = spec.workload_selector.as_ref().filter(|s| !s.labels.is_empty());
    let mut inbound = Vec::with_capacity(spec.ingress.len());
    for (index, written) in spec.ingress.iter().enumerate() {
        inbound.extend(ingress(written, format!("spec.ingress[{index}]"), report));
    }
    let mut outbound = Vec::with_capacity(spec.egress.len());
    for (index, written) in spec.egress.iter().enumerate() {
        outbound.extend(egress(written, format!("spec.egress[{index}]"), report));
    }
    let pool = spec.inbound_connection_pool.as_ref();
    let policy = spec.outbound_traffic_policy.as_ref();
    Sidecar {
        origin: origin.clone(),
        selector: selector.map(|s| s.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect()),
        ingress: inbound,
        egress: outbound,
        inbound_pool: pool.map(|p| inbound_pool(p, "spec.inboundConnectionPool", report)),
        outbound: policy.map(|p| outbound_policy(p, origin.namespace(), mesh, report)),
    }
}

/// What becomes of calls to unknown hosts.
pub(super) fn outbound_mode(mode: written::OutboundMode) -> OutboundMode {
    match mode {
        written::OutboundMode::RegistryOnly => OutboundMode::RegistryOnly,
        written::OutboundMode::AllowAny => OutboundMode::AllowAny,
        written::OutboundMode::AllowAnyDynamicDns => OutboundMode::AllowAnyDynamicDns,
    }
}

fn outbound_policy(
    written: &written::OutboundTrafficPolicy,
    namespace: &Text,
    mesh: &Mesh,
    report: &mut Report,
) -> OutboundPolicy {
    let field = "spec.outboundTrafficPolicy.egressProxy";
    let egress_proxy = written.egress_proxy.as_ref().and_then(|proxy| {
        let host = name::host(mesh, namespace, &proxy.host, &format!("{field}.host"), report)?;
        let port = scalar::selected_port(proxy.port.as_ref(), field, report).ok()?;
        Some(Destination { host, subset: proxy.subset.as_str().into(), port, short: false })
    });
    OutboundPolicy { mode: outbound_mode(written.mode), egress_proxy }
}

fn ingress(written: &written::Ingress, field: String, report: &mut Report) -> Option<Ingress> {
    let at = |name: &str| format!("{field}.{name}");
    let Some(port) = &written.port else {
        report.error(at("port"), "MissingPort", "an ingress listener needs a port; it is ignored");
        return None;
    };
    let number = scalar::port(port.number, &at("port.number"), report)?;
    let default_endpoint = default_endpoint(&written.default_endpoint, &at("defaultEndpoint"), report)?;
    let protocol = listener_protocol(port, number, &at("port"), report);
    let pool = written.connection_pool.as_ref();
    let tls = match &written.tls {
        Some(tls) => Some(tls::server(tls, &at("tls"), report)?),
        None => None,
    };
    let bind = |text: &str| if text.is_empty() { Ok(()) } else { address::ip(text) };
    scalar::text(&written.bind, bind, (&at("bind"), LISTENER_IGNORED), report).ok()?;
    if written.tls.as_ref().is_some_and(|tls| tls.https_redirect) {
        report.no_effect(at("tls.httpsRedirect"), validate::NOT_INBOUND);
    }
    Some(Ingress {
        port: number,
        port_name: port.name.as_str().into(),
        protocol,
        bind: bind::canonical(&written.bind),
        capture: capture(written.capture_mode),
        default_endpoint,
        tls,
        pool: pool.map(|p| inbound_pool(p, &at("connectionPool"), report)),
        field,
    })
}

/// Limits on connections to the workload, whose protocol is that of the port.
fn inbound_pool(pool: &pool::ConnectionPool, field: &str, report: &mut Report) -> ConnectionPool {
    let http = pool.http.as_ref();
    if http.is_some_and(|http| http.h2_upgrade_policy != pool::H2UpgradePolicy::Default) {
        report.no_effect(format!("{field}.http.h2UpgradePolicy"), validate::NOT_INBOUND);
    }
    policy::connection_pool(pool, field, report)
}

fn egress(written: &written::Egress, field: String, report: &mut Report) -> Option<Egress> {
    let at = |name: &str| format!("{field}.{name}");
    scalar::text(&written.bind, address::bind, (&at("bind"), LISTENER_IGNORED), report).ok()?;
    let uds = written.bind.starts_with("unix://");
    let port = match &written.port {
        None => None,
        Some(port) => {
            let number = if uds { 0 } else { scalar::port(port.number, &at("port.number"), report)? };
            let protocol = listener_protocol(port, number, &at("port"), report);
            Some(EgressPort { number, name: port.name.as_str().into(), protocol })
        }
    };
    if uds && port.is_none() {
        report.error(at("bind"), "MissingPort", "a Unix socket needs a port with a protocol; the listener is ignored");
        return None;
    }
    let mut hosts = Vec::with_capacity(written.hosts.len());
    for (index, text) in written.hosts.iter().enumerate() {
        hosts.extend(egress_host(text, &format!("{field}.hosts[{index}]"), report));
    }
    if hosts.is_empty() {
        report.error(
            at("hosts"),
            "MissingHosts",
            "an egress listener needs hosts (`~/*` for none); it imports nothing",
        );
    }
    Some(Egress { port, bind: bind::canonical(&written.bind), capture: capture(written.capture_mode), hosts, field })
}

/// A listener whose protocol is not said, or is unknown, sniffs it.
fn listener_protocol(port: &Port, number: u16, field: &str, report: &mut Report) -> Protocol {
    let declared = gateway::protocol(port, field, report);
    declared.unwrap_or_else(|| Protocol::of_port(None, &port.name, number, ""))
}

fn egress_host(text: &str, field: &str, report: &mut Report) -> Option<EgressHost> {
    let Some((namespace, host)) = text.split_once('/') else {
        report.error(field, "BadHost", format!("{text:?} is not namespace/host; it is ignored"));
        return None;
    };
    let namespace = match namespace {
        "*" => EgressNamespace::Any,
        "~" => EgressNamespace::None,
        "." => EgressNamespace::Own,
        "" => {
            report.error(field, "BadHost", format!("{text:?} has an empty namespace; it is ignored"));
            return None;
        }
        name => EgressNamespace::Named(name.into()),
    };
    Some(EgressHost { namespace, host: name::literal_host(host, field, report)? })
}

/// `127.0.0.1:PORT`, `[::1]:PORT`, `0.0.0.0:PORT`, `[::]:PORT`, `unix:///path`, or nothing. An address of the loopback
/// network other than 127.0.0.1 is a place on the same machine too.
fn default_endpoint(text: &str, field: &str, report: &mut Report) -> Option<DefaultEndpoint> {
    if text.is_empty() {
        return Some(DefaultEndpoint::Instance);
    }
    if let Some(path) = text.strip_prefix("unix://") {
        return scalar::text(path, address::unix, (field, LISTENER_IGNORED), report)
            .ok()
            .map(|()| DefaultEndpoint::Uds(path.into()));
    }
    let allowed = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    match text.parse::<SocketAddr>() {
        Ok(address) if allowed(address.ip()) && address.port() > 0 => Some(DefaultEndpoint::Address(address)),
        _ => {
            let message = format!("{text:?} is no port of a loopback or unspecified address; the listener is ignored");
            report.error(field, "BadEndpoint", message);
            None
        }
    }
}

fn capture(mode: written::CaptureMode) -> CaptureMode {
    match mode {
        written::CaptureMode::Default => CaptureMode::Default,
        written::CaptureMode::Iptables => CaptureMode::Iptables,
        written::CaptureMode::None => CaptureMode::None,
    }
}
