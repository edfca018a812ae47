//! Heddle as its users run it: on a real node, installed by its charts, configured by kubectl, with sidecars injected into
//! real pods whose traffic is captured.
//!
//! It needs root, for namespaces, mounts and cgroups, and fails without.

mod egress;
mod refusal;

use std::time::Instant;

use anyhow::{Result, ensure};
use heddle_tests::cluster::node;
use heddle_tests::pods::{Pods, apply, build_images, helm, until_ready};
use heddle_tests::tour::{self, STEPS};

/// What the sample wants of the mesh, as its `loopback/mesh.yaml` says it, and one thread an Envoy, so that what its load
/// balancers do can be counted; and listeners that are taken away are not to be seen for long.
const VALUES: &str = "--set meshConfig.accessLogFile=/dev/stdout --set meshConfig.accessLogEncoding=JSON \
    --set meshConfig.outboundTrafficPolicy.mode=ALLOW_ANY_DYNAMIC_DNS --set meshConfig.defaultConfig.concurrency=1 \
    --set meshConfig.defaultConfig.drainDuration=2s";

#[test]
fn bookinfo_in_pods() -> Result<()> {
    let start = Instant::now();
    let said = |what: &str| println!("{:6.1} s  {what}", start.elapsed().as_secs_f32());
    node::run(async |node| {
        said("the node is ready");
        build_images(node).await?;
        said("images are built and imported");
        helm(node, "install base charts/base --namespace istio-system --create-namespace")?;
        helm(node, &format!("install heddled charts/heddled --namespace istio-system {VALUES}"))?;
        until_ready(node, "istio-system", "app=istiod", &["1/1"]).await?;
        said("helm install base, heddled: the control plane is ready");
        for gateway in ["istio-ingressgateway", "istio-egressgateway"] {
            helm(
                node,
                &format!(
                    "install {gateway} charts/gateway --namespace istio-system --set imagePullPolicy=IfNotPresent"
                ),
            )?;
        }
        apply(node, "deploy/samples/bookinfo")?;
        apply(node, "deploy/samples/bookinfo/kubernetes")?;
        until_ready(node, "bookinfo", "", &["2/2"; 6]).await?;
        for gateway in ["istio=ingressgateway", "istio=egressgateway"] {
            until_ready(node, "istio-system", gateway, &["1/1"]).await?;
        }
        said("kubectl apply: six pods are 2/2, and two gateways ready");
        let mut pods = Pods::find(node).await?;
        said("the product page comes through the ingress gateway");
        let mut failed = Vec::new();
        for (number, step) in (1..).zip(STEPS) {
            match tour::take(number, &mut pods).await {
                Ok(seen) => said(&format!("tour {number}, {}: {seen}", step.title)),
                Err(error) => failed.push(format!("tour {number}, {}: {error:#}", step.title)),
            }
        }
        ensure!(failed.is_empty(), "{}", failed.join("\n"));
        said(&egress::through_the_gateway(&pods).await?);
        said(&refusal::by_webhook_and_without(&pods).await?);
        Ok(())
    })?;
    said("all is taken back");
    Ok(())
}
