//! The platform's own kinds, which have no schema here: each written as the platform writes it, with a few choices.

use serde_json::{Value, json};

use super::bytes::Bytes;
use super::word;

/// How many there are.
pub(crate) const KINDS: usize = 7;

/// One of them. `meta` is taken where the kind has a name of its own choosing.
pub(crate) fn object(kind: usize, meta: Value, bytes: &mut Bytes<'_>) -> Value {
    let (api_version, name, mut object) = match kind {
        0 => ("v1", "Service", service(bytes)),
        1 => ("discovery.k8s.io/v1", "EndpointSlice", slice(bytes)),
        2 => ("v1", "Pod", pod(bytes)),
        3 => ("v1", "Secret", secret(bytes)),
        4 => ("v1", "Namespace", json!({})),
        5 => ("v1", "Node", json!({})),
        _ => ("v1", "ConfigMap", mesh_config(bytes)),
    };
    object["apiVersion"] = json!(api_version);
    object["kind"] = json!(name);
    object["metadata"] = match kind {
        6 => json!({"name": "istio", "namespace": "istio-system"}),
        4 => json!({"name": meta["namespace"]}),
        5 => json!({"name": bytes.pick(&["n1", "n2"])}),
        _ => meta,
    };
    if let Some(labels) = object.as_object_mut().and_then(|object| object.remove("labels")) {
        object["metadata"]["labels"] = labels;
    } else if kind != 6 {
        object["metadata"]["labels"] = labels(bytes);
    }
    if bytes.flag() {
        object["metadata"]["annotations"] = annotations(bytes);
    }
    object
}

fn service(bytes: &mut Bytes<'_>) -> Value {
    let ip = bytes.pick(&["10.96.0.7", "None", "10.96.0.1", "", "fd00::7", "x"]);
    let mut spec = json!({"clusterIP": ip, "selector": labels(bytes), "ports": ports(bytes)});
    match bytes.below(6) {
        1 => {
            spec["type"] = json!("ExternalName");
            spec["externalName"] = json!(word::text("host", bytes));
        }
        2 => spec["internalTrafficPolicy"] = json!("Local"),
        3 => spec["sessionAffinity"] = json!("ClientIP"),
        4 => spec["trafficDistribution"] = json!(bytes.pick(&["PreferClose", "PreferSameNode", "PreferSameZone", "x"])),
        5 => spec["clusterIPs"] = json!(["10.96.0.7", "fd00::7"]),
        _ => {}
    }
    json!({"spec": spec})
}

fn ports(bytes: &mut Bytes<'_>) -> Value {
    let port = |bytes: &mut Bytes<'_>| {
        let mut port = json!({"name": word::text("name", bytes), "port": word::integer("port", bytes)});
        match bytes.below(4) {
            1 => port["targetPort"] = word::integer("port", bytes),
            2 => port["appProtocol"] = json!(bytes.pick(&["http", "tcp", "kubernetes.io/h2c", "https", "x", ""])),
            3 => port["protocol"] = json!(bytes.pick(&["TCP", "UDP", "SCTP"])),
            _ => {}
        }
        port
    };
    json!((0..=bytes.below(3)).map(|_| port(bytes)).collect::<Vec<_>>())
}

fn slice(bytes: &mut Bytes<'_>) -> Value {
    let owner = bytes.pick(&["web", "api", "a", ""]);
    let endpoint = |bytes: &mut Bytes<'_>| {
        let mut endpoint = json!({"addresses": [word::text("address", bytes)]});
        match bytes.below(5) {
            1 => {
                endpoint["conditions"] =
                    json!({"ready": bytes.flag(), "serving": bytes.flag(), "terminating": bytes.flag()});
            }
            2 => endpoint["nodeName"] = json!(bytes.pick(&["n1", "n2", "n3"])),
            3 => {
                endpoint["targetRef"] =
                    json!({"kind": "Pod", "name": bytes.pick(&["web", "api", "a"]), "namespace": "shop"});
            }
            4 => endpoint["hints"] = json!({"forZones": [{"name": "a"}]}),
            _ => {}
        }
        endpoint
    };
    let endpoints: Vec<Value> = (0..bytes.below(4)).map(|_| endpoint(bytes)).collect();
    let kind = bytes.pick(&["IPv4", "IPv6", "FQDN"]);
    let labels = json!({"kubernetes.io/service-name": owner});
    json!({"labels": labels, "addressType": kind, "ports": ports(bytes), "endpoints": endpoints})
}

