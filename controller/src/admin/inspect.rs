//! The debug pages as `istioctl` requests them, over ADS. Clients of the control plane's own namespace get all of them.
//! Others get what proxies of their own namespace were sent.

use axum::body::Body;
use axum::extract::Query;
use axum::http::uri::InvalidUri;
use axum::http::{Request, Uri};
use heddle_model::identity::Identity;
use heddle_serve::inspect::{DebugFuture, DebugRequest, DebugResponse, Inspect};
use heddle_serve::registry::{ProxyState, TypeState};
use heddle_xds_api::envoy::admin::v3::UpdateFailureState;
use heddle_xds_api::envoy::config::core::v3::Node;
use heddle_xds_api::envoy::service::status::v3::client_config::GenericXdsConfig;
use heddle_xds_api::envoy::service::status::v3::{ClientConfig, ConfigStatus};
use heddle_xds_api::google::protobuf::{Any, Struct, Timestamp, Value, value::Kind};
use heddle_xds_api::{TypeUrl, any, json as proto};
use http_body_util::BodyExt;
use std::time::{SystemTime, UNIX_EPOCH};
use tonic::Status;
use tower::ServiceExt;

use super::{NOT_CONNECTED, Of, PROXY_PAGES, Pages, debug, dump, no_page, shown, sync, version};

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
                    let identifier = version::identifier(&self.pod);
                    Ok(DebugResponse { resources: self.states(), identifier })
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

    /// A proxy by its name, if the client may see it; nothing if it is not connected here. Others do not learn whether
    /// it is.
    fn proxy(&self, client: &Identity, name: &str, url: TypeUrl) -> Result<Option<ProxyState>, Status> {
        let state = self.registry.find(name, url);
        self.check_access(client, state.as_ref())?;
        Ok(state)
    }

    fn states(&self) -> Vec<(String, Any)> {
        let named = |state| (sync::name(state).to_owned(), any(&self.state(state)));
        sync::shown(&self.registry.proxies()).map(named).collect()
    }

    fn state(&self, state: &ProxyState) -> ClientConfig {
        let text = |text: &str| Value { kind: Some(Kind::StringValue(text.into())) };
        let metadata = [
            ("CLUSTER_ID", text(sync::cluster(self, state))),
            ("NAMESPACE", text(&state.proxy.namespace)),
            ("ISTIO_VERSION", text(&state.proxy.istio_version)),
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

    async fn dumped(&self, client: &Identity, name: &str) -> Result<DebugResponse, Status> {
        let Some(state) = self.proxy(client, name, TypeUrl::Cluster)? else { return Ok(page(name, NOT_CONNECTED)) };
        let parts = tokio::task::spawn_blocking(move || {
            let dump = dump::config_dump(&state);
            let parts = dump["configs"].as_array().into_iter().flatten();
            let part = |part: &serde_json::Value| {
                let url = part["@type"].as_str()?;
                Some((url.to_owned(), proto::from_json(url, &without_type(part)).ok()?))
            };
            parts.filter_map(part).collect()
        });
        let resources = parts.await.map_err(|error| Status::internal(error.to_string()))?;
        Ok(DebugResponse { resources, identifier: String::new() })
    }

    /// A page as the debug port has it. The query is read once: who may see the proxy is decided of the proxy that is
    /// shown.
    async fn page(&self, client: &Identity, name: &str) -> Result<DebugResponse, Status> {
        let invalid = |error: &dyn std::fmt::Display| Status::invalid_argument(error.to_string());
        let uri: Uri = format!("/debug/{name}").parse().map_err(|error: InvalidUri| invalid(&error))?;
        let of = Query::<Of>::try_from_uri(&uri).map_err(|error| invalid(&error))?.0;
        let url = PROXY_PAGES.iter().find(|(path, _)| uri.path() == *path).map(|(_, url)| *url);
        let response = if let Some((proxy, url)) = of.proxy.zip(url) {
            shown(self.proxy(client, &proxy, url)?, url).await
        } else {
            self.check_access(client, None)?;
            let request = Request::get(uri).body(Body::empty()).map_err(|error| invalid(&error))?;
            let Ok(response) = debug().fallback(no_page).with_state(self.clone()).oneshot(request).await;
            response
        };
        let body = response.into_body().collect().await.map_err(|error| Status::internal(error.to_string()))?;
        Ok(page(name, body.to_bytes()))
    }
}

/// What a page says, as `istioctl` takes it.
fn page(name: &str, text: impl Into<Vec<u8>>) -> DebugResponse {
    let value = Any { type_url: PAGE.into(), value: text.into() };
    DebugResponse { resources: vec![(name.to_owned(), value)], identifier: String::new() }
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
