//! All that is decided about one pod before its templates are written: what its annotations say, then the settings.

use serde_json::Value;

use crate::annotation as names;
use crate::context::{Context, Workload};
use crate::pod::{Object, Pod, find};
use crate::settings::Settings;
use crate::{InjectError, PROXY, proxy_config, workload};

/// The user and group of the proxy where the pod's own `istio-proxy` does not say.
const PROXY_ID: u64 = 1337;
/// The agent's pages.
const STATUS_PORT: u16 = 15020;

/// What is decided about a pod.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// The pod as its user wrote it, without what an earlier injection added.
    pub(crate) pod: &'a Pod,
    /// Its namespace.
    pub(crate) namespace: &'a str,
    /// What the caller knows.
    pub(crate) context: &'a Context,
    /// What the operator set.
    pub(crate) settings: &'a Settings,
    /// The workload that it belongs to.
    pub(crate) workload: Workload,
    /// Its ProxyConfig.
    pub(crate) config: Object,
    /// A native sidecar: an init container that restarts.
    pub(crate) native: bool,
    /// The proxy starts before the application, and holds it until it is ready.
    pub(crate) hold: bool,
    /// How traffic is captured: `REDIRECT`, `TPROXY` or `NONE`.
    pub(crate) interception: String,
    /// The agent's pages; 0 where the pod has none of what needs them.
    pub(crate) status_port: u16,
    /// The proxy's user and group.
    pub(crate) ids: (u64, u64),
    /// The revision that injects.
    pub(crate) revision: String,
}

impl<'a> Plan<'a> {
    /// Decides.
    ///
    /// # Errors
    /// When an annotation cannot be obeyed.
    pub(crate) fn of(
        pod: &'a Pod,
        namespace: &'a str,
        context: &'a Context,
        settings: &'a Settings,
    ) -> Result<Self, InjectError> {
        let config = proxy_config::effective(pod, namespace, context, settings)?;
        let annotation = |name: &str| pod.annotations.get(name).map(String::as_str);
        let native = annotation(names::NATIVE).map_or(context.native, |value| value == "true");
        let hold = config.get("holdApplicationUntilProxyStarts").and_then(Value::as_bool);
        let in_config = |key: &str| config.get(key).and_then(Value::as_str).unwrap_or("REDIRECT").to_owned();
        let user = find(&pod.containers, PROXY).or_else(|| find(&pod.init, PROXY));
        let id = |key: &str| {
            let given = user.and_then(|user| user.get("securityContext")?.get(key)?.as_u64());
            given.unwrap_or(PROXY_ID)
        };
        Ok(Self {
            workload: context.workload.clone().unwrap_or_else(|| workload::of_pod(pod)),
            native,
            hold: hold.unwrap_or_else(|| settings.flag("/global/proxy/holdApplicationUntilProxyStarts", false))
                && !native,
            interception: annotation(names::INTERCEPTION).map_or_else(|| in_config("interceptionMode"), str::to_owned),
            status_port: status_port(pod, &config, settings)?,
            ids: (id("runAsUser"), id("runAsGroup")),
            revision: settings.text("/revision", "default"),
            pod,
            namespace,
            context,
            settings,
            config,
        })
    }

    /// An annotation of the pod.
    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.pod.annotations.get(name).map(String::as_str)
    }

    /// The pod's annotation, else the values, else a default.
    pub(crate) fn choice(&self, name: &str, pointer: &str, default: &str) -> String {
        self.annotation(name).map_or_else(|| self.settings.text(pointer, default), str::to_owned)
    }

    /// The names of the application's containers.
    pub(crate) fn app_containers(&self) -> impl Iterator<Item = &Object> {
        self.pod.containers.iter().filter(|container| crate::pod::name(container) != PROXY)
    }

    /// Whether a CNI plugin captures the traffic instead of an init container.
    pub(crate) fn cni(&self) -> bool {
        self.settings.flag("/pilot/cni/enabled", false)
    }

    /// The network, where it is named: the pod's label, then the webhook's path, then the values.
    pub(crate) fn network(&self) -> Option<String> {
        let label = self.pod.labels.get("topology.istio.io/network").cloned();
        let network = label.or_else(|| self.context.environment.get("ISTIO_META_NETWORK").cloned());
        Some(network.unwrap_or_else(|| self.settings.text("/global/network", ""))).filter(|name| !name.is_empty())
    }

    /// Whether probes of the application are asked through the agent, past the proxy.
    pub(crate) fn rewrites_probes(&self) -> bool {
        let setting = || self.settings.flag("/sidecarInjectorWebhook/rewriteAppHTTPProbe", true);
        self.status_port > 0 && self.annotation(names::REWRITE_PROBES).map_or_else(setting, |value| value == "true")
    }

    /// Whether the application's metrics are served on one page with the proxy's.
    pub(crate) fn merges_metrics(&self) -> bool {
        let setting = || self.settings.merges_metrics();
        self.status_port > 0 && self.annotation(names::MERGE_METRICS).map_or_else(setting, |value| value != "false")
    }
}

/// What the pod says counts first, then the values, then the mesh: its config may spell out the default.
fn status_port(pod: &Pod, config: &Object, settings: &Settings) -> Result<u16, InjectError> {
    let of_config = |config: &Object| config.get("statusPort")?.as_u64().and_then(|port| port.try_into().ok());
    let annotated = pod.annotations.get(names::STATUS_PORT).and_then(|port| port.parse().ok());
    let own = proxy_config::annotation(pod)?.as_ref().and_then(of_config);
    let set = || settings.set_number("/global/proxy/statusPort")?.try_into().ok();
    Ok(annotated.or(own).or_else(set).or_else(|| of_config(config)).unwrap_or(STATUS_PORT))
}
