//! Reads values in the forms of `istioctl`: below the key `values`, or in an `IstioOperator` object.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::chart;

/// The keys that the charts have below `pilot`, too.
const OF_PILOT: [&str; 3] = ["env", "cni", "crlConfigMapName"];
/// Keys of an `IstioOperator` that have no effect.
const UNREAD: [&str; 5] =
    ["namespace", "installPackagePath", "addonComponents", "unvalidatedValues", "compatibilityVersion"];
/// The components of `istioctl`. Only the first two are read.
const COMPONENTS: [&str; 6] = ["base", "pilot", "cni", "ztunnel", "istiodRemote", "proxy"];
/// The keys of a component. Only the first one is read.
const OF_COMPONENT: [&str; 7] = ["enabled", "k8s", "namespace", "hub", "tag", "spec", "label"];

/// The values of a file or of the command line, with the key names of our charts.
pub(super) fn values(mut given: Value, warnings: &mut Vec<String>) -> Value {
    let is_operator = given["kind"] == "IstioOperator";
    if is_operator {
        given = given["spec"].take();
    }
    let Some(map) = given.as_object_mut() else { return json!({}) };
    let is_operator = is_operator || map.contains_key("values");
    for key in UNREAD.into_iter().filter(|_| is_operator) {
        if map.remove(key).is_some() {
            warnings.push(format!("{key} of the IstioOperator has no effect"));
        }
    }
    for key in ["hub", "tag"].into_iter().filter(|_| is_operator) {
        if map.remove(key).is_some() {
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
    // istioctl has these values below `pilot`. The charts have most of them at the top.
    for (key, value) in
        out["pilot"].as_object().cloned().into_iter().flatten().filter(|(key, _)| !OF_PILOT.contains(&key.as_str()))
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

/// Refuses unknown components, and names what has no effect of the known ones.
pub(super) fn check_components(components: &Value, warnings: &mut Vec<String>) -> Result<()> {
    for (name, component) in components.as_object().into_iter().flatten() {
        let place = format!("components.{name}");
        ensure!(
            COMPONENTS.contains(&name.as_str()),
            "{place} is unknown; the components are {}, ingressGateways and egressGateways",
            COMPONENTS.join(", ")
        );
        for (key, value) in component.as_object().into_iter().flatten() {
            ensure!(
                OF_COMPONENT.contains(&key.as_str()),
                "{place}.{key} is unknown; the keys are {}",
                OF_COMPONENT.join(", ")
            );
            let is_read = ["base", "pilot"].contains(&name.as_str());
            if key == "enabled" && *value == true && !is_read {
                warnings.push(format!("{place} has no effect: Heddle has no such component"));
            } else if key != "enabled" {
                warnings.push(format!("{place}.{key} has no effect; set the values of the charts"));
            }
        }
    }
    Ok(())
}
