//! The authority of a cluster: one root for all replicas, known in every namespace, and certificates for tokens of pods
//! that exist.

use std::path::Path;
use std::process::Command;

use super::watcher::{SOON, make_namespace, start};
use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use heddle_tests::cluster::istiod::{Layout, Root, SECRET};
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
use tonic::transport::Channel;

const ROOT: &str = "configmaps/istio-ca-root-cert";

async fn root_in(cluster: &Cluster, namespace: &str) -> Option<String> {
    let path = format!("/api/v1/namespaces/{namespace}/{ROOT}");
    let answer = cluster.api().await.ok()?.get(&path).await.ok()?;
    Some(answer.body["data"]["root-cert.pem"].as_str()?.to_owned())
}

/// Signs a request for a token's bearer, or says with which code it is refused.
async fn certificate(control: &Control, token: &str) -> Result<std::result::Result<Vec<String>, Code>> {
    signed(control.channel(None).await?, Some(token), &KeyPair::generate()?).await
}

/// Signs a request for the bearer of a token, or of the channel's certificate.
async fn signed(
    channel: Channel,
    token: Option<&str>,
    key: &KeyPair,
) -> Result<std::result::Result<Vec<String>, Code>> {
    let csr = CertificateParams::default().serialize_request(key)?.pem()?;
    let mut request = tonic::Request::new(IstioCertificateRequest { csr, validity_duration: 3600, metadata: None });
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
    }
    let answer = IstioCertificateServiceClient::new(channel).create_certificate(request).await;
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

/// A control plane whose root is known, and the service account `web`.
async fn start_with_account(cluster: &Cluster) -> Result<Control> {
    let control = start(cluster, &[]).await?;
    eventually("the root", SOON, async || root_in(cluster, "istio-system").await.is_some()).await?;
    std::fs::create_dir_all(control.ca())?;
    let root = root_in(cluster, "istio-system").await.context("root")?;
    std::fs::write(control.ca().join("root-cert.pem"), root)?;
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}});
    ensure!(cluster.api().await?.post("/api/v1/namespaces/default/serviceaccounts", &account).await?.accepted());
    Ok(control)
}

/// A token of the service account `web`, bound to a pod if there is one.
async fn token(cluster: &Cluster, audience: &str, pod: Option<&Value>) -> Result<String> {
    let bound = pod.map(|pod| {
        json!({"kind": "Pod", "apiVersion": "v1", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]})
    });
    let spec = json!({"audiences": [audience], "expirationSeconds": 600, "boundObjectRef": bound});
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
    let answer = cluster.api().await?.post("/api/v1/namespaces/default/serviceaccounts/web/token", &request).await?;
    Ok(answer.body["status"]["token"].as_str().with_context(|| format!("{answer:?}"))?.to_owned())
}

/// How many TokenReviews the API server has been asked for, by its own count.
async fn reviews(cluster: &Cluster) -> Result<u64> {
    let page = cluster.api().await?.get("/metrics").await?.body;
    let lines = page.as_str().context("metrics")?.lines().filter(|line| line.starts_with("apiserver_request_total{"));
    let counts = lines.filter(|line| line.contains("resource=\"tokenreviews\""));
    Ok(counts.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum())
}

/// Tokens that nobody signed, of unknown keys, in the name of an issuer.
fn invented(issuer: &str, count: usize) -> Vec<String> {
    let text = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = text(json!({"alg": "ES256", "kid": "invented"}));
    (0..count).map(|jti| format!("{header}.{}.AAAA", text(json!({"iss": issuer, "jti": jti})))).collect()
}

#[test]
fn invented_tokens_cost_the_api_server_next_to_nothing() -> Result<()> {
    own(async |cluster| {
        let control = start_with_account(cluster).await?;
        let ours = token(cluster, "istio-ca", None).await?;
        let claims = URL_SAFE_NO_PAD.decode(ours.split('.').nth(1).context("claims")?)?;
        let claims: Value = serde_json::from_slice(&claims)?;
        let issuer = claims["iss"].as_str().context("an issuer")?;
        let (before, channel) = (reviews(cluster).await?, control.channel(None).await?);
        let mut calls = tokio::task::JoinSet::new();
        for token in invented(issuer, 300).into_iter().chain(invented("https://elsewhere", 300)) {
            let channel = channel.clone();
            calls.spawn(async move { signed(channel, Some(&token), &KeyPair::generate()?).await });
        }
        for answer in calls.join_all().await {
            ensure!(answer? == Err(Code::Unauthenticated));
        }
        let asked = reviews(cluster).await? - before;
        ensure!(asked < 100, "{asked} TokenReviews for 600 invented tokens");
        ensure!(control.metric("heddle_token_reviews_limited_total").await? > 200.0);
        ensure!(certificate(&control, &ours).await?.is_ok());
        Ok(())
    })
}

