//! A workload: an application with its sidecar.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::proxy::Who;
use super::{Layout, Programs, Proxy, WORKLOADS};
use crate::http::Call;
use crate::process::Process;
use crate::tour::stage::Application;

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
            namespace: "default",
            service_account: &format!("bookinfo-{service}"),
            labels: &[("app", service), ("version", version), ("security.istio.io/tlsMode", "istio")],
            ip,
        };
        let proxy = Proxy::start(programs, layout, who, run)?;
        Ok(Self { name, app, proxy, address, ingress: SocketAddr::new(ip, INGRESS), egress })
    }

    /// The application, to be asked and to be told.
    #[must_use]
    pub fn application(&self) -> Application {
        Application { name: self.name.clone(), address: self.address, place: None }
    }

    /// Its processes, application first.
    pub(super) fn processes(&mut self) -> [&mut Process; 2] {
        [&mut self.app, &mut self.proxy.agent]
    }

    pub(super) async fn wait_until_ready(&mut self) -> Result<()> {
        let health = Call::get(self.address, "/health")?;
        self.app.wait_until("healthy application", Duration::from_secs(10), async || health.succeeds().await).await?;
        self.proxy.wait_until_ready().await
    }
}
