//! The authority of a cluster: one root for all replicas, known in every namespace, and certificates for tokens of pods
//! that exist.

use super::watcher::{SOON, start};
use anyhow::{Context, Result, ensure};
use heddle_tests::cluster::{Cluster, own};
use heddle_tests::control::Control;
use heddle_tests::process::eventually;
use heddle_xds_api::istio::v1::auth::IstioCertificateRequest;
use heddle_xds_api::istio::v1::auth::istio_certificate_service_client::IstioCertificateServiceClient;
use http::Method;
use serde_json::{Value, json};
use tonic::Code;

const ROOT: &str = "configmaps/istio-ca-root-cert";

async fn root_in(cluster: &Cluster, namespace: &str) -> Option<String> {
    let path = format!("/api/v1/namespaces/{namespace}/{ROOT}");
    let answer = cluster.api().await.ok()?.get(&path).await.ok()?;
    Some(answer.body["data"]["root-cert.pem"].as_str()?.to_owned())
}

/// Signs a request for a token's bearer, or says with which code it is refused.
async fn certificate(control: &Control, token: &str) -> Result<std::result::Result<Vec<String>, Code>> {
    let key = rcgen::KeyPair::generate()?;
    let csr = rcgen::CertificateParams::default().serialize_request(&key)?.pem()?;
    let mut request = tonic::Request::new(IstioCertificateRequest { csr, validity_duration: 3600, metadata: None });
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
    let mut client = IstioCertificateServiceClient::new(control.channel(None).await?);
    let answer = client.create_certificate(request).await;
    Ok(answer.map(|answer| answer.into_inner().cert_chain).map_err(|status| status.code()))
}

#[test]
fn one_root_is_known_everywhere_and_kept() -> Result<()> {
    own(async |cluster| {
        let first = start(cluster, &["--podName=one"]).await?;
        eventually("the root", SOON, async || root_in(cluster, "default").await.is_some()).await?;
        let root = root_in(cluster, "default").await.context("root")?;
        let second = start(cluster, &["--podName=two"]).await?;
        ensure!(second.process.log().contains("the root certificate is that of Secret istio-ca-secret"));
        let api = cluster.api().await?;
        let path = format!("/api/v1/namespaces/default/{ROOT}");
        ensure!(api.call(Method::DELETE, &path, None).await?.accepted());
        eventually("it again", SOON, async || root_in(cluster, "default").await.as_deref() == Some(&root)).await?;
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio-ca-root-cert",
            "namespace": "default"}, "data": {"root-cert.pem": "mine"}});
        ensure!(api.apply(&path, &map).await?.accepted());
        eventually("it again", SOON, async || root_in(cluster, "default").await.as_deref() == Some(&root)).await?;
        ensure!(root_in(cluster, "kube-system").await.as_ref() == Some(&root));
        ensure!(root_in(cluster, "kube-public").await.is_none());
        drop(first);
        let late = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "late"}});
        ensure!(api.post("/api/v1/namespaces", &late).await?.accepted());
        let limit = std::time::Duration::from_mins(1);
        eventually("the other leads", limit, async || root_in(cluster, "late").await.as_deref() == Some(&root)).await
    })
}

async fn token(cluster: &Cluster, audience: &str, pod: &Value) -> Result<String> {
    let bound =
        json!({"kind": "Pod", "apiVersion": "v1", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]});
    let spec = json!({"audiences": [audience], "expirationSeconds": 600, "boundObjectRef": bound});
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
    let answer = cluster.api().await?.post("/api/v1/namespaces/default/serviceaccounts/web/token", &request).await?;
    Ok(answer.body["status"]["token"].as_str().with_context(|| format!("{answer:?}"))?.to_owned())
}

#[test]
fn a_token_is_good_for_us_and_as_long_as_its_pod_exists() -> Result<()> {
    own(async |cluster| {
        let control = start(cluster, &[]).await?;
        eventually("the root", SOON, async || root_in(cluster, "istio-system").await.is_some()).await?;
        std::fs::create_dir_all(control.ca())?;
        let root = root_in(cluster, "istio-system").await.context("root")?;
        std::fs::write(control.ca().join("root-cert.pem"), root)?;
        let api = cluster.api().await?;
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}});
        ensure!(api.post("/api/v1/namespaces/default/serviceaccounts", &account).await?.accepted());
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1"},
            "spec": {"serviceAccountName": "web", "containers": [{"name": "app", "image": "app"}]}});
        let pod = api.post("/api/v1/namespaces/default/pods", &pod).await?.body;
        let ours = token(cluster, "istio-ca", &pod).await?;
        let chain = certificate(&control, &ours).await?.map_err(|code| anyhow::anyhow!("{code}"))?;
        ensure!(chain.len() >= 2);
        ensure!(certificate(&control, &ours).await?.is_ok(), "once more, out of what is kept");
        let theirs = token(cluster, "vault", &pod).await?;
        ensure!(certificate(&control, &theirs).await? == Err(Code::Unauthenticated));
        ensure!(
            api.call(Method::DELETE, "/api/v1/namespaces/default/pods/web-1?gracePeriodSeconds=0", None)
                .await?
                .accepted()
        );
        eventually("a refusal", SOON, async || {
            matches!(certificate(&control, &ours).await, Ok(Err(Code::Unauthenticated)))
        })
        .await
    })
}
