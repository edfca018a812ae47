//! What a session compiles once, and what again.
#![allow(clippy::unwrap_used)] // a test's report

use std::sync::Arc;

use heddle_compile::{Compiler, Session};
use heddle_model::{node, proxy::Proxy, snapshot::Snapshot};
use heddle_store::{Event, Settings, SourceId, Store, documents};
use heddle_xds_api::{Resource, ResourceSet, TypeUrl};
use serde_json::json;

const TYPES: [TypeUrl; 4] = [TypeUrl::Cluster, TypeUrl::Endpoint, TypeUrl::Listener, TypeUrl::Route];

fn service(name: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: a}}\n\
         spec: {{hosts: [{name}.test], location: MESH_EXTERNAL, resolution: STATIC,\n\
         ports: [{{number: 80, name: http, protocol: HTTP}}], endpoints: [{{address: 10.0.0.1}}]}}\n"
    )
}

fn apply(store: &mut Store, text: &str) -> Arc<Snapshot> {
    for object in documents(text.as_bytes()).0 {
        store.apply(Event::Apply(SourceId::Files, Box::new(object)));
    }
    store.commit()
}

fn proxy(name: &str) -> Proxy {
    node::proxy(&json!({"id": format!("sidecar~10.0.0.9~{name}.a~a.svc.cluster.local")})).unwrap()
}

/// What a proxy that connects now is to hold.
fn follow(compiler: &Compiler, snapshot: &Arc<Snapshot>, name: &str) -> (Session, Arc<ResourceSet>) {
    let mut session = compiler.open(&Arc::new(proxy(name)));
    let held = compiler.update(&mut session, snapshot);
    (session, held)
}

#[test]
fn proxies_that_see_the_same_share_one_layer() {
    let (compiler, mut store) = (Compiler::default(), Store::new(Settings::default()));
    let snapshot = apply(&mut store, &service("x"));
    let (first, one) = follow(&compiler, &snapshot, "one");
    let (second, two) = follow(&compiler, &snapshot, "two");
    assert!(Arc::ptr_eq(&one.shared, &two.shared));
    // The view and the inbound side of the first, which the second shares.
    assert_eq!((first.compiled(), second.compiled()), (2, 0));
}

#[test]
fn a_revision_that_changes_nothing_for_a_view_keeps_its_pointers() {
    let (compiler, mut store) = (Compiler::default(), Store::new(Settings::default()));
    let first = apply(&mut store, &service("x"));
    let (mut session, before) = follow(&compiler, &first, "one");
    let second = apply(&mut store, &service("x").replace("namespace: a}", "namespace: a, labels: {l: v}}"));
    let after = compiler.update(&mut session, &second);
    for one in TYPES {
        assert!(before.typed(one).is(&after.typed(one)), "{one:?}");
    }
}

#[test]
fn what_a_change_does_not_touch_keeps_its_pointers() {
    let (compiler, mut store) = (Compiler::default(), Store::new(Settings::default()));
    let first = apply(&mut store, &(service("x") + "---\n" + &service("y")));
    let (mut session, before) = follow(&compiler, &first, "one");
    let second = apply(&mut store, &service("y").replace("10.0.0.1", "10.0.0.2"));
    let after = compiler.update(&mut session, &second);
    let (old, new) = (before.typed(TypeUrl::Endpoint), after.typed(TypeUrl::Endpoint));
    let moved = |one: &&Arc<Resource>| !old.get(one.name()).is_some_and(|old| Arc::ptr_eq(old, one));
    let moved: Vec<&str> = new.iter().filter(moved).map(|one| &**one.name()).collect();
    assert_eq!(moved, ["outbound|80||y.test"]);
    assert!(before.typed(TypeUrl::Route).is(&after.typed(TypeUrl::Route)));
}

#[test]
fn what_nobody_holds_goes() {
    let (compiler, mut store) = (Compiler::default(), Store::new(Settings::default()));
    let snapshot = apply(&mut store, &service("x"));
    let held = follow(&compiler, &snapshot, "held");
    for number in 0..500 {
        follow(&compiler, &snapshot, &format!("p{number}"));
    }
    assert!(compiler.layers() <= 2 * 64 + 1, "{}", compiler.layers());
    drop(held);
}

