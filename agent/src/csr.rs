//! Requests a certificate from the certificate authority. The key is created here and never leaves the process.

use std::path::Path;
use std::time::Duration;

use heddle_model::identity::Identity;
use heddle_xds_api::istio::v1::auth::IstioCertificateRequest;
use heddle_xds_api::istio::v1::auth::istio_certificate_service_client::IstioCertificateServiceClient;
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, SanType};
use time::OffsetDateTime;
use tonic::Status;
use tonic::metadata::{AsciiMetadataValue, MetadataMap, MetadataValue};
use tonic::transport::{Channel, Endpoint, Uri};

use crate::config::{Config, Upstream};
use crate::dial::{DialError, dial};
use crate::svid::{AnswerError, Svid};

/// The longest wait for the response of the authority.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no certificate. Each error may be temporary, so the caller retries.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CsrError {
    /// The key or the request could not be created.
    #[error("cannot create the signing request: {0}")]
    Request(#[from] rcgen::Error),
    /// A name or the token cannot be sent in a header.
    #[error("invalid metadata of the call: {0}")]
    Metadata(#[from] tonic::metadata::errors::InvalidMetadataValue),
    /// The authority is not reachable.
    #[error("{0}")]
    Dial(#[from] DialError),
    /// The connection ended before a response.
    #[error("cannot connect: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The authority refused the request.
    #[error("the certificate authority returned an error: {0}")]
    Refused(Box<Status>),
    /// The response of the authority is invalid.
    #[error("invalid response of the certificate authority: {0}")]
    Answer(#[from] AnswerError),
}

/// Creates a key and gets a certificate for it. The token in the file authenticates the request. The current
/// certificate does too, if there is one, so a renewal works with an expired token.
///
/// # Errors
/// When any step fails.
pub(crate) async fn certificate(config: &Config, current: Option<&Svid>) -> Result<Svid, CsrError> {
    let key = KeyPair::generate()?;
    let message = IstioCertificateRequest {
        csr: request(&key, &config.identity)?,
        validity_duration: i64::try_from(config.certificate.ttl.as_secs()).unwrap_or(i64::MAX),
        metadata: None,
    };
    let mut call = tonic::Request::new(message);
    call.set_timeout(TIMEOUT);
    prove(config, call.metadata_mut())?;
    let channel = channel(&config.ca, current).await?;
    let answer = IstioCertificateServiceClient::new(channel).create_certificate(call).await;
    let answer = answer.map_err(|status| CsrError::Refused(Box::new(status)))?;
    Ok(Svid::new(&answer.into_inner().cert_chain, &key, &config.identity, OffsetDateTime::now_utc())?)
}

/// Adds the credentials to a call.
///
/// # Errors
/// When the token cannot be sent in a header.
pub(crate) fn prove(config: &Config, metadata: &mut MetadataMap) -> Result<(), CsrError> {
    metadata.insert("clusterid", config.cluster_id.parse()?);
    if let Some(bearer) = bearer(&config.token_file) {
        let mut bearer: AsciiMetadataValue = MetadataValue::try_from(bearer)?;
        bearer.set_sensitive(true);
        metadata.insert("authorization", bearer);
    }
    Ok(())
}

/// `Bearer <token>`, if the file has a token. It is read each time, because Kubernetes replaces it before it expires.
#[must_use]
pub(crate) fn bearer(token_file: &Path) -> Option<String> {
    let token = std::fs::read_to_string(token_file).ok()?;
    let token = token.trim();
    (!token.is_empty()).then(|| format!("Bearer {token}"))
}

/// The request names the workload, because other authorities expect it. Ours ignores the name.
fn request(key: &KeyPair, identity: &Identity) -> Result<String, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = vec![SanType::URI(identity.to_string().try_into()?)];
    params.serialize_request(key)?.pem()
}

/// One connection for each call. Calls are rare, and each uses the current certificate.
///
/// # Errors
/// When the connection fails.
pub(crate) async fn channel(upstream: &Upstream, current: Option<&Svid>) -> Result<Channel, CsrError> {
    let mut stream = Some(TokioIo::new(dial(upstream, current).await?));
    let origin = Uri::builder().scheme("http").authority(upstream.address.as_str()).path_and_query("/").build();
    let endpoint = Endpoint::from(origin.unwrap_or_else(|_| Uri::from_static("http://heddled")));
    let connect = tower::service_fn(move |_: Uri| {
        let stream = stream.take().ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotConnected));
        std::future::ready(stream)
    });
    Ok(endpoint.connect_with_connector(connect).await?)
}

#[cfg(test)]
mod tests;
