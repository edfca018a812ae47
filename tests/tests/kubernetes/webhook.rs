//! Webhooks as a real API server calls them, and as somebody does who means harm.

mod annotations;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::watcher::{SOON, make_namespace, start};
use anyhow::{Context, Result, ensure};
use base64::Engine;
use heddle_tests::cluster::{Cluster, own};
use heddle_tests::control::{Control, SERVER_NAME};
use heddle_tests::http::{Call, tls_config};
use heddle_tests::process::eventually;
use http::Method;
use serde_json::{Value, json};

const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1";

/// The roots that the cluster's workloads are told of.
async fn roots(cluster: &Cluster) -> Result<String> {
    let path = "/api/v1/namespaces/istio-system/configmaps/istio-ca-root-cert";
    let api = cluster.api().await?;
    let read = async || Some(api.get(path).await.ok()?.body["data"]["root-cert.pem"].as_str()?.to_owned());
    eventually("the root certificate", SOON, async || read().await.is_some()).await?;
    read().await.context("roots")
}

fn configuration(kind: &str, name: &str, webhook: &str, url: &str, rule: &Value) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
        "metadata": {"name": name, "labels": {"istio.io/rev": "default"}},
        "webhooks": [{
            "name": webhook, "clientConfig": {"url": url}, "rules": [rule], "sideEffects": "None",
            "admissionReviewVersions": ["v1"], "timeoutSeconds": 10,
            "failurePolicy": if kind.starts_with('V') { "Ignore" } else { "Fail" },
        }],
    })
}

/// The configuration by which an API server asks a control plane about objects.
pub(super) fn validator(address: &SocketAddr) -> Value {
    let groups = ["networking", "security", "telemetry", "extensions"].map(|group| format!("{group}.istio.io"));
    let rule = json!({"operations": ["CREATE", "UPDATE"], "apiGroups": groups, "apiVersions": ["*"],
        "resources": ["*"]});
    let url = format!("https://{address}/validate");
    let (name, webhook) = ("istio-validator-istio-system", "rev.validation.istio.io");
    configuration("ValidatingWebhookConfiguration", name, webhook, &url, &rule)
}

fn route(name: &str, weight: i32) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": name,
            "namespace": "default"},
        "spec": {"hosts": ["a"], "http": [{"match": [{"uri": {"regex": if weight < 0 { "(" } else { "a" }}}],
            "route": [{"destination": {"host": "a"}}]}]},
    })
}

#[test]
fn an_invalid_object_is_refused_and_from_then_on_the_webhook_must_be_asked() -> Result<()> {
    own(async |cluster| {
        cluster.install_crds()?;
        let control = start(cluster, &[]).await?;
        let api = cluster.api().await?;
        let object = validator(&control.address("https")?);
        let all = format!("{CONFIGURATIONS}/validatingwebhookconfigurations");
        ensure!(api.post(&all, &object).await?.accepted());
        let one = format!("{all}/istio-validator-istio-system");
        let policy =
            async || api.get(&one).await.is_ok_and(|answer| answer.body["webhooks"][0]["failurePolicy"] == "Fail");
        eventually("failurePolicy Fail", SOON, policy).await?;
        let bundle = api.get(&one).await?.body["webhooks"][0]["clientConfig"]["caBundle"].clone();
        let bundle = base64::engine::general_purpose::STANDARD.decode(bundle.as_str().context("a bundle")?)?;
        ensure!(String::from_utf8(bundle)? == roots(cluster).await?);

        let routes = "/apis/networking.istio.io/v1/namespaces/default/virtualservices";
        let refused = api.post(routes, &route("bad", -1)).await?;
        ensure!(!refused.accepted() && refused.message().contains("spec.http[0].match[0].uri.regex"), "{refused:?}");
        ensure!(api.post(routes, &route("good", 1)).await?.accepted());
        ensure!(control.metric("galley_validation_failed{reason=\"invalid_resource\"}").await? >= 1.0);

        // Somebody's edit is taken back.
        let mut edited = api.get(&one).await?.body;
        edited["webhooks"][0]["clientConfig"]["caBundle"] = json!("");
        ensure!(api.call(Method::PUT, &one, Some(&edited)).await?.accepted());
        eventually("the bundle", SOON, async || {
            let bundle =
                api.get(&one).await.map(|answer| answer.body["webhooks"][0]["clientConfig"]["caBundle"].clone());
            bundle.is_ok_and(|bundle| bundle.as_str().is_some_and(|bundle| !bundle.is_empty()))
        })
        .await
    })
}

fn configmap(name: &str, data: &Value) -> Value {
    let metadata = json!({"name": name, "namespace": "istio-system"});
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
}