#[test]
fn an_issue_goes_with_its_cause_and_not_before() {
    let route = |host: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: r, namespace: a}}\n\
             spec: {{hosts: [x.test], http: [{{route: [{{destination: {{host: x.test, subset: {host}}}}}]}}]}}\n"
        )
    };
    let (compiler, mut store) = (Compiler::default(), Store::new(Settings::default()));
    let bad = apply(&mut store, &(service("x") + "---\n" + &route("nowhere")));
    let (mut session, _) = follow(&compiler, &bad, "one");
    assert!(!compiler.issues().is_empty());
    let moved = apply(&mut store, &service("x").replace("10.0.0.1", "10.0.0.2"));
    compiler.update(&mut session, &moved);
    assert!(!compiler.issues().is_empty(), "endpoints have nothing to do with it");
    let good = apply(&mut store, &route("\"\""));
    compiler.update(&mut session, &good);
    assert!(compiler.issues().is_empty(), "{:?}", compiler.issues());
}

/// What is compiled after an edit of a VirtualService, with all that was compiled before at hand, is what a compiler
/// without any memory makes of it.
#[test]
fn an_edit_of_a_route_leaves_nothing_stale() {
    let elsewhere = service("y").replace("namespace: a}", "namespace: b}");
    let scope = "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: default, namespace: a}\n\
                 spec: {egress: [{hosts: [a/*]}]}\n";
    let route = |rest: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: r, namespace: a}}\nspec: \
             {rest}\n"
        )
    };
    let edits = [
        "{hosts: [x.test], http: [{name: one, route: [{destination: {host: x.test}}]}]}",
        "{hosts: [x.test], http: [{name: two, timeout: 1s, route: [{destination: {host: x.test}}]}]}",
        "{hosts: [x.test], http: [{name: two, route: [{destination: {host: y.test}}]}]}",
        "{hosts: [x.test], http: [{mirror: {host: y.test}, route: [{destination: {host: x.test}}]}]}",
        "{hosts: [x.test], http: [{redirect: {uri: /}}]}",
        "{hosts: [x.test], tcp: [{route: [{destination: {host: y.test}}]}]}",
        "{hosts: [other.test], http: [{route: [{destination: {host: x.test}}]}]}",
        "{hosts: [x.test], gateways: [g], http: [{route: [{destination: {host: y.test}}]}]}",
        "{hosts: [x.test], exportTo: ['~'], http: [{route: [{destination: {host: y.test}}]}]}",
    ];
    let (compiler, mut store) = (Compiler::default(), Store::new(Settings::default()));
    let start = apply(&mut store, &[service("x"), elsewhere, scope.into()].join("---\n"));
    let (mut session, _) = follow(&compiler, &start, "one");
    for edit in edits.iter().chain(edits.iter().rev()) {
        let snapshot = apply(&mut store, &route(edit));
        let remembered = compiler.update(&mut session, &snapshot);
        let (_fresh, fresh) = follow(&Compiler::default(), &snapshot, "one");
        for one in TYPES {
            let versions =
                |set: &ResourceSet| set.typed(one).iter().map(|r| (r.name().clone(), r.version())).collect::<Vec<_>>();
            assert_eq!(versions(&remembered), versions(&fresh), "{one:?} after {edit}");
        }
    }
}

/// A Service, its EndpointSlice and its pods in namespace `a`.
fn workload(name: &str, addresses: &[&str]) -> String {
    let listed = addresses.iter().map(|address| format!("- addresses: [{address}]\n"));
    let pods = addresses.iter().enumerate().map(|(number, address)| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}-{number}, namespace: a, labels: {{app: {name}, \
             security.istio.io/tlsMode: istio}}}}\nstatus: {{podIP: {address}}}\n"
        )
    });
    let service = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: a}}\nspec: {{clusterIP: 10.9.0.1, \
         selector: {{app: {name}}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}\n---\n\
         apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{name: {name}, namespace: a, labels: {{kubernetes.io/service-name: {name}}}}}\n\
         addressType: IPv4\nports: [{{name: http, port: 8080}}]\nendpoints:\n"
    );
    std::iter::once(service).chain(listed).chain(pods).collect()
}

