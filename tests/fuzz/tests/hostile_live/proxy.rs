//! An agent with its Envoy, on addresses of its own beside those of the mesh.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use heddle_tests::control::{Control, SERVER_NAME};
use heddle_tests::envoy::{self, Admin};
use heddle_tests::http::Call;
use heddle_tests::process::Process;
use heddle_tests::product;
use serde_json::json;

/// Who a proxy is.
#[derive(Clone, Copy)]
pub(crate) struct Who {
    /// `sidecar` or `router`.
    pub(crate) kind: &'static str,
    pub(crate) pod: &'static str,
    pub(crate) namespace: &'static str,
    /// The address of the pod.
    pub(crate) ip: &'static str,
    /// How traffic is redirected.
    pub(crate) mode: &'static str,
}

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) agent: Process,
    admin: Admin,
    ready: Call,
}

impl Proxy {
    /// Starts one. The listeners of the agent and of its bootstrap are on the loopback address of this number.
    pub(crate) async fn start(control: &Control, who: Who, number: u8) -> Result<Self> {
        // Injection tells the agent.
        let mesh = control.json("/debug/mesh").await?;
        let own = |port: u16| SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 1, number)), port);
        let folder = control.path().join(format!("{}.{}", who.pod, who.namespace));
        std::fs::create_dir_all(&folder)?;
        let token = folder.join("token");
        if !token.exists() {
            std::fs::write(&token, control.token(who.namespace, who.pod)?)?;
        }
        let discovery = control.address("secure-grpc")?.to_string();
        let config = json!({"discoveryAddress": discovery, "binaryPath": envoy::binary()?, "configPath": folder,
            "concurrency": 1, "terminationDrainDuration": "1s"});
        let labels = if who.kind == "router" { json!({"istio": "ingressgateway"}) } else { json!({"app": "web"}) };
        let mut command = Command::new(product::binary("heddle-agent")?);
        command.args(["proxy", who.kind, "--serverName", SERVER_NAME]).current_dir(&folder);
        for (flag, port) in [("admin", 15000), ("status", 15020), ("readiness", 15021), ("prometheus", 15090)] {
            command.arg(format!("--{flag}Addr={}", own(port)));
        }
        command.arg("--tokenFile").arg(&token).arg("--caRoot").arg(control.ca().join("root-cert.pem"));
        command
            .env("TRUST_DOMAIN", mesh["trustDomain"].as_str().unwrap_or_default())
            .env("POD_NAME", who.pod)
            .env("POD_NAMESPACE", who.namespace)
            .env("SERVICE_ACCOUNT", who.pod)
            .env("INSTANCE_IP", who.ip)
            .env("CA_ADDR", &discovery)
            .env("PROXY_CONFIG", config.to_string())
            .env("ISTIO_META_INTERCEPTION_MODE", who.mode)
            .env("ISTIO_METAJSON_LABELS", labels.to_string());
        let agent = Process::start(&format!("{}.{}", who.pod, who.namespace), &mut command, control.path())?;
        let ready = Call::get(own(15021), "/healthz/ready")?.within(Duration::from_secs(2));
        Ok(Self { agent, admin: Admin::at(own(15000)), ready })
    }

    /// Waits until the proxy is ready.
    pub(crate) async fn until_ready(&mut self, limit: Duration) -> Result<()> {
        let ready = &self.ready;
        self.agent.wait_until("ready proxy", limit, async || ready.succeeds().await).await
    }

    /// How many updates Envoy has rejected, of the types that it counts.
    pub(crate) async fn rejected(&self) -> Result<u64> {
        let page = self.admin.get("/stats?filter=update_rejected").await?;
        let counts = page.lines().filter_map(|line| line.rsplit_once(": "));
        counts.map(|(name, count)| count.parse::<u64>().with_context(|| name.to_owned())).sum()
    }
}
