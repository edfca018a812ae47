//! What a Sidecar may say.

mod egress;

use std::collections::BTreeSet;

use super::address::{self, UNIX};
use super::destination_rule::pool::connection_pool;
use super::label::selector;
use super::port::Protocol;
use super::report::{Report, quote};
use super::{DEPRECATED, NOT_INBOUND, host, port, tls};
use crate::decode::Path;
use crate::metadata::ObjectMeta;
use crate::networking::connection_pool::{ConnectionPool, H2UpgradePolicy};
use crate::networking::port::Port;
use crate::networking::sidecar::{Ingress, OutboundMode, OutboundTrafficPolicy, Spec};
use crate::networking::tls::{ServerTls, ServerTlsMode};

/// The addresses on which a workload may listen for its own proxy.
const LOCAL: [&str; 4] = ["127.0.0.1", "0.0.0.0", "[::1]", "[::]"];

/// Checks the spec at `at`.
pub fn check(spec: &Spec, meta: &ObjectMeta, at: &Path<'_>, out: &mut Report) {
    if let Some(workloads) = &spec.workload_selector {
        selector(&workloads.labels, &at.field("workloadSelector").field("labels"), out);
    }
    let is_empty = spec.egress.is_empty()
        && spec.ingress.is_empty()
        && spec.outbound_traffic_policy.is_none()
        && spec.inbound_connection_pool.is_none();
    if is_empty {
        out.refuse(at, "one of ingress, egress, outboundTrafficPolicy and inboundConnectionPool is required");
    }
    let mut ports = BTreeSet::new();
    for (index, listener) in spec.ingress.iter().enumerate() {
        let at = at.field("ingress");
        let at = at.index(index);
        let Some(port) = &listener.port else {
            out.refuse(&at.field("port"), "is required");
            continue;
        };
        if !ports.insert(port.number) {
            out.refuse(&at.field("port").field("number"), "another listener has this port");
        }
        ingress(listener, port, &at, out);
    }
    inbound_pool(spec.inbound_connection_pool.as_ref(), &at.field("inboundConnectionPool"), out);
    egress::check(&spec.egress, &meta.namespace, &at.field("egress"), out);
    if let Some(policy) = &spec.outbound_traffic_policy {
        outbound(policy, &at.field("outboundTrafficPolicy"), out);
    }
}

/// What the port of any listener of a sidecar must be; names and protocols may be left out.
pub(super) fn listener_port(port: &Port, at: &Path<'_>, out: &mut Report) {
    if !port.name.is_empty() {
        out.need(&at.field("name"), port::name(&port.name));
    }
    out.need(&at.field("protocol"), port::protocol(&port.protocol));
    if port.target_port != 0 {
        out.warn(&at.field("targetPort"), DEPRECATED);
    }
}

fn ingress(listener: &Ingress, port: &Port, at: &Path<'_>, out: &mut Report) {
    listener_port(port, &at.field("port"), out);
    out.need(&at.field("port").field("number"), port::number(port.number));
    if !listener.bind.is_empty() {
        out.need(&at.field("bind"), address::ip(&listener.bind));
    }
    if !listener.default_endpoint.is_empty() {
        out.need(&at.field("defaultEndpoint"), default_endpoint(&listener.default_endpoint));
    }
    if let Some(settings) = &listener.tls {
        ingress_tls(settings, port, &at.field("tls"), out);
    }
    inbound_pool(listener.connection_pool.as_ref(), &at.field("connectionPool"), out);
    let limits_http = listener.connection_pool.as_ref().is_some_and(|pool| pool.http.is_some());
    if limits_http && Protocol::parse(&port.protocol).is_some_and(|protocol| !protocol.is_http()) {
        let reason = format_args!("has no effect on a port of protocol {}", quote(&port.protocol));
        out.warn(&at.field("connectionPool").field("http"), reason);
    }
}

fn inbound_pool(pool: Option<&ConnectionPool>, at: &Path<'_>, out: &mut Report) {
    connection_pool(pool, at, out);
    let http = pool.and_then(|pool| pool.http.as_ref());
    if http.is_some_and(|http| http.h2_upgrade_policy != H2UpgradePolicy::Default) {
        out.warn(&at.field("http").field("h2UpgradePolicy"), NOT_INBOUND);
    }
}

fn default_endpoint(text: &str) -> Result<(), String> {
    if let Some(path) = text.strip_prefix(UNIX) {
        return address::unix(path);
    }
    let Some((_, number)) = text.rsplit_once(':').filter(|(ip, _)| LOCAL.contains(ip)) else {
        let forms = LOCAL.map(|ip| format!("{ip}:PORT")).join(", ");
        return Err(format!("{} is not one of {forms} and {UNIX}PATH", quote(text)));
    };
    let number = number.parse().map_err(|_| format!("{} is not a port", quote(number)))?;
    port::number(number)
}

fn ingress_tls(settings: &ServerTls, port: &Port, at: &Path<'_>, out: &mut Report) {
    let unsupported = [
        ("subjectAltNames", !settings.subject_alt_names.is_empty()),
        ("httpsRedirect", settings.https_redirect),
        ("credentialName", !settings.credential_name.is_empty()),
        ("credentialNames", !settings.credential_names.is_empty()),
    ];
    for (name, _) in unsupported.into_iter().filter(|(_, is_set)| *is_set) {
        out.refuse(&at.field(name), "is not supported in a sidecar");
    }
    if matches!(settings.mode, ServerTlsMode::IstioMutual | ServerTlsMode::AutoPassthrough) {
        out.refuse(&at.field("mode"), "is not supported in a sidecar");
    }
    if !Protocol::parse(&port.protocol).is_some_and(Protocol::is_tls) {
        out.refuse(at, "is for the protocols HTTPS and TLS only");
    }
    tls::server(Some(settings), at, out);
}

fn outbound(policy: &OutboundTrafficPolicy, at: &Path<'_>, out: &mut Report) {
    if policy.mode == OutboundMode::AllowAnyDynamicDns {
        out.refuse(&at.field("mode"), "ALLOW_ANY_DYNAMIC_DNS is for the mesh configuration only");
    }
    let Some(proxy) = &policy.egress_proxy else { return };
    let at = at.field("egressProxy");
    if policy.mode != OutboundMode::AllowAny {
        out.refuse(&at, "needs the mode ALLOW_ANY");
    }
    out.need(&at.field("host"), host::fqdn(&proxy.host));
    match &proxy.port {
        None => out.refuse(&at.field("port"), "is required"),
        Some(port) => out.need(&at.field("port").field("number"), port::number(port.number)),
    }
}
