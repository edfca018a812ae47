//! Many cases in one bootstrap. What the cases would share is told apart by a prefix for each case: names of clusters
//! and listeners, caches, and addresses, of which equal ones of one case stay equal.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, Result};
use heddle_fuzz::hostile::Case;
use heddle_tests::envoy::{self, Config};
use serde_json::{Value, json};

/// Clusters of the bootstrap, which all cases share.
const SHARED: [&str; 3] = ["xds-grpc", "sds-grpc", "prometheus_stats"];
/// The cache that clusters and filters of one proxy share.
const DNS_CACHE: &str = "allow_any_dfp_dns_cache";

/// The cases that Envoy refuses, each with its reason.
pub(crate) fn refused(cases: &[Case]) -> Result<Vec<(String, String)>> {
    if cases.is_empty() || envoy::validate(&[bootstrap("all", cases)?])?.is_empty() {
        return Ok(Vec::new());
    }
    let alone =
        cases.iter().map(|case| bootstrap(&case.name, std::slice::from_ref(case))).collect::<Result<Vec<_>>>()?;
    let refused = envoy::validate(&alone)?;
    anyhow::ensure!(!refused.is_empty(), "Envoy refuses some cases together, and none of them alone");
    Ok(refused)
}

fn bootstrap(name: &str, cases: &[Case]) -> Result<Config> {
    let (mut clusters, mut listeners) = (Vec::new(), Vec::new());
    let mut addresses = Addresses::default();
    let mut whole = json!({});
    for (at, case) in cases.iter().enumerate() {
        let mut one = envoy::from_resources(&case.node, &case.resources).with_context(|| case.name.clone())?;
        let of_kind = |kind: &str| one["static_resources"][kind].as_array().cloned().unwrap_or_default();
        let (mut own_clusters, mut own_listeners) = (of_kind("clusters"), of_kind("listeners"));
        own_clusters.retain(|cluster| at == 0 || !SHARED.iter().any(|shared| cluster["name"] == *shared));
        own_clusters.extend(assigned(&case.resources));
        own_listeners.splice(0..0, of_agent(&case.node));
        let names = renamed(&own_clusters, &own_listeners);
        let prefix = format!("{at}.");
        for value in own_clusters.iter_mut().chain(&mut own_listeners) {
            rename(value, &names, &prefix);
        }
        for listener in &mut own_listeners {
            addresses.move_apart(at, listener);
        }
        clusters.extend(own_clusters);
        listeners.extend(own_listeners);
        one["static_resources"] = Value::Null;
        whole = one;
    }
    whole["static_resources"] = json!({"clusters": clusters, "listeners": listeners});
    Ok(Config { name: name.to_owned(), bootstrap: whole })
}

/// Assignments of endpoints, which static resources have in clusters only.
fn assigned(resources: &Value) -> Vec<Value> {
    let cluster = |(at, assignment): (usize, &Value)| {
        json!({"name": format!("endpoints-{at}"), "type": "STATIC", "connectTimeout": "1s",
            "loadAssignment": assignment})
    };
    resources["endpoints"].as_array().into_iter().flatten().enumerate().map(cluster).collect()
}

/// The listeners that the agent's bootstrap has.
fn of_agent(node: &Value) -> Vec<Value> {
    let port = |name: &str, default: u16| node["metadata"][name].as_str().map_or(default, |port| port.parse().unwrap());
    let listener = |(name, port): (&str, u16)| {
        let filter = json!({"name": "envoy.filters.network.tcp_proxy", "typedConfig": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "statPrefix": name, "cluster": "xds-grpc"}});
        json!({"name": name, "address": {"socketAddress": {"address": "0.0.0.0", "portValue": port}},
            "filterChains": [{"filters": [filter]}]})
    };
    let ports = [("readiness", port("ENVOY_STATUS_PORT", 15021)), ("prometheus", port("ENVOY_PROMETHEUS_PORT", 15090))];
    ports.into_iter().map(listener).collect()
}

fn renamed(clusters: &[Value], listeners: &[Value]) -> BTreeSet<String> {
    let names = clusters.iter().chain(listeners).filter_map(|value| value["name"].as_str());
    names.filter(|name| !SHARED.contains(name)).chain([DNS_CACHE]).map(str::to_owned).collect()
}

fn rename(value: &mut Value, names: &BTreeSet<String>, prefix: &str) {
    match value {
        Value::String(text) if names.contains(text.as_str()) => text.insert_str(0, prefix),
        Value::Object(fields) => fields.values_mut().for_each(|inner| rename(inner, names, prefix)),
        Value::Array(items) => items.iter_mut().for_each(|inner| rename(inner, names, prefix)),
        _ => {}
    }
}

/// Addresses of listeners by case, each with the one that takes its place.
#[derive(Default)]
struct Addresses(BTreeMap<(usize, IpAddr), u32>);

impl Addresses {
    fn move_apart(&mut self, case: usize, listener: &mut Value) {
        let additional = listener["additionalAddresses"].as_array().map_or(0, Vec::len);
        let pointers =
            (0..additional).map(|at| format!("/additionalAddresses/{at}/address")).chain(["/address".into()]);
        for pointer in pointers.collect::<Vec<_>>() {
            let Some(address) = listener.pointer_mut(&pointer) else { continue };
            if let Some(path) = address["pipe"]["path"].as_str() {
                address["pipe"]["path"] = json!(format!("/tmp/{case}{path}"));
            }
            let ip = address["socketAddress"]["address"].as_str().and_then(|text| text.parse::<IpAddr>().ok());
            if let Some(ip) = ip {
                let next = u32::try_from(self.0.len()).unwrap() + 1;
                let number = *self.0.entry((case, ip)).or_insert(next);
                let moved = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + number);
                address["socketAddress"]["address"] = json!(moved.to_string());
            }
        }
    }
}
