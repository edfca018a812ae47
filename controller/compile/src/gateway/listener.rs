//! Listeners of gateways: one a port, with a filter chain for each server that speaks TLS.

use std::sync::Arc;

use heddle_model::{
    host::Host,
    issue::Issue,
    object::ObjectRef,
    protocol::Protocol,
    route::{L4Match, Reach},
    service::Resolution,
    tls::{ServerTls, ServerTlsMode},
};
use heddle_xds_api::envoy::config::{
    core::v3::{TrafficDirection, TransportSocket},
    listener::v3::{Filter, Listener},
};

use super::merge::{Bound, PortKind, Ports};
use crate::{
    authz,
    compiled::Compiled,
    listener::{
        access_log, bind_address,
        chain::{Asks, TLS, chain, server_names},
        claims::{Claimant, Claims},
        destination::{L4Rule, forwarding, sni_port},
        filter::{Direction, Needs, gateway_policies, surroundings},
        http::{Http, RouteSource, http},
        inspector, listener_name, sni_dns,
        tcp::{self, Forwarding},
        tls,
    },
    name,
    scope::Scope,
    secret,
};

/// The listeners of a gateway proxy. A port on which nothing is served is not opened; why not is an issue all the same.
pub(crate) fn listeners(scope: &Scope<'_>, ports: &Ports, issues: &mut Vec<Issue>) -> Vec<Compiled<Listener>> {
    ports.iter().filter_map(|((bind, port), servers)| listener(scope, (bind, *port), servers, issues)).collect()
}

fn listener(
    scope: &Scope<'_>,
    (bind, port): (&str, u16),
    servers: &[Bound],
    issues: &mut Vec<Issue>,
) -> Option<Compiled<Listener>> {
    let mesh = scope.mesh;
    let mut compiled = Compiled::new(Listener {
        name: listener_name(bind, port),
        address: Some(bind_address(bind, port)),
        traffic_direction: TrafficDirection::Outbound.into(),
        max_connections_to_accept_per_socket_event: Some(1),
        access_log: access_log::listener_access_log(mesh),
        ..Listener::default()
    });
    compiled.sources = servers.iter().map(|bound| bound.gateway.origin.object.clone()).collect();
    compiled.sources.extend(gateway_policies(scope).iter().map(|policy| policy.origin.object.clone()));
    let mut claims = Claims::default();
    for bound in servers {
        // Plain HTTP of a port shares one chain: hosts are told apart by its routes.
        if bound.kind() == PortKind::Http && !compiled.value.filter_chains.is_empty() {
            continue;
        }
        for wanted in server_chains(scope, bind, (bound, servers), issues) {
            let claimed = claims.claim(&wanted.asks, &wanted.claimant);
            issues.extend(claimed.issue(&wanted.claimant));
            if !claimed.left.is_empty() {
                compiled.sources.push(wanted.claimant.object);
                compiled.sources.extend(wanted.rules);
            }
            let chains = claimed.left.iter().map(|asks| chain("", asks, wanted.filters.clone(), wanted.socket.clone()));
            compiled.value.filter_chains.extend(chains);
        }
    }
    if mesh.proxy.proxy_protocol {
        compiled.value.listener_filters.push(inspector::proxy_protocol());
    }
    if servers.iter().any(|bound| bound.kind() == PortKind::Tls) {
        compiled.value.listener_filters.push(inspector::tls());
    }
    (!compiled.value.filter_chains.is_empty()).then_some(compiled)
}

/// A chain, and who asks for it.
struct Wanted {
    asks: Asks,
    claimant: Claimant,
    filters: Vec<Filter>,
    socket: Option<TransportSocket>,
    /// The rules that say how connections are held.
    rules: Vec<Arc<ObjectRef>>,
}

/// Connections that a rule takes, and where they go.
struct Connections {
    asks: Asks,
    claimant: Claimant,
    to: Forwarding,
    /// The host that the SNI names is resolved and called at this port.
    sni_port: Option<u16>,
}

