//! Inbound listeners: one that iptables redirects to, or one a port where nothing redirects.

use std::collections::BTreeSet;

use heddle_model::{
    authn::MtlsMode,
    mesh::Mesh,
    protocol::Protocol,
    proxy::Interception,
    tls::{ServerTls, ServerTlsMode},
};
use heddle_xds_api::envoy::config::{
    core::v3::{TrafficDirection, TransportSocket},
    listener::v3::{Filter, FilterChain, Listener, ListenerFilter},
};

use super::{key::InboundKey, port::InboundPort, route::routes};
use crate::{
    authz,
    cluster::Policy,
    envoy::duration::duration,
    listener::{
        access_log, bind_address,
        chain::{Asks, PLAIN_HTTP, RAW, TLS, chain},
        filter::{Direction, Needs, Surroundings},
        http::{Http, RouteSource, http},
        inspector::{self, Ports},
        listener_name, named,
        tcp::{self, Connection, Forwarding},
        tls, wildcard,
    },
    name,
};

/// ALPN by which a peer's sidecar says that HTTP comes.
const MESH_HTTP: [&str; 3] = ["istio-http/1.0", "istio-http/1.1", "istio-h2"];
/// ALPN by which a peer's sidecar says that other bytes come.
const MESH_TCP: [&str; 2] = ["istio-peer-exchange", "istio"];
/// ALPN by which a peer's sidecar says that its TLS is the mesh's, whatever comes in it.
const MESH: [&str; 5] = [MESH_TCP[0], MESH_TCP[1], MESH_HTTP[0], MESH_HTTP[1], MESH_HTTP[2]];
/// ALPN of the server where other bytes may come.
const TCP_ALPN: [&str; 3] = ["istio-peer-exchange", "h2", "http/1.1"];
/// Name of the chain for HTTP on ports that nothing declares.
const CATCH_ALL_HTTP: &str = "virtualInbound-catchall-http";
/// Name of the chain that refuses connections to the listener's own port.
const BLACK_HOLE: &str = "virtualInbound-blackhole";

/// What a chain is made for: a declared port, or any other.
struct InboundChain<'a> {
    port: Option<&'a InboundPort>,
    /// TLS that is ended in place of mutual TLS.
    tls: Option<&'a ServerTls>,
    number: Option<u16>,
    protocol: Protocol,
    mode: MtlsMode,
}

/// The inbound listeners of a workload.
pub(super) fn listeners(key: &InboundKey) -> Vec<Listener> {
    let (own, redirected): (Vec<_>, Vec<_>) = key.ports.iter().partition(|port| port.own_listener);
    let mut listeners: Vec<Listener> = own.into_iter().map(|port| own_listener(key, port)).collect();
    if key.interception != Interception::None {
        listeners.push(virtual_inbound(key, &redirected));
    }
    listeners
}

fn own_listener(key: &InboundKey, port: &InboundPort) -> Listener {
    let at = chain_of(key, port);
    let filters = [needs_tls(&at).then(inspector::tls), needs_http(&at).then(inspector::http)];
    let mut listener = named(listener_name(&port.bind, port.number), bind_address(&port.bind, port.number));
    listener.filter_chains = chains(key, &InboundChain { number: None, ..at });
    complete(&key.mesh, &mut listener, filters.into_iter().flatten().collect());
    listener
}

fn virtual_inbound(key: &InboundKey, ports: &[&InboundPort]) -> Listener {
    let declared: BTreeSet<u16> = ports.iter().map(|p| p.number).collect();
    let undeclared = key.mtls.ports.iter().filter(|(port, _)| !declared.contains(port));
    let any = |number: Option<u16>, mode: MtlsMode| InboundChain {
        port: None,
        tls: None,
        number,
        protocol: Protocol::Sniff,
        mode,
    };
    let mut chains_of_ports = vec![any(None, key.mtls.default)];
    chains_of_ports.extend(undeclared.map(|(port, mode)| any(Some(*port), *mode)));
    chains_of_ports.extend(ports.iter().map(|port| chain_of(key, port)));
    let mut listener =
        named(name::VIRTUAL_INBOUND, bind_address(&wildcard(key.http.ipv4, key.http.ipv6), key.mesh.inbound_port));
    listener.filter_chains = vec![black_hole(&key.mesh)];
    listener.filter_chains.extend(chains_of_ports.iter().flat_map(|at| chains(key, at)));
    let filters = [
        Some(inspector::original_dst()),
        inspector::on(inspector::tls(), &inspected(&key.mesh, &chains_of_ports, needs_tls)),
        inspector::on(inspector::http(), &inspected(&key.mesh, &chains_of_ports, needs_http)),
    ];
    complete(&key.mesh, &mut listener, filters.into_iter().flatten().collect());
    listener
}

fn complete(mesh: &Mesh, listener: &mut Listener, filters: Vec<ListenerFilter>) {
    listener.listener_filters = filters;
    listener.listener_filters_timeout = Some(duration(mesh.detection_timeout));
    listener.continue_on_listener_filters_timeout = true;
    listener.traffic_direction = TrafficDirection::Inbound.into();
    listener.max_connections_to_accept_per_socket_event = Some(1);
    listener.access_log = access_log::listener_access_log(mesh);
}

fn chain_of<'a>(key: &'a InboundKey, port: &'a InboundPort) -> InboundChain<'a> {
    let tls = key.tls(port);
    // A port whose TLS the sidecar ends by the user's certificate speaks what is inside it.
    let protocol = match (tls, port.protocol) {
        (Some(_), Protocol::Https) => Protocol::Http,
        (Some(_), Protocol::Tls) => Protocol::Tcp,
        (_, protocol) => protocol,
    };
    let mode = key.mtls.of(port.number);
    let tls = tls.filter(|tls| mode == MtlsMode::Disable && tls.mode != ServerTlsMode::Passthrough);
    InboundChain { port: Some(port), tls, number: Some(port.number), protocol, mode }
}