/// Sidecars of two workloads with three replicas each, all followed to the first revision.
fn replicas() -> (Compiler, Store, Vec<Session>) {
    let (compiler, mut store) = (Compiler::default(), Store::new(Settings::default()));
    let mesh = [
        workload("web", &["10.1.0.1", "10.1.0.2", "10.1.0.3"]),
        workload("api", &["10.2.0.1", "10.2.0.2", "10.2.0.3"]),
    ];
    let snapshot = apply(&mut store, &mesh.join("---\n"));
    let ids = [("web", 1), ("api", 2)].into_iter().flat_map(|(name, net)| {
        (0..3).map(move |number| format!("sidecar~10.{net}.0.{}~{name}-{number}.a~a.svc.cluster.local", number + 1))
    });
    let mut sessions: Vec<Session> =
        ids.map(|id| compiler.open(&Arc::new(node::proxy(&json!({"id": id})).unwrap()))).collect();
    for session in &mut sessions {
        compiler.update(session, &snapshot);
    }
    (compiler, store, sessions)
}

/// How many layers an edit compiles, of all sessions.
fn compiled(compiler: &Compiler, store: &mut Store, sessions: &mut [Session], edit: &str) -> usize {
    let snapshot = apply(store, edit);
    let update = |session: &mut Session| {
        compiler.update(session, &snapshot);
        session.compiled()
    };
    sessions.iter_mut().map(update).sum()
}

fn object(api: &str, kind: &str, namespace: &str, rest: &str) -> String {
    format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: x, namespace: {namespace}}}\n{rest}\n")
}

#[test]
fn an_edit_that_concerns_nobody_compiles_nothing() {
    let (compiler, mut store, mut sessions) = replicas();
    let edits = [
        object("security.istio.io/v1", "PeerAuthentication", "idle", "spec: {mtls: {mode: STRICT}}"),
        object("security.istio.io/v1", "PeerAuthentication", "a", "spec: {selector: {matchLabels: {app: other}}}"),
        object("v1", "Secret", "idle", "data: {tls.crt: Yw==, tls.key: aw==}"),
        object("networking.istio.io/v1", "Sidecar", "idle", "spec: {egress: [{hosts: ['./*']}]}"),
        object(
            "networking.istio.io/v1",
            "Gateway",
            "idle",
            // The key is one that the workloads have too.
            "spec: {selector: {app: other}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: \
             ['*']}]}",
        ),
        object(
            "networking.istio.io/v1",
            "Sidecar",
            "a",
            "spec: {workloadSelector: {labels: {app: other}}, egress: [{hosts: ['./*']}]}",
        ),
        object(
            "networking.istio.io/v1",
            "VirtualService",
            "a",
            "spec: {hosts: [h.test], gateways: [g], http: [{redirect: {uri: /}}]}",
        ),
    ];
    for edit in edits {
        assert_eq!(compiled(&compiler, &mut store, &mut sessions, &edit), 0, "{edit}");
    }
}

#[test]
fn an_edit_that_concerns_a_workload_compiles_once_for_its_replicas() {
    let (compiler, mut store, mut sessions) = replicas();
    let rest = "spec: {selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}}";
    let edit = object("security.istio.io/v1", "PeerAuthentication", "a", rest);
    assert_eq!(compiled(&compiler, &mut store, &mut sessions, &edit), 1);
}

