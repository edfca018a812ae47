//! The relay between a client on a Unix socket and a real server over TLS.

use std::net::SocketAddr;
use std::path::Path;

use heddle_xds_api::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use heddle_xds_api::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Streaming};

use super::*;
use crate::csr::certificate;
use crate::testing::{Authority, ControlPlane};

const LIMIT: Duration = Duration::from_secs(10);

/// A relay that runs, and Envoy's place in front of it.
struct RunningRelay {
    client: AggregatedDiscoveryServiceClient<Channel>,
    counters: Arc<Counters>,
    certificate: watch::Sender<Current>,
}

fn anywhere() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

async fn front(authority: &Authority, address: SocketAddr, folder: &Path) -> RunningRelay {
    let path = folder.join("XDS");
    let socket = UnixListener::bind(&path).unwrap();
    let (certificate, current) = watch::channel(None);
    let config = Arc::new(authority.config(address, folder));
    let counters = Arc::new(Counters::default());
    let relay = Relay { config, current, counters: Arc::clone(&counters) };
    tokio::spawn(serve(socket, Arc::new(relay)));
    let connect = tower::service_fn(move |_: Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from_static("http://relay").connect_with_connector(connect).await.unwrap();
    let client = AggregatedDiscoveryServiceClient::new(channel).max_decoding_message_size(usize::MAX);
    RunningRelay { client, counters, certificate }
}

/// A request that asks for an answer of so many bytes.
fn ask(bytes: usize, nonce: &str) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        type_url: bytes.to_string(),
        response_nonce: nonce.into(),
        ..DeltaDiscoveryRequest::default()
    }
}

type Stream = (mpsc::Sender<DeltaDiscoveryRequest>, Streaming<DeltaDiscoveryResponse>);

impl RunningRelay {
    async fn open(&self) -> Result<Stream, tonic::Status> {
        let (send, requests) = mpsc::channel(4);
        send.send(ask(0, "first")).await.unwrap();
        let mut client = self.client.clone();
        let answers = client.delta_aggregated_resources(ReceiverStream::new(requests)).await?;
        Ok((send, answers.into_inner()))
    }
}

async fn next(
    answers: &mut Streaming<DeltaDiscoveryResponse>,
) -> Result<Option<DeltaDiscoveryResponse>, tonic::Status> {
    tokio::time::timeout(LIMIT, answers.message()).await.expect("an answer in time")
}

#[tokio::test]
async fn credentials_are_added_and_everything_passes() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let server = ControlPlane::start(&authority, anywhere());
    let front = front(&authority, server.address, folder.path()).await;
    let (send, mut answers) = front.open().await.unwrap();
    let first = next(&mut answers).await.unwrap().unwrap();
    assert_eq!((first.nonce.as_str(), first.system_version_info.as_str()), ("first", "Bearer a.b.c|Kubernetes|0"));
    // More than any window, and more than the default limit of a message.
    send.send(ask(40 * 1024 * 1024, "large")).await.unwrap();
    let large = next(&mut answers).await.unwrap().unwrap();
    assert_eq!((large.nonce.as_str(), large.removed_resources[0].len()), ("large", 40 * 1024 * 1024));

    let svid = certificate(&authority.config(server.address, folder.path()), None).await.unwrap();
    front.certificate.send_replace(Some(Arc::new(svid)));
    let (_send, mut answers) = front.open().await.unwrap();
    assert_eq!(next(&mut answers).await.unwrap().unwrap().system_version_info, "Bearer a.b.c|Kubernetes|1");
}

#[tokio::test]
async fn a_call_is_held_until_the_control_plane_is_there_and_ends_with_it() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let address = ControlPlane::start(&authority, anywhere()).address;
    let front = front(&authority, address, folder.path()).await;
    let held = tokio::time::timeout(Duration::from_millis(300), front.open()).await;
    assert!(held.is_err(), "the call was answered by nobody");
    assert!(front.counters.xds_failures.get() > 0);

    let opening = front.open();
    tokio::pin!(opening);
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut opening).await.is_err());
    let server = ControlPlane::start(&authority, address);
    let (_send, mut answers) = tokio::time::timeout(LIMIT, opening).await.expect("a stream in time").unwrap();
    assert_eq!(next(&mut answers).await.unwrap().unwrap().nonce, "first");
    drop(server);
    assert!(next(&mut answers).await.is_err(), "the stream outlived the control plane");
    assert_eq!(front.counters.xds_losses.get(), 1);
}

#[tokio::test]
async fn a_refusal_passes_and_other_services_are_not_relayed() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let server = ControlPlane::start(&authority, anywhere());
    let mut front = front(&authority, server.address, folder.path()).await;
    let requests = tokio_stream::iter([DiscoveryRequest::default()]);
    let refused = front.client.stream_aggregated_resources(requests).await;
    assert_eq!(refused.err().map(|status| status.code()), Some(Code::PermissionDenied));
    let path = http::uri::PathAndQuery::from_static("/istio.v1.auth.IstioCertificateService/CreateCertificate");
    let stream = UnixStream::connect(folder.path().join("XDS")).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let uri = Uri::builder().scheme("http").authority("x").path_and_query(path).build().unwrap();
    let answer = sender.send_request(Request::post(uri).body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], "12");
}
