//! Requests a page of the application as the kubelet does. It does not verify certificates, it follows redirects on the
//! same host, and the status is the result.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::action::HttpGet;
use super::{Answer, ProbeError, dial};

/// The part of a body that the kubelet reads.
const LONGEST_BODY: usize = 10 * 1024;
/// The most redirects.
const MOST_REDIRECTS: usize = 10;
/// Headers that belong to the connection between the kubelet and the agent.
const OF_THE_CONNECTION: [&str; 7] =
    ["host", "connection", "keep-alive", "te", "transfer-encoding", "upgrade", "content-length"];

/// Requests the page.
pub(super) async fn get(asked: &HttpGet, at: SocketAddr, headers: &HeaderMap) -> Result<Answer, ProbeError> {
    let mut path = if asked.path.starts_with('/') { asked.path.clone() } else { format!("/{}", asked.path) };
    let headers = merged(asked, at, headers)?;
    for _ in 0..=MOST_REDIRECTS {
        let answer = once(asked, at, &path, &headers).await?;
        match next(&answer, at, asked.host.as_deref()) {
            Some(next) => path = next,
            None => return read(answer).await,
        }
    }
    Err(ProbeError::Http(format!("more than {MOST_REDIRECTS} redirects")))
}

async fn once(
    asked: &HttpGet,
    at: SocketAddr,
    path: &str,
    headers: &HeaderMap,
) -> Result<Response<Incoming>, ProbeError> {
    let mut request = Request::get(path).body(Empty::<Bytes>::new()).map_err(wrong)?;
    *request.headers_mut() = headers.clone();
    let stream = dial::connect(at).await?;
    if !asked.scheme.as_deref().is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")) {
        return send(stream, request).await;
    }
    let name = ServerName::from(at.ip());
    let name = asked.host.clone().and_then(|host| ServerName::try_from(host).ok()).unwrap_or(name);
    let stream = TlsConnector::from(Arc::new(tls()?)).connect(name, stream).await.map_err(wrong)?;
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    if is_h2 { send_h2(stream, request, at).await } else { send(stream, request).await }
}

async fn send<S>(stream: S, request: Request<Empty<Bytes>>) -> Result<Response<Incoming>, ProbeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(wrong)?;
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(wrong)
}

async fn send_h2<S>(
    stream: S,
    mut request: Request<Empty<Bytes>>,
    at: SocketAddr,
) -> Result<Response<Incoming>, ProbeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let authority = request.headers_mut().remove(HOST);
    let authority = authority.and_then(|host| host.to_str().ok().map(str::to_owned)).unwrap_or_else(|| at.to_string());
    request.headers_mut().remove(CONNECTION);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    *request.uri_mut() =
        Uri::builder().scheme("https").authority(authority).path_and_query(path).build().map_err(wrong)?;
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(wrong)?;
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(wrong)
}

/// The headers of the kubelet, then those of the probe.
fn merged(asked: &HttpGet, at: SocketAddr, given: &HeaderMap) -> Result<HeaderMap, ProbeError> {
    let mut out = given.clone();
    for name in OF_THE_CONNECTION {
        out.remove(name);
    }
    let host = asked.host.as_ref().map_or_else(|| at.to_string(), |host| format!("{host}:{}", asked.port));
    out.insert(HOST, HeaderValue::from_str(&host).map_err(wrong)?);
    out.insert(CONNECTION, HeaderValue::from_static("close"));
    for header in &asked.http_headers {
        let name: HeaderName = header.name.parse().map_err(wrong)?;
        out.insert(name, HeaderValue::from_str(&header.value).map_err(wrong)?);
    }
    Ok(out)
}

/// The target of a redirect on the same host. A redirect to another host is the result, because it shows that the
/// application runs.
fn next(answer: &Response<Incoming>, at: SocketAddr, host: Option<&str>) -> Option<String> {
    if !answer.status().is_redirection() {
        return None;
    }
    let to: Uri = answer.headers().get(LOCATION)?.to_str().ok()?.parse().ok()?;
    let stays = to.host().is_none_or(|name| name == at.ip().to_string() || Some(name) == host);
    let stays = stays && to.port_u16().is_none_or(|port| port == at.port());
    stays.then(|| to.path_and_query().map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned()))
}

async fn read(answer: Response<Incoming>) -> Result<Answer, ProbeError> {
    let status = answer.status();
    // A longer or incomplete body does not change the status.
    let body = Limited::new(answer.into_body(), LONGEST_BODY).collect().await;
    Ok(Answer { status, body: body.map(http_body_util::Collected::to_bytes).unwrap_or_default() })
}

fn wrong(error: impl std::fmt::Display) -> ProbeError {
    ProbeError::Http(error.to_string())
}

fn tls() -> Result<ClientConfig, ProbeError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let schemes = provider.signature_verification_algorithms.supported_schemes();
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(wrong)?;
    let verifier = Arc::new(AnyCertificate { schemes });
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Accepts every certificate, as Kubernetes' probes do. They check whether the application in this pod runs.
#[derive(Debug)]
struct AnyCertificate {
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
