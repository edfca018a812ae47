//! `heddlectl install`, `check` and `uninstall`.

use anyhow::{Context, Result, ensure};
use heddle_tests::cluster::{Api, Cluster, own};
use serde_json::{Value, json};

use super::tools::{get, heddlectl, heddlectl_succeeds, is_gone, with_deployments};

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/istio-system/deployments/istiod";
/// What an installation has besides definitions and the namespace.
const KINDS: &str = "all,cm,sa,role,rolebinding,clusterrole,clusterrolebinding,hpa,pdb,\
                     validatingwebhookconfiguration,mutatingwebhookconfiguration";
const EGRESS: &str = "/apis/apps/v1/namespaces/istio-system/deployments/istio-egressgateway";

#[test]
fn installed_again_and_removed() -> Result<()> {
    own(async |cluster| {
        let api = cluster.api().await?;
        let out = heddlectl(cluster, &["check"]).await?;
        ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
        let said = heddlectl_succeeds(cluster, &["install", "--dry-run", "--set", "profile=demo"]).await?;
        ensure!(said.lines().count() > 30 && said.lines().all(|line| line.ends_with("would be created")), "{said}");
        ensure!(is_gone(&api, "/api/v1/namespaces/istio-system").await?);

        let install = ["install", "-y", "--set", "profile=demo"];
        let said = with_deployments(&api, heddlectl_succeeds(cluster, &install)).await?;
        for part in [
            "15 custom resource definitions are established",
            "Objects: ",
            "istio-system/istiod created",
            "Deployment istio-system/istiod is ready: 1 of 1 pods",
        ] {
            ensure!(said.contains(part), "{part:?} is not in {said}");
        }
        let managers = get(&api, DEPLOYMENT).await?["metadata"]["managedFields"].to_string();
        ensure!(managers.contains("heddle-operator"), "{managers}");
        writes_nothing_again(cluster, &api, &install).await?;

        let fewer = ["install", "-y", "--no-wait", "--set", "profile=demo,meshConfig.accessLogFile=/x"];
        let said = heddlectl_succeeds(cluster, &fewer).await?;
        let changed: Vec<&str> = said.lines().filter(|line| line.ends_with(" changed")).collect();
        ensure!(changed == ["ConfigMap istio-system/istio changed"], "{changed:?}");
        ensure!(said.contains("Objects: 1 to be changed, "), "{said}");
        ensure!(!is_gone(&api, EGRESS).await?);

        let route = json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": "mine"},
            "spec": {"hosts": ["a"], "http": [{"route": [{"destination": {"host": "a"}}]}]}});
        let routes = "/apis/networking.istio.io/v1/namespaces/default/virtualservices";
        ensure!(api.post(routes, &route).await?.accepted());
        let said = heddlectl_succeeds(cluster, &["uninstall", "-y"]).await?;
        ensure!(said.contains("virtualservices.networking.istio.io stays: it has 1 objects of users"), "{said}");
        ensure!(said.lines().take(3).all(|line| line.contains("WebhookConfiguration ")), "webhooks go first: {said}");
        ensure!(is_gone(&api, DEPLOYMENT).await? && is_gone(&api, EGRESS).await?);
        left_nothing(cluster, &["CustomResourceDefinition", "Namespace"])?;
        ensure!(!is_gone(&api, &format!("{routes}/mine")).await?);
        let said = heddlectl_succeeds(cluster, &["uninstall", "-y", "--purge"]).await?;
        ensure!(said.contains("virtualservices.networking.istio.io removed"), "{said}");
        Ok(())
    })
}

/// A second run writes no object, although heddled has written into the webhooks meanwhile.
async fn writes_nothing_again(cluster: &Cluster, api: &Api, install: &[&str]) -> Result<()> {
    let webhook = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/istiod-default-validator";
    let mut strict = get(api, webhook).await?;
    strict["webhooks"][0]["failurePolicy"] = "Fail".into();
    strict["webhooks"][0]["clientConfig"]["caBundle"] = "Y2E=".into();
    ensure!(api.call(http::Method::PUT, webhook, Some(&strict)).await?.accepted());
    let before = versions(cluster)?;
    ensure!(before.len() > 40, "{} objects", before.len());
    let said = with_deployments(api, heddlectl_succeeds(cluster, install)).await?;
    ensure!(said.contains("objects are unchanged. Nothing was written."), "{said}");
    let after = versions(cluster)?;
    let written: Vec<_> = after.iter().filter(|version| !before.contains(version)).collect();
    ensure!(written.is_empty() && before.len() == after.len(), "written: {written:?}");
    // Nobody answers this webhook.
    let mut lenient = get(api, webhook).await?;
    lenient["webhooks"][0]["failurePolicy"] = "Ignore".into();
    ensure!(api.call(http::Method::PUT, webhook, Some(&lenient)).await?.accepted());
    Ok(())
}

