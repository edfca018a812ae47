//! The place that keeps the authority: the folder, or in a cluster the Secret that istiod keeps its own in.

use heddle_ca::{Authority, AuthorityError, Files};
use kube::Client;
use time::OffsetDateTime;

use super::folder::{self, FolderError};
use super::secret::{Secret, SecretError};
use crate::config::Config;

/// Why the authority cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeeperError {
    /// The folder is at fault.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The Secret is, or the API server.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The files are not an authority's.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// Where the authority is kept.
#[derive(Clone)]
pub(crate) enum Keeper {
    /// In the folder of `--caDir`.
    Folder,
    /// In the cluster.
    Secret(Box<Secret>),
}

impl Keeper {
    /// What an operator plugged in at `--caDir` counts most; else the cluster's Secret; without a cluster, the folder.
    ///
    /// # Errors
    /// When the folder is there and cannot be read.
    pub(crate) fn of(config: &Config, cluster: Option<Client>) -> Result<Self, FolderError> {
        match cluster {
            Some(client) if folder::read(&config.ca_dir)?.is_empty() => {
                Ok(Self::Secret(Box::new(Secret::new(client, &config.namespace))))
            }
            _ => Ok(Self::Folder),
        }
    }

    /// Loads the authority, or makes a self-signed root where there is none.
    ///
    /// # Errors
    /// When what is kept is no authority, or cannot be read.
    pub(crate) async fn load(
        &self,
        config: &Config,
        trust_domain: &str,
        now: OffsetDateTime,
    ) -> Result<Authority, KeeperError> {
        match self {
            Self::Folder => Ok(folder::authority(&config.ca_dir, trust_domain, config.root_cert_ttl, now)?),
            Self::Secret(secret) => Ok(secret.load(trust_domain, config.root_cert_ttl, now).await?),
        }
    }

    /// What is kept.
    pub(super) async fn files(&self, config: &Config) -> Result<Files, KeeperError> {
        match self {
            Self::Folder => Ok(folder::read(&config.ca_dir)?),
            Self::Secret(secret) => Ok(secret.read().await?),
        }
    }

    /// Replaces what is kept.
    pub(super) async fn write(&self, config: &Config, files: &Files) -> Result<(), KeeperError> {
        match self {
            Self::Folder => Ok(folder::write(&config.ca_dir, files)?),
            Self::Secret(secret) => Ok(secret.write(files).await?),
        }
    }
}
