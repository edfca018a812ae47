//! Taking over from istiod, and going back.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use heddle_tests::cluster::istiod::{MESH, ROOT, Root, SECRET, WEBHOOKS, bundles, left, versions};
use heddle_tests::cluster::{Api, Cluster, own};
use heddle_tests::control::{Control, ControlSetup};
use heddle_tests::process::eventually;
use heddle_xds_api::istio::v1::auth::IstioCertificateRequest;
use heddle_xds_api::istio::v1::auth::istio_certificate_service_client::IstioCertificateServiceClient;
use serde_json::Value;

use super::istio;
use super::tools::{get, heddlectl, heddlectl_succeeds, helm};

const SOON: Duration = Duration::from_secs(20);
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/istio-system/deployments/istiod";
const ROUTE: &str = "/apis/networking.istio.io/v1/namespaces/default/virtualservices/mine";

/// With Helm the releases stay the same ones, so that its own record leads back.
#[test]
fn helm_upgrades_istiod_to_heddle_and_back() -> Result<()> {
    own(async |cluster| {
        let (root, api) = (Root::new()?, cluster.api().await?);
        istio::install(cluster, &root).await?;
        let out = heddlectl(cluster, &["check"]).await?;
        let said = String::from_utf8(out.stdout)?;
        for part in [
            "istiod of revision default",
            "has Go templates, which are not run: sidecar",
            "owned by the Helm release istio-system/istio-base",
            "holds the root",
        ] {
            ensure!(said.contains(part), "{part:?} is not in {said}");
        }
        let before = kept(&api).await?;
        helm(cluster, &["upgrade", "istio-base", "charts/base"]).await?;
        let hub = "global.hub=registry.heddle.dev";
        helm(cluster, &["upgrade", "istiod", "charts/heddled", "--reset-then-reuse-values", "--set", hub]).await?;
        is_heddle(&api).await?;
        let control = start(cluster).await?;
        takes_over(&api, &control, &root).await?;
        let after = kept(&api).await?;
        ensure!(before == after, "{before:#?}\n{after:#?}");
        drop(control);

        helm(cluster, &["rollback", "istiod"]).await?;
        helm(cluster, &["rollback", "istio-base"]).await?;
        let deployment = get(&api, DEPLOYMENT).await?;
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        ensure!(container["image"] == "docker.io/istio/pilot:1.32.0", "{container}");
        ensure!(container["volumeMounts"].as_array().is_some_and(|mounts| mounts.len() == 1), "{container}");
        let after = kept(&api).await?;
        ensure!(before == after, "{before:#?}\n{after:#?}");
        ensure!(bundles(&api, &WEBHOOKS).await? == [&*root.pem(); 3]);
        Ok(())
    })
}

/// Without Helm, with the mesh config in hand, as the objects of istiod are taken one by one.
#[test]
fn heddlectl_takes_over_what_istiod_left() -> Result<()> {
    own(async |cluster| {
        let (root, api) = (Root::new()?, cluster.api().await?);
        istio::install(cluster, &root).await?;
        let arguments = ["install", "-y", "--no-wait", "--set", "profile=minimal,meshConfig.accessLogFile=/dev/stdout"];
        let refused = heddlectl(cluster, &arguments).await?;
        ensure!(!refused.status.success());
        let before = get(&api, SECRET).await?;
        let arguments: Vec<&str> = arguments.into_iter().chain(["--take-over"]).collect();
        heddlectl_succeeds(cluster, &arguments).await?;
        is_heddle(&api).await?;
        let control = start(cluster).await?;
        takes_over(&api, &control, &root).await?;
        ensure!(get(&api, SECRET).await? == before);
        leaves_what_calls_another(&api, &root).await
    })
}

/// Webhooks of our names and our revision that call another control plane, which may have another root, are its to
/// write.
async fn leaves_what_calls_another(api: &Api, root: &Root) -> Result<()> {
    let (theirs, _) = root.leaf("istio-before", "istiod")?;
    for path in WEBHOOKS {
        let mut configuration = get(api, path).await?;
        for hook in configuration["webhooks"].as_array_mut().context("webhooks")? {
            hook["clientConfig"]["service"]["namespace"] = "istio-before".into();
            hook["clientConfig"]["caBundle"] = STANDARD.encode(&theirs).into();
            hook["failurePolicy"] = "Ignore".into();
        }
        let answer = api.call(http::Method::PUT, path, Some(&configuration)).await?;
        ensure!(answer.accepted(), "{path}: {}", answer.message());
    }
    let written = versions(api).await?;
    // It asks again every two seconds whether validation works.
    tokio::time::sleep(Duration::from_secs(3)).await;
    ensure!(versions(api).await? == written, "another control plane's webhooks were written");
    ensure!(bundles(api, &WEBHOOKS).await? == [&*theirs; 3]);
    Ok(())
}

