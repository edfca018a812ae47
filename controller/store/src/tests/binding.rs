//! References to nothing, selectors that select nothing, and overruled objects, without a connected proxy.

use heddle_model::snapshot::Snapshot;
use serde_json::json;

use super::build::{Builder, found, object, pod, slice, snapshot};
use crate::{Bindings, issues_if_applied};

const WEB: &str = "{selector: {app: web}, ports: [{port: 80, name: http}]}";
const EDGE: &str = "{selector: {app: edge}, ports: [{port: 443, name: https}]}";

/// The issues of bindings, and those that ingest found.
fn bound<const N: usize>(objects: [Builder; N]) -> Vec<String> {
    found(&Bindings::of(&snapshot(objects)).issues)
}

fn virtual_service(spec: &str) -> Builder {
    object("VirtualService", "shop/web", spec)
}

fn gateway(port: u16, tls: &str) -> Builder {
    let server =
        format!("{{port: {{number: {port}, name: p, protocol: HTTPS}}, hosts: ['*/web.example'], tls: {tls}}}");
    object("Gateway", "shop/edge", &format!("{{selector: {{app: edge}}, servers: [{server}]}}"))
}

fn edge_pod() -> Builder {
    pod("shop/edge-1", "10.0.0.9").label("app", "edge")
}

/// How many workloads an object selects. None: it has no selector.
fn selected(snapshot: &Snapshot, kind: &str) -> Option<usize> {
    let bindings = Bindings::of(snapshot);
    bindings.selected.iter().find(|(key, _)| key.kind.name() == kind).map(|(_, workloads)| workloads.len())
}

#[test]
fn a_route_leads_to_a_host_a_port_and_a_subset() {
    let route = |to: &str| virtual_service(&format!("{{hosts: [web], http: [{{route: [{{destination: {to}}}]}}]}}"));
    let web = || object("Service", "shop/web", WEB);
    assert_eq!(bound([web(), route("{host: web, port: {number: 80}}")]), [""; 0]);
    assert_eq!(bound([web(), route("{host: cart}")]), ["spec.http[0].route[0].destination.host UnknownHost"]);
    let port = route("{host: web, port: {number: 81}}");
    assert_eq!(bound([web(), port]), ["spec.http[0].route[0].destination.port.number UnknownPort"]);
    let subset = route("{host: web, subset: v9}");
    assert_eq!(bound([web(), subset]), ["spec.http[0].route[0].destination.subset UnknownSubset"]);
    let wide = object("ServiceEntry", "shop/wide", "{hosts: ['*.example'], ports: [{number: 80, name: http}]}");
    assert_eq!(bound([wide, route("{host: a.example}")]), [""; 0]);
    let tcp = virtual_service("{hosts: [web], tcp: [{route: [{destination: {host: cart}}]}]}");
    assert_eq!(bound([web(), tcp]), ["spec.tcp[0].route[0].destination.host UnknownHost"]);
}

#[test]
fn a_rule_has_a_host_and_each_subset_has_endpoints() {
    let rule = |host: &str| {
        let spec = format!("{{host: {host}, subsets: [{{name: v1, labels: {{version: v1}}}}]}}");
        object("DestinationRule", "shop/web", &spec)
    };
    let web = || object("Service", "shop/web", WEB);
    assert_eq!(bound([web(), rule("cart")]), ["spec.host UnknownHost"]);
    assert_eq!(bound([web(), rule("web")]), ["spec.subsets[0].labels EmptySubset"]);
    assert_eq!(bound([web(), rule("'*.shop.svc.cluster.local'")]), [""; 0]);
    let pod = pod("shop/web-1", "10.0.0.1").label("app", "web").label("version", "v1");
    let slice = slice("shop/web-1", "web", "http:80", &["10.0.0.1"]);
    assert_eq!(bound([web(), rule("web"), pod, slice]), [""; 0]);
}

#[test]
fn a_virtual_service_is_bound_to_gateways_that_take_its_hosts() {
    let bound_to = |host: &str| {
        virtual_service(&format!(
            "{{hosts: [{host}], gateways: [edge], http: [{{route: [{{destination: {{host: web}}}}]}}]}}"
        ))
    };
    let web = || object("Service", "shop/web", WEB);
    assert_eq!(bound([web(), bound_to("web.example")]), ["spec.gateways UnknownGateway"]);
    let edge = || gateway(443, "{mode: PASSTHROUGH}");
    assert_eq!(bound([web(), edge(), edge_pod(), bound_to("web.example")]), [""; 0]);
    let idle = ["spec.selector NoWorkloads", "spec.gateways NoWorkloads"];
    assert_eq!(bound([web(), edge(), bound_to("web.example")]), idle);
    assert_eq!(bound([web(), edge(), edge_pod(), bound_to("other.example")]), ["spec.gateways HostNotOnGateway"]);
    let snapshot = snapshot([web(), edge(), bound_to("web.example"), edge_pod()]);
    assert_eq!((selected(&snapshot, "Gateway"), selected(&snapshot, "VirtualService")), (Some(1), Some(1)));
}

