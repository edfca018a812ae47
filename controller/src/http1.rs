//! The ports of HTTP/1.1: pages for people and probes, and webhooks, which API servers call with HTTP/1.1.
//!
//! Whoever reaches such a port may connect, without a credential. So a handshake and a header have a time limit. When
//! there are too many connections, the oldest one of the address with the most is closed: nobody is refused because of
//! the connections of another address.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
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
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

/// Connections at a time on one port.
const MAX_CONNECTIONS: usize = 512;
/// How long a handshake or a header may take.
const PATIENCE: Duration = Duration::from_secs(10);
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
pub(crate) async fn serve<S>(
    listener: TcpListener,
    tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    service: S,
    end: CancellationToken,
) where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let mut connections = Connections::default();
    loop {
        let accepted = tokio::select! {
            () = end.cancelled() => break,
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
    if let Err(error) = http.serve_connection(TokioIo::new(io), service).await {
        tracing::debug!(%peer, %error, "a connection failed");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpSocket;

    use super::*;

    const ASK: &[u8] = b"GET /ready HTTP/1.1\r\nhost: heddled\r\n\r\n";

    async fn start() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/ready", get(async || "yes"));
        tokio::spawn(serve(listener, None, router, CancellationToken::new()));
        address
    }

    async fn connect(from: &str, to: SocketAddr) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
        socket.connect(to).await.unwrap()
    }

    /// Whether a request gets an answer.
    async fn is_answered(stream: &mut TcpStream) -> bool {
        let mut answer = Vec::new();
        let _ = stream.write_all(ASK).await;
        while !answer.ends_with(b"yes") {
            match stream.read_buf(&mut answer).await {
                Ok(0) | Err(_) => return false,
                Ok(_) => {}
            }
        }
        answer.starts_with(b"HTTP/1.1 200 OK")
    }

    #[tokio::test]
    async fn idle_connections_of_one_address_do_not_close_the_port_to_others() {
        let address = start().await;
        let mut other = connect("127.0.0.2", address).await;
        assert!(is_answered(&mut other).await);
        let mut idle = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            idle.push(connect("127.0.0.3", address).await);
        }
        let mut newcomer = connect("127.0.0.4", address).await;
        assert!(is_answered(&mut newcomer).await);
        assert!(is_answered(&mut other).await, "the connection of another address was closed");
        assert!(!is_answered(&mut idle[0]).await, "there are more connections than the limit");
        assert!(is_answered(&mut idle[MAX_CONNECTIONS - 1]).await);
    }

    #[tokio::test]
    async fn half_a_header_is_not_waited_for_without_end() {
        let mut half = connect("127.0.0.1", start().await).await;
        half.write_all(&ASK[..20]).await.unwrap();
        let begun = Instant::now();
        let read = tokio::time::timeout(2 * PATIENCE, half.read_to_end(&mut Vec::new())).await;
        assert!(read.is_ok() && begun.elapsed() >= PATIENCE / 2, "{:?}", begun.elapsed());
    }
}
