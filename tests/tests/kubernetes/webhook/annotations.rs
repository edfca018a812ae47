//! Pods whose annotations cost far more than they are long.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use heddle_tests::cluster::own;
use heddle_tests::control::SERVER_NAME;
use heddle_tests::http::{Call, tls_config};
use heddle_tests::process::eventually;
use http::Method;
use serde_json::{Value, json};

use super::super::watcher::{SOON, start};
use super::{resident, roots};

/// Pods of a run of `make test`; `make soak` tries all.
const SOME: usize = 1_000;
/// What heddled may take in memory at most, in bytes.
const MEMORY: u64 = 120 << 20;
/// Calls at a time.
const TOGETHER: usize = 4;

/// A review of a pod with one annotation.
fn review(name: &str, text: &str) -> Vec<u8> {
    let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "annotations": {name: text}},
        "spec": {"containers": [{"name": "web", "image": "web"}]}});
    let request = json!({"uid": "u", "operation": "CREATE", "namespace": "shop", "object": object});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    review.to_string().into_bytes()
}

/// Annotations that nobody ought to write. Each exceeds a budget, so each must be refused.
fn hostile(turn: usize) -> (&'static str, String) {
    let yaml = if turn.is_multiple_of(2) { "proxy.istio.io/config" } else { "inject.heddle.dev/overlay" };
    let size = 1_000 + turn * 37 % 3_000;
    match turn / 2 % 8 {
        0 => (yaml, format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(size), "*a,".repeat(size))),
        1 => {
            let level =
                |level: usize| format!("a{}: &a{} [{}]\n", level + 1, level + 1, format!("*a{level},").repeat(10));
            (yaml, format!("a0: &a0 [x]\n{}", (0..8 + size % 20).map(level).collect::<String>()))
        }
        2 => (yaml, format!("a: &a {}\nb: [{}]\n", "x".repeat(20 * size), "*a,".repeat(90))),
        3 => (yaml, ["[", "{a: ", "- "][turn % 3].repeat(size)),
        4 => (yaml, format!("a: &a {{x: 1}}\nb: [{}]\n", "{<<: *a},".repeat(size))),
        5 => (yaml, format!("a: [{}]\n", "[],".repeat(10 * size))),
        6 => (yaml, "x".repeat((256 << 10) + size)),
        _ => match turn % 3 {
            0 => (
                "inject.istio.io/templates",
                (0..size * 4).map(|name| format!("a{name},")).collect::<Vec<_>>().concat(),
            ),
            1 => ("prometheus.istio.io/scrape-targets", "1,".repeat(10_000 + size)),
            _ => ("sidecar.istio.io/userVolume", format!("[{}1]", "{},".repeat(10 * size))),
        },
    }
}

#[test]
fn ten_thousand_hostile_annotations_leave_it_ready_and_small() -> Result<()> {
    let count = std::env::var("HEDDLE_HOSTILE_ANNOTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(SOME);
    own(async |cluster| {
        let control = start(cluster, &[]).await?;
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio-sidecar-injector",
            "namespace": "istio-system"}, "data": {"values": "{}", "config": "policy: enabled"}});
        let api = cluster.api().await?;
        ensure!(api.post("/api/v1/namespaces/istio-system/configmaps", &map).await?.accepted());
        let (to, tls) = (control.address("https")?, tls_config(&roots(cluster).await?, None)?);
        let send = async |body: Vec<u8>| -> Result<Value> {
            let call = Call::get(to, "/inject")?.send_as(Method::POST, body).within(Duration::from_secs(30));
            let answer = call.tls(tls.clone(), SERVER_NAME)?.send().await?;
            ensure!(answer.status == 200, "{} {}", answer.status, answer.body);
            Ok(answer.json()?["response"].clone())
        };
        eventually("an injected pod", SOON, async || {
            send(review("proxy.istio.io/config", "concurrency: 2")).await.is_ok_and(|said| said["patch"].is_string())
        })
        .await?;
        let begin = Instant::now();
        for turn in (0..count).step_by(TOGETHER) {
            let calls = (turn..turn + TOGETHER).map(async |turn| {
                let (name, text) = hostile(turn);
                let said = send(review(name, &text)).await?;
                let reason = said["status"]["message"].as_str().with_context(|| format!("{turn}: {name} was taken"))?;
                ensure!(reason.contains(name) && reason.len() < 600, "{turn}: {name}: {reason}");
                Ok(())
            });
            for done in futures_util::future::join_all(calls).await {
                done?;
            }
        }
        let memory = resident(&control)?;
        println!("{count} hostile annotations in {:?}; heddled takes {} MiB", begin.elapsed(), memory >> 20);
        ensure!(memory < MEMORY, "{} MiB", memory >> 20);
        control.page("/ready").await?;
        Ok(())
    })
}
