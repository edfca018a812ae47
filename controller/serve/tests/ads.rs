//! Discovery over real HTTP/2: what the protocol looks like to a client that is not ours.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use heddle_model::{
    identity::Identity,
    object::{Kind, ObjectRef},
    proxy::Proxy,
    snapshot::Snapshot,
};
use heddle_serve::{
    Generate,
    ads::Ads,
    auth::{AuthError, Authenticate, Connection, Credentials},
    metrics::Metrics,
    push::Published,
    registry::ConnectionRegistry,
};
use heddle_xds_api::{
    Layer, Resource, ResourceSet, TypeUrl,
    envoy::{
        config::{
            cluster::v3::{Cluster, cluster},
            core::v3::Node,
            endpoint::v3::ClusterLoadAssignment,
        },
        service::discovery::v3::{
            DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest,
            aggregated_discovery_service_client::AggregatedDiscoveryServiceClient,
        },
    },
    google::rpc::Status,
};
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc, watch},
};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{
    Code, Streaming,
    body::Body,
    server::NamedService,
    transport::{Channel, Endpoint},
};
use tower::Service;

/// A compiler whose output is one cluster with the revision in it, and as many more as the test asks for.
struct Fake {
    calls: AtomicUsize,
    more: usize,
    /// A test that holds it blocks compilations.
    block: Mutex<()>,
}

impl Generate for Fake {
    type Session = Arc<Proxy>;

    fn open(&self, proxy: &Arc<Proxy>) -> Arc<Proxy> {
        proxy.clone()
    }

    fn update(&self, snapshot: &Arc<Snapshot>, proxy: &mut Arc<Proxy>) -> Arc<ResourceSet> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        drop(self.block.blocking_lock());
        assert!(&*proxy.namespace == "default");
        let names = (0..self.more).map(|number| format!("more-{number}"));
        let more: Vec<_> = names.map(|name| cluster(&name, 0)).collect();
        let clusters = more.iter().cloned().chain([cluster("revision", snapshot.revision)]);
        let message = ClusterLoadAssignment { cluster_name: "revision".to_owned(), ..Default::default() };
        let endpoints = Arc::new(Resource::new(TypeUrl::Endpoint, "revision", &message));
        let layer = Layer::default().with(TypeUrl::Cluster, clusters).with(TypeUrl::Endpoint, [endpoints]);
        Arc::new(ResourceSet { shared: Arc::new(layer), own: Arc::default() })
    }

    fn sources(&self, _: &Arc<Proxy>, _: TypeUrl, name: &str) -> Vec<Arc<ObjectRef>> {
        vec![Arc::new(ObjectRef::new(Kind::Service, "shop", name))]
    }
}

struct Nobody;

impl Authenticate for Nobody {
    async fn authenticate(&self, _: &Credentials) -> Result<Identity, AuthError> {
        Err(AuthError::Missing)
    }
}

/// Says of each call that it came from this machine, as the daemon's sockets do.
#[derive(Clone)]
struct Local {
    ads: Ads<Nobody, Fake>,
    secure: bool,
}

impl Service<http::Request<Body>> for Local {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let peer = "127.0.0.1:9".parse().unwrap();
        request.extensions_mut().insert(Arc::new(Connection { peer, secure: self.secure, chain: Vec::new() }));
        self.ads.call(request)
    }
}

impl NamedService for Local {
    const NAME: &'static str = <Ads<Nobody, Fake> as NamedService>::NAME;
}

struct Server {
    revisions: watch::Sender<Option<Published>>,
    registry: Arc<ConnectionRegistry>,
    fake: Arc<Fake>,
    endpoint: Endpoint,
    channel: Channel,
}

