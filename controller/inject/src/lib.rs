//! Injects the proxy into pods: the same pure function for the webhook and for `heddlectl kube-inject`.
//!
//! [`inject`] takes a pod as JSON and gives it back with the proxy in it, or says why it is left alone. Nothing is
//! asked of a cluster, a clock or the environment: what must be known beside the pod is in [`Settings`] and
//! [`Context`]. A second injection of its result changes nothing.

mod annotation;
mod apply;
mod context;
mod decide;
mod error;
mod gateway;
mod image;
mod metadata;
mod overlay;
mod overrides;
pub mod patch;
mod plan;
mod pod;
mod probe;
mod prometheus;
mod proxy_config;
mod settings;
mod sidecar;
mod status;
mod strip;
mod workload;

use serde_json::Value;

pub use annotation::fault as annotation_fault;
pub use context::{Context, ProxyConfig, Workload, environment};
pub use decide::Skip;
pub use error::InjectError;
pub use settings::Settings;

use plan::Plan;
use pod::Pod;

/// The container of the proxy.
pub const PROXY: &str = "istio-proxy";
/// The init container that redirects the pod's traffic.
pub const INIT: &str = "istio-init";
/// The init container that checks what a CNI plugin redirected.
pub const VALIDATION: &str = "istio-validation";

/// What became of a pod.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It has its proxy.
    Injected(Injected),
    /// It is left as it is.
    Skipped(Skip),
}

/// A pod with its proxy.
#[derive(Debug, Clone, PartialEq)]
pub struct Injected {
    /// The whole pod. [`patch::patch`] makes the webhook's answer of it.
    pub pod: Value,
    /// What the user should know although the pod is as it was asked for.
    pub warnings: Vec<String>,
}

/// Injects a pod, or the template of one: an object with `metadata` and `spec`.
///
/// # Errors
/// When the pod is not one, an annotation cannot be obeyed, or a template that it asks for cannot be had. The words are
/// for the user who applies the pod.
pub fn inject(pod: &Value, context: &Context, settings: &Settings) -> Result<Outcome, InjectError> {
    let mut parts = Pod::parse(pod)?;
    let own = parts.metadata.get("namespace").and_then(Value::as_str).unwrap_or_default();
    let named = if context.namespace.is_empty() { own } else { &context.namespace };
    let namespace = if named.is_empty() { "default" } else { named }.to_owned();
    if let Some(skip) = decide::skip(&parts, &namespace, settings) {
        return Ok(Outcome::Skipped(skip));
    }
    annotation::check(&parts.annotations)?;
    let former = strip::strip(&mut parts);
    let plan = Plan::of(&parts, &namespace, context, settings)?;
    let (mut template, warnings) = overlay::template(&plan)?;
    strip::keep(&mut template, former.as_ref());
    let (status_port, hold, merges) = (plan.status_port, plan.hold, plan.merges_metrics());
    let rewrites = plan.rewrites_probes();
    let revision = plan.revision.clone();
    let transparent = plan.interception == "TPROXY";
    let status = apply::apply(&mut parts, template, &revision);
    if transparent {
        apply::run_as_root(&mut parts);
    }
    if rewrites {
        probe::rewrite(&mut parts, status_port);
    }
    if merges {
        prometheus::merge(&mut parts, status_port);
    }
    apply::order(&mut parts, hold);
    apply::complete(&mut parts);
    parts.annotations.insert(annotation::STATUS.to_owned(), status.text());
    let mut whole = pod.clone();
    parts.put_into(&mut whole);
    Ok(Outcome::Injected(Injected { pod: whole, warnings }))
}
