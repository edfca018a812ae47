//! The application beside the proxy, as the injector describes it: its metrics and its original probes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;

use super::{ConfigError, Env, bad};
use crate::probes::{Probes, probers};

/// The most pages of metrics.
const MOST_PAGES: usize = 16;

/// A page with metrics of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scrape {
    /// The port on loopback.
    pub(crate) port: u16,
    /// The path, with its leading slash.
    pub(crate) path: String,
}

/// The annotations `prometheus.io/*` as the injector passes them: `{"scrape":"true","path":"/metrics","port":"9080"}`.
/// If a pod has several pages, they are in the list `targets`.
pub(super) fn scrapes(env: &Env) -> Result<Vec<Scrape>, ConfigError> {
    const NAME: &str = "ISTIO_PROMETHEUS_ANNOTATIONS";
    let Some(text) = env.get(NAME).filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
    let given: BTreeMap<String, Value> = serde_json::from_str(text).map_err(|error| bad(NAME, error))?;
    if given.get("scrape").and_then(Value::as_str) != Some("true") {
        return Ok(Vec::new());
    }
    let targets = given.get("targets").and_then(Value::as_array).filter(|targets| !targets.is_empty());
    let page = |value: &dyn Fn(&str) -> Option<String>| -> Result<Scrape, ConfigError> {
        let value =
            |name: &str, default: &str| value(name).filter(|text| !text.is_empty()).unwrap_or(default.to_owned());
        let port = value("port", "80").parse().map_err(|_| bad(NAME, "the port is not a number"))?;
        Ok(Scrape { port, path: format!("/{}", value("path", "/metrics").trim_start_matches('/')) })
    };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    match targets {
        None => Ok(vec![page(&|name| text(given.get(name)))?]),
        Some(targets) => targets.iter().take(MOST_PAGES).map(|target| page(&|name| text(target.get(name)))).collect(),
    }
}

/// The probes of the application. They use the address of the pod, because most applications listen there. With
/// `REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION` they use loopback.
pub(super) fn probes(env: &Env) -> Result<Probes, ConfigError> {
    const NAME: &str = "ISTIO_KUBE_APP_PROBERS";
    let by_path = match env.get(NAME).filter(|text| !text.is_empty()) {
        None => return Ok(Probes::default()),
        Some(text) => probers(text).map_err(|reason| bad(NAME, reason))?,
    };
    let on_loopback = env.get("REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION").is_some_and(|value| value == "true");
    let pod = || env.get("INSTANCE_IP")?.split(',').next()?.trim().parse::<IpAddr>().ok();
    let address = if on_loopback { None } else { pod() };
    Ok(Probes { by_path, address: address.unwrap_or(Ipv4Addr::LOCALHOST.into()) })
}
