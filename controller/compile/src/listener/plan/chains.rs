//! Chains of a TCP or TLS port: what VirtualServices say, else the service itself.

use std::sync::Arc;

use ipnet::IpNet;

use heddle_model::{
    issue::Issue,
    protocol::Protocol,
    route::{GatewayRef, L4Match, Reach, TlsMatch},
    service::{Resolution, Service, ServicePort},
};

use super::{BindAddress, Planner, TcpChain};
use crate::listener::{
    chain::{Asks, server_names},
    claims::Claimant,
    destination::{L4Rule, forwarding, sni_port, whole},
};

/// A chain, and who asks for it.
pub(super) struct Wanted {
    pub(super) chain: TcpChain,
    pub(super) claimant: Claimant,
}

impl Planner<'_, '_> {
    /// The chains of a port. TCP rules do not apply to a port of TLS, as in Istio.
    pub(super) fn chains(
        &self,
        service: &Service,
        port: &ServicePort,
        bind_address: &BindAddress,
        issues: &mut Vec<Issue>,
    ) -> Vec<Wanted> {
        let virtual_services: Vec<_> =
            self.listener.virtual_services.iter().filter(|t| t.hosts.iter().any(|h| h.covers(&service.host))).collect();
        let mut chains = Vec::new();
        if port.protocol.is_tls() {
            for virtual_service in &virtual_services {
                self.tls_chains(virtual_service, port, bind_address, &mut chains, issues);
                self.report_tcp_rules(virtual_service, service, port, issues);
            }
        } else if self.tcp_chains(&virtual_services, port, bind_address, &mut chains, issues) {
            return chains;
        }
        if chains.is_empty() || !port.protocol.is_tls() {
            chains.extend(self.default_chain(service, port, bind_address));
        }
        chains
    }

    fn tls_chains(
        &self,
        virtual_service: &Reach,
        port: &ServicePort,
        bind_address: &BindAddress,
        chains: &mut Vec<Wanted>,
        issues: &mut Vec<Issue>,
    ) {
        let applies = |condition: &TlsMatch| self.applies(virtual_service, &condition.l4, port.number);
        for rule in &virtual_service.tls {
            for (at, condition) in rule.matches.iter().enumerate().filter(|(_, condition)| applies(condition)) {
                let l4 = L4Rule::tls(virtual_service, rule);
                let chain = TcpChain {
                    asks: tls_asks(condition, bind_address),
                    to: forwarding(self.scope, &l4, port.number, issues),
                    sni_port: sni_port(self.scope, &l4, port.number),
                };
                let field = format!("{}.match[{at}]", rule.field);
                let claimant = Claimant::rule(&virtual_service.origin.object, field, &condition.l4);
                chains.push(Wanted { chain, claimant });
            }
        }
    }

    /// Adds the chains of TCP rules; true when one takes everything. A rule after that one has nothing left.
    fn tcp_chains(
        &self,
        virtual_services: &[&Arc<Reach>],
        port: &ServicePort,
        bind_address: &BindAddress,
        chains: &mut Vec<Wanted>,
        issues: &mut Vec<Issue>,
    ) -> bool {
        let mut first: Option<Claimant> = None;
        let rules = virtual_services.iter().flat_map(|one| one.tcp.iter().map(move |rule| (*one, rule)));
        for (virtual_service, rule) in rules {
            let applying: Vec<_> =
                rule.matches.iter().filter(|m| self.applies(virtual_service, m, port.number)).collect();
            if applying.is_empty() && !rule.matches.is_empty() {
                continue;
            }
            let is_whole = rule.matches.is_empty() || applying.iter().any(|m| m.destination_subnets.is_empty());
            let broadest = applying.iter().find(|m| !is_whole || m.destination_subnets.is_empty());
            let condition = broadest.copied().cloned().unwrap_or_default();
            let claimant = Claimant::rule(&virtual_service.origin.object, rule.field.clone(), &condition);
            if let Some(first) = &first {
                if !first.applies_wherever(&claimant) {
                    continue;
                }
                let message = format!(
                    "{} of {} takes all connections to port {}; this rule is left out",
                    first.field, first.object, port.number
                );
                issues.push(Issue::error(&claimant.object, &claimant.field, "MatchConflict", message));
                continue;
            }
            let subnets = || applying.iter().flat_map(|m| m.destination_subnets.clone()).collect();
            let networks: Vec<IpNet> = if is_whole { bind_address.networks.clone() } else { subnets() };
            if is_whole {
                first = Some(claimant.clone());
            }
            let to = forwarding(self.scope, &L4Rule::tcp(virtual_service, rule), port.number, issues);
            let asks = Asks { networks, ..Asks::default() };
            chains.push(Wanted { chain: TcpChain { asks, to, sni_port: None }, claimant });
        }
        first.is_some()
    }

    /// Says of TCP rules that they do nothing: they name a port of TLS, or their host has no other port.
    fn report_tcp_rules(&self, rules: &Reach, service: &Service, port: &ServicePort, issues: &mut Vec<Issue>) {
        let has_other = service.ports.iter().any(|port| port.protocol.is_sniffed() || is_opaque(port.protocol));
        for rule in &rules.tcp {
            let names = |m: &L4Match| m.port == Some(port.number) && self.applies(rules, m, port.number);
            let is_whole = rule.matches.is_empty() && rules.gateways.contains(&GatewayRef::Mesh);
            if rule.matches.iter().any(names) || (is_whole && !has_other) {
                let message = format!(
                    "port {} of {} is TLS, to which tcp rules do not apply; connections go by the tls rules",
                    port.number, service.host
                );
                issues.push(Issue::warning(&rules.origin.object, &rule.field, "NotApplicable", message));
            }
        }
    }

    fn applies(&self, virtual_service: &Reach, condition: &L4Match, port: u16) -> bool {
        let gateways = if condition.gateways.is_empty() { &virtual_service.gateways } else { &condition.gateways };
        let view = self.scope.view;
        gateways.contains(&GatewayRef::Mesh)
            && condition.port.is_none_or(|p| p == port)
            && condition.source_labels.select(&view.labels)
            && (condition.source_namespace.is_empty() || condition.source_namespace == view.namespace)
    }

    /// To the service itself; none where Envoy finds it by no server name, which ingest has reported.
    fn default_chain(&self, service: &Service, port: &ServicePort, bind_address: &BindAddress) -> Option<Wanted> {
        let is_tls = port.protocol.is_tls();
        let by_name = is_tls && !bind_address.own_address;
        if by_name && service.host.is_partial_wildcard() {
            return None;
        }
        let server_names = if by_name { server_names([&service.host].into_iter()) } else { Vec::new() };
        let chain = TcpChain {
            asks: Asks { networks: bind_address.networks.clone(), server_names, ..Asks::default() },
            to: whole(self.scope, service, port.number),
            sni_port: (is_tls && service.resolution == Resolution::DynamicDns).then_some(port.number),
        };
        Some(Wanted { chain, claimant: Claimant::service(service) })
    }
}

fn is_opaque(protocol: Protocol) -> bool {
    protocol.is_tcp() && !protocol.is_tls()
}

fn tls_asks(condition: &TlsMatch, bind_address: &BindAddress) -> Asks {
    let subnets = &condition.l4.destination_subnets;
    let networks = if subnets.is_empty() { bind_address.networks.clone() } else { subnets.clone() };
    Asks { networks, server_names: server_names(condition.sni_hosts.iter()), ..Asks::default() }
}
