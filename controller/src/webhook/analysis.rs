//! Warns of what `heddlectl analyze` would find about an object, among the objects that the control plane knows.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use heddle_analyze::{AddOptions, Added, Analyzer, World, analyze, analyzers};
use heddle_crds::kind::IstioKind;
use heddle_crds::networking::{destination_rule, virtual_service};
use heddle_model::host::Host;
use heddle_model::route::GatewayRef;
use heddle_model::service::{Service, Visibility};
use heddle_model::snapshot::Snapshot;
use heddle_store::object::Reading;
use heddle_store::{Object, issues_if_applied};
use serde_json::{Value, json};

/// The most warnings of one object.
const MOST: usize = 20;

/// The analyzers whose inputs a snapshot has, besides the one of issues, by the kind of the object.
const NAMES: [(IstioKind, &[&str]); 2] = [
    (
        IstioKind::VirtualService,
        &[
            "virtualservice.ConflictingMeshGatewayHostsAnalyzer",
            "virtualservice.DestinationHostAnalyzer",
            "virtualservice.DestinationRuleAnalyzer",
            "virtualservice.GatewayAnalyzer",
        ],
    ),
    (IstioKind::DestinationRule, &["destinationrule.CaCertificateAnalyzer", "destinationrule.SubsetSelectPodAnalyzer"]),
];
/// The analyzer of the issues that the object would have.
const ISSUES: &str = "heddle.IssueAnalyzer";

/// The analyzers of each kind. The table of all is made once.
static ANALYZERS: LazyLock<BTreeMap<IstioKind, Vec<Analyzer>>> = LazyLock::new(|| {
    let all = analyzers();
    let of = |kind: IstioKind| {
        let names = NAMES.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, names)| names);
        let is_chosen = |one: &&Analyzer| one.name == ISSUES || names.contains(&one.name.as_str());
        (kind, all.iter().filter(is_chosen).cloned().collect())
    };
    IstioKind::ALL.into_iter().map(of).collect()
});

/// Warnings of an object that is created or updated. There are none until the control plane knows the cluster. The cost
/// is that of looking at each known object once: only what the object speaks of is analyzed with it.
pub(super) fn warnings(object: &Value, namespace: &str, snapshot: &Snapshot) -> Vec<String> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let Some(kind) = IstioKind::of(text("apiVersion"), text("kind")).filter(|_| snapshot.synced) else {
        return Vec::new();
    };
    let issues = match Object::read(object) {
        Reading::Object(object) => issues_if_applied(*object, snapshot),
        Reading::Other { .. } | Reading::Not(_) => Vec::new(),
    };
    let mut world = World::default().with_domain(&snapshot.mesh.domain).with_issues(issues);
    if NAMES.iter().any(|(of, _)| *of == kind) {
        let hosts = hosts(kind, object.get("spec").unwrap_or(&Value::Null), namespace, &snapshot.mesh.domain);
        add_known(snapshot, &hosts, &mut world);
    }
    let Added::Seen(applied) = world.add(object, AddOptions { namespace, is_assumed: false }) else {
        return Vec::new();
    };
    let analyzers = ANALYZERS.get(&kind).map_or(&[][..], Vec::as_slice);
    let findings = analyze(&world, analyzers).into_iter().filter(|finding| finding.object == applied);
    let line = |code: &str, path: &str, text: &str| match path {
        "" => format!("{code}: {text}"),
        path => format!("{code}: {path}: {text}"),
    };
    findings.take(MOST).map(|one| line(one.message.code, &one.path, &one.text)).collect()
}

