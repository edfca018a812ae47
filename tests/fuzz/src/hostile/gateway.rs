//! Gateways and Sidecars that ask for the same addresses, in several spellings.

use serde_json::{Value, json};

use super::{dice::Dice, words};

/// A Gateway.
pub(super) fn gateway(dice: &mut Dice, meta: &Value) -> Value {
    let mut at = 0;
    let servers = dice.some(1, 5, |dice| {
        at += 1;
        let hosts: Vec<String> = words::hosts(dice).into_iter().map(|host| in_some_namespace(dice, host)).collect();
        let mut port = words::named_port(dice, at);
        let mut server = json!({"hosts": hosts, "bind": words::bind(dice)});
        let is_tls = ["HTTPS", "TLS"].contains(&port["protocol"].as_str().unwrap_or_default());
        if is_tls || dice.once_in(4) {
            let mode =
                dice.pick(&["SIMPLE", "PASSTHROUGH", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "MUTUAL", "OPTIONAL_MUTUAL"]);
            server["tls"] = json!({"mode": mode});
            if ["SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL"].contains(&mode) {
                server["tls"]["credentialName"] = json!("cert");
            }
        }
        if dice.once_in(8) {
            server["tls"] = json!({"httpsRedirect": true});
            port["protocol"] = json!("HTTP");
        }
        server["port"] = port;
        server
    });
    let spec = json!({"selector": {"istio": "ingressgateway"}, "servers": servers});
    json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": meta, "spec": spec})
}

/// A Sidecar.
pub(super) fn sidecar(dice: &mut Dice, meta: &Value) -> Value {
    let mut at = 0;
    let egress = dice.some(0, 4, |dice| {
        at += 1;
        let hosts = dice.some(1, 3, |dice| {
            let host = if dice.once_in(2) { "*" } else { words::host(dice) };
            format!("{}/{host}", dice.pick(&["*", ".", "shop", "ops"]))
        });
        let mut listener = json!({"hosts": hosts, "captureMode": capture(dice)});
        if !dice.once_in(3) {
            listener["port"] = words::named_port(dice, at);
            listener["bind"] = json!(words::bind(dice));
            if dice.once_in(5) {
                listener["port"]["protocol"] = json!("HTTP_PROXY");
            }
        }
        listener
    });
    let ingress = dice.some(0, 3, |dice| {
        at += 1;
        json!({"port": words::named_port(dice, at), "bind": words::bind(dice), "captureMode": capture(dice),
            "defaultEndpoint": dice.pick(&["127.0.0.1:8080", "0.0.0.0:9000", "unix:///tmp/app", ""])})
    });
    let mut spec = json!({"egress": egress, "ingress": ingress});
    if dice.once_in(2) {
        spec["workloadSelector"] = json!({"labels": words::labels(dice)});
    }
    if dice.once_in(4) {
        spec["outboundTrafficPolicy"] = json!({"mode": "REGISTRY_ONLY"});
    }
    json!({"apiVersion": "networking.istio.io/v1", "kind": "Sidecar", "metadata": meta, "spec": spec})
}

fn capture(dice: &mut Dice) -> &'static str {
    dice.pick(&["DEFAULT", "IPTABLES", "NONE", "DEFAULT"])
}

fn in_some_namespace(dice: &mut Dice, host: &str) -> String {
    match dice.below(5) {
        0 => format!("shop/{host}"),
        1 => format!("ops/{host}"),
        2 => format!("./{host}"),
        _ => host.to_owned(),
    }
}
