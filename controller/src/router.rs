//! Which service answers a gRPC call, by its path.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tower::{Service, ServiceExt};

use crate::reflection;

/// Paths of discovery.
const DISCOVERY: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/";
/// Paths of the certificate service.
const CERTIFICATES: &str = "/istio.v1.auth.IstioCertificateService/";

/// The services of one port.
#[derive(Clone, Debug)]
pub(crate) struct Router<D, C> {
    /// Discovery.
    pub discovery: D,
    /// Certificates: on the encrypted port only.
    pub certificates: Option<C>,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<D, C> Service<Request<Body>> for Router<D, C>
where
    D: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    D::Future: Send,
    C: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    C::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let path = request.uri().path();
        match &self.certificates {
            Some(certificates) if path.starts_with(CERTIFICATES) => Box::pin(certificates.clone().oneshot(request)),
            _ if path.starts_with(DISCOVERY) => Box::pin(self.discovery.clone().oneshot(request)),
            _ if reflection::PATHS.iter().any(|one| path.starts_with(one)) => Box::pin(reflection::answer(request)),
            _ => {
                Box::pin(async { Ok(Status::unimplemented("this port does not serve this gRPC service").into_http()) })
            }
        }
    }
}
