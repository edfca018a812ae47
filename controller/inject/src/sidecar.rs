//! The template `sidecar`: a proxy beside the application, and what redirects the pod's traffic to it.

mod args;
pub(crate) mod capture;
pub(crate) mod environment;
pub(crate) mod proxy;
mod resources;
pub(crate) mod volume;

use crate::metadata;
use crate::plan::Plan;
use crate::pod::Pod;

/// The kind of proxy that a template runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeType {
    /// Beside an application.
    Sidecar,
    /// A gateway.
    Router,
}

/// What the template adds to the pod.
pub(crate) fn sidecar(plan: &Plan<'_>) -> Pod {
    let proxy = proxy::container(plan);
    let mut out = Pod {
        labels: metadata::labels(plan, NodeType::Sidecar),
        annotations: metadata::annotations(plan),
        volumes: volume::volumes(plan),
        secrets: volume::pull_secrets(plan),
        ..Pod::default()
    };
    out.init.extend(capture::container(plan));
    if plan.native {
        out.init.push(proxy);
    } else {
        out.containers.push(proxy);
    }
    if plan.cni() {
        out.annotations.extend(metadata::capture_annotations(plan));
    }
    out
}