impl Server {
    async fn start(more: usize, secure: bool) -> Self {
        let (revisions, receiver) = watch::channel(None);
        let metrics = Arc::new(Metrics::default());
        let registry = Arc::new(ConnectionRegistry::new(metrics.clone()));
        let fake = Arc::new(Fake { calls: AtomicUsize::new(0), more, block: Mutex::default() });
        let ads = Ads::new(fake.clone(), Arc::new(Nobody), receiver, registry.clone(), metrics, true);
        tokio::spawn(ads.rounds());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tonic::transport::Server::builder().add_service(Local { ads, secure });
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
        let channel = endpoint.connect().await.unwrap();
        Self { revisions, registry, fake, endpoint, channel }
    }

    fn publish(&self, revision: u64) {
        let snapshot = Arc::new(Snapshot { revision, synced: true, ..Snapshot::default() });
        self.revisions.send_replace(Some(Published { snapshot, since: Instant::now() }));
    }

    async fn delta(&self) -> (mpsc::Sender<DeltaDiscoveryRequest>, Streaming<DeltaDiscoveryResponse>) {
        Self::delta_on(&self.channel).await
    }

    async fn delta_on(channel: &Channel) -> (mpsc::Sender<DeltaDiscoveryRequest>, Streaming<DeltaDiscoveryResponse>) {
        let (requests, receiver) = mpsc::channel(8);
        let mut client = AggregatedDiscoveryServiceClient::new(channel.clone()).max_decoding_message_size(64 << 20);
        let responses = client.delta_aggregated_resources(ReceiverStream::new(receiver)).await.unwrap();
        (requests, responses.into_inner())
    }
}

fn cluster(name: &str, revision: u64) -> Arc<Resource> {
    let message = Cluster {
        name: name.to_owned(),
        alt_stat_name: revision.to_string(),
        cluster_discovery_type: Some(cluster::ClusterDiscoveryType::Type(cluster::DiscoveryType::Eds as i32)),
        ..Default::default()
    };
    Arc::new(Resource::new(TypeUrl::Cluster, name, &message))
}

fn node() -> Node {
    let id = "sidecar~127.0.0.1~web-1.default~default.svc.cluster.local".to_owned();
    Node { id, ..Default::default() }
}

fn ask(type_url: TypeUrl, nonce: &str) -> DeltaDiscoveryRequest {
    let (node, type_url) = (Some(node()), type_url.as_str().to_owned());
    DeltaDiscoveryRequest { node, type_url, response_nonce: nonce.to_owned(), ..Default::default() }
}

fn names(response: &DeltaDiscoveryResponse) -> Vec<&str> {
    response.resources.iter().map(|one| one.name.as_str()).collect()
}

fn revision(response: &DeltaDiscoveryResponse) -> String {
    use prost::Message;
    let last = response.resources.last().unwrap().resource.as_ref().unwrap();
    Cluster::decode(last.value.as_slice()).unwrap().alt_stat_name
}

#[tokio::test]
async fn clusters_then_their_endpoints_then_only_what_changes() {
    let server = Server::start(1, false).await;
    let (requests, mut responses) = server.delta().await;
    requests.send(ask(TypeUrl::Cluster, "")).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(200), responses.message()).await;
    assert!(early.is_err(), "nothing is answered before the sources have synced");

    server.publish(1);
    let clusters = responses.message().await.unwrap().unwrap();
    assert_eq!(names(&clusters), ["more-0", "revision"]);
    assert_eq!((clusters.system_version_info.as_str(), clusters.type_url.as_str()), ("1", TypeUrl::Cluster.as_str()));
    let endpoints = responses.message().await.unwrap().unwrap();
    assert_eq!((names(&endpoints), endpoints.type_url.as_str()), (vec!["revision"], TypeUrl::Endpoint.as_str()));

    requests.send(ask(TypeUrl::Cluster, &clusters.nonce)).await.unwrap();
    server.publish(2);
    let clusters = responses.message().await.unwrap().unwrap();
    assert_eq!((names(&clusters), revision(&clusters)), (vec!["revision"], "2".to_owned()));
    assert_eq!(server.registry.connected(), 1);
    drop((requests, responses));
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if server.registry.connected() == 0 {
            return;
        }
    }
    panic!("a stream that its client left stays registered");
}