/// The hosts that an object speaks of, as full names.
fn hosts(kind: IstioKind, spec: &Value, namespace: &str, domain: &str) -> Vec<Host> {
    let full = |host: &str| {
        let is_short = !host.contains('.') && !host.starts_with('*');
        Host::parse(&if is_short { format!("{host}.{namespace}.svc.{domain}") } else { host.to_owned() }).ok()
    };
    if kind == IstioKind::DestinationRule {
        let spec = heddle_crds::decode::<destination_rule::Spec>(spec).unwrap_or_default().spec;
        return full(&spec.host).into_iter().collect();
    }
    let spec = heddle_crds::decode::<virtual_service::Spec>(spec).unwrap_or_default().spec;
    let http = spec.http.iter().flat_map(|route| {
        let mirrors = route.mirrors.iter().filter_map(|mirror| mirror.destination.as_ref());
        let targets = route.route.iter().filter_map(|target| target.destination.as_ref());
        targets.chain(&route.mirror).chain(mirrors)
    });
    let tls = spec.tls.iter().flat_map(|route| &route.route).filter_map(|target| target.destination.as_ref());
    let tcp = spec.tcp.iter().flat_map(|route| &route.route).filter_map(|target| target.destination.as_ref());
    let destinations = http.chain(tls).chain(tcp).map(|destination| destination.host.as_str());
    destinations.chain(spec.hosts.iter().map(String::as_str)).filter_map(full).collect()
}

/// Adds what is known of the hosts, and all gateways.
fn add_known(snapshot: &Snapshot, hosts: &[Host], world: &mut World) {
    let concerns = |known: &Host| hosts.iter().any(|host| host.overlaps(known));
    let mut add = |kind: &str, namespace: &str, name: &str, spec: Value| {
        let object = json!({
            "apiVersion": "networking.istio.io/v1", "kind": kind,
            "metadata": {"namespace": namespace, "name": name}, "spec": spec,
        });
        world.add(&object, AddOptions { namespace, is_assumed: true });
    };
    for service in snapshot.services.iter().filter(|one| concerns(&one.host) || one.aliases.iter().any(concerns)) {
        add("ServiceEntry", service.namespace(), service.host.as_str(), entry(service, snapshot));
    }
    for rule in snapshot.destination_rules.values().flat_map(|rules| rules.iter()).filter(|one| concerns(&one.host)) {
        let subsets: Vec<Value> = rule.subsets.iter().map(|subset| json!({"name": &*subset.name})).collect();
        let spec = json!({"host": rule.host.as_str(), "subsets": subsets});
        add("DestinationRule", rule.origin.namespace(), rule.origin.name(), spec);
    }
    for (_, known) in snapshot.virtual_services.iter().filter(|(_, one)| one.reach.hosts.iter().any(concerns)) {
        let reach = &known.reach;
        let gateways: Vec<String> = reach.gateways.iter().map(gateway).collect();
        let hosts: Vec<&str> = reach.hosts.iter().map(Host::as_str).collect();
        let spec = json!({"hosts": hosts, "gateways": gateways, "exportTo": export_to(&reach.export_to)});
        add("VirtualService", reach.origin.namespace(), reach.origin.name(), spec);
    }
    for known in snapshot.gateways.iter() {
        let hosts = known.servers.iter().flat_map(|server| &server.hosts);
        let hosts: Vec<String> =
            hosts.map(|one| format!("{}/{}", one.namespace.as_deref().unwrap_or("*"), one.host)).collect();
        add("Gateway", &known.bound.0, &known.bound.1, json!({"servers": [{"hosts": hosts}]}));
    }
}

/// A service as the ServiceEntry that would make it.
fn entry(service: &Service, snapshot: &Snapshot) -> Value {
    let hosts: Vec<&str> = std::iter::once(&service.host).chain(&service.aliases).map(Host::as_str).collect();
    let ports: Vec<Value> = service.ports.iter().map(|port| json!({"number": port.number})).collect();
    let known = snapshot.endpoints.get(&service.key());
    let endpoints = known.iter().flat_map(|endpoints| endpoints.iter()).map(|endpoint| {
        let labels: serde_json::Map<String, Value> =
            endpoint.labels.iter().map(|(name, value)| (name.to_string(), Value::from(&**value))).collect();
        json!({"labels": labels})
    });
    let endpoints: Vec<Value> = endpoints.collect();
    json!({"hosts": hosts, "ports": ports, "endpoints": endpoints, "exportTo": export_to(&service.export_to)})
}

