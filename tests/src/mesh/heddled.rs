//! The control plane of a mesh.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Layout, Programs};
use crate::http::Call;
use crate::process::{Process, eventually};

/// A `heddled` that can be killed and started again.
#[derive(Debug)]
pub struct Heddled {
    /// The process, with its log.
    pub process: Process,
    ip: IpAddr,
    program: PathBuf,
    config: PathBuf,
    run: PathBuf,
}

impl Heddled {
    /// Starts it on the folder `config` and waits until it is ready.
    pub(super) async fn start(programs: &Programs, layout: &Layout, config: &Path, run: &Path) -> Result<Self> {
        let (ip, program) = (layout.heddled(), programs.heddled.clone());
        let process = launch(&program, ip, config, run)?;
        let mut heddled = Self { process, ip, program, config: config.to_owned(), run: run.to_owned() };
        heddled.wait_until_ready().await?;
        Ok(heddled)
    }

    /// Starts it again after it was killed, with the same folder and the same authority.
    pub async fn start_again(&mut self) -> Result<()> {
        self.process = launch(&self.program, self.ip, &self.config, &self.run)?;
        self.wait_until_ready().await
    }

    /// Where workloads call it.
    #[must_use]
    pub fn discovery(&self) -> SocketAddr {
        SocketAddr::new(self.ip, 15012)
    }

    /// A page of `/debug`, `/ready` or the like, as text.
    pub async fn page(&self, path: &str) -> Result<String> {
        let answer = Call::get(SocketAddr::new(self.ip, 8080), path)?.send().await?;
        ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.body);
        Ok(answer.body)
    }

    /// A page that is JSON.
    pub async fn json(&self, path: &str) -> Result<Value> {
        serde_json::from_str(&self.page(path).await?).with_context(|| format!("{path} is no JSON"))
    }

    /// Waits until every proxy has acknowledged all that was sent to it.
    pub async fn until_synced(&self, limit: Duration) -> Result<()> {
        eventually("state in which all proxies acknowledged everything", limit, async || {
            self.json("/debug/syncz").await.is_ok_and(|page| synced(&page))
        })
        .await
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let ready = Call::get(SocketAddr::new(self.ip, 8080), "/ready")?;
        self.process.wait_until("ready control plane", Duration::from_secs(20), async || ready.succeeds().await).await
    }
}

/// Whether what was sent was acknowledged, for every type of every proxy.
fn synced(page: &Value) -> bool {
    let proxies = page.as_array().map(Vec::as_slice).unwrap_or_default();
    let types = proxies.iter().filter_map(|proxy| proxy["resources"].as_object()).flat_map(|types| types.values());
    types.into_iter().all(|state| state["sent"] == state["acked"])
}

fn launch(program: &Path, ip: IpAddr, config: &Path, run: &Path) -> Result<Process> {
    let mut command = Command::new(program);
    command.arg("--config-dir").arg(config).arg("--caDir").arg(run.join("ca"));
    for (flag, port) in [("httpAddr", 8080), ("grpcAddr", 15010), ("secureGRPCAddr", 15012), ("monitoringAddr", 15014)]
    {
        command.arg(format!("--{flag}={ip}:{port}"));
    }
    command.arg(format!("--ctrlz_address={ip}"));
    command.args(["--logFormat", "json"]).current_dir(run);
    Process::start("heddled", &mut command, &run.join("logs"))
}
