//! Reads values in the forms of `istioctl`: below the key `values`, or in an `IstioOperator` object.

use serde_json::{Value, json};

use crate::chart;

/// The values of a file or of the command line, with the key names of our charts.
pub(super) fn values(mut given: Value, warnings: &mut Vec<String>) -> Value {
    if given["kind"] == "IstioOperator" {
        given = given["spec"].take();
    }
    let Some(map) = given.as_object_mut() else { return json!({}) };
    for key in ["hub", "tag"] {
        if map.get("values").is_some() && map.remove(key).is_some() {
            warnings.push(format!(
                "{key} of the IstioOperator selects Istio's images and is ignored; set global.{key} for Heddle's images"
            ));
        }
    }
    let below = map.remove("values").unwrap_or_else(|| json!({}));
    let gateways = map
        .get_mut("components")
        .and_then(Value::as_object_mut)
        .map(|components| [components.remove("ingressGateways"), components.remove("egressGateways")]);
    let mut out = chart::layer(&below, &given);
    // istioctl has these values below `pilot`. The charts have them at the top, except `env` and `cni`.
    for (key, value) in
        out["pilot"].as_object().cloned().into_iter().flatten().filter(|(key, _)| key != "env" && key != "cni")
    {
        out = chart::layer(&out, &json!({key.as_str(): value}));
        if let Some(pilot) = out["pilot"].as_object_mut() {
            pilot.remove(&key);
        }
    }
    for gateway in gateways.into_iter().flatten().flatten().filter_map(|list| list.as_array().cloned()).flatten() {
        let Some(name) = gateway["name"].as_str() else { continue };
        out = chart::layer(&out, &json!({"gateways": {name: {"enabled": gateway["enabled"] == true}}}));
        if !gateway["k8s"].is_null() {
            warnings
                .push(format!("k8s of the gateway {name} is ignored; set the values of the chart at gateways.{name}"));
        }
    }
    out
}