/// Nothing of istiod's Deployment is left, and the mesh config is what it was.
async fn is_heddle(api: &Api) -> Result<()> {
    let deployment = get(api, DEPLOYMENT).await?;
    let pod = &deployment["spec"]["template"]["spec"];
    let image = pod["containers"][0]["image"].as_str().unwrap_or_default();
    ensure!(image.starts_with("registry.heddle.dev/heddled:"), "{image}");
    ensure!(!pod.to_string().contains("local-certs") && !pod.to_string().contains("PILOT_CERT_PROVIDER"), "{pod}");
    // istioctl finds the pods and the webhooks by these labels: `proxy-status`, and `x injector list`.
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    ensure!(labels["app"] == "istiod" && labels["istio"] == "pilot" && labels["istio.io/rev"] == "default", "{labels}");
    for selector in ["app%3Dsidecar-injector", "istio.io%2Frev%3Ddefault%2C%21istio.io%2Ftag"] {
        let path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
        let found = get(api, &format!("{path}?labelSelector={selector}")).await?;
        let is_ours = |one: &Value| {
            let metadata = &one["metadata"];
            metadata["name"] == "istio-sidecar-injector" && metadata["labels"]["istio.io/rev"] == "default"
        };
        ensure!(found["items"].as_array().is_some_and(|all| all.iter().any(is_ours)), "{selector}: {found}");
    }
    let mesh = get(api, MESH).await?["data"]["mesh"].clone();
    ensure!(mesh.as_str().is_some_and(|mesh| mesh.contains("accessLogFile: /dev/stdout")), "{mesh}");
    Ok(())
}

async fn start(cluster: &Cluster) -> Result<Control> {
    let kubeconfig = format!("--kubeconfig={}", cluster.kubeconfig().display());
    ControlSetup::new()?.start(&[&kubeconfig]).await
}

/// The root is kept, known everywhere and trusted both ways, and nobody writes in turn with somebody.
async fn takes_over(api: &Api, control: &Control, root: &Root) -> Result<()> {
    let pointed = async || bundles(api, &WEBHOOKS).await.is_ok_and(|all| all.iter().all(|one| *one == root.pem()));
    eventually("webhooks that point to the root", SOON, pointed).await?;
    let late = "/api/v1/namespaces/kube-system/configmaps/istio-ca-root-cert";
    eventually("the root in another namespace", SOON, async || {
        get(api, late).await.is_ok_and(|map| map["data"]["root-cert.pem"] == root.pem())
    })
    .await?;
    // Each verifies the other by istiod's root alone. The account is what a certificate is for.
    let account = serde_json::json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}});
    api.post("/api/v1/namespaces/default/serviceaccounts", &account).await?;
    std::fs::create_dir_all(control.ca())?;
    std::fs::write(control.ca().join("root-cert.pem"), root.pem())?;
    let (chain, key) = root.leaf("default", "web")?;
    let channel = control.channel(Some((&chain, &key))).await?;
    let csr = rcgen::CertificateParams::default().serialize_request(&rcgen::KeyPair::generate()?)?.pem()?;
    let request = IstioCertificateRequest { csr, validity_duration: 3600, metadata: None };
    let answer = IstioCertificateServiceClient::new(channel).create_certificate(request).await?;
    let chain = answer.into_inner().cert_chain;
    ensure!(chain.last().map(|pem| pem.trim()) == Some(root.pem().trim()), "{chain:?}");

    let settled = versions(api).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    ensure!(versions(api).await? == settled, "something is written again and again");
    Ok(())
}

/// What must stay as it is: the root, what is known of it, what a user says, and what istiod wrote by itself. The
/// status of a user's object is Heddle's to write.
async fn kept(api: &Api) -> Result<Vec<Value>> {
    let mut kept = vec![get(api, ROUTE).await?["spec"].clone()];
    let paths = left().into_iter().map(|(path, _)| path);
    for path in [SECRET, ROOT].map(str::to_owned).into_iter().chain(paths) {
        kept.push(get(api, &path).await?);
    }
    Ok(kept)
}
