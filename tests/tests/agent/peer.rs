//! A caller from the mesh: certified by the control plane as any workload is, and calling over mutual TLS on a
//! connection that it keeps.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use heddle_tests::http::tls_config;
use heddle_tests::product::heddlectl;
use heddle_xds_api::istio::v1::auth::IstioCertificateRequest;
use heddle_xds_api::istio::v1::auth::istio_certificate_service_client::IstioCertificateServiceClient;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use super::pair::{Pair, SERVER_NAME};

/// A workload without a proxy.
pub(crate) struct Peer {
    tls: Arc<ClientConfig>,
}

/// A connection that is kept.
pub(crate) struct KeptConnection {
    sender: SendRequest<Empty<Bytes>>,
    /// The certificate that the server showed.
    pub(crate) shown: CertificateDer<'static>,
}

impl Peer {
    /// Gets a certificate for the service account `caller`.
    pub(crate) async fn certified(pair: &Pair) -> Result<Self> {
        let ca = pair.run.path().join("ca");
        let folder = ca.display().to_string();
        let create = ["token", "create", "--namespace", "shop", "--service-account", "caller", "--ca-dir", &folder];
        let token = String::from_utf8(heddlectl(create)?.output()?.stdout)?;
        let roots = std::fs::read_to_string(ca.join("root-cert.pem"))?;
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&roots)).domain_name(SERVER_NAME);
        let at = format!("https://{}:15012", pair.layout.heddled());
        let channel = Endpoint::try_from(at)?.tls_config(tls)?.connect().await?;
        let key = KeyPair::generate()?;
        let csr = CertificateParams::default().serialize_request(&key)?.pem()?;
        let mut call = tonic::Request::new(IstioCertificateRequest { csr, validity_duration: 3600, metadata: None });
        call.metadata_mut().insert("authorization", format!("Bearer {}", token.trim()).parse()?);
        let chain = IstioCertificateServiceClient::new(channel).create_certificate(call).await?.into_inner().cert_chain;
        let (_, chain) = chain.split_last().context("a chain")?;
        let mut tls = ClientConfig::clone(&*tls_config(&roots, Some((&chain.concat(), &key.serialize_pem())))?);
        // As a sidecar says it, or the other takes the call for one that is not of the mesh.
        tls.alpn_protocols = vec![b"istio-http/1.1".to_vec()];
        tls.dangerous().set_certificate_verifier(Arc::new(AnyName(verifier(&roots)?)));
        ensure!(tls.client_auth_cert_resolver.has_certs(), "no certificate to show");
        Ok(Self { tls: Arc::new(tls) })
    }

    /// Opens a connection to the workload.
    pub(crate) async fn connect(&self, pair: &Pair) -> Result<KeptConnection> {
        let stream = TcpStream::connect(pair.ingress()).await?;
        let name = ServerName::try_from("echo.shop.svc.cluster.local")?;
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first().cloned());
        let shown = shown.context("a server's certificate")?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(KeptConnection { sender, shown })
    }
}

impl KeptConnection {
    /// Makes a call on the connection; the status, and what the application says of it.
    pub(crate) async fn call(&mut self, path: &str) -> Result<(u16, serde_json::Value)> {
        self.sender.ready().await.context("the connection was closed")?;
        let request = Request::get(path).header("host", "echo.shop:9080").body(Empty::new())?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }
}

fn verifier(roots: &str) -> Result<Arc<WebPkiServerVerifier>> {
    use rustls::pki_types::pem::PemObject;
    let mut store = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(roots.as_bytes()) {
        store.add(root?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build()?)
}

/// Everything is verified but the host's name, which a workload's certificate does not have.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        path: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.0.verify_server_cert(leaf, path, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
