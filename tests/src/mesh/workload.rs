//! A workload: an application with its sidecar.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::Value;

use super::proxy::Who;
use super::{Layout, Programs, Proxy, WORKLOADS};
use crate::http::Call;
use crate::process::Process;

/// Where a sidecar is its application's HTTP proxy.
const EGRESS: u16 = 3128;
/// Where a sidecar takes calls for its application.
const INGRESS: u16 = 9080;

/// A running workload.
#[derive(Debug)]
pub struct Workload {
    /// Its name, service and version, such as `reviews-v2`.
    pub name: String,
    /// The application.
    pub app: Process,
    /// Its sidecar.
    pub proxy: Proxy,
    /// Where the application listens; only its sidecar and its master call it here.
    pub address: SocketAddr,
    /// Where the mesh calls it.
    pub ingress: SocketAddr,
    /// The sidecar's HTTP proxy, by which the application calls others.
    pub egress: SocketAddr,
}

impl Workload {
    pub(super) fn start(programs: &Programs, layout: &Layout, index: usize, run: &Path) -> Result<Self> {
        let (service, version) = WORKLOADS.get(index).copied().context("no such workload")?;
        let (name, ip, address) = (format!("{service}-{version}"), layout.workload(index), layout.app(index));
        let egress = SocketAddr::new(ip, EGRESS);
        let mut command = Command::new(&programs.bookinfo);
        command.args(["--role", service, "--as", version]);
        command.args(["--listen", &address.to_string(), "--proxy", &egress.to_string()]);
        let app = Process::start(&format!("{name}-app"), &mut command, &run.join("logs"))?;
        let who = Who {
            kind: "sidecar",
            pod: &name,
            namespace: "bookinfo",
            service_account: &format!("bookinfo-{service}"),
            labels: &[("app", service), ("version", version), ("security.istio.io/tlsMode", "istio")],
            ip,
        };
        let proxy = Proxy::start(programs, layout, who, run)?;
        Ok(Self { name, app, proxy, address, ingress: SocketAddr::new(ip, INGRESS), egress })
    }

    /// What the application saw since the last reset.
    pub async fn seen(&self) -> Result<Value> {
        let answer = Call::get(self.address, "/control/seen")?.send().await?;
        ensure!(answer.status == 200, "{}: {}", self.name, answer.status);
        answer.json()
    }

    /// How many requests the application saw since the last reset.
    pub async fn requests(&self) -> Result<u64> {
        self.seen().await?["requests"].as_u64().context("no count of requests")
    }

    /// Tells the application to do wrong; `fault` is in its own words.
    pub async fn fault(&self, fault: &Value) -> Result<()> {
        let call = Call::get(self.address, "/control/fault")?.send_as(Method::PUT, fault.to_string());
        self.told(call.header("content-type", "application/json")).await
    }

    /// Makes the application forget what it saw and do right again.
    pub async fn reset(&self) -> Result<()> {
        self.told(Call::get(self.address, "/control/reset")?.send_as(Method::POST, "")).await
    }

    /// Its processes, application first.
    pub(super) fn processes(&mut self) -> [&mut Process; 2] {
        [&mut self.app, &mut self.proxy.agent]
    }

    pub(super) async fn wait_until_ready(&mut self) -> Result<()> {
        let health = Call::get(self.address, "/health")?;
        self.app
            .wait_until(
                "healthy application",
                Duration::from_secs(10),
                async || matches!(health.clone().send().await, Ok(answer) if answer.status == 200),
            )
            .await?;
        self.proxy.wait_until_ready().await
    }

    async fn told(&self, call: Call) -> Result<()> {
        let answer = call.send().await?;
        ensure!(answer.status == 200, "{}: {} {}", self.name, answer.status, answer.body);
        Ok(())
    }
}
