//! A control plane and one workload: `heddled`, an agent with its Envoy, and an echo service as the application.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use heddle_tests::echo::Echo;
use heddle_tests::envoy::{self, Admin};
use heddle_tests::folder::Folder;
use heddle_tests::http::Call;
use heddle_tests::mesh::Layout;
use heddle_tests::process::{Process, eventually};
use heddle_tests::product::{binary, heddlectl};
use serde_json::json;
use tempfile::TempDir;

/// The name in the control plane's certificate.
pub(crate) const SERVER_NAME: &str = "istiod.istio-system.svc";
/// How long something may take that takes a moment on a machine with nothing else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What runs, and the folder of all of its files.
pub(crate) struct Pair {
    pub(crate) layout: Layout,
    pub(crate) config: Folder,
    pub(crate) heddled: Process,
    pub(crate) agent: Process,
    pub(crate) echo: Echo,
    pub(crate) run: TempDir,
}

impl Pair {
    /// Starts both and waits until the proxy is ready. `env` is added to the agent's environment.
    pub(crate) async fn start(env: &[(&str, &str)]) -> Result<Self> {
        Self::start_in(tempfile::tempdir()?, env).await
    }

    /// The same in a folder that may have files already.
    pub(crate) async fn start_in(run: TempDir, env: &[(&str, &str)]) -> Result<Self> {
        let layout = Layout::free()?;
        layout.reserve()?;
        let echo = Echo::start("application", "127.0.0.1:0").await?;
        let config = Folder::copy(&[], &run.path().join("config"), |text| text)?;
        config.put("objects", &objects(layout.workload(0), echo.address))?;
        let heddled = heddled(&layout, run.path())?;
        let agent = agent(&layout, run.path(), env).await?;
        let mut pair = Self { layout, config, heddled, agent, echo, run };
        pair.until_ready().await?;
        Ok(pair)
    }

    pub(crate) fn admin(&self) -> Admin {
        Admin::at(self.at(15000))
    }

    /// Where the mesh calls the workload.
    pub(crate) fn ingress(&self) -> SocketAddr {
        self.at(9080)
    }

    /// One of the workload's own ports.
    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.layout.workload(0), port)
    }

    pub(crate) async fn until_ready(&mut self) -> Result<()> {
        let ready = Call::get(self.at(15021), "/healthz/ready")?.within(Duration::from_secs(2));
        self.agent.wait_until("ready proxy", PATIENCE, async || status(&ready).await == Some(200)).await
    }

    /// Starts the control plane again, with what it had.
    pub(crate) fn start_heddled(&mut self) -> Result<()> {
        self.heddled = heddled(&self.layout, self.run.path())?;
        Ok(())
    }

    /// The process of the agent's Envoy.
    pub(crate) fn envoy(&self) -> Result<i32> {
        let children = format!("/proc/{0}/task/{0}/children", self.agent.id());
        let children = std::fs::read_to_string(&children).with_context(|| children.clone())?;
        children.split_whitespace().next().context("the agent has no child")?.parse().context("a process id")
    }

    /// A number on the agent's page of metrics.
    pub(crate) async fn metric(&self, series: &str) -> Result<u64> {
        let page = Call::get(self.at(15020), "/stats/prometheus")?.send().await?.body;
        let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.with_context(|| format!("no {series}"))?.parse().context("a number")
    }

    /// The serial number of the workload's certificate, as Envoy serves it.
    pub(crate) async fn serial(&self) -> Result<String> {
        let page: serde_json::Value = serde_json::from_str(&self.admin().get("/certs").await?)?;
        let mut all =
            page["certificates"].as_array().into_iter().flatten().filter_map(|it| it["cert_chain"].as_array());
        let uri = "spiffe://cluster.local/ns/shop/sa/echo";
        let leaf = all.find_map(|chain| chain.iter().find(|it| it["subject_alt_names"][0]["uri"] == uri));
        Ok(leaf.with_context(|| format!("no certificate of {uri}: {page}"))?["serial_number"].to_string())
    }
}

pub(crate) async fn status(call: &Call) -> Option<u16> {
    call.clone().send().await.ok().map(|answer| answer.status)
}

