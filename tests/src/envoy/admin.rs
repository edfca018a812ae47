//! Envoy's admin interface, asked from outside.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

use crate::cluster::node::PodNetwork;
use crate::http::Call;

/// The parts of a dump that say what is used: our name for one, its list, and where in an entry the thing and its name
/// are.
const SECTIONS: [(&str, &str, &str, &str); 3] = [
    ("clusters", "dynamic_active_clusters", "/cluster", "name"),
    ("listeners", "dynamic_listeners", "/active_state/listener", "name"),
    ("routes", "dynamic_route_configs", "/route_config", "name"),
];

/// Where an Envoy's admin interface listens, and what one asks it.
#[derive(Clone, Debug)]
pub struct Admin {
    address: SocketAddr,
    /// The pod that it must be asked from within.
    pod_network: Option<PodNetwork>,
}

impl Admin {
    /// One that can be reached from here.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self { address, pod_network: None }
    }

    /// That of the sidecar or gateway of a pod.
    #[must_use]
    pub fn of_pod(pod_network: PodNetwork) -> Self {
        Self { address: SocketAddr::from(([127, 0, 0, 1], 15000)), pod_network: Some(pod_network) }
    }

    /// `/config_dump`, with endpoints.
    pub async fn config_dump(&self) -> Result<Value> {
        self.json("/config_dump?include_eds").await
    }

    /// `/clusters`: hosts with their health.
    pub async fn clusters(&self) -> Result<Value> {
        self.json("/clusters?format=json").await
    }

    /// `/listeners`: the names and the addresses really bound.
    pub async fn listeners(&self) -> Result<Value> {
        self.json("/listeners?format=json").await
    }

    /// The counter or gauge `name`; none when Envoy has not made it yet.
    pub async fn stat(&self, name: &str) -> Result<Option<u64>> {
        let body = self.get(&format!("/stats?filter=^{}$", regex_literal(name))).await?;
        Ok(body
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| *key == name)
            .and_then(|(_, value)| value.parse().ok()))
    }

    /// The active cluster of that name as configured, with its version; none while it is missing or warming.
    pub async fn active_cluster(&self, name: &str) -> Result<Option<Value>> {
        let dump = self.json("/config_dump?resource=dynamic_active_clusters").await?;
        let mut clusters = dump["configs"].as_array().into_iter().flatten();
        Ok(clusters.find(|cluster| cluster["cluster"]["name"] == name).cloned())
    }

    /// What Envoy uses of what it was sent: `{"clusters": {<name>: ..}, "listeners": {..}, "routes": {..}}`, without
    /// versions and times, so that equal configurations are equal values. What is warming or draining does not count.
    pub async fn configured(&self) -> Result<Value> {
        let dump = self.json("/config_dump").await?;
        let mut used = Map::new();
        for (section, list, path, name) in SECTIONS {
            let entries = dump["configs"].as_array().into_iter().flatten().filter_map(|part| part[list].as_array());
            let parts = entries.flatten().filter_map(|entry| entry.pointer(path));
            let named = parts.filter_map(|part| Some((part[name].as_str()?.to_owned(), part.clone())));
            used.insert(section.to_owned(), Value::Object(named.collect::<BTreeMap<_, _>>().into_iter().collect()));
        }
        Ok(Value::Object(used))
    }

    /// Whether the routes that Envoy has taken say `words`, which is how one sees that an edit arrived.
    pub async fn routes_say(&self, words: &str) -> Result<bool> {
        Ok(self.get("/config_dump?resource=dynamic_route_configs").await?.contains(words))
    }

    /// The body of a page.
    pub async fn get(&self, path: &str) -> Result<String> {
        let call = Call::get(self.address, path)?;
        let call = self.pod_network.iter().fold(call, Call::within_pod);
        let answer = call.send().await?;
        ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.body);
        Ok(answer.body)
    }

    async fn json(&self, path: &str) -> Result<Value> {
        serde_json::from_str(&self.get(path).await?).with_context(|| format!("{path} is no JSON"))
    }
}

fn regex_literal(name: &str) -> String {
    name.chars()
        .map(
            |c| if c.is_ascii_alphanumeric() || c == '_' { c.to_string() } else { format!("%5C%{:02X}", u32::from(c)) },
        )
        .collect()
}
