//! Keys of routes and virtual hosts: everything that they depend on, and nothing else.

use std::{collections::BTreeSet, sync::Arc};

use heddle_model::{
    Text,
    host::Host,
    issue::Issue,
    labels::Labels,
    object::ObjectRef,
    proxy::ProxyKind,
    route::{GatewayRef, HttpMatch, VirtualService},
    service::Service,
};
use heddle_xds_api::{
    TypeUrl,
    envoy::config::route::v3::{Route, VirtualHost},
};

use super::{RouteContext, alpn, hash, rule, virtual_host::default_route};
use crate::{
    by_ptr::ByPtr, compiled::Compiled, entry::Entry, listener::upstream_alpn::ISTIO_FILTER, memo::Key, scope::Scope,
    view::ViewKey, visible::VisibleServices,
};

/// Which route configuration of a sidecar.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RouteConfigKey {
    /// All HTTP services on a port.
    Port(u16),
    /// One service on its own address, found to be HTTP by its first bytes.
    Service(Host, u16),
    /// All HTTP services on a port, where an older egress listener has the name by the port. The name is the
    /// listener's.
    PortAt(u16, String),
    /// Every port of every service, for a forward proxy or a Unix socket; the name is the listener's.
    Proxy(String),
}

impl RouteConfigKey {
    /// The resource's name.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Port(port) => port.to_string(),
            Self::Service(host, port) => format!("{host}:{port}"),
            Self::PortAt(_, name) | Self::Proxy(name) => name.clone(),
        }
    }

    /// The port that it is for; none: all.
    pub(super) fn port(&self) -> Option<u16> {
        match self {
            Self::Port(port) | Self::PortAt(port, _) | Self::Service(_, port) => Some(*port),
            Self::Proxy(_) => None,
        }
    }
}

/// All that the HTTP routes of a VirtualService depend on, at one port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HostRoutesKey {
    /// Port of the listener as clients see it.
    pub(crate) port: u16,
    /// Whose routes.
    pub(crate) of: HostRoutesSource,
    /// The gateways that the listener serves.
    pub(crate) gateways: BTreeSet<GatewayRef>,
    /// The services that the routes lead to.
    pub(crate) visible: VisibleServices,
    /// Who asks.
    pub(crate) client: RouteClient,
}

/// Whose routes they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum HostRoutesSource {
    /// What a VirtualService says.
    VirtualService(ByPtr<VirtualService>),
    /// A service that no VirtualService speaks for.
    Service(ByPtr<Service>),
}

/// What routes need to know of their client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RouteClient {
    /// Sidecar or gateway.
    pub(crate) kind: ProxyKind,
    /// Its namespace, where some match asks for it; else empty.
    pub(crate) namespace: Text,
    /// Those of its labels that some match asks for.
    pub(crate) labels: Labels,
    /// Has the filter compiled in that sets the ALPN of each request.
    pub(crate) sets_alpn: bool,
}

/// Routes with their story, shared by all virtual hosts that have them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RouteEntries {
    /// In order; the first that matches counts.
    pub(crate) routes: Vec<Route>,
    /// What is wrong with the input.
    pub(crate) issues: Vec<Issue>,
    /// The objects that they came from.
    pub(crate) sources: Vec<Arc<ObjectRef>>,
}

/// All that a virtual host depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct VirtualHostKey {
    /// Name, unique in its route configuration.
    pub(crate) name: String,
    /// Name of that route configuration.
    pub(crate) configuration: Text,
    /// Names and addresses by which clients ask for it.
    pub(crate) domains: Vec<String>,
    /// Its routes.
    pub(crate) routes: ByPtr<RouteEntries>,
    /// Objects that ask for one of its domains and do not get it.
    pub(crate) overruled: BTreeSet<Arc<ObjectRef>>,
}

impl HostRoutesKey {
    /// The key of a VirtualService's routes.
    pub(crate) fn of_virtual_service(
        scope: &Scope<'_>,
        virtual_service: &Arc<VirtualService>,
        port: u16,
        gateways: BTreeSet<GatewayRef>,
    ) -> Self {
        Self {
            port,
            visible: VisibleServices::of(scope, virtual_service.reach.destinations().map(|to| &to.host)),
            client: RouteClient::of(scope.view, virtual_service),
            of: HostRoutesSource::VirtualService(ByPtr::new(virtual_service)),
            gateways,
        }
    }

