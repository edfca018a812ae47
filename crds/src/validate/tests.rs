//! Objects that are accepted, doubted or refused, by kind, with the field that is named.
#![allow(clippy::needless_pass_by_value, reason = "json!() values are made at the call")]

mod networking;
mod security;

use serde_json::{Value, json};

use super::{Severity, Violation, object};
use crate::kind::IstioKind;

/// Makes an object of a kind with the given spec.
fn of(kind: IstioKind, spec: Value) -> Value {
    let info = kind.info();
    json!({
        "apiVersion": format!("{}/{}", info.group, info.storage), "kind": kind.name(),
        "metadata": {"name": "it", "namespace": "shop"}, "spec": spec,
    })
}

fn paths(violations: &[Violation], severity: Severity) -> Vec<&str> {
    let matching = violations.iter().filter(|violation| violation.severity == severity);
    matching.map(|violation| violation.path.as_str()).collect()
}

#[track_caller]
fn accepted(kind: IstioKind, spec: Value) {
    let found = object(&of(kind, spec));
    assert_eq!(found, [], "{kind}");
}

#[track_caller]
fn doubted(kind: IstioKind, spec: Value, path: &str) {
    let found = object(&of(kind, spec));
    assert_eq!(paths(&found, Severity::Error), [""; 0], "{found:?}");
    assert_eq!(paths(&found, Severity::Warning), [path], "{found:?}");
}

#[track_caller]
fn refused(kind: IstioKind, spec: Value, path: &str) {
    let found = object(&of(kind, spec));
    assert_eq!(paths(&found, Severity::Error), [path], "{found:?}");
}

#[test]
fn an_object_must_be_one_of_a_known_kind() {
    let error = |value: Value| object(&value).into_iter().map(|violation| violation.path).collect::<Vec<_>>();
    assert_eq!(error(json!([])), ["$"]);
    assert_eq!(error(json!({})), ["kind"]);
    assert_eq!(error(json!({"apiVersion": "networking.istio.io/v9", "kind": "Gateway"})), ["kind"]);
    assert_eq!(error(json!({"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry"})), ["spec"]);
    let labels = json!({"labels": {"a": 1}});
    let object = json!({"apiVersion": "networking.istio.io/v1", "kind": "Sidecar", "metadata": labels});
    assert_eq!(error(object), ["metadata.labels.a"]);
}

#[test]
fn unknown_fields_are_named() {
    let mut sidecar = of(IstioKind::Sidecar, json!({"egress": [{"hosts": ["*/*"], "host": 1}]}));
    sidecar["specs"] = json!({});
    assert_eq!(paths(&object(&sidecar), Severity::Error), ["specs", "spec.egress[0].host"]);
}

#[test]
fn violations_are_bounded() {
    let hosts: Vec<String> = (0..5000).map(|number| format!("bad!{number}")).collect();
    let found = object(&of(IstioKind::ServiceEntry, json!({"hosts": hosts})));
    assert!(found.len() <= 201, "{}", found.len());
    assert!(found.last().is_some_and(|last| last.severity == Severity::Error && last.reason.contains("more")));
}

#[test]
fn large_objects_are_judged() {
    let route = |number: usize| {
        json!({"match": [{"uri": {"prefix": format!("/{number}/")}, "headers": {"x": {"regex": "[a-z]+[0-9]{1,9}"}}}],
               "route": [{"destination": {"host": "a.shop.svc.cluster.local"}, "weight": 1}]})
    };
    let routes: Vec<Value> = (0..1500).map(route).collect();
    accepted(IstioKind::VirtualService, json!({"hosts": ["a"], "http": routes}));
    let regex = json!({"hosts": ["a"], "http": [{
        "match": [{"uri": {"regex": "(a".repeat(1 << 19)}}], "route": [{"destination": {"host": "a"}}],
    }]});
    refused(IstioKind::VirtualService, regex, "spec.http[0].match[0].uri.regex");
}

#[test]
fn hosts_that_are_left_out_are_warned_of() {
    let of = |hosts: usize, routes: usize| {
        let hosts: Vec<String> = (0..hosts).map(|number| format!("h{number}.test")).collect();
        let conditions: Vec<Value> =
            (0..routes).map(|n| json!({"headers": {format!("h{n}"): {"exact": "v"}}})).collect();
        json!({"hosts": hosts, "http": [{"match": conditions, "route": [{"destination": {"host": "a"}}]}]})
    };
    accepted(IstioKind::VirtualService, of(200, 500));
    doubted(IstioKind::VirtualService, of(201, 500), "spec.hosts");
}

#[test]
fn sizes_of_the_schema_are_kept() {
    refused(
        IstioKind::PeerAuthentication,
        json!({"selector": {"matchLabels": {"a": "b"}}, "portLevelMtls": {}}),
        "spec.portLevelMtls",
    );
    refused(IstioKind::WasmPlugin, json!({"url": "a", "imagePullSecret": ""}), "spec.imagePullSecret");
    refused(
        IstioKind::DestinationRule,
        json!({"host": "a", "trafficPolicy": {"tunnel": {"targetHost": "b.c"}}}),
        "spec.trafficPolicy.tunnel.targetPort",
    );
    let port = |target: Value| {
        json!({"hosts": ["a.b"], "resolution": "DNS",
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": target}]})
    };
    refused(IstioKind::ServiceEntry, port(json!(0)), "spec.ports[0].targetPort");
    accepted(IstioKind::ServiceEntry, port(json!(1)));
    accepted(IstioKind::ServiceEntry, port(Value::Null));
}

/// The reader takes more than the API server does; what validation accepts must be accepted by both.
#[test]
fn types_and_spellings_are_those_of_the_schema() {
    let of = |http: Value| json!({"hosts": ["a"], "http": [http]});
    let route = json!([{"destination": {"host": "a"}}]);
    refused(
        IstioKind::VirtualService,
        of(json!({"route": route, "mirror_percentage": {"value": 1}, "mirror": {"host": "b"}})),
        "spec.http[0].mirror_percentage",
    );
    refused(
        IstioKind::VirtualService,
        of(json!({"route": route, "match": [{"port": "80"}]})),
        "spec.http[0].match[0].port",
    );
    refused(
        IstioKind::VirtualService,
        of(json!({"route": route, "match": [{"ignoreUriCase": "yes"}]})),
        "spec.http[0].match[0].ignoreUriCase",
    );
    accepted(IstioKind::VirtualService, of(json!({"route": route, "match": [{"port": 80.0, "uri": null}]})));
    accepted(IstioKind::PeerAuthentication, Value::Null);
}
