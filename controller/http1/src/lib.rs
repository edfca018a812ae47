//! The ports of HTTP/1.1: pages for people and probes, and webhooks, which API servers call with HTTP/1.1.
//!
//! Whoever reaches such a port may connect, without a credential. So a handshake and a header have a time limit, and so
//! has a client that does not read its answer. When there are too many connections, the oldest one of the address with
//! the most is closed: nobody is refused because of the connections of another address.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tower::{Service, ServiceExt};

use write_limit::WriteLimit;

mod write_limit;

/// Connections at a time on one port.
const MAX_CONNECTIONS: usize = 512;
/// How long a handshake or a header may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take none of an answer that waits for it.
const UNREAD: Duration = Duration::from_secs(30);
/// How long answers may go on at the end.
const GRACE: Duration = Duration::from_millis(100);
/// How long accepting waits when it failed. Without the wait it would fail again at once.
const PAUSE: Duration = Duration::from_millis(100);

/// The connections of one port, the oldest first.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    open: VecDeque<(IpAddr, AbortHandle)>,
}

/// Serves until `end`. Requests carry the peer's address as [`ConnectInfo`].
pub async fn serve<S>(
    listener: TcpListener,
    tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    service: S,
    end: impl Future<Output = ()> + Send,
) where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let mut connections = Connections::default();
    let mut end = pin!(end);
    loop {
        let accepted = tokio::select! {
            () = &mut end => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.tasks.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                let tls = tls.as_ref().map(|tls| tls.borrow().clone());
                connections.add(peer.ip().to_canonical(), connection(stream, peer, tls, service.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    let rest = async { while connections.tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GRACE, rest).await;
}

impl Connections {
    fn add(&mut self, address: IpAddr, connection: impl Future<Output = ()> + Send + 'static) {
        if self.open.len() >= MAX_CONNECTIONS {
            self.open.retain(|(_, task)| !task.is_finished());
        }
        if self.open.len() >= MAX_CONNECTIONS {
            self.close_one();
        }
        self.open.push_back((address, self.tasks.spawn(connection)));
    }

    /// Closes the oldest connection of the address with the most.
    fn close_one(&mut self) {
        let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for (address, _) in &self.open {
            *counts.entry(*address).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count).map(|(address, _)| address);
        let oldest = self.open.iter().position(|(address, _)| Some(*address) == most);
        if let Some((address, task)) = oldest.and_then(|place| self.open.remove(place)) {
            tracing::debug!(%address, "closed a connection, because there are too many");
            task.abort();
        }
    }
}

async fn connection<S>(stream: TcpStream, peer: SocketAddr, tls: Option<Arc<ServerConfig>>, service: S)
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let Some(tls) = tls else { return answer(stream, peer, service).await };
    let mut tls = ServerConfig::clone(&tls);
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    if let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
        answer(stream, peer, service).await;
    } else {
        tracing::debug!(%peer, "a TLS handshake failed");
    }
}

async fn answer<I, S>(io: I, peer: SocketAddr, service: S)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        service.clone().oneshot(request)
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    let io = TokioIo::new(WriteLimit::new(io, UNREAD));
    if let Err(error) = http.serve_connection(io, service).await {
        tracing::debug!(%peer, %error, "a connection failed");
    }
}

#[cfg(test)]
mod tests;
