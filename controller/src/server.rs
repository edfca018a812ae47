//! The sockets of gRPC: accepts connections, encrypts them where the port is to, and gives each request to its service.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use heddle_serve::auth::Connection;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::{Service, ServiceExt};

use crate::config::{Config, Listen};

use preface::Begun;
use quick_ack::QuickAckOff;

mod preface;
mod quick_ack;

/// How long a client may take for its TLS handshake, and how long for the first bytes of HTTP/2.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Calls at a time on one connection. A proxy has one or two, and many proxies may share one that another proxy makes.
const MAX_CALLS: u32 = 100;
/// How long accepting waits when the process has no file descriptor left. Without the wait it would fail again at once.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// Bytes of a response that may wait in memory for the peer to read. A peer that does not read costs no more.
const MAX_UNREAD: usize = 64 * 1024;

/// Bytes of requests that may wait in memory. A proxy that reconnects sends a hundred times as much at once, and while
/// thousands reconnect only some of their requests are read.
const MAX_UNHEARD: u32 = 32 * 1024;

/// How long calls may go on after GOAWAY was sent. Discovery streams never end and are reset then.
const MAX_GRACE: Duration = Duration::from_millis(250);

/// How long a connection lives: HTTP/2 keepalive, its largest age, and the time that its calls get at its end.
#[derive(Clone, Debug)]
pub(crate) struct KeepaliveConfig {
    /// How often an idle peer is sent an HTTP/2 PING; zero is never.
    pub interval: Duration,
    /// How long it has to acknowledge the PING.
    pub timeout: Duration,
    /// The largest age of a connection; zero is no limit.
    pub age: Duration,
    /// How long calls may go on after GOAWAY was sent.
    pub grace: Duration,
}

impl From<&Config> for KeepaliveConfig {
    fn from(config: &Config) -> Self {
        Self {
            interval: config.keepalive_interval,
            timeout: config.keepalive_timeout,
            age: config.max_connection_age,
            grace: config.shutdown_duration.min(MAX_GRACE),
        }
    }
}

/// Binds a socket; none where the address is off. Without IPv6 on this machine, all addresses are those of IPv4.
pub(crate) async fn bind(name: &'static str, listen: Listen) -> io::Result<Option<TcpListener>> {
    let Some(address) = listen.0 else { return Ok(None) };
    let bound = match TcpListener::bind(address).await {
        Err(error) if address.ip().is_unspecified() && address.is_ipv6() && !is_taken(&error) => {
            TcpListener::bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port())).await
        }
        other => other,
    };
    let listener = bound.map_err(|error| io::Error::new(error.kind(), format!("{name} on {address}: {error}")))?;
    tracing::info!(port = name, address = %listener.local_addr()?, "listening");
    Ok(Some(listener))
}

/// Serves until `end`. Then sends GOAWAY to all peers and waits for their calls, no longer than the grace period.
pub(crate) async fn serve<S>(
    listener: TcpListener,
    tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    service: S,
    keepalive: KeepaliveConfig,
    end: CancellationToken,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = end.cancelled() => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                let tls = tls.as_ref().map(|tls| tls.borrow().clone());
                connections.spawn(connection(stream, peer, tls, service.clone(), keepalive.clone(), end.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
            }
        }
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(keepalive.grace, rest).await.is_err() {
        tracing::debug!("calls had not ended at the end of the grace period");
    }
}

async fn connection<S>(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    service: S,
    keepalive: KeepaliveConfig,
    end: CancellationToken,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    // Pushes are small. Nagle's algorithm would delay them until the peer's TCP ACK.
    let _ = stream.set_nodelay(true);
    let stream = QuickAckOff::new(stream);
    let Some(tls) = tls else {
        let connection = Connection { peer, secure: false, chain: Vec::new() };
        return calls(stream, connection, service, keepalive, end).await;
    };
    let handshake = tokio::time::timeout(HANDSHAKE, tokio_rustls::TlsAcceptor::from(tls).accept(stream));
    match handshake.await {
        Ok(Ok(stream)) => {
            let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
            let chain = chain.iter().map(|certificate| certificate.to_vec()).collect();
            calls(stream, Connection { peer, secure: true, chain }, service, keepalive, end).await;
        }
        Ok(Err(error)) => tracing::info!(%peer, %error, "a TLS handshake failed"),
        Err(_) => tracing::info!(%peer, "a TLS handshake took too long"),
    }
}

async fn calls<I, S>(io: I, connection: Connection, service: S, keepalive: KeepaliveConfig, end: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let peer = connection.peer;
    let Ok(Ok(io)) = tokio::time::timeout(HANDSHAKE, Begun::new(io)).await else {
        return tracing::debug!(%peer, "a client did not begin HTTP/2");
    };
    let connection = Arc::new(connection);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(connection.clone());
        service.clone().oneshot(request)
    });
    // Each call is a task of its own (ADR 018). It ends with its connection: h2 resets the streams of one that is
    // dropped.
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).max_concurrent_streams(MAX_CALLS).max_send_buf_size(MAX_UNREAD);
    builder.initial_stream_window_size(MAX_UNHEARD);
    if !keepalive.interval.is_zero() {
        builder.keep_alive_interval(keepalive.interval).keep_alive_timeout(keepalive.timeout);
    }
    let age = async {
        if keepalive.age.is_zero() { std::future::pending().await } else { tokio::time::sleep(keepalive.age).await }
    };
    let mut serving = pin!(builder.serve_connection(TokioIo::new(io), service));
    let ended = tokio::select! {
        biased;
        ended = &mut serving => ended,
        () = end.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
        () = age => {
            // What is still open after that is reset. A discovery stream comes back on another connection.
            serving.as_mut().graceful_shutdown();
            tokio::time::timeout(keepalive.grace, serving).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended");
    }
}

fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests;