    /// The key of a sidecar's route to a service that no VirtualService speaks for.
    pub(crate) fn of_service(scope: &Scope<'_>, service: &Arc<Service>, port: u16) -> Self {
        Self {
            port,
            visible: VisibleServices::of(scope, [&service.host]),
            client: RouteClient::plain(scope.view),
            of: HostRoutesSource::Service(ByPtr::new(service)),
            gateways: [GatewayRef::Mesh].into(),
        }
    }

    /// The key of the same routes in another snapshot; none where their VirtualService is gone.
    pub(crate) fn again(&self, scope: &Scope<'_>) -> Option<Self> {
        match &self.of {
            HostRoutesSource::VirtualService(old) => {
                let fresh = scope.tracked.virtual_service(&old.reach.origin)?;
                Some(Self::of_virtual_service(scope, fresh, self.port, self.gateways.clone()))
            }
            HostRoutesSource::Service(service) => Some(Self::of_service(scope, service.arc(), self.port)),
        }
    }
}

impl Key for HostRoutesKey {
    type Value = RouteEntries;

    fn compile(&self) -> RouteEntries {
        routes(self)
    }
}

impl Key for VirtualHostKey {
    type Value = Entry;

    fn compile(&self) -> Entry {
        let name = self.resource();
        // "Removed resources" are looked for by the virtual host's own name in Envoy 1.40: another would stay for ever.
        let compiled = virtual_host(self).map(|host| VirtualHost { name: name.clone(), ..host });
        Entry::new(TypeUrl::VirtualHost, name, compiled)
    }
}

impl RouteClient {
    fn of(view: &ViewKey, virtual_service: &VirtualService) -> Self {
        let matches = || virtual_service.http.iter().flat_map(|rule| &rule.matches);
        let asked = |key: &Text| matches().any(|m: &HttpMatch| m.source_labels.get(key).is_some());
        let by_namespace = matches().any(|m| !m.source_namespace.is_empty());
        let labels = view.labels.iter().filter(|(key, _)| asked(key)).map(|(k, v)| (k.clone(), v.clone()));
        Self {
            namespace: if by_namespace { view.namespace.clone() } else { Text::default() },
            labels: labels.collect(),
            ..Self::plain(view)
        }
    }

    pub(super) fn plain(view: &ViewKey) -> Self {
        Self {
            kind: view.kind,
            namespace: Text::default(),
            labels: Labels::default(),
            sets_alpn: view.can.has(ISTIO_FILTER),
        }
    }
}

impl VirtualHostKey {
    /// Name of the resource when it is sent apart from its route configuration.
    pub(crate) fn resource(&self) -> String {
        format!("{}/{}", self.configuration, self.name)
    }
}

/// Compiles the routes of a key.
pub(crate) fn routes(key: &HostRoutesKey) -> RouteEntries {
    let context =
        RouteContext { visible: &key.visible, client: &key.client, port: key.port, gateways: key.gateways.clone() };
    let mut compiled = RouteEntries::default();
    match &key.of {
        HostRoutesSource::VirtualService(virtual_service) => {
            compiled.routes = rule::routes_of(&context, virtual_service, &mut compiled.issues);
            compiled.sources.push(virtual_service.reach.origin.object.clone());
        }
        HostRoutesSource::Service(service) => {
            compiled.routes.push(default_route(&context, service));
            compiled.sources.push(service.origin.object.clone());
        }
    }
    // The object that a route is of is the first.
    let rules = key.visible.rules().filter(|rule| hash::is_of_routes(rule));
    compiled.sources.extend(rules.flat_map(|rule| rule.objects()).cloned());
    alpn::set_alpn(&key.visible, &key.client, key.visible.hosts(), &mut compiled.routes);
    compiled
}

/// Compiles the virtual host of a key.
pub(crate) fn virtual_host(key: &VirtualHostKey) -> Compiled<VirtualHost> {
    let value = VirtualHost {
        name: key.name.clone(),
        domains: key.domains.clone(),
        routes: key.routes.routes.clone(),
        include_request_attempt_count: true,
        ..VirtualHost::default()
    };
    let sources = key.routes.sources.iter().chain(&key.overruled).cloned().collect();
    Compiled { value, issues: key.routes.issues.clone(), sources }
}
