//! The Secret `istio-ca-secret`, which has the self-signed root of a cluster. A Secret of istiod is used unchanged, so
//! its certificates stay trusted. istiod can use our Secret too.

use std::collections::BTreeMap;
use std::time::Duration;

use heddle_ca::{Authority, AuthorityError, Files};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret as Stored;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use ring::rand::SystemRandom;
use time::OffsetDateTime;

use crate::cluster::reason;

/// Its name.
const NAME: &str = "istio-ca-secret";
/// Its type.
const TYPE: &str = "istio.io/ca-root";
/// Another key of istiod's Secret, which is always empty here.
const UNUSED: &str = "key.pem";
/// The delay before the API server is asked again, at start.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why the Secret has no valid authority.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    /// The API server refused the request, or did not respond.
    #[error("Secret {NAME}: {0}")]
    Api(#[from] kube::Error),
    /// The content is not a valid authority.
    #[error("Secret {NAME}: {0}")]
    Authority(#[from] AuthorityError),
    /// The Secret was deleted.
    #[error("Secret {NAME} was deleted")]
    Gone,
}

/// Reads and writes the Secret.
#[derive(Clone)]
pub(crate) struct Secret {
    api: Api<Stored>,
}

impl Secret {
    /// The Secret in the namespace of the control plane.
    pub(super) fn new(client: Client, namespace: &str) -> Self {
        Self { api: Api::namespaced(client, namespace) }
    }

    /// The authority in the Secret. If there is none, a root is created once. Of several replicas that start at once,
    /// one creates it and the others use it.
    pub(super) async fn load(
        &self,
        trust_domain: &str,
        life: Duration,
        now: OffsetDateTime,
    ) -> Result<Authority, SecretError> {
        let mut said = false;
        loop {
            match self.found_or_made(trust_domain, life, now).await {
                Ok(Some(authority)) => return Ok(authority),
                Ok(None) => {}
                Err(SecretError::Api(error)) => {
                    if !std::mem::replace(&mut said, true) {
                        tracing::error!(error = reason(&error), "cannot read or create Secret {NAME}; heddled retries");
                    }
                    tokio::time::sleep(PATIENCE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The content of the Secret.
    pub(super) async fn read(&self) -> Result<Files, SecretError> {
        Ok(files(self.api.get_opt(NAME).await?.ok_or(SecretError::Gone)?))
    }

    /// Replaces the content, unless another writer has changed it.
    pub(super) async fn write(&self, files: &Files) -> Result<(), SecretError> {
        let mut stored = self.api.get_opt(NAME).await?.ok_or(SecretError::Gone)?;
        stored.data.get_or_insert_default().extend(data(files));
        self.api.replace(NAME, &PostParams::default(), &stored).await?;
        Ok(())
    }

    /// Returns `None` if another replica created it at the same time.
    async fn found_or_made(
        &self,
        trust_domain: &str,
        life: Duration,
        now: OffsetDateTime,
    ) -> Result<Option<Authority>, SecretError> {
        if let Some(stored) = self.api.get_opt(NAME).await? {
            let authority = heddle_ca::load(&files(stored), now)?;
            tracing::info!("the root certificate is that of Secret {NAME}");
            return Ok(Some(authority));
        }
        let (authority, files) = heddle_ca::self_signed(trust_domain, life, now, &SystemRandom::new())?;
        let mut data = data(&files);
        data.insert(UNUSED.into(), ByteString::default());
        let stored = Stored {
            metadata: ObjectMeta { name: Some(NAME.into()), ..ObjectMeta::default() },
            type_: Some(TYPE.into()),
            data: Some(data),
            ..Stored::default()
        };
        match self.api.create(&PostParams::default(), &stored).await {
            Ok(_) => {
                tracing::info!(trust_domain, "created a self-signed root certificate in Secret {NAME}");
                Ok(Some(authority))
            }
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn files(stored: Stored) -> Files {
    let data = stored.data.unwrap_or_default();
    heddle_ca::secret_files(data.into_iter().map(|(key, value)| (key, value.0)).collect())
}

fn data(files: &Files) -> BTreeMap<String, ByteString> {
    files.iter().map(|(name, content)| (name.clone(), ByteString(content.clone()))).collect()
}
