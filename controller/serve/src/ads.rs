//! The aggregated discovery service, both methods of it.
//!
//! It is written by hand in place of tonic's server: what many proxies share is sent to each from the same memory.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use heddle_xds_api::Differences;
use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use tokio::sync::watch;
use tonic::{Status, body::Body, server::NamedService};
use tower::Service;

use crate::{
    Generate,
    admission::Admission,
    answer::Answer,
    audience::Audience,
    auth::{Authenticate, Credentials},
    delta::Delta,
    inspect::Inspect,
    mailbox::Outbox,
    metrics::Metrics,
    push::Published,
    registry::Registry,
    requests::Requests,
    sotw::StateOfTheWorld,
    stream::{self, Wire},
};

/// The largest request that is read, in bytes. A proxy that comes back names all that it holds, with versions.
const MAX_REQUEST: usize = 32 * 1024 * 1024;

/// Discovery for proxies.
pub struct Ads<A, G: Generate> {
    shared: Arc<Shared<A, G>>,
}

/// What all streams share.
pub(crate) struct Shared<A, G: Generate> {
    pub(crate) audience: Arc<Audience<G>>,
    pub(crate) authenticate: Arc<A>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) differences: Arc<Differences>,
    /// Whether clients that can are sent routes virtual host by virtual host.
    pub(crate) virtual_hosts: bool,
    pub(crate) admission: Admission,
    /// Who answers questions about the control plane; nobody, where it was not said.
    pub(crate) inspect: Option<Arc<dyn Inspect>>,
}

impl<A: Authenticate, G: Generate> Ads<A, G> {
    /// The service. Nothing is answered before there is a first revision. `virtual_hosts` says whether clients that can
    /// are sent routes virtual host by virtual host.
    #[must_use]
    pub fn new(
        generate: Arc<G>,
        authenticate: Arc<A>,
        revisions: watch::Receiver<Option<Published>>,
        registry: Arc<Registry>,
        metrics: Arc<Metrics>,
        virtual_hosts: bool,
    ) -> Self {
        let audience = Arc::new(Audience::new(generate, revisions));
        let (differences, admission) = (Arc::default(), Admission::default());
        let inspect = None;
        let shared =
            Shared { audience, authenticate, registry, metrics, differences, virtual_hosts, admission, inspect };
        Self { shared: Arc::new(shared) }
    }

    /// The same, with somebody who answers questions about the control plane. To be said before it is shared.
    #[must_use]
    pub fn inspected(mut self, inspect: Arc<dyn Inspect>) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.inspect = Some(inspect);
        }
        self
    }

    /// Spreads revisions to the streams, as long as there are any: it wants to run beside them.
    pub fn spread(&self) -> impl Future<Output = ()> + Send + 'static {
        self.shared.audience.clone().run()
    }

    fn serve<W: Wire>(&self, request: Request<Body>) -> Response<Body> {
        let call = Credentials::of(request.extensions(), request.headers());
        let requests = Requests::new(request.into_body(), MAX_REQUEST);
        let messages = Outbox::new();
        let written = messages.clone();
        let shared = self.shared.clone();
        let work = async move {
            match stream::run::<W, A, G>(&shared, call, requests, messages).await {
                Ok(()) => Status::ok(""),
                Err(error) => {
                    tracing::debug!(%error, "a discovery stream ended");
                    error.status()
                }
            }
        };
        let mut response = Response::new(Body::new(Answer::new(work, written)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        response
    }
}

impl<A: Authenticate, G: Generate> Service<Request<Body>> for Ads<A, G> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = request.uri().path().rsplit('/').next().unwrap_or_default();
        ready(Ok(match method {
            "DeltaAggregatedResources" => self.serve::<Delta>(request),
            "StreamAggregatedResources" => self.serve::<StateOfTheWorld>(request),
            _ => Status::unimplemented("no such method").into_http(),
        }))
    }
}

impl<A, G: Generate> NamedService for Ads<A, G> {
    const NAME: &'static str = "envoy.service.discovery.v3.AggregatedDiscoveryService";
}

impl<A, G: Generate> Clone for Ads<A, G> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<A, G: Generate> fmt::Debug for Ads<A, G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ads")
    }
}
