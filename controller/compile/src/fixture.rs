//! Builders for tests that read like the objects they stand for.

use std::{net::IpAddr, sync::Arc};

use heddle_model::{
    Text,
    authn::{MtlsMode, PeerAuthentication},
    destination_rule::{DestinationRule, Subset},
    endpoint::{Address, Endpoint, Health, WorkloadName},
    facets::ProxyFacets,
    host::Host,
    identity::Identity,
    labels::Labels,
    locality::Locality,
    object::{Kind, ObjectRef, Origin},
    protocol::Protocol,
    proxy::{Capabilities, Interception, OwnPorts, Proxy, ProxyKind},
    service::{Resolution, Service, ServicePort, ServiceRegistry, Visibility},
    snapshot::Snapshot,
    traffic::TrafficPolicy,
};

use crate::{
    cluster::{self, ClusterClient, ClusterKey},
    endpoint::{self, EndpointKey},
    scope::Scope,
    tracked::Revision,
    view,
};

/// A mesh under construction.
#[derive(Default)]
pub(crate) struct TestMesh {
    pub(crate) snapshot: Snapshot,
}

/// An object's origin.
pub(crate) fn origin(kind: Kind, namespace: &str, name: &str) -> Origin {
    Origin::new(Arc::new(ObjectRef::new(kind, namespace, name)), 0)
}

/// A host.
pub(crate) fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

/// Labels from pairs.
pub(crate) fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs.into_iter().collect()
}

/// The service `<name>.shop.svc.cluster.local` with ports named as their protocol and numbered as given.
pub(crate) fn service(name: &str, ports: &[(u16, Protocol)]) -> Service {
    let port = |(number, protocol): &(u16, Protocol)| ServicePort {
        name: format!("p{number}").into(),
        number: *number,
        protocol: *protocol,
    };
    Service {
        origin: origin(Kind::Service, "shop", name),
        host: host(&format!("{name}.shop.svc.cluster.local")),
        aliases: Vec::new(),
        registry: ServiceRegistry::Kubernetes,
        addresses: Vec::new(),
        auto_addresses: Vec::new(),
        ports: ports.iter().map(port).collect(),
        resolution: Resolution::Static,
        external: false,
        headless: false,
        export_to: Visibility::All,
        selector: labels([("app", name)]),
        labels: Labels::default(),
        subject_alt_names: Vec::new(),
        node_local: false,
        prefer: None,
        publish_not_ready: false,
        session_affinity: None,
    }
}

/// A service outside of the mesh.
pub(crate) fn external(name: &str, ports: &[(u16, Protocol)], resolution: Resolution) -> Service {
    Service {
        origin: origin(Kind::ServiceEntry, "shop", "entry"),
        host: host(name),
        registry: ServiceRegistry::External,
        resolution,
        external: true,
        ..service("entry", ports)
    }
}

/// A ready endpoint of a service's port, with a sidecar.
pub(crate) fn endpoint(address: &str, port: u16) -> Endpoint {
    let parsed: Result<IpAddr, _> = address.parse();
    Endpoint {
        address: parsed.map_or_else(|_| Address::Name(address.into()), Address::Ip),
        port,
        service_port: format!("p{port}").into(),
        labels: Labels::default(),
        locality: Locality::default(),
        weight: 1,
        network: Text::default(),
        identity: Identity::new("cluster.local", "shop", "web").ok(),
        mtls: true,
        health: Health::Healthy,
        workload: WorkloadName { name: "web-v1".into(), namespace: "shop".into() },
        hostname: None,
        node: Text::default(),
    }
}

/// The rule of a service of [`service`], in its namespace.
pub(crate) fn rule(name: &str, policy: TrafficPolicy) -> DestinationRule {
    DestinationRule {
        origin: origin(Kind::DestinationRule, "shop", name),
        merged: Vec::new(),
        host: host(&format!("{name}.shop.svc.cluster.local")),
        export_to: Visibility::All,
        selector: None,
        policy,
        subsets: Vec::new(),
    }
}

/// A subset by the label `version`.
pub(crate) fn subset(name: &str, policy: Option<TrafficPolicy>) -> Subset {
    Subset { name: name.into(), field: "spec.subsets[0]".into(), labels: labels([("version", name)]), policy }
}

