//! Queries the pod's own resolvers.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::answer::{Transport, header};

/// The longest wait for one resolver.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many times all resolvers are queried.
const ROUNDS: usize = 2;

/// The resolvers.
#[derive(Debug)]
pub(crate) struct Upstream {
    servers: Vec<SocketAddr>,
    turn: AtomicUsize,
}

impl Upstream {
    /// Uses these resolvers in turn.
    pub(crate) fn new(servers: Vec<SocketAddr>) -> Self {
        Self { servers, turn: AtomicUsize::new(0) }
    }

    /// The unchanged response of the first resolver that responds.
    pub(crate) async fn ask(&self, packet: &[u8], transport: Transport) -> Option<Vec<u8>> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        for step in 0..self.servers.len() * ROUNDS {
            let server = self.servers.get(first.wrapping_add(step) % self.servers.len())?;
            let asked = async {
                match transport {
                    Transport::Datagram => datagram(*server, packet).await,
                    Transport::Stream => stream(*server, packet).await,
                }
            };
            match tokio::time::timeout(PATIENCE, asked).await {
                Ok(Ok(answer)) => return Some(answer),
                Ok(Err(error)) => tracing::debug!(%server, %error, "a DNS resolver did not respond"),
                Err(_) => tracing::debug!(%server, "a DNS resolver did not respond in time"),
            }
        }
        None
    }
}

/// Uses a new port and a new id for each query, so that only the resolver can answer.
async fn datagram(server: SocketAddr, packet: &[u8]) -> io::Result<Vec<u8>> {
    let any: SocketAddr =
        if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    let id = id()?;
    socket.send(&under(packet, id)).await?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let answer = buffer.get(..length).unwrap_or_default();
        if header(answer) == Some((id, false)) {
            return Ok(restored(answer, packet));
        }
    }
}

async fn stream(server: SocketAddr, packet: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let id = id()?;
    let length = u16::try_from(packet.len()).map_err(io::Error::other)?;
    let framed = [length.to_be_bytes().as_slice(), &under(packet, id)].concat();
    stream.write_all(&framed).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    if header(&answer) == Some((id, false)) {
        Ok(restored(&answer, packet))
    } else {
        Err(io::Error::other("the response is for another query"))
    }
}

fn id() -> io::Result<u16> {
    let mut id = [0; 2];
    SystemRandom::new().fill(&mut id).map_err(|_| io::Error::other("no randomness"))?;
    Ok(u16::from_be_bytes(id))
}

fn under(packet: &[u8], id: u16) -> Vec<u8> {
    id.to_be_bytes().into_iter().chain(packet.iter().skip(2).copied()).collect()
}

fn restored(answer: &[u8], packet: &[u8]) -> Vec<u8> {
    packet.iter().take(2).chain(answer.iter().skip(2)).copied().collect()
}
