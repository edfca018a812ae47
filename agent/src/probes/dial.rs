//! Connections to the application, past the capture of the pod's traffic.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream};

use super::ProbeError;

/// The source addresses that the capture rules do not redirect. Envoy's inbound connections use them too.
const PAST_CAPTURE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 6);
const PAST_CAPTURE_6: Ipv6Addr = Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 6);

/// Connects to an address of this pod.
pub(super) async fn connect(at: SocketAddr) -> Result<TcpStream, ProbeError> {
    open(at).await.map_err(|error| ProbeError::Connect(at, error))
}

async fn open(at: SocketAddr) -> io::Result<TcpStream> {
    let (socket, from) = match at {
        SocketAddr::V4(_) => (TcpSocket::new_v4()?, IpAddr::V4(PAST_CAPTURE)),
        SocketAddr::V6(_) => (TcpSocket::new_v6()?, IpAddr::V6(PAST_CAPTURE_6)),
    };
    // Only connections to an address of this machine are captured. A connection to another host cannot start from
    // loopback.
    let is_ours = at.ip().is_loopback() || is_local(at.ip());
    if is_ours && let Err(error) = socket.bind(SocketAddr::new(from, 0)) {
        tracing::debug!(%error, %from, "cannot use the preferred source address; the probe uses the default one");
    }
    socket.connect(at).await
}

/// Whether an address belongs to this machine. Only such an address can be bound.
fn is_local(ip: IpAddr) -> bool {
    std::net::UdpSocket::bind(SocketAddr::new(ip, 0)).is_ok()
}