#[test]
fn a_secret_is_compiled_once_for_all_who_may_have_it() {
    let (compiler, mut store) = (Compiler::default(), Store::new(Settings::default()));
    let secret =
        |certificate: &str| object("v1", "Secret", "a", &format!("data: {{tls.crt: {certificate}, tls.key: aw==}}"));
    let first = apply(&mut store, &secret("Yw=="));
    let open = |name: &str| compiler.open(&Arc::new(Proxy { verified: true, ..proxy(name) }));
    let mut sessions = [open("one"), open("two")];
    for session in &mut sessions {
        compiler.update(session, &first);
    }
    assert_eq!(compiled(&compiler, &mut store, &mut sessions, &secret("ZA==")), 1);
    let last = store.commit();
    let held = sessions.each_mut().map(|session| compiler.update(session, &last));
    let [one, two] = held.each_ref().map(|set| set.typed(TypeUrl::Secret).iter().cloned().collect::<Vec<_>>());
    assert!(!one.is_empty() && one.iter().zip(&two).all(|(one, two)| Arc::ptr_eq(one, two)));
}

#[test]
fn a_gateway_that_begins_to_pass_tls_on_gets_endpoints() {
    let (compiler, mut store, _sidecars) = replicas();
    let gateway = |tls: &str| {
        let server =
            format!("{{port: {{number: 15443, name: tls, protocol: TLS}}, hosts: ['*.local'], tls: {{{tls}}}}}");
        object("networking.istio.io/v1", "Gateway", "a", &format!("spec: {{selector: {{}}, servers: [{server}]}}"))
    };
    let edge = node::proxy(&json!({"id": "router~10.3.0.1~edge.a~a.svc.cluster.local"})).unwrap();
    let mut session = compiler.open(&Arc::new(edge));
    compiler.update(&mut session, &apply(&mut store, &gateway("mode: PASSTHROUGH")));
    let set = compiler.update(&mut session, &apply(&mut store, &gateway("mode: AUTO_PASSTHROUGH")));
    let name = "outbound_.80_._.web.a.svc.cluster.local";
    assert!(set.get(TypeUrl::Cluster, name).is_some());
    let endpoints = set.get(TypeUrl::Endpoint, name).unwrap();
    let assignment: heddle_xds_api::envoy::config::endpoint::v3::ClusterLoadAssignment = endpoints.decode().unwrap();
    assert_eq!(assignment.endpoints.iter().map(|locality| locality.lb_endpoints.len()).sum::<usize>(), 3);
}

/// The objects that a resource came from, by its type and name.
fn sources(text: &str, type_url: TypeUrl, name: &str) -> Vec<String> {
    let (compiler, mut store) = (Compiler::default(), Store::new(Settings::default()));
    let snapshot = apply(&mut store, text);
    let (session, held) = follow(&compiler, &snapshot, "one");
    assert!(held.typed(type_url).get(name).is_some(), "{name} of {:?}", held.typed(type_url));
    compiler.sources(&session, type_url, name).iter().map(ToString::to_string).collect()
}

#[test]
fn a_rule_is_a_source_of_each_resource_that_holds_something_of_it() {
    let rule = |policy: &str| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: r, namespace: a}}\n\
             spec: {{host: x.test, trafficPolicy: {{{policy}}}}}\n"
        )
    };
    let both = ["DestinationRule a/r", "ServiceEntry a/x"];
    let hash = service("x") + &rule("loadBalancer: {consistentHash: {httpHeaderName: user}}");
    assert_eq!(sources(&hash, TypeUrl::Route, "80"), both);
    for type_url in [TypeUrl::Cluster, TypeUrl::Endpoint] {
        assert_eq!(sources(&hash, type_url, "outbound|80||x.test"), both);
    }
    // A rule that says nothing of routes has no part in them.
    let pool = service("x") + &rule("connectionPool: {tcp: {maxConnections: 5, idleTimeout: 5s}}");
    assert_eq!(sources(&pool, TypeUrl::Route, "80"), both[1..]);
    let tcp = pool.replace("name: http, protocol: HTTP", "name: tcp, protocol: TCP");
    assert_eq!(sources(&tcp, TypeUrl::Listener, "0.0.0.0_80"), both);
    let limit = tcp.replace("maxConnections: 5, idleTimeout: 5s", "maxConnections: 5");
    assert_eq!(sources(&limit, TypeUrl::Listener, "0.0.0.0_80"), both[1..]);
}
