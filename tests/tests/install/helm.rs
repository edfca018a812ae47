//! `helm install`, `upgrade`, `rollback` and `uninstall` of our charts.

use anyhow::{Result, ensure};
use heddle_tests::cluster::{Cluster, own};

use super::tools::{get, heddlectl, helm, is_gone};

const MESH: &str = "/api/v1/namespaces/istio-system/configmaps/istio";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/istio-system/deployments/istiod";
const GATEWAY: &str = "/apis/apps/v1/namespaces/istio-system/deployments/istio-ingressgateway";
const DEFINITION: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/virtualservices.networking.istio.io";

#[test]
fn a_release_lives_from_install_to_uninstall() -> Result<()> {
    own(async |cluster| {
        let api = cluster.api().await?;
        helm(cluster, &["install", "istio-base", "charts/base", "--create-namespace"]).await?;
        install(cluster).await?;
        ensure!(get(&api, DEPLOYMENT).await?["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm");
        let mesh = get(&api, MESH).await?["data"]["mesh"].clone();

        let values =
            "meshConfig.accessLogFile=/dev/stdout,global.proxy.logLevel=info,autoscaleEnabled=false,replicaCount=2";
        helm(cluster, &["upgrade", "istiod", "charts/heddled", "--set", values]).await?;
        ensure!(get(&api, MESH).await?["data"]["mesh"].as_str().is_some_and(|mesh| mesh.contains("/dev/stdout")));
        ensure!(get(&api, DEPLOYMENT).await?["spec"]["replicas"] == 2);
        helm(
            cluster,
            &[
                "upgrade",
                "istio-ingressgateway",
                "charts/gateway",
                "--set",
                "gateways.istio-ingressgateway.autoscaleMin=3",
            ],
        )
        .await?;
        let scaler = "/apis/autoscaling/v2/namespaces/istio-system/horizontalpodautoscalers/istio-ingressgateway";
        ensure!(get(&api, scaler).await?["spec"]["minReplicas"] == 3);

        helm(cluster, &["rollback", "istiod"]).await?;
        ensure!(get(&api, MESH).await?["data"]["mesh"] == mesh);
        // A revision beside it, in the same namespace.
        helm(cluster, &["install", "istiod-canary", "charts/heddled", "--set", "revision=canary,revisionTags={prod}"])
            .await?;
        let tag = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/istio-revision-tag-prod";
        ensure!(get(&api, tag).await?["metadata"]["labels"]["istio.io/rev"] == "canary");
        helm(cluster, &["uninstall", "istiod-canary"]).await?;
        ensure!(is_gone(&api, tag).await? && !is_gone(&api, DEPLOYMENT).await?);

        let out = heddlectl(cluster, &["uninstall", "-y"]).await?;
        let said = String::from_utf8(out.stdout)?;
        let command = "\n  helm uninstall istio-ingressgateway istiod istio-base --namespace istio-system\n";
        ensure!(out.status.code() == Some(1) && said.contains(command), "{said}");
        ensure!(!is_gone(&api, DEPLOYMENT).await?);
        for release in ["istio-ingressgateway", "istiod", "istio-base"] {
            helm(cluster, &["uninstall", release]).await?;
        }
        ensure!(is_gone(&api, DEPLOYMENT).await? && is_gone(&api, GATEWAY).await? && is_gone(&api, MESH).await?);
        // Users' objects would be gone with them.
        ensure!(!is_gone(&api, DEFINITION).await?);
        Ok(())
    })
}

/// Installs the control plane and a gateway with values that have no effect, which the notes name.
async fn install(cluster: &Cluster) -> Result<()> {
    let values = "pilot.env.PILOT_X=1,traceSampling=1,global.proxy.tracer=zipkin,telemetry.v2.enabled=false,\
                  variant=,pilot.autoscaleMin=2,service.type=None";
    let said = helm(cluster, &["install", "istiod", "charts/heddled", "--set", values]).await?;
    for part in [
        "warning: heddled does not know the variable PILOT_X",
        "warning: the value traceSampling has no effect: tracing is not supported yet",
        "warning: the value global.proxy.tracer has no effect: ",
        "warning: the value telemetry has no effect: ",
        "warning: the value pilot.autoscaleMin has no effect: set autoscaleMin at the top level of the values",
        "These values belong to other charts and have no effect here: service\n",
    ] {
        ensure!(said.contains(part), "{part:?} is not in {said}");
    }
    ensure!(said.matches("warning: ").count() == 5, "{said}");
    let values = "gateways.istio-ingressgateway.secretVolumes[0].name=a,podDisruptionBudget.minAvailable=1";
    let profile = "charts/profiles/default.yaml";
    let gateway = ["install", "istio-ingressgateway", "charts/gateway", "-f", profile, "--set", values];
    let said = helm(cluster, &gateway).await?;
    for part in [
        "warning: the value gateways.istio-ingressgateway.secretVolumes has no effect: ",
        "warning: the value podDisruptionBudget has no effect: ",
        "These values belong to other charts and have no effect here: components\n",
    ] {
        ensure!(said.contains(part), "{part:?} is not in {said}");
    }
    Ok(())
}