#[test]
fn a_server_has_a_port_of_the_service_and_its_secret() {
    let edge = || object("Service", "shop/edge", EDGE);
    let pass = "{mode: PASSTHROUGH}";
    assert_eq!(bound([edge(), edge_pod(), gateway(443, pass)]), [""; 0]);
    assert_eq!(bound([edge(), edge_pod(), gateway(8443, pass)]), ["spec.servers[0].port.number UnknownPort"]);
    // Without a Service in front, clients reach the port itself.
    assert_eq!(bound([edge_pod(), gateway(8443, pass)]), [""; 0]);
    let simple = "{mode: SIMPLE, credentialName: web-cert}";
    assert_eq!(bound([edge_pod(), gateway(443, simple)]), ["spec.servers[0].tls.credentialName MissingSecret"]);
}

#[test]
fn a_selector_without_workloads_is_known() {
    let policy = || object("PeerAuthentication", "shop/web", "{selector: {matchLabels: {app: web}}}");
    let sidecar =
        || object("Sidecar", "shop/web", "{workloadSelector: {labels: {app: web}}, egress: [{hosts: ['./*']}]}");
    let elsewhere = pod("other/web-1", "10.0.0.1").label("app", "web");
    let empty = snapshot([policy(), sidecar(), elsewhere]);
    assert_eq!((selected(&empty, "PeerAuthentication"), selected(&empty, "Sidecar")), (Some(0), Some(0)));
    let full = snapshot([policy(), sidecar(), pod("shop/web-1", "10.0.0.1").label("app", "web")]);
    assert_eq!((selected(&full, "PeerAuthentication"), selected(&full, "Sidecar")), (Some(1), Some(1)));
    let whole = snapshot([object("PeerAuthentication", "shop/all", "{mtls: {mode: STRICT}}")]);
    assert_eq!(selected(&whole, "PeerAuthentication"), None);
}

#[test]
fn the_oldest_object_of_a_scope_overrules_the_others() {
    let policy = |name: &str, spec: &str| object("PeerAuthentication", name, spec);
    let strict = "{mtls: {mode: STRICT}}";
    assert_eq!(bound([policy("shop/a", strict), policy("shop/b", strict)]), [" Overruled"]);
    assert_eq!(bound([policy("shop/a", strict), policy("other/b", strict)]), [""; 0]);
    let of = |label: &str| format!("{{selector: {{matchLabels: {{{label}}}}}, mtls: {{mode: STRICT}}}}");
    let pods = || pod("shop/web-1", "10.0.0.1").label("app", "web").label("tier", "front");
    let (web, front) = (of("app: web"), of("tier: front"));
    assert_eq!(bound([pods(), policy("shop/a", &web), policy("shop/b", &front)]), ["spec.selector Overruled"]);
    let cart = pod("shop/cart-1", "10.0.0.2").label("tier", "front");
    assert_eq!(bound([pods(), cart, policy("shop/a", &web), policy("shop/b", &front)]), [""; 0]);
}

/// The issues that an object would have beside others.
fn applied<const N: usize>(object: Builder, others: [Builder; N]) -> Vec<String> {
    found(&issues_if_applied(object.build(), &snapshot(others)))
}

#[test]
fn an_object_has_the_issues_before_that_it_would_have_after() {
    let web = || object("Service", "shop/web", WEB);
    let route = |host: &str, gateway: &str| {
        virtual_service(&format!(
            "{{hosts: [web.example], gateways: [{gateway}], http: [{{route: [{{destination: {{host: {host}}}}}]}}]}}"
        ))
    };
    let edge = || gateway(443, "{mode: PASSTHROUGH}");
    assert_eq!(applied(route("web", "edge"), [web(), edge(), edge_pod()]), [""; 0]);
    assert_eq!(applied(route("web", "edge"), [web(), edge()]), ["spec.gateways NoWorkloads"]);
    assert_eq!(applied(route("web", "gone"), [web(), edge()]), ["spec.gateways UnknownGateway"]);
    // Its earlier version, and what is wrong with others, do not count.
    let others =
        [web(), edge(), edge_pod(), route("gone", "gone"), object("DestinationRule", "shop/r", "{host: gone}")];
    assert_eq!(applied(route("web", "edge"), others), [""; 0]);
    let simple = "{mode: SIMPLE, credentialName: web-cert}";
    let missing = ["spec.servers[0].tls.credentialName MissingSecret"];
    assert_eq!(applied(gateway(443, simple), [edge_pod(), edge()]), missing);
    let keys = json!({"tls.crt": "Yw==", "tls.key": "aw=="});
    let secret = object("Secret", "shop/web-cert", "null").with("data", keys);
    assert_eq!(applied(gateway(443, simple), [edge_pod(), secret]), [""; 0]);
    let entry = "{hosts: [a.example], ports: [{number: 80, name: http}], resolution: STATIC, \
                 workloadSelector: {labels: {app: none}}}";
    assert_eq!(applied(object("ServiceEntry", "shop/a", entry), [web()]), ["spec.workloadSelector NoWorkloads"]);
}

#[test]
fn an_object_that_is_applied_is_the_youngest_unless_it_is_there() {
    let policy = |name: &str| object("PeerAuthentication", name, "{mtls: {mode: STRICT}}");
    assert_eq!(applied(policy("shop/a"), [policy("shop/b").created(5)]), [" Overruled"]);
    assert_eq!(applied(policy("shop/a").created(4), [policy("shop/b").created(5)]), [""; 0]);
    assert_eq!(applied(policy("shop/a").created(4), [policy("shop/a").created(4)]), [""; 0]);
}
