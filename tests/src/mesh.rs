//! Bookinfo as a mesh of real processes: `heddled`, six workloads each with its agent and Envoy, and an ingress
//! gateway.

mod heddled;
mod layout;
mod proxy;
mod stage;
mod workload;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::folder::Folder;
use crate::process::eventually;
use crate::product;
use crate::tour::stage::{PATIENCE, Stage as _};

pub use heddled::Heddled;
pub use layout::{Layout, WORKLOADS};
pub use proxy::Proxy;
pub use workload::Workload;

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

    /// The workload of that name, such as `reviews-v2`.
    pub fn workload(&self, name: &str) -> Result<&Workload> {
        self.workloads.iter().find(|workload| workload.name == name).with_context(|| format!("no workload {name}"))
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
        eventually("product page at the gateway", PATIENCE, async || page.succeeds().await).await
    }
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
