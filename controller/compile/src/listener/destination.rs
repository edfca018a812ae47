//! Where connections are sent, and what is said of destinations that lead nowhere.

use std::sync::Arc;

use heddle_model::{
    issue::Issue,
    object::ObjectRef,
    protocol::Protocol,
    route::{Destination, Reach, TcpRoute, TlsRoute, WeightedDestination},
    service::{Resolution, Service},
};

use super::tcp::{Connection, Forwarding};
use crate::{cluster::Policy, name, scope::Scope, visible::unknown};

/// A rule for connections, with its place in its object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct L4Rule<'a> {
    object: &'a Arc<ObjectRef>,
    field: &'a str,
    destinations: &'a [WeightedDestination],
}

impl<'a> L4Rule<'a> {
    /// A TCP rule of a VirtualService.
    pub(crate) fn tcp(virtual_service: &'a Reach, rule: &'a TcpRoute) -> Self {
        Self { object: &virtual_service.origin.object, field: &rule.field, destinations: &rule.destinations }
    }

    /// A TLS rule of a VirtualService.
    pub(crate) fn tls(virtual_service: &'a Reach, rule: &'a TlsRoute) -> Self {
        Self { object: &virtual_service.origin.object, field: &rule.field, destinations: &rule.destinations }
    }
}

/// Where a rule forwards to, by weight. All zero: the first gets all. The first destination's policy says how
/// connections are held: they are held before one of several is chosen.
pub(crate) fn forwarding(
    scope: &Scope<'_>,
    rule: &L4Rule<'_>,
    listener_port: u16,
    issues: &mut Vec<Issue>,
) -> Forwarding {
    let all = || rule.destinations.iter().enumerate();
    let mut used: Vec<_> = all().filter(|(_, to)| to.weight > 0).map(|(index, to)| (index, to, to.weight)).collect();
    if used.is_empty() {
        used.extend(all().next().map(|(index, to)| (index, to, 1)));
    }
    let cluster = |(index, to, weight): (usize, &WeightedDestination, u32)| {
        let field = format!("{}.route[{index}].destination", rule.field);
        (cluster(scope, &to.destination, listener_port, (rule.object, &field), issues), weight)
    };
    let first = used.first().map(|(_, to, _)| &to.destination);
    let service = first.and_then(|to| Some((to, scope.service(&to.host)?)));
    let connection =
        service.map(|(to, service)| connection(scope, service, &to.subset, port(scope, to, listener_port)));
    Forwarding { connection: connection.unwrap_or_default(), clusters: used.into_iter().map(cluster).collect() }
}

/// Forwards to a port of a service, as its rule says.
pub(crate) fn whole(scope: &Scope<'_>, service: &Service, port: u16) -> Forwarding {
    let cluster = name::outbound(port, "", &service.host);
    Forwarding { connection: connection(scope, service, "", port), ..Forwarding::to(cluster) }
}

fn connection(scope: &Scope<'_>, service: &Service, subset: &str, port: u16) -> Connection {
    let rule = scope.rule(service);
    let subset = rule.and_then(|rule| rule.subset(subset));
    let policy = Policy::of(scope.mesh, rule.map(|rule| &**rule), subset, port);
    let is_mongo = service.port(port).is_some_and(|port| port.protocol == Protocol::Mongo);
    // A rule that says nothing of connections has no part in the listener.
    let rule = rule.filter(|_| Connection::of(&policy, 0) != Connection::default());
    let sources = rule.iter().flat_map(|rule| rule.objects()).cloned().collect();
    Connection { is_mongo, sources, ..Connection::of(&policy, scope.view.idle_timeout_seconds) }
}

/// The port of a destination: its own, else the service's only one, else the listener's.
fn port(scope: &Scope<'_>, to: &Destination, listener_port: u16) -> u16 {
    let only = scope.service(&to.host).and_then(|service| match service.ports.as_slice() {
        [port] => Some(port.number),
        _ => None,
    });
    to.port.or(only).unwrap_or(listener_port)
}

/// The port at which a rule calls the host that the SNI names, if one of its services has no other address.
pub(crate) fn sni_port(scope: &Scope<'_>, rule: &L4Rule<'_>, listener_port: u16) -> Option<u16> {
    let is_dynamic =
        |to: &&Destination| scope.service(&to.host).is_some_and(|service| service.resolution == Resolution::DynamicDns);
    let to = rule.destinations.iter().map(|to| &to.destination).find(is_dynamic)?;
    Some(port(scope, to, listener_port))
}

/// The cluster of a destination. A subset that no rule defines is replaced by the whole service; that is reported, as
/// is a service or port that does not exist.
pub(crate) fn cluster(
    scope: &Scope<'_>,
    to: &Destination,
    listener_port: u16,
    (object, field): (&Arc<ObjectRef>, &str),
    issues: &mut Vec<Issue>,
) -> String {
    let service = scope.service(&to.host);
    let port = port(scope, to, listener_port);
    let mut report = |part: &str, reason, message: String| {
        issues.push(Issue::error(object, format!("{field}.{part}"), reason, message));
    };
    let Some(service) = service else {
        report("host", "UnknownHost", format!("{}; connections are closed", unknown(scope, &to.host)));
        return name::missing(port, to, &scope.mesh.domain);
    };
    if service.port(port).is_none() {
        let message = format!("service {} has no port {port}; connections are closed", service.host);
        report("port.number", "UnknownPort", message);
    }
    let subset = &to.subset;
    if subset.is_empty() || scope.rule(service).is_some_and(|rule| rule.subset(subset).is_some()) {
        return name::outbound(port, subset, &service.host);
    }
    let message =
        format!("no DestinationRule of {} defines subset `{subset}`; the whole service is used", service.host);
    report("subset", "UnknownSubset", message);
    name::outbound(port, "", &service.host)
}
