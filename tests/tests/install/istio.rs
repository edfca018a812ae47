//! A cluster on which istiod was installed by Helm.

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use heddle_tests::cluster::Cluster;
use heddle_tests::cluster::istiod::{Root, SECRET, WEBHOOKS, left, write_charts};

use super::tools::helm_in;

/// Installs it, with a namespace that is injected, a user's object, and what istiod itself would have written.
pub(crate) async fn install(cluster: &Cluster, root: &Root) -> Result<()> {
    let folder = tempfile::tempdir()?;
    write_charts(folder.path())?;
    helm_in(cluster, folder.path(), &["install", "istio-base", "istio-base", "--create-namespace"]).await?;
    let set = "meshConfig.accessLogFile=/dev/stdout,pilot.env.PILOT_ENABLE_ALPHA=true,global.hub=docker.io/istio";
    helm_in(cluster, folder.path(), &["install", "istiod", "istiod", "--set", set]).await?;
    let api = cluster.api().await?;
    let told = |namespace| (format!("/api/v1/namespaces/{namespace}/configmaps/istio-ca-root-cert"), root.told());
    let mut written = vec![(SECRET.to_owned(), root.secret())];
    written.extend(["default", "istio-system"].map(told));
    written.extend(left());
    for (path, object) in &written {
        let (list, _) = path.rsplit_once('/').context("the path of an object")?;
        let answer = api.post(list, object).await?;
        ensure!(answer.accepted(), "{path}: {}", answer.message());
    }
    let out = cluster.kubectl(&["label", "namespace", "default", "istio-injection=enabled"], "")?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    cluster.apply(
        "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: mine, namespace: default},
          spec: {hosts: [a], http: [{route: [{destination: {host: a}}]}]}}",
    )?;
    for path in WEBHOOKS {
        let mut webhook = api.get(path).await?.body;
        for hook in webhook["webhooks"].as_array_mut().context("webhooks")? {
            hook["clientConfig"]["caBundle"] = STANDARD.encode(root.pem()).into();
            // istiod has seen it refuse an invalid object.
            hook["failurePolicy"] = "Fail".into();
        }
        ensure!(api.call(http::Method::PUT, path, Some(&webhook)).await?.accepted());
    }
    Ok(())
}
