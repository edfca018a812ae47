//! The debug pages as `istioctl` requests them, over ADS. Clients of the control plane's own namespace get all of them.
//! Others get what proxies of their own namespace were sent.

use axum::body::Body;
use axum::http::Request;
use heddle_model::identity::Identity;
use heddle_serve::inspect::{DebugFuture, DebugRequest, DebugResponse, Inspect};
use heddle_serve::registry::{ProxyState, TypeState};
use heddle_xds_api::envoy::admin::v3::UpdateFailureState;
use heddle_xds_api::envoy::config::core::v3::Node;
use heddle_xds_api::envoy::service::status::v3::client_config::GenericXdsConfig;
use heddle_xds_api::envoy::service::status::v3::{ClientConfig, ConfigStatus};
use heddle_xds_api::google::protobuf::{Any, Struct, Timestamp, Value, value::Kind};
use heddle_xds_api::{any, json as proto};
use http_body_util::BodyExt;
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};
use tonic::Status;
use tower::ServiceExt;

use super::{Pages, debug, dump, sync};

/// The type of a request for a page, whose path is the name.
const PAGE: &str = "istio.io/debug";
/// The types with a response of their own.
const SYNC: &str = "istio.io/debug/syncz";
const DUMP: &str = "istio.io/debug/config_dump";

impl Inspect for Pages {
    fn inspect(&self, request: DebugRequest) -> DebugFuture<'_> {
        Box::pin(async move {
            let client = &request.identity;
            match request.type_url.as_str() {
                SYNC => {
                    self.check_access(client, None)?;
                    Ok(DebugResponse { resources: self.states(), identifier: self.identifier() })
                }
                DUMP => self.dumped(client, request.names.first().map(String::as_str).unwrap_or_default()).await,
                PAGE => match request.names.as_slice() {
                    [page] => self.page(client, page).await,
                    _ => Err(Status::invalid_argument("one page at a time")),
                },
                other => Err(Status::invalid_argument(format!("no such debug type: {other}"))),
            }
        })
    }
}

impl Pages {
    /// Whether the client may see a proxy, or all proxies.
    fn check_access(&self, client: &Identity, of: Option<&ProxyState>) -> Result<(), Status> {
        let root = self.state.borrow().snapshot.mesh.root_namespace.clone();
        let own = of.is_some_and(|state| *state.proxy.namespace == *client.namespace());
        if *client.namespace() == *root || own {
            return Ok(());
        }
        tracing::warn!(identity = %client, "refused a debug request about the mesh");
        Err(Status::permission_denied("permission denied"))
    }

    /// A proxy by its name, if the client may see it. Else it does not learn whether the proxy is connected.
    fn proxy(&self, client: &Identity, name: &str) -> Result<ProxyState, Status> {
        let state = self.registry.find(name);
        self.check_access(client, state.as_ref())?;
        state.ok_or_else(|| Status::not_found("this proxy is not connected"))
    }

    fn states(&self) -> Vec<Any> {
        sync::shown(&self.registry.proxies()).map(|state| any(&self.state(state))).collect()
    }

    fn state(&self, state: &ProxyState) -> ClientConfig {
        let text = |text: &str| Value { kind: Some(Kind::StringValue(text.into())) };
        let metadata = [
            ("CLUSTER_ID", text(sync::cluster(self, state))),
            ("NAMESPACE", text(&state.proxy.namespace)),
            ("ISTIO_VERSION", text(env!("CARGO_PKG_VERSION"))),
        ];
        let fields = metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let node = Node { id: sync::name(state).to_owned(), metadata: Some(Struct { fields }), ..Node::default() };
        let configs = state.types.iter().map(|(url, told)| GenericXdsConfig {
            type_url: url.as_str().into(),
            config_status: status(told) as i32,
            last_updated: told.sent_at.map(timestamp),
            error_state: (!told.error.is_empty())
                .then(|| UpdateFailureState { details: told.error.clone(), ..UpdateFailureState::default() }),
            ..GenericXdsConfig::default()
        });
        ClientConfig { node: Some(node), generic_xds_configs: configs.collect(), ..ClientConfig::default() }
    }

    /// Who answers, in istiod's words: tools show it beside each proxy.
    fn identifier(&self) -> String {
        let info = json!({
            "version": env!("CARGO_PKG_VERSION"), "revision": "heddle", "golang_version": "",
            "status": "Clean", "tag": ""
        });
        json!({"Component": "istiod", "ID": self.pod, "Info": info}).to_string()
    }

    async fn dumped(&self, client: &Identity, name: &str) -> Result<DebugResponse, Status> {
        let state = self.proxy(client, name)?;
        let parts = tokio::task::spawn_blocking(move || {
            let dump = dump::config_dump(&state);
            let parts = dump["configs"].as_array().into_iter().flatten();
            parts.filter_map(|part| proto::from_json(part["@type"].as_str()?, &without_type(part)).ok()).collect()
        });
        let resources = parts.await.map_err(|error| Status::internal(error.to_string()))?;
        Ok(DebugResponse { resources, identifier: String::new() })
    }

    async fn page(&self, client: &Identity, page: &str) -> Result<DebugResponse, Status> {
        let proxy = page
            .strip_prefix("config_dump?")
            .and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("proxyID=")));
        match proxy {
            Some(name) => _ = self.proxy(client, name)?,
            None => self.check_access(client, None)?,
        }
        let request = Request::get(format!("/debug/{page}")).body(Body::empty());
        let request = request.map_err(|error| Status::invalid_argument(error.to_string()))?;
        let Ok(response) = debug().with_state(self.clone()).oneshot(request).await;
        let body = response.into_body().collect().await.map_err(|error| Status::internal(error.to_string()))?;
        let value = body.to_bytes().to_vec();
        Ok(DebugResponse { resources: vec![Any { type_url: PAGE.into(), value }], identifier: String::new() })
    }
}

fn without_type(part: &serde_json::Value) -> serde_json::Value {
    let mut part = part.clone();
    if let Some(fields) = part.as_object_mut() {
        fields.remove("@type");
    }
    part
}

fn status(told: &TypeState) -> ConfigStatus {
    match told.status() {
        "SYNCED" => ConfigStatus::Synced,
        "NOT_SENT" => ConfigStatus::NotSent,
        "ERROR" => ConfigStatus::Error,
        _ => ConfigStatus::Stale,
    }
}

fn timestamp(at: SystemTime) -> Timestamp {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanos = i32::try_from(since.subsec_nanos()).unwrap_or_default();
    Timestamp { seconds: i64::try_from(since.as_secs()).unwrap_or_default(), nanos }
}
