//! The sockets of gRPC: accepts connections, encrypts them where the port is to, and gives each request to its service.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use heddle_serve::auth::Connection;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::{Service, ServiceExt};

use crate::config::{Config, Listen};

use connection_task::{Calls, ConnectionTask};
use quick_ack::QuickAckOff;

mod connection_task;
mod quick_ack;
mod subtask;

/// How long a client may take for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Calls under way at a time on one connection.
const MAX_CALLS: u32 = 1000;
/// How long accepting rests when the process has no file descriptor left, in place of failing again at once.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// Bytes of a response that may wait in memory for the peer to read: all that one that does not read costs.
const MAX_UNREAD: usize = 64 * 1024;

/// Bytes of requests that may wait in memory for their turn. A proxy that comes back says a hundred times as much at once,
/// and while thousands do only some are heard.
const MAX_UNHEARD: u32 = 32 * 1024;

/// How long calls under way may take once the end was announced; streams of discovery never end and are cut off then.
const FAREWELL: Duration = Duration::from_millis(250);

/// How connections are treated, whatever their port.
#[derive(Clone, Debug)]
pub(crate) struct Manners {
    /// How often an idle peer is asked whether it is there.
    pub interval: Duration,
    /// How long it has to answer.
    pub timeout: Duration,
    /// The longest life of a connection; zero is no limit.
    pub age: Duration,
    /// How long calls may go on after the connection's end was announced.
    pub farewell: Duration,
}

impl From<&Config> for Manners {
    fn from(config: &Config) -> Self {
        Self {
            interval: config.keepalive_interval,
            timeout: config.keepalive_timeout,
            age: config.max_connection_age,
            farewell: config.shutdown_duration.min(FAREWELL),
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

/// Serves until `end`; then announces the end to all peers and waits a moment for calls under way.
pub(crate) async fn serve<S>(
    listener: TcpListener,
    tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    service: S,
    manners: Manners,
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
                connections.spawn(connection(stream, peer, tls, service.clone(), manners.clone(), end.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
            }
        }
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(manners.farewell, rest).await.is_err() {
        tracing::debug!("calls were under way at the end");
    }
}

async fn connection<S>(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    service: S,
    manners: Manners,
    end: CancellationToken,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    // Pushes are small and wait for nobody: Nagle's algorithm would hold them back for the peer's ACK.
    let _ = stream.set_nodelay(true);
    let stream = QuickAckOff::new(stream);
    let Some(tls) = tls else {
        let connection = Connection { peer, secure: false, chain: Vec::new() };
        return calls(stream, connection, service, manners, end).await;
    };
    let handshake = tokio::time::timeout(HANDSHAKE, tokio_rustls::TlsAcceptor::from(tls).accept(stream));
    match handshake.await {
        Ok(Ok(stream)) => {
            let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
            let chain = chain.iter().map(|certificate| certificate.to_vec()).collect();
            calls(stream, Connection { peer, secure: true, chain }, service, manners, end).await;
        }
        Ok(Err(error)) => tracing::info!(%peer, %error, "a TLS handshake failed"),
        Err(_) => tracing::info!(%peer, "a TLS handshake took too long"),
    }
}

async fn calls<I, S>(io: I, connection: Connection, service: S, manners: Manners, end: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let peer = connection.peer;
    let connection = Arc::new(connection);
    let answer = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(connection.clone());
        service.clone().oneshot(request)
    });
    let begun = Calls::default();
    let mut builder = http2::Builder::new(begun.clone());
    builder.timer(TokioTimer::new()).max_concurrent_streams(MAX_CALLS).max_send_buf_size(MAX_UNREAD);
    builder.initial_stream_window_size(MAX_UNHEARD);
    if !manners.interval.is_zero() {
        builder.keep_alive_interval(manners.interval).keep_alive_timeout(manners.timeout);
    }
    let age = async {
        if manners.age.is_zero() { std::future::pending().await } else { tokio::time::sleep(manners.age).await }
    };
    let mut serving = ConnectionTask::new(builder.serve_connection(TokioIo::new(io), answer), begun);
    // The connection is polled for each frame, and its end from outside comes once in its life.
    let ending = async {
        tokio::select! { () = end.cancelled() => Ending::All, () = age => Ending::Old }
    };
    let mut ending = serving.further(Box::pin(ending));
    let ended = tokio::select! {
        biased;
        ended = &mut serving => ended,
        ending = poll_fn(|_| ending.poll_if_woken()) => if ending == Ending::All {
            serving.update(http2::Connection::graceful_shutdown);
            serving.await
        } else {
            // What is still open after that is cut off: a stream of discovery comes back on another connection.
            serving.update(http2::Connection::graceful_shutdown);
            tokio::time::timeout(manners.farewell, serving).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended");
    }
}

/// What ends a connection from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The server's end.
    All,
    /// The connection's age.
    Old,
}

fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests;
