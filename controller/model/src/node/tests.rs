//! Tests of reading Envoy's Node.

use serde_json::json;

use super::*;

#[test]
fn a_full_node_is_read() {
    let node = json!({
        "id": "router~10.0.0.9~edge-1.web~web.svc.cluster.local",
        "metadata": {
            "NAMESPACE": "web", "SERVICE_ACCOUNT": "edge", "INSTANCE_IPS": "10.0.0.1,fd00::1", "HTTP10": "1",
            "LABELS": {"app": "edge", "v": "1"}, "STATIC_LABELS": {"v": "2"}, "INTERCEPTION_MODE": "NONE",
            "ISTIO_VERSION": "1.27.1",
            "HTTP_PROXY_PORT": 15080, "DNS_CAPTURE": "true", "IDLE_TIMEOUT": "1m30s", "TLS_SERVER_KEY": "/k.pem",
        },
        "locality": {"region": "r", "zone": "z", "subZone": "s"},
        "userAgentBuildVersion": {"version": {"majorNumber": 1, "minorNumber": 40}},
        "extensions": [{"name": "istio.alpn"}, {"name": "istio.stats", "disabled": true},
            {"name": "envoy.wasm.runtime.v8"}],
    });
    let proxy = proxy(&node).unwrap();
    assert_eq!(proxy.kind, ProxyKind::Gateway);
    assert_eq!((&*proxy.name, &*proxy.namespace, &*proxy.service_account), ("edge-1", "web", "edge"));
    assert_eq!((&*proxy.short_id, &*proxy.istio_version), ("edge-1.web", "1.27.1"));
    assert_eq!(proxy.addresses.len(), 2);
    assert_eq!(proxy.labels.get("v").map(|v| &**v), Some("2"));
    assert_eq!(proxy.interception, Interception::None);
    assert_eq!((proxy.http_proxy_port, proxy.idle_timeout_seconds), (15080, 90));
    assert!(proxy.http10 && proxy.dns_capture && !proxy.unprivileged);
    assert_eq!(proxy.locality.to_string(), "r/z/s");
    assert_eq!(proxy.can.version, (1, 40, 0));
    assert!(proxy.can.has("istio.alpn") && !proxy.can.has("istio.stats"));
    assert_eq!(proxy.can.extensions.len(), 1, "nobody asks for the others");
    assert_eq!(proxy.tls_files.len(), 1);
}

#[test]
fn the_domain_names_the_namespace_where_the_metadata_does_not() {
    let proxy = proxy(&json!({"id": "sidecar~::1~a.b.shop~shop.svc.x"})).unwrap();
    assert_eq!((&*proxy.name, &*proxy.namespace, &*proxy.domain), ("a.b", "shop", "shop.svc.x"));
}

/// The class of CVE-2026-31838: a name means the proxy of that namespace, whatever another one calls itself.
#[test]
fn a_proxy_is_named_after_the_namespace_that_it_is_of() {
    let named = |id: &str, namespace: &str| {
        let node = json!({"id": id, "metadata": {"NAMESPACE": namespace}});
        proxy(&node).unwrap().short_id
    };
    assert_eq!(&*named("sidecar~1.1.1.1~vault-1.bank~bank.svc.x", "bank"), "vault-1.bank");
    assert_eq!(&*named("sidecar~1.1.1.1~vault-1.bank~bank.svc.x", "evil"), "vault-1.bank.evil");
    assert_eq!(&*named("sidecar~1.1.1.1~vault-1~bank.svc.x", "bank"), "vault-1.bank");
}

#[test]
fn an_address_list_with_one_bad_entry_does_not_count() {
    let id = "sidecar~10.0.0.1~a.b~b.svc.x";
    let proxy = proxy(&json!({"id": id, "metadata": {"INSTANCE_IPS": "10.0.0.2,nonsense"}})).unwrap();
    assert_eq!(proxy.addresses, ["10.0.0.1".parse::<IpAddr>().unwrap()]);
}

#[test]
fn a_node_without_type_or_address_is_refused() {
    let refused = |id: &str| proxy(&json!({ "id": id })).unwrap_err();
    assert_eq!(proxy(&json!({})), Err(NodeError::Missing));
    assert_eq!(refused(""), NodeError::Missing);
    for id in ["sidecar~1.1.1.1~a.b~b\nINFO heddled: fine", "sidecar~1.1.1.1~a.b~b\u{1b}[2J"] {
        assert_eq!(refused(id), NodeError::Id);
    }
    assert_eq!(refused(&"~".repeat(1025)), NodeError::Id);
    assert!(matches!(refused("sidecar~1.1.1.1~a"), NodeError::Parts(_)));
    assert!(matches!(refused("sidecar~1.1.1.1~a~b~c"), NodeError::Parts(_)));
    assert!(matches!(refused("toaster~1.1.1.1~a.b~b"), NodeError::Type(_)));
    assert!(matches!(refused("sidecar~x~a.b~b"), NodeError::Address(_)));
}

#[test]
fn proxyless_grpc_is_refused_by_name() {
    let node =
        |generator: &str| proxy(&json!({"id": "sidecar~1.1.1.1~a.b~b.svc.x", "metadata": {"GENERATOR": generator}}));
    assert_eq!(node("grpc"), Err(NodeError::Proxyless));
    assert!(node("event").is_ok());
}
