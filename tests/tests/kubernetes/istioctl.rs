//! What `istioctl` asks of a control plane, as it asks it, and what it gets. The shapes are those of the contract, §2.
//!
//! Its client sets a nonce on its first request (the time), acknowledges each response without naming anything, and
//! asks for paths with two slashes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use heddle_tests::control::Control;
use heddle_tests::http::Call;
use heddle_tests::xds_client::{CLUSTER, DeltaClient, ENDPOINT, node};
use heddle_xds_api::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use heddle_xds_api::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest, DiscoveryResponse};
use heddle_xds_api::envoy::service::status::v3::{ClientConfig, ConfigStatus};
use heddle_xds_api::google::protobuf::value::Kind;
use heddle_xds_api::unpack;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

mod access;
mod pages;

const SOON: Duration = Duration::from_secs(20);
/// How long nothing must come.
const QUIET: Duration = Duration::from_millis(300);
const PAGE: &str = "istio.io/debug";
const SYNC: &str = "istio.io/debug/syncz";
const DUMP: &str = "istio.io/debug/config_dump";
/// A type of ztunnel, which is not served.
const ADDRESS: &str = "type.googleapis.com/istio.workload.v1.Address";
const OBJECTS: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: a, namespace: shop}
spec:
  hosts: [a.example]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 10.0.0.1}]
";

/// A stream of `istioctl`.
struct Istioctl {
    requests: mpsc::Sender<DiscoveryRequest>,
    responses: Streaming<DiscoveryResponse>,
    namespace: String,
    count: usize,
}

impl Istioctl {
    /// Connects in the name of a namespace's account `default`, with its token if the control plane is given.
    async fn connect(channel: Channel, control: Option<&Control>, namespace: &str) -> Result<Self> {
        let (requests, receiver) = mpsc::channel(8);
        let mut call = tonic::Request::new(ReceiverStream::new(receiver));
        if let Some(control) = control {
            let bearer = format!("Bearer {}", control.token(namespace, "default")?).parse()?;
            call.metadata_mut().insert("authorization", bearer);
        }
        let responses = AggregatedDiscoveryServiceClient::new(channel).stream_aggregated_resources(call).await?;
        Ok(Self { requests, responses: responses.into_inner(), namespace: namespace.into(), count: 0 })
    }

    async fn send(&mut self, type_url: &str, nonce: String, names: &[&str]) -> Result<()> {
        // The id says nothing of who asks; the metadata does.
        let metadata = json!({
            "GENERATOR": "event", "NAMESPACE": self.namespace, "SERVICE_ACCOUNT": "default",
            "ISTIO_VERSION": "65536.65536.65536",
        });
        let request = DiscoveryRequest {
            node: Some(node("sidecar~10.1.2.3~test-1.default~default.svc.cluster.local", &metadata)),
            type_url: type_url.into(),
            response_nonce: nonce,
            resource_names: names.iter().map(ToString::to_string).collect(),
            ..DiscoveryRequest::default()
        };
        Ok(self.requests.send(request).await?)
    }

    /// Asks, and acknowledges the response.
    async fn ask(&mut self, type_url: &str, names: &[&str]) -> Result<DiscoveryResponse, Status> {
        self.count += 1;
        let time = format!("2026-11-30 17:00:00.{:09} +0000 UTC m=+0.05", self.count);
        let gone = |_| Status::unknown("the stream is closed");
        // If the stream has been refused already, the response is the status.
        let _ = self.send(type_url, time, names).await;
        let answer = tokio::time::timeout(SOON, self.responses.message()).await;
        let answer = answer.map_err(|_| Status::deadline_exceeded("no answer"))??;
        let answer = answer.ok_or_else(|| Status::unknown("the stream ended"))?;
        self.send(type_url, answer.nonce.clone(), &[]).await.map_err(gone)?;
        Ok(answer)
    }
}

/// Asks once, on a stream of its own.
async fn ask(
    channel: &Channel,
    client: Option<(&Control, &str)>,
    type_url: &str,
    names: &[&str],
) -> Result<DiscoveryResponse, Status> {
    let namespace = client.map_or("istio-system", |(_, namespace)| namespace);
    let stream = Istioctl::connect(channel.clone(), client.map(|(control, _)| control), namespace).await;
    stream.map_err(|error| Status::internal(error.to_string()))?.ask(type_url, names).await
}

