//! One sidecar's connection: what is read goes through HTTP/2 and gRPC to the proxy, and what that says goes back.

use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};

use mio::net::TcpStream;

use crate::marker::Marker;
use crate::names::Names;
use crate::node;
use crate::proxy::{Proxy, ThreadState};
use crate::transport::Transport;
use crate::wire::grpc::{Messages, Piece};
use crate::wire::http2::Connection;
use crate::worker::FleetConfig;

/// The method.
const PATH: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/// How a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// What there is, when it is there.
    AtOnce,
    /// So many bytes at most, then nothing for a while.
    Slowly { bytes: usize, pause: Duration },
    /// Never, once it has said who it is.
    Never,
}

/// A sidecar with its connection.
#[derive(Debug)]
pub(crate) struct Client {
    /// Its number in the mesh.
    sidecar: usize,
    stream: Option<Transport>,
    connection: Connection,
    messages: Messages,
    pub(crate) proxy: Proxy,
    pub(crate) reading: Reading,
    /// Whether its delay counts.
    pub(crate) judged: bool,
    /// Whether it reads nothing for now.
    pub(crate) sleeping: bool,
    /// Whether it has seen the marker.
    pub(crate) seen: bool,
    /// Whether it had all that it asked for since it connected.
    pub(crate) complete: bool,
    /// Bytes of responses, each with its gRPC prefix, over all its connections.
    pub(crate) received: u64,
    /// Connections in a row that were of no use.
    pub(crate) failures: u32,
    /// Connections that the server ended, and why it did the last time.
    pub(crate) ended: u32,
    pub(crate) why: String,
}

/// What a client uses of its thread while it reads.
pub(crate) struct Progress<'a> {
    pub(crate) names: &'a mut Names,
    pub(crate) marker: Option<&'a Marker>,
    pub(crate) buffer: &'a mut [u8],
    pub(crate) spare: &'a mut Vec<Vec<u8>>,
    /// When the marker was found.
    pub(crate) found: Option<Instant>,
    /// Whether there may be more to read.
    pub(crate) more: bool,
}

impl Client {
    /// Of the sidecar with this number; it is not connected.
    pub(crate) fn new(sidecar: usize) -> Self {
        Self {
            sidecar,
            stream: None,
            connection: Connection::open(false, "", "", None),
            messages: Messages::default(),
            proxy: Proxy::default(),
            reading: Reading::AtOnce,
            judged: true,
            sleeping: false,
            seen: false,
            complete: false,
            received: 0,
            failures: 0,
            ended: 0,
            why: String::new(),
        }
    }

    /// Its number in the mesh.
    pub(crate) fn sidecar(&self) -> usize {
        self.sidecar
    }

    /// The namespace that it is in.
    pub(crate) fn namespace(&self, target: &FleetConfig) -> String {
        target.size.pod(self.sidecar).namespace
    }

    /// Begins to connect, and has its first words ready.
    pub(crate) fn dial(&mut self, target: &FleetConfig, names: &Names) -> io::Result<()> {
        let pod = target.size.pod(self.sidecar);
        let secure = target.secure.as_deref();
        let token = secure.and_then(|secure| secure.token(&pod.namespace));
        self.connection = Connection::open(secure.is_some(), "istiod.istio-system.svc:15012", PATH, token);
        self.messages = Messages::default();
        for request in self.proxy.begin(&node::of(&pod), names) {
            self.connection.send(&request);
        }
        self.sleeping = false;
        self.stream = Some(Transport::connect(target.address, secure)?);
        Ok(())
    }

    /// Closes the connection.
    pub(crate) fn disconnect(&mut self) {
        self.stream = None;
    }

    /// The server, or the network, has ended the connection.
    pub(crate) fn lost(&mut self, why: &str) {
        self.stream = None;
        self.failures += 1;
        self.ended += 1;
        why.clone_into(&mut self.why);
    }

    /// The socket, if there is one.
    pub(crate) fn source(&mut self) -> Option<&mut TcpStream> {
        self.stream.as_mut().map(Transport::socket)
    }

    /// Reads what can be read now, as it is told to read.
    pub(crate) fn read(&mut self, progress: &mut Progress<'_>) -> io::Result<()> {
        if self.reading == Reading::Never {
            return Ok(());
        }
        let most = match self.reading {
            Reading::Slowly { bytes, .. } => bytes.min(progress.buffer.len()),
            Reading::AtOnce | Reading::Never => progress.buffer.len(),
        };
        loop {
            let Some(stream) = &mut self.stream else { return Ok(()) };
            let buffer = std::mem::take(&mut progress.buffer);
            let read = stream.read(&mut buffer[..most]);
            // A short read has emptied the socket, and the next event will tell of more.
            let short_is_all = stream.short_is_all();
            let result = match read {
                Ok(0) => Err(io::Error::new(ErrorKind::UnexpectedEof, "the server closed the connection")),
                Ok(length) => self.take(&buffer[..length], progress).map(|()| length == most || !short_is_all),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
                Err(error) => Err(error),
            };
            progress.buffer = buffer;
            progress.more = result?;
            if !progress.more || self.reading != Reading::AtOnce {
                return Ok(());
            }
        }
    }

    fn take(&mut self, bytes: &[u8], progress: &mut Progress<'_>) -> io::Result<()> {
        let Self { connection, messages, proxy, received, .. } = self;
        let mut said: Vec<Vec<u8>> = Vec::new();
        let mut shared = ThreadState { names: progress.names, marker: progress.marker, found: false };
        let spare = &mut *progress.spare;
        let mut answered = false;
        let ended = connection.receive(bytes, &mut |data| {
            *received += data.len() as u64;
            messages.receive(data, spare, &mut |piece| {
                answered |= piece == Piece::End;
                proxy.hear(piece, &mut shared, &mut |request| said.push(request.to_vec()));
            });
        });
        if shared.found {
            progress.found = progress.found.or_else(|| Some(Instant::now()));
        }
        for request in said {
            connection.send(&request);
        }
        if answered {
            self.failures = 0;
            self.complete = self.complete || proxy.is_complete();
        }
        ended.map_err(|why| io::Error::new(ErrorKind::ConnectionReset, why.0))
    }

    /// Writes what can be written now.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        stream.write(&mut self.connection.out)
    }
}

/// Writes what a socket takes; what is left stays in `out`.
pub(crate) fn drain(socket: &mut impl Write, out: &mut Vec<u8>) -> io::Result<()> {
    let mut written = 0;
    while written < out.len() {
        match socket.write(&out[written..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(length) => written += length,
            // Not connected yet counts as not ready.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if written == out.len() && out.capacity() > 4096 {
        *out = Vec::new();
    } else {
        out.drain(..written);
    }
    Ok(())
}