/// Waits until a process is gone; one that has ended but was not waited for counts as gone.
pub(crate) async fn until_gone(process: i32) -> Result<()> {
    eventually(&format!("end of process {process}"), PATIENCE, async || {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z'))
    })
    .await
}

fn heddled(layout: &Layout, run: &Path) -> Result<Process> {
    let mut command = Command::new(binary("heddled")?);
    command.arg("--config-dir").arg(run.join("config")).arg("--caDir").arg(run.join("ca")).current_dir(run);
    for (flag, port) in [("httpAddr", 8080), ("grpcAddr", 15010), ("secureGRPCAddr", 15012), ("monitoringAddr", 15014)]
    {
        command.arg(format!("--{flag}={}:{port}", layout.heddled()));
    }
    command.arg(format!("--ctrlz_address={}", layout.heddled()));
    Process::start("heddled", &mut command, run)
}

async fn agent(layout: &Layout, run: &Path, env: &[(&str, &str)]) -> Result<Process> {
    let roots = run.join("ca/root-cert.pem");
    eventually("root certificate", PATIENCE, async || roots.exists()).await?;
    let ca = run.join("ca").display().to_string();
    let create = ["token", "create", "--namespace", "shop", "--service-account", "echo", "--ca-dir", &ca];
    let token = heddlectl(create)?.output()?;
    ensure!(token.status.success(), "{}", String::from_utf8_lossy(&token.stderr));
    std::fs::write(run.join("token"), token.stdout)?;
    let ip = layout.workload(0);
    let proxy_config = json!({
        "discoveryAddress": SocketAddr::new(layout.heddled(), 15012),
        "binaryPath": envoy::binary()?,
        "configPath": run.join("proxy"),
        "concurrency": 1,
        "terminationDrainDuration": "2s",
    });
    let mut command = Command::new(binary("heddle-agent")?);
    command.args(["proxy", "sidecar", "--serverName", SERVER_NAME, "--proxyLogLevel=info"]).current_dir(run);
    for (flag, port) in [("admin", 15000), ("status", 15020), ("readiness", 15021), ("prometheus", 15090)] {
        command.arg(format!("--{flag}Addr={}", SocketAddr::new(ip, port)));
    }
    command.arg("--tokenFile").arg(run.join("token")).arg("--caRoot").arg(roots);
    command
        .env("POD_NAME", "echo")
        .env("POD_NAMESPACE", "shop")
        .env("SERVICE_ACCOUNT", "echo")
        .env("INSTANCE_IP", ip.to_string())
        .env("PROXY_CONFIG", proxy_config.to_string())
        .env("ISTIO_META_INTERCEPTION_MODE", "NONE")
        .env("ISTIO_METAJSON_LABELS", json!({"app": "echo", "security.istio.io/tlsMode": "istio"}).to_string())
        .envs(env.iter().copied());
    Process::start("agent", &mut command, run)
}

fn objects(ip: IpAddr, application: SocketAddr) -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: istio-system}}
---
apiVersion: v1
kind: Namespace
metadata: {{name: shop}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: echo, namespace: shop}}
---
apiVersion: v1
kind: Pod
metadata:
  name: echo
  namespace: shop
  labels: {{app: echo, security.istio.io/tlsMode: istio}}
spec:
  serviceAccountName: echo
  containers: [{{name: echo, image: echo, ports: [{{name: http, containerPort: 9080}}]}}]
status:
  phase: Running
  podIP: {ip}
  podIPs: [{{ip: {ip}}}]
  conditions: [{{type: Ready, status: \"True\"}}]
---
apiVersion: v1
kind: Service
metadata: {{name: echo, namespace: shop}}
spec:
  selector: {{app: echo}}
  ports: [{{name: http, port: 9080, targetPort: 9080}}]
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {{name: echo, namespace: shop}}
spec:
  workloadSelector: {{labels: {{app: echo}}}}
  ingress:
  - port: {{number: 9080, name: http, protocol: HTTP}}
    bind: {ip}
    captureMode: NONE
    defaultEndpoint: {application}
  egress:
  - port: {{number: 3128, name: http-proxy, protocol: HTTP_PROXY}}
    bind: {ip}
    captureMode: NONE
    hosts: [\"./*\"]
"
    )
}
