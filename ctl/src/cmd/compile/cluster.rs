//! The objects of a cluster, and the proxy of one of its pods.

use anyhow::{Context as _, Result, bail, ensure};
use heddle_inject::{Context, Outcome, PROXY, ProxyConfig, Settings, inject};
use heddle_model::issue::Issue;
use heddle_model::object::Kind;
use heddle_store::object::Reading;
use heddle_store::{Event, Object, SourceId, Store, custom_kind};
use serde_json::Value;

use super::{Args, node};
use crate::chart;
use crate::server::Server;
use crate::unsupported;

/// Secrets that no gateway uses. heddled does not read them either.
const SECRETS: &str = "?fieldSelector=type!=kubernetes.io/service-account-token,type!=helm.sh/release.v1";

/// Reads all objects that heddled reads into the store, and returns the Node of a pod's proxy.
pub(super) async fn read(args: &Args, proxy: &str, store: &mut Store, issues: &mut Vec<Issue>) -> Result<Value> {
    let (name, namespace) = proxy
        .rsplit_once('.')
        .with_context(|| format!("--proxy {proxy} does not name a namespace; write it as <pod>.<namespace>"))?;
    let server = args.api_server.server().await?;
    let pod = server.get(&format!("/api/v1/namespaces/{namespace}/pods/{name}")).await?;
    let pod = pod.with_context(|| format!("there is no pod {name} in namespace {namespace}"))?;
    let mut proxy_configs = Vec::new();
    for kind in Kind::all() {
        for object in list(&server, args, kind).await? {
            if kind == Kind::ProxyConfig {
                proxy_configs.push(object.clone());
            }
            // What the cluster has does not count where a folder has it.
            if let Reading::Object(object) = Object::read(&object) {
                issues.extend(store.apply(Event::Apply(SourceId::ApiServer("".into()), object)));
            }
        }
    }
    node::node(&with_proxy(&server, args, pod, proxy_configs).await?)
}

/// All objects of a kind. Settings are read from the namespace of the control plane only.
async fn list(server: &Server, args: &Args, kind: Kind) -> Result<Vec<Value>> {
    if let Some(kind) = custom_kind(kind) {
        return unsupported::list(server, kind).await;
    }
    let namespace = &args.namespace;
    let path = match kind {
        Kind::MeshConfig | Kind::ServiceAccount => return Ok(Vec::new()),
        Kind::Secret if !args.strict_secrets => return Ok(Vec::new()),
        Kind::Secret => format!("/api/v1/secrets{SECRETS}"),
        Kind::ConfigMap => format!("/api/v1/namespaces/{namespace}/configmaps"),
        _ if kind.group().is_empty() => format!("/api/v1/{}", plural(kind)),
        _ => format!("/apis/{}/v1/{}", kind.group(), plural(kind)),
    };
    server.list(&path).await
}

/// The plural name of a kind of Kubernetes.
fn plural(kind: Kind) -> String {
    let name = kind.name().to_lowercase();
    let ending = if name.ends_with('s') { "es" } else { "s" };
    name + ending
}

/// The pod, with the proxy that the webhook would inject if it has none.
async fn with_proxy(server: &Server, args: &Args, pod: Value, mut configs: Vec<Value>) -> Result<Value> {
    if node::container(&pod).is_some() {
        return Ok(pod);
    }
    let suffix = if args.revision == "default" { String::new() } else { format!("-{}", args.revision) };
    let map = async |name: &str| {
        let path = format!("/api/v1/namespaces/{}/configmaps/{name}{suffix}", args.namespace);
        server.get(&path).await.map(Option::unwrap_or_default)
    };
    let (mesh, injector) = (map("istio").await?, map("istio-sidecar-injector").await?);
    let key = |map: &Value, key: &str| map["data"][key].as_str().map_or(Ok(Value::Null), chart::yaml);
    let settings = Settings::new(&key(&mesh, "mesh")?, &key(&injector, "values")?)?;
    let settings = settings.with_config(&key(&injector, "config")?)?;
    configs.sort_by_key(|config| config["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned());
    let config = |config: Value| ProxyConfig {
        namespace: config["metadata"]["namespace"].as_str().unwrap_or_default().to_owned(),
        spec: config["spec"].clone(),
    };
    let context = Context {
        namespace: pod["metadata"]["namespace"].as_str().unwrap_or_default().to_owned(),
        native: true,
        proxy_configs: configs.into_iter().map(config).collect(),
        ..Context::default()
    };
    match inject(&pod, &context, &settings)? {
        Outcome::Injected(injected) => {
            ensure!(node::container(&injected.pod).is_some(), "the templates of the pod have no container {PROXY}");
            Ok(injected.pod)
        }
        Outcome::Skipped(reason) => {
            bail!("the pod has no proxy, and the webhook would inject none: {reason}")
        }
    }
}
