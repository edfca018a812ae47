//! Random meshes (`heddle_fuzz::hostile`) one after another on a sidecar and a gateway that run all the time, by a real
//! `heddled`. After each a sidecar of another namespace joins: Envoy must reject nothing, and the newcomer must become
//! ready.
//!
//! `HEDDLE_LIVE_MESHES` is how many meshes there are (50), `HEDDLE_HOSTILE_SEED` the first seed (1).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test's report

#[path = "hostile_live/proxy.rs"]
mod proxy;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use heddle_fuzz::hostile;
use heddle_tests::cluster::Namespace;
use heddle_tests::control::{Control, ControlSetup};
use heddle_tests::http::Call;
use heddle_tests::process::eventually;
use heddle_tests::product;
use serde_json::{Value, json};

use proxy::{Proxy, Who};

/// How soon a new sidecar must be ready.
const SOON: Duration = Duration::from_secs(5);
/// How often another one may show that it was the machine that was slow.
const TRIES: usize = 3;
/// What is waited for may take this long on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Namespaces of those that join, and how their traffic is redirected.
const JOINING: [(&str, &str); 4] = [("ops", "REDIRECT"), ("other", "NONE"), ("elsewhere", "TPROXY"), ("ops", "NONE")];

#[test]
fn random_meshes_are_rejected_by_no_envoy_and_keep_no_sidecar_from_starting() {
    // Listeners bind any address that a mesh names, which must not meet anything of this machine.
    let namespace = Namespace::new().unwrap();
    namespace.run(follow).unwrap().unwrap();
}

async fn follow() -> Result<()> {
    for family in ["ipv4", "ipv6"] {
        std::fs::write(format!("/proc/sys/net/{family}/ip_nonlocal_bind"), "1").context("addresses of others")?;
    }
    let number = |name: &str, default: u64| std::env::var(name).map_or(Ok(default), |text| text.parse());
    let (first, count) = (number("HEDDLE_HOSTILE_SEED", 1)?, number("HEDDLE_LIVE_MESHES", 50)?);
    let control = ControlSetup::new()?.with("mesh", &mesh(first)?)?.start(&[]).await?;
    let web = Who { kind: "sidecar", pod: "web-1", namespace: "shop", ip: "10.1.0.1", mode: "REDIRECT" };
    let edge = Who { kind: "router", pod: "edge-1", namespace: "istio-system", ip: "10.1.0.9", mode: "NONE" };
    let mut pair = [Proxy::start(&control, web, 1).await?, Proxy::start(&control, edge, 2).await?];
    for proxy in &mut pair {
        proxy.until_ready(PATIENCE).await?;
    }
    for seed in first..first + count {
        control.put("mesh", &mesh(seed)?)?;
        eventually(&format!("seed {seed} at heddled"), PATIENCE, async || has_read(&control, seed).await).await?;
        join(&control, seed).await.with_context(|| format!("seed {seed}"))?;
        ensure!(rejected(&control).await? == 0, "seed {seed}: {}", control.page("/debug/syncz").await?);
        for proxy in &mut pair {
            ensure!(proxy.rejected().await? == 0 && proxy.agent.running(), "seed {seed}: {}", proxy.agent.tail());
        }
    }
    Ok(())
}

/// Starts a sidecar on the mesh of a seed, and asks that it is soon ready. Where it is not, another one shows whether
/// it was the mesh or the machine.
async fn join(control: &Control, seed: u64) -> Result<()> {
    let (namespace, mode) = JOINING[usize::try_from(seed)? % JOINING.len()];
    let mut took = Vec::new();
    for _ in 0..TRIES {
        let who = Who { kind: "sidecar", pod: "new-1", namespace, ip: "10.1.0.77", mode };
        let start = Instant::now();
        let mut fresh = Proxy::start(control, who, 3).await?;
        fresh.until_ready(PATIENCE).await?;
        took.push(start.elapsed());
        ensure!(fresh.rejected().await? == 0, "{}", fresh.agent.tail());
        if took.last().is_some_and(|last| *last <= SOON) {
            return Ok(());
        }
    }
    anyhow::bail!("new sidecars were ready after {took:?} only")
}

/// The objects of a seed, with a Secret for gateways and a Namespace that says which seed it is.
fn mesh(seed: u64) -> Result<String> {
    let mut objects = hostile::objects(seed);
    // The ports of the virtual listeners are a part of the capture of a pod, so they do not change while it runs.
    for map in objects.iter_mut().filter(|object| object["kind"] == "ConfigMap") {
        let written = map["data"]["mesh"].as_str().unwrap_or_default().to_owned();
        let settings = heddle_yaml::values(&written, heddle_yaml::Schema::Yaml11).unwrap_or_default().pop();
        let Some(Value::Object(mut settings)) = settings else { continue };
        settings.retain(|name, _| !["proxyListenPort", "proxyInboundListenPort"].contains(&&**name));
        map["data"]["mesh"] = json!(Value::Object(settings).to_string());
    }
    let golden = product::root()?.join("controller/compile/tests/golden/gateway/https_simple/mesh.yaml");
    let golden = heddle_yaml::values(&std::fs::read_to_string(golden)?, heddle_yaml::Schema::Yaml11)?;
    let mut secret = golden.into_iter().find(|object| object["kind"] == "Secret").context("no Secret")?;
    secret["metadata"]["name"] = json!("cert");
    objects.push(secret);
    objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": mark(seed)}}));
    Ok(objects.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n"))
}

fn mark(seed: u64) -> String {
    format!("seed-{seed}")
}

async fn has_read(control: &Control, seed: u64) -> bool {
    let named = |object: &Value| object["kind"] == "Namespace" && object["metadata"]["name"] == mark(seed);
    control.json("/debug/configz").await.is_ok_and(|all| all.as_array().into_iter().flatten().any(named))
}

/// How many responses proxies have rejected.
async fn rejected(control: &Control) -> Result<u64> {
    let page = Call::get(control.address("monitoring")?, "/metrics")?.send().await?.body;
    let samples = page.lines().filter(|line| line.starts_with("pilot_total_xds_rejects{"));
    samples.map(|line| Ok(line.rsplit(' ').next().unwrap_or_default().parse::<u64>()?)).sum()
}
