//! The pages that people read: what a proxy was sent, what it said to that, and what is wrong with which object.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use heddle_tests::control::{Control, ControlSetup};
use heddle_tests::http::Call;
use heddle_tests::process::eventually;
use heddle_tests::product;
use heddle_tests::xds_client::{CLUSTER, ENDPOINT, node};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);

const OBJECTS: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: cart, namespace: shop}
spec:
  hosts: [cart.test]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 10.0.0.1}]
";

fn web() -> heddle_xds_api::envoy::config::core::v3::Node {
    node("sidecar~10.0.0.9~web.shop~shop.svc.cluster.local", &json!({"NAMESPACE": "shop"}))
}

fn cluster(proxy: &Value) -> &Value {
    &proxy["resources"]["type.googleapis.com/envoy.config.cluster.v3.Cluster"]
}

#[tokio::test]
async fn what_a_proxy_holds_is_shown_until_it_leaves() -> Result<()> {
    let control = Control::start(OBJECTS).await?;
    let mut stream = control.stream(web()).await?;
    stream.subscribe(CLUSTER, &[]).await?;
    let response = stream.next(SOON).await?;
    let stale = control.json("/debug/syncz").await?;
    assert_eq!((&stale[0]["proxy"], cluster(&stale[0])["status"].as_str()), (&json!("web.shop"), Some("STALE")));
    stream.ack(&response).await?;
    eventually("acknowledged clusters", SOON, async || {
        control.json("/debug/syncz").await.is_ok_and(|page| cluster(&page[0])["status"] == "SYNCED")
    })
    .await?;
    let page = control.json("/debug/syncz").await?;
    assert_eq!(page[0]["cluster_sent"], page[0]["cluster_acked"]);
    assert_eq!(control.json("/debug/syncz?namespace=bank").await?, json!([]));
    assert_eq!(control.json("/debug/adsz").await?["totalClients"], 1);

    let dump = control.json("/debug/config_dump?proxyID=web.shop").await?;
    let clusters = dump["configs"][0]["dynamicActiveClusters"].as_array().context("clusters")?;
    assert!(clusters.iter().any(|entry| entry["cluster"]["name"] == "outbound|80||cart.test"), "{dump}");
    let address = control.address("http")?;
    assert_eq!(Call::get(address, "/debug/config_dump?proxyID=no.one")?.send().await?.status, 404);
    assert_eq!(Call::get(address, "/debug/config_dump")?.send().await?.status, 400);

    drop(stream);
    eventually("empty page", SOON, async || control.json("/debug/syncz").await.is_ok_and(|page| page == json!([])))
        .await
}

#[tokio::test]
async fn a_rejection_names_the_object() -> Result<()> {
    let control = Control::start(OBJECTS).await?;
    let mut stream = control.stream(web()).await?;
    stream.subscribe(CLUSTER, &[]).await?;
    let response = stream.next(SOON).await?;
    stream.nack(&response, "Error adding/updating cluster(s) outbound|80||cart.test: no such thing").await?;
    // The rejection shows at once; its objects are found outside the async workers and follow.
    let is_named = |state: &Value| state["status"] == "ERROR" && state["objects"] != json!([]);
    eventually("rejected clusters", SOON, async || {
        control.json("/debug/syncz").await.is_ok_and(|page| is_named(cluster(&page[0])))
    })
    .await?;
    let page = control.json("/debug/syncz").await?;
    let state = cluster(&page[0]);
    ensure!(state["lastError"].as_str().is_some_and(|error| error.contains("no such thing")), "{state}");
    assert_eq!(state["objects"], json!(["ServiceEntry shop/cart"]));
    assert!((control.metric("pilot_total_xds_rejects{type=\"cds\"}").await? - 1.0).abs() < 0.1);

    let address = control.address("http")?.to_string();
    let output = product::heddlectl(["proxy-status", "--address", &address])?.output()?;
    let table = String::from_utf8(output.stdout)?;
    assert_eq!(output.status.code(), Some(1), "{table}");
    assert!(
        table.contains("web.shop") && table.contains("ERROR") && table.contains("ServiceEntry shop/cart"),
        "{table}"
    );
    let output = product::heddlectl(["proxy-status", "--address", &address, "-o", "json", "web.shop"])?.output()?;
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout)?[0]["proxy"], "web.shop");
    Ok(())
}

