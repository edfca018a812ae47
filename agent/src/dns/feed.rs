//! Receives the name table on a stream of the agent's own, with the same Node as Envoy.

use std::sync::Arc;
use std::time::Duration;

use heddle_xds_api::TypeUrl;
use heddle_xds_api::envoy::config::core::v3::Node;
use heddle_xds_api::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use heddle_xds_api::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use heddle_xds_api::google::protobuf::{ListValue, Struct, Value, value::Kind};
use heddle_xds_api::google::rpc::Status;
use heddle_xds_api::istio::networking::nds::v1::NameTable;
use prost::Message;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

use super::table::{Domain, Table};
use crate::backoff::Backoff;
use crate::config::{self, Config};
use crate::csr::{CsrError, channel, prove};
use crate::status::Counters;
use crate::svid::Current;

/// Metadata that only Envoy's stream sends. The control plane lists only proxies with this metadata.
const PROXY_CONFIG: &str = "PROXY_CONFIG";
/// The largest table that is read: some hundred thousand names.
const MOST: usize = 64 << 20;

/// Receives tables until the process ends. The last table stays in use while the control plane is down.
pub(crate) async fn follow(
    config: Arc<Config>,
    current: watch::Receiver<Current>,
    known: watch::Sender<Arc<Table>>,
    domain: Domain,
    counters: Arc<Counters>,
) {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
    loop {
        let svid = current.borrow().clone();
        let ended = stream(&config, svid.as_deref(), &known, &domain, &mut backoff).await;
        counters.dns_table_losses.add();
        let reason = ended.err().map_or("the control plane ended the stream".into(), |error| error.to_string());
        tracing::debug!(reason, "the stream of the name table ended; the last table stays in use");
        tokio::time::sleep(backoff.step()).await;
    }
}

async fn stream(
    config: &Config,
    svid: Option<&crate::svid::Svid>,
    known: &watch::Sender<Arc<Table>>,
    domain: &Domain,
    backoff: &mut Backoff,
) -> Result<(), CsrError> {
    let channel = channel(&config.discovery, svid).await?;
    let (send, requests) = mpsc::channel(4);
    let first = DeltaDiscoveryRequest { node: Some(node(&config.node)), ..of_table() };
    // The channel is empty and has room for this message.
    _ = send.try_send(first);
    let mut call = tonic::Request::new(ReceiverStream::new(requests));
    prove(config, call.metadata_mut())?;
    let mut client = AggregatedDiscoveryServiceClient::new(channel).max_decoding_message_size(MOST);
    let refused = |status| CsrError::Refused(Box::new(status));
    let mut responses = client.delta_aggregated_resources(call).await.map_err(refused)?.into_inner();
    while let Some(response) = responses.message().await.map_err(refused)? {
        backoff.reset();
        let error_detail = take(&response, known, domain);
        let answer = DeltaDiscoveryRequest { response_nonce: response.nonce, error_detail, ..of_table() };
        if send.send(answer).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Applies a response. Returns the error of an invalid one.
fn take(response: &DeltaDiscoveryResponse, known: &watch::Sender<Arc<Table>>, domain: &Domain) -> Option<Status> {
    let said = response.resources.first().and_then(|resource| resource.resource.as_ref());
    let table = match said.map(|any| NameTable::decode(any.value.as_slice())) {
        Some(Ok(table)) => table,
        Some(Err(error)) => return Some(Status { code: 3, message: error.to_string(), details: Vec::new() }),
        None if response.removed_resources.is_empty() => return None,
        None => NameTable::default(),
    };
    tracing::debug!(names = table.table.len(), "received a name table");
    known.send_replace(Arc::new(Table::new(&table, domain)));
    None
}

fn of_table() -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest { type_url: TypeUrl::NameTable.as_str().into(), ..DeltaDiscoveryRequest::default() }
}

/// Envoy's Node as a protobuf message.
fn node(of: &config::Node) -> Node {
    let metadata = of.metadata.iter().filter(|(name, _)| *name != PROXY_CONFIG);
    let fields = metadata.map(|(name, value)| (name.clone(), json(value))).collect();
    Node { id: of.id.clone(), cluster: of.cluster.clone(), metadata: Some(Struct { fields }), ..Node::default() }
}

fn json(value: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    let kind = match value {
        Json::Null => Kind::NullValue(0),
        Json::Bool(value) => Kind::BoolValue(*value),
        Json::Number(value) => Kind::NumberValue(value.as_f64().unwrap_or_default()),
        Json::String(value) => Kind::StringValue(value.clone()),
        Json::Array(items) => Kind::ListValue(ListValue { values: items.iter().map(json).collect() }),
        Json::Object(fields) => Kind::StructValue(Struct {
            fields: fields.iter().map(|(name, value)| (name.clone(), json(value))).collect(),
        }),
    };
    Value { kind: Some(kind) }
}
