//! What is below the objects of users: namespaces, pods and endpoints, and the settings of the mesh.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{dice::Dice, template, words};

static KNOWN: LazyLock<Vec<Value>> = LazyLock::new(base);

/// What each mesh has: the pods of the nodes, and what objects of `template.rs` lead to.
pub(super) fn known() -> &'static [Value] {
    &KNOWN
}

fn base() -> Vec<Value> {
    let mut all = template::beside();
    all.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ops"}}));
    for (namespace, name, ip, app) in
        [("shop", "web-1", "10.1.0.1", "web"), ("ops", "api-1", "10.1.0.2", "api"), ("shop", "db-1", "10.1.0.3", "db")]
    {
        let labels = json!({"app": app, "version": "v1", "security.istio.io/tlsMode": "istio"});
        all.push(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"serviceAccountName": app, "containers": [{"name": "app"}]},
            "status": {"podIP": ip, "podIPs": [{"ip": ip}], "phase": "Running",
                "conditions": [{"type": "Ready", "status": "True"}]}}));
        let of_service = json!({"kubernetes.io/service-name": app});
        all.push(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": format!("{app}-x"), "namespace": namespace, "labels": of_service},
            "addressType": "IPv4", "ports": (1..6).flat_map(ports).collect::<Vec<_>>(),
            "endpoints": [{"addresses": [ip], "targetRef": {"kind": "Pod", "name": name, "namespace": namespace}}]}));
    }
    all
}

/// The ports of a slice: whatever a service of `services.rs` may call its ports.
fn ports(at: usize) -> Vec<Value> {
    let protocols = ["http", "tcp", "tls", "https", "grpc", "x"];
    let numbers = [80, 443, 8080, 9000, 15006, 15090];
    let port = |(protocol, number): (&str, i32)| json!({"name": format!("{protocol}-{at}"), "port": number});
    protocols.into_iter().zip(numbers).map(port).collect()
}

/// A rule of traffic or of identity, or the settings of the mesh.
pub(super) fn policy(dice: &mut Dice, meta: &Value) -> Value {
    match dice.below(4) {
        0 => {
            let ports: serde_json::Map<String, Value> = dice
                .some(0, 3, |dice| (words::port(dice).to_string(), json!({"mode": mode(dice)})))
                .into_iter()
                .collect();
            let selector = json!({"matchLabels": words::labels(dice)});
            let spec = json!({"selector": selector, "mtls": {"mode": mode(dice)}, "portLevelMtls": ports});
            json!({"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": meta, "spec": spec})
        }
        1 => {
            let lines = [
                "outboundTrafficPolicy: {mode: REGISTRY_ONLY}",
                "outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}",
                "proxyHttpPort: 15080",
                "proxyHttpPort: 15090",
                "proxyListenPort: 80",
                "proxyListenPort: 15006",
                "proxyInboundListenPort: 9000",
                "proxyInboundListenPort: 15021",
                "protocolDetectionTimeout: 0s",
            ];
            let meta = json!({"name": "istio", "namespace": "istio-system"});
            let mesh = dice.some(0, 3, |dice| dice.pick(&lines)).join("\n");
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"mesh": mesh}})
        }
        _ => {
            let tls = dice.pick(&["DISABLE", "SIMPLE", "ISTIO_MUTUAL"]);
            let subsets =
                dice.some(0, 2, |dice| json!({"name": dice.pick(&["v1", "v2"]), "labels": {"version": "v1"}}));
            let spec = json!({"host": words::host(dice), "subsets": subsets, "trafficPolicy": {"tls": {"mode": tls}}});
            json!({"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": meta, "spec": spec})
        }
    }
}

fn mode(dice: &mut Dice) -> &'static str {
    dice.pick(&["STRICT", "PERMISSIVE", "DISABLE", "UNSET"])
}