/// The chains of a server, which may share one with all servers of its port.
fn server_chains(
    scope: &Scope<'_>,
    bind: &str,
    (bound, of_port): (&Bound, &[Bound]),
    issues: &mut Vec<Issue>,
) -> Vec<Wanted> {
    let tls = bound.server().tls.as_ref();
    let connections = match tls.map(|tls| tls.mode) {
        _ if bound.kind() == PortKind::Http => {
            let takes_grpc_web = of_port.iter().any(Bound::takes_grpc_web);
            return vec![http_chain(scope, bind, (bound, takes_grpc_web), None)];
        }
        Some(ServerTlsMode::AutoPassthrough) => auto_passthrough(scope, bound, issues),
        Some(ServerTlsMode::Passthrough) => passthrough(scope, bound, issues),
        None if bound.kind() == PortKind::Tls => passthrough(scope, bound, issues),
        Some(_) => return tls.map(|tls| terminated(scope, bind, bound, tls, issues)).unwrap_or_default(),
        None => connections(scope, bound, &Asks::default(), issues),
    };
    connections.into_iter().map(|one| tcp_chain(scope, one, None)).collect()
}

/// TLS that ends here. Without its secret Envoy would hold back the whole port, so the chain is left out and reported.
fn terminated(scope: &Scope<'_>, bind: &str, bound: &Bound, tls: &ServerTls, issues: &mut Vec<Issue>) -> Vec<Wanted> {
    let missing: Vec<String> = tls::credentials(tls).into_iter().filter(|name| !secret::exists(scope, name)).collect();
    if let Some(name) = missing.first() {
        let field = format!("{}.tls.credentialName", bound.server().field);
        let message =
            format!("there is no secret {name} in namespace {}; this server is left out", scope.view.namespace);
        issues.push(Issue::error(&bound.gateway.origin.object, field, "MissingSecret", message));
        return Vec::new();
    }
    if bound.routes_http() {
        return vec![http_chain(scope, bind, (bound, bound.takes_grpc_web()), Some(tls))];
    }
    let asks = Asks { server_names: hosts(bound), ..Asks::default() };
    connections(scope, bound, &asks, issues).into_iter().map(|one| tcp_chain(scope, one, Some(tls))).collect()
}

/// The claim of a server's own hosts.
fn of_server(bound: &Bound) -> Claimant {
    let field = format!("{}.hosts", bound.server().field);
    Claimant::rule(&bound.gateway.origin.object, field, &L4Match::default())
}

/// A chain of requests. Where only some servers of a chain take gRPC-Web, their routes say so.
fn http_chain(scope: &Scope<'_>, bind: &str, (bound, grpc_web): (&Bound, bool), tls: Option<&ServerTls>) -> Wanted {
    let mesh = scope.mesh;
    let spec = Http {
        stat_prefix: format!("outbound_{};", listener_name(bind, bound.target)),
        routes: RouteSource::Named(bound.route_name()),
        needs: Needs {
            dynamic_dns: scope.seen.services.values().any(|i| i.service.resolution == Resolution::DynamicDns),
            grpc_web,
        },
        forward_proxy: false,
    };
    let asks = Asks { server_names: if tls.is_some() { hosts(bound) } else { Vec::new() }, ..Asks::default() };
    let socket = tls.map(|tls| tls::declared(mesh, tls, &tls::HTTP_ALPN));
    let filters = vec![http(&surroundings(scope, Direction::Gateway), spec)];
    Wanted { asks, claimant: of_server(bound), filters, socket, rules: Vec::new() }
}

fn tcp_chain(scope: &Scope<'_>, connections: Connections, tls: Option<&ServerTls>) -> Wanted {
    let Connections { asks, claimant, to, sni_port } = connections;
    let mesh = scope.mesh;
    let socket = tls.map(|tls| tls::declared(mesh, tls, &tls::HTTP_ALPN));
    let resolve = sni_port.map(|port| sni_dns::filter(scope.view, port));
    let mut filters = authz::network_filters(mesh, &gateway_policies(scope));
    filters.extend(resolve);
    filters.extend(tcp::filters(mesh, to.stat_prefix(), &to));
    Wanted { asks, claimant, filters, socket, rules: to.connection.sources }
}

/// The server's hosts as SNI; none where it takes every host.
fn hosts(bound: &Bound) -> Vec<String> {
    server_names(bound.hosts.iter().map(|host| &host.host))
}

/// TLS passed through: a chain for each SNI that a VirtualService routes.
fn passthrough(scope: &Scope<'_>, bound: &Bound, issues: &mut Vec<Issue>) -> Vec<Connections> {
    let mut chains = tls_rules(scope, bound, &Asks::default(), issues);
    let asks = Asks { server_names: hosts(bound), ..Asks::default() };
    chains.extend(tcp_rules(scope, bound, &asks, issues));
    chains
}

