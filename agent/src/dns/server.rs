//! The sockets. Known names are answered at once. A query to a resolver waits in a task of its own, and the number of
//! tasks is limited.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, watch};

use super::answer::{Step, Transport, failure, step};
use super::table::Table;
use super::upstream::Upstream;
use crate::status::Counters;

/// The longest UDP message that is read. A query has a few dozen bytes.
const DATAGRAM: usize = 4096;
/// The most queries to resolvers at a time. Further queries are dropped, and the client retries.
const MAX_ASKED: usize = 1024;
/// The most TCP connections.
const MAX_CONNECTIONS: usize = 128;
/// The time limit of a TCP connection for being idle, for a query, and for a response.
const IDLE: Duration = Duration::from_secs(10);

/// The sockets of one address, for UDP and TCP.
#[derive(Debug)]
pub(crate) struct Sockets {
    datagrams: UdpSocket,
    connections: TcpListener,
}

struct Server {
    table: watch::Receiver<Arc<Table>>,
    upstream: Upstream,
    counters: Arc<Counters>,
    turn: AtomicUsize,
}

impl Sockets {
    /// Opens both sockets or none.
    ///
    /// # Errors
    /// When the address is in use.
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { datagrams: UdpSocket::bind(address).await?, connections: TcpListener::bind(address).await? })
    }
}

/// Serves until the process ends.
pub(crate) async fn serve(
    sockets: Vec<Sockets>,
    upstream: Upstream,
    table: watch::Receiver<Arc<Table>>,
    counters: Arc<Counters>,
) {
    let server = Arc::new(Server { table, upstream, counters, turn: AtomicUsize::new(0) });
    let both = |sockets: Sockets| {
        let (one, two) = (Arc::clone(&server), Arc::clone(&server));
        futures_util::future::join(datagrams(Arc::new(sockets.datagrams), one), connections(sockets.connections, two))
    };
    futures_util::future::join_all(sockets.into_iter().map(both)).await;
}

async fn datagrams(socket: Arc<UdpSocket>, server: Arc<Server>) {
    let asked = Arc::new(Semaphore::new(MAX_ASKED));
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let (length, from) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            // The error of an earlier response that nobody received, or an error that must not become a busy loop.
            Err(error) => {
                tracing::debug!(%error, "cannot receive a DNS datagram");
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            }
        };
        let packet = buffer.get(..length).unwrap_or_default();
        match server.step(packet, Transport::Datagram) {
            Step::Drop => {}
            Step::Say(answer) => _ = socket.send_to(&answer, from).await,
            Step::Ask => {
                let Ok(permit) = Arc::clone(&asked).try_acquire_owned() else {
                    server.counters.dns_failures.add();
                    continue;
                };
                let (socket, server, packet) = (Arc::clone(&socket), Arc::clone(&server), packet.to_vec());
                tokio::spawn(async move {
                    if let Some(answer) = server.ask(&packet, Transport::Datagram).await {
                        _ = socket.send_to(&answer, from).await;
                    }
                    drop(permit);
                });
            }
        }
    }
}

async fn connections(listener: TcpListener, server: Arc<Server>) {
    let open = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&open).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let server = Arc::clone(&server);
                tokio::spawn(async move {
                    let ended = converse(stream, &server).await;
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a DNS connection ended");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a DNS connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Reads one query after another, each with its length before it (RFC 1035, section 4.2.2).
async fn converse(mut stream: TcpStream, server: &Server) -> io::Result<()> {
    loop {
        let read = async {
            let mut packet = vec![0; usize::from(stream.read_u16().await?)];
            stream.read_exact(&mut packet).await?;
            Ok::<_, io::Error>(packet)
        };
        let packet = tokio::time::timeout(IDLE, read).await??;
        let answer = match server.step(&packet, Transport::Stream) {
            Step::Drop => return Ok(()),
            Step::Say(answer) => Some(answer),
            Step::Ask => server.ask(&packet, Transport::Stream).await,
        };
        let Some(answer) = answer else { return Ok(()) };
        let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
        let framed = [length.to_be_bytes().as_slice(), &answer].concat();
        tokio::time::timeout(IDLE, stream.write_all(&framed)).await??;
    }
}

impl Server {
    fn step(&self, packet: &[u8], transport: Transport) -> Step {
        let table = self.table.borrow().clone();
        let step = step(&table, packet, transport, self.turn.fetch_add(1, Ordering::Relaxed));
        if step != Step::Drop {
            self.counters.dns_requests.add();
        }
        step
    }

    /// The response of a resolver, or an error response.
    async fn ask(&self, packet: &[u8], transport: Transport) -> Option<Vec<u8>> {
        self.counters.dns_upstream_requests.add();
        let answer = self.upstream.ask(packet, transport).await;
        answer.or_else(|| {
            self.counters.dns_failures.add();
            failure(packet)
        })
    }
}
