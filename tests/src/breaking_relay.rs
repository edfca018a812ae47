//! A relay of delta ADS between Envoys and heddled that breaks chosen resources, so that Envoy rejects them.
//!
//! heddled checks what it sends, so a test cannot make it send what Envoy refuses. Here it need not: heddled as it is
//! shipped sends a good resource, Envoy gets a bad one, and its NACK reaches heddled.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use anyhow::{Context as _, Result};
use futures_util::{Stream, StreamExt as _};
use heddle_xds_api::envoy::config::{
    cluster::v3::Cluster, endpoint::v3::ClusterLoadAssignment, listener::v3::Listener, route::v3::RouteConfiguration,
    route::v3::VirtualHost,
};
use heddle_xds_api::envoy::extensions::transport_sockets::tls::v3::Secret;
use heddle_xds_api::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use heddle_xds_api::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Resource};
use heddle_xds_api::google::protobuf::Any;
use heddle_xds_api::json;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

/// The longest message that is relayed.
const MAX_MESSAGE: usize = 64 << 20;

/// How a resource is broken.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Its JSON is patched, as RFC 7396 says.
    Patch(Value),
    /// Its bytes are no message.
    Garbage,
}

/// A running relay that ends with its value.
#[derive(Debug)]
pub struct BreakingRelay {
    /// Where Envoys connect, in plain text.
    pub address: SocketAddr,
    plan: Arc<Mutex<Plan>>,
    task: JoinHandle<()>,
}

/// What is broken, and which versions have passed, by type and name.
#[derive(Debug, Default)]
struct Plan {
    passed: BTreeMap<(String, String), String>,
    faults: BTreeMap<(String, String), Planned>,
}

/// A fault of the first version that differs from the last one that has passed.
#[derive(Debug)]
struct Planned {
    fault: Fault,
    broken: Option<String>,
}

#[derive(Clone)]
struct Relay {
    upstream: Channel,
    token: Option<String>,
    plan: Arc<Mutex<Plan>>,
}

impl BreakingRelay {
    /// Relays to `upstream`. With a token, each stream is of its account.
    pub async fn start(upstream: Channel, token: Option<String>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, plan) = (listener.local_addr()?, Arc::<Mutex<Plan>>::default());
        let relay = Relay { upstream, token, plan: plan.clone() };
        let serve = Server::builder().add_service(relay).serve_with_incoming(TcpListenerStream::new(listener));
        let task = tokio::spawn(async move { drop(serve.await) });
        Ok(Self { address, plan, task })
    }

    /// Breaks the next version of a resource, for all Envoys. Its other versions pass.
    pub fn break_next(&self, type_url: &str, name: &str, fault: Fault) {
        let key = (type_url.to_owned(), name.to_owned());
        lock(&self.plan).faults.insert(key, Planned { fault, broken: None });
    }

    /// Whether a resource was broken since the last [`Self::break_next`] for it.
    #[must_use]
    pub fn has_broken(&self, type_url: &str, name: &str) -> bool {
        let key = (type_url.to_owned(), name.to_owned());
        lock(&self.plan).faults.get(&key).is_some_and(|planned| planned.broken.is_some())
    }
}

impl Drop for BreakingRelay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(plan: &Mutex<Plan>) -> std::sync::MutexGuard<'_, Plan> {
    plan.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Plan {
    fn pass(&mut self, type_url: &str, resource: &mut Resource) {
        let key = (type_url.to_owned(), resource.name.clone());
        let (passed, version) = (self.passed.get(&key), &resource.version);
        if let Some(planned) = self.faults.get_mut(&key)
            && passed != Some(version)
            && planned.broken.get_or_insert_with(|| version.clone()) == version
        {
            if let Some(any) = &mut resource.resource {
                any.value = broken(any, &planned.fault).unwrap_or_else(|_| vec![0xff; 8]);
            }
            return;
        }
        self.passed.insert(key, version.clone());
    }
}

fn broken(any: &Any, fault: &Fault) -> Result<Vec<u8>> {
    let Fault::Patch(patch) = fault else { anyhow::bail!("no message") };
    match any.type_url.rsplit('.').next().unwrap_or_default() {
        "Cluster" => patched::<Cluster>(any, patch),
        "ClusterLoadAssignment" => patched::<ClusterLoadAssignment>(any, patch),
        "Listener" => patched::<Listener>(any, patch),
        "RouteConfiguration" => patched::<RouteConfiguration>(any, patch),
        "VirtualHost" => patched::<VirtualHost>(any, patch),
        "Secret" => patched::<Secret>(any, patch),
        other => anyhow::bail!("nobody breaks a {other}"),
    }
}

fn patched<M: prost::Name + Default>(any: &Any, patch: &Value) -> Result<Vec<u8>> {
    let mut value = json::message_to_json(&M::decode(&*any.value)?)?;
    merge(&mut value, patch);
    let message: M = json::message_from_json(&value).with_context(|| format!("patch {patch}"))?;
    Ok(message.encode_to_vec())
}

fn merge(value: &mut Value, patch: &Value) {
    let (Some(fields), Some(patches)) = (value.as_object_mut(), patch.as_object()) else {
        *value = patch.clone();
        return;
    };
    for (key, patch) in patches {
        if patch.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), patch);
        }
    }
}

impl Relay {
    async fn relay(
        self,
        requests: Streaming<DeltaDiscoveryRequest>,
    ) -> Result<Response<impl Stream<Item = Result<DeltaDiscoveryResponse, Status>> + Send>, Status> {
        let requests = requests.take_while(|request| std::future::ready(request.is_ok())).filter_map(async |r| r.ok());
        let mut call = Request::new(requests);
        if let Some(token) = &self.token {
            let bearer =
                format!("Bearer {token}").parse().map_err(|_| Status::internal("a token that is no header"))?;
            call.metadata_mut().insert("authorization", bearer);
        }
        let mut client =
            AggregatedDiscoveryServiceClient::new(self.upstream.clone()).max_decoding_message_size(MAX_MESSAGE);
        let responses = client.delta_aggregated_resources(call).await?.into_inner();
        let plan = self.plan;
        Ok(Response::new(responses.map(move |response| {
            let mut response = response?;
            let mut plan = lock(&plan);
            for resource in &mut response.resources {
                plan.pass(&response.type_url, resource);
            }
            Ok(response)
        })))
    }
}

type Responses = Pin<Box<dyn Stream<Item = Result<DeltaDiscoveryResponse, Status>> + Send>>;

impl StreamingService<DeltaDiscoveryRequest> for Relay {
    type Response = DeltaDiscoveryResponse;
    type ResponseStream = Responses;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Responses>, Status>> + Send>>;

    fn call(&mut self, request: Request<Streaming<DeltaDiscoveryRequest>>) -> Self::Future {
        let relay = self.clone();
        Box::pin(
            async move { Ok(relay.relay(request.into_inner()).await?.map(|stream| Box::pin(stream) as Responses)) },
        )
    }
}

impl tower::Service<http::Request<Body>> for Relay {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let relay = self.clone();
        Box::pin(async move {
            let codec = ProstCodec::<DeltaDiscoveryResponse, DeltaDiscoveryRequest>::default();
            let mut grpc = Grpc::new(codec).apply_max_message_size_config(Some(MAX_MESSAGE), None);
            Ok(grpc.streaming(relay, request).await)
        })
    }
}

impl NamedService for Relay {
    const NAME: &'static str = "envoy.service.discovery.v3.AggregatedDiscoveryService";
}
