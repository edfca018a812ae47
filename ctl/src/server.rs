//! A client of the Kubernetes API server. It reads and writes untyped objects by their paths.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use k8s_openapi::api::core::v1::Pod;
use kube::api::Portforwarder;
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::Value;

/// The field manager of our writes.
pub(crate) const WRITER: &str = "heddle-operator";
/// The longest wait for one response.
const PATIENCE: Duration = Duration::from_secs(30);

/// Selects the API server.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ApiServer {
    /// Read this kubeconfig. The default is `$KUBECONFIG`, then `~/.kube/config`, then the service account of the pod.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Use this context of the kubeconfig instead of the current one.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

/// A connection.
#[derive(Clone)]
pub(crate) struct Server(Client);

impl ApiServer {
    /// The API server of another context of the same kubeconfig.
    pub(crate) fn of_context(&self, context: &str) -> Self {
        Self { kubeconfig: self.kubeconfig.clone(), context: Some(context.to_owned()) }
    }

    /// Reads the kubeconfig. It sends no request.
    pub(crate) async fn server(&self) -> Result<Server> {
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let mut config = match &self.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path).with_context(|| path.display().to_string())?;
                Config::from_custom_kubeconfig(file, &options).await?
            }
            None if self.context.is_some() => Config::from_kubeconfig(&options).await?,
            None => Config::infer().await.context("cannot find a kubeconfig; name one with --kubeconfig")?,
        };
        config.read_timeout = Some(PATIENCE);
        Ok(Server(ClientBuilder::try_from(config)?.build()))
    }
}

impl Server {
    /// The namespace of the kubeconfig's context.
    pub(crate) fn namespace(&self) -> &str {
        self.0.default_namespace()
    }

    /// The object at a path, if there is one.
    pub(crate) async fn get(&self, path: &str) -> Result<Option<Value>> {
        self.call("GET", path, None).await
    }

    /// The objects at a path. Each gets the kind and version, which the items of a list leave out. An unknown kind
    /// gives an empty list.
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Value>> {
        let Some(list) = self.get(path).await? else { return Ok(Vec::new()) };
        let kind = list["kind"].as_str().and_then(|kind| kind.strip_suffix("List")).unwrap_or_default();
        let mut items = list["items"].as_array().cloned().unwrap_or_default();
        for item in &mut items {
            item["kind"] = kind.into();
            item["apiVersion"] = list["apiVersion"].clone();
        }
        Ok(items)
    }

    /// The text at a path, such as a log.
    pub(crate) async fn text(&self, path: &str) -> Result<String> {
        let request = http::Request::get(path).body(Vec::new())?;
        self.0.request_text(request).await.with_context(|| format!("GET {path}"))
    }

    /// Applies an object server-side, and takes over fields of other field managers. With `dry` nothing is stored.
    pub(crate) async fn apply(&self, path: &str, object: &Value, dry: bool) -> Result<Value> {
        let dry = if dry { "&dryRun=All" } else { "" };
        let path = format!("{path}?fieldManager={WRITER}&force=true{dry}");
        self.call("PATCH", &path, Some(object)).await?.with_context(|| format!("the API server has no {path}"))
    }

    /// Replaces an object.
    pub(crate) async fn replace(&self, path: &str, object: &Value) -> Result<()> {
        self.call("PUT", &format!("{path}?fieldManager={WRITER}"), Some(object)).await.map(drop)
    }

    /// Creates an object in a collection.
    pub(crate) async fn create(&self, path: &str, object: &Value) -> Result<Value> {
        self.call("POST", path, Some(object)).await?.with_context(|| format!("the API server has no {path}"))
    }

    /// Deletes the object at a path and its dependents. Returns false if there was none.
    pub(crate) async fn delete(&self, path: &str) -> Result<bool> {
        Ok(self.call("DELETE", &format!("{path}?propagationPolicy=Background"), None).await?.is_some())
    }

    /// Forwards a port of a pod.
    pub(crate) async fn forward(&self, namespace: &str, pod: &str, port: u16) -> Result<Portforwarder> {
        let pods: Api<Pod> = Api::namespaced(self.0.clone(), namespace);
        let forward = pods.portforward(pod, &[port]).await;
        forward.with_context(|| format!("cannot forward port {port} of pod {namespace}/{pod}"))
    }

    async fn call(&self, method: &str, path: &str, object: Option<&Value>) -> Result<Option<Value>> {
        let content = if method == "PATCH" { "application/apply-patch+yaml" } else { "application/json" };
        let body = object.map(serde_json::to_vec).transpose()?.unwrap_or_default();
        let request = http::Request::builder().method(method).uri(path).header("content-type", content);
        match self.0.request(request.body(body)?).await {
            Ok(value) => Ok(Some(value)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(kube::Error::Api(status)) => Err(anyhow!("{method} {path}: {}", status.message)),
            Err(error) => Err(error).with_context(|| format!("{method} {path}")),
        }
    }
}
