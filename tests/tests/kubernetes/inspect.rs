//! What `istioctl` asks over discovery: who may ask, and what is answered.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use heddle_tests::control::Control;
use heddle_tests::xds_client::{CLUSTER, DeltaClient, ENDPOINT, node};
use heddle_xds_api::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use heddle_xds_api::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use heddle_xds_api::envoy::service::status::v3::{ClientConfig, ConfigStatus};
use heddle_xds_api::unpack;
use serde_json::{Value, json};
use tokio_stream::StreamExt;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

const SOON: Duration = Duration::from_secs(20);
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

/// Asks as `istioctl` does, in the name of a namespace's account `default`.
async fn ask(
    channel: Channel,
    as_of: Option<(&Control, &str)>,
    url: &str,
    names: &[&str],
) -> Result<DiscoveryResponse, Status> {
    let namespace = as_of.map_or("istio-system", |(_, namespace)| namespace);
    let metadata = json!({"GENERATOR": "event", "NAMESPACE": namespace, "SERVICE_ACCOUNT": "default"});
    let request = DiscoveryRequest {
        node: Some(node(&format!("sidecar~0.0.0.0~istioctl.{namespace}~{namespace}.svc.cluster.local"), &metadata)),
        type_url: url.into(),
        resource_names: names.iter().map(ToString::to_string).collect(),
        ..DiscoveryRequest::default()
    };
    // The stream stays open, as istioctl's does.
    let mut call = tonic::Request::new(tokio_stream::iter([request]).chain(tokio_stream::pending()));
    if let Some((control, namespace)) = as_of {
        let token = control.token(namespace, "default").map_err(|error| Status::internal(error.to_string()))?;
        let bearer = format!("Bearer {token}").parse().map_err(|_| Status::internal("token"))?;
        call.metadata_mut().insert("authorization", bearer);
    }
    let mut answers =
        AggregatedDiscoveryServiceClient::new(channel).stream_aggregated_resources(call).await?.into_inner();
    let answer =
        tokio::time::timeout(SOON, answers.message()).await.map_err(|_| Status::deadline_exceeded("no answer"))?;
    answer?.ok_or_else(|| Status::unknown("the stream ended"))
}

#[tokio::test]
async fn the_control_planes_own_may_ask_for_all_and_others_for_their_own() -> Result<()> {
    let control = Control::start(OBJECTS).await?;
    let mut proxy: DeltaClient =
        control.stream(node("sidecar~10.0.0.9~web.shop~shop.svc.cluster.local", &json!({"NAMESPACE": "shop"}))).await?;
    proxy.subscribe(CLUSTER, &[]).await?;
    proxy.accept(CLUSTER, SOON).await?;
    proxy.accept(ENDPOINT, SOON).await?;
    let secure = control.channel(None).await?;
    let root = Some((&control, "istio-system"));

    let mut answer = ask(secure.clone(), root, "istio.io/debug/syncz", &[]).await?;
    let identifier: Value = serde_json::from_str(&answer.control_plane.take().context("who answers")?.identifier)?;
    ensure!(identifier["Component"] == "istiod" && identifier["ID"] == "heddled", "{identifier}");
    ensure!(answer.resources.len() == 1, "{answer:?}");
    let state: ClientConfig = unpack(&answer.resources[0]).context("a state")?;
    ensure!(state.node.as_ref().is_some_and(|node| node.id == "web.shop"), "{state:?}");
    let clusters = state.generic_xds_configs.iter().find(|config| config.type_url == CLUSTER).context("clusters")?;
    ensure!(clusters.config_status() == ConfigStatus::Synced, "{clusters:?}");

    let dump = ask(secure.clone(), root, "istio.io/debug/config_dump", &["web.shop"]).await?;
    let types: Vec<&str> = dump.resources.iter().map(|any| any.type_url.as_str()).collect();
    ensure!(types.contains(&"type.googleapis.com/envoy.admin.v3.ClustersConfigDump"), "{types:?}");
    ensure!(dump.resources.iter().any(|any| any.value.windows(9).any(|part| part == b"a.example")));
    let page = ask(secure.clone(), root, "istio.io/debug", &["syncz"]).await?;
    let page: Value = serde_json::from_slice(&page.resources[0].value)?;
    ensure!(page[0]["proxy"] == "web.shop", "{page}");

    let shop = Some((&control, "shop"));
    ensure!(ask(secure.clone(), shop, "istio.io/debug/config_dump", &["web.shop"]).await.is_ok());
    ensure!(ask(secure.clone(), shop, "istio.io/debug", &["config_dump?proxyID=web.shop"]).await.is_ok());
    let other = Some((&control, "other"));
    for (asker, url, names) in [
        (shop, "istio.io/debug/syncz", &[][..]),
        (shop, "istio.io/debug", &["registryz"]),
        (other, "istio.io/debug/config_dump", &["web.shop"]),
        (other, "istio.io/debug", &["config_dump?proxyID=web.shop"]),
        (other, "istio.io/debug", &["config_dump?types=x&proxyID=web.shop"]),
    ] {
        let refused = ask(secure.clone(), asker, url, names).await.err().map(|status| status.code());
        ensure!(refused == Some(Code::PermissionDenied), "{url} {names:?}: {refused:?}");
    }
    let plain = Channel::from_shared(format!("http://{}", control.address("grpc")?))?.connect().await?;
    let refused = ask(plain, None, "istio.io/debug/syncz", &[]).await.err().map(|status| status.code());
    ensure!(refused == Some(Code::Unauthenticated), "{refused:?}");
    // Who asks is no proxy.
    ensure!(control.json("/debug/syncz").await?.as_array().map(Vec::len) == Some(1));
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
