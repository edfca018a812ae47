//! Connections to the control plane with TLS 1.2 or 1.3 and HTTP/2. The root file verifies the server's certificate.
//! Our own certificate is presented if there is one.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::Upstream;
use crate::svid::Svid;

/// The longest wait for a connection with its handshake.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// The root certificates cannot be read, so no server can be verified.
    #[error("cannot read the root certificates in {path}: {reason}", path = path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// The error.
        reason: String,
    },
    /// The server name is neither a host name nor an address.
    #[error("invalid server name: {0}")]
    ServerName(#[from] InvalidDnsNameError),
    /// The TLS library does not accept our own certificate or key.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The connection or the handshake failed.
    #[error("cannot connect to {address}: {error}")]
    Connect {
        /// The server.
        address: String,
        /// The error.
        error: io::Error,
    },
}

/// Connects. With `svid` the client authenticates with its certificate.
///
/// # Errors
/// When something is missing or invalid. Each cause may be temporary, so the caller retries.
pub(crate) async fn dial(upstream: &Upstream, svid: Option<&Svid>) -> Result<TlsStream<TcpStream>, DialError> {
    let connector = TlsConnector::from(Arc::new(tls(upstream, svid)?));
    let name = ServerName::try_from(upstream.server_name.clone())?;
    let connect = async {
        let stream = TcpStream::connect(&upstream.address).await?;
        // A request has a few small frames. Without this option, a frame would wait for the acknowledgement of the one
        // before.
        stream.set_nodelay(true)?;
        connector.connect(name, stream).await
    };
    let connected = tokio::time::timeout(TIMEOUT, connect).await;
    let connected = connected.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)));
    connected.map_err(|error| DialError::Connect { address: upstream.address.clone(), error })
}

fn tls(upstream: &Upstream, svid: Option<&Svid>) -> Result<ClientConfig, DialError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = builder.with_root_certificates(roots(&upstream.roots)?);
    let mut config = match svid {
        Some(svid) => builder.with_client_auth_cert(svid.chain(), svid.key())?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn roots(path: &PathBuf) -> Result<RootCertStore, DialError> {
    let wrong = |reason: String| DialError::Roots { path: path.clone(), reason };
    let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() { Err(wrong("the file has no certificate".into())) } else { Ok(roots) }
}
