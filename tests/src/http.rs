//! HTTP calls as tests make them: one connection a call, every header under control, and a time limit on the whole.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::cluster::node::PodNetwork;

/// A call to make.
#[derive(Clone, Debug)]
pub struct Call {
    to: SocketAddr,
    method: Method,
    uri: Uri,
    headers: Vec<(String, String)>,
    body: Bytes,
    limit: Duration,
    tls: Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>,
    pod_network: Option<PodNetwork>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers of the response.
    pub headers: HeaderMap,
    /// The body, read to its end; bytes that are not UTF-8 are replaced.
    pub body: String,
    /// From before the connection was opened to the end of the body.
    pub took: Duration,
    /// The certificates that the server presented, leaf first; empty without TLS.
    pub chain: Vec<CertificateDer<'static>>,
}

impl Call {
    /// A GET of `path` at `to`. The `host` header is that address unless another is given.
    pub fn get(to: SocketAddr, path: &str) -> Result<Self> {
        let uri = path.parse().with_context(|| format!("path {path}"))?;
        let limit = Duration::from_secs(10);
        Ok(Self {
            to,
            method: Method::GET,
            uri,
            headers: Vec::new(),
            body: Bytes::new(),
            limit,
            tls: None,
            pod_network: None,
        })
    }

    /// A GET of an absolute address sent to an HTTP proxy, in the form that proxies expect.
    pub fn proxied(proxy: SocketAddr, url: &str) -> Result<Self> {
        let call = Self::get(proxy, url)?;
        let host = call.uri.authority().ok_or_else(|| anyhow!("{url} names no host"))?.to_string();
        Ok(call.header("host", &host))
    }

    /// Another method, with a body.
    #[must_use]
    pub fn send_as(mut self, method: Method, body: impl Into<Bytes>) -> Self {
        self.method = method;
        self.body = body.into();
        self
    }

    /// A header more; `host` replaces the default one.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Another limit than ten seconds.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// From within a pod's network instead of the test's own.
    #[must_use]
    pub fn within_pod(mut self, pod_network: &PodNetwork) -> Self {
        self.pod_network = Some(pod_network.clone());
        self
    }

    /// Over TLS, with the name to send and to check.
    pub fn tls(mut self, config: Arc<rustls::ClientConfig>, name: &str) -> Result<Self> {
        let name = ServerName::try_from(name.to_owned()).with_context(|| format!("server name {name}"))?;
        self.tls = Some((config, name));
        Ok(self)
    }

    /// Makes the call: connection, request, response and body within the limit.
    pub async fn send(mut self) -> Result<Answer> {
        let (limit, what) = (self.limit, format!("{} {} at {}", self.method, self.uri, self.to));
        let go = async {
            match self.pod_network.take() {
                Some(pod_network) => pod_network.run(self.go()).await,
                None => self.go().await,
            }
        };
        tokio::time::timeout(limit, go).await.map_err(|_| anyhow!("no answer within {limit:?}"))?.context(what)
    }

    /// Whether it is answered with 200 now, for those who wait until it is.
    pub async fn succeeds(&self) -> bool {
        self.clone().send().await.is_ok_and(|answer| answer.status == 200)
    }

    async fn go(mut self) -> Result<Answer> {
        let start = Instant::now();
        let stream = TcpStream::connect(self.to).await?;
        stream.set_nodelay(true)?;
        let Some((config, name)) = self.tls.take() else {
            return exchange(self.request()?, stream, start, Vec::new()).await;
        };
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
        let chain = chain.into_iter().map(CertificateDer::into_owned).collect();
        exchange(self.request()?, stream, start, chain).await
    }

    fn request(&self) -> Result<Request<Full<Bytes>>> {
        let mut request = Request::builder().method(self.method.clone()).uri(self.uri.clone());
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.header("host", self.to.to_string());
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        Ok(request.body(Full::new(self.body.clone()))?)
    }
}

impl Answer {
    /// The value of a header; none when absent or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.body).with_context(|| format!("no JSON: {}", self.body))
    }
}

/// Begins requests on connections of their own, all at once, and waits until the server has closed each of them.
pub async fn until_closed(at: SocketAddr, requests: &[&str], limit: Duration) -> Result<()> {
    let mut open = Vec::new();
    for request in requests {
        let mut stream = TcpStream::connect(at).await?;
        stream.write_all(request.as_bytes()).await?;
        open.push((*request, stream));
    }
    for (request, stream) in open {
        until_end(stream, limit).await.with_context(|| format!("{at}: {request:?}"))?;
    }
    Ok(())
}

/// Reads until the other side has closed the connection.
pub async fn until_end(mut stream: impl AsyncRead + Unpin, limit: Duration) -> Result<()> {
    let mut rest = Vec::new();
    // A connection that is reset has ended as well.
    let _ = tokio::time::timeout(limit, stream.read_to_end(&mut rest)).await.context("the connection stays open")?;
    Ok(())
}

/// A client's TLS settings that trust the roots given (PEM) and, with `identity`, present a chain and key (PEM).
pub fn tls_config(roots: &str, identity: Option<(&str, &str)>) -> Result<Arc<rustls::ClientConfig>> {
    use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
    let mut store = rustls::RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(roots.as_bytes()) {
        store.add(root?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.with_root_certificates(store);
    let Some((chain, key)) = identity else { return Ok(Arc::new(config.with_no_client_auth())) };
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes())?)?))
}

async fn exchange<S>(
    request: Request<Full<Bytes>>,
    stream: S,
    start: Instant,
    chain: Vec<CertificateDer<'static>>,
) -> Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    connection.abort();
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        took: start.elapsed(),
        chain,
    })
}