/// A PeerAuthentication of a namespace.
pub(crate) fn peers(namespace: &str, mode: MtlsMode) -> Arc<PeerAuthentication> {
    let origin = origin(Kind::PeerAuthentication, namespace, "default");
    Arc::new(PeerAuthentication { origin, selector: None, mode: Some(mode), ports: [].into() })
}

/// A sidecar of namespace `shop` on stock Envoy.
pub(crate) fn sidecar() -> Proxy {
    Proxy {
        id: "sidecar~10.0.0.9~me.shop~shop.svc.cluster.local".into(),
        short_id: "me.shop".into(),
        kind: ProxyKind::Sidecar,
        addresses: vec!["10.0.0.9".parse().unwrap()],
        name: "me".into(),
        namespace: "shop".into(),
        domain: "shop.svc.cluster.local".into(),
        service_account: "me".into(),
        labels: Labels::default(),
        locality: Locality::default(),
        network: Text::default(),
        cluster: "Kubernetes".into(),
        node_name: Text::default(),
        workload_name: "me".into(),
        istio_version: "".into(),
        interception: Interception::Redirect,
        http_proxy_port: 0,
        http10: false,
        dns_capture: false,
        unprivileged: false,
        idle_timeout_seconds: 0,
        ports: OwnPorts::default(),
        can: Capabilities::default(),
        tls_files: [].into(),
        verified: true,
    }
}

/// A gateway of namespace `shop` on stock Envoy.
pub(crate) fn gateway() -> Proxy {
    Proxy { kind: ProxyKind::Gateway, ..sidecar() }
}

/// Keys of all clusters of a view that lead to services, by name.
pub(crate) fn cluster_keys(scope: &Scope<'_>) -> Vec<ClusterKey> {
    let client = Arc::new(ClusterClient::of(scope.view));
    let mut keys: Vec<_> = scope.seen.services.keys().flat_map(|host| cluster::keys(scope, &client, host)).collect();
    keys.sort_by_key(ClusterKey::name);
    keys
}

/// Keys of the endpoints of these clusters, by name.
pub(crate) fn endpoint_keys(scope: &Scope<'_>) -> Vec<EndpointKey> {
    let mut keys: Vec<_> = scope.seen.services.keys().flat_map(|host| endpoint::keys(scope, host)).collect();
    keys.sort_by_key(EndpointKey::name);
    keys
}

impl TestMesh {
    /// Adds a service with its endpoints.
    pub(crate) fn with(mut self, service: Service, endpoints: Vec<Endpoint>) -> Self {
        Arc::make_mut(&mut self.snapshot.endpoints).insert(service.key(), Arc::new(endpoints));
        Arc::make_mut(&mut self.snapshot.services).insert(Arc::new(service));
        self
    }

    /// Adds a rule.
    pub(crate) fn rule(mut self, rule: DestinationRule) -> Self {
        let rules = Arc::make_mut(&mut self.snapshot.destination_rules);
        Arc::make_mut(rules.entry(rule.origin.namespace().clone()).or_default()).push(Arc::new(rule));
        self
    }

    /// Adds a PeerAuthentication.
    pub(crate) fn peers(mut self, policy: Arc<PeerAuthentication>) -> Self {
        let policies = Arc::make_mut(&mut self.snapshot.peer_authentications);
        Arc::make_mut(policies.entry(policy.origin.namespace().clone()).or_default()).push(policy);
        self
    }

    /// Changes the mesh's settings.
    pub(crate) fn mesh(mut self, change: impl FnOnce(&mut heddle_model::mesh::Mesh)) -> Self {
        change(Arc::make_mut(&mut self.snapshot.mesh));
        self
    }

    /// Something worked out in the scope of a proxy.
    pub(crate) fn see<T>(&self, proxy: &Proxy, what: impl FnOnce(&Scope<'_>) -> T) -> T {
        let snapshot = Snapshot { facets: Arc::new(ProxyFacets::of(&self.snapshot)), ..self.snapshot.clone() };
        let revision = Revision::new(&Arc::new(snapshot));
        let tracked = revision.tracked();
        let view = view::view(&tracked, proxy);
        what(&Scope::new(&tracked, &view, &view.client()))
    }
}
