//! The connection to a Kubernetes API server.

mod leader;

use std::path::PathBuf;

use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config as KubeConfig};

use crate::config::Config;

pub(crate) use leader::Candidate;

/// Why the connection cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    /// The kubeconfig is invalid.
    #[error("--kubeconfig {path}: {error}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error.
        error: Box<kube::config::KubeconfigError>,
    },
    /// The service account of the pod is missing.
    #[error("cannot read the service account of the pod: {0}")]
    Inside(#[from] kube::config::InClusterError),
    /// The certificates or keys are invalid.
    #[error("cannot connect to the API server: {0}")]
    Client(Box<kube::Error>),
}

/// Prepares the connection, if there is a cluster. It sends no request, because the API server may start later.
///
/// # Errors
/// When the kubeconfig or the service account is invalid.
pub(crate) async fn connect(config: &Config) -> Result<Option<Client>, ClusterError> {
    let mut config = match &config.kubeconfig {
        Some(path) => from_file(path.clone()).await?,
        None if config.is_in_cluster() => KubeConfig::incluster()?,
        None => return Ok(None),
    };
    // A watch may be silent for minutes. It ends itself before that is too long.
    config.read_timeout = None;
    tracing::info!(server = %config.cluster_url, "watching a Kubernetes API server");
    let of = |error| ClusterError::Client(Box::new(error));
    Ok(Some(ClientBuilder::try_from(config).map_err(of)?.build()))
}

async fn from_file(path: PathBuf) -> Result<KubeConfig, ClusterError> {
    let of = |error| ClusterError::File { path: path.clone(), error: Box::new(error) };
    let file = Kubeconfig::read_from(&path).map_err(of)?;
    KubeConfig::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.map_err(of)
}

/// The reason of the API server, without further context.
#[must_use]
pub(crate) fn reason(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        error => error.to_string(),
    }
}
