//! An xDS client for tests of the protocol: it subscribes, acknowledges, rejects or stays silent, as the test says.
//!
//! It keeps what a real client would hold, by type, so that a test can compare that with what it should hold.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use heddle_xds_api::envoy::config::core::v3::Node;
use heddle_xds_api::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use heddle_xds_api::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Resource};
use heddle_xds_api::google::protobuf::{ListValue, Struct, Value, value::Kind};
use heddle_xds_api::google::rpc::Status;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

/// The type of clusters.
pub const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
/// The type of endpoints.
pub const ENDPOINT: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
/// The type of listeners.
pub const LISTENER: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
/// The type of route configurations.
pub const ROUTE: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
/// The type of secrets.
pub const SECRET: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

/// A delta ADS stream and what has been accepted over it.
#[derive(Debug)]
pub struct DeltaClient {
    requests: mpsc::Sender<DeltaDiscoveryRequest>,
    responses: Streaming<DeltaDiscoveryResponse>,
    /// The Node goes with the first request only.
    node: Option<Node>,
    held: BTreeMap<String, BTreeMap<String, Resource>>,
}

impl DeltaClient {
    /// Opens a stream in plain text at `address`, `http://127.0.0.1:15010` for instance. Nothing is asked for yet.
    pub async fn connect(address: &str, node: Node) -> Result<Self> {
        let endpoint = Endpoint::from_shared(address.to_owned())?.connect_timeout(Duration::from_secs(5));
        Self::over(endpoint.connect().await.with_context(|| format!("connect to {address}"))?, node, None).await
    }

    /// Opens a stream over a connection that the test has made, for instance with TLS; `token` is sent as a bearer.
    pub async fn over(channel: Channel, node: Node, token: Option<&str>) -> Result<Self> {
        // Room for what a test sends before it reads.
        let (requests, receiver) = mpsc::channel(64);
        let mut request = tonic::Request::new(ReceiverStream::new(receiver));
        if let Some(token) = token {
            request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
        }
        let mut client = AggregatedDiscoveryServiceClient::new(channel).max_decoding_message_size(64 << 20);
        let responses = client.delta_aggregated_resources(request).await?.into_inner();
        Ok(Self { requests, responses, node: Some(node), held: BTreeMap::new() })
    }

    /// Subscribes to names of a type; none at all, in the type's first request, means everything.
    pub async fn subscribe(&mut self, type_url: &str, names: &[&str]) -> Result<()> {
        let resource_names_subscribe = names.iter().map(ToString::to_string).collect();
        self.send(DeltaDiscoveryRequest { resource_names_subscribe, ..of(type_url) }).await
    }

    /// Subscribes as a client does that comes back and still holds `versions`, by name.
    pub async fn resume(&mut self, type_url: &str, names: &[&str], versions: BTreeMap<String, String>) -> Result<()> {
        let resource_names_subscribe = names.iter().map(ToString::to_string).collect();
        self.send(DeltaDiscoveryRequest {
            resource_names_subscribe,
            initial_resource_versions: versions,
            ..of(type_url)
        })
        .await
    }

    /// Gives names up, and forgets what was held under them.
    pub async fn unsubscribe(&mut self, type_url: &str, names: &[&str]) -> Result<()> {
        if let Some(held) = self.held.get_mut(type_url) {
            held.retain(|name, _| !names.contains(&name.as_str()));
        }
        let resource_names_unsubscribe = names.iter().map(ToString::to_string).collect();
        self.send(DeltaDiscoveryRequest { resource_names_unsubscribe, ..of(type_url) }).await
    }

    /// The next response, not yet acknowledged.
    pub async fn next(&mut self, limit: Duration) -> Result<DeltaDiscoveryResponse> {
        let next = tokio::time::timeout(limit, self.responses.message()).await;
        next.map_err(|_| anyhow!("no response within {limit:?}"))??.context("the server ended the stream")
    }

    /// That nothing comes for so long.
    pub async fn silent(&mut self, limit: Duration) -> Result<()> {
        match tokio::time::timeout(limit, self.responses.message()).await {
            Err(_) => Ok(()),
            Ok(Ok(Some(response))) => Err(anyhow!("unexpected {} with {:?}", response.type_url, names(&response))),
            Ok(end) => Err(anyhow!("the stream ended: {end:?}")),
        }
    }

    /// Accepts a response: what it brings is held from now on.
    pub async fn ack(&mut self, response: &DeltaDiscoveryResponse) -> Result<()> {
        let held = self.held.entry(response.type_url.clone()).or_default();
        for resource in &response.resources {
            held.insert(resource.name.clone(), resource.clone());
        }
        for name in &response.removed_resources {
            held.remove(name);
        }
        self.send(DeltaDiscoveryRequest { response_nonce: response.nonce.clone(), ..of(&response.type_url) }).await
    }

    /// Rejects a response, in words as Envoy has them.
    pub async fn nack(&mut self, response: &DeltaDiscoveryResponse, words: &str) -> Result<()> {
        let error_detail = Some(Status { code: 3, message: words.to_owned(), details: Vec::new() });
        self.send(DeltaDiscoveryRequest {
            response_nonce: response.nonce.clone(),
            error_detail,
            ..of(&response.type_url)
        })
        .await
    }

    /// Takes and acknowledges responses until one of the type has come.
    pub async fn accept(&mut self, type_url: &str, limit: Duration) -> Result<DeltaDiscoveryResponse> {
        loop {
            let response = self.next(limit).await.with_context(|| format!("waiting for {type_url}"))?;
            self.ack(&response).await?;
            if response.type_url == type_url {
                return Ok(response);
            }
        }
    }

    /// What is held of a type, by name.
    #[must_use]
    pub fn held(&self, type_url: &str) -> BTreeMap<String, Resource> {
        self.held.get(type_url).cloned().unwrap_or_default()
    }

    /// The versions held of a type, as a client names them when it comes back.
    #[must_use]
    pub fn versions(&self, type_url: &str) -> BTreeMap<String, String> {
        self.held(type_url).into_iter().map(|(name, resource)| (name, resource.version)).collect()
    }

    /// Sends a request as it is; the first of the stream gets the Node.
    pub async fn send(&mut self, mut request: DeltaDiscoveryRequest) -> Result<()> {
        request.node = request.node.or_else(|| self.node.take());
        let sent = self.requests.send(request).await;
        ensure!(sent.is_ok(), "the stream is closed");
        Ok(())
    }
}

/// Envoy's Node with metadata from JSON; the id has four parts, `sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local`.
#[must_use]
pub fn node(id: &str, metadata: &serde_json::Value) -> Node {
    let metadata = match struct_value(metadata).kind {
        Some(Kind::StructValue(fields)) => Some(fields),
        _ => None,
    };
    Node { id: id.to_owned(), cluster: "test".to_owned(), metadata, ..Node::default() }
}

/// The names that a response brings.
#[must_use]
pub fn names(response: &DeltaDiscoveryResponse) -> Vec<&str> {
    response.resources.iter().map(|resource| resource.name.as_str()).collect()
}

fn of(type_url: &str) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest { type_url: type_url.to_owned(), ..DeltaDiscoveryRequest::default() }
}

fn struct_value(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(value) => Kind::BoolValue(*value),
        Json::Number(value) => Kind::NumberValue(value.as_f64().unwrap_or_default()),
        Json::String(value) => Kind::StringValue(value.clone()),
        Json::Array(items) => Kind::ListValue(ListValue { values: items.iter().map(struct_value).collect() }),
        Json::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.clone(), struct_value(value))).collect();
            Kind::StructValue(Struct { fields })
        }
    };
    Value { kind: Some(kind) }
}