/// Asks for a page, as `istioctl x internal-debug` does.
async fn page(channel: &Channel, client: (&Control, &str), name: &str) -> Result<String> {
    let answer = ask(channel, Some(client), PAGE, &[name]).await?;
    let [resource] = answer.resources.as_slice() else { anyhow::bail!("{answer:?}") };
    ensure!(resource.type_url == PAGE, "{resource:?}");
    Ok(String::from_utf8(resource.value.clone())?)
}

/// A proxy that holds its clusters, with an agent of another version than ours.
async fn proxy(control: &Control, pod: &str, namespace: &str) -> Result<DeltaClient> {
    let id = format!("sidecar~10.0.0.9~{pod}.{namespace}~{namespace}.svc.cluster.local");
    let metadata = json!({"NAMESPACE": namespace, "ISTIO_VERSION": "1.27.3"});
    let mut stream = control.stream(node(&id, &metadata)).await?;
    stream.subscribe(CLUSTER, &[]).await?;
    stream.accept(CLUSTER, SOON).await?;
    stream.accept(ENDPOINT, SOON).await?;
    Ok(stream)
}

#[tokio::test]
async fn proxy_status_shows_each_proxy_with_its_own_version() -> Result<()> {
    let control = Control::start(OBJECTS).await?;
    let _proxy = proxy(&control, "web", "shop").await?;
    let secure = control.channel(None).await?;
    let mut answer = ask(&secure, Some((&control, "istio-system")), SYNC, &[]).await?;
    let identifier: Value = serde_json::from_str(&answer.control_plane.take().context("who answers")?.identifier)?;
    ensure!(identifier["Component"] == "istiod" && identifier["ID"] == "heddled", "{identifier}");
    for key in ["version", "revision", "golang_version", "status", "tag"] {
        ensure!(identifier["Info"][key].is_string(), "{key}: {identifier}");
    }
    ensure!(answer.resources.len() == 1, "{answer:?}");
    let state: ClientConfig = unpack(&answer.resources[0]).context("a state")?;
    let node = state.node.context("a node")?;
    ensure!(node.id == "web.shop", "{node:?}");
    let fields = node.metadata.context("metadata")?.fields;
    for (name, expected) in [("CLUSTER_ID", "Kubernetes"), ("NAMESPACE", "shop"), ("ISTIO_VERSION", "1.27.3")] {
        let found = fields.get(name).and_then(|value| value.kind.clone());
        ensure!(found == Some(Kind::StringValue(expected.into())), "{name}: {found:?}");
    }
    let clusters = state.generic_xds_configs.iter().find(|config| config.type_url == CLUSTER).context("clusters")?;
    ensure!(clusters.config_status() == ConfigStatus::Synced && clusters.last_updated.is_some(), "{clusters:?}");

    let page = control.json("/debug/syncz").await?;
    ensure!(page[0]["istio_version"] == "1.27.3", "{page}");
    for key in ["cluster_id", "proxy", "proxy_type", "proxy_version", "cluster_sent", "cluster_acked", "endpoint_sent"]
    {
        ensure!(page[0][key].is_string(), "{key}: {page}");
    }
    let state = &page[0]["resources"][CLUSTER];
    ensure!(["sent", "acked", "sentTime"].iter().all(|key| state[key].is_string()), "{page}");
    // Who asks is no proxy.
    ensure!(page.as_array().map(Vec::len) == Some(1), "{page}");
    Ok(())
}

