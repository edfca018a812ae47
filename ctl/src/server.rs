//! A Kubernetes API server, asked for plain objects by their paths.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;

/// Who writes, as the API server notes it.
pub(crate) const WRITER: &str = "heddle-operator";
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which API server.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ApiServer {
    /// A kubeconfig; otherwise that of `$KUBECONFIG`, of the home folder, or of the pod that this runs in.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// A context of it other than the current one.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

/// A connection.
pub(crate) struct Server(Client);

impl ApiServer {
    /// Reads how to reach it; nothing is sent yet.
    pub(crate) async fn server(&self) -> Result<Server> {
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let mut config = match &self.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path).with_context(|| path.display().to_string())?;
                Config::from_custom_kubeconfig(file, &options).await?
            }
            None if self.context.is_some() => Config::from_kubeconfig(&options).await?,
            None => Config::infer().await.context("there is no kubeconfig; --kubeconfig names one")?,
        };
        config.read_timeout = Some(PATIENCE);
        Ok(Server(ClientBuilder::try_from(config)?.build()))
    }
}

impl Server {
    /// What is at a path; none where nothing is.
    pub(crate) async fn get(&self, path: &str) -> Result<Option<Value>> {
        self.call("GET", path, None).await
    }

    /// The objects at a path, with the kind and version that a list's items leave out; empty where the kind is not known.
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

    /// Applies an object, server-side: fields that others own are taken from them. With `dry` nothing is kept.
    pub(crate) async fn apply(&self, path: &str, object: &Value, dry: bool) -> Result<Value> {
        let dry = if dry { "&dryRun=All" } else { "" };
        let path = format!("{path}?fieldManager={WRITER}&force=true{dry}");
        self.call("PATCH", &path, Some(object)).await?.with_context(|| format!("{path} is not there"))
    }

    /// Puts an object in the place of what is there, or says what that would give.
    pub(crate) async fn replace(&self, path: &str, object: &Value) -> Result<()> {
        self.call("PUT", &format!("{path}?fieldManager={WRITER}"), Some(object)).await.map(drop)
    }

    /// Makes an object of a collection.
    pub(crate) async fn create(&self, path: &str, object: &Value) -> Result<Value> {
        self.call("POST", path, Some(object)).await?.with_context(|| format!("{path} is not there"))
    }

    /// Removes what is at a path, and what belongs to it; false where nothing was.
    pub(crate) async fn delete(&self, path: &str) -> Result<bool> {
        Ok(self.call("DELETE", &format!("{path}?propagationPolicy=Background"), None).await?.is_some())
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
