//! Secrets go to those only who may read them by the cluster's own rules.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use heddle_tests::cluster::{Cluster, own};
use heddle_tests::control::Control;
use heddle_tests::process::eventually;
use heddle_tests::xds_client::{DeltaClient, SECRET, node};
use serde_json::json;

use super::watcher::{SOON, start};

const NAME: &str = "kubernetes://cert";
/// Other forms of names of the same Secret.
const FORMS: [&str; 5] = [
    "kubernetes://default/cert",
    "kubernetes://cert-cacert",
    "kubernetes://default/cert-cacert",
    "kubernetes-gateway://default/cert",
    "kubernetes-gateway://default/cert-cacert",
];

/// A token of a pod that runs as this account.
async fn token(cluster: &Cluster, account: &str) -> Result<String> {
    let api = cluster.api().await?;
    let object = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}});
    ensure!(api.post("/api/v1/namespaces/default/serviceaccounts", &object).await?.accepted());
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": account},
        "spec": {"serviceAccountName": account, "containers": [{"name": "app", "image": "app"}]}});
    let pod = api.post("/api/v1/namespaces/default/pods", &pod).await?.body;
    let bound = json!({"kind": "Pod", "apiVersion": "v1", "name": account, "uid": pod["metadata"]["uid"]});
    let spec = json!({"audiences": ["istio-ca"], "expirationSeconds": 600, "boundObjectRef": bound});
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
    let path = format!("/api/v1/namespaces/default/serviceaccounts/{account}/token");
    let answer = api.post(&path, &request).await?;
    Ok(answer.body["status"]["token"].as_str().with_context(|| format!("{answer:?}"))?.to_owned())
}

async fn stream(control: &Control, kind: &str, account: &str, token: &str) -> Result<DeltaClient> {
    let id = format!("{kind}~10.0.0.9~{account}.default~default.svc.cluster.local");
    let node = node(&id, &json!({"NAMESPACE": "default", "SERVICE_ACCOUNT": account}));
    let mut stream = DeltaClient::over(control.channel(None).await?, node, Some(token)).await?;
    stream.subscribe(SECRET, &[NAME]).await?;
    Ok(stream)
}

/// Lets an account list the secrets of its namespace.
async fn allow(cluster: &Cluster, account: &str) -> Result<()> {
    let api = cluster.api().await?;
    let group = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": account},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}]});
    ensure!(api.post(&format!("{group}/roles"), &role).await?.accepted());
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": account},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "default"}]});
    ensure!(api.post(&format!("{group}/rolebindings"), &binding).await?.accepted());
    Ok(())
}

/// The class of CVE-2021-34824: two identities ask for one name, and the answer to the first is no answer to the
/// second. Each form of a name is checked (issues 60720 and 60278 of Istio).
#[test]
fn a_proxy_is_sent_secrets_if_its_account_may_list_them() -> Result<()> {
    own(async |cluster| {
        let control = start(cluster, &[]).await?;
        let api = cluster.api().await?;
        let root = async || {
            let path = "/api/v1/namespaces/default/configmaps/istio-ca-root-cert";
            Some(api.get(path).await.ok()?.body["data"]["root-cert.pem"].as_str()?.to_owned())
        };
        eventually("the root", SOON, async || root().await.is_some()).await?;
        std::fs::create_dir_all(control.ca())?;
        std::fs::write(control.ca().join("root-cert.pem"), root().await.context("root")?)?;
        let key = rcgen::generate_simple_self_signed(vec!["shop.example".to_owned()])?;
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cert"},
            "type": "kubernetes.io/tls",
            "stringData": {"tls.crt": key.cert.pem(), "tls.key": key.signing_key.serialize_pem()}});
        ensure!(api.post("/api/v1/namespaces/default/secrets", &secret).await?.accepted());

        let with = token(cluster, "with").await?;
        allow(cluster, "with").await?;
        let held = async |stream: &mut DeltaClient| {
            while !stream.held(SECRET).contains_key(NAME) {
                stream.accept(SECRET, SOON).await?;
            }
            Ok::<_, anyhow::Error>(())
        };
        held(&mut stream(&control, "router", "with", &with).await?).await?;

        let without = token(cluster, "without").await?;
        let mut denied = stream(&control, "router", "without", &without).await?;
        denied.subscribe(SECRET, &FORMS).await?;
        while let Ok(response) = denied.next(Duration::from_secs(2)).await {
            ensure!(response.resources.iter().all(|one| one.resource.is_none()), "{response:?}");
            denied.ack(&response).await?;
        }
        ensure!(control.process.log().contains("may not list secrets in its namespace"));

        // Of a sidecar it is asked when it wants one: its stream ends, and the next one has it.
        let late = token(cluster, "late").await?;
        allow(cluster, "late").await?;
        let mut first = stream(&control, "sidecar", "late", &late).await?;
        eventually("the end of the stream", SOON, async || first.next(Duration::from_secs(5)).await.is_err()).await?;
        held(&mut stream(&control, "sidecar", "late", &late).await?).await
    })
}
