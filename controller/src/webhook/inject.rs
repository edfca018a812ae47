//! Gives pods their proxy, by the ConfigMap `istio-sidecar-injector` and by the mesh config of the snapshot.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt;
use heddle_inject::{Context, Outcome, ProxyConfig, Settings, environment, inject, patch};
use heddle_model::settings::ProxySettings;
use heddle_model::snapshot::Snapshot;
use heddle_yaml::{Budget, Schema};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::review::{Answer, Request};
use crate::source::kube::steady;

/// What is injected; none before the ConfigMap was read, or where it cannot be.
pub(crate) type Template = watch::Receiver<Option<Arc<Settings>>>;

/// The pod with its proxy, as a patch.
pub(super) fn judge(
    request: &Request,
    path: &str,
    settings: Option<&Settings>,
    native: bool,
    snapshot: &Snapshot,
) -> Answer {
    if request.operation != "CREATE" {
        return Answer::default();
    }
    let Some(settings) = settings else {
        return Answer {
            refused: Some("the ConfigMap istio-sidecar-injector is missing or empty".into()),
            ..Answer::default()
        };
    };
    if !snapshot.synced {
        // Without the mesh config a pod would get a proxy of another mesh.
        let reason = "heddled has not read the configuration of the mesh yet; the next attempt may succeed";
        return Answer { refused: Some(reason.into()), ..Answer::default() };
    }
    let environment = environment(path);
    let namespace = request.namespace.clone();
    let proxy_configs = proxy_configs(snapshot, &namespace);
    let context = Context { namespace, environment, native, proxy_configs, workload: None };
    match inject(&request.object, &context, &settings.in_mesh(&snapshot.mesh)) {
        Ok(Outcome::Injected(injected)) => {
            let changes = patch::patch(&request.object, &injected.pod);
            Answer { patch: Some(changes), warnings: injected.warnings, ..Answer::default() }
        }
        Ok(Outcome::Skipped(_)) => Answer::default(),
        Err(error) => Answer { refused: Some(error.to_string()), ..Answer::default() },
    }
}

/// The ProxyConfigs of the mesh and of a namespace, the oldest first.
fn proxy_configs(snapshot: &Snapshot, namespace: &str) -> Vec<ProxyConfig> {
    let concerns = |of: &&Arc<ProxySettings>| {
        let own = &**of.origin.namespace();
        own == namespace || *own == *snapshot.mesh.root_namespace
    };
    let config = |of: &Arc<ProxySettings>| {
        let selector = of.selector.as_ref().map(|labels| {
            let labels: BTreeMap<&str, &str> = labels.iter().map(|(name, value)| (&**name, &**value)).collect();
            json!({"matchLabels": labels})
        });
        let environment: BTreeMap<&str, &str> =
            of.environment.iter().map(|(name, value)| (&**name, &**value)).collect();
        let image = (!of.image_type.is_empty()).then(|| json!({"imageType": &*of.image_type}));
        let mut spec = json!({"selector": selector, "concurrency": of.concurrency, "image": image});
        if !environment.is_empty() {
            spec["environmentVariables"] = json!(environment);
        }
        ProxyConfig { namespace: of.origin.namespace().to_string(), spec }
    };
    snapshot.proxy_settings.iter().filter(concerns).map(config).collect()
}

/// Follows the ConfigMap `istio-sidecar-injector` of a revision, until the process ends.
pub(crate) async fn follow(
    client: Client,
    namespace: String,
    revision: String,
    found: watch::Sender<Option<Arc<Settings>>>,
) {
    let suffix = if revision == "default" { String::new() } else { format!("-{revision}") };
    let name = format!("istio-sidecar-injector{suffix}");
    let api: Api<ConfigMap> = Api::namespaced(client, &namespace);
    let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut events = pin!(steady(watcher(api, only), "istio-sidecar-injector"));
    let mut listed = None;
    while let Some(event) = events.next().await {
        let map = match event {
            Event::Init => {
                listed = None;
                continue;
            }
            Event::InitApply(map) => {
                listed = Some(map);
                continue;
            }
            Event::InitDone => listed.take(),
            Event::Apply(map) => Some(map),
            Event::Delete(_) => None,
        };
        match map.map(|map| settings(&map.data.unwrap_or_default())) {
            None => _ = found.send_replace(None),
            Some(Ok(settings)) => _ = found.send_replace(Some(Arc::new(settings))),
            // What was injected before goes on being injected.
            Some(Err(reason)) => {
                tracing::error!(reason, "ConfigMap {name} is invalid; injection keeps its last valid settings");
            }
        }
    }
}

fn settings(injector: &BTreeMap<String, String>) -> Result<Settings, String> {
    let read = |text: Option<&String>| -> Result<Value, String> {
        let text = text.map(String::as_str).unwrap_or_default();
        if text.trim().is_empty() {
            return Ok(json!({}));
        }
        heddle_yaml::value(text, Schema::Core, &Budget::FILE).map_err(|error| error.to_string())
    };
    let values = read(injector.get("values"))?;
    let settings = Settings::new(&Value::Null, &values).map_err(|error| error.to_string())?;
    settings.with_config(&read(injector.get("config"))?).map_err(|error| error.to_string())
}
