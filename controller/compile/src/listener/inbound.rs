//! Inbound listeners: one that iptables redirects to, or one a port where nothing redirects.

use std::{collections::BTreeSet, time::Duration};

use heddle_model::{
    authn::{EffectiveMtls, MtlsMode},
    mesh::Mesh,
    protocol::Protocol,
    proxy::{Interception, Proxy},
    tls::ServerTlsMode,
};
use heddle_xds_api::envoy::config::{
    core::v3::{TrafficDirection, TransportSocket},
    listener::v3::{Filter, FilterChain, Listener, ListenerFilter},
    route::v3::{
        Decorator, Route, RouteAction, RouteConfiguration, RouteMatch, VirtualHost,
        route::Action,
        route_action::{ClusterSpecifier, MaxStreamDuration},
        route_match::PathSpecifier,
    },
};

use super::{
    access_log, bind_address,
    chain::{Asks, PLAIN_HTTP, RAW, TLS, chain},
    http::{Direction, Http, RouteSource, http},
    inspector::{self, Ports},
    listener_name, named,
    port::InboundPort,
    tcp, tls, wildcard,
};
use crate::{envoy::duration::duration, name, route::inbound_retry, view::ViewKey};

/// ALPN by which a peer's sidecar says that HTTP comes.
const MESH_HTTP: [&str; 3] = ["istio-http/1.0", "istio-http/1.1", "istio-h2"];
/// ALPN by which a peer's sidecar says that other bytes come.
const MESH_TCP: [&str; 2] = ["istio-peer-exchange", "istio"];
/// ALPN of the server where other bytes may come.
const TCP_ALPN: [&str; 3] = ["istio-peer-exchange", "h2", "http/1.1"];
/// Name of the chain for HTTP on ports that nothing declares.
const CATCH_ALL_HTTP: &str = "virtualInbound-catchall-http";
/// Name of the chain that refuses connections to the listener's own port.
const BLACK_HOLE: &str = "virtualInbound-blackhole";

/// What a chain is made for: a declared port, or any other.
struct InboundChain<'a> {
    port: Option<&'a InboundPort>,
    number: Option<u16>,
    protocol: Protocol,
    mode: MtlsMode,
}

/// The inbound listeners of a workload.
#[must_use]
pub fn listeners(
    mesh: &Mesh,
    view: &ViewKey,
    proxy: &Proxy,
    ports: &[InboundPort],
    mtls: &EffectiveMtls,
) -> Vec<Listener> {
    let (own, redirected): (Vec<_>, Vec<_>) = ports.iter().partition(|port| port.own_listener);
    let mut listeners: Vec<Listener> = own.into_iter().map(|port| own_listener(mesh, view, port, mtls)).collect();
    if proxy.interception != Interception::None {
        listeners.push(virtual_inbound(mesh, view, &redirected, mtls));
    }
    listeners
}

fn own_listener(mesh: &Mesh, view: &ViewKey, port: &InboundPort, mtls: &EffectiveMtls) -> Listener {
    let inbound_chain = inbound_chain(port, mtls);
    let filters = [needs_tls(&inbound_chain).then(inspector::tls), needs_http(&inbound_chain).then(inspector::http)];
    let mut listener = named(listener_name(&port.bind, port.number), bind_address(&port.bind, port.number));
    listener.filter_chains = chains(mesh, view, &InboundChain { number: None, ..inbound_chain });
    complete(mesh, &mut listener, filters.into_iter().flatten().collect());
    listener
}

