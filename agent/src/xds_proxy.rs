//! Relays xDS between Envoy's Unix socket and the control plane, and adds the credentials of the workload.
//!
//! It relays the bytes of the HTTP/2 streams and reads no message. So it costs little, has no size limit, and supports
//! every variant of the protocol. The flow control of both sides limits the memory.
//!
//! While the control plane is down, Envoy's call is held and Envoy keeps its configuration. When a stream of the
//! control plane ends, Envoy's stream ends too. Then Envoy opens a new one and lists the versions that it has.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{Either, Empty};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::client::conn::http2::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

use crate::backoff::Backoff;
use crate::config::Config;
use crate::csr::bearer;
use crate::dial::{DialError, dial};
use crate::status::Counters;
use crate::svid::Current;

/// The only service that is relayed.
const SERVICE: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/";
/// The most streams. Envoy has one.
const MAX_STREAMS: u32 = 16;
/// The flow-control window: the first configuration of a large mesh takes a few steps.
const WINDOW: u32 = 4 * 1024 * 1024;
/// The interval of HTTP/2 pings on an idle connection, and the time limit of the response.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// The response body: the stream of the control plane, or empty for a response of our own.
type Body = Either<Relayed, Empty<Bytes>>;

/// The state of the relay, shared by all streams.
#[derive(Debug)]
pub(crate) struct Relay {
    /// How to reach the control plane.
    pub(crate) config: Arc<Config>,
    /// The current certificate.
    pub(crate) current: watch::Receiver<Current>,
    /// The counters.
    pub(crate) counters: Arc<Counters>,
}

/// Why a stream could not be opened.
#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error("{0}")]
    Dial(#[from] DialError),
    #[error("cannot connect: {0}")]
    Http(#[from] hyper::Error),
}

/// Accepts Envoy's connections until the process ends.
pub(crate) async fn serve(socket: UnixListener, relay: Arc<Relay>) {
    loop {
        match socket.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, Arc::clone(&relay)))),
            Err(error) => {
                // Probably there are no free file descriptors. Wait until some are closed.
                tracing::warn!(%error, "cannot accept a connection on the xDS socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(stream: UnixStream, relay: Arc<Relay>) {
    let service = service_fn(move |request| {
        let relay = Arc::clone(&relay);
        async move { Ok::<_, Infallible>(relay.call(request).await) }
    });
    let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of Envoy failed");
    }
}

impl Relay {
    /// Relays one stream of Envoy. When Envoy ends its stream, this call is dropped.
    async fn call(&self, request: Request<Incoming>) -> Response<Body> {
        if !request.uri().path().starts_with(SERVICE) {
            return refusal(12, "only aggregated discovery (ADS) is supported");
        }
        self.counters.xds_streams.add();
        let mut sender = self.connected().await;
        let request = match self.outgoing(request) {
            Ok(request) => request,
            Err(error) => return refusal(13, &error.to_string()),
        };
        match sender.send_request(request).await {
            Ok(response) => {
                self.tell(response.headers());
                response.map(|inner| Either::Left(Relayed { inner, counters: Arc::clone(&self.counters) }))
            }
            Err(error) => {
                self.counters.xds_losses.add();
                tracing::warn!(%error, "the control plane did not accept the stream");
                refusal(14, "the control plane is not reachable")
            }
        }
    }

    /// A response with a gRPC status in its headers has no body.
    fn tell(&self, headers: &HeaderMap) {
        let address = &self.config.discovery.address;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match text("grpc-status") {
            "" => tracing::info!(address, "connected to the control plane"),
            status => {
                tracing::warn!(address, status, reason = text("grpc-message"), "the control plane refuses the stream");
            }
        }
    }

    /// Connects, with retries and without a time limit.
    async fn connected(&self) -> SendRequest<Incoming> {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        let mut said = None;
        loop {
            let error = match self.connect().await {
                Ok(sender) => return sender,
                Err(error) => error.to_string(),
            };
            self.counters.xds_failures.add();
            // The same message each second would hide all other messages.
            if said.as_ref() != Some(&error) {
                tracing::warn!(%error, "the control plane is not reachable; Envoy keeps its last configuration");
                said = Some(error);
            }
            tokio::time::sleep(backoff.step()).await;
        }
    }

    /// Opens a connection for each stream, so that it uses the current certificate.
    async fn connect(&self) -> Result<SendRequest<Incoming>, RelayError> {
        let svid = self.current.borrow().clone();
        let stream = dial(&self.config.discovery, svid.as_deref()).await?;
        let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            .handshake(TokioIo::new(stream))
            .await?;
        // This ends with the stream, because nobody else holds the sender.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the control plane ended");
            }
        });
        Ok(sender)
    }

    /// Rewrites Envoy's call for the control plane. Our credentials replace those of the call.
    fn outgoing(&self, request: Request<Incoming>) -> Result<Request<Incoming>, http::Error> {
        let (mut parts, body) = request.into_parts();
        let authority = self.config.discovery.address.as_str();
        let path = parts.uri.path().to_owned();
        parts.uri = Uri::builder().scheme("https").authority(authority).path_and_query(path).build()?;
        parts.headers.remove(header::AUTHORIZATION);
        if let Some(bearer) = bearer(&self.config.token_file) {
            let mut bearer = HeaderValue::try_from(bearer)?;
            bearer.set_sensitive(true);
            parts.headers.insert(header::AUTHORIZATION, bearer);
        }
        parts.headers.insert("clusterid", HeaderValue::try_from(&self.config.cluster_id)?);
        Ok(Request::from_parts(parts, body))
    }
}

/// The stream from the control plane. When it ends, Envoy's stream ends.
struct Relayed {
    inner: Incoming,
    counters: Arc<Counters>,
}

impl hyper::body::Body for Relayed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        let lost = match &polled {
            Poll::Ready(None) => "the control plane ended the stream".to_owned(),
            Poll::Ready(Some(Err(error))) => error.to_string(),
            _ => return polled,
        };
        self.counters.xds_losses.add();
        tracing::warn!(reason = lost, "lost the connection to the control plane; Envoy keeps its last configuration");
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A gRPC response with only a status.
fn refusal(code: u8, message: &str) -> Response<Body> {
    let mut response = Response::new(Either::Right(Empty::new()));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from(u16::from(code)));
    if let Ok(message) = HeaderValue::try_from(message) {
        headers.insert("grpc-message", message);
    }
    response
}

#[cfg(test)]
mod tests;