/// Kind, name and resource version of all objects that an installation has.
fn versions(cluster: &Cluster) -> Result<Vec<String>> {
    let kinds = format!("{KINDS},crd,networkpolicy,namespace");
    let out = cluster.kubectl(&["get", &kinds, "-A", "-o", "json"], "")?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let list: Value = serde_json::from_slice(&out.stdout)?;
    let items = list["items"].as_array().context("items")?;
    let version = |item: &Value| {
        let meta = &item["metadata"];
        format!("{} {} {} {}", item["kind"], meta["namespace"], meta["name"], meta["resourceVersion"])
    };
    // The API server writes these by itself.
    let is_steady = |item: &&Value| !["Namespace", "ReplicaSet", "Pod"].iter().any(|kind| item["kind"] == *kind);
    Ok(items.iter().filter(is_steady).map(version).collect())
}

/// Why a pod does not start is said for each workload, as the kubelet, the scheduler and the API server say it.
#[test]
fn workloads_that_do_not_start_say_why() -> Result<()> {
    own(async |cluster| {
        let api = cluster.api().await?;
        let install = ["install", "-y", "--set", "profile=demo", "--readiness-timeout", "1"];
        heddlectl_succeeds(cluster, &["install", "-y", "--no-wait", "--set", "profile=demo"]).await?;
        let waiting = |reason: &str, message: &str| json!({"waiting": {"reason": reason, "message": message}});
        let discovery = |state: &Value, last: &Value| {
            json!({"containerStatuses": [{"name": "discovery", "image": "i", "imageID": "", "ready": false,
                "restartCount": 4, "state": state, "lastState": last}]})
        };
        let crash = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
        let unscheduled = json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/3 nodes are available: 3 Insufficient memory."}]});
        for (name, status) in [
            ("no-image", discovery(&waiting("ImagePullBackOff", "Back-off pulling image \"x/y:1\""), &json!({}))),
            ("crashes", discovery(&waiting("CrashLoopBackOff", "back-off 5m0s restarting"), &crash)),
            ("starts", discovery(&waiting("ContainerCreating", ""), &json!({}))),
            ("no-node", unscheduled),
        ] {
            add_pod(&api, name, &status).await?;
        }
        let path = "/apis/apps/v1/namespaces/istio-system/deployments/istio-ingressgateway/status";
        let failed = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "istio-ingressgateway",
            "namespace": "istio-system"}, "status": {"conditions": [{"type": "ReplicaFailure", "status": "True",
            "reason": "FailedCreate", "message": "pods \"gw\" is forbidden: exceeded quota"}]}});
        ensure!(api.apply(path, &failed).await?.accepted());
        let out = heddlectl(cluster, &install).await?;
        ensure!(out.status.code() == Some(2), "{}", out.status);
        let (said, error) = (String::from_utf8(out.stdout)?, String::from_utf8(out.stderr)?);
        for part in [
            "Deployment istio-system/istiod: 0 of 1 pods are ready",
            "  pod no-image: container discovery: ImagePullBackOff: Back-off pulling image \"x/y:1\"",
            "  pod crashes: container discovery: CrashLoopBackOff: it ended with exit code 137 (OOMKilled), and was \
             restarted 4 times",
            "  pod no-node: Unschedulable: 0/3 nodes are available: 3 Insufficient memory.",
            "  the pods: FailedCreate: pods \"gw\" is forbidden: exceeded quota",
        ] {
            ensure!(said.matches(part).count() == 1, "{part:?} is not once in {said}");
            ensure!(error.contains(part), "{part:?} is not in {error}");
        }
        ensure!(
            !said.contains("pod starts") && error.contains("these workloads are not ready after 1 s"),
            "{said}{error}"
        );
        Ok(())
    })
}

/// A pod of the control plane, with the status that a kubelet would write.
async fn add_pod(api: &Api, name: &str, status: &Value) -> Result<()> {
    let pods = "/api/v1/namespaces/istio-system/pods";
    let labels = json!({"app": "istiod", "istio": "pilot"});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "discovery", "image": "i"}]}});
    let created = api.post(pods, &pod).await?;
    ensure!(created.accepted(), "{}", created.message());
    let mut pod = created.body;
    pod["status"] = status.clone();
    let written = api.call(http::Method::PUT, &format!("{pods}/{name}/status"), Some(&pod)).await?;
    ensure!(written.accepted(), "{}", written.message());
    Ok(())
}

