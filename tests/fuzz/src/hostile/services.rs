//! Services and entries that share ports, addresses and hosts.

use serde_json::{Value, json};

use super::{dice::Dice, words};

const ADDRESSES: &[&str] = &["10.96.0.1", "10.96.0.7", "10.9.0.0/16", "10.0.0.0/8", "fd00::7", "240.0.0.1", "0.0.0.0"];
const ENDPOINTS: &[&str] = &["10.1.0.1", "10.1.0.7", "127.0.0.1", "fd00::2", "vm.example.com", "unix:///tmp/x"];
const RESOLUTIONS: &[&str] = &["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"];

/// A Kubernetes Service.
pub(super) fn service(dice: &mut Dice, meta: &Value) -> Value {
    let ip = dice.pick(&["10.96.0.1", "10.96.0.7", "None", "", "fd00::7"]);
    let mut at = 0;
    let ports = dice.some(1, 5, |dice| {
        at += 1;
        let protocol = dice.pick(&["http", "http2", "grpc", "https", "tls", "tcp", "mongo", "x", "grpc-web"]);
        let mut port = json!({"name": format!("{protocol}-{at}"), "port": words::port(dice)});
        if dice.once_in(3) {
            port["targetPort"] = json!(words::port(dice));
        }
        port
    });
    let mut spec = json!({"clusterIP": ip, "selector": words::labels(dice), "ports": ports});
    if dice.once_in(6) {
        spec["type"] = json!("ExternalName");
        spec["externalName"] = json!(words::host(dice));
    }
    json!({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
}

/// A ServiceEntry.
pub(super) fn entry(dice: &mut Dice, meta: &Value) -> Value {
    let mut at = 0;
    let ports = dice.some(1, 4, |dice| {
        at += 1;
        let mut port = words::named_port(dice, at);
        if dice.once_in(4) {
            port["targetPort"] = json!(words::port(dice));
        }
        port
    });
    let hosts = dice.some(1, 3, words::host);
    let mut spec = json!({"hosts": hosts, "ports": ports, "resolution": dice.pick(RESOLUTIONS)});
    if dice.once_in(2) {
        spec["addresses"] = json!(dice.some(1, 2, |dice| dice.pick(ADDRESSES)));
    }
    if dice.once_in(2) {
        spec["endpoints"] = json!(dice.some(1, 3, |dice| {
            let locality = dice.pick(&["eu/a", "us", ""]);
            json!({"address": dice.pick(ENDPOINTS), "weight": dice.below(3), "locality": locality})
        }));
    } else if dice.once_in(4) {
        spec["workloadSelector"] = json!({"labels": words::labels(dice)});
    }
    if dice.once_in(2) {
        spec["location"] = json!(dice.pick(&["MESH_EXTERNAL", "MESH_INTERNAL"]));
    }
    if dice.once_in(4) {
        spec["exportTo"] = json!([dice.pick(&[".", "*", "ops"])]);
    }
    json!({"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": meta, "spec": spec})
}
