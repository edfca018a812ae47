//! Folders of files: what is written there reaches proxies at once, and what cannot be read harms nobody and is told
//! of.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use heddle_tests::control::Control;
use heddle_tests::process::eventually;
use heddle_tests::xds_client::{CLUSTER, DeltaClient, ENDPOINT, node};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);

fn service(name: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{hosts: [{name}.test], resolution: STATIC, ports: [{{number: 80, name: http, protocol: HTTP}}],\n\
         endpoints: [{{address: 10.0.0.1}}]}}\n---\n"
    )
}

async fn stream(control: &Control) -> Result<DeltaClient> {
    let node = node("sidecar~10.0.0.9~web.shop~shop.svc.cluster.local", &json!({"NAMESPACE": "shop"}));
    let mut stream = control.stream(node).await?;
    stream.subscribe(CLUSTER, &[]).await?;
    stream.accept(CLUSTER, SOON).await?;
    // Endpoints go with their clusters, unasked.
    stream.accept(ENDPOINT, SOON).await?;
    Ok(stream)
}

fn services(stream: &DeltaClient) -> Vec<String> {
    let held = stream.held(CLUSTER);
    held.into_keys().filter_map(|name| Some(name.strip_prefix("outbound|80||")?.to_owned())).collect()
}

/// Takes what comes until just these services are held. What goes is told after what comes.
async fn until(stream: &mut DeltaClient, want: &[&str]) -> Result<()> {
    while services(stream) != want {
        let response = stream.next(SOON).await.with_context(|| format!("{want:?}, not {:?}", services(stream)))?;
        stream.ack(&response).await?;
    }
    Ok(())
}

async fn issues(control: &Control) -> Result<Vec<Value>> {
    Ok(serde_json::from_value(control.json("/debug/issuez").await?)?)
}

#[tokio::test]
async fn files_that_come_and_go_are_followed() -> Result<()> {
    let control = Control::start(&service("a")).await?;
    let mut stream = stream(&control).await?;
    assert_eq!(services(&stream), ["a.test"]);
    control.put("more", &(service("b") + &service("c")))?;
    until(&mut stream, &["a.test", "b.test", "c.test"]).await?;
    control.put("more", &service("c"))?;
    until(&mut stream, &["a.test", "c.test"]).await?;
    control.config.remove("more")?;
    until(&mut stream, &["a.test"]).await?;
    Ok(())
}

#[tokio::test]
async fn a_file_that_does_not_parse_keeps_its_objects_and_is_told_of_by_line() -> Result<()> {
    let control = Control::start(&service("a")).await?;
    let mut stream = stream(&control).await?;
    control.put("objects", &(service("b") + "kind: [unclosed\n"))?;
    until(&mut stream, &["a.test", "b.test"]).await?;
    let told = issues(&control).await?;
    let file = control.config.path().join("objects.yaml");
    ensure!(told.len() == 1 && told[0]["file"] == file.to_string_lossy().as_ref(), "{told:?}");
    ensure!(told[0]["field"].as_str().is_some_and(|field| field.starts_with("line ")), "{told:?}");
    assert!((control.metric("heddle_issues{reason=\"Unreadable\",severity=\"Error\"}").await? - 1.0).abs() < 0.1);
    control.put("objects", &service("b"))?;
    until(&mut stream, &["b.test"]).await?;
    eventually("no issue", SOON, async || issues(&control).await.is_ok_and(|issues| issues.is_empty())).await
}

#[tokio::test]
async fn an_object_in_two_files_counts_once_and_is_told_of() -> Result<()> {
    let control = Control::start(&service("a")).await?;
    let mut stream = stream(&control).await?;
    control.put("zz-override", &service("a").replace("number: 80", "number: 81"))?;
    until(&mut stream, &[]).await?;
    eventually("issue", SOON, async || {
        issues(&control).await.is_ok_and(|issues| issues.iter().any(|issue| issue["reason"] == "Overruled"))
    })
    .await?;
    control.config.remove("zz-override")?;
    until(&mut stream, &["a.test"]).await?;
    eventually("no issue", SOON, async || issues(&control).await.is_ok_and(|issues| issues.is_empty())).await
}

#[tokio::test]
async fn an_edit_that_changes_nothing_pushes_nothing() -> Result<()> {
    let control = Control::start(&service("a")).await?;
    let mut stream = stream(&control).await?;
    control.put("objects", &("# a comment\n".to_owned() + &service("a")))?;
    stream.silent(Duration::from_millis(300)).await
}

#[tokio::test]
async fn the_settings_of_the_mesh_are_followed_too() -> Result<()> {
    let control = Control::start(&service("a")).await?;
    let trust = async || Ok::<_, anyhow::Error>(control.json("/debug/mesh").await?["connectTimeout"].clone());
    assert_eq!(trust().await?, "10s");
    let mesh = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\n\
                data: {mesh: 'connectTimeout: 3s'}\n";
    control.put("mesh", mesh)?;
    eventually("three seconds", SOON, async || trust().await.is_ok_and(|value| value == "3s")).await
}