fn pod(name: &str, inject: &str) -> Value {
    let metadata = json!({"name": name, "labels": {"sidecar.istio.io/inject": inject}});
    // Here no admission plug-in gives a pod its service account, which a projected token wants.
    let spec = json!({"serviceAccountName": "default", "containers": [{"name": "app", "image": "app"}]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

#[test]
fn a_pod_gets_its_proxy() -> Result<()> {
    own(async |cluster| {
        let api = cluster.api().await?;
        let configmaps = "/api/v1/namespaces/istio-system/configmaps";
        // Before heddled, so that no pod is injected by less.
        make_namespace(cluster).await?;
        let mesh = configmap("istio", &json!({"mesh": "defaultConfig: {proxyMetadata: {TINT: red}}"}));
        ensure!(api.post(configmaps, &mesh).await?.accepted());
        let control = start(cluster, &[]).await?;
        let map = configmap("istio-sidecar-injector", &json!({"values": "{}", "config": "policy: enabled"}));
        ensure!(api.post(configmaps, &map).await?.accepted());
        let url = format!("https://{}/inject/cluster/c1/net/n1", control.address("https")?);
        let rule = json!({"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]});
        let object = configuration(
            "MutatingWebhookConfiguration",
            "istio-sidecar-injector",
            "namespace.sidecar-injector.istio.io",
            &url,
            &rule,
        );
        ensure!(api.post(&format!("{CONFIGURATIONS}/mutatingwebhookconfigurations"), &object).await?.accepted());
        let pods = "/api/v1/namespaces/default/pods";
        eventually("an injected pod", SOON, async || {
            api.post(pods, &pod("a", "true")).await.is_ok_and(|a| a.accepted())
        })
        .await?;
        let made = api.get(&format!("{pods}/a")).await?.body;
        let names: Vec<&Value> = ["initContainers", "containers"]
            .iter()
            .flat_map(|list| made["spec"][list].as_array().into_iter().flatten())
            .map(|c| &c["name"])
            .collect();
        ensure!(names.iter().any(|name| **name == "istio-proxy"), "{names:?}");
        ensure!(made["metadata"]["annotations"]["sidecar.istio.io/status"].is_string());
        ensure!(made.to_string().contains("\"ISTIO_META_CLUSTER_ID\""));
        ensure!(made.to_string().contains("TINT"), "{made}");
        ensure!(api.post(pods, &pod("b", "false")).await?.accepted());
        cluster.install_crds()?;
        let settings = json!({"apiVersion": "networking.istio.io/v1beta1", "kind": "ProxyConfig",
            "metadata": {"name": "threads"},
            "spec": {"concurrency": 7, "environmentVariables": {"ISTIO_META_COLOUR": "blue"}}});
        let all = "/apis/networking.istio.io/v1beta1/namespaces/default/proxyconfigs";
        ensure!(api.post(all, &settings).await?.accepted());
        let mut count = 0;
        eventually("a pod by the ProxyConfig", SOON, async || {
            count += 1;
            let name = format!("c{count}");
            let made = api.post(pods, &pod(&name, "true")).await;
            let text = made.map(|made| made.body.to_string()).unwrap_or_default();
            text.contains("\\\"concurrency\\\":7") && text.contains("\"ISTIO_META_COLOUR\"")
        })
        .await?;
        let left = api.get(&format!("{pods}/b")).await?.body;
        ensure!(left["spec"]["containers"].as_array().map(Vec::len) == Some(1), "{left}");
        ensure!(control.metric("sidecar_injection_success_total").await? >= 1.0);
        Ok(())
    })
}

/// Reviews that nobody ought to send, of many kinds.
fn hostile(turn: usize) -> Vec<u8> {
    let review = |object: &str| {
        format!(
            "{{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\
             \"request\":{{\"uid\":\"u\",\"operation\":\"CREATE\",\"object\":{object}}}}}"
        )
    };
    let virtual_service = |regex: &str| {
        review(&format!(
            "{{\"apiVersion\":\"networking.istio.io/v1\",\"kind\":\"VirtualService\",\"metadata\":{{\"name\":\"a\"}},\
             \"spec\":{{\"hosts\":[\"a\"],\"http\":[{{\"match\":[{{\"uri\":{{\"regex\":\"{regex}\"}}}}]}}]}}}}"
        ))
    };
    let mut seed = turn as u64 + 1;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33).to_le_bytes()[0]
    };
    match turn % 8 {
        0 => (0..turn * 37 % 5000).map(|_| random()).collect(),
        1 => {
            let whole = virtual_service("a+");
            whole.into_bytes().into_iter().take(turn % 200).collect()
        }
        2 => review(&("[".repeat(10_000) + &"]".repeat(10_000))).into_bytes(),
        3 => virtual_service(&"(a{1000}){1000}".repeat(700_000)).into_bytes(),
        4 => virtual_service(&"(a|b)*[a-z]{999}".repeat(180_000)).into_bytes(),
        5 => review(&format!("{{\"apiVersion\":\"v1\",\"kind\":\"Pod{turn}\",\"spec\":7}}")).into_bytes(),
        6 => review(&format!("[{}1]", "{},".repeat(900_000))).into_bytes(),
        _ => virtual_service(&"((((".repeat(turn * 50)).into_bytes(),
    }
}

#[test]
fn five_hundred_hostile_reviews_leave_it_ready_and_small() -> Result<()> {
    own(async |cluster| {
        let control = start(cluster, &[]).await?;
        let to: SocketAddr = control.address("https")?;
        let tls = tls_config(&roots(cluster).await?, None)?;
        let start = Instant::now();
        for turn in (0..500).step_by(4) {
            let calls = (turn..turn + 4).map(|turn| {
                let path = if turn % 3 == 0 { "/inject" } else { "/validate" };
                let (tls, body) = (tls.clone(), hostile(turn));
                async move {
                    let call = Call::get(to, path)?.send_as(Method::POST, body).within(Duration::from_secs(30));
                    // A body that is too long may be refused before it was sent: the connection breaks then.
                    let answer = call.tls(tls, SERVER_NAME)?.send().await;
                    ensure!(answer.is_err() || answer.is_ok_and(|answer| answer.status < 500));
                    Ok(())
                }
            });
            for done in futures_util::future::join_all(calls).await {
                done?;
            }
        }
        let memory = resident(&control)?;
        println!("500 hostile reviews in {:?}; heddled takes {} MiB", start.elapsed(), memory >> 20);
        ensure!(memory < 300 << 20, "{} MiB", memory >> 20);
        control.page("/ready").await?;
        Ok(())
    })
}

/// The most memory that it ever took, in bytes.
fn resident(control: &Control) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", control.process.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? << 10)
}
