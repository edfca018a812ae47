//! What a Gateway may say.

use std::collections::BTreeSet;

use super::host::{self, HostRules};
use super::label::is_dns_label;
use super::port::Protocol;
use super::report::{Report, quote};
use super::{DEPRECATED, NOT_ON_GATEWAYS, address, port, tls};
use crate::decode::Path;
use crate::metadata::ObjectMeta;
use crate::networking::gateway::{Server, Spec};
use crate::networking::port::Port;
use crate::networking::tls::ServerTls;

/// Marks a Gateway that was made from one of the Gateway API, whose hosts are free.
const SEMANTICS: &str = "internal.istio.io/gateway-semantics";

/// Checks the spec at `at`.
pub fn check(spec: &Spec, meta: &ObjectMeta, at: &Path<'_>, out: &mut Report) {
    if !meta.name.is_empty() && !is_dns_label(&meta.name) {
        let reason = format_args!("{} is not a gateway's name: it must be a DNS label", quote(&meta.name));
        out.refuse(&Path::Root("metadata.name"), reason);
    }
    let generated = meta.annotations.get(SEMANTICS).is_some_and(|value| value == "gateway");
    if spec.servers.is_empty() {
        out.refuse(&at.field("servers"), "at least one server is required");
    }
    let mut names = BTreeSet::new();
    for (index, server) in spec.servers.iter().enumerate() {
        let at = at.field("servers");
        let at = at.index(index);
        check_server(server, generated, &at, out);
        let Some(port) = &server.port else { continue };
        if !names.insert(&port.name) {
            let reason = format_args!("two servers have a port named {}", quote(&port.name));
            out.refuse(&at.field("port").field("name"), reason);
        }
        let redirects = server.tls.as_ref().is_some_and(|tls| tls.https_redirect);
        if redirects && !Protocol::parse(&port.protocol).is_some_and(Protocol::is_http) {
            out.warn(&at.field("tls").field("httpsRedirect"), "has an effect on servers of plain HTTP only");
        }
    }
}

fn check_server(server: &Server, generated: bool, at: &Path<'_>, out: &mut Report) {
    if server.hosts.is_empty() {
        out.refuse(&at.field("hosts"), "at least one host is required");
    }
    for (index, name) in server.hosts.iter().enumerate() {
        host::scoped(name, &at.field("hosts").index(index), &HostRules::Gateway { generated }, out);
    }
    out.need(&at.field("bind"), address::bind(&server.bind));
    if !server.default_endpoint.is_empty() {
        out.warn(&at.field("defaultEndpoint"), NOT_ON_GATEWAYS);
    }
    tls::server(server.tls.as_ref(), &at.field("tls"), out);
    let Some(port) = &server.port else { return out.refuse(&at.field("port"), "is required") };
    check_port(port, &server.bind, &at.field("port"), out);
    if let Some(protocol) = Protocol::parse(&port.protocol) {
        agree(protocol, server.tls.as_ref(), &at.field("tls"), out);
    }
}

fn check_port(port: &Port, bind: &str, at: &Path<'_>, out: &mut Report) {
    if Protocol::parse(&port.protocol).is_none() {
        let reason = format_args!("{} is not a protocol that is known", quote(&port.protocol));
        out.refuse(&at.field("protocol"), reason);
    }
    if !bind.starts_with(address::UNIX) {
        out.need(&at.field("number"), port::number(port.number));
    } else if port.number != 0 {
        out.refuse(&at.field("number"), "must be 0 with a Unix socket, which has no port");
    }
    if port.name.is_empty() {
        out.refuse(&at.field("name"), "is required");
    }
    if port.target_port != 0 {
        out.warn(&at.field("targetPort"), DEPRECATED);
    }
}

/// A port and its TLS must agree.
fn agree(protocol: Protocol, tls: Option<&ServerTls>, at: &Path<'_>, out: &mut Report) {
    let Some(tls) = tls else {
        if protocol.is_tls() {
            out.refuse(at, "is required for the protocols HTTPS and TLS");
        }
        return;
    };
    let only_redirects = (ServerTls { https_redirect: tls.https_redirect, ..ServerTls::default() }) == *tls;
    if protocol.is_tls() || protocol.is_http() && only_redirects {
        return;
    }
    out.refuse(at, "is for the protocols HTTPS and TLS only; with HTTP only httpsRedirect can be set");
}
