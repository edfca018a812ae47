//! Bookinfo as a mesh of real processes: `heddled`, six workloads each with its agent and Envoy, and an ingress gateway.

mod heddled;
mod layout;
mod proxy;
mod workload;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::folder::Folder;
use crate::http::Call;
use crate::process::eventually;
use crate::product;

pub use heddled::Heddled;
pub use layout::{Layout, WORKLOADS};
pub use proxy::Proxy;
pub use workload::Workload;

/// How long an edit may take to be seen at an Envoy before a step gives up. Far above what it takes, since a test
/// machine may be busy; how fast it is, the latency bench says.
const PATIENCE: Duration = Duration::from_secs(15);

/// A running mesh; its processes end with it.
#[derive(Debug)]
pub struct Mesh {
    /// Where everything is.
    pub layout: Layout,
    /// The objects that `heddled` reads.
    pub config: Folder,
    /// The control plane.
    pub heddled: Heddled,
    /// productpage, details, ratings, and reviews v1 to v3.
    pub workloads: Vec<Workload>,
    /// The ingress gateway.
    pub gateway: Proxy,
    /// What every Envoy was configured with before anybody changed anything.
    pristine: Vec<Value>,
}

impl Mesh {
    /// Starts everything in `run` (made if it is missing) and waits until the gateway serves the product page.
    pub async fn start(layout: Layout, run: &Path) -> Result<Self> {
        let programs = Programs::find()?;
        layout.reserve()?;
        layout.check()?;
        for folder in ["logs", "tokens"] {
            std::fs::create_dir_all(run.join(folder))?;
        }
        let config = Folder::copy(&sources()?, &run.join("config"), |text| layout.rewrite(text))?;
        let heddled = Heddled::start(&programs, &layout, config.path(), run).await?;
        let mut workloads = Vec::new();
        for index in 0..WORKLOADS.len() {
            workloads.push(Workload::start(&programs, &layout, index, run)?);
        }
        let gateway = Proxy::start_gateway(&programs, &layout, run)?;
        let mut mesh = Self { layout, config, heddled, workloads, gateway, pristine: Vec::new() };
        mesh.wait_until_ready().await?;
        mesh.heddled.until_synced(PATIENCE).await?;
        mesh.pristine = mesh.configured().await?;
        Ok(mesh)
    }

    /// A GET of `path` at the gateway.
    pub fn get(&self, path: &str) -> Result<Call> {
        Call::get(self.layout.gateway_http(), path)
    }

    /// A GET that the application of `workload` would make: of an absolute URL, through its sidecar.
    pub fn call_from(&self, workload: &str, url: &str) -> Result<Call> {
        Call::proxied(self.workload(workload)?.egress, url)
    }

    /// The workload of that name, such as `reviews-v2`.
    pub fn workload(&self, name: &str) -> Result<&Workload> {
        self.workloads.iter().find(|workload| workload.name == name).with_context(|| format!("no workload {name}"))
    }

    /// Puts a route in place and waits until `workload`'s Envoy has it; `mark` is a word that only the new route says,
    /// by custom its name.
    pub async fn route(&self, workload: &str, file: &str, mark: &str, text: &str) -> Result<()> {
        self.config.put(file, text)?;
        self.until_routed(workload, mark).await
    }

    /// Waits until the routes of `workload`'s Envoy say `mark`.
    pub async fn until_routed(&self, workload: &str, mark: &str) -> Result<()> {
        let admin = self.workload(workload)?.proxy.admin;
        let what = format!("route {mark} at {workload}");
        eventually(&what, PATIENCE, async || admin.routes_say(mark).await.unwrap_or(false)).await
    }

