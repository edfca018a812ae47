//! Envoy's admin interface, asked from outside.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::http::Call;

/// Where an Envoy's admin interface listens, and what one asks it.
#[derive(Clone, Copy, Debug)]
pub struct Admin(pub SocketAddr);

impl Admin {
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

    /// Whether the routes that Envoy has taken say `words`, which is how one sees that an edit arrived.
    pub async fn routes_say(&self, words: &str) -> Result<bool> {
        Ok(self.get("/config_dump?resource=dynamic_route_configs").await?.contains(words))
    }

    /// The body of a page.
    pub async fn get(&self, path: &str) -> Result<String> {
        let answer = Call::get(self.0, path)?.send().await?;
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
