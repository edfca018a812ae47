//! `istio.v1.auth.IstioCertificateService`: a workload that has proved who it is gets its request signed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use heddle_model::identity::Identity;
use heddle_xds_api::istio::v1::auth::istio_certificate_service_server::{
    IstioCertificateService, IstioCertificateServiceServer,
};
use heddle_xds_api::istio::v1::auth::{IstioCertificateRequest, IstioCertificateResponse};
use tonic::body::Body;
use tonic::{Request, Response, Status};
use tower::Service;

use crate::auth::{Authenticate, Credentials};
use crate::metrics::Metrics;

/// The largest request that is read, in bytes: a CSR is a kilobyte.
const MAX_REQUEST: usize = 64 * 1024;
/// How long a request may take to arrive and to be answered.
const PATIENCE: Duration = Duration::from_secs(10);
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

/// The service as a gRPC server calls it. It reads no request of a caller that has not proved who it is.
#[derive(Debug)]
pub struct CertificateService<A, S>(Arc<Certificates<A, S>>);

/// Who sent a request, in its extensions.
#[derive(Clone, Debug)]
struct Caller {
    identity: Identity,
    peer: Option<SocketAddr>,
}

impl<A: Authenticate, S: Sign> Certificates<A, S> {
    /// The service for a gRPC server.
    pub fn service(authenticate: Arc<A>, sign: Arc<S>, metrics: Arc<Metrics>) -> CertificateService<A, S> {
        CertificateService(Arc::new(Self { authenticate, sign, metrics }))
    }

    /// Who calls, by the headers of the call.
    async fn identify(&self, call: &Credentials) -> Result<Identity, Status> {
        let counts = &self.metrics.certificates;
        counts.requests.add(1);
        let encrypted = call.connection.as_ref().is_some_and(|connection| connection.secure);
        if !encrypted {
            counts.unauthenticated.add(1);
            return Err(Status::unauthenticated("unauthenticated"));
        }
        let refused = |error: &dyn std::fmt::Display| {
            counts.unauthenticated.add(1);
            tracing::warn!(peer = ?call.peer(), %error, "refused a request for a certificate");
            Status::unauthenticated("unauthenticated")
        };
        let identity = self.authenticate.authenticate(call).await.map_err(|error| refused(&error))?;
        if !self.authenticate.exists(&identity).await {
            return Err(refused(&format!("the service account of {identity} does not exist")));
        }
        Ok(identity)
    }

    fn certify(&self, caller: &Caller, request: &IstioCertificateRequest) -> Result<Vec<String>, Status> {
        let counts = &self.metrics.certificates;
        let Caller { identity, peer } = caller;
        let fields = request.metadata.as_ref().map(|metadata| &metadata.fields);
        if fields.is_some_and(|fields| fields.contains_key(IMPERSONATED)) {
            counts.unauthenticated.add(1);
            tracing::warn!(?peer, %identity, "refused to certify a caller as another workload");
            return Err(Status::unauthenticated("unauthenticated"));
        }
        let asked = Duration::from_secs(u64::try_from(request.validity_duration).unwrap_or(0));
        let chain = self.sign.sign(request.csr.as_bytes(), identity, asked).map_err(|error| {
            tracing::warn!(?peer, %identity, %error, "did not sign");
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
        let (_, extensions, request) = request.into_parts();
        let caller = extensions.get::<Caller>().ok_or_else(|| Status::unauthenticated("unauthenticated"))?;
        let cert_chain = self.certify(caller, &request)?;
        Ok(Response::new(IstioCertificateResponse { cert_chain }))
    }
}

impl<A: Authenticate, S: Sign> CertificateService<A, S> {
    async fn answer(self, mut request: http::Request<Body>) -> Result<http::Response<Body>, Status> {
        let call = Credentials::of(request.extensions(), request.headers());
        let identity = self.0.identify(&call).await?;
        request.extensions_mut().insert(Caller { identity, peer: call.peer() });
        let mut read = IstioCertificateServiceServer::from_arc(self.0).max_decoding_message_size(MAX_REQUEST);
        let Ok(response) = read.call(request).await;
        Ok(response)
    }
}

impl<A: Authenticate, S: Sign> Service<http::Request<Body>> for CertificateService<A, S> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let answer = tokio::time::timeout(PATIENCE, self.clone().answer(request));
        Box::pin(async move {
            let late = |_| Err(Status::deadline_exceeded("the request did not arrive in time"));
            Ok(answer.await.unwrap_or_else(late).unwrap_or_else(Status::into_http))
        })
    }
}

impl<A, S> Clone for CertificateService<A, S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(test)]
mod tests;