    /// Changes the DestinationRule of `service` by its traffic policy, and waits until `workload`'s Envoy uses another
    /// cluster than before.
    pub async fn traffic_policy(&self, workload: &str, service: &str, policy: &Value) -> Result<()> {
        let admin = self.workload(workload)?.proxy.admin;
        let cluster = format!("outbound|9080||{service}.bookinfo.svc.cluster.local");
        let before = admin.active_cluster(&cluster).await?.with_context(|| format!("no cluster {cluster}"))?;
        self.config.edit("DestinationRule", service, |rule| rule["spec"]["trafficPolicy"] = policy.clone())?;
        let differs = |now: &Value| now["cluster"] != before["cluster"];
        eventually(
            &format!("new cluster {cluster} at {workload}"),
            PATIENCE,
            async || matches!(admin.active_cluster(&cluster).await, Ok(Some(now)) if differs(&now)),
        )
        .await
    }

    /// Takes back all edits and all faults, and waits until every Envoy is configured as it was at first.
    pub async fn restore(&self) -> Result<()> {
        self.config.restore()?;
        for workload in &self.workloads {
            workload.reset().await?;
        }
        let mut differs = String::new();
        let restored = eventually("configuration of before", PATIENCE, async || match self.configured().await {
            Ok(now) => {
                differs = difference(&self.pristine, &now);
                differs.is_empty()
            }
            Err(_) => false,
        });
        restored.await.map_err(|error| error.context(differs))
    }

    /// What every Envoy is configured with, gateway last.
    async fn configured(&self) -> Result<Vec<Value>> {
        let proxies = self.workloads.iter().map(|workload| &workload.proxy).chain([&self.gateway]);
        futures_util::future::try_join_all(proxies.map(|proxy| proxy.admin.configured())).await
    }

    /// Ends everything, gently where that works within a few seconds.
    pub async fn stop(mut self) -> Result<()> {
        let limit = Duration::from_secs(8);
        let mut parts: Vec<_> = self.workloads.iter_mut().flat_map(Workload::processes).collect();
        parts.push(&mut self.gateway.agent);
        let ends = futures_util::future::join_all(parts.into_iter().map(|part| part.stop(limit))).await;
        let last = self.heddled.process.stop(limit).await;
        ends.into_iter().chain([last]).try_for_each(|end| end.map(drop))
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        for workload in &mut self.workloads {
            workload.wait_until_ready().await?;
        }
        self.gateway.wait_until_ready().await?;
        let page = self.get("/productpage")?;
        eventually(
            "product page at the gateway",
            PATIENCE,
            async || matches!(page.clone().send().await, Ok(answer) if answer.status == 200),
        )
        .await
    }
}

/// Where two states of the mesh first differ, in words; empty if they do not.
fn difference(before: &[Value], now: &[Value]) -> String {
    let sections = before.iter().zip(now).enumerate().flat_map(|(index, (before, now))| {
        let sections = before.as_object().into_iter().flatten();
        sections.map(move |(section, value)| (index + 1, section, value, &now[section]))
    });
    let mut differing = sections.filter(|(_, _, before, now)| before != now);
    differing.next().map_or_else(String::new, |(place, section, ..)| format!("{section} of proxy {place} differ"))
}

/// The programs that make up a mesh.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) heddled: PathBuf,
    pub(crate) agent: PathBuf,
    pub(crate) ctl: PathBuf,
    pub(crate) bookinfo: PathBuf,
    pub(crate) envoy: PathBuf,
}

impl Programs {
    fn find() -> Result<Self> {
        Ok(Self {
            heddled: product::binary("heddled")?,
            agent: product::binary("heddle-agent")?,
            ctl: product::binary("heddlectl")?,
            bookinfo: product::binary("bookinfo")?,
            envoy: crate::envoy::binary()?,
        })
    }
}

/// The folders of the sample.
fn sources() -> Result<[PathBuf; 2]> {
    let sample = product::root()?.join("deploy/samples/bookinfo");
    anyhow::ensure!(sample.is_dir(), "{} is not there: keep the sources where they were built", sample.display());
    Ok([sample.clone(), sample.join("loopback")])
}
