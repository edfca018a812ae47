//! Outbound listeners, from their plan.

use heddle_model::{mesh::OutboundMode, proxy::Interception, service::Resolution};
use heddle_xds_api::envoy::config::{
    core::v3::TrafficDirection,
    listener::v3::{FilterChain, FilterChainMatch, Listener},
    route::v3::RouteConfiguration,
};

use super::{
    access_log, bind_address,
    chain::{Asks, PLAIN_HTTP, RAW, chain},
    filter::{Direction, Needs, surroundings},
    http::{Http, RouteSource, http},
    inspector, listener_name, loopback, named,
    plan::{Plan, Planned, TcpChain},
    sni_dns, tcp, wildcard,
};
use crate::{
    compiled::Compiled,
    envoy::duration::duration,
    name,
    route::{RouteConfigKey, catch_all},
    scope::Scope,
};

/// Chain of connections that no other chain takes.
const PASSTHROUGH_CHAIN: &str = "PassthroughFilterChain";

/// All outbound listeners of a view.
pub(crate) fn listeners(scope: &Scope<'_>, plan: &Plan) -> Vec<Compiled<Listener>> {
    let is_used = |planned: &&Planned| planned.http.is_some() || !planned.tcp.is_empty();
    let compiled = |planned: &Planned| {
        let sources = planned.sources.iter().cloned().collect();
        Compiled { sources, ..Compiled::new(listener(scope, planned)) }
    };
    let mut listeners: Vec<_> = plan.values().filter(is_used).map(compiled).collect();
    if scope.view.interception != Interception::None {
        listeners.push(Compiled::new(virtual_outbound(scope)));
    }
    if scope.view.http_proxy_port > 0 {
        listeners.push(Compiled::new(http_proxy(scope)));
    }
    listeners
}

/// Name of the route configuration of the mesh-wide forward proxy.
pub(crate) const HTTP_PROXY_ROUTES: &str = "http_proxy";

fn listener(scope: &Scope<'_>, planned: &Planned) -> Listener {
    let mesh = scope.mesh;
    let mut listener = named(listener_name(&planned.bind, planned.port), bind_address(&planned.bind, planned.port));
    let (whole, matched): (Vec<_>, Vec<_>) = planned.tcp.iter().partition(|c| c.asks == Asks::default());
    listener.filter_chains = matched.iter().map(|c| tcp_chain(scope, c)).collect();
    let only_http = planned.http.is_some() && planned.forward_proxy;
    if let Some(routes) = &planned.http {
        listener.filter_chains.push(http_chain(scope, planned, routes, only_http));
    }
    if planned.http.is_none() && matched.is_empty() {
        listener.filter_chains.extend(whole.iter().map(|c| tcp_chain(scope, c)));
    } else if !only_http {
        let last = whole.first().map_or_else(|| passthrough(scope), |c| tcp_chain(scope, c));
        listener.default_filter_chain = Some(last);
    }
    if planned.tcp.iter().any(|c| c.sni_port.is_some() || !c.asks.server_names.is_empty()) {
        listener.listener_filters.push(inspector::tls());
    }
    if planned.http.is_some() && !only_http {
        listener.listener_filters.push(inspector::http());
    }
    listener.listener_filters_timeout = Some(duration(mesh.detection_timeout));
    listener.continue_on_listener_filters_timeout = true;
    listener.traffic_direction = TrafficDirection::Outbound.into();
    listener.bind_to_port = (!planned.bound).then_some(false);
    listener.access_log = access_log::listener_access_log(mesh);
    listener
}

/// The chain for HTTP.
fn http_chain(scope: &Scope<'_>, planned: &Planned, routes: &RouteConfigKey, only_http: bool) -> FilterChain {
    let spec = Http {
        stat_prefix: format!("outbound_{};", listener_name(&planned.bind, planned.port)),
        routes: RouteSource::Named(routes.name()),
        needs: Needs { dynamic_dns: resolves_hosts(scope, planned.egress), grpc_web: planned.grpc_web },
        forward_proxy: planned.forward_proxy,
    };
    let asks = if only_http {
        Asks::default()
    } else {
        Asks { transport: RAW, protocols: PLAIN_HTTP.to_vec(), ..Asks::default() }
    };
    chain("", &asks, vec![http(&surroundings(scope, Direction::Outbound), spec)], None)
}

