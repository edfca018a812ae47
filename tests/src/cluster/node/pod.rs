//! A pod as the API server knows it.

use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// A pod at the time it was asked for.
#[derive(Clone, Debug)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// The object.
    pub object: Value,
}

impl Pod {
    pub(super) fn of(object: &Value) -> Self {
        Self { name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(), object: object.clone() }
    }

    /// Its address.
    pub fn ip(&self) -> Result<IpAddr> {
        let ip = self.object["status"]["podIP"].as_str().with_context(|| format!("{} has no address", self.name))?;
        Ok(ip.parse()?)
    }

    /// Ready containers of all that are to run for good, as `kubectl get pods` counts them: `2/2`.
    #[must_use]
    pub fn ready(&self) -> String {
        let spec = &self.object["spec"];
        let sidecars = list(&spec["initContainers"]).filter(|one| one["restartPolicy"] == "Always");
        let all = list(&spec["containers"]).count() + sidecars.count();
        let ready = self.statuses().filter(|one| one["ready"] == true && one["state"]["running"].is_object()).count();
        format!("{ready}/{all}")
    }

    /// The ids of its running containers, as containerd knows them.
    pub(super) fn containers(&self) -> impl Iterator<Item = &str> {
        let running = self.statuses().filter(|one| one["state"]["running"].is_object());
        running.filter_map(|one| one["containerID"].as_str()?.strip_prefix("containerd://"))
    }

    /// What the kubelet kept of a container's output, without what it put before each line.
    pub(super) fn log(&self, folder: &Path, container: &str) -> Result<String> {
        let text = |field: &str| self.object["metadata"][field].as_str().unwrap_or_default().to_owned();
        let folder = folder.join(format!("{}_{}_{}", text("namespace"), self.name, text("uid"))).join(container);
        let entries = std::fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
        let files = entries.flatten().map(|entry| entry.path()).collect::<std::collections::BTreeSet<_>>();
        let file = files.last().with_context(|| format!("no log in {}", folder.display()))?;
        let log = String::from_utf8_lossy(&std::fs::read(file)?).into_owned();
        // `2026-01-01T00:00:00Z stdout F the line`
        let lines = log.lines().filter_map(|line| line.splitn(4, ' ').nth(3));
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }

    fn statuses(&self) -> impl Iterator<Item = &Value> {
        let status = &self.object["status"];
        list(&status["initContainerStatuses"]).chain(list(&status["containerStatuses"]))
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