#[test]
fn a_deleted_account_gets_no_certificate() -> Result<()> {
    own(async |cluster| {
        let control = start_with_account(cluster).await?;
        let (token, key) = (token(cluster, "istio-ca", None).await?, KeyPair::generate()?);
        let channel = control.channel(None).await?;
        let chain = signed(channel.clone(), Some(&token), &key).await?;
        let chain = chain.map_err(|code| anyhow::anyhow!("{code}"))?.concat();
        let before = reviews(cluster).await?;
        ensure!(signed(channel.clone(), Some(&token), &key).await?.is_ok());
        ensure!(reviews(cluster).await? == before, "the answer about an unbound token is not kept");
        let certified = control.channel(Some((&chain, &key.serialize_pem()))).await?;
        ensure!(signed(certified.clone(), None, &key).await?.is_ok(), "a certificate is renewed without a token");

        let path = "/api/v1/namespaces/default/serviceaccounts/web";
        ensure!(cluster.api().await?.call(Method::DELETE, path, None).await?.accepted());
        let refused = Err(Code::Unauthenticated);
        // Far less than the minute for which the answer was kept.
        eventually(
            "a refusal",
            std::time::Duration::from_secs(3),
            async || matches!(signed(channel.clone(), Some(&token), &key).await, Ok(answer) if answer == refused),
        )
        .await?;
        ensure!(signed(certified, None, &key).await? == refused);
        // Another account of the same name is not the one that the token is of.
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}});
        ensure!(cluster.api().await?.post("/api/v1/namespaces/default/serviceaccounts", &account).await?.accepted());
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let answer = signed(channel, Some(&token), &key).await?;
        ensure!(answer == refused, "{answer:?} {}", control.process.tail());
        Ok(())
    })
}

#[test]
fn a_token_is_good_for_us_and_as_long_as_its_pod_exists() -> Result<()> {
    own(async |cluster| {
        let (control, api) = (start_with_account(cluster).await?, cluster.api().await?);
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1"},
            "spec": {"serviceAccountName": "web", "containers": [{"name": "app", "image": "app"}]}});
        let pod = api.post("/api/v1/namespaces/default/pods", &pod).await?.body;
        let ours = token(cluster, "istio-ca", Some(&pod)).await?;
        let chain = certificate(&control, &ours).await?.map_err(|code| anyhow::anyhow!("{code}"))?;
        ensure!(chain.len() >= 2);
        ensure!(certificate(&control, &ours).await?.is_ok(), "once more, out of what is kept");
        let theirs = token(cluster, "vault", Some(&pod)).await?;
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

/// istiod's Secrets in the layouts of 1.19, 1.24 and 1.32, and the folder of Secret `cacerts` without a chain, with an
/// empty one and with a whole one.
#[test]
fn the_authority_of_each_istiod_is_taken_over() -> Result<()> {
    own(async |cluster| {
        make_namespace(cluster).await?;
        let (api, root) = (cluster.api().await?, Root::new()?);
        for layout in [Layout::Until1_19, Layout::Since1_20] {
            let made = api.post("/api/v1/namespaces/istio-system/secrets", &root.secret_of(layout)).await?;
            ensure!(made.accepted(), "{}", made.message());
            let control = start(cluster, &[]).await?;
            let expected = Some(root.pem());
            eventually("istiod's root", SOON, async || root_in(cluster, "default").await == expected).await?;
            ensure!(api.get(SECRET).await?.body == made.body, "{layout:?}: the Secret was written");
            drop(control);
            ensure!(api.call(Method::DELETE, SECRET, None).await?.accepted());
        }
        let operators = plugged_in()?;
        let chain = operators[0].1.clone() + &operators[2].1;
        let mut of_files = vec![root.files(Layout::Cacerts), operators.to_vec()];
        for chain in [String::new(), chain] {
            of_files.push(operators.iter().cloned().chain([("cert-chain.pem", chain)]).collect());
        }
        for files in of_files {
            let setup = ControlSetup::new()?;
            std::fs::create_dir(setup.path().join("ca"))?;
            for (name, content) in &files {
                std::fs::write(setup.path().join("ca").join(name), content)?;
            }
            let _control = setup.start(&[&format!("--kubeconfig={}", cluster.kubeconfig().display())]).await?;
            let expected = files.into_iter().find(|(name, _)| *name == "root-cert.pem").map(|(_, content)| content);
            eventually("the root of the folder", SOON, async || root_in(cluster, "default").await == expected).await?;
        }
        ensure!(api.get(SECRET).await?.status == 404, "a root was made");
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
        let data = json!({certificate.0: certificate.1, key.0: key.1, "ca-crl.pem": "revoked"});
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cacerts"}, "stringData": data});
        ensure!(api.post("/api/v1/namespaces/istio-system/secrets", &secret).await?.accepted());
        let operators = checked(cluster, "cacerts").await?;
        let message = operators["message"].as_str().unwrap_or_default();
        ensure!(operators["level"] == "error" && message.contains("root-cert.pem missing"), "{operators}");
        let revoked = checked(cluster, "cacerts, ca-crl.pem").await?;
        ensure!(revoked["level"] == "warning", "{revoked}");
        Ok(())
    })
}