fn virtual_inbound(mesh: &Mesh, view: &ViewKey, ports: &[&InboundPort], mtls: &EffectiveMtls) -> Listener {
    let declared: BTreeSet<u16> = ports.iter().map(|p| p.number).collect();
    let undeclared = mtls.ports.iter().filter(|(port, _)| !declared.contains(port));
    let any =
        |number: Option<u16>, mode: MtlsMode| InboundChain { port: None, number, protocol: Protocol::Sniff, mode };
    let mut targets = vec![any(None, mtls.default)];
    targets.extend(undeclared.map(|(port, mode)| any(Some(*port), *mode)));
    targets.extend(ports.iter().map(|port| inbound_chain(port, mtls)));
    let mut listener = named(name::VIRTUAL_INBOUND, bind_address(&wildcard(view), mesh.inbound_port));
    listener.filter_chains = vec![black_hole(mesh)];
    listener.filter_chains.extend(targets.iter().flat_map(|inbound_chain| chains(mesh, view, inbound_chain)));
    let filters = [
        Some(inspector::original_dst()),
        inspector::on(inspector::tls(), &inspected(mesh, &targets, needs_tls)),
        inspector::on(inspector::http(), &inspected(mesh, &targets, needs_http)),
    ];
    complete(mesh, &mut listener, filters.into_iter().flatten().collect());
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

fn inbound_chain<'a>(port: &'a InboundPort, mtls: &EffectiveMtls) -> InboundChain<'a> {
    // A port whose TLS the sidecar ends by the user's certificate speaks what is inside it.
    let protocol = match (&port.tls, port.protocol) {
        (Some(_), Protocol::Https) => Protocol::Http,
        (Some(_), Protocol::Tls) => Protocol::Tcp,
        (_, protocol) => protocol,
    };
    InboundChain { port: Some(port), number: Some(port.number), protocol, mode: mtls.of(port.number) }
}

/// The ports that need an inspector. Ports of no inbound_chain share the answer of the first, which is for all others.
fn inspected(mesh: &Mesh, targets: &[InboundChain<'_>], needs: fn(&InboundChain<'_>) -> bool) -> Ports {
    let common = targets.first().is_some_and(needs);
    let with = |wanted: bool| targets.iter().filter(move |t| needs(t) == wanted).filter_map(|t| t.number);
    if common {
        Ports::AllBut(with(false).chain([mesh.inbound_port]).collect())
    } else {
        Ports::Only(with(true).collect())
    }
}

fn user_tls<'a>(inbound_chain: &InboundChain<'a>) -> Option<&'a heddle_model::tls::ServerTls> {
    let tls = inbound_chain.port?.tls.as_ref()?;
    (inbound_chain.mode == MtlsMode::Disable && tls.mode != ServerTlsMode::Passthrough).then_some(tls)
}

fn needs_tls(inbound_chain: &InboundChain<'_>) -> bool {
    inbound_chain.mode != MtlsMode::Disable || user_tls(inbound_chain).is_some()
}

fn needs_http(inbound_chain: &InboundChain<'_>) -> bool {
    inbound_chain.protocol.is_sniffed() && inbound_chain.mode != MtlsMode::Strict && user_tls(inbound_chain).is_none()
}

fn black_hole(mesh: &Mesh) -> FilterChain {
    let asks = Asks { port: Some(mesh.inbound_port), ..Asks::default() };
    FilterChain {
        transport_socket_connect_timeout: None,
        ..chain(BLACK_HOLE, &asks, vec![tcp::to(mesh, name::BLACK_HOLE)], None)
    }
}