/// The ports that need an inspector. Ports without a chain share the answer of the first, which is for all others.
fn inspected(mesh: &Mesh, chains: &[InboundChain<'_>], needs: fn(&InboundChain<'_>) -> bool) -> Ports {
    let common = chains.first().is_some_and(needs);
    let with = |wanted: bool| chains.iter().filter(move |t| needs(t) == wanted).filter_map(|t| t.number);
    if common {
        Ports::AllBut(with(false).chain([mesh.inbound_port]).collect())
    } else {
        Ports::Only(with(true).collect())
    }
}

fn needs_tls(at: &InboundChain<'_>) -> bool {
    at.mode != MtlsMode::Disable || at.tls.is_some()
}

fn needs_http(at: &InboundChain<'_>) -> bool {
    at.protocol.is_sniffed() && at.mode != MtlsMode::Strict && at.tls.is_none()
}

fn black_hole(mesh: &Mesh) -> FilterChain {
    let asks = Asks { port: Some(mesh.inbound_port), ..Asks::default() };
    FilterChain {
        transport_socket_connect_timeout: None,
        ..chain(BLACK_HOLE, &asks, tcp::to(mesh, name::BLACK_HOLE), None)
    }
}

/// The chains of a port. HTTP is told from other bytes by the peer's ALPN under TLS, by its first bytes else.
fn chains(key: &InboundKey, at: &InboundChain<'_>) -> Vec<FilterChain> {
    if let Some(user) = at.tls {
        let socket = tls::declared(&key.mesh, user, if at.protocol.is_http() { &tls::HTTP_ALPN } else { &[] });
        return vec![one(key, at, at.protocol.is_http(), TLS, &[], Some(socket))];
    }
    let http = at.protocol.is_http();
    let mut all = Vec::new();
    let mut add = |http: bool, transport: &'static str, protocols: &[&'static str], secured: bool| {
        let alpn: &[&str] = if http { &tls::HTTP_ALPN } else { &TCP_ALPN };
        let socket = secured.then(|| tls::mutual(&key.mesh, alpn));
        all.push(one(key, at, http, transport, protocols, socket));
    };
    match (at.mode, at.protocol.is_sniffed()) {
        (MtlsMode::Disable, false) => add(http, RAW, &[], false),
        (MtlsMode::Disable, true) => {
            add(true, RAW, &PLAIN_HTTP, false);
            add(false, RAW, &[], false);
        }
        (MtlsMode::Strict, false) => add(http, TLS, &[], true),
        (MtlsMode::Strict, true) => {
            add(true, TLS, &MESH_HTTP, true);
            add(false, TLS, &[], true);
        }
        (MtlsMode::Permissive, false) if http => {
            add(true, TLS, &MESH, true);
            add(true, RAW, &[], false);
        }
        (MtlsMode::Permissive, false) => {
            add(false, TLS, &MESH, true);
            add(false, RAW, &[], false);
            add(false, TLS, &[], false);
        }
        (MtlsMode::Permissive, true) => {
            add(true, TLS, &MESH_HTTP, true);
            add(true, RAW, &PLAIN_HTTP, false);
            add(false, TLS, &MESH_TCP, true);
            add(false, RAW, &[], false);
            add(false, TLS, &[], false);
        }
    }
    all
}

fn one(
    key: &InboundKey,
    at: &InboundChain<'_>,
    http: bool,
    transport: &'static str,
    protocols: &[&'static str],
    socket: Option<TransportSocket>,
) -> FilterChain {
    let asks = Asks { port: at.number, transport, protocols: protocols.to_vec(), ..Asks::default() };
    let filters = if http { vec![http_filter(key, at)] } else { tcp_filters(key, at) };
    let name = match at.port {
        Some(port) => listener_name(&port.bind, port.number),
        None if http => CATCH_ALL_HTTP.into(),
        None => name::VIRTUAL_INBOUND.into(),
    };
    chain(&name, &asks, filters, socket)
}

fn cluster(at: &InboundChain<'_>) -> String {
    at.port.map_or_else(|| name::INBOUND_PASSTHROUGH.into(), |port| name::inbound(port.number))
}

fn tcp_filters(key: &InboundKey, at: &InboundChain<'_>) -> Vec<Filter> {
    let pool = at.port.and_then(|port| key.pool(port));
    let policy = Policy { pool, ..Policy::default() };
    let is_mongo = at.protocol == Protocol::Mongo;
    let connection = Connection { is_mongo, ..Connection::of(&policy, key.http.idle_timeout_seconds) };
    let to = Forwarding { connection, ..Forwarding::to(cluster(at)) };
    let mut filters = authz::network_filters(&key.mesh, &key.policies);
    filters.extend(tcp::filters(&key.mesh, to.stat_prefix(), &to));
    filters
}

fn http_filter(key: &InboundKey, at: &InboundChain<'_>) -> Filter {
    let stat_prefix = match at.port {
        Some(port) => format!("inbound_{};", listener_name(&port.bind, port.number)),
        None => format!("{};", name::INBOUND_PASSTHROUGH),
    };
    let spec = Http {
        stat_prefix,
        routes: RouteSource::Inline(Box::new(routes(at.port, cluster(at)))),
        needs: Needs { grpc_web: at.protocol == Protocol::GrpcWeb, ..Needs::default() },
        forward_proxy: false,
    };
    let surroundings = Surroundings {
        mesh: &key.mesh,
        proxy: key.http,
        direction: Direction::Inbound,
        policies: key.policies.clone(),
    };
    http(&surroundings, spec)
}
