//! What is left of a resource of which Envoy would refuse a part.
//!
//! Envoy refuses a resource whole, and for one listener that is refused a new proxy never gets ready. Ingest leaves out
//! what users wrote wrongly, field by field. This is the net below, for what ingest does not know: the part around a
//! value that breaks a rule is left out, and the objects behind it get an issue.

use std::sync::Arc;

use heddle_model::{
    issue::Issue,
    object::{Kind, ObjectRef},
};
use heddle_xds_api::{
    Broken, Resource, Step, TypeUrl,
    envoy::{
        config::{
            cluster::v3::{Cluster, cluster},
            core::v3::{Metadata, TrafficDirection},
            endpoint::v3::ClusterLoadAssignment,
            listener::v3::{FilterChain, Listener},
            route::v3::{DirectResponseAction, Route, RouteConfiguration, VirtualHost, route::Action},
        },
        extensions::{
            filters::network::tcp_proxy::v3::{TcpProxy, tcp_proxy::ClusterSpecifier},
            transport_sockets::tls::v3::Secret,
        },
    },
    istio::networking::nds::v1::NameTable,
};

use crate::{
    envoy::metadata,
    listener::{
        self,
        tcp::{TCP_PROXY, filter},
    },
    name,
};

/// Reason of issues about what is left out here.
const REASON: &str = "RefusedByEnvoy";
/// Answered for a route that Envoy would refuse. The requests must not go to a later route instead.
const UNAVAILABLE: u32 = 500;

/// A message of which parts can be left out.
pub(crate) trait Partial: prost::Message + Sized + 'static {
    /// Leaves out the part that the steps lead into. None where the message cannot be without it.
    fn leave_out(&mut self, steps: &[Step]) -> Option<LeftOut>;

    /// What is sent in place of a message that cannot be sent. None where nothing is better.
    fn stand_in(&self) -> Option<(Self, &'static str)>;

    /// Takes parts out until Envoy takes the rest. Each round leaves less, so it ends.
    fn take_rest(
        mut self,
        mut resource: Resource,
        mut broken: Broken,
        sources: &[Arc<ObjectRef>],
        issues: &mut Vec<Issue>,
    ) -> (Resource, bool) {
        let (type_url, name) = (resource.type_url(), resource.name().clone());
        loop {
            let left_out = self.leave_out(&broken.steps);
            let stand_in = if left_out.is_none() { self.stand_in() } else { None };
            let instead = match (&left_out, &stand_in) {
                (Some(left_out), _) => left_out.instead,
                (None, Some((_, instead))) => instead,
                (None, None) => "it is not sent",
            };
            let of_none = if sources.is_empty() { "; it comes from defaults, not from an object" } else { "" };
            let message = format!("Envoy would refuse {} {name}: {broken}; {instead}{of_none}", type_url.short());
            let of = left_out.as_ref().and_then(|left_out| left_out.metadata.as_ref());
            issues.extend(guilty(sources, of).into_iter().map(|object| Issue::error(&object, "", REASON, &message)));
            let is_last = left_out.is_none();
            match stand_in {
                Some((stand_in, _)) => self = stand_in,
                None if is_last => return (resource, false),
                None => {}
            }
            resource = Resource::new(type_url, name.clone(), &self);
            match resource.check() {
                Ok(()) => return (resource, true),
                Err(_) if is_last => return (resource, false),
                Err(next) => broken = next,
            }
        }
    }
}

/// What stands in for a resource that Envoy refuses. None where nothing is better. It lets nothing pass that the
/// resource would not.
#[must_use]
pub fn stand_in(resource: &Resource) -> Option<Resource> {
    match resource.type_url() {
        TypeUrl::Cluster => stand_in_of::<Cluster>(resource),
        TypeUrl::Endpoint => stand_in_of::<ClusterLoadAssignment>(resource),
        TypeUrl::Listener => stand_in_of::<Listener>(resource),
        TypeUrl::Route => stand_in_of::<RouteConfiguration>(resource),
        TypeUrl::VirtualHost => stand_in_of::<VirtualHost>(resource),
        TypeUrl::Secret | TypeUrl::NameTable | TypeUrl::ExtensionConfig | TypeUrl::ProxyConfig => None,
    }
}

fn stand_in_of<M: Partial + Default>(resource: &Resource) -> Option<Resource> {
    let (message, _) = resource.decode::<M>().ok()?.stand_in()?;
    Some(Resource::new(resource.type_url(), resource.name().clone(), &message))
}

/// A part that was left out.
#[derive(Debug)]
pub(crate) struct LeftOut {
    /// What is done instead.
    instead: &'static str,
    /// Of the part; it names the object behind.
    metadata: Option<Metadata>,
}

impl LeftOut {
    fn new(instead: &'static str) -> Self {
        Self { instead, metadata: None }
    }
}

/// The object that the metadata of a part names, else all that the resource came from.
fn guilty(sources: &[Arc<ObjectRef>], of: Option<&Metadata>) -> Vec<Arc<ObjectRef>> {
    let is_named = |object: &&Arc<ObjectRef>| of.is_some_and(|of| *of == metadata::config("virtual-service", object));
    match sources.iter().find(is_named) {
        Some(named) => vec![named.clone()],
        // An issue needs an object, also where nobody has set anything. Its message says that there is none.
        None if sources.is_empty() => vec![Arc::new(ObjectRef::new(Kind::MeshConfig, "", "mesh"))],
        None => sources.to_vec(),
    }
}

