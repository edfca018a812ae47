//! Listeners of gateways: one a port, with a filter chain for each server that speaks TLS.

use std::collections::{BTreeMap, BTreeSet};

use heddle_model::{
    host::Host,
    issue::Issue,
    protocol::Protocol,
    route::{L4Match, Reach},
    service::Resolution,
    tls::{ServerTls, ServerTlsMode},
};
use heddle_xds_api::envoy::config::{
    core::v3::TrafficDirection,
    listener::v3::{FilterChain, FilterChainMatch, Listener},
};
use prost::Message;

use super::merge::{Bound, PortKind, Ports};
use crate::{
    compiled::Compiled,
    listener::{
        access_log, bind_address,
        chain::{Asks, TLS, chain},
        destination::{L4Rule, forwarding},
        filter::{Direction, Needs, surroundings},
        http::{Http, RouteSource, http},
        inspector, listener_name,
        tcp::{self, Forwarding},
        tls, wildcard,
    },
    name,
    scope::Scope,
    secret,
};

/// The listeners of a gateway proxy. A port on which nothing is served is not opened.
pub(crate) fn listeners(scope: &Scope<'_>, ports: &Ports) -> Vec<Compiled<Listener>> {
    ports.iter().filter_map(|((bind, port), servers)| listener(scope, bind, *port, servers)).collect()
}

fn listener(scope: &Scope<'_>, bind: &str, port: u16, servers: &[Bound]) -> Option<Compiled<Listener>> {
    let mesh = scope.mesh;
    let bind = if bind.is_empty() { wildcard(scope.view.ipv4, scope.view.ipv6) } else { bind.into() };
    let mut compiled = Compiled::new(Listener {
        name: listener_name(&bind, port),
        address: Some(bind_address(&bind, port)),
        traffic_direction: TrafficDirection::Outbound.into(),
        max_connections_to_accept_per_socket_event: Some(1),
        access_log: access_log::listener_access_log(mesh),
        ..Listener::default()
    });
    compiled.sources = servers.iter().map(|bound| bound.gateway.origin.object.clone()).collect();
    let mut chains = Vec::new();
    for bound in servers {
        // Plain HTTP of a port shares one chain: hosts are told apart by its routes.
        if bound.kind() != PortKind::Http || chains.is_empty() {
            chains.extend(server_chains(scope, &bind, bound, &mut compiled.issues));
        }
    }
    compiled.value.filter_chains = distinct(chains);
    if mesh.proxy.proxy_protocol {
        compiled.value.listener_filters.push(inspector::proxy_protocol());
    }
    if servers.iter().any(|bound| bound.kind() == PortKind::Tls) {
        compiled.value.listener_filters.push(inspector::tls());
    }
    (!compiled.value.filter_chains.is_empty()).then_some(compiled)
}

/// Envoy rejects a listener with two chains that ask for the same: the first, which is the oldest's, stays.
fn distinct(chains: Vec<FilterChain>) -> Vec<FilterChain> {
    let mut asked: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut taken: BTreeMap<Vec<u8>, BTreeSet<String>> = BTreeMap::new();
    let mut kept = Vec::new();
    for mut chain in chains {
        if let Some(asks) = &mut chain.filter_chain_match {
            let names = taken.entry(but_for_names(asks)).or_default();
            let before = asks.server_names.len();
            asks.server_names.retain(|name| !names.contains(name));
            if before > 0 && asks.server_names.is_empty() {
                continue;
            }
            names.extend(asks.server_names.iter().cloned());
        }
        if asked.insert(chain.filter_chain_match.as_ref().map(Message::encode_to_vec).unwrap_or_default()) {
            kept.push(chain);
        }
    }
    kept
}

/// What tells chains apart before their server names do.
fn but_for_names(asks: &FilterChainMatch) -> Vec<u8> {
    let prefix_ranges = asks.prefix_ranges.clone();
    let application_protocols = asks.application_protocols.clone();
    FilterChainMatch { prefix_ranges, application_protocols, ..FilterChainMatch::default() }.encode_to_vec()
}

