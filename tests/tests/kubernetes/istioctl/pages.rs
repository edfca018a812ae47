//! The pages that `istioctl x internal-debug` shows.

use anyhow::{Context, Result, ensure};
use heddle_tests::control::Control;
use heddle_tests::xds_client::{CLUSTER, ENDPOINT, node};
use heddle_xds_api::envoy::config::core::v3::Locality;
use serde_json::{Value, json};
use tonic::Code;

use super::{OBJECTS, PAGE, SOON, ask, page, proxy};

const NAMES: &str = "type.googleapis.com/istio.networking.nds.v1.NameTable";

#[tokio::test]
async fn internal_debug_shows_pages_and_knows_what_is_none() -> Result<()> {
    let control = Control::start(OBJECTS).await?;
    let _proxy = proxy(&control, "web", "shop").await?;
    let (secure, root) = (control.channel(None).await?, (&control, "istio-system"));
    let sync: Value = serde_json::from_str(&page(&secure, root, "syncz").await?)?;
    ensure!(sync[0]["proxy"] == "web.shop", "{sync}");
    let none: Value = serde_json::from_str(&page(&secure, root, "syncz?namespace=bank").await?)?;
    ensure!(none == json!([]), "{none}");
    let list: Vec<String> = serde_json::from_str(&page(&secure, root, "list").await?)?;
    ensure!(list.iter().any(|name| name == "clusterz"), "{list:?}");
    for (name, words) in [
        ("nothing", "404 page not found"),
        ("config_dump", "You must provide a proxyID in the query string"),
        ("config_dump?proxyID=web.elsewhere", "Proxy not connected to this Pilot instance."),
    ] {
        let text = page(&secure, root, name).await?;
        ensure!(text.contains(words), "{name}: {text}");
    }
    let many = ask(&secure, Some(root), PAGE, &["syncz", "list"]).await.err().map(|status| status.code());
    ensure!(many == Some(Code::InvalidArgument), "{many:?}");
    Ok(())
}

#[tokio::test]
async fn pages_of_proxies_have_the_fields_of_istiods() -> Result<()> {
    // A host without an address is in no name table.
    let control = Control::start(&OBJECTS.replace("resolution:", "addresses: [240.240.0.9]\n  resolution:")).await?;
    let place = json!({"region": "eu", "zone": "eu-a"});
    let mut of = node(
        "sidecar~10.0.0.9~web.shop~shop.svc.cluster.local",
        &json!({"NAMESPACE": "shop", "LABELS": {"app": "web"}, "DNS_CAPTURE": "true"}),
    );
    of.locality = Some(Locality { region: "eu".into(), zone: "eu-a".into(), ..Locality::default() });
    let mut stream = control.stream(of.clone()).await?;
    stream.subscribe(CLUSTER, &[]).await?;
    stream.accept(CLUSTER, SOON).await?;
    stream.accept(ENDPOINT, SOON).await?;
    // The agent's own stream, which is newer.
    let mut names = control.stream(of).await?;
    names.subscribe(NAMES, &[]).await?;
    names.accept(NAMES, SOON).await?;

    let (secure, root) = (control.channel(None).await?, (&control, "istio-system"));
    let clients: Value = serde_json::from_str(&page(&secure, root, "adsz").await?)?;
    ensure!(clients["totalClients"].is_number(), "{clients}");
    let client =
        clients["clients"].as_array().into_iter().flatten().find(|client| client["watches"].get(CLUSTER).is_some());
    let client = client.context("a client")?;
    ensure!(["connectionId", "connectedAt", "address"].iter().all(|key| client[key].is_string()), "{client}");
    ensure!(client["locality"] == place && client["labels"] == json!({"app": "web"}), "{client}");
    ensure!(client["metadata"]["NAMESPACE"] == "shop" && client["watches"][ENDPOINT].is_null(), "{client}");
    ensure!(client["watchCounts"].is_object(), "{client}");

    let endpoints: Value = serde_json::from_str(&page(&secure, root, "edsz?proxyID=web.shop").await?)?;
    let name = "outbound|80||a.example";
    ensure!(endpoints.as_array().is_some_and(|all| all.iter().any(|one| one["clusterName"] == name)), "{endpoints}");
    let table: Value = serde_json::from_str(&page(&secure, root, "ndsz?proxyID=web.shop").await?)?;
    ensure!(table["table"]["a.example"]["ips"].is_array(), "{table}");
    let dump: Value = serde_json::from_str(&page(&secure, root, "config_dump?proxyID=web.shop").await?)?;
    ensure!(dump["configs"][0]["dynamicActiveClusters"].as_array().is_some_and(|all| !all.is_empty()), "{dump}");
    for page in ["edsz", "ndsz"] {
        let path = format!("{page}?proxyID=web.shop");
        ensure!(ask(&secure, Some((&control, "shop")), PAGE, &[&path]).await.is_ok(), "{page} of the own namespace");
        let refused = ask(&secure, Some((&control, "bank")), PAGE, &[&path]).await.err().map(|status| status.code());
        ensure!(refused == Some(Code::PermissionDenied), "{page}: {refused:?}");
    }
    Ok(())
}