fn gateway(of: &GatewayRef) -> String {
    match of {
        GatewayRef::Mesh => "mesh".to_owned(),
        GatewayRef::Gateway { namespace, name } => format!("{namespace}/{name}"),
    }
}

fn export_to(visibility: &Visibility) -> Vec<&str> {
    match visibility {
        Visibility::All => vec!["*"],
        Visibility::Only(namespaces) if namespaces.is_empty() => vec!["~"],
        Visibility::Only(namespaces) => namespaces.iter().map(|name| &**name).collect(),
    }
}

#[cfg(test)]
mod tests {
    use heddle_store::{Event, Settings, SourceId, Store, documents};

    use super::*;

    /// A service with two subsets of which one has no pods, a gateway with its pod, a policy, and a route for one host.
    const KNOWN: &str = "\
apiVersion: v1
kind: Service
metadata: {name: oven, namespace: bakery}
spec: {clusterIP: 10.1.0.1, selector: {app: oven}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: oven-1, namespace: bakery, labels: {app: oven, gate: front}}
spec: {containers: [{name: oven}]}
status: {phase: Running, podIP: 10.0.0.9, podIPs: [{ip: 10.0.0.9}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: all, namespace: bakery, creationTimestamp: '2026-01-01T00:00:00Z'}
spec: {mtls: {mode: STRICT}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: mill, namespace: bakery}
spec: {hosts: [mill.example], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}],
  endpoints: [{address: 10.0.0.1, labels: {stone: old}}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: oven, namespace: bakery}
spec: {host: oven, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front, namespace: bakery}
spec: {selector: {gate: front}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [bread.example]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: oven, namespace: bakery}
spec: {hosts: [oven], http: [{route: [{destination: {host: oven}}]}]}
";

    fn known() -> std::sync::Arc<Snapshot> {
        let mut store = Store::new(Settings::default());
        for object in documents(KNOWN.as_bytes()).0 {
            store.apply(Event::Apply(SourceId::Files, Box::new(object)));
        }
        store.commit()
    }

    fn warned(kind: &str, name: &str, spec: &Value) -> Vec<String> {
        let object = json!({"apiVersion": "networking.istio.io/v1", "kind": kind,
            "metadata": {"name": name, "namespace": "bakery"}, "spec": spec});
        warnings(&object, "bakery", &known())
    }