fn pod(bytes: &mut Bytes<'_>) -> Value {
    let ip = word::text("address", bytes);
    let ready = bytes.pick(&["True", "False"]);
    let phase = bytes.pick(&["Running", "Pending", "Succeeded", ""]);
    let ports = json!([{"containerPort": word::integer("port", bytes), "name": "http"}]);
    let spec = json!({"serviceAccountName": bytes.pick(&["web", "api", ""]), "nodeName": bytes.pick(&["n1", "n2", ""]),
        "containers": [{"name": "app", "ports": ports}]});
    let conditions = json!([{"type": "Ready", "status": ready}]);
    let status = json!({"podIP": ip, "podIPs": [{"ip": ip}], "phase": phase, "conditions": conditions});
    json!({"spec": spec, "status": status})
}

fn secret(bytes: &mut Bytes<'_>) -> Value {
    // "x", no base64, nothing.
    let text = |bytes: &mut Bytes<'_>| bytes.pick(&["eA==", "!", "", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="]);
    let names =
        [["tls.crt", "tls.key", "ca.crt"], ["cert", "key", "cacert"], ["tls.crt", "tls.key", "tls.ocsp-staple"]];
    let [one, two, three] = bytes.pick(&names);
    let kind = bytes.pick(&["kubernetes.io/tls", "Opaque"]);
    json!({"type": kind, "data": {one: text(bytes), two: text(bytes), three: text(bytes)}})
}

/// The mesh's settings, as text in YAML.
fn mesh_config(bytes: &mut Bytes<'_>) -> Value {
    let mut lines = String::new();
    for _ in 0..bytes.below(5) {
        let choices = [
            "outboundTrafficPolicy: {mode: REGISTRY_ONLY}",
            "outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}",
            "enableAutoMtls: false",
            "accessLogFile: /dev/stdout",
            "accessLogFormat: '%REQ(:path)% %'",
            "trustDomain: other.local",
            "defaultVirtualServiceExportTo: ['.']",
            "defaultServiceExportTo: ['~']",
            "rootNamespace: shop",
            "connectTimeout: 0s",
            "protocolDetectionTimeout: 99999999999s",
            "proxyHttpPort: 15080",
            "proxyListenPort: 80",
            "localityLbSetting: {distribute: [{from: 'eu/*', to: {'us/*': 100}}]}",
            "dnsRefreshRate: 1ns",
            "pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}",
            "defaultConfig: {holdApplicationUntilProxyStarts: true, tracing: {sampling: 1000}}",
            "outboundClusterStatName: '%SERVICE%_%'",
        ];
        let line = choices[bytes.below(choices.len())];
        // A format that Envoy refuses is no matter of objects that meet.
        lines.push_str(if bytes.is_tame() && line.contains('%') { "" } else { line });
        lines.push('\n');
    }
    json!({"data": {"mesh": lines}})
}

fn labels(bytes: &mut Bytes<'_>) -> Value {
    match bytes.below(6) {
        0 => json!({"app": "web"}),
        1 => json!({"app": "api", "version": "v1"}),
        2 => json!({"app": "web", "version": "v2", "security.istio.io/tlsMode": "istio"}),
        3 => json!({"istio": "ingressgateway"}),
        4 => json!({"topology.kubernetes.io/region": "us", "topology.istio.io/network": "n"}),
        _ => json!({}),
    }
}

fn annotations(bytes: &mut Bytes<'_>) -> Value {
    let keys = ["networking.istio.io/exportTo", "sidecar.istio.io/inject", "networking.istio.io/traffic-distribution"];
    json!({(bytes.pick(&keys)): word::text("export", bytes)})
}
