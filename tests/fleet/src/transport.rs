//! The bytes below HTTP/2: TCP, or TLS over it.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::{ClientConfig, ClientConnection};
use rustls_pki_types::ServerName;

use crate::client::drain;

/// How to speak TLS: whom to trust, and who the proxies are.
#[derive(Debug)]
pub(crate) struct Secure {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
    /// By namespace, whose default account a proxy has.
    pub(crate) tokens: BTreeMap<String, String>,
}

/// A connection.
#[derive(Debug)]
pub(crate) enum Transport {
    Plain(TcpStream),
    Encrypted(TcpStream, Box<ClientConnection>),
}

impl Secure {
    /// The token of a namespace's proxies.
    pub(crate) fn token(&self, namespace: &str) -> Option<&str> {
        self.tokens.get(namespace).map(String::as_str)
    }
}

impl Transport {
    /// Begins to connect.
    pub(crate) fn connect(address: SocketAddr, secure: Option<&Secure>) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        // Fails on a socket that has failed, which the first write will say.
        let _ = socket.set_nodelay(true);
        let Some(secure) = secure else { return Ok(Self::Plain(socket)) };
        let tls = ClientConnection::new(secure.config.clone(), secure.name.clone()).map_err(io::Error::other)?;
        Ok(Self::Encrypted(socket, Box::new(tls)))
    }

    pub(crate) fn socket(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(socket) | Self::Encrypted(socket, _) => socket,
        }
    }

    /// Whether a read that did not fill the buffer took all there is. Of TLS it took what one record held.
    pub(crate) fn short_is_all(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (socket, tls) = match self {
            Self::Plain(socket) => return socket.read(buffer),
            Self::Encrypted(socket, tls) => (socket, tls),
        };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => return other,
            }
            if tls.read_tls(socket)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            if tls.wants_write() {
                flush(socket, tls)?;
            }
        }
    }

    pub(crate) fn write(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Plain(socket) => drain(socket, out),
            Self::Encrypted(socket, tls) => {
                drain(&mut tls.writer(), out)?;
                flush(socket, tls)
            }
        }
    }
}

fn flush(socket: &mut TcpStream, tls: &mut ClientConnection) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(socket) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