fn server_chains(scope: &Scope<'_>, bind: &str, bound: &Bound, issues: &mut Vec<Issue>) -> Vec<FilterChain> {
    let tls = bound.server().tls.as_ref();
    match tls.map(|tls| tls.mode) {
        _ if bound.kind() == PortKind::Http => vec![http_chain(scope, bind, bound, None)],
        Some(ServerTlsMode::AutoPassthrough) => auto_passthrough(scope, bound),
        Some(ServerTlsMode::Passthrough) => passthrough(scope, bound, issues),
        None if bound.kind() == PortKind::Tls => passthrough(scope, bound, issues),
        Some(_) => tls.map(|tls| terminated(scope, bind, bound, tls, issues)).unwrap_or_default(),
        None => connections(scope, bound, &Asks::default(), issues)
            .into_iter()
            .map(|(asks, to)| tcp_chain(scope, &asks, &to, None))
            .collect(),
    }
}

/// TLS that ends here. Without its secret Envoy would hold back the whole port, so the chain is left out and reported.
fn terminated(
    scope: &Scope<'_>,
    bind: &str,
    bound: &Bound,
    tls: &ServerTls,
    issues: &mut Vec<Issue>,
) -> Vec<FilterChain> {
    let missing: Vec<String> = tls::credentials(tls).into_iter().filter(|name| !secret::exists(scope, name)).collect();
    if let Some(name) = missing.first() {
        let field = format!("{}.tls.credentialName", bound.server().field);
        let message =
            format!("there is no secret {name} in namespace {}; this server is left out", scope.view.namespace);
        issues.push(Issue::error(&bound.gateway.origin.object, field, "MissingSecret", message));
        return Vec::new();
    }
    if bound.routes_http() {
        return vec![http_chain(scope, bind, bound, Some(tls))];
    }
    let asks = Asks { server_names: server_names(bound), ..Asks::default() };
    connections(scope, bound, &asks, issues)
        .into_iter()
        .map(|(asks, to)| tcp_chain(scope, &asks, &to, Some(tls)))
        .collect()
}

fn http_chain(scope: &Scope<'_>, bind: &str, bound: &Bound, tls: Option<&ServerTls>) -> FilterChain {
    let mesh = scope.mesh;
    let spec = Http {
        stat_prefix: format!("outbound_{};", listener_name(bind, bound.target)),
        routes: RouteSource::Named(bound.route_name()),
        needs: Needs {
            dynamic_dns: scope.seen.services.values().any(|i| i.service.resolution == Resolution::DynamicDns),
            grpc_web: bound.server().protocol == Protocol::GrpcWeb,
        },
        forward_proxy: false,
    };
    let asks = Asks { server_names: if tls.is_some() { server_names(bound) } else { Vec::new() }, ..Asks::default() };
    let socket = tls.map(|tls| tls::declared(mesh, tls, &tls::HTTP_ALPN));
    chain("", &asks, vec![http(&surroundings(scope, Direction::Gateway), spec)], socket)
}

fn tcp_chain(scope: &Scope<'_>, asks: &Asks, to: &Forwarding, tls: Option<&ServerTls>) -> FilterChain {
    let mesh = scope.mesh;
    let socket = tls.map(|tls| tls::declared(mesh, tls, &tls::HTTP_ALPN));
    chain("", asks, tcp::filters(mesh, to.stat_prefix(), to), socket)
}

/// The server's hosts as SNI; none where it takes every host.
fn server_names(bound: &Bound) -> Vec<String> {
    names(bound.server().hosts.iter().map(|h| &h.host))
}

fn names<'a>(hosts: impl Iterator<Item = &'a Host>) -> Vec<String> {
    let names: Vec<String> = hosts.map(ToString::to_string).collect();
    if names.iter().any(|name| name == "*") { Vec::new() } else { names }
}

/// TLS passed through: a chain for each SNI that a VirtualService routes.
fn passthrough(scope: &Scope<'_>, bound: &Bound, issues: &mut Vec<Issue>) -> Vec<FilterChain> {
    let port = bound.server().port;
    let mut chains = Vec::new();
    for virtual_service in
        bound.virtual_services(scope).filter(|virtual_service| !bound.hosts_for(virtual_service).is_empty())
    {
        for rule in &virtual_service.tls {
            for condition in rule.matches.iter().filter(|m| applies(bound, virtual_service, &m.l4)) {
                let asks = Asks {
                    networks: condition.l4.destination_subnets.clone(),
                    server_names: names(condition.sni_hosts.iter()),
                    ..Asks::default()
                };
                let to = forwarding(scope, &L4Rule::tls(virtual_service, rule), port, issues);
                chains.push(tcp_chain(scope, &asks, &to, None));
            }
        }
    }
    let asks = Asks { server_names: server_names(bound), ..Asks::default() };
    let plain = tcp_rules(scope, bound, &asks, issues);
    chains.extend(plain.into_iter().map(|(asks, to)| tcp_chain(scope, &asks, &to, None)));
    chains
}