    #[test]
    fn a_route_to_what_exists_has_no_warnings() {
        let route = json!({"destination": {"host": "oven", "subset": "v1", "port": {"number": 80}}});
        let spec = json!({"hosts": ["bread.example"], "gateways": ["front"], "http": [{"route": [route]}]});
        assert_eq!(warned("VirtualService", "bread", &spec), [""; 0]);
        // The object itself is known in an earlier version.
        let same = json!({"hosts": ["oven"], "http": [{"route": [{"destination": {"host": "mill.example"}}]}]});
        assert_eq!(warned("VirtualService", "oven", &same), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let route = json!([{"destination": {"host": "pan"}}, {"destination": {"host": "oven", "subset": "v2"}}]);
        let spec = json!({"hosts": ["cake.example"], "gateways": ["front", "back"], "http": [{"route": route}]});
        let warned = warned("VirtualService", "cake", &spec);
        for part in ["the host pan does not exist", "the subset v2", "the gateway back", "cake.example"] {
            assert!(warned.iter().any(|one| one.contains(part)), "{part}: {warned:#?}");
        }
        assert!(warned[0].starts_with("IST0101: spec.gateways[1]: "), "{warned:#?}");
    }

    #[test]
    fn a_second_route_of_a_host_is_told() {
        let route = json!([{"destination": {"host": "oven"}}]);
        let spec = json!({"hosts": ["oven.bakery.svc.cluster.local"], "http": [{"route": route}]});
        let warned = warned("VirtualService", "second", &spec);
        assert!(warned.len() == 1 && warned[0].starts_with("IST0109: spec.hosts[0]: "), "{warned:#?}");
    }

    #[test]
    fn subsets_and_hosts_of_rules_are_looked_up() {
        let subsets = json!([{"name": "old", "labels": {"stone": "old"}}, {"name": "new", "labels": {"stone": "new"}}]);
        let told = warned("DestinationRule", "mill", &json!({"host": "mill.example", "subsets": subsets}));
        assert!(told.len() == 1 && told[0].contains("the subset new selects no pods"), "{told:#?}");
        let told = warned("DestinationRule", "gone", &json!({"host": "gone.example"}));
        assert!(told.len() == 1 && told[0].starts_with("IST0174: spec.host: "), "{told:#?}");
    }

    /// What is said of an object of another API group.
    fn warned_of(version: &str, kind: &str, spec: &Value) -> Vec<String> {
        let object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "new", "namespace": "bakery"},
            "spec": spec});
        warnings(&object, "bakery", &known())
    }

    #[test]
    fn a_gateway_has_workloads_ports_and_secrets() {
        let gateway = |selector: &str, port: u16| {
            let tls = json!({"mode": "SIMPLE", "credentialName": "bread-cert"});
            let server = json!({"port": {"number": port, "name": "https", "protocol": "HTTPS"}, "tls": tls,
                "hosts": ["bread.example"]});
            warned("Gateway", "new", &json!({"selector": {"app": selector}, "servers": [server]}))
        };
        let told = gateway("none", 443);
        assert!(told.len() == 1 && told[0].starts_with("IST0101: spec.selector: "), "{told:#?}");
        let told = gateway("oven", 8443);
        assert!(told.iter().any(|one| one.contains("there is no Secret bread-cert in namespace bakery")), "{told:#?}");
        assert!(told.iter().any(|one| one.starts_with("IST0162: spec.servers[0].port.number: ")), "{told:#?}");
    }

    #[test]
    fn overruled_objects_and_selectors_without_workloads_are_told() {
        let mode = |app: Option<&str>| {
            let selector = app.map(|app| json!({"matchLabels": {"app": app}}));
            warned_of("security.istio.io/v1", "PeerAuthentication", &json!({"selector": selector, "mtls": {}}))
        };
        let told = mode(None);
        assert!(
            told.len() == 1 && told[0].starts_with("Overruled: the older PeerAuthentication bakery/all"),
            "{told:#?}"
        );
        let told = mode(Some("none"));
        assert!(told.len() == 1 && told[0].starts_with("IST0127: spec.selector: "), "{told:#?}");
        assert_eq!(mode(Some("oven")), [""; 0]);
        let selector = json!({"labels": {"app": "none"}});
        let ports = json!([{"number": 80, "name": "http", "protocol": "HTTP"}]);
        let entry = json!({"hosts": ["new.example"], "resolution": "STATIC", "ports": ports,
            "workloadSelector": selector});
        let told = warned("ServiceEntry", "new", &entry);
        assert!(told.len() == 1 && told[0].starts_with("IST0127: spec.workloadSelector: "), "{told:#?}");
        let egress = json!([{"hosts": ["./*"]}]);
        let told = warned("Sidecar", "new", &json!({"workloadSelector": selector, "egress": egress}));
        assert!(told.len() == 1 && told[0].starts_with("IST0101: spec.workloadSelector: "), "{told:#?}");
    }

    #[test]
    fn a_change_of_an_object_is_compared_with_others_only() {
        let object = json!({"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
            "metadata": {"name": "all", "namespace": "bakery", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"mtls": {"mode": "STRICT"}}});
        assert_eq!(warnings(&object, "bakery", &known()), [""; 0]);
    }
}
