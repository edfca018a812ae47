//! The authority of a cluster: one root for all replicas, known in every namespace, and certificates for tokens of pods
//! that exist.

use std::path::Path;
use std::process::Command;

use super::watcher::{SOON, start};
use anyhow::{Context, Result, ensure};
use heddle_tests::cluster::istiod::Root;
use heddle_tests::cluster::{Cluster, own};
use heddle_tests::control::{Control, ControlSetup};
use heddle_tests::process::eventually;
use heddle_tests::product;
use heddle_xds_api::istio::v1::auth::IstioCertificateRequest;
use heddle_xds_api::istio::v1::auth::istio_certificate_service_client::IstioCertificateServiceClient;
use http::Method;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
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
    let key = KeyPair::generate()?;
    let csr = CertificateParams::default().serialize_request(&key)?.pem()?;
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

/// The operator's root, a signing certificate below it without a chain, and its key.
fn plugged_in() -> Result<[(&'static str, String); 3]> {
    let params = || {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name = DistinguishedName::new();
        params
    };
    let (mut of_root, mut of_signer) = (params(), params());
    of_root.distinguished_name.push(DnType::CommonName, "the operator's root");
    of_signer.distinguished_name.push(DnType::CommonName, "the mesh");
    let root = CertifiedIssuer::self_signed(of_root, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let signer = of_signer.signed_by(&key, &root)?;
    Ok([("ca-cert.pem", signer.pem()), ("ca-key.pem", key.serialize_pem()), ("root-cert.pem", root.pem())])
}

/// Mounts the folder over itself, for what this thread starts and for nobody else, as a Secret is mounted.
fn mount_read_only(folder: &Path) -> Result<()> {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS)?;
    let folder = folder.to_str().context("a folder that is no text")?;
    for arguments in [&["--make-rprivate", "/"][..], &["--bind", folder, folder], &["-o", "remount,bind,ro", folder]] {
        let done = Command::new("mount").args(arguments).output()?;
        ensure!(done.status.success(), "mount {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(())
}

#[test]
fn a_read_only_folder_with_the_operators_files_is_enough() -> Result<()> {
    own(async |cluster| {
        let (setup, files) = (ControlSetup::new()?, plugged_in()?);
        let ca = setup.path().join("ca");
        std::fs::create_dir(&ca)?;
        for (name, content) in &files {
            std::fs::write(ca.join(name), content)?;
        }
        mount_read_only(&ca)?;
        ensure!(std::fs::write(ca.join("more"), "").is_err(), "the folder can be written");
        let own = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}});
        cluster.api().await?.post("/api/v1/namespaces", &own).await?;
        let kubeconfig = format!("--kubeconfig={}", cluster.kubeconfig().display());
        let mut control = setup.start(&[&kubeconfig]).await?;
        let expected = Some(files[2].1.clone());
        eventually("the operator's root", SOON, async || root_in(cluster, "default").await == expected).await?;
        let made = cluster.api().await?.get("/api/v1/namespaces/istio-system/secrets/istio-ca-secret").await?;
        ensure!(!made.accepted(), "a root was made: {made:?}");
        // Without a cluster it would keep the key of the token issuer there.
        control.restart(&[]).await?;
        ensure!(control.process.log().contains("every token is refused"), "{}", control.process.tail());
        Ok(())
    })
}

/// `heddlectl check` as JSON: the finding about a Secret.
async fn checked(cluster: &Cluster, secret: &str) -> Result<Value> {
    let mut command = tokio::process::Command::from(cluster.command(product::binary("heddlectl")?));
    let output = command.args(["check", "--output", "json"]).output().await?;
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    let place = format!("Secret istio-system/{secret}");
    findings.into_iter().find(|finding| finding["place"] == place.as_str()).context("no finding")
}

#[test]
fn check_loads_the_authority_as_heddled_does() -> Result<()> {
    own(async |cluster| {
        let api = cluster.api().await?;
        let own = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}});
        api.post("/api/v1/namespaces", &own).await?;
        ensure!(api.post("/api/v1/namespaces/istio-system/secrets", &Root::new()?.secret()).await?.accepted());
        let istiods = checked(cluster, "istio-ca-secret").await?;
        ensure!(istiods["level"] == "ok", "{istiods}");

        let [certificate, key, _] = plugged_in()?;
        let data = json!({certificate.0: certificate.1, key.0: key.1});
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cacerts"}, "stringData": data});
        ensure!(api.post("/api/v1/namespaces/istio-system/secrets", &secret).await?.accepted());
        let operators = checked(cluster, "cacerts").await?;
        let message = operators["message"].as_str().unwrap_or_default();
        ensure!(operators["level"] == "error" && message.contains("root-cert.pem missing"), "{operators}");
        Ok(())
    })
}