/// TLS passed through to the service that the SNI names. Only services that the server's hosts cover can be reached.
fn auto_passthrough(scope: &Scope<'_>, bound: &Bound, issues: &mut Vec<Issue>) -> Vec<Connections> {
    let covered = |host: &Host| bound.hosts.iter().any(|h| h.host.covers(host));
    let mut chains = Vec::new();
    for import in scope.seen.services.values().filter(|i| !i.service.external && covered(&i.service.host)) {
        let service = &import.service;
        if service.host.is_wildcard() {
            let message = format!(
                "{} has no name that an SNI can be, so servers of AUTO_PASSTHROUGH do not lead to it",
                service.host
            );
            issues.push(Issue::warning(&service.origin.object, "spec.hosts", "NotApplicable", message));
            continue;
        }
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
                let to = Forwarding::to(cluster);
                chains.push(Connections { asks, claimant: of_server(bound), to, sni_port: None });
            }
        }
    }
    chains
}

/// Where connections of a server go: by TCP rules, else by TLS rules for TLS that ends here.
fn connections(scope: &Scope<'_>, bound: &Bound, asks: &Asks, issues: &mut Vec<Issue>) -> Vec<Connections> {
    let rules = tcp_rules(scope, bound, asks, issues);
    if rules.is_empty() && bound.ends_tls() { tls_rules(scope, bound, asks, issues) } else { rules }
}

/// The VirtualServices that may serve some host of a server.
fn serving<'a>(scope: &Scope<'a>, bound: &Bound) -> Vec<&'a Arc<Reach>> {
    bound.virtual_services(scope).filter(|virtual_service| !bound.hosts_for(virtual_service).is_empty()).collect()
}

fn tls_rules(scope: &Scope<'_>, bound: &Bound, asks: &Asks, issues: &mut Vec<Issue>) -> Vec<Connections> {
    let port = bound.server().port;
    let mut found = Vec::new();
    for virtual_service in serving(scope, bound) {
        for rule in &virtual_service.tls {
            let matches = rule.matches.iter().enumerate();
            for (at, condition) in matches.filter(|(_, m)| applies(bound, virtual_service, &m.l4)) {
                let l4 = L4Rule::tls(virtual_service, rule);
                let field = format!("{}.match[{at}]", rule.field);
                found.push(Connections {
                    asks: Asks {
                        networks: condition.l4.destination_subnets.clone(),
                        server_names: server_names(condition.sni_hosts.iter()),
                        ..asks.clone()
                    },
                    claimant: Claimant::rule(&virtual_service.origin.object, field, &condition.l4),
                    to: forwarding(scope, &l4, port, issues),
                    sni_port: sni_port(scope, &l4, port),
                });
            }
        }
    }
    found
}

fn tcp_rules(scope: &Scope<'_>, bound: &Bound, asks: &Asks, issues: &mut Vec<Issue>) -> Vec<Connections> {
    let port = bound.server().port;
    let mut found = Vec::new();
    for virtual_service in serving(scope, bound) {
        for rule in &virtual_service.tcp {
            let applying: Vec<&L4Match> = rule.matches.iter().filter(|m| applies(bound, virtual_service, m)).collect();
            if !rule.matches.is_empty() && applying.is_empty() {
                continue;
            }
            let is_whole = applying.iter().any(|m| m.destination_subnets.is_empty()) || rule.matches.is_empty();
            let networks = applying.iter().flat_map(|m| m.destination_subnets.clone());
            let l4 = L4Rule::tcp(virtual_service, rule);
            let broadest = applying.iter().find(|m| !is_whole || m.destination_subnets.is_empty());
            let condition = broadest.copied().cloned().unwrap_or_default();
            found.push(Connections {
                asks: Asks { networks: if is_whole { Vec::new() } else { networks.collect() }, ..asks.clone() },
                claimant: Claimant::rule(&virtual_service.origin.object, rule.field.clone(), &condition),
                to: forwarding(scope, &l4, port, issues),
                sni_port: sni_port(scope, &l4, port).filter(|_| bound.kind() == PortKind::Tls),
            });
        }
    }
    found
}

fn applies(bound: &Bound, virtual_service: &Reach, condition: &L4Match) -> bool {
    let gateways = if condition.gateways.is_empty() { &virtual_service.gateways } else { &condition.gateways };
    gateways.contains(&bound.reference()) && condition.port.is_none_or(|port| port == bound.server().port)
}
