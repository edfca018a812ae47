//! Calls to other services, through the sidecar's HTTP proxy.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderName, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tower::util::BoxCloneSyncService;

/// How long a call may take before the caller gives up: longer than any timeout that a mesh sets.
const PATIENCE: Duration = Duration::from_secs(15);
/// The largest answer that is read.
const LARGEST: usize = 1 << 20;

/// Headers that belong to the user's request as a whole and are handed on with each call.
const PROPAGATED: [&str; 5] = ["end-user", "x-request-id", "traceparent", "tracestate", "user-agent"];

/// An answer of another service.
pub(crate) struct Answer {
    /// Its status; 503 if there was no answer.
    pub(crate) status: StatusCode,
    /// Its body, or what went wrong.
    pub(crate) body: Bytes,
}

/// The way out.
#[derive(Clone)]
pub(crate) struct Outbound {
    client: Client<BoxCloneSyncService<Uri, Stream, io::Error>, Empty<Bytes>>,
}

impl Outbound {
    /// Calls that go through `proxy`, or directly without one.
    pub(crate) fn new(proxy: Option<SocketAddr>) -> Self {
        let connector = BoxCloneSyncService::new(tower::service_fn(move |uri: Uri| connect(proxy, uri)));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector);
        Self { client }
    }

    /// Gets `uri` on behalf of the request that carried `headers`.
    pub(crate) async fn get(&self, uri: &str, headers: &HeaderMap) -> Answer {
        match tokio::time::timeout(PATIENCE, self.call(uri, headers)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Answer::unavailable(&*error),
            Err(elapsed) => Answer::unavailable(&elapsed),
        }
    }

    async fn call(&self, uri: &str, headers: &HeaderMap) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let mut request = Request::get(uri).body(Empty::new())?;
        for name in PROPAGATED {
            if let Some(value) = headers.get(name) {
                request.headers_mut().insert(HeaderName::from_static(name), value.clone());
            }
        }
        if let Some(cookie) = headers.get(COOKIE) {
            request.headers_mut().insert(COOKIE, cookie.clone());
        }
        let response = self.client.request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST).collect().await?.to_bytes();
        Ok(Answer { status, body })
    }
}

impl Answer {
    fn unavailable(error: &dyn std::error::Error) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            // Writing to a String cannot fail.
            let _ = write!(reason, ": {error}");
            source = error.source();
        }
        Self { status: StatusCode::SERVICE_UNAVAILABLE, body: Bytes::from(reason) }
    }
}

async fn connect(proxy: Option<SocketAddr>, uri: Uri) -> io::Result<Stream> {
    let stream = match proxy {
        Some(proxy) => TcpStream::connect(proxy).await?,
        None => TcpStream::connect((uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80))).await?,
    };
    stream.set_nodelay(true)?;
    Ok(Stream { io: TokioIo::new(stream), proxied: proxy.is_some() })
}

/// A connection that says whether it ends at a proxy, in which case requests carry the whole URI.
struct Stream {
    io: TokioIo<TcpStream>,
    proxied: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.proxied)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