impl Partial for RouteConfiguration {
    fn leave_out(&mut self, steps: &[Step]) -> Option<LeftOut> {
        let (at, rest) = element(steps, "virtual_hosts")?;
        let left_out = self.virtual_hosts.get_mut(at)?.leave_out(rest);
        left_out.or_else(|| {
            remove(&mut self.virtual_hosts, at)?;
            Some(LeftOut::new("requests to this virtual host get 404"))
        })
    }

    fn stand_in(&self) -> Option<(Self, &'static str)> {
        Some((Self { name: self.name.clone(), ..Self::default() }, "all requests get 404"))
    }
}

impl Partial for VirtualHost {
    fn leave_out(&mut self, steps: &[Step]) -> Option<LeftOut> {
        let (at, rest) = element(steps, "routes")?;
        let route = self.routes.get_mut(at)?;
        let metadata = route.metadata.clone();
        let field = rest.first().map_or("", |step| step.field);
        if field == "match" || route.r#match.is_none() {
            self.routes.remove(at);
            return Some(LeftOut { instead: "the route is left out", metadata });
        }
        let kept = metadata.clone().filter(|_| field != "metadata");
        let action = DirectResponseAction { status: UNAVAILABLE, ..DirectResponseAction::default() };
        let action = Some(Action::DirectResponse(action));
        *route = Route { r#match: route.r#match.take(), metadata: kept, action, ..Route::default() };
        Some(LeftOut { instead: "requests to this route get 500", metadata })
    }

    fn stand_in(&self) -> Option<(Self, &'static str)> {
        let (name, domains) = (self.name.clone(), self.domains.clone());
        Some((Self { name, domains, ..Self::default() }, "requests to this virtual host get 404"))
    }
}

impl Partial for Listener {
    /// A chain that is left out closes its connections, or leaves them to a chain that asks for less. On the inbound
    /// side that could be one with less policy, so there the listener is not sent at all.
    fn leave_out(&mut self, steps: &[Step]) -> Option<LeftOut> {
        if self.traffic_direction() != TrafficDirection::Outbound {
            return None;
        }
        let (at, _) = element(steps, "filter_chains")?;
        if self.filter_chains.len() == 1 && self.default_filter_chain.is_none() {
            return None;
        }
        remove(&mut self.filter_chains, at)?;
        Some(LeftOut::new("the filter chain is left out"))
    }

    /// Without a listener that is reached by redirection, its connections would go to the one for all other addresses,
    /// which may pass them on as they are. Without another one, its connections are refused.
    fn stand_in(&self) -> Option<(Self, &'static str)> {
        let is_redirected = self.traffic_direction() == TrafficDirection::Outbound && self.bind_to_port == Some(false);
        let proxy = TcpProxy {
            stat_prefix: name::BLACK_HOLE.into(),
            cluster_specifier: Some(ClusterSpecifier::Cluster(name::BLACK_HOLE.into())),
            ..TcpProxy::default()
        };
        let chain = FilterChain { filters: vec![filter(TCP_PROXY, &proxy)], ..FilterChain::default() };
        let closing = Self {
            filter_chains: vec![chain],
            traffic_direction: self.traffic_direction,
            bind_to_port: self.bind_to_port,
            ..listener::named(self.name.clone(), self.address.clone()?)
        };
        is_redirected.then_some((closing, "its connections are closed"))
    }
}

impl Partial for Cluster {
    fn leave_out(&mut self, _: &[Step]) -> Option<LeftOut> {
        None
    }

    fn stand_in(&self) -> Option<(Self, &'static str)> {
        let cluster_name = self.name.clone();
        let empty = Self {
            name: self.name.clone(),
            cluster_discovery_type: Some(cluster::ClusterDiscoveryType::Type(cluster::DiscoveryType::Static.into())),
            load_assignment: Some(ClusterLoadAssignment { cluster_name, ..ClusterLoadAssignment::default() }),
            ..Self::default()
        };
        Some((empty, "it has no endpoints"))
    }
}

impl Partial for ClusterLoadAssignment {
    fn leave_out(&mut self, steps: &[Step]) -> Option<LeftOut> {
        let (at, rest) = element(steps, "endpoints")?;
        if let Some((endpoint, _)) = element(rest, "lb_endpoints") {
            remove(&mut self.endpoints.get_mut(at)?.lb_endpoints, endpoint)?;
            return Some(LeftOut::new("the endpoint is left out"));
        }
        remove(&mut self.endpoints, at)?;
        Some(LeftOut::new("the endpoints of this locality are left out"))
    }

    fn stand_in(&self) -> Option<(Self, &'static str)> {
        Some((Self { cluster_name: self.cluster_name.clone(), ..Self::default() }, "it has no endpoints"))
    }
}

/// A secret has nothing that can be left out.
impl Partial for Secret {
    fn leave_out(&mut self, _: &[Step]) -> Option<LeftOut> {
        None
    }

    fn stand_in(&self) -> Option<(Self, &'static str)> {
        None
    }
}

/// The agent reads it, and Envoy has no rules for it.
impl Partial for NameTable {
    fn leave_out(&mut self, _: &[Step]) -> Option<LeftOut> {
        None
    }

    fn stand_in(&self) -> Option<(Self, &'static str)> {
        None
    }
}

/// The element of a field that the steps lead into first, and the steps from there on.
fn element<'a>(steps: &'a [Step], field: &str) -> Option<(usize, &'a [Step])> {
    let (first, rest) = steps.split_first()?;
    (first.field == field).then_some((first.index?, rest))
}

fn remove<T>(elements: &mut Vec<T>, at: usize) -> Option<T> {
    (at < elements.len()).then(|| elements.remove(at))
}

#[cfg(test)]
mod tests;
