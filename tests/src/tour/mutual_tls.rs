//! Step 12: only callers with a certificate, and what is known of them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::stage::Stage;
use crate::http::Call;
use crate::process::eventually;

const STRICT: &str = "
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: default}
spec:
  mtls: {mode: STRICT}
";

const CALLER: &str = "spiffe://cluster.local/ns/default/sa/bookinfo-productpage";
/// A path of which there is no other request, by which the line in the log is found.
const PATH: &str = "/ratings/mutualtls";

pub(super) async fn run(mesh: &mut impl Stage) -> Result<String> {
    let ratings = mesh.application("ratings-v1")?;
    let plain = Call::get(mesh.ingress("ratings-v1")?, "/ratings/0")?;
    let before = plain.clone().send().await.context("plain text while PERMISSIVE")?;
    ensure!(before.status == 200, "plain text while PERMISSIVE: {}", before.status);
    mesh.put("strict", STRICT).await?;
    eventually("refusal of plain text", Duration::from_secs(10), async || plain.clone().send().await.is_err()).await?;
    let seen = ratings.requests().await?;
    ensure!(plain.send().await.is_err(), "plain text was answered again");
    ensure!(ratings.requests().await? == seen, "plain text reached the application");

    let answer = mesh.call_from("productpage-v1", &format!("http://ratings:9080{PATH}")).await?.send().await?;
    ensure!(answer.status == 200, "a call with a certificate: {} {}", answer.status, answer.body);
    let caller = answer.json()?["caller"].clone();
    ensure!(caller == CALLER, "the caller is {caller}");
    let line = logged(mesh).await?;
    ensure!(line["method"] == "GET", "the log shows no HTTP: {line}");
    ensure!(line["upstream_cluster"].as_str().is_some_and(|name| name.starts_with("inbound|")), "not inbound: {line}");
    Ok(format!("plain text refused; caller {CALLER}; log: {} {PATH} {}", text(&line["method"]), line["response_code"]))
}

/// The line of the inbound access log for [`PATH`]. Envoy writes its log now and then, not at once.
async fn logged(mesh: &impl Stage) -> Result<Value> {
    let mut line = Value::Null;
    eventually("line of the access log", Duration::from_secs(20), async || {
        let log = mesh.log("ratings-v1").unwrap_or_default();
        let found = log.lines().find(|line| line.starts_with('{') && line.contains(PATH));
        line = found.and_then(|found| serde_json::from_str(found).ok()).unwrap_or_default();
        !line.is_null()
    })
    .await?;
    Ok(line)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
