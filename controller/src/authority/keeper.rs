//! The storage of the authority: the folder, or in a cluster istiod's Secret.

use heddle_ca::{Authority, AuthorityError, Files};
use kube::Client;
use time::OffsetDateTime;

use super::folder::{self, FolderError};
use super::secret::{Secret, SecretError};
use crate::config::Config;

/// Why the authority cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeeperError {
    /// An error of the folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// An error of the Secret or of the API server.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The files are not a valid authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// The storage of the authority.
#[derive(Clone)]
pub(crate) enum Keeper {
    /// In the folder of `--caDir`.
    Folder,
    /// In the Secret of the cluster.
    Secret(Box<Secret>),
}

impl Keeper {
    /// The operator's files in `--caDir` have priority. Then comes the Secret of the cluster. Without a cluster it is
    /// the folder.
    ///
    /// # Errors
    /// When the folder exists but cannot be read.
    pub(crate) fn of(config: &Config, cluster: Option<Client>) -> Result<Self, FolderError> {
        match cluster {
            Some(client) if folder::read(&config.ca_dir)?.is_empty() => {
                Ok(Self::Secret(Box::new(Secret::new(client, &config.namespace))))
            }
            _ => Ok(Self::Folder),
        }
    }

    /// Loads the authority, or creates a self-signed root if there is none.
    ///
    /// # Errors
    /// When the stored authority is invalid or cannot be read.
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

    /// The stored files.
    pub(super) async fn files(&self, config: &Config) -> Result<Files, KeeperError> {
        match self {
            Self::Folder => Ok(folder::read(&config.ca_dir)?),
            Self::Secret(secret) => Ok(secret.read().await?),
        }
    }

    /// Replaces the stored files.
    pub(super) async fn write(&self, config: &Config, files: &Files) -> Result<(), KeeperError> {
        match self {
            Self::Folder => Ok(folder::write(&config.ca_dir, files)?),
            Self::Secret(secret) => Ok(secret.write(files).await?),
        }
    }
}
