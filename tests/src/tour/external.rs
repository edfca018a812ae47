//! Step 10: services outside of the mesh, declared and not, and a mesh that lets out only what is declared.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::stage::Stage;
use crate::echo::Echo;
use crate::process::eventually;

pub(super) async fn run(mesh: &mut impl Stage) -> Result<String> {
    let declared = Echo::start("bookshop", &format!("{}:0", mesh.elsewhere())).await?;
    let (listen, host) = mesh.unknown();
    let unknown = Echo::start("unknown", &listen.to_string()).await?;
    mesh.put("bookshop", &service_entry(&declared)).await?;
    let shop = mesh.call_from("productpage-v1", "http://bookshop.example.com/").await?;
    eventually("declared service", Duration::from_secs(10), async || {
        matches!(shop.clone().send().await,
            Ok(answer) if answer.status == 200 && answer.json().is_ok_and(|said| said["name"] == "bookshop"))
    })
    .await?;
    let elsewhere = format!("http://{host}:{}/hello", unknown.address.port());
    let elsewhere = mesh.call_from("productpage-v1", &elsewhere).await?;
    let before = unknown.hits();
    let reached = elsewhere.clone().send().await?;
    ensure!(reached.status == 200, "unknown host: {} {}", reached.status, reached.body);
    ensure!(
        reached.json()?["name"] == "unknown" && unknown.hits() == before + 1,
        "another host answered: {}",
        reached.body
    );

    registry_only(mesh).await?;
    eventually(
        "refusal of the unknown host",
        Duration::from_secs(10),
        async || matches!(elsewhere.clone().send().await, Ok(answer) if answer.status == 502),
    )
    .await?;
    let hits = unknown.hits();
    let refused = elsewhere.send().await?;
    ensure!(refused.status == 502 && unknown.hits() == hits, "refused with {} but reached", refused.status);
    let still = shop.send().await.context("declared service under REGISTRY_ONLY")?;
    ensure!(still.status == 200, "declared service under REGISTRY_ONLY: {}", still.status);
    Ok("declared 200; unknown 200, under REGISTRY_ONLY 502 and not reached; declared still 200".to_owned())
}

fn service_entry(echo: &Echo) -> String {
    format!(
        "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: bookshop, namespace: default}}
spec:
  hosts: [bookshop.example.com]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP, targetPort: {}}}]
  endpoints: [{{address: {}}}]
",
        echo.address.port(),
        echo.address.ip()
    )
}

async fn registry_only(mesh: &impl Stage) -> Result<()> {
    mesh.edit("ConfigMap", "istio", |map| {
        let mesh = map["data"]["mesh"].as_str().unwrap_or_default();
        map["data"]["mesh"] = mesh.replace("ALLOW_ANY_DYNAMIC_DNS", "REGISTRY_ONLY").into();
    })
    .await
}
