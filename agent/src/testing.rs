//! A control plane for the agent's own tests: it certifies whoever comes and answers each discovery request with what
//! it saw of the caller. It runs in a runtime of its own, so that it can vanish as a process does.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use heddle_xds_api::envoy::service::discovery::v3::aggregated_discovery_service_server::{
    AggregatedDiscoveryService, AggregatedDiscoveryServiceServer,
};
use heddle_xds_api::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use heddle_xds_api::istio::v1::auth::istio_certificate_service_server::{
    IstioCertificateService, IstioCertificateServiceServer,
};
use heddle_xds_api::istio::v1::auth::{IstioCertificateRequest, IstioCertificateResponse};
use rcgen::{BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair, SanType};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Certificate, Identity as ServerIdentity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

use crate::args::{Command, parse};
use crate::config::{Config, config};

/// The authority's key with its certificate, and the server's own.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: String,
    server: (String, String),
}

/// A running control plane. It vanishes with its value.
pub(crate) struct ControlPlane {
    pub(crate) address: SocketAddr,
    runtime: Option<tokio::runtime::Runtime>,
}

/// What a caller showed: `<authorization>|<clusterid>|<certificates>`.
fn seen<T>(request: &Request<T>) -> String {
    let header =
        |name: &str| request.metadata().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let certificates = request.peer_certs().map_or(0, |chain| chain.len());
    format!("{}|{}|{certificates}", header("authorization"), header("clusterid"))
}

impl Authority {
    pub(crate) fn new() -> Arc<Self> {
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root_pem = root.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(root, key);
        let server_key = KeyPair::generate().unwrap();
        let mut server = CertificateParams::default();
        server.subject_alt_names = vec![SanType::DnsName("istiod.test".try_into().unwrap())];
        let server = server.signed_by(&server_key, &issuer).unwrap().pem();
        Arc::new(Self { issuer, root: root_pem, server: (server, server_key.serialize_pem()) })
    }

    /// The settings of an agent of this control plane, with its files in `folder`.
    pub(crate) fn config(&self, address: SocketAddr, folder: &Path) -> Config {
        let file = |name: &str, content: &str| -> PathBuf {
            std::fs::write(folder.join(name), content).unwrap();
            folder.join(name)
        };
        let (roots, token) = (file("root.pem", &self.root), file("token", "a.b.c\n"));
        let line = format!(
            "a proxy sidecar --discoveryAddress {address} --serverName istiod.test --caRoot {} --tokenFile {} \
                --configPath {}",
            roots.display(),
            token.display(),
            folder.display()
        );
        let Command::Proxy(args) = parse(line.split(' ').map(Into::into)).unwrap().0.command else { panic!("{line}") };
        config(&args, &[("POD_NAMESPACE".to_owned(), "shop".to_owned())].into()).unwrap()
    }
}

impl ControlPlane {
    /// Starts on an address; port 0 lets the system choose.
    pub(crate) fn start(authority: &Arc<Authority>, address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let tls = ServerTlsConfig::new()
            .identity(ServerIdentity::from_pem(&authority.server.0, &authority.server.1))
            .client_ca_root(Certificate::from_pem(&authority.root))
            .client_auth_optional(true);
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let service = Service { authority: Arc::clone(authority) };
        runtime.spawn(async move {
            Server::builder()
                .tls_config(tls)
                .unwrap()
                .add_service(AggregatedDiscoveryServiceServer::new(service.clone()))
                .add_service(IstioCertificateServiceServer::new(service))
                .serve_with_incoming(TcpListenerStream::new(TcpListener::from_std(listener).unwrap()))
                .await
        });
        Self { address, runtime: Some(runtime) }
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[derive(Clone)]
struct Service {
    authority: Arc<Authority>,
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl AggregatedDiscoveryService for Service {
    type StreamAggregatedResourcesStream = Answers<DiscoveryResponse>;
    type DeltaAggregatedResourcesStream = Answers<DeltaDiscoveryResponse>;

    async fn stream_aggregated_resources(
        &self,
        _: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamAggregatedResourcesStream>, Status> {
        Err(Status::permission_denied("not you"))
    }

    /// Each request is answered with what was seen of the caller and a body as long as its type says.
    async fn delta_aggregated_resources(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        let seen = seen(&request);
        let answers = request.into_inner().map(move |request| {
            let request = request?;
            let removed_resources = vec!["x".repeat(request.type_url.parse().unwrap_or(0))];
            let nonce = request.response_nonce;
            Ok(DeltaDiscoveryResponse {
                system_version_info: seen.clone(),
                nonce,
                removed_resources,
                ..DeltaDiscoveryResponse::default()
            })
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

#[tonic::async_trait]
impl IstioCertificateService for Service {
    async fn create_certificate(
        &self,
        request: Request<IstioCertificateRequest>,
    ) -> Result<Response<IstioCertificateResponse>, Status> {
        if !seen(&request).starts_with("Bearer a.b.c|Kubernetes|") {
            return Err(Status::unauthenticated("no"));
        }
        let certificates = seen(&request).ends_with("|1");
        let mut csr = CertificateSigningRequestParams::from_pem(&request.into_inner().csr)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        // So that a test can tell the two: who shows a certificate gets one that lasts longer.
        csr.params.not_after = time::OffsetDateTime::now_utc() + time::Duration::days(if certificates { 2 } else { 1 });
        let leaf = csr.signed_by(&self.authority.issuer).map_err(|error| Status::internal(error.to_string()))?;
        Ok(Response::new(IstioCertificateResponse { cert_chain: vec![leaf.pem(), self.authority.root.clone()] }))
    }
}