#[tokio::test]
async fn the_mesh_is_shown_by_its_objects_services_and_endpoints() -> Result<()> {
    let control = Control::start(OBJECTS).await?;
    let objects = control.json("/debug/configz").await?;
    assert_eq!(objects, json!([{"kind": "ServiceEntry", "metadata": {"namespace": "shop", "name": "cart"}}]));
    let services = control.json("/debug/registryz").await?;
    assert_eq!((&services[0]["hostname"], services.as_array().map(Vec::len)), (&json!("cart.test"), Some(1)));
    assert_eq!(control.json("/debug/endpointz").await?[0]["ep"][0]["address"], "10.0.0.1");
    for page in control.json("/debug/list").await?.as_array().context("a list")? {
        let page = page.as_str().context("a name")?;
        let status = Call::get(control.address("monitoring")?, &format!("/debug/{page}"))?.send().await?.status;
        let expected = if ["config_dump", "edsz", "ndsz"].contains(&page) { 400 } else { 200 };
        assert_eq!(status, expected, "{page}");
    }
    assert!(control.page("/debug").await?.contains("/debug/syncz"));
    Ok(())
}

#[tokio::test]
async fn metrics_say_what_was_pushed_and_how_old_it_was_when_acknowledged() -> Result<()> {
    let control = Control::start(OBJECTS).await?;
    let mut stream = control.stream(web()).await?;
    stream.subscribe(CLUSTER, &[]).await?;
    stream.accept(CLUSTER, SOON).await?;
    stream.subscribe(ENDPOINT, &["outbound|80||cart.test"]).await?;
    stream.accept(ENDPOINT, SOON).await?;
    control.put("objects", &OBJECTS.replace("10.0.0.1", "10.0.0.2"))?;
    stream.accept(ENDPOINT, SOON).await?;
    let name = "heddle_event_to_ack_seconds_count{type=\"eds\"}";
    eventually("counted acknowledgement", SOON, async || control.metric(name).await.is_ok_and(|count| count > 0.9))
        .await?;
    for name in [
        "pilot_xds{version=\"0.1.0\"}",
        "pilot_services",
        "heddle_xds_sent_bytes{type=\"eds\"}",
        "process_cpu_seconds_total",
    ] {
        assert!(control.metric(name).await? > 0.0, "{name}");
    }
    for name in ["pilot_virt_services", "pilot_total_xds_rejects{type=\"cds\"}"] {
        assert!(control.metric(name).await? < 0.1, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn the_end_does_not_wait_for_streams_and_a_new_start_keeps_the_root() -> Result<()> {
    let mut control = Control::start(OBJECTS).await?;
    let root = std::fs::read(control.ca().join("root-cert.pem"))?;
    let mut stream = control.stream(web()).await?;
    stream.subscribe(CLUSTER, &[]).await?;
    stream.accept(CLUSTER, SOON).await?;
    let start = Instant::now();
    control.process.signal(Signal::SIGTERM)?;
    while control.process.running() {
        ensure!(start.elapsed() < Duration::from_secs(3), "still running: {}", control.process.tail());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    control.restart(&[]).await?;
    assert_eq!(std::fs::read(control.ca().join("root-cert.pem"))?, root);
    let versions = stream.versions(CLUSTER);
    let mut again = control.stream(web()).await?;
    again.resume(CLUSTER, &["*"], versions).await?;
    // What is held already is not sent again.
    if let Ok(response) = again.next(Duration::from_millis(300)).await {
        ensure!(response.resources.is_empty() && response.removed_resources.is_empty(), "{:?}", response.resources);
    }
    Ok(())
}

/// What `istioctl admin log` and `heddlectl admin log` do.
#[tokio::test]
async fn log_levels_change_while_heddled_runs() -> Result<()> {
    let control = ControlSetup::new()?.with("objects", OBJECTS)?.start(&["--log_output_level=default:info"]).await?;
    let address = control.address("levels")?;
    let scopes: Value = serde_json::from_str(&Call::get(address, "/scopej")?.send().await?.body)?;
    let ads = scopes.as_array().context("a list")?.iter().find(|scope| scope["name"] == "ads").context("ads")?;
    assert_eq!((&ads["output_level"], &ads["stack_trace_level"]), (&json!("info"), &json!("none")));

    let pushes = || control.process.log().matches("\"pushed\"").count();
    let mut stream = control.stream(web()).await?;
    stream.subscribe(CLUSTER, &[]).await?;
    stream.accept(CLUSTER, SOON).await?;
    assert_eq!(pushes(), 0);
    let address = address.to_string();
    let output = product::heddlectl(["admin", "log", "--address", &address, "--level", "ads:debug"])?.output()?;
    let table = String::from_utf8(output.stdout)?;
    assert!(output.status.success() && table.contains("ads        debug"), "{table}");
    let mut stream = control.stream(web()).await?;
    stream.subscribe(CLUSTER, &[]).await?;
    stream.accept(CLUSTER, SOON).await?;
    eventually("a push in the log", SOON, async || pushes() > 0).await?;
    assert!(!control.process.log().contains("\"target\":\"h2"), "a library logs its events");
    for level in ["ads:loud", "nobody:debug"] {
        let output = product::heddlectl(["admin", "log", "--address", &address, "--level", level])?.output()?;
        assert_eq!(output.status.code(), Some(2), "{level}");
    }
    Ok(())
}
