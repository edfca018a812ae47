//! Many cases in one bootstrap, which takes Envoy little more time than one. Clusters and endpoints that several cases
//! share are looked at once. What Envoy would compare among cases is told apart by a prefix for each case: names of
//! listeners, DNS caches, and addresses, of which equal ones of one case stay equal.
//!
//! Listeners may name clusters that the bootstrap has under another name: Envoy does not look for them, but the lint
//! has.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use heddle_fuzz::hostile::Case;
use heddle_tests::envoy::{self, Config};
use heddle_xds_api::{Resource, TypeUrl, json};
use serde_json::{Value, json};

/// The cache that clusters and filters of one proxy share.
const DNS_CACHE: &str = "allow_any_dfp_dns_cache";

/// The cases that Envoy refuses, each with its reason: halves of a batch are asked about until one case is left.
pub(crate) fn refused(cases: &[Case]) -> Result<Vec<(String, String)>> {
    let Some(said) = asked(cases)? else { return Ok(Vec::new()) };
    if let [case] = cases {
        return Ok(vec![(case.name.clone(), said)]);
    }
    let (one, other) = cases.split_at(cases.len() / 2);
    let found = [refused(one)?, refused(other)?].concat();
    if found.is_empty() {
        let names: Vec<&str> = cases.iter().map(|case| &*case.name).collect();
        bail!("Envoy refuses some cases together, and none of them alone: {names:?}: {said}");
    }
    Ok(found)
}

/// Envoy's words, if it refuses some of these.
fn asked(cases: &[Case]) -> Result<Option<String>> {
    if cases.is_empty() {
        return Ok(None);
    }
    let config = Config { name: "all".to_owned(), bootstrap: bootstrap(cases)? };
    Ok(envoy::validate(&[config])?.pop().map(|(_, said)| said))
}

fn bootstrap(cases: &[Case]) -> Result<Value> {
    let mut whole = json!({});
    let (mut clusters, mut listeners) = (Clusters::default(), Vec::new());
    let mut addresses = Addresses::default();
    for (at, case) in cases.iter().enumerate() {
        let mut one = of_listeners(case).with_context(|| case.name.clone())?;
        for type_url in [TypeUrl::Cluster, TypeUrl::Endpoint] {
            case.set.typed(type_url).iter().try_for_each(|resource| clusters.add(at, type_url, resource))?;
        }
        let mut own = of_agent(&case.node);
        own.extend(one["static_resources"]["listeners"].as_array_mut().into_iter().flatten().map(Value::take));
        for mut listener in own {
            listener["name"] = json!(format!("{at}.{}", listener["name"].as_str().unwrap_or_default()));
            rename_cache(&mut listener, at);
            addresses.move_apart(at, &mut listener);
            listeners.push(listener);
        }
        if at == 0 {
            clusters.all.extend(one["static_resources"]["clusters"].as_array().into_iter().flatten().cloned());
            whole = one;
        }
    }
    whole["static_resources"] = json!({"clusters": clusters.all, "listeners": listeners});
    Ok(whole)
}

/// A bootstrap with the listeners of a case and their routes.
fn of_listeners(case: &Case) -> Result<Value> {
    let of = |type_url| case.set.typed(type_url).iter().map(|one| to_json(one)).collect::<Result<Vec<_>>>();
    let resources = json!({"listeners": of(TypeUrl::Listener)?, "routes": of(TypeUrl::Route)?});
    envoy::from_resources(&case.node, &resources)
}

fn to_json(resource: &Resource) -> Result<Value> {
    let mut value = json::to_json(&resource.to_any())?;
    value.as_object_mut().map(|members| members.remove("@type"));
    Ok(value)
}

/// Clusters of all cases, those with one content once.
#[derive(Default)]
struct Clusters {
    all: Vec<Value>,
    known: BTreeSet<(TypeUrl, Arc<str>, u64)>,
    /// How many clusters have a name.
    named: BTreeMap<Arc<str>, usize>,
}

impl Clusters {
    fn add(&mut self, case: usize, type_url: TypeUrl, resource: &Resource) -> Result<()> {
        if !self.known.insert((type_url, resource.name().clone(), resource.version())) {
            return Ok(());
        }
        let mut value = to_json(resource)?;
        if type_url == TypeUrl::Endpoint {
            // Static resources have endpoints in clusters only.
            value = json!({"type": "STATIC", "connectTimeout": "1s", "loadAssignment": value});
        }
        rename_cache(&mut value, case);
        let count = self.named.entry(resource.name().clone()).or_default();
        *count += 1;
        value["name"] =
            json!(if *count == 1 { resource.name().to_string() } else { format!("{count}.{}", resource.name()) });
        self.all.push(value);
        Ok(())
    }
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

fn rename_cache(value: &mut Value, case: usize) {
    match value {
        Value::String(text) if text == DNS_CACHE => *text = format!("{case}.{DNS_CACHE}"),
        Value::Object(members) => members.values_mut().for_each(|inner| rename_cache(inner, case)),
        Value::Array(elements) => elements.iter_mut().for_each(|inner| rename_cache(inner, case)),
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