#[tokio::test]
async fn a_proxy_that_comes_back_and_lacks_nothing_is_in_step() {
    let server = Server::start(0, false).await;
    server.publish(1);
    let (requests, responses) = server.delta().await;
    let version = heddle_xds_api::version_text(cluster("revision", 1).version());
    let initial_resource_versions = [("revision".to_owned(), version)].into();
    requests.send(DeltaDiscoveryRequest { initial_resource_versions, ..ask(TypeUrl::Cluster, "") }).await.unwrap();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let proxies = server.registry.proxies();
        if proxies
            .first()
            .and_then(|proxy| proxy.types.get(&TypeUrl::Cluster))
            .is_some_and(|it| it.status() == "SYNCED")
        {
            return drop(responses);
        }
    }
    panic!("{:?}", server.registry.proxies());
}

#[tokio::test]
async fn the_state_of_the_world_is_served_too() {
    let server = Server::start(1, false).await;
    server.publish(1);
    let (requests, receiver) = mpsc::channel(8);
    let mut client = AggregatedDiscoveryServiceClient::new(server.channel.clone());
    let responses = client.stream_aggregated_resources(ReceiverStream::new(receiver)).await.unwrap();
    let mut responses = responses.into_inner();
    let mut request =
        DiscoveryRequest { node: Some(node()), type_url: TypeUrl::Cluster.as_str().to_owned(), ..Default::default() };
    requests.send(request.clone()).await.unwrap();
    let clusters = responses.message().await.unwrap().unwrap();
    assert_eq!(clusters.resources, [cluster("more-0", 0).to_any(), cluster("revision", 1).to_any()]);
    assert_eq!(clusters.version_info, "1");
    assert_eq!(responses.message().await.unwrap().unwrap().type_url, TypeUrl::Endpoint.as_str());
    // Only the first request of a stream needs a node.
    (request.response_nonce, request.node) = (clusters.nonce, None);
    requests.send(request).await.unwrap();
    server.publish(2);
    let clusters = responses.message().await.unwrap().unwrap();
    assert_eq!(clusters.resources, [cluster("more-0", 0).to_any(), cluster("revision", 2).to_any()]);
}

