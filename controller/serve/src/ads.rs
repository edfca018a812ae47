//! The aggregated discovery service, both methods of it.
//!
//! It takes the place of tonic's server, which would copy each message: resources that many proxies share are sent to
//! each from the same memory.

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
    auth::{Authenticate, Credentials},
    inspect::Inspect,
    metrics::Metrics,
    push::Published,
    registry::ConnectionRegistry,
    room::Room,
    round::{admission::Admission, audience::Audience},
    stream,
    transport::body::ResponseBody,
    transport::delta::Delta,
    transport::mailbox::Outbox,
    transport::requests::{Limits, Requests},
    transport::sotw::StateOfTheWorld,
    transport::wire::Wire,
};

/// The largest request that is read, in bytes. A proxy that reconnects names all resources that it holds, with
/// versions: a hundred thousand names of clusters.
const MAX_REQUEST: usize = 16 << 20;
/// What the large requests of all streams may take together while they arrive, in bytes.
const MAX_REQUESTS: usize = 128 << 20;

/// Discovery for proxies.
pub struct Ads<A, G: Generate> {
    state: Arc<AdsState<A, G>>,
}

/// The state that all discovery streams share.
pub(crate) struct AdsState<A, G: Generate> {
    pub(crate) audience: Arc<Audience<G>>,
    pub(crate) authenticate: Arc<A>,
    pub(crate) registry: Arc<ConnectionRegistry>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) differences: Arc<Differences>,
    /// Changes when a proxy that rejects something holds what others can be sent instead.
    pub(crate) fallback_changes: watch::Sender<u64>,
    /// Whether clients that support VHDS on ADS are sent virtual hosts one by one.
    pub(crate) virtual_hosts: bool,
    pub(crate) admission: Admission,
    /// The memory in which requests are read.
    pub(crate) limits: Limits,
    /// What serves the debug types; none by default.
    pub(crate) inspect: Option<Arc<dyn Inspect>>,
}

impl<A: Authenticate, G: Generate> Ads<A, G> {
    /// The service. No response is sent before the first revision. `virtual_hosts` says whether clients that support
    /// VHDS on ADS are sent virtual hosts one by one.
    #[must_use]
    pub fn new(
        generate: Arc<G>,
        authenticate: Arc<A>,
        revisions: watch::Receiver<Option<Published>>,
        registry: Arc<ConnectionRegistry>,
        metrics: Arc<Metrics>,
        virtual_hosts: bool,
    ) -> Self {
        let audience = Arc::new(Audience::new(generate, revisions));
        let differences = Arc::new(Differences::default().with_stand_in(G::stand_in));
        let (fallback_changes, admission) = (watch::Sender::new(0), Admission::default());
        let inspect = None;
        let limits = Limits { most: MAX_REQUEST, room: Room::new(MAX_REQUESTS) };
        let state = AdsState {
            audience,
            authenticate,
            registry,
            metrics,
            differences,
            fallback_changes,
            virtual_hosts,
            admission,
            limits,
            inspect,
        };
        Self { state: Arc::new(state) }
    }

    /// The same service, with debug types. Call it before the service is cloned.
    #[must_use]
    pub fn inspected(mut self, inspect: Arc<dyn Inspect>) -> Self {
        if let Some(state) = Arc::get_mut(&mut self.state) {
            state.inspect = Some(inspect);
        }
        self
    }

    /// Compiles revisions for the streams until there are no more. The caller must spawn it beside the streams.
    pub fn rounds(&self) -> impl Future<Output = ()> + Send + 'static {
        self.state.audience.clone().run()
    }

    fn serve<W: Wire>(&self, request: Request<Body>) -> Response<Body> {
        let call = Credentials::of(request.extensions(), request.headers());
        let requests = Requests::new(request.into_body(), self.state.limits.clone());
        let messages = Outbox::new();
        let written = messages.clone();
        let state = self.state.clone();
        let work = async move {
            match stream::run::<W, A, G>(&state, call, requests, messages).await {
                Ok(()) => Status::ok(""),
                Err(error) => {
                    tracing::debug!(%error, "a discovery stream ended");
                    error.status()
                }
            }
        };
        let mut response = Response::new(Body::new(ResponseBody::new(work, written)));
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
        Self { state: self.state.clone() }
    }
}

impl<A, G: Generate> fmt::Debug for Ads<A, G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ads")
    }
}
