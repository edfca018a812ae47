//! Checks that inbound connections arrive at the port of the proxy.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::{CaptureArgs, CaptureError};

/// The time limit. A CNI plugin may still be writing rules.
const PATIENCE: Duration = Duration::from_secs(5);
/// A port without a listener. A connection to it arrives only if it is captured.
const ANY_PORT: u16 = 15002;
const WORD: &[u8] = b"heddle";

/// Connects to the pod's own address as the user of the proxy. Such a connection is captured like every inbound
/// connection. Waits for it at the inbound port.
pub(super) fn check(args: &CaptureArgs) -> Result<(), CaptureError> {
    let wrong = |what: String| CaptureError::NotCaptured(what);
    let own = own_address().ok_or_else(|| wrong("the pod has no address".to_owned()))?;
    let any: IpAddr = if own.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let at = SocketAddr::new(any, args.inbound_port);
    let listener = TcpListener::bind(at).map_err(|error| wrong(format!("cannot listen on {at}: {error}")))?;
    listener.set_nonblocking(true).map_err(|error| wrong(error.to_string()))?;
    let end = Instant::now() + PATIENCE;
    let mut last = String::new();
    while Instant::now() < end {
        match call(&listener, SocketAddr::new(own, ANY_PORT)) {
            Ok(()) => return Ok(()),
            Err(error) => last = error.to_string(),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(wrong(format!("a connection to {own}:{ANY_PORT} did not arrive on {at}: {last}")))
}

fn call(listener: &TcpListener, to: SocketAddr) -> std::io::Result<()> {
    let mut caller = TcpStream::connect_timeout(&to, Duration::from_millis(500))?;
    caller.write_all(WORD)?;
    let (mut arrived, _) = listener.accept()?;
    arrived.set_nonblocking(false)?;
    arrived.set_read_timeout(Some(Duration::from_millis(500)))?;
    let mut word = [0; WORD.len()];
    arrived.read_exact(&mut word)?;
    if word == WORD { Ok(()) } else { Err(ErrorKind::InvalidData.into()) }
}

/// The source address of outbound connections. No packet is sent.
fn own_address() -> Option<IpAddr> {
    let from = |bind: &str, to: &str| {
        let socket = UdpSocket::bind(bind).ok()?;
        socket.connect(to).ok()?;
        socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_unspecified())
    };
    from("0.0.0.0:0", "192.0.2.1:9").or_else(|| from("[::]:0", "[2001:db8::1]:9"))
}
