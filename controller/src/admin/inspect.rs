//! The pages as `istioctl` asks for them: over discovery. Of the whole mesh they tell those only who stand in the control plane's
//! own namespace; others may see what a proxy of their own namespace was sent.

use axum::body::Body;
use axum::http::Request;
use heddle_model::identity::Identity;
use heddle_serve::inspect::{Answer, Answering, Inspect, Question};
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

/// The type of questions for a page, whose path is the name.
const PAGE: &str = "istio.io/debug";
/// The types of questions that have an answer of their own.
const SYNC: &str = "istio.io/debug/syncz";
const DUMP: &str = "istio.io/debug/config_dump";

impl Inspect for Pages {
    fn inspect(&self, question: Question) -> Answering<'_> {
        Box::pin(async move {
            let asker = &question.identity;
            match question.type_url.as_str() {
                SYNC => {
                    self.may_know(asker, None)?;
                    Ok(Answer { resources: self.states(), identifier: self.identifier() })
                }
                DUMP => self.dumped(asker, question.names.first().map(String::as_str).unwrap_or_default()).await,
                PAGE => match question.names.as_slice() {
                    [page] => self.page(asker, page).await,
                    _ => Err(Status::invalid_argument("one page at a time")),
                },
                other => Err(Status::invalid_argument(format!("no such question: {other}"))),
            }
        })
    }
}

impl Pages {
    /// Whether somebody may know of a proxy, or of all.
    fn may_know(&self, asker: &Identity, of: Option<&ProxyState>) -> Result<(), Status> {
        let root = self.board.borrow().snapshot.mesh.root_namespace.clone();
        let own = of.is_some_and(|state| *state.proxy.namespace == *asker.namespace());
        if *asker.namespace() == *root || own {
            return Ok(());
        }
        tracing::warn!(identity = %asker, "refused a question about the mesh");
        Err(Status::permission_denied("permission denied"))
    }

    /// A proxy by its name, if the asker may know of it. Who may not is not told whether it is there.
    fn proxy(&self, asker: &Identity, name: &str) -> Result<ProxyState, Status> {
        let state = self.registry.find(name);
        self.may_know(asker, state.as_ref())?;
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
        let info = json!({"version": env!("CARGO_PKG_VERSION"), "revision": "heddle", "golang_version": "", "status": "Clean", "tag": ""});
        json!({"Component": "istiod", "ID": self.pod, "Info": info}).to_string()
    }

    async fn dumped(&self, asker: &Identity, name: &str) -> Result<Answer, Status> {
        let state = self.proxy(asker, name)?;
        let parts = tokio::task::spawn_blocking(move || {
            let dump = dump::config_dump(&state);
            let parts = dump["configs"].as_array().into_iter().flatten();
            parts.filter_map(|part| proto::from_json(part["@type"].as_str()?, &without_type(part)).ok()).collect()
        });
        let resources = parts.await.map_err(|error| Status::internal(error.to_string()))?;
        Ok(Answer { resources, identifier: String::new() })
    }

    async fn page(&self, asker: &Identity, page: &str) -> Result<Answer, Status> {
        let proxy = page
            .strip_prefix("config_dump?")
            .and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("proxyID=")));
        match proxy {
            Some(name) => _ = self.proxy(asker, name)?,
            None => self.may_know(asker, None)?,
        }
        let request = Request::get(format!("/debug/{page}")).body(Body::empty());
        let request = request.map_err(|error| Status::invalid_argument(error.to_string()))?;
        let Ok(response) = debug().with_state(self.clone()).oneshot(request).await;
        let body = response.into_body().collect().await.map_err(|error| Status::internal(error.to_string()))?;
        let value = body.to_bytes().to_vec();
        Ok(Answer { resources: vec![Any { type_url: PAGE.into(), value }], identifier: String::new() })
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