#[tokio::test]
async fn ps_of_a_pod_gets_its_configuration_or_the_words_to_ask_another_pod() -> Result<()> {
    let control = Control::start(OBJECTS).await?;
    let _proxy = proxy(&control, "web", "shop").await?;
    let (secure, root) = (control.channel(None).await?, Some((&control, "istio-system")));
    let dump = ask(&secure, root, DUMP, &["web.shop"]).await?;
    let types: Vec<&str> = dump.resources.iter().map(|any| any.type_url.as_str()).collect();
    ensure!(types.contains(&"type.googleapis.com/envoy.admin.v3.ClustersConfigDump"), "{types:?}");
    ensure!(dump.resources.iter().any(|any| any.value.windows(9).any(|part| part == b"a.example")));
    let dump = ask(&secure, root, DUMP, &["web.elsewhere"]).await?;
    let [resource] = dump.resources.as_slice() else { anyhow::bail!("{dump:?}") };
    ensure!(String::from_utf8_lossy(&resource.value).contains("Proxy not connected to this Pilot instance."));
    Ok(())
}

#[tokio::test]
async fn an_acknowledgment_gets_no_answer_and_each_further_question_does() -> Result<()> {
    let control = Control::start(OBJECTS).await?;
    let mut stream = Istioctl::connect(control.channel(None).await?, Some(&control), "istio-system").await?;
    for names in [["list"], ["syncz"], ["syncz"]] {
        stream.ask(PAGE, &names).await?;
        let more = tokio::time::timeout(QUIET, stream.responses.message()).await;
        ensure!(more.is_err(), "the acknowledgment was answered: {more:?}");
    }
    // By the protocol's own rules: another name with the nonce of the last response.
    let answer = stream.ask(PAGE, &["list"]).await?;
    stream.send(PAGE, answer.nonce, &["clusterz"]).await?;
    let answer = tokio::time::timeout(SOON, stream.responses.message()).await??.context("an answer")?;
    ensure!(answer.resources[0].value.windows(10).any(|part| part == b"secretName"), "{answer:?}");
    // What is served to proxies is not served here.
    let status = stream.ask(CLUSTER, &[]).await.err().map(|status| status.code());
    ensure!(status == Some(Code::FailedPrecondition), "{status:?}");
    Ok(())
}

/// `istioctl version` and `remote-clusters` put a slash before a path that has one.
#[tokio::test]
async fn version_and_remote_clusters_are_found_behind_two_slashes() -> Result<()> {
    let control = Control::start(OBJECTS).await?;
    let monitoring = control.address("monitoring")?;
    for path in ["/version", "//version"] {
        let answer = Call::get(monitoring, path)?.send().await?;
        let parts: Vec<&str> = answer.body.split('-').collect();
        ensure!(answer.status == 200 && parts == [env!("CARGO_PKG_VERSION"), "heddle", "Clean"], "{answer:?}");
    }
    let answer = Call::get(monitoring, "//debug/clusterz")?.send().await?;
    let clusters: Value = serde_json::from_str(&answer.body)?;
    ensure!(clusters == json!([{"id": "Kubernetes", "secretName": "", "syncStatus": "synced"}]), "{clusters}");
    Ok(())
}

#[tokio::test]
async fn a_type_that_is_not_served_is_refused_by_name_and_never_ends_a_proxy() -> Result<()> {
    let control = Control::start(OBJECTS).await?;
    let secure = control.channel(None).await?;
    for type_url in [ADDRESS, "istio.io/connections", "networking.istio.io/v1/VirtualService", ""] {
        let status = ask(&secure, Some((&control, "istio-system")), type_url, &[]).await.err().context("no status")?;
        ensure!(status.code() == Code::Unimplemented && status.message().contains(type_url), "{status:?}");
    }
    let mut stream = proxy(&control, "web", "shop").await?;
    stream.subscribe(ADDRESS, &["one", "two"]).await?;
    let answer = stream.next(SOON).await?;
    ensure!(answer.type_url == ADDRESS && answer.resources.is_empty(), "{answer:?}");
    ensure!(answer.removed_resources == ["one", "two"], "{answer:?}");
    let error = answer.resource_errors[0].error_detail.as_ref().context("an error")?;
    ensure!(error.code == i32::from(Code::Unimplemented) && error.message.contains(ADDRESS), "{error:?}");
    stream.ack(&answer).await?;
    stream.silent(QUIET).await?;
    control.put("objects", &OBJECTS.replace("a.example", "b.example"))?;
    stream.accept(CLUSTER, SOON).await?;
    // As many types as a client likes are not kept in mind.
    for number in 0..20 {
        stream.subscribe(&format!("type-{number}"), &[]).await?;
    }
    let ended = async {
        loop {
            stream.next(SOON).await?;
        }
    };
    let ended: Result<()> = tokio::time::timeout(SOON, ended).await?;
    ensure!(format!("{ended:?}").contains("too many types"), "{ended:?}");
    Ok(())
}

