//! A `heddled` alone, on ports that the system chose, with a folder of objects and an authority of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use heddle_xds_api::envoy::config::core::v3::Node;
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::folder::Folder;
use crate::http::Call;
use crate::process::Process;
use crate::product;
use crate::xds_client::DeltaClient;

/// A name in the control plane's certificate.
pub const SERVER_NAME: &str = "istiod.istio-system.svc";
/// How long it may take to be ready: a test machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// The control plane with its folders; both end with it.
#[derive(Debug)]
pub struct Control {
    /// The process, with its log.
    pub process: Process,
    /// The folder of objects.
    pub config: Folder,
    folder: TempDir,
    /// How many lines the log had when this process was started.
    logged: usize,
}

/// The parts of a control plane that was never started: a place for objects.
#[derive(Debug)]
pub struct ControlSetup {
    config: Folder,
    folder: TempDir,
}

impl ControlSetup {
    /// An empty place.
    pub fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let config = Folder::copy(&[], &folder.path().join("config"), |text| text)?;
        Ok(Self { config, folder })
    }

    /// With a file of objects.
    pub fn with(self, name: &str, text: &str) -> Result<Self> {
        self.config.put(name, text)?;
        Ok(self)
    }

    /// Everything but the folder of objects: the authority's folder `ca`, logs, whatever a test puts there.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a control plane here, with further flags, and waits until it is ready.
    pub async fn start(self, flags: &[&str]) -> Result<Control> {
        let process = launch(self.folder.path(), self.config.path(), flags)?;
        let mut control = Control { process, config: self.config, folder: self.folder, logged: 0 };
        control.until_ready().await?;
        Ok(control)
    }
}

impl Control {
    /// Starts it with one file of objects.
    pub async fn start(objects: &str) -> Result<Self> {
        ControlSetup::new()?.with("objects", objects)?.start(&[]).await
    }

    /// Ends it at once, and starts it again on the same folders; its ports are others then.
    pub async fn restart(&mut self, flags: &[&str]) -> Result<()> {
        self.process.kill();
        self.logged = self.process.log().lines().count();
        self.process = launch(self.folder.path(), self.config.path(), flags)?;
        self.until_ready().await
    }

    /// Where a port listens: `http`, `monitoring`, `grpc`, `secure-grpc` or `levels`.
    pub fn address(&self, port: &str) -> Result<SocketAddr> {
        let log = self.process.log();
        let lines = log.lines().skip(self.logged).filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let line = lines.filter(|line| line["message"] == "listening").find(|line| line["port"] == port);
        let line = line.with_context(|| format!("no port {port} in the log: {}", self.process.tail()))?;
        let mut address: SocketAddr = line["address"].as_str().context("address")?.parse()?;
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        Ok(address)
    }

    /// Its folder: `config`, `ca` and logs.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The authority's folder.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca")
    }

    /// Puts a file of objects in place, and says when.
    pub fn put(&self, name: &str, text: &str) -> Result<SystemTime> {
        self.config.put(name, text)
    }

    /// A page of the port `http`, which must answer 200.
    pub async fn page(&self, path: &str) -> Result<String> {
        let answer = Call::get(self.address("http")?, path)?.send().await?;
        ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.body);
        Ok(answer.body)
    }

    /// A page that is JSON.
    pub async fn json(&self, path: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.page(path).await?)?)
    }

    /// The value of a metric, with its labels as they are written.
    pub async fn metric(&self, sample: &str) -> Result<f64> {
        let answer = Call::get(self.address("monitoring")?, "/metrics")?.send().await?;
        let line = answer.body.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ').map(str::to_owned));
        Ok(line.with_context(|| format!("no metric {sample}"))?.parse()?)
    }

    /// A token for a service account, made by `heddlectl`.
    pub fn token(&self, namespace: &str, service_account: &str) -> Result<String> {
        let ca = self.ca();
        let ca = ca.to_str().context("a folder that is no text")?;
        let flags = ["token", "create", "--ca-dir", ca, "--namespace", namespace, "--service-account", service_account];
        let output = product::heddlectl(flags)?.output()?;
        ensure!(output.status.success(), "heddlectl: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// A connection to the encrypted port, with a client certificate if `identity` (chain and key, PEM) says so.
    pub async fn channel(&self, identity: Option<(&str, &str)>) -> Result<Channel> {
        let root = std::fs::read_to_string(self.ca().join("root-cert.pem"))?;
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(root)).domain_name(SERVER_NAME);
        let tls = match identity {
            Some((chain, key)) => tls.identity(Identity::from_pem(chain, key)),
            None => tls,
        };
        let endpoint = Endpoint::from_shared(format!("https://{}", self.address("secure-grpc")?))?;
        Ok(endpoint.tls_config(tls)?.connect_timeout(Duration::from_secs(5)).connect().await?)
    }

    /// A delta stream on the plain port.
    pub async fn stream(&self, node: Node) -> Result<DeltaClient> {
        DeltaClient::connect(&format!("http://{}", self.address("grpc")?), node).await
    }

    /// A bootstrap that makes an Envoy ask the plain port for everything, by deltas.
    pub fn bootstrap(&self, node: &Value) -> Result<Value> {
        let address = self.address("grpc")?;
        let endpoint = json!({"endpoint": {"address": {"socketAddress": {
            "address": address.ip().to_string(), "portValue": address.port(),
        }}}});
        let http2 = json!({
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicitHttpConfig": {"http2ProtocolOptions": {}},
        });
        let service = json!([{"envoyGrpc": {"clusterName": "xds-grpc"}}]);
        Ok(json!({
            "node": node,
            "dynamicResources": {
                "adsConfig": {"apiType": "DELTA_GRPC", "transportApiVersion": "V3", "grpcServices": service},
                "cdsConfig": {"ads": {}, "resourceApiVersion": "V3"},
                "ldsConfig": {"ads": {}, "resourceApiVersion": "V3"},
            },
            "staticResources": {"clusters": [{
                "name": "xds-grpc",
                "type": "STATIC",
                "connectTimeout": "1s",
                "typedExtensionProtocolOptions": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2},
                "loadAssignment": {"clusterName": "xds-grpc", "endpoints": [{"lbEndpoints": [endpoint]}]},
            }]},
        }))
    }

    async fn until_ready(&mut self) -> Result<()> {
        let limit = std::time::Instant::now() + PATIENCE;
        while self.page("/ready").await.is_err() {
            ensure!(self.process.running(), "heddled ended: {}", self.process.tail());
            if std::time::Instant::now() > limit {
                bail!("heddled is not ready: {}", self.process.tail());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

fn launch(folder: &Path, config: &Path, flags: &[&str]) -> Result<Process> {
    let mut command = Command::new(product::binary("heddled")?);
    let is_given = |name: &str| flags.iter().any(|flag| flag.starts_with(&format!("--{name}=")));
    if !is_given("kubeconfig") {
        command.arg("--config-dir").arg(config);
    }
    command.arg("--caDir").arg(folder.join("ca"));
    for port in ["httpAddr", "grpcAddr", "secureGRPCAddr", "monitoringAddr", "httpsAddr"] {
        if !is_given(port) {
            command.arg(format!("--{port}=127.0.0.1:0"));
        }
    }
    if !is_given("ctrlz_port") {
        command.arg("--ctrlz_port=0");
    }
    command.args(["--logFormat", "json"]).args(flags).current_dir(folder);
    Process::start("heddled", &mut command, folder)
}
