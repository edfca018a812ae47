//! The agent between a real Envoy and a real `heddled`: certificates, relay, supervision, end.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use heddle_tests::http::{Call, until_closed};
use heddle_tests::process::eventually;
use heddle_tests::product::root;
use http::Method;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

#[path = "agent/dns.rs"]
mod dns;
#[path = "agent/pair.rs"]
mod pair;
#[path = "agent/peer.rs"]
mod peer;

use pair::{PATIENCE, Pair, status, until_gone};
use peer::Peer;

#[tokio::test]
async fn a_workload_is_certified_and_renewals_close_no_connection() -> Result<()> {
    let pair = Pair::start(&[("SECRET_TTL", "6s")]).await?;
    let peer = Peer::certified(&pair).await?;
    let mut kept = peer.connect(&pair).await?;
    let (answer, seen) = kept.call("/hello").await?;
    assert_eq!(answer, 200);
    let names = seen["headers"]["x-forwarded-client-cert"].as_str().unwrap_or_default();
    assert!(names.contains("URI=spiffe://cluster.local/ns/shop/sa/caller"), "{seen}");

    let first = pair.serial().await?;
    let mut last = first.clone();
    for _ in 0..2 {
        eventually("renewed certificate", PATIENCE, async || pair.serial().await.is_ok_and(|now| now != last)).await?;
        last = pair.serial().await?;
        assert_eq!(kept.call("/still-here").await?.0, 200);
    }
    let fresh = peer.connect(&pair).await?;
    assert_ne!(fresh.shown, kept.shown, "a new connection is shown the old certificate");
    assert!(pair.metric("istio_agent_num_outgoing_requests{request_type=\"csr\"}").await? >= 3);
    assert_eq!(pair.metric("istio_agent_num_failed_outgoing_requests{request_type=\"csr\"}").await?, 0);
    // The key is nowhere but in memory.
    for file in std::fs::read_dir(pair.run.path().join("proxy"))? {
        let file = file?;
        if file.file_type()?.is_file() {
            assert!(!std::fs::read_to_string(file.path())?.contains("PRIVATE KEY"), "{}", file.path().display());
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_authority_that_is_plugged_in_certifies_both_ends() -> Result<()> {
    let run = tempfile::tempdir()?;
    let ca = run.path().join("ca");
    std::fs::create_dir(&ca)?;
    // An RSA intermediate below an RSA root, with names that repeat their parts.
    for file in std::fs::read_dir(root()?.join("controller/ca/src/tests/fixtures/rsa"))? {
        let file = file?;
        std::fs::copy(file.path(), ca.join(file.file_name()))?;
    }
    let pair = Pair::start_in(run, &[]).await?;
    let peer = Peer::certified(&pair).await?;
    assert_eq!(peer.connect(&pair).await?.call("/").await?.0, 200);
    let shown = pair.admin().get("/certs").await?;
    assert!(shown.contains("spiffe://cluster.local/ns/shop/sa/echo"), "{shown}");
    Ok(())
}

#[tokio::test]
async fn traffic_goes_on_without_heddled_and_edits_arrive_after_its_return() -> Result<()> {
    let mut pair = Pair::start(&[("SECRET_TTL", "4s")]).await?;
    let peer = Peer::certified(&pair).await?;
    pair.heddled.kill();
    let updates = pair.admin().stat("cluster_manager.cds.update_success").await?;
    let away = Instant::now();
    while away.elapsed() < Duration::from_secs(3) {
        assert_eq!(peer.connect(&pair).await?.call("/").await?.0, 200);
        assert_eq!(status(&Call::get(pair.at(15021), "/healthz/ready")?).await, Some(200));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(pair.metric("istio_agent_istiod_connection_terminations").await? >= 1);
    pair.start_heddled()?;
    let service = "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: after, namespace: shop}
spec:
  hosts: [after.example]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.9}]
";
    pair.config.put("after", service)?;
    let admin = pair.admin();
    eventually("edit after the return", PATIENCE, async || {
        matches!(admin.active_cluster("outbound|80||after.example").await, Ok(Some(_)))
    })
    .await?;
    // It said what it has and was sent what is new: not everything anew.
    assert!(pair.admin().stat("cluster_manager.cds.update_success").await? > updates);
    let serial = pair.serial().await?;
    eventually("renewal after the return", PATIENCE, async || pair.serial().await.is_ok_and(|now| now != serial)).await
}

#[tokio::test]
async fn an_envoy_that_falls_is_started_again_and_counted() -> Result<()> {
    let mut pair = Pair::start(&[]).await?;
    for restarts in 1..=2 {
        let before = pair.envoy()?;
        kill(Pid::from_raw(before), Signal::SIGKILL)?;
        until_gone(before).await?;
        pair.until_ready().await?;
        assert_ne!(pair.envoy()?, before);
        assert_eq!(pair.metric("istio_agent_num_proxy_restarts").await?, restarts);
        assert_eq!(status(&Call::get(pair.ingress(), "/")?).await, Some(200));
    }
    Ok(())
}

#[tokio::test]
async fn a_call_under_way_ends_well_after_sigterm() -> Result<()> {
    let mut pair = Pair::start(&[]).await?;
    let envoy = pair.envoy()?;
    let slow = tokio::spawn(Call::get(pair.ingress(), "/?delay=1200")?.send());
    eventually("call at the application", PATIENCE, async || pair.echo.hits() == 1).await?;
    let ready = Call::get(pair.at(15020), "/healthz/ready")?;
    pair.agent.signal(Signal::SIGTERM)?;
    eventually("draining proxy", PATIENCE, async || status(&ready).await == Some(503)).await?;
    assert_eq!(slow.await??.status, 200);
    assert!(pair.agent.stop(Duration::from_secs(10)).await?.success());
    until_gone(envoy).await
}

#[tokio::test]
async fn an_agent_may_wait_for_its_last_caller() -> Result<()> {
    let wait = [("EXIT_ON_ZERO_ACTIVE_CONNECTIONS", "true"), ("MINIMUM_DRAIN_DURATION", "100ms")];
    let mut pair = Pair::start(&wait).await?;
    // Longer than the time after which it would end otherwise.
    let slow = tokio::spawn(Call::get(pair.ingress(), "/?delay=3000")?.send());
    eventually("call at the application", PATIENCE, async || pair.echo.hits() == 1).await?;
    let end = pair.agent.stop(Duration::from_secs(15)).await?;
    assert!(slow.is_finished(), "the agent did not wait");
    assert_eq!(slow.await??.status, 200);
    assert!(end.success());
    Ok(())
}

#[tokio::test]
async fn no_envoy_outlives_its_agent() -> Result<()> {
    let pair = Pair::start(&[]).await?;
    let envoy = pair.envoy()?;
    kill(Pid::from_raw(i32::try_from(pair.agent.id())?), Signal::SIGKILL)?;
    until_gone(envoy).await
}

#[tokio::test]
async fn everything_listens_where_it_was_told_and_quits_when_told() -> Result<()> {
    let run = tempfile::tempdir()?;
    let more = run.path().join("custom.json");
    std::fs::write(&more, r#"{"node": {"metadata": {"CUSTOM": "of the pod"}}}"#)?;
    let more = more.display().to_string();
    let mut pair = Pair::start_in(run, &[("ISTIO_BOOTSTRAP_OVERRIDE", &more)]).await?;
    let bootstrap = pair.admin().get("/config_dump").await?;
    assert!(bootstrap.contains("of the pod"), "{bootstrap}");
    let own = pair.layout.workload(0);
    let listening = pair.agent.listens_on()?;
    assert!(listening.iter().all(|at| at.ip() == own), "{listening:?}");
    let ports: Vec<_> = listening.iter().map(std::net::SocketAddr::port).collect();
    assert_eq!(ports, [3128, 9080, 15000, 15020, 15021, 15090]);
    let metrics = Call::get(pair.at(15020), "/stats/prometheus")?.send().await?.body;
    assert!(metrics.contains("envoy_server_live") && metrics.contains("istio_agent_num_xds_streams"), "{metrics}");
    // The pod's network reaches the port: half a request is not kept.
    until_closed(pair.at(15020), &["", "GET /healthz/rea", "GET /healthz/ready HTTP/1.1\r\nhost:"], PATIENCE).await?;
    assert_eq!(status(&Call::get(pair.at(15020), "/quitquitquit")?).await, Some(405));
    let quit = Call::get(pair.at(15020), "/quitquitquit")?.send_as(Method::POST, "");
    assert_eq!(status(&quit).await, Some(200));
    let end = pair.agent.stop(Duration::from_secs(10)).await.context("after quitquitquit")?;
    assert!(end.success());
    Ok(())
}