/// An agent passes the debug requests of its pod on its proxy's stream.
#[tokio::test]
async fn a_debug_request_is_answered_on_the_stream_of_a_proxy() -> Result<()> {
    let control = Control::start(OBJECTS).await?;
    let metadata = json!({"NAMESPACE": "shop", "SERVICE_ACCOUNT": "default"});
    let node = node("sidecar~10.0.0.9~web.shop~shop.svc.cluster.local", &metadata);
    let token = control.token("shop", "default")?;
    let mut stream = DeltaClient::over(control.channel(None).await?, node, Some(&token)).await?;
    stream.subscribe(CLUSTER, &[]).await?;
    stream.accept(CLUSTER, SOON).await?;
    stream.accept(ENDPOINT, SOON).await?;
    stream.subscribe(PAGE, &["config_dump?proxyID=web.shop"]).await?;
    let answer = stream.accept(PAGE, SOON).await?;
    let text = &answer.resources[0].resource.as_ref().context("a resource")?.value;
    ensure!(text.windows(9).any(|part| part == b"a.example"), "{answer:?}");
    // A refusal is an answer as well, and the stream goes on.
    stream.subscribe(SYNC, &[]).await?;
    let answer = stream.accept(SYNC, SOON).await?;
    let error = answer.resource_errors[0].error_detail.as_ref().context("an error")?;
    ensure!(error.code == i32::from(Code::PermissionDenied), "{answer:?}");
    control.put("objects", &OBJECTS.replace("a.example", "b.example"))?;
    stream.accept(CLUSTER, SOON).await?;
    Ok(())
}

#[tokio::test]
async fn proxyless_grpc_is_refused_with_the_reason() -> Result<()> {
    let control = Control::start(OBJECTS).await?;
    let metadata = json!({"GENERATOR": "grpc", "NAMESPACE": "shop"});
    let node = node("sidecar~10.0.0.9~web.shop~shop.svc.cluster.local", &metadata);
    let mut stream = control.stream(node).await?;
    let type_url = "type.googleapis.com/envoy.config.listener.v3.Listener".to_owned();
    stream.send(DeltaDiscoveryRequest { type_url, ..DeltaDiscoveryRequest::default() }).await?;
    let ended = stream.next(SOON).await.err().context("no status")?;
    let status = ended.downcast_ref::<Status>().context("a status")?;
    ensure!(status.code() == Code::Unimplemented && status.message().contains("GENERATOR=grpc"), "{status:?}");
    ensure!(control.process.log().contains("GENERATOR=grpc"), "{}", control.process.tail());
    Ok(())
}

/// What `grpcurl` asks, of both ports and in both versions.
#[tokio::test]
async fn the_ports_say_what_they_serve() -> Result<()> {
    let control = Control::start(OBJECTS).await?;
    let plain = Channel::from_shared(format!("http://{}", control.address("grpc")?))?.connect().await?;
    for channel in [plain, control.channel(None).await?] {
        let ask = |message| ServerReflectionRequest { host: String::new(), message_request: Some(message) };
        let symbol = "istio.v1.auth.IstioCertificateService".to_owned();
        let asked =
            [MessageRequest::ListServices(String::new()), MessageRequest::FileContainingSymbol(symbol)].map(ask);
        let call = tokio_stream::iter(asked);
        let mut answers = ServerReflectionClient::new(channel).server_reflection_info(call).await?.into_inner();
        let mut said = Vec::new();
        while let Some(answer) = answers.message().await? {
            said.push(format!("{answer:?}"));
        }
        ensure!(
            said.len() == 2 && said[0].contains("envoy.service.discovery.v3.AggregatedDiscoveryService"),
            "{said:?}"
        );
        ensure!(said[1].contains("FileDescriptorResponse"), "{said:?}");
    }
    Ok(())
}
