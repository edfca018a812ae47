//! `istio.v1.auth.IstioCertificateService`: a workload that has proved who it is gets its request signed.

use std::sync::Arc;
use std::time::Duration;

use heddle_model::identity::Identity;
use heddle_xds_api::istio::v1::auth::istio_certificate_service_server::{
    IstioCertificateService, IstioCertificateServiceServer,
};
use heddle_xds_api::istio::v1::auth::{IstioCertificateRequest, IstioCertificateResponse};
use tonic::{Request, Response, Status};

use crate::auth::{Authenticate, Credentials};
use crate::metrics::Metrics;

/// The largest request that is read, in bytes: a CSR is a kilobyte.
const MAX_REQUEST: usize = 256 * 1024;
/// Asks for a certificate of another workload, which only node proxies of a cluster may.
const IMPERSONATED: &str = "ImpersonatedIdentity";

/// Signs requests. The caller has proved to be `identity`; nothing else of the request names anyone.
pub trait Sign: Send + Sync + 'static {
    /// The chain in PEM: leaf, each intermediate, all roots as the last element. `asked` of zero asks for no time.
    ///
    /// # Errors
    /// When the request is at fault, or the authority is.
    fn sign(&self, csr: &[u8], identity: &Identity, asked: Duration) -> Result<Vec<String>, SignError>;
}

/// Why a request was not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// There is no authority yet.
    #[error("the certificate authority is not ready")]
    NotReady,
    /// The request cannot be read or does not prove that its sender has the key.
    #[error("{0}")]
    Csr(String),
    /// A longer life was asked for than is given.
    #[error("{0}")]
    Lifetime(String),
    /// The authority is at fault.
    #[error("{0}")]
    Failed(String),
}

/// The service, over the two decisions that it does not make itself.
#[derive(Debug)]
pub struct Certificates<A, S> {
    authenticate: Arc<A>,
    sign: Arc<S>,
    metrics: Arc<Metrics>,
}

impl<A: Authenticate, S: Sign> Certificates<A, S> {
    /// The service for a gRPC server.
    pub fn service(authenticate: Arc<A>, sign: Arc<S>, metrics: Arc<Metrics>) -> IstioCertificateServiceServer<Self> {
        IstioCertificateServiceServer::new(Self { authenticate, sign, metrics }).max_decoding_message_size(MAX_REQUEST)
    }

    async fn certify(&self, call: &Credentials, request: &IstioCertificateRequest) -> Result<Vec<String>, Status> {
        let counts = &self.metrics.certificates;
        counts.requests.add(1);
        let encrypted = call.connection.as_ref().is_some_and(|connection| connection.secure);
        if !encrypted {
            counts.unauthenticated.add(1);
            return Err(Status::unauthenticated("unauthenticated"));
        }
        let identity = self.authenticate.authenticate(call).await.map_err(|error| {
            counts.unauthenticated.add(1);
            tracing::warn!(peer = ?call.peer(), %error, "refused a request for a certificate");
            Status::unauthenticated("unauthenticated")
        })?;
        let fields = request.metadata.as_ref().map(|metadata| &metadata.fields);
        if fields.is_some_and(|fields| fields.contains_key(IMPERSONATED)) {
            counts.unauthenticated.add(1);
            tracing::warn!(peer = ?call.peer(), %identity, "refused to certify a caller as another workload");
            return Err(Status::unauthenticated("unauthenticated"));
        }
        let asked = Duration::from_secs(u64::try_from(request.validity_duration).unwrap_or(0));
        let chain = self.sign.sign(request.csr.as_bytes(), &identity, asked).map_err(|error| {
            tracing::warn!(peer = ?call.peer(), %identity, %error, "did not sign");
            self.refusal(&error)
        })?;
        counts.issued.add(1);
        tracing::info!(%identity, "issued a certificate");
        Ok(chain)
    }

    /// istiod's codes; its words name the error, so that an agent's log says what to do.
    fn refusal(&self, error: &SignError) -> Status {
        let counts = &self.metrics.certificates;
        match error {
            SignError::NotReady => {
                counts.unsigned.add(1);
                Status::internal(format!("CA_NOT_READY: {error}"))
            }
            SignError::Csr(_) => {
                counts.unreadable.add(1);
                Status::invalid_argument(format!("CSR_ERROR: {error}"))
            }
            SignError::Lifetime(_) => {
                counts.lifetime.add(1);
                Status::invalid_argument(format!("TTL_ERROR: {error}"))
            }
            SignError::Failed(_) => {
                counts.unsigned.add(1);
                Status::internal("CERT_GEN_ERROR")
            }
        }
    }
}

#[tonic::async_trait]
impl<A: Authenticate, S: Sign> IstioCertificateService for Certificates<A, S> {
    async fn create_certificate(
        &self,
        request: Request<IstioCertificateRequest>,
    ) -> Result<Response<IstioCertificateResponse>, Status> {
        let (metadata, extensions, request) = request.into_parts();
        let call = Credentials::of(&extensions, metadata.as_ref());
        let cert_chain = self.certify(&call, &request).await?;
        Ok(Response::new(IstioCertificateResponse { cert_chain }))
    }
}

#[cfg(test)]
mod tests;
