//! An agent with its Envoy.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::{Layout, Programs};
use crate::envoy::Admin;
use crate::http::Call;
use crate::process::Process;

/// The name in the control plane's certificate, which its address is not.
const SERVER_NAME: &str = "istiod.istio-system.svc";

/// Who a proxy is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who<'a> {
    /// `sidecar` or `router`.
    pub(super) kind: &'a str,
    pub(super) pod: &'a str,
    pub(super) namespace: &'a str,
    pub(super) service_account: &'a str,
    pub(super) labels: &'a [(&'a str, &'a str)],
    pub(super) ip: IpAddr,
}

/// A running agent and the Envoy that it supervises.
#[derive(Debug)]
pub struct Proxy {
    /// The agent. Envoy is its child, ends with it and writes to its log.
    pub agent: Process,
    /// Envoy's admin interface.
    pub admin: Admin,
    /// The address that is the proxy's alone.
    pub ip: IpAddr,
}

impl Proxy {
    /// Starts the ingress gateway.
    pub(super) fn start_gateway(programs: &Programs, layout: &Layout, run: &Path) -> Result<Self> {
        let who = Who {
            kind: "router",
            pod: "istio-ingressgateway",
            namespace: "istio-system",
            service_account: "istio-ingressgateway",
            labels: &[("istio", "ingressgateway")],
            ip: layout.gateway(),
        };
        Self::start(programs, layout, who, run)
    }

    pub(super) fn start(programs: &Programs, layout: &Layout, who: Who<'_>, run: &Path) -> Result<Self> {
        let token = token(programs, who, run)?;
        let folder = run.join("proxies").join(who.pod);
        std::fs::create_dir_all(&folder)?;
        let discovery = SocketAddr::new(layout.heddled(), 15012).to_string();
        let config = json!({
            "discoveryAddress": discovery,
            "binaryPath": programs.envoy,
            "configPath": folder,
            "concurrency": 1,
            "interceptionMode": "NONE",
            "terminationDrainDuration": "1s",
            "drainDuration": "2s",
        });
        let labels: serde_json::Map<_, _> =
            who.labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let mut command = Command::new(&programs.agent);
        command.args(["proxy", who.kind, "--serverName", SERVER_NAME]).current_dir(&folder);
        for (flag, port) in [("admin", 15000), ("status", 15020), ("readiness", 15021), ("prometheus", 15090)] {
            command.arg(format!("--{flag}Addr={}", SocketAddr::new(who.ip, port)));
        }
        command.arg("--tokenFile").arg(&token).arg("--caRoot").arg(run.join("ca/root-cert.pem"));
        command
            .env("POD_NAME", who.pod)
            .env("POD_NAMESPACE", who.namespace)
            .env("SERVICE_ACCOUNT", who.service_account)
            .env("INSTANCE_IP", who.ip.to_string())
            .env("CA_ADDR", &discovery)
            .env("PROXY_CONFIG", config.to_string())
            .env("ISTIO_META_INTERCEPTION_MODE", "NONE")
            .env("ISTIO_METAJSON_LABELS", serde_json::Value::from(labels).to_string());
        let agent = Process::start(who.pod, &mut command, &run.join("logs"))?;
        Ok(Self { agent, admin: Admin::at(SocketAddr::new(who.ip, 15000)), ip: who.ip })
    }

    pub(super) async fn wait_until_ready(&mut self) -> Result<()> {
        let ready = Call::get(SocketAddr::new(self.ip, 15021), "/healthz/ready")?;
        self.agent.wait_until("ready proxy", Duration::from_secs(30), async || ready.succeeds().await).await
    }
}

/// Has the control plane's authority say who the workload is; the answer is the file with the token.
fn token(programs: &Programs, who: Who<'_>, run: &Path) -> Result<std::path::PathBuf> {
    let mut command = Command::new(&programs.ctl);
    command.args(["token", "create", "--namespace", who.namespace, "--service-account", who.service_account]);
    command.arg("--ca-dir").arg(run.join("ca"));
    let out = command.output().with_context(|| format!("run {}", programs.ctl.display()))?;
    ensure!(out.status.success(), "heddlectl token create: {}", String::from_utf8_lossy(&out.stderr));
    let file = run.join("tokens").join(who.pod);
    std::fs::write(&file, out.stdout)?;
    Ok(file)
}