#[test]
fn nothing_is_done_unasked() -> Result<()> {
    own(async |cluster| {
        let api = cluster.api().await?;
        let out = heddlectl(cluster, &["install"]).await?;
        ensure!(out.status.code() == Some(1), "{}", String::from_utf8_lossy(&out.stderr));
        ensure!(String::from_utf8(out.stdout)?.contains("(y/N) Cancelled. Nothing was changed."));
        ensure!(is_gone(&api, "/api/v1/namespaces/istio-system").await?);
        cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: istio-system}}")?;
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio",
            "annotations": {"meta.helm.sh/release-name": "istiod"}}, "data": {"mesh": "a: b", "mine": "c"}});
        ensure!(api.post("/api/v1/namespaces/istio-system/configmaps", &map).await?.accepted());
        let out = heddlectl(cluster, &["install", "-y", "--no-wait", "--set", "profile=minimal"]).await?;
        let said = String::from_utf8(out.stderr)?;
        ensure!(
            !out.status.success() && said.contains("ConfigMap istio-system/istio (owned by the Helm release istiod)"),
            "{said}"
        );
        ensure!(is_gone(&api, DEPLOYMENT).await?);
        let arguments = ["install", "-y", "--no-wait", "--take-over", "--set", "profile=minimal"];
        let said = heddlectl_succeeds(cluster, &arguments).await?;
        ensure!(said.contains("ConfigMap istio-system/istio taken over"), "{said}");
        let map = get(&api, "/api/v1/namespaces/istio-system/configmaps/istio").await?;
        ensure!(map["data"].get("mine").is_none() && map["metadata"].get("annotations").is_none(), "{map}");
        Ok(())
    })
}

#[test]
fn check_names_what_is_wrong() -> Result<()> {
    own(async |cluster| {
        let api = cluster.api().await?;
        heddlectl_succeeds(cluster, &["install", "-y", "--no-wait"]).await?;
        let config =
            json!({"data": {"config": "policy: enabled\ntemplates:\n  sidecar: |\n    spec: {{ .Values.x }}\n"}});
        let path = "/api/v1/namespaces/istio-system/configmaps/istio-sidecar-injector";
        let mut map = get(&api, path).await?;
        map["data"]["config"] = config["data"]["config"].clone();
        ensure!(api.call(http::Method::PUT, path, Some(&map)).await?.accepted());
        cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: lost, labels: {istio.io/rev: gone}}}")?;
        let out = heddlectl(cluster, &["check", "-o", "json"]).await?;
        ensure!(out.status.code() == Some(1), "{}", String::from_utf8_lossy(&out.stderr));
        let found: Vec<Value> = serde_json::from_slice(&out.stdout)?;
        let has = |level: &str, place: &str, message: &str| {
            let finding = found.iter().find(|finding| finding["place"] == place);
            let finding = finding.with_context(|| format!("nothing of {place} in {found:#?}"))?;
            let said = finding["message"].as_str().unwrap_or_default();
            ensure!(finding["level"] == level && said.contains(message), "{finding}");
            Ok(())
        };
        has("warning", "ConfigMap istio-system/istio-sidecar-injector", "sidecar")?;
        has("warning", "Namespace lost", "asks for revision gone")?;
        has("error", "Deployment istio-system/istiod", "0 ready")?;
        has("error", "MutatingWebhookConfiguration istio-sidecar-injector", "caBundle is empty")?;
        has("ok", "CustomResourceDefinition sidecars.networking.istio.io", "written by heddle-operator")
    })
}

/// What would lose its effect is counted by `check`, and stops a takeover that was not told to go on.
#[test]
fn objects_that_are_not_supported_stop_a_takeover() -> Result<()> {
    own(async |cluster| {
        cluster.install_crds()?;
        for name in ["deny", "allow"] {
            cluster.apply(&format!(
                "{{apiVersion: security.istio.io/v1, kind: RequestAuthentication, \
                 metadata: {{name: {name}, namespace: default}}, spec: {{}}}}"
            ))?;
        }
        let out = heddlectl(cluster, &["check", "-o", "json"]).await?;
        let found: Vec<Value> = serde_json::from_slice(&out.stdout)?;
        let finding = found.iter().find(|finding| finding["place"] == "RequestAuthentication").context("no finding")?;
        let said = finding["message"].as_str().unwrap_or_default();
        ensure!(finding["level"] == "error" && said.starts_with("2 objects: default/allow, default/deny: "), "{said}");
        ensure!(said.contains("requests with invalid tokens are accepted"), "{said}");
        let take_over = ["install", "-y", "--no-wait", "--take-over"];
        let refused = heddlectl(cluster, &take_over).await?;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        ensure!(!refused.status.success() && said.contains("RequestAuthentication: 2 objects"), "{said}");
        let api = cluster.api().await?;
        ensure!(get(&api, "/apis/apps/v1/namespaces/istio-system/deployments/istiod").await.is_err());
        heddlectl_succeeds(cluster, &[&take_over[..], &["--ignore-unsupported"]].concat()).await.map(drop)
    })
}

/// Of all objects that carry our label only those of the given kinds are still there.
fn left_nothing(cluster: &Cluster, but: &[&str]) -> Result<()> {
    let out = cluster.kubectl(&["get", KINDS, "-A", "-l", "app.kubernetes.io/part-of=heddle", "-o", "json"], "")?;
    let list: Value = serde_json::from_slice(&out.stdout)?;
    let items = list["items"].as_array().context("items")?;
    let other: Vec<&Value> = items.iter().filter(|item| !but.iter().any(|kind| item["kind"] == *kind)).collect();
    ensure!(other.is_empty(), "still there: {other:?}");
    Ok(())
}