/// TLS passed through to the service that the SNI names. Only services that the server's hosts cover can be reached.
fn auto_passthrough(scope: &Scope<'_>, bound: &Bound) -> Vec<FilterChain> {
    let covered = |host: &Host| bound.server().hosts.iter().any(|h| h.host.covers(host));
    let mut chains = Vec::new();
    for import in scope.seen.services.values().filter(|i| !i.service.external && covered(&i.service.host)) {
        let service = &import.service;
        let subsets = scope.rule(service).map(|rule| rule.subsets.iter().map(|s| s.name.clone()).collect::<Vec<_>>());
        let subsets = std::iter::once("".into()).chain(subsets.unwrap_or_default());
        for subset in subsets {
            for port in service.ports.iter().filter(|p| p.protocol != Protocol::Udp) {
                let cluster = name::sni_dnat(port.number, &subset, &service.host);
                let asks = Asks {
                    server_names: vec![cluster.clone()],
                    transport: TLS,
                    protocols: vec!["istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"],
                    ..Asks::default()
                };
                chains.push(tcp_chain(scope, &asks, &Forwarding::to(cluster), None));
            }
        }
    }
    chains
}

/// Where connections of a server go: by TCP rules, else by TLS rules for TLS that ends here.
fn connections(scope: &Scope<'_>, bound: &Bound, asks: &Asks, issues: &mut Vec<Issue>) -> Vec<(Asks, Forwarding)> {
    let rules = tcp_rules(scope, bound, asks, issues);
    if !rules.is_empty() || !bound.ends_tls() {
        return rules;
    }
    let virtual_services =
        bound.virtual_services(scope).filter(|virtual_service| !bound.hosts_for(virtual_service).is_empty());
    let mut found = Vec::new();
    for (virtual_service, rule) in
        virtual_services.flat_map(|virtual_service| virtual_service.tls.iter().map(move |rule| (virtual_service, rule)))
    {
        for condition in rule.matches.iter().filter(|m| applies(bound, virtual_service, &m.l4)) {
            let asks = Asks { server_names: names(condition.sni_hosts.iter()), ..asks.clone() };
            found.push((asks, forwarding(scope, &L4Rule::tls(virtual_service, rule), bound.server().port, issues)));
        }
    }
    found
}

fn tcp_rules(scope: &Scope<'_>, bound: &Bound, asks: &Asks, issues: &mut Vec<Issue>) -> Vec<(Asks, Forwarding)> {
    let virtual_services =
        bound.virtual_services(scope).filter(|virtual_service| !bound.hosts_for(virtual_service).is_empty());
    let mut found = Vec::new();
    for (virtual_service, rule) in
        virtual_services.flat_map(|virtual_service| virtual_service.tcp.iter().map(move |rule| (virtual_service, rule)))
    {
        let applying: Vec<&L4Match> = rule.matches.iter().filter(|m| applies(bound, virtual_service, m)).collect();
        if !rule.matches.is_empty() && applying.is_empty() {
            continue;
        }
        let to = forwarding(scope, &L4Rule::tcp(virtual_service, rule), bound.server().port, issues);
        if rule.matches.is_empty() {
            found.push((asks.clone(), to));
        } else {
            found.extend(applying.into_iter().map(|m| {
                let networks = m.destination_subnets.clone();
                (Asks { networks, ..asks.clone() }, to.clone())
            }));
        }
    }
    found
}

fn applies(bound: &Bound, virtual_service: &Reach, condition: &L4Match) -> bool {
    let gateways = if condition.gateways.is_empty() { &virtual_service.gateways } else { &condition.gateways };
    gateways.contains(&bound.reference()) && condition.port.is_none_or(|port| port == bound.server().port)
}