/// Whether some route of an egress listener resolves the host asked for.
fn resolves_hosts(scope: &Scope<'_>, egress: usize) -> bool {
    let of_service = || {
        let services = scope.seen.listeners.get(egress).map(|l| l.services.as_slice()).unwrap_or_default();
        services.iter().any(|s| s.resolution == Resolution::DynamicDns)
    };
    scope.seen.outbound.mode == OutboundMode::AllowAnyDynamicDns || of_service()
}

fn tcp_chain(scope: &Scope<'_>, planned: &TcpChain) -> FilterChain {
    let resolve = planned.sni_port.map(|port| sni_dns::filter(scope.view, port));
    let filters = tcp::filters(scope.mesh, planned.to.stat_prefix(), &planned.to);
    chain("", &planned.asks, resolve.into_iter().chain(filters).collect(), None)
}

fn passthrough(scope: &Scope<'_>) -> FilterChain {
    let filters = tcp::to(scope.mesh, &catch_all::any_cluster(scope));
    FilterChain {
        name: PASSTHROUGH_CHAIN.into(),
        filter_chain_match: Some(FilterChainMatch::default()),
        filters,
        ..FilterChain::default()
    }
}

fn virtual_outbound(scope: &Scope<'_>) -> Listener {
    let mesh = scope.mesh;
    let mut listener =
        named(name::VIRTUAL_OUTBOUND, bind_address(&wildcard(scope.view.ipv4, scope.view.ipv6), mesh.outbound_port));
    let plain = |name: &str, asks: &Asks, cluster: &str| FilterChain {
        transport_socket_connect_timeout: None,
        ..chain(name, asks, tcp::to(mesh, cluster), None)
    };
    let own_port = Asks { port: Some(mesh.outbound_port), ..Asks::default() };
    listener.filter_chains = vec![plain("virtualOutbound-blackhole", &own_port, name::BLACK_HOLE)];
    if scope.seen.outbound.mode == OutboundMode::AllowAnyDynamicDns {
        listener.filter_chains.push(dynamic_chain(scope));
        listener.listener_filters.push(inspector::http());
    }
    listener.filter_chains.push(plain(
        "virtualOutbound-catchall-tcp",
        &Asks::default(),
        &catch_all::any_cluster(scope),
    ));
    listener.use_original_dst = Some(true);
    listener.traffic_direction = TrafficDirection::Outbound.into();
    listener.max_connections_to_accept_per_socket_event = Some(1);
    listener.access_log = access_log::listener_access_log(mesh);
    listener
}

/// HTTP on ports that no service has: resolved by its host.
fn dynamic_chain(scope: &Scope<'_>) -> FilterChain {
    let routes = RouteConfiguration {
        name: "allow_any_dynamic_dns".into(),
        virtual_hosts: vec![catch_all::virtual_host(scope)],
        validate_clusters: Some(false),
        ..RouteConfiguration::default()
    };
    let spec = Http {
        stat_prefix: "outbound_allow_any_dynamic_dns;".into(),
        routes: RouteSource::Inline(Box::new(routes)),
        needs: Needs { dynamic_dns: true, ..Needs::default() },
        forward_proxy: false,
    };
    let asks = Asks { protocols: PLAIN_HTTP.to_vec(), ..Asks::default() };
    chain("virtualOutbound-catchall-tcp-http", &asks, vec![http(&surroundings(scope, Direction::Outbound), spec)], None)
}

/// The mesh-wide forward proxy on the loopback address.
fn http_proxy(scope: &Scope<'_>) -> Listener {
    let (bind, port) = (loopback(scope.view.ipv4, scope.view.ipv6), scope.view.http_proxy_port);
    let mut listener = named(listener_name(&bind, port), bind_address(&bind, port));
    let spec = Http {
        stat_prefix: format!("outbound_{};", listener_name(&bind, port)),
        routes: RouteSource::Named(HTTP_PROXY_ROUTES.into()),
        needs: Needs { dynamic_dns: resolves_hosts(scope, 0), ..Needs::default() },
        forward_proxy: true,
    };
    listener.filter_chains =
        vec![chain("", &Asks::default(), vec![http(&surroundings(scope, Direction::Outbound), spec)], None)];
    listener.traffic_direction = TrafficDirection::Outbound.into();
    listener
}