#[tokio::test]
async fn a_client_without_an_ack_gets_one_response_and_then_the_newest() {
    let server = Server::start(0, false).await;
    server.publish(1);
    let (requests, mut responses) = server.delta().await;
    requests.send(ask(TypeUrl::Cluster, "")).await.unwrap();
    let first = responses.message().await.unwrap().unwrap();
    responses.message().await.unwrap().unwrap();
    for number in 2..200 {
        server.publish(number);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(tokio::time::timeout(Duration::from_millis(100), responses.message()).await.is_err());
    requests.send(ask(TypeUrl::Cluster, &first.nonce)).await.unwrap();
    assert_eq!(revision(&responses.message().await.unwrap().unwrap()), "199");
    assert!(server.fake.calls.load(Ordering::Relaxed) > 1);
}

/// Waits for a condition, no longer than a second.
async fn within_a_second(condition: impl Fn() -> bool) -> bool {
    for _ in 0..100 {
        if condition() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    condition()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nack_does_not_wait_for_a_compilation() {
    let server = Server::start(0, false).await;
    server.publish(1);
    let (requests, mut responses) = server.delta().await;
    requests.send(ask(TypeUrl::Cluster, "")).await.unwrap();
    let clusters = responses.message().await.unwrap().unwrap();
    let before = server.fake.calls.load(Ordering::Relaxed);

    let block = server.fake.block.lock().await;
    server.publish(2);
    assert!(within_a_second(|| server.fake.calls.load(Ordering::Relaxed) > before).await, "nothing is compiled");
    let error = Status { message: "revision: bad".to_owned(), ..Status::default() };
    let nack = DeltaDiscoveryRequest { error_detail: Some(error), ..ask(TypeUrl::Cluster, &clusters.nonce) };
    requests.send(nack).await.unwrap();
    let rejections = || server.registry.rejections();
    assert!(within_a_second(|| rejections().len() == 1).await, "the NACK waits for the compilation");
    let reason = "revision: bad (it has no accepted version of revision)";
    assert_eq!((rejections()[0].reason.as_str(), rejections()[0].objects.len()), (reason, 0));

    drop(block);
    let cause = [Arc::new(ObjectRef::new(Kind::Service, "shop", "revision"))];
    assert!(within_a_second(|| rejections()[0].objects == cause).await, "{:?}", rejections());
}

#[tokio::test]
async fn a_stream_without_node_or_credentials_is_refused() {
    let server = Server::start(0, false).await;
    server.publish(1);
    let (requests, mut responses) = server.delta().await;
    requests.send(DeltaDiscoveryRequest { node: None, ..ask(TypeUrl::Cluster, "") }).await.unwrap();
    let status = responses.message().await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "missing node information"));

    // Without credentials its requests are not read.
    let server = Server::start(0, true).await;
    server.publish(1);
    let (_requests, mut responses) = server.delta().await;
    assert_eq!(responses.message().await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(server.registry.connected(), 0);
}

#[tokio::test]
async fn streams_whose_client_reads_nothing_keep_nobody_out() {
    let server = Server::start(0, false).await;
    server.publish(1);
    let deaf = server.endpoint.clone().initial_stream_window_size(0).connect().await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..128 {
        let (requests, responses) = Server::delta_on(&deaf).await;
        requests.send(ask(TypeUrl::Cluster, "")).await.unwrap();
        streams.push((requests, responses));
    }
    assert!(within_a_second(|| server.registry.connected() == 128).await, "{}", server.registry.connected());
    let (requests, mut responses) = server.delta().await;
    requests.send(ask(TypeUrl::Cluster, "")).await.unwrap();
    let response = tokio::time::timeout(Duration::from_secs(10), responses.message()).await;
    assert_eq!(names(&response.expect("nobody gets in").unwrap().unwrap()), ["revision"]);
}

#[tokio::test]
async fn silent_streams_delay_nobody() {
    let server = Server::start(0, false).await;
    server.publish(1);
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(server.delta().await);
    }
    let (requests, mut responses) = server.delta().await;
    requests.send(ask(TypeUrl::Cluster, "")).await.unwrap();
    let response = tokio::time::timeout(Duration::from_secs(1), responses.message()).await;
    assert_eq!(names(&response.expect("it waits for the silent ones").unwrap().unwrap()), ["revision"]);
}

#[tokio::test]
async fn a_large_request_is_read_and_a_larger_one_refused() {
    let server = Server::start(0, false).await;
    server.publish(1);
    let held = |count: usize| -> BTreeMap<String, String> {
        (0..count).map(|number| (format!("{number:0>330}"), "0000000000000000".to_owned())).collect()
    };
    let (requests, mut responses) = server.delta().await;
    let large = DeltaDiscoveryRequest { initial_resource_versions: held(40_000), ..ask(TypeUrl::Cluster, "") };
    assert!((12 << 20..16 << 20).contains(&prost::Message::encoded_len(&large)));
    requests.send(large).await.unwrap();
    let response = responses.message().await.unwrap().unwrap();
    assert_eq!(names(&response), ["revision"]);

    let (requests, mut responses) = server.delta().await;
    let larger = DeltaDiscoveryRequest { initial_resource_versions: held(100_000), ..ask(TypeUrl::Cluster, "") };
    assert!(prost::Message::encoded_len(&larger) > 16 << 20);
    requests.send(larger).await.unwrap();
    assert_eq!(responses.message().await.unwrap_err().code(), Code::OutOfRange);
}