/// The chains of a inbound_chain. HTTP is told from other bytes by the peer's ALPN under TLS, by its first bytes else.
fn chains(mesh: &Mesh, view: &ViewKey, inbound_chain: &InboundChain<'_>) -> Vec<FilterChain> {
    if let Some(user) = user_tls(inbound_chain) {
        let socket = tls::declared(mesh, user, if inbound_chain.protocol.is_http() { &tls::HTTP_ALPN } else { &[] });
        return vec![one(mesh, view, inbound_chain, inbound_chain.protocol.is_http(), TLS, &[], Some(socket))];
    }
    let http = inbound_chain.protocol.is_http();
    let mut all = Vec::new();
    let mut add = |http: bool, transport: &'static str, protocols: &[&'static str], secured: bool| {
        let alpn: &[&str] = if http { &tls::HTTP_ALPN } else { &TCP_ALPN };
        let socket = secured.then(|| tls::mutual(mesh, alpn));
        all.push(one(mesh, view, inbound_chain, http, transport, protocols, socket));
    };
    match (inbound_chain.mode, inbound_chain.protocol.is_sniffed()) {
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
            add(true, TLS, &[MESH_TCP[0], MESH_TCP[1], MESH_HTTP[0], MESH_HTTP[1], MESH_HTTP[2]], true);
            add(true, RAW, &[], false);
        }
        (MtlsMode::Permissive, false) => {
            add(false, TLS, &MESH_TCP, true);
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
    mesh: &Mesh,
    view: &ViewKey,
    inbound_chain: &InboundChain<'_>,
    http: bool,
    transport: &'static str,
    protocols: &[&'static str],
    socket: Option<TransportSocket>,
) -> FilterChain {
    let asks = Asks { port: inbound_chain.number, transport, protocols: protocols.to_vec(), ..Asks::default() };
    let filter = if http { http_filter(mesh, view, inbound_chain) } else { tcp_filter(mesh, inbound_chain) };
    let name = match inbound_chain.port {
        Some(port) => listener_name(&port.bind, port.number),
        None if http => CATCH_ALL_HTTP.into(),
        None => name::VIRTUAL_INBOUND.into(),
    };
    chain(&name, &asks, vec![filter], socket)
}

fn cluster(inbound_chain: &InboundChain<'_>) -> String {
    inbound_chain.port.map_or_else(|| name::INBOUND_PASSTHROUGH.into(), |port| name::inbound(port.number))
}

fn tcp_filter(mesh: &Mesh, inbound_chain: &InboundChain<'_>) -> Filter {
    let idle = inbound_chain.port.and_then(|p| p.pool.as_ref()).and_then(|pool| pool.tcp_idle_timeout);
    let cluster = cluster(inbound_chain);
    tcp::proxy(mesh, &cluster, &vec![(cluster.clone(), 1)], idle)
}

fn http_filter(mesh: &Mesh, view: &ViewKey, inbound_chain: &InboundChain<'_>) -> Filter {
    let stat_prefix = match inbound_chain.port {
        Some(port) => format!("inbound_{};", listener_name(&port.bind, port.number)),
        None => format!("{};", name::INBOUND_PASSTHROUGH),
    };
    let spec = Http {
        stat_prefix,
        routes: RouteSource::Inline(Box::new(routes(inbound_chain))),
        direction: Direction::Inbound,
        dynamic_dns: false,
        forward_proxy: false,
    };
    http(mesh, view, spec)
}

fn routes(inbound_chain: &InboundChain<'_>) -> RouteConfiguration {
    let cluster = cluster(inbound_chain);
    let service_port = inbound_chain.port.map_or(0, |port| port.service_port);
    let host = inbound_chain.port.and_then(|p| p.service.as_ref()).map(|s| s.host.to_string()).unwrap_or_default();
    let zero = duration(Duration::ZERO);
    let action = RouteAction {
        cluster_specifier: Some(ClusterSpecifier::Cluster(cluster.clone())),
        timeout: Some(zero),
        retry_policy: Some(inbound_retry()),
        max_stream_duration: Some(MaxStreamDuration {
            max_stream_duration: Some(zero),
            grpc_timeout_header_max: Some(zero),
            ..MaxStreamDuration::default()
        }),
        ..RouteAction::default()
    };
    let route = Route {
        name: "default".into(),
        r#match: Some(RouteMatch { path_specifier: Some(PathSpecifier::Prefix("/".into())), ..RouteMatch::default() }),
        action: Some(Action::Route(action)),
        decorator: Some(Decorator { operation: format!("{host}:{service_port}/*"), ..Decorator::default() }),
        ..Route::default()
    };
    RouteConfiguration {
        name: cluster,
        virtual_hosts: vec![VirtualHost {
            name: format!("inbound|http|{service_port}"),
            domains: vec!["*".into()],
            routes: vec![route],
            ..VirtualHost::default()
        }],
        validate_clusters: Some(false),
        ..RouteConfiguration::default()
    }
}
