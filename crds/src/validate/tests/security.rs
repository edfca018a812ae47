//! The kinds of `security.istio.io`, `telemetry.istio.io` and `extensions.istio.io`.

use serde_json::{Value, json};

use super::{accepted, doubted, of, paths, refused};
use crate::kind::IstioKind;
use crate::validate::{Severity, object};

fn gateway(name: &str) -> Value {
    json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name})
}

#[test]
fn targets() {
    use IstioKind::AuthorizationPolicy as K;
    doubted(K, json!({"targetRefs": [gateway("a"), {"group": "", "kind": "Service", "name": "b"}]}), "spec.targetRefs");
    doubted(K, json!({"action": "CUSTOM", "provider": {"name": "a"}, "rules": [{}]}), "spec.action");
    refused(K, json!({"targetRefs": [gateway("")]}), "spec.targetRefs[0].name");
    refused(
        K,
        json!({"targetRefs": [{"group": "apps", "kind": "Deployment", "name": "x"}]}),
        "spec.targetRefs[0].kind",
    );
    refused(K, json!({"targetRef": gateway("a"), "targetRefs": [gateway("b")]}), "spec");
    let many: Vec<Value> = (0..17).map(|number| gateway(&format!("g{number}"))).collect();
    refused(K, json!({"targetRefs": many}), "spec.targetRefs");
    doubted(K, json!({"selector": {}}), "spec.selector.matchLabels");
}

#[test]
fn authorization_policy() {
    use IstioKind::AuthorizationPolicy as K;
    let from = |source: Value| json!({"rules": [{"from": [{"source": source}]}]});
    let to = |operation: Value| json!({"rules": [{"to": [{"operation": operation}]}]});
    let when = |key: &str, value: &str| json!({"rules": [{"when": [{"key": key, "values": [value]}]}]});
    accepted(K, from(json!({"ipBlocks": ["10.0.0.0/8", "::1"], "notNamespaces": ["x"]})));
    accepted(K, to(json!({"paths": ["/a/{*}/b", "/a/{**}", "/x*", "*y"], "ports": ["80"]})));
    accepted(K, when("request.auth.claims[iss]", "x"));
    accepted(K, when("experimental.envoy.filters.network.mysql_proxy[a.b]", "x"));
    refused(K, json!({"action": "DENY"}), "spec.rules");
    refused(K, json!({"action": "LOG"}), "spec.action");
    refused(K, from(json!({})), "spec.rules[0].from[0].source");
    refused(K, from(json!({"serviceAccounts": ["a/b/c"]})), "spec.rules[0].from[0].source.serviceAccounts[0]");
    refused(K, to(json!({"ports": ["0"]})), "spec.rules[0].to[0].operation.ports[0]");
    refused(K, to(json!({"paths": ["/{**}/{*}"]})), "spec.rules[0].to[0].operation.paths[0]");
    refused(K, to(json!({"paths": ["/{*}x"]})), "spec.rules[0].to[0].operation.paths[0]");
    refused(K, when("request.header[a]", "x"), "spec.rules[0].when[0].key");
    refused(K, when("request.headers[]", "x"), "spec.rules[0].when[0].key");
    refused(K, when("destination.port", "http"), "spec.rules[0].when[0].values[0]");
    doubted(K, json!({"action": "DENY", "rules": [{"to": [{"operation": {"methods": ["GET"]}}]}]}), "spec.rules[0]");
}

#[test]
fn trial_annotations() {
    let with = |kind: IstioKind, value: &str, spec: Value| {
        let mut policy = of(kind, spec);
        policy["metadata"]["annotations"] = json!({"istio.io/dry-run": value});
        paths(&object(&policy), Severity::Error).len()
    };
    assert_eq!(with(IstioKind::AuthorizationPolicy, "true", json!({})), 0);
    assert_eq!(with(IstioKind::AuthorizationPolicy, "yes", json!({})), 1);
    assert_eq!(with(IstioKind::AuthorizationPolicy, "true", json!({"action": "AUDIT"})), 1);
    assert_eq!(with(IstioKind::RequestAuthentication, "false", json!({})), 1);
}

#[test]
fn authentication() {
    use IstioKind::RequestAuthentication as K;
    let rule = |more: Value| json!({"jwtRules": [more]});
    accepted(K, rule(json!({"issuer": "a", "jwks_uri": "https://user@[::1]:8443/keys", "timeout": "1s"})));
    accepted(K, rule(json!({"issuer": "a", "jwks": "{\"keys\":[{\"kty\":\"EC\"}]}"})));
    refused(K, rule(json!({"issuer": "a", "jwks": "{}"})), "spec.jwtRules[0].jwks");
    refused(K, rule(json!({"issuer": "a", "jwksUri": "file:///a"})), "spec.jwtRules[0].jwksUri");
    refused(K, rule(json!({"issuer": "a", "jwksUri": "https:///a"})), "spec.jwtRules[0].jwksUri");
    refused(K, rule(json!({"issuer": "a", "fromParams": [""]})), "spec.jwtRules[0].fromParams[0]");
    refused(IstioKind::PeerAuthentication, json!({"portLevelMtls": {"80": {"mode": "STRICT"}}}), "spec.portLevelMtls");
    refused(
        IstioKind::PeerAuthentication,
        json!({"selector": {"matchLabels": {"a": "*"}}}),
        "spec.selector.matchLabels.a",
    );
}

#[test]
fn telemetry() {
    use IstioKind::Telemetry as K;
    accepted(K, json!({"accessLogging": [{"filter": {"expression": "response.code >= 400 && x['a)'] == \"(\""}}]}));
    refused(K, json!({"accessLogging": [{"filter": {"expression": "(a"}}]}), "spec.accessLogging[0].filter.expression");
    refused(
        K,
        json!({"metrics": [{"overrides": [{"tagOverrides": {"a": {"operation": "REMOVE", "value": "b"}}}]}]}),
        "spec.metrics[0].overrides[0].tagOverrides.a.value",
    );
    refused(K, json!({"tracing": [{"customTags": {"a": {}}}]}), "spec.tracing[0].customTags.a");
    refused(K, json!({"tracing": [{"providers": [{}]}]}), "spec.tracing[0].providers[0].name");
}

#[test]
fn extensions() {
    accepted(IstioKind::WasmPlugin, json!({"url": "registry.example/a/b:v1", "match": [{"ports": [{"number": 80}]}]}));
    refused(IstioKind::WasmPlugin, json!({"url": "gs://a/b"}), "spec.url");
    refused(IstioKind::WasmPlugin, json!({"url": "https://a/%zz"}), "spec.url");
    refused(
        IstioKind::WasmPlugin,
        json!({"url": "a", "vmConfig": {"env": [{"name": "A", "valueFrom": "HOST", "value": "b"}]}}),
        "spec.vmConfig.env[0].value",
    );
    refused(IstioKind::TrafficExtension, json!({}), "spec");
    refused(IstioKind::TrafficExtension, json!({"wasm": {"url": "a"}, "lua": {"inlineCode": "x"}}), "spec");
    refused(IstioKind::TrafficExtension, json!({"lua": {"inlineCode": "x".repeat(65_537)}}), "spec.lua.inlineCode");
}
