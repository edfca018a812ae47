//! Kubernetes' own parts crash, one after the other: traffic does not notice, and pods are made again as before.

use std::time::Duration;

use anyhow::Result;
use heddle_tests::cluster::node::Node;
use heddle_tests::http::Call;
use heddle_tests::load::Load;
use heddle_tests::pods::{SOON, kubectl, until_ready};
use heddle_tests::process::eventually;

/// What runs no containers.
const ASIDE: [&str; 6] =
    ["kube-proxy", "coredns", "kube-controller-manager", "kube-scheduler", "etcd", "kube-apiserver"];
/// While one of them is away, Kubernetes may take the node for one that is not ready, and its pods out of their
/// Services.
const BELOW: [&str; 2] = ["kubelet", "containerd"];

pub(super) async fn of_each_part(node: &mut Node, page: &Call) -> Result<String> {
    let load = Load::start(page, 2, Duration::from_millis(20));
    for part in ASIDE {
        node.restart(part).await?;
        load.pass(10).await;
    }
    let report = load.stop().await;
    report.all_answered()?;
    for part in BELOW {
        node.restart(part).await?;
    }
    kubectl(node, &["delete", "pods", "-n", "default", "-l", "app=details", "--wait=false"], "")?;
    until_ready(node, "default", "", &["2/2"; 6]).await?;
    eventually("answer through the gateway", SOON, async || page.succeeds().await).await?;
    Ok(format!(
        "each of {} parts crashed: {} requests, 0 failed; kubelet and containerd crashed: a new pod is 2/2, and six \
            answer",
        ASIDE.len(),
        report.sent
    ))
}
