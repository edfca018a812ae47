//! A control plane beside an API server, and a proxy that watches it.

use std::time::Duration;

use anyhow::{Context, Result};
use heddle_tests::cluster::Cluster;
use heddle_tests::control::{Control, ControlSetup};
use heddle_tests::xds_client::{CLUSTER, DeltaClient, ENDPOINT, node};
use serde_json::json;

pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Makes the namespace that the control plane lives in, unless it is there.
pub(crate) async fn make_namespace(cluster: &Cluster) -> Result<()> {
    let own = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}});
    cluster.api().await?.post("/api/v1/namespaces", &own).await?;
    Ok(())
}

/// Starts a control plane with the rights of the cluster's administrator, and the namespace that it lives in.
pub(crate) async fn start(cluster: &Cluster, flags: &[&str]) -> Result<Control> {
    make_namespace(cluster).await?;
    let kubeconfig = format!("--kubeconfig={}", cluster.kubeconfig().display());
    let flags: Vec<&str> = [kubeconfig.as_str()].into_iter().chain(flags.iter().copied()).collect();
    ControlSetup::new()?.start(&flags).await
}

/// A stream that asks for clusters, and knows which hosts of its test it has.
pub(crate) struct Watcher {
    /// The stream.
    pub(crate) stream: DeltaClient,
    /// What the names of its hosts have in common: other tests have other hosts in the same cluster.
    of: String,
}

impl Watcher {
    pub(crate) async fn connect(control: &Control, namespace: &str) -> Result<Self> {
        let id = format!("sidecar~10.0.0.9~web.{namespace}~{namespace}.svc.cluster.local");
        let mut stream = control.stream(node(&id, &json!({"NAMESPACE": namespace}))).await?;
        stream.subscribe(CLUSTER, &[]).await?;
        stream.accept(CLUSTER, SOON).await?;
        // Endpoints go with their clusters, unasked; the API server's own service is always there.
        stream.accept(ENDPOINT, SOON).await?;
        Ok(Self { stream, of: namespace.split('-').next().unwrap_or(namespace).to_owned() })
    }

    /// Takes what comes until just these hosts are there.
    pub(crate) async fn until(&mut self, want: &[&str]) -> Result<()> {
        while self.hosts() != want {
            self.step(want).await?;
        }
        Ok(())
    }

    /// Takes what comes until this is among a host's endpoints.
    pub(crate) async fn until_endpoint(&mut self, host: &str, address: &str) -> Result<()> {
        let name = format!("outbound|80||{host}");
        while !self.has_endpoint(&name, address) {
            self.step(&[address]).await?;
        }
        Ok(())
    }

    /// Takes what is still on its way.
    pub(crate) async fn drain(&mut self) -> Result<()> {
        while let Ok(response) = self.stream.next(Duration::from_millis(500)).await {
            self.stream.ack(&response).await?;
        }
        Ok(())
    }

    fn has_endpoint(&self, name: &str, address: &str) -> bool {
        let held = self.stream.held(ENDPOINT);
        let bytes = held.get(name).and_then(|resource| resource.resource.as_ref()).map(|any| any.value.as_slice());
        bytes.is_some_and(|bytes| bytes.windows(address.len()).any(|window| window == address.as_bytes()))
    }

    /// The hosts of this test's ServiceEntries that the stream holds.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let host = |name: String| {
            let host = name.strip_prefix("outbound|80||")?;
            host.contains(&self.of).then(|| host.to_owned())
        };
        self.stream.held(CLUSTER).into_keys().filter_map(host).collect()
    }

    async fn step(&mut self, want: &[&str]) -> Result<()> {
        let response = self.stream.next(SOON).await.with_context(|| format!("{want:?}, not {:?}", self.hosts()))?;
        self.stream.ack(&response).await
    }
}
